"""Two controllers: one acts, the other takes over, and no one writes without the lease."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proof.wedge import Wedge
from support.bulkhead import Controller
from support.faulty_apiserver import Fault, FaultyApiserver
from support.jetstream import JetStream
from support.kube_cluster import KubeCluster
from support.kubectl import Kubectl
from support.manifests import condition, stream_name, tenant
from support.nats_server import NatsServer
from support.waiting import eventually

LEASE = ("get", "lease", "bulkhead-controller", "-n", "default", "-o")
HOLDER = "jsonpath={.spec.holderIdentity}"
MASTER = 'leader_election_master_status{name="bulkhead-controller"}'
LEASE_SECONDS = 15.0
EXPIRY = 30.0  # 15 s of the lease, the tries in between, and a busy machine


def leads(controller: Controller) -> bool:
    return controller.metrics()[MASTER] == 1


@pytest.fixture
def wedge(folder: Path) -> Wedge:
    return Wedge(folder / "wedge")


@pytest.fixture
def pair(wedge: Wedge, new_controller: Callable[..., Controller]) -> tuple[Controller, Controller]:
    """The one that leads, and the one that stands by, with one clock that can be moved."""
    leader, standby = new_controller("--leader-elect"), new_controller("--leader-elect")
    for controller in (leader, standby):
        wedge.drive_into(controller)
    leader.start()
    eventually(lambda: leads(leader), "the first controller leads")
    return leader, standby.start()


def test_a_standby_takes_over_at_once_when_the_leader_ends(
    pair: tuple[Controller, Controller], kubectl: Kubectl
) -> None:
    leader, standby = pair
    assert not leads(standby)
    leader.stop()
    eventually(lambda: leads(standby), "the standby leads", timeout=5)
    kubectl.apply(tenant("acme"))
    kubectl.wait("tenant", "acme")


def test_a_standby_takes_over_when_the_leader_is_killed(
    pair: tuple[Controller, Controller], kubectl: Kubectl
) -> None:
    leader, standby = pair
    before = kubectl.run(*LEASE, HOLDER)
    leader.kill()
    kubectl.apply(tenant("acme"))
    eventually(lambda: leads(standby), "the standby leads", timeout=EXPIRY)
    assert kubectl.run(*LEASE, HOLDER) != before
    assert kubectl.run(*LEASE, "jsonpath={.spec.leaseTransitions}") == "1"
    kubectl.wait("tenant", "acme")


@pytest.mark.parametrize("deed", ["annotate", "delete"])
def test_a_lease_that_somebody_touches_stays_with_its_leader(
    deed: str, new_controller: Callable[..., Controller], kubectl: Kubectl
) -> None:
    leader = new_controller("--leader-elect").start()
    eventually(lambda: leads(leader), "the controller leads")
    holder = kubectl.run(*LEASE, HOLDER)
    looked = 'leader_election_slowpath_total{name="bulkhead-controller"}'
    kubectl.run(deed, *LEASE[1:-1], *(["team=platform"] if deed == "annotate" else []))
    eventually(lambda: leader.metrics()[looked] == 1, "the leader has noticed")
    eventually(lambda: kubectl.run(*LEASE, HOLDER) == holder, "the lease is as it was")
    assert leads(leader)
    kubectl.apply(tenant("acme"))
    kubectl.wait("tenant", "acme")


def test_a_leader_that_slept_through_its_lease_ends_without_a_write(
    pair: tuple[Controller, Controller], wedge: Wedge, kubectl: Kubectl, jetstream: JetStream
) -> None:
    leader, standby = pair
    kubectl.apply(tenant("acme"))
    kubectl.wait("tenant", "acme")
    leader.freeze()
    wedge.set_ahead(LEASE_SECONDS)
    eventually(lambda: leads(standby), "the standby leads", timeout=EXPIRY)
    standby.freeze()  # so that whatever is written now, the old leader has written
    kubectl.apply(tenant("globex"))
    leader.thaw()
    eventually(lambda: not leader.running, "the old leader ends", timeout=EXPIRY)
    assert "the lease is lost" in leader.tail()
    assert jetstream.streams() == ["TENANT_ACME"]
    leader.kill()
    standby.thaw()
    kubectl.wait("tenant", "globex")


def test_what_waits_to_be_written_again_is_not_written_after_the_lease_is_lost(
    folder: Path, cluster: KubeCluster, kubectl: Kubectl, nats: NatsServer, jetstream: JetStream
) -> None:
    """An API server that asks everybody to come back later, until another may have the lease."""
    with FaultyApiserver(cluster) as apiserver:
        kubeconfig = apiserver.kubeconfig({"token": "any"})
        leader = Controller(folder / "leader", kubeconfig, nats.url, ["--leader-elect"]).start()
        kubectl.apply(tenant("acme"))
        kubectl.wait("tenant", "acme")
        apiserver.break_with(Fault(status=429, headers={"Retry-After": "12"}))
        jetstream.api("STREAM.DELETE.TENANT_ACME")
        eventually(lambda: not leader.running, "the leader ends", timeout=EXPIRY)
        asked = apiserver.requests_since(apiserver.broken_since)
    assert "the lease is lost" in leader.tail()
    assert len([what for what in asked if "/tenants/acme/status" in what]) == 1
    leader.kill()


def test_the_standby_knows_everything_already(
    pair: tuple[Controller, Controller], kubectl: Kubectl, nats: NatsServer
) -> None:
    leader, standby = pair
    kubectl.apply(tenant("acme"), tenant("globex"))
    kubectl.wait("tenant", "acme")
    assert nats.running
    eventually(lambda: standby.metrics()["bulkhead_tenants"] == 2, "the standby's cache is warm")
    assert standby.page("readyz") == "ok\n"
    assert leader.page("readyz") == "ok\n"


def test_two_controllers_that_both_act_do_no_harm(
    new_controller: Callable[..., Controller], kubectl: Kubectl, jetstream: JetStream
) -> None:
    """Neither asks for the lease, as when two installations meet by mistake."""
    names = [f"t{n}" for n in range(8)]
    flags = ["--resync=1s", "--status-interval=500ms"]
    pair = [new_controller(*flags).start(), new_controller(*flags).start()]
    for max_msgs, consumers in ((5, ["audit"]), (9, ["audit", "late"])):
        spec = {"consumers": consumers, "stream": {"maxMsgs": max_msgs}}
        kubectl.apply(*(tenant(name, deletionPolicy="Delete", **spec) for name in names))
    for name in names:
        kubectl.wait("tenant", name)
    jetstream.update_stream("TENANT_T0", max_msgs=1)
    jetstream.delete_consumer("TENANT_T1", "late")

    def as_declared() -> bool:
        for stream in jetstream.streams():
            assert jetstream.stream(stream)["config"]["max_msgs"] == 9
            assert jetstream.consumers(stream) == ["audit", "late"]
        return jetstream.streams() == sorted(stream_name(name) for name in names)

    eventually(as_declared, "all is as declared", timeout=5)

    def quiet() -> bool:
        """Neither answers the other's writes with one of its own, over more than one sweep."""
        before = versions()
        time.sleep(2.5)
        return versions() == before

    def tenants() -> list[dict[str, Any]]:
        return kubectl.list("tenants")

    def versions() -> list[str]:
        return [t["metadata"]["resourceVersion"] for t in tenants()]

    eventually(quiet, "neither writes any more", timeout=15)
    assert not [t for t in tenants() if condition(t, "DataLossSuspected")]
    assert [condition(t, "Ready")["status"] for t in tenants()] == ["True"] * len(names)
    kubectl.run("delete", "tenants", "--all")
    assert jetstream.streams() == []
    assert all(controller.running for controller in pair)
