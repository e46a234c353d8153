"""The controller's own life: a start without NATS, a NATS that hangs, the end, its metrics."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.bulkhead import Controller
from support.condition_rules import TenantHistory
from support.faulty_apiserver import Fault, FaultyApiserver
from support.jetstream import JetStream
from support.kube_cluster import KubeCluster
from support.kubectl import Kubectl
from support.manifests import condition, tenant
from support.nats_server import NatsServer
from support.waiting import eventually

# What dashboards and alerts for controller-runtime and client-go ask for.
SERIES = [
    'controller_runtime_active_workers{controller="tenant"}',
    'controller_runtime_max_concurrent_reconciles{controller="tenant"}',
    'controller_runtime_reconcile_time_seconds_bucket{controller="tenant",le="0.005"}',
    'controller_runtime_reconcile_time_seconds_count{controller="tenant"}',
    'controller_runtime_reconcile_total{controller="tenant",result="success"}',
    'workqueue_adds_total{name="tenant"}',
    'workqueue_depth{name="tenant"}',
    'workqueue_longest_running_processor_seconds{name="tenant"}',
    'workqueue_queue_duration_seconds_count{name="tenant"}',
    'workqueue_unfinished_work_seconds{name="tenant"}',
    'workqueue_work_duration_seconds_count{name="tenant"}',
]
CLIENT_SERIES = [
    "rest_client_requests_total",
    "rest_client_request_duration_seconds_count",
    "rest_client_rate_limiter_duration_seconds_count",
]


@pytest.fixture
def acme(new_controller: Callable[..., Controller], kubectl: Kubectl) -> Controller:
    """A controller that has a Tenant acme in order; sweeps are far apart."""
    controller = new_controller("--resync=1h", "--status-interval=500ms").start()
    kubectl.apply(tenant("acme", consumers=["audit"]))
    kubectl.wait("tenant", "acme")
    return controller


def test_without_nats_it_is_ready_to_be_rolled_out_and_says_what_is_missing(
    new_controller: Callable[..., Controller], kubectl: Kubectl, nats: NatsServer
) -> None:
    nats.stop()
    controller = new_controller().start()
    assert controller.page("readyz") == "ok\n"
    assert controller.page("livez") == "ok\n"
    kubectl.apply(tenant("acme"))

    def said() -> bool:
        ready = condition(kubectl.get("tenant", "acme"), "Ready")
        return ready["reason"] == "Unavailable" and "no NATS server answers" in ready["message"]

    eventually(said, "the Tenant says that NATS does not answer", timeout=20)
    assert "no NATS server answers" in controller.tail()
    nats.start()
    kubectl.wait("tenant", "acme")


def test_a_nats_that_hangs_does_not_hold_up_the_end(
    acme: Controller, kubectl: Kubectl, nats: NatsServer
) -> None:
    nats.freeze()
    kubectl.apply(tenant("acme", stream={"maxMsgs": 9}), tenant("globex"))
    busy = 'controller_runtime_active_workers{controller="tenant"}'
    eventually(lambda: acme.metrics()[busy] >= 1, "a pass hangs")
    longest = 'workqueue_longest_running_processor_seconds{name="tenant"}'
    eventually(lambda: acme.metrics()[longest] > 0.1, "the metrics say how long")
    began = time.monotonic()
    acme.stop()
    assert time.monotonic() - began < 15
    nats.thaw()


def test_an_api_server_that_hangs_in_a_write_does_not_hold_up_the_end(
    folder: Path, cluster: KubeCluster, kubectl: Kubectl, nats: NatsServer, jetstream: JetStream
) -> None:
    """The pod has thirty seconds; the write, the lease and the last Event wait in vain."""
    with FaultyApiserver(cluster) as apiserver:
        kubeconfig = apiserver.kubeconfig({"token": "any"})
        controller = Controller(folder / "controller", kubeconfig, nats.url, ["--leader-elect"])
        with controller:
            kubectl.apply(tenant("acme"))
            kubectl.wait("tenant", "acme")
            apiserver.break_with(Fault(hang=True))
            jetstream.api("STREAM.DELETE.TENANT_ACME")
            eventually(
                lambda: [
                    what
                    for what in apiserver.requests_since(apiserver.broken_since)
                    if what.startswith("PATCH")
                ],
                "the new stream is being told",
            )
            began = time.monotonic()
            controller.stop()
            assert time.monotonic() - began < 15


def test_in_the_end_writing_stops_then_the_lease_goes_and_events_are_told_last(
    folder: Path, cluster: KubeCluster, kubectl: Kubectl, nats: NatsServer, jetstream: JetStream
) -> None:
    with FaultyApiserver(cluster) as apiserver:
        kubeconfig = apiserver.kubeconfig({"token": "any"})
        flags = ["--leader-elect", "--status-interval=500ms"]
        controller = Controller(folder / "controller", kubeconfig, nats.url, flags).start()
        kubectl.apply(tenant("acme", stream={"maxMsgs": 100}))
        kubectl.wait("tenant", "acme")
        for _ in range(3):  # of which the last is counted and not told yet
            jetstream.update_stream("TENANT_ACME", max_msgs=5)
            eventually(
                lambda: jetstream.stream("TENANT_ACME")["config"]["max_msgs"] == 100, "put back"
            )
        eventually(
            lambda: controller.metrics().get('bulkhead_events_total{result="counted"}') == 1,
            "the second repair is counted",
        )
        began = time.monotonic()
        kubectl.apply(*(tenant(f"late-{n}") for n in range(8)))
        controller.stop()
        asked = apiserver.requests_since(began)
    release = max(
        n for n, what in enumerate(asked) if what.startswith("PUT") and "/leases/" in what
    )
    after = asked[release + 1 :]
    assert after
    assert all("/events" in what for what in after)
    assert not kubectl.get("lease", "bulkhead-controller")["spec"].get("holderIdentity")
    assert [e["series"]["count"] for e in kubectl.list("events.events.k8s.io")] == [3]


def test_the_metrics_have_the_names_that_dashboards_know(acme: Controller) -> None:
    found = acme.metrics()
    assert [series for series in SERIES if series not in found] == []
    for name in CLIENT_SERIES:
        assert [series for series in found if series.startswith(f"{name}{{")], name


def test_a_purge_is_seen_at_once(acme: Controller, kubectl: Kubectl, jetstream: JetStream) -> None:
    """By the audit of JetStream's API, since the next sweep is an hour away."""

    def messages() -> int:
        return int(kubectl.get("tenant", "acme")["status"]["stream"]["messages"])

    for _ in range(3):
        jetstream.publish("tenant.acme.events.paid", b"{}")
    kubectl.run("annotate", "tenant", "acme", "bulkhead.dev/reconcile-at=1")
    eventually(lambda: messages() == 3, "three events are shown")
    jetstream.api("STREAM.PURGE.TENANT_ACME")
    eventually(lambda: messages() == 0, "the purge is shown", timeout=5)


def test_numbers_that_move_are_rounded_and_written_once_an_interval(
    cluster: KubeCluster,
    new_controller: Callable[..., Controller],
    kubectl: Kubectl,
    jetstream: JetStream,
) -> None:
    interval = 2
    new_controller("--resync=1s", f"--status-interval={interval}s").start()
    kubectl.apply(tenant("acme", consumers=["audit"]))
    kubectl.wait("tenant", "acme")
    kubectl.wait("tenant", "acme", "Isolated")  # which the first sweep has told
    history = TenantHistory(cluster.etcd)
    began = time.monotonic()
    sent = 0
    while sent < 1234 or time.monotonic() - began < 3 * interval:
        jetstream.publish("tenant.acme.events.paid", b"{}")
        sent += 1
    step: int = 10 ** max(0, len(str(sent)) - 3)
    rounded = sent // step * step

    def shown() -> bool:
        return bool(kubectl.get("tenant", "acme")["status"]["lag"] == rounded)

    eventually(shown, f"the lag is {rounded}", timeout=20)
    passed = time.monotonic() - began
    assert 1 <= len(list(history.versions())) <= passed / interval + 1


def test_suspend_holds_a_tenants_consumers_and_keeps_its_configuration_right(
    acme: Controller, kubectl: Kubectl, jetstream: JetStream
) -> None:
    kubectl.patch("tenant", "acme", {"spec": {"mode": "Suspend", "stream": {"maxMsgs": 7}}})

    def suspended() -> bool:
        return condition(kubectl.get("tenant", "acme"), "Ready")["reason"] == "Suspended"

    eventually(suspended, "the Tenant says that it is suspended")
    assert condition(kubectl.get("tenant", "acme"), "Ready")["status"] == "Unknown"
    config = jetstream.stream("TENANT_ACME")["config"]
    assert config["max_msgs"] == 7
    assert config["metadata"]["bulkhead.dev/relay.hold"] == "true"
    assert jetstream.consumer("TENANT_ACME", "audit")["paused"]
    jetstream.update_stream("TENANT_ACME", max_msgs=5)
    eventually(
        lambda: jetstream.stream("TENANT_ACME")["config"]["max_msgs"] == 7, "drift is repaired"
    )
    kubectl.patch("tenant", "acme", {"spec": {"mode": "Enforce"}})
    kubectl.wait("tenant", "acme")
    assert not jetstream.consumer("TENANT_ACME", "audit").get("paused")
    marks = jetstream.stream("TENANT_ACME")["config"]["metadata"]
    assert "bulkhead.dev/relay.hold" not in marks
