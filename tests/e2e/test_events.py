"""Kubernetes Events: on transitions only, and what happens again and again is one with a count."""

from collections.abc import Callable
from typing import Any

from support.bulkhead import Controller
from support.jetstream import JetStream
from support.kubectl import Kubectl
from support.manifests import condition, tenant
from support.waiting import eventually

CREATED = 'bulkhead_events_total{result="created"}'
COUNTED = 'bulkhead_events_total{result="counted"}'


def events(kubectl: Kubectl, reason: str) -> list[dict[str, Any]]:
    found = kubectl.list("events.events.k8s.io")
    return [event for event in found if event["reason"] == reason]


def repair(kubectl: Kubectl, jetstream: JetStream) -> None:
    """Changes the stream by hand, and waits until the controller has put it back."""
    jetstream.update_stream("TENANT_ACME", max_msgs=5)
    eventually(
        lambda: jetstream.stream("TENANT_ACME")["config"]["max_msgs"] == 100, "it is put back"
    )


def start(new_controller: Callable[..., Controller], kubectl: Kubectl) -> Controller:
    controller = new_controller("--status-interval=500ms", "--resync=1s").start()
    kubectl.apply(tenant("acme", stream={"maxMsgs": 100}, consumers=["audit"]))
    kubectl.wait("tenant", "acme")
    return controller


def count(kubectl: Kubectl, reason: str) -> int:
    """How often it happened, as the only Event of its kind says."""
    (event,) = events(kubectl, reason)
    return int(event.get("series", {}).get("count", 1))


def look(kubectl: Kubectl, request: str) -> None:
    """Asks for a look, and waits until it was taken."""
    kubectl.run("annotate", "--overwrite", "tenant", "acme", f"bulkhead.dev/reconcile-at={request}")
    eventually(
        lambda: kubectl.get("tenant", "acme")["status"]["lastHandledReconcileAt"] == request,
        "the look was taken",
    )


def test_what_happens_again_and_again_is_one_event_with_a_count(
    new_controller: Callable[..., Controller], kubectl: Kubectl, jetstream: JetStream
) -> None:
    controller = start(new_controller, kubectl)
    repair(kubectl, jetstream)
    (first,) = eventually(lambda: events(kubectl, "Reconciled"), "an Event tells of the repair")
    acme = kubectl.get("tenant", "acme")
    assert "maxMsgs 5 -> 100" in first["note"]
    assert first["type"] == "Normal"
    assert first["action"] == "Reconcile"
    assert first["reportingController"] == "bulkhead.dev/controller"
    assert first["regarding"]["kind"] == "Tenant"
    assert first["regarding"]["uid"] == acme["metadata"]["uid"]
    assert "series" not in first or first["series"] is None
    repair(kubectl, jetstream)
    eventually(lambda: count(kubectl, "Reconciled") == 2, "the second makes it a series of two")
    for _ in range(3):
        repair(kubectl, jetstream)
    assert count(kubectl, "Reconciled") == 2  # later ones are counted here, and told now and then
    assert controller.metrics()[CREATED] == 1
    assert controller.metrics()[COUNTED] == 1
    controller.stop()
    assert count(kubectl, "Reconciled") == 5


def test_an_event_that_is_gone_is_created_again_with_its_count(
    new_controller: Callable[..., Controller], kubectl: Kubectl, jetstream: JetStream
) -> None:
    start(new_controller, kubectl)
    repair(kubectl, jetstream)
    eventually(lambda: events(kubectl, "Reconciled"), "an Event tells of the repair")
    kubectl.run("delete", "events.events.k8s.io", "--all")
    repair(kubectl, jetstream)
    eventually(lambda: count(kubectl, "Reconciled") == 2, "the Event is back, with its count")


def test_only_transitions_are_events(
    new_controller: Callable[..., Controller], kubectl: Kubectl, jetstream: JetStream
) -> None:
    """A first creation, events that come and looks that are asked for are none."""
    controller = start(new_controller, kubectl)
    for _ in range(5):
        jetstream.publish("tenant.acme.events.paid", b"{}")
    eventually(lambda: kubectl.get("tenant", "acme")["status"]["lag"] == 5, "the lag is shown", 20)
    look(kubectl, "1")
    kubectl.patch("tenant", "acme", {"spec": {"mode": "Observe", "stream": {"maxMsgs": 7}}})
    eventually(
        lambda: condition(kubectl.get("tenant", "acme"), "InSync")["status"] == "False",
        "the difference is seen",
    )
    look(kubectl, "2")
    look(kubectl, "3")
    controller.stop()
    told = [(event["reason"], event["type"]) for event in kubectl.list("events.events.k8s.io")]
    assert told == [("Drifted", "Warning")]
    assert count(kubectl, "Drifted") == 1
