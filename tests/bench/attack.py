"""What strangers can do to the webhook, and what its answers tell them: nothing, it should be."""

import concurrent.futures
import json
import os
import random
import socket
import statistics
import time
from typing import Any

from bench.fleet import Fleet, resident_kb
from bench.lanes import ask
from bench.onboarding import Webhook, raw
from support.hostile import SlowClients, hostile, share_of_slower
from support.webhook import PATH, Delivery, Sender, check_discreet, created, status, versions

ATTACKERS = 8
REPLAYS = 20
VARYING = ("request",)  # members of an answer that differ from one request to the next


def attack(fleet: Fleet, webhook: Webhook, requests: int) -> dict[str, Any]:
    """Replays, forged signatures, broken, huge and slow bodies, odd encodings, all at once."""
    replays = [created(f"acme-{n}") for n in range(REPLAYS)]
    with webhook.senders(1) as (connection,):
        for delivery in replays:
            assert ask(connection, raw(delivery))[0] == 202
    before = versions(fleet.cluster.kubectl)
    port = webhook.program.webhook_port
    began = time.monotonic()
    with (
        SlowClients(port) as slow,
        concurrent.futures.ThreadPoolExecutor(ATTACKERS) as pool,
    ):
        each = requests // ATTACKERS
        parts = pool.map(lambda number: _one(port, number, each, replays), range(ATTACKERS))
        codes = [code for part in parts for code in part]
        seconds = time.monotonic() - began
    changed = versions(fleet.cluster.kubectl) != before
    fleet.clear()
    return {
        "requests": len(codes),
        "seconds": seconds,
        "codes": {str(code): codes.count(code) for code in sorted(set(codes))},
        "slow_clients_cut_off": slow.cut_off,
        "changed_tenants": changed,
        "resident_kb": resident_kb(webhook.program),
        "load": os.getloadavg()[0],
    }


def _one(port: int, number: int, count: int, replays: list[Delivery]) -> list[int]:
    dice = random.Random(number)
    codes = []
    with Sender(port) as sender:
        for _ in range(count):
            answer = sender.send(hostile(dice, replays))
            check_discreet(answer)
            codes.append(answer.code)
    return codes


def leaks(fleet: Fleet, webhook: Webhook, times: int) -> list[dict[str, Any]]:
    """Pairs of requests that a stranger would like to tell apart, in a random order."""
    good = created("known")
    with webhook.senders(1) as (connection,):
        assert ask(connection, raw(good))[0] == 202
        found = [
            _pair(connection, what, one, other, times)
            for what, one, other in (
                (
                    "signature: first character wrong, last character wrong",
                    _forged(good, 3),
                    _forged(good, -2),
                ),
                (
                    "event id: handled before, never seen",
                    _forged(good, 3),
                    _forged(created("known"), 3),
                ),
                (
                    "account: has a Tenant, has none",
                    _forged(created("known"), 3),
                    _forged(created("wonkn"), 3),
                ),
                (
                    "state of a Tenant: there is one, there is none",
                    _forged(status("known"), 3),
                    _forged(status("wonkn"), 3),
                ),
                (
                    "state, without a signature: there is one, there is none",
                    Delivery({}, b"", f"{PATH}/known", "GET"),
                    Delivery({}, b"", f"{PATH}/wonkn", "GET"),
                ),
            )
        ]
    fleet.clear()
    return found


def _forged(delivery: Delivery, place: int) -> Delivery:
    """With one character of the signature replaced."""
    text = delivery.headers["webhook-signature"]
    other = "A" if text[place] != "A" else "B"
    place %= len(text)
    forged = text[:place] + other + text[place + 1 :]
    return Delivery(
        delivery.headers | {"webhook-signature": forged},
        delivery.body,
        delivery.path,
        delivery.method,
    )


def _pair(
    connection: socket.socket, what: str, one: Delivery, other: Delivery, times: int
) -> dict[str, Any]:
    requests = {"one": raw(one), "other": raw(other)}
    taken: dict[str, list[float]] = {name: [] for name in requests}
    answers: dict[str, set[str]] = {name: set() for name in requests}
    order = list(requests) * times
    random.Random(what).shuffle(order)
    for name in order:
        began = time.perf_counter()
        code, body = ask(connection, requests[name])
        taken[name].append(time.perf_counter() - began)
        content = {k: v for k, v in json.loads(body).items() if k not in VARYING}
        answers[name].add(f"{code} {json.dumps(content, sort_keys=True)}")
    return {
        "what": what,
        "times": times,
        "median_one": statistics.median(taken["one"]),
        "median_other": statistics.median(taken["other"]),
        "slower": share_of_slower(taken["one"], taken["other"]),
        "same_text": answers["one"] == answers["other"] and len(answers["one"]) == 1,
    }
