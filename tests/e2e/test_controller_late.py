"""A watch that lags behind our own writes and other people's edits: nothing is done on old news."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from support.bulkhead import Controller
from support.jetstream import JetStream
from support.kube_cluster import KubeCluster
from support.kubectl import Kubectl
from support.late_watch import LateWatch
from support.manifests import condition, tenant
from support.nats_server import NatsServer
from support.waiting import eventually

STATUS = "/apis/bulkhead.dev/v1alpha1/tenants/acme/status"
ACME = "/apis/bulkhead.dev/v1alpha1/tenants/acme"


@pytest.fixture
def late(cluster: KubeCluster, folder: Path) -> Iterator[LateWatch]:
    with LateWatch(cluster.apiserver, folder) as way:
        yield way


@pytest.fixture
def controller(
    late: LateWatch, nats: NatsServer, folder: Path, kubectl: Kubectl
) -> Iterator[Controller]:
    """One that has heard of acme, and looks at its numbers twice a second."""
    flags = ["--status-interval=500ms", "--resync=1s"]
    kubectl.apply(tenant("acme", consumers=["billing"]))
    with Controller(folder / "controller", late.kubeconfig, nats.url, flags) as started:
        kubectl.wait("tenant", "acme")
        yield started


def status_writes(late: LateWatch) -> list[int]:
    """What the API server said to each write of the status."""
    return [write.code for write in late.writes if write.path == STATUS]


def status_has(kubectl: Kubectl, member: str, value: Any) -> bool:
    return bool(kubectl.get("tenant", "acme")["status"][member] == value)


@pytest.mark.usefixtures("controller")
def test_it_goes_on_from_its_own_writes_before_the_watch_brings_them(
    kubectl: Kubectl, jetstream: JetStream, late: LateWatch
) -> None:
    with late.held():
        late.writes.clear()
        for lag in (1, 2, 3):
            jetstream.publish("tenant.acme.events.invoice-created")
            eventually(partial(status_has, kubectl, "lag", lag), f"the lag is {lag}", 20)
        assert status_writes(late) == [200, 200, 200]


@pytest.mark.usefixtures("controller")
def test_an_edit_that_the_watch_has_not_brought_is_read_after_the_conflict(
    kubectl: Kubectl, jetstream: JetStream, late: LateWatch
) -> None:
    with late.held():
        late.writes.clear()
        late.reads.clear()
        kubectl.apply(tenant("acme", consumers=["billing"], stream={"maxMsgs": 7}))
        jetstream.publish("tenant.acme.events.invoice-created")
        applied = partial(status_has, kubectl, "observedGeneration", 2)
        eventually(applied, "the edit is applied while the watch is held", 20)
        assert jetstream.stream("TENANT_ACME")["config"]["max_msgs"] == 7
        assert status_writes(late) == [409, 200]
        assert ACME in late.reads
    ready = condition(kubectl.get("tenant", "acme"), "Ready")
    assert (ready["status"], ready["observedGeneration"]) == ("True", 2)
