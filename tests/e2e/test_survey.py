"""What is known of all tenants at once: lag by one question, isolation, limits, relays' reports."""

import asyncio
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from support.bulkhead import Controller
from support.jetstream import JetStream
from support.kube_cluster import KubeCluster
from support.kubectl import Kubectl
from support.manifests import condition, stream_name, tenant
from support.nats_server import NatsServer
from support.waiting import eventually

GIB = 1 << 30
CONSUMER_OF_LONG_NAME = "c" * 64
MAX_PAYLOAD = 1 << 20  # of what a client may send; the server itself may send more
ACCOUNTS = """
accounts {
  SYS: { users: [{ user: sys, password: sys }] }
  APP: { jetstream: { max_file: 20GB, max_mem: 1GB }, users: [{ user: app, password: app }] }
}
system_account: SYS
no_auth_user: app
"""


@pytest.fixture
def nats(folder: Path) -> Iterator[NatsServer]:
    """Like the usual one, with a system account, and limits on the tenants' account."""
    with NatsServer(folder / "nats", ACCOUNTS.replace("GB", "GiB")) as server:
        yield server


@pytest.fixture
def system_url(nats: NatsServer) -> str:
    return nats.url.replace("//", "//sys:sys@")


def ready(kubectl: Kubectl, name: str) -> dict[str, Any]:
    kubectl.wait("tenant", name)
    return kubectl.get("tenant", name)


def status_of(kubectl: Kubectl, name: str) -> dict[str, Any]:
    return dict(kubectl.get("tenant", name)["status"])


def has_lag(kubectl: Kubectl, name: str, lag: int) -> bool:
    return bool(status_of(kubectl, name)["lag"] == lag)


def has_handled(kubectl: Kubectl, name: str, request: str) -> bool:
    return bool(status_of(kubectl, name).get("lastHandledReconcileAt") == request)


def api_requests(nats: NatsServer) -> int:
    """Requests that JetStream has answered."""
    return int(nats.monitor("jsz")["api"]["total"])


def test_one_question_brings_the_lag_of_all_without_asking_for_each(
    new_controller: Callable[..., Controller],
    kubectl: Kubectl,
    jetstream: JetStream,
    nats: NatsServer,
    system_url: str,
) -> None:
    flags = [f"--system-url={system_url}", "--status-interval=500ms", "--resync=1h"]
    controller = new_controller(*flags).start()
    names = [f"t{i}" for i in range(20)]
    kubectl.apply(*(tenant(name, consumers=["billing"]) for name in names))
    for name in names:
        ready(kubectl, name)
    before = api_requests(nats)
    for name in names:
        jetstream.publish(f"tenant.{name}.events.invoice-created")
        jetstream.publish(f"tenant.{name}.events.invoice-created")
    for name in names:
        eventually(partial(has_lag, kubectl, name, 2), f"the lag of {name} is 2")
    assert api_requests(nats) == before
    series = 'bulkhead_consumer_pending{tenant="t7",consumer="billing"}'
    assert controller.metrics()[series] == 2
    assert status_of(kubectl, "t7")["stream"]["messages"] == 2


def make_streams(jetstream: JetStream, names: list[str]) -> None:
    """As tenants' streams are, in memory, with two consumers each."""
    streams, consumers = [], []
    for name in names:
        stream = stream_name(name)
        subjects = [f"tenant.{name}.events.*"]
        config = {"name": stream, "subjects": subjects, "storage": "memory"}
        streams.append((f"STREAM.CREATE.{stream}", config))
        for consumer in (CONSUMER_OF_LONG_NAME, "billing"):
            body = {"stream_name": stream, "config": {"name": consumer, "durable_name": consumer}}
            consumers.append((f"CONSUMER.CREATE.{stream}.{consumer}", body))
    jetstream.api_many(streams)
    jetstream.api_many(consumers)


def answer_bytes(system_url: str) -> int:
    """The size of what the server answers when it is asked for all streams and consumers."""
    question = json.dumps({"account": "APP", "streams": True, "consumer": True}).encode()
    with JetStream(system_url) as system:
        ask = system.client.request("$SYS.REQ.SERVER.PING.JSZ", question, timeout=10)
        return len(asyncio.run_coroutine_threadsafe(ask, system._loop).result(20).data)


def most_resident_bytes(controller: Controller) -> int:
    lines = Path(f"/proc/{controller.pid}/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def test_an_answer_of_megabytes_brings_the_lag_of_all_and_takes_little_memory(
    new_controller: Callable[..., Controller],
    kubectl: Kubectl,
    jetstream: JetStream,
    system_url: str,
) -> None:
    """Most streams are those of Tenants that this controller does not have: they count as well."""
    others = [f"{i:05}-{'x' * 34}" for i in range(2000)]
    make_streams(jetstream, others)
    controller = new_controller(f"--system-url={system_url}", "--status-interval=500ms").start()
    lags = {f"t{i:02}": i % 7 + 1 for i in range(50)}
    kubectl.apply(*(tenant(name, consumers=["billing"]) for name in lags))
    kubectl.run("wait", "--for=condition=Ready", "tenant", "--all", "--timeout=30s")
    for name, lag in lags.items():
        for _ in range(lag):
            jetstream.publish(f"tenant.{name}.events.invoice-created")

    def lags_shown() -> dict[str, int]:
        return {t["metadata"]["name"]: t["status"]["lag"] for t in kubectl.list("tenants")}

    eventually(lambda: lags_shown() == lags, "each lag is right", timeout=20)
    size = answer_bytes(system_url)
    assert size > MAX_PAYLOAD
    assert controller.metrics()['bulkhead_server_counts_total{result="success"}'] > 2
    allowed = (10 << 20) + (4 << 10) * (len(others) + len(lags)) + size
    assert most_resident_bytes(controller) < allowed


def test_a_system_account_that_does_not_answer_costs_nothing_but_requests(
    new_controller: Callable[..., Controller],
    kubectl: Kubectl,
    jetstream: JetStream,
    nats: NatsServer,
) -> None:
    """The user given for the system account is an ordinary one: lists do as well."""
    app = nats.url.replace("//", "//app:app@")
    flags = [f"--system-url={app}", "--status-interval=500ms", "--resync=1s"]
    controller = new_controller(*flags).start()
    kubectl.apply(tenant("acme", consumers=["billing"]))
    ready(kubectl, "acme")
    jetstream.publish("tenant.acme.events.invoice-created")
    eventually(lambda: status_of(kubectl, "acme")["lag"] == 1, "the lag is 1", timeout=20)
    assert "the numbers of all tenants cannot be read at once" in controller.tail()


def test_a_stream_that_reaches_into_a_tenant_is_named_and_blocks_nobody(
    new_controller: Callable[..., Controller], kubectl: Kubectl, jetstream: JetStream
) -> None:
    new_controller("--resync=1s", "--status-interval=1s").start()
    kubectl.apply(tenant("acme"), tenant("globex"))
    assert condition(ready(kubectl, "acme"), "Isolated")["status"] == "True"
    ready(kubectl, "globex")
    jetstream.create_stream(name="SPY", sources=[{"name": "TENANT_ACME"}])
    jetstream.create_stream(
        name="PUSHY",
        subjects=["orders"],
        republish={"src": "orders", "dest": "tenant.acme.events.x"},
    )
    kubectl.run("wait", "--for=condition=Isolated=False", "tenant/acme", "--timeout=20s")

    def named() -> bool:
        message = str(condition(kubectl.get("tenant", "acme"), "Isolated")["message"])
        return "SPY copies" in message and "PUSHY republishes" in message

    eventually(named, "both streams are named", timeout=20)
    assert condition(kubectl.get("tenant", "acme"), "Ready")["status"] == "True"
    assert condition(kubectl.get("tenant", "globex"), "Isolated")["status"] == "True"
    jetstream.delete_stream("SPY")
    jetstream.delete_stream("PUSHY")
    kubectl.run("wait", "--for=condition=Isolated", "tenant/acme", "--timeout=20s")


def test_what_stands_on_the_second_page_of_a_list_is_seen(
    new_controller: Callable[..., Controller], kubectl: Kubectl, jetstream: JetStream
) -> None:
    """Lists have 256 streams or consumers a page, in the order of their names."""
    many = [f"A{n}" for n in range(256)]
    jetstream.api_many([(f"STREAM.CREATE.{s}", {"name": s, "subjects": [s]}) for s in many])
    new_controller("--resync=1s", "--status-interval=500ms").start()
    kubectl.apply(tenant("acme", consumers=["billing"]))
    ready(kubectl, "acme")
    config = {"ack_policy": "explicit", "mem_storage": True}
    jetstream.api_many(
        [
            (
                f"CONSUMER.CREATE.TENANT_ACME.{c}",
                {"stream_name": "TENANT_ACME", "config": config | {"name": c, "durable_name": c}},
            )
            for c in many
        ]
    )
    jetstream.create_stream(name="Z", subjects=["tenant.acme.other"])
    jetstream.publish("tenant.acme.events.paid", b"{}")
    eventually(lambda: has_lag(kubectl, "acme", 1), "the lag of the last consumer is shown", 20)
    eventually(
        lambda: "stream Z takes" in condition(kubectl.get("tenant", "acme"), "Isolated")["message"],
        "the last stream is looked at",
        20,
    )


def test_what_does_not_fit_is_said_with_numbers_and_heals(
    new_controller: Callable[..., Controller], kubectl: Kubectl, jetstream: JetStream
) -> None:
    new_controller().start()
    kubectl.apply(tenant("acme", stream={"maxBytes": "17Gi"}))
    ready(kubectl, "acme")
    kubectl.apply(tenant("globex", stream={"maxBytes": "10Gi"}))
    kubectl.wait("tenant", "globex", "Stalled")
    why = condition(kubectl.get("tenant", "globex"), "Stalled")
    assert why["reason"] == "InsufficientResources"
    assert "needs 10Gi of file storage, 3Gi of 20Gi are free in the NATS account" in why["message"]
    assert jetstream.streams() == ["TENANT_ACME"]
    kubectl.apply(tenant("globex", stream={"maxBytes": "3Gi"}))
    ready(kubectl, "globex")


def test_what_the_server_has_no_room_for_is_said_with_the_servers_numbers(
    folder: Path, cluster: KubeCluster, kubectl: Kubectl
) -> None:
    """The account has no limit; the server has, and is asked through the system account."""
    options = ACCOUNTS.replace("max_file: 20GB, max_mem: 1GB", "max_file: -1, max_mem: -1")
    with NatsServer(folder / "nats", options) as nats:
        system = nats.url.replace("//", "//sys:sys@")
        flags = [f"--system-url={system}", "--status-interval=500ms"]
        with Controller(folder / "controller", cluster.kubeconfig, nats.url, flags):
            kubectl.apply(tenant("acme", stream={"maxBytes": "999Gi"}))
            kubectl.wait("tenant", "acme", "Stalled")
            why = condition(kubectl.get("tenant", "acme"), "Stalled")
    assert why["reason"] == "InsufficientResources"
    assert "insufficient storage resources available" in why["message"]
    assert "it needs 999Gi of file storage on 1 server" in why["message"]


def test_a_requested_look_is_acknowledged(
    new_controller: Callable[..., Controller], kubectl: Kubectl
) -> None:
    new_controller().start()
    kubectl.apply(tenant("acme"))
    ready(kubectl, "acme")
    requests = {"bulkhead.dev/reconcile-at": "1", "reconcile.fluxcd.io/requestedAt": "2"}
    for key, value in requests.items():
        kubectl.run("annotate", "tenant", "acme", f"{key}={value}")
        eventually(partial(has_handled, kubectl, "acme", value), "the request came back")


class FakeRelay:
    """Reports as a relay does."""

    def __init__(self, jetstream: JetStream, database: str, interval_ms: int = 60_000) -> None:
        self.jetstream = jetstream
        self.database = database
        self.interval_ms = interval_ms
        self.second = 0

    def report(self, **rows: tuple[int, int, int]) -> None:
        """`rows` are (pending, oldest in seconds, dead) by tenant."""
        self.second += 1
        tenants = [
            {
                "id": name,
                "pending": pending,
                "oldestPendingSeconds": oldest,
                "dead": dead,
            }
            for name, (pending, oldest, dead) in sorted(rows.items())
        ]
        self.send(
            {
                "instance": "relay-1",
                "database": self.database,
                "at": f"2026-01-01T00:00:{self.second:02}Z",
                "intervalMs": self.interval_ms,
                "after": "",
                "through": "",
                "tenants": tenants,
            }
        )

    def send(self, message: Any) -> None:
        client = self.jetstream.client
        data = json.dumps(message).encode()

        async def go() -> None:
            await client.publish("bulkhead.relay.report.relay-1", data)
            await client.flush()

        asyncio.run_coroutine_threadsafe(go(), self.jetstream._loop).result(10)


def outbox_of(kubectl: Kubectl, name: str) -> tuple[int, int, int] | None:
    found = status_of(kubectl, name).get("outbox")
    if found is None:
        return None
    return found["pending"], found["oldestPendingSeconds"], found["dead"]


def test_what_the_relays_report_is_added_up_in_the_status(
    new_controller: Callable[..., Controller], kubectl: Kubectl, jetstream: JetStream
) -> None:
    controller = new_controller("--status-interval=500ms").start()
    kubectl.apply(tenant("acme", slo={"latency": "30s"}), tenant("globex"))
    ready(kubectl, "acme")
    ready(kubectl, "globex")
    assert outbox_of(kubectl, "acme") is None
    shop, billing = FakeRelay(jetstream, "shop"), FakeRelay(jetstream, "billing")
    shop.report(acme=(12345, 3, 0))
    billing.report(acme=(5, 20, 0))
    eventually(lambda: outbox_of(kubectl, "acme") == (12300, 20, 0), "both databases count")
    eventually(lambda: outbox_of(kubectl, "globex") == (0, 0, 0), "who is not listed has nothing")
    row = kubectl.run("get", "tenants", "acme", "--no-headers").split()
    assert row[3] == "12300"
    kubectl.wait("tenant", "acme", "Delivering")
    shop.report(acme=(1, 40, 0))
    kubectl.run("wait", "--for=condition=Delivering=False", "tenant/acme", "--timeout=20s")
    assert condition(kubectl.get("tenant", "acme"), "Delivering")["reason"] == "OutboxBehind"
    assert condition(kubectl.get("tenant", "acme"), "Ready")["status"] == "True"
    shop.report(acme=(0, 0, 2))
    billing.report()
    eventually(lambda: outbox_of(kubectl, "acme") == (0, 0, 2), "dead rows are shown")
    dead = condition(kubectl.get("tenant", "acme"), "Delivering")
    assert dead["reason"] == "DeadRows"
    shop.send({"nonsense": True})
    refused = 'bulkhead_relay_reports_total{result="refused"}'
    eventually(lambda: controller.metrics().get(refused) == 1, "nonsense is refused")
    before = kubectl.get("tenant", "acme")["metadata"]["resourceVersion"]
    shop.report(acme=(0, 0, 2))
    shop.report(acme=(0, 0, 2))
    taken = 'bulkhead_relay_reports_total{result="taken"}'
    eventually(lambda: controller.metrics().get(taken) == 7, "the last report was taken")
    assert kubectl.get("tenant", "acme")["metadata"]["resourceVersion"] == before


def test_a_relay_that_falls_silent_is_forgotten(
    new_controller: Callable[..., Controller], kubectl: Kubectl, jetstream: JetStream
) -> None:
    new_controller("--status-interval=500ms").start()
    kubectl.apply(tenant("acme"))
    ready(kubectl, "acme")
    FakeRelay(jetstream, "shop", interval_ms=500).report(acme=(4, 1, 0))
    eventually(lambda: outbox_of(kubectl, "acme") == (4, 1, 0), "the report is shown")
    eventually(lambda: outbox_of(kubectl, "acme") is None, "it is forgotten")
