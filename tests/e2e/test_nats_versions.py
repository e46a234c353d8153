"""The core of what the controller does, on each release line of NATS that it works with."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.bulkhead import Controller
from support.jetstream import ApiError, JetStream
from support.kubectl import Kubectl
from support.manifests import condition, tenant
from support.nats_server import NatsServer
from support.waiting import eventually

SECOND = 1_000_000_000
NEWEST = ""  # the one that all other tests run on
LINES = ["2.10", "2.11", "2.12", "2.14", NEWEST]
# Of each line a field that the next one brought, and how a refusal says so.
TOO_NEW = {
    "2.10": ("allowMsgTTL", "needs NATS 2.11 (API level 1); the server has level 0"),
    "2.11": ("allowAtomic", "needs NATS 2.12 (API level 2); the server has level 1"),
    "2.12": ("allowBatched", "needs NATS 2.14 (API level 4); the server has level 3"),
}
SPEC = {
    "stream": {"maxAge": "168h", "maxBytes": "10Mi", "maxMsgs": 100, "duplicateWindow": "3m"},
    "limits": {"maxConsumers": 5, "eventsPerSecond": 50, "burst": 100},
    "consumers": [
        {"name": "billing", "eventTypes": ["paid"], "ackWait": "45s", "maxDeliver": 5},
        "audit",
    ],
}


def line_name(line: str) -> str:
    return line or "newest"


@pytest.fixture
def nats(folder: Path, line: str) -> Iterator[NatsServer]:
    with NatsServer(folder / "nats", line=line) as server:
        assert str(server.monitor("varz")["version"]).startswith(line or "2.")
        yield server


def ready(kubectl: Kubectl, name: str) -> dict[str, Any]:
    kubectl.wait("tenant", name)
    return kubectl.get("tenant", name)


def is_there(jetstream: JetStream, stream: str) -> bool:
    try:
        jetstream.stream(stream)
    except ApiError:
        return False
    return True


@pytest.mark.parametrize("line", LINES, ids=line_name)
def test_a_tenant_is_made_kept_counted_changed_and_deleted(
    new_controller: Callable[..., Controller], kubectl: Kubectl, jetstream: JetStream
) -> None:
    new_controller("--status-interval=500ms", "--resync=1s").start()
    kubectl.apply(tenant("acme", deletionPolicy="Delete", **SPEC))
    acme = ready(kubectl, "acme")

    def as_declared() -> bool:
        stream = jetstream.stream("TENANT_ACME")["config"]
        billing = jetstream.consumer("TENANT_ACME", "billing")["config"]
        assert stream["max_msgs"] == 100
        assert stream["subjects"] == ["tenant.acme.events.*"]
        assert billing["ack_wait"] == 45 * SECOND
        assert billing.get("filter_subject") or billing["filter_subjects"]
        return jetstream.consumers("TENANT_ACME") == ["audit", "billing"]

    assert as_declared()
    marks = jetstream.stream("TENANT_ACME")["config"]["metadata"]
    assert marks["bulkhead.dev/uid"] == acme["metadata"]["uid"]
    assert marks["bulkhead.dev/relay.events-per-second"] == "50"

    jetstream.update_stream("TENANT_ACME", max_msgs=5)
    jetstream.delete_consumer("TENANT_ACME", "audit")
    eventually(as_declared, "what was changed by hand is put back", timeout=5)

    for _ in range(7):
        jetstream.publish("tenant.acme.events.paid", b"{}")
    eventually(lambda: kubectl.get("tenant", "acme")["status"]["lag"] == 7, "the lag is 7", 20)
    kept = {"deletionPolicy": "Delete", "limits": SPEC["limits"]}
    kubectl.apply(tenant("acme", consumers=["audit"], **kept))
    ready(kubectl, "acme")
    changed = jetstream.stream("TENANT_ACME")
    assert changed["config"]["max_msgs"] == -1
    assert changed["config"]["max_age"] == 0
    assert changed["state"]["messages"] == 7
    assert jetstream.consumers("TENANT_ACME") == ["audit"]

    kubectl.delete("tenant", "acme")
    assert not is_there(jetstream, "TENANT_ACME")


@pytest.mark.parametrize("line", TOO_NEW, ids=line_name)
def test_a_field_that_the_server_is_too_old_for_is_stalled_with_field_and_version(
    line: str, new_controller: Callable[..., Controller], kubectl: Kubectl, jetstream: JetStream
) -> None:
    field, why = TOO_NEW[line]
    new_controller().start()
    kubectl.apply(tenant("acme", stream={field: True}))
    kubectl.wait("tenant", "acme", "Stalled")
    stalled = condition(kubectl.get("tenant", "acme"), "Stalled")
    assert stalled["reason"] == "ServerTooOld"
    assert f"spec.stream.{field}: {why}" in stalled["message"]
    assert jetstream.streams() == []
    kubectl.apply(tenant("globex"))
    ready(kubectl, "globex")


@pytest.mark.parametrize("line", ["2.11", "2.12"], ids=line_name)
def test_a_change_that_the_server_is_too_old_for_is_stalled_before_anything_is_done(
    line: str, new_controller: Callable[..., Controller], kubectl: Kubectl, jetstream: JetStream
) -> None:
    new_controller().start()
    kubectl.apply(tenant("acme", limits={"maxConsumers": 5}, consumers=["audit", "billing"]))
    ready(kubectl, "acme")
    kubectl.apply(tenant("acme", limits={"maxConsumers": 6}, consumers=["audit"]))
    if line == "2.12":
        ready(kubectl, "acme")
        assert jetstream.stream("TENANT_ACME")["config"]["max_consumers"] == 6
        return
    kubectl.wait("tenant", "acme", "Stalled")
    stalled = condition(kubectl.get("tenant", "acme"), "Stalled")
    assert stalled["reason"] == "ServerTooOld"
    assert "spec.limits.maxConsumers: changing it from 5 to 6" in stalled["message"]
    assert "needs NATS 2.12 (API level 2); the server has level 1" in stalled["message"]
    assert jetstream.consumers("TENANT_ACME") == ["audit", "billing"]
