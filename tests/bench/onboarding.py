"""The webhook against the same writes by hand: rates, times of answers, time to the first event."""

import json
import os
import socket
import ssl
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from bench.fleet import Fleet, difference
from bench.kube_pipe import KubePipe, Write
from bench.lanes import ask, send_all, send_paced
from bench.ready_watch import PATH
from support.bulkhead import Relay, migrate
from support.manifests import stream_name
from support.outbox import Outbox, Row
from support.postgres import Postgres
from support.webhook import Delivery, Provisioner, created, versions

APPLY = "application/apply-patch+yaml"
WORKERS = 16  # of the webhook unless it is told otherwise, and connections of the floor
SENDERS = 32
PACED = 64
TURNS = 3
COLLECTORS = (100, 400)  # Go's default, and one that runs a quarter as often
IN_FLIGHT = 2
VERSION_OF_NOTHING = "1"  # as the webhook writes it: create, or conflict
UNLIMITED = ("--rate=0", "--connections-per-source=0")


class Webhook:
    """The provisioner, and connections of senders to it."""

    def __init__(self, fleet: Fleet, name: str, *flags: str, encrypted: bool = True) -> None:
        pki = fleet.cluster.pki
        tls = [f"--tls-cert={pki / 'server.crt'}", f"--tls-key={pki / 'server.key'}"]
        more = [*UNLIMITED, *(tls if encrypted else []), *flags]
        self.program = Provisioner(fleet.folder / name, fleet.cluster.kubeconfig, more)
        self._trust = ssl.create_default_context(cafile=str(pki / "ca.crt")) if encrypted else None

    @contextmanager
    def senders(self, count: int) -> Iterator[list[socket.socket]]:
        made = [self._connect() for _ in range(count)]
        yield made
        for connection in made:
            connection.close()

    def _connect(self) -> socket.socket:
        address = ("127.0.0.1", self.program.webhook_port)
        plain = socket.create_connection(address, timeout=60)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._trust is None:
            return plain
        return self._trust.wrap_socket(plain, server_hostname="localhost")


def raw(delivery: Delivery, query: str = "") -> bytes:
    """The request as bytes."""
    headers = "".join(f"{name}: {value}\r\n" for name, value in delivery.headers.items())
    length = f"content-length: {len(delivery.body)}\r\n" if delivery.method == "POST" else ""
    first = f"{delivery.method} {delivery.path}{query} HTTP/1.1\r\nHost: webhook\r\n"
    return f"{first}{headers}{length}\r\n".encode() + delivery.body


def account_names(count: int, prefix: str) -> list[str]:
    return [f"{prefix}{number:05}" for number in range(count)]


class Floor:
    """What the webhook writes for an account, learned from one that it made."""

    def __init__(self, fleet: Fleet, webhook: Webhook) -> None:
        self._pipe = KubePipe(fleet.cluster.apiserver, WORKERS)
        with webhook.senders(1) as (connection,):
            code, body = ask(connection, raw(created("sample")))
            assert code == 202, body
        self._sample = fleet.request("GET", f"{PATH}/sample")
        self._pipe.write([self._write("another")])
        other = fleet.request("GET", f"{PATH}/another")
        assert _comparable(other) == _comparable(self._sample), "the floor writes something else"
        fleet.clear()

    def apply(self, names: Sequence[str]) -> float:
        self._pipe.prepare()
        return self._pipe.write([self._write(name) for name in names])

    def answer_times(self, names: Sequence[str], rate: float) -> list[float]:
        return self._pipe.write_paced([self._write(name) for name in names], rate)

    def _write(self, name: str) -> Write:
        metadata = self._sample["metadata"]
        annotations = {k: v.replace("sample", name) for k, v in metadata["annotations"].items()}
        body = {
            "apiVersion": self._sample["apiVersion"],
            "kind": self._sample["kind"],
            "metadata": {
                "name": name,
                "resourceVersion": VERSION_OF_NOTHING,
                "labels": metadata["labels"],
                "annotations": annotations,
            },
            "spec": {"stream": {"maxBytes": "1Mi"}, "consumers": [{"name": "billing"}]},
        }
        return Write("PATCH", f"{PATH}/{name}?fieldManager=bulkhead-provisioner", body, APPLY)


def _comparable(made: dict[str, Any]) -> dict[str, Any]:
    """Without what differs between two objects of one kind: names, moments."""
    metadata = made["metadata"]
    fields = [(e["manager"], e["operation"], e["fieldsV1"]) for e in metadata["managedFields"]]
    return {
        "spec": made["spec"],
        "labels": metadata["labels"],
        "annotations": sorted(metadata["annotations"]),
        "fields": json.dumps(fields, sort_keys=True),
    }


def compare(fleet: Fleet, webhook: Webhook, floor: Floor, count: int, runs: int) -> dict[str, Any]:
    """Floor and webhook by turns, each `runs` times on an empty server."""
    rates: dict[str, list[float]] = {"floor": [], "webhook": []}
    used: dict[str, dict[str, float]] = {}
    for run in range(runs):
        for part in ("floor", "webhook") if run % 2 == 0 else ("webhook", "floor"):
            names = account_names(count, f"r{run}-{part[0]}-")
            before = fleet.cpu_seconds(webhook.program)
            seconds = floor.apply(names) if part == "floor" else through(webhook, names)
            used[part] = difference(fleet.cpu_seconds(webhook.program), before)
            assert len(versions(fleet.cluster.kubectl)) == count
            rates[part].append(count / seconds)
            fleet.clear()
    medians = {part: statistics.median(values) for part, values in rates.items()}
    return {
        "accounts": count,
        "runs": runs,
        **medians,
        "ratio": medians["webhook"] / medians["floor"],
        "rates": rates,
        "cpu": used,
        "load": os.getloadavg()[0],
    }


def through(webhook: Webhook, names: Sequence[str]) -> float:
    requests = [raw(created(name)) for name in names]
    with webhook.senders(SENDERS) as connections:
        return send_all(connections, requests, IN_FLIGHT)


def answer_times(
    fleet: Fleet, webhook: Webhook, floor: Floor, rate: float, seconds: float
) -> dict[str, Any]:
    """At so many events a second, each counted from the moment when it was due.

    All wait while the API server's garbage collector runs, so it is measured twice: with the
    collector as it comes, and with one that runs less often.
    """
    senders = {
        "floor": partial(floor.answer_times, rate=rate),
        "webhook": partial(paced_through, webhook, rate=rate),
    }
    found: dict[str, Any] = {"rate": rate}
    for gogc in COLLECTORS:
        with fleet.collecting(gogc):
            found[f"gogc {gogc}"] = _by_turns(fleet, senders, int(rate * seconds))
    return found | {"load": os.getloadavg()[0]}


def _by_turns(
    fleet: Fleet, senders: Mapping[str, Callable[[list[str]], list[float]]], count: int
) -> dict[str, Any]:
    """Three times each; the medians of what each turn saw."""
    found: dict[str, list[dict[str, float]]] = {part: [] for part in senders}
    for turn in range(TURNS):
        for part in senders if turn % 2 == 0 else reversed(list(senders)):
            fleet.rest()
            found[part].append(_spread(senders[part](account_names(count, f"p{turn}-{part[0]}-"))))
            fleet.clear()
    return {part: _medians(turns) for part, turns in found.items()} | {"turns": found}


def paced_through(webhook: Webhook, names: Sequence[str], rate: float) -> list[float]:
    requests = [raw(created(name)) for name in names]
    with webhook.senders(PACED) as connections:
        return send_paced(connections, requests, rate)


def _medians(turns: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(turn[name] for turn in turns) for name in turns[0]}


def first_events(fleet: Fleet, webhook: Webhook, times: int) -> dict[str, Any]:
    """From the webhook's request to a stream that takes events, and to the first one delivered.

    Controller and relay run; the event is a row that is committed once the webhook said Ready.
    """
    postgres = Postgres(fleet.folder / "postgres").start()
    migrate(postgres.url)
    relay = Relay(fleet.folder / "relay", postgres.url, fleet.nats.url).start()
    outbox = Outbox(postgres)
    ready, delivered = [], []
    with fleet.new_controller(), webhook.senders(1) as (connection,):
        for name in account_names(times, "first-"):
            request = raw(created(name), "?wait=30s")
            began = time.monotonic()
            code, body = ask(connection, request)
            ready.append(time.monotonic() - began)
            assert (code, json.loads(body)["state"]) == (200, "Ready"), body
            outbox.add([Row(name, "invoice-created", b'{"n": 1}')])
            message = fleet.jetstream.next_message(stream_name(name), "billing")
            delivered.append(time.monotonic() - began)
            assert message.data == b'{"n": 1}'
    relay.stop()
    postgres.stop()
    fleet.clear()
    return {"usable": _spread(ready), "delivered": _spread(delivered)}


def _spread(taken: list[float]) -> dict[str, float]:
    ordered = sorted(taken)
    return {
        "median": statistics.median(ordered),
        "p90": ordered[len(ordered) * 9 // 10],
        "p99": ordered[len(ordered) * 99 // 100],
        "worst": ordered[-1],
        "times": len(ordered),
    }
