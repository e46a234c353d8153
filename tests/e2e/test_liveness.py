"""A controller in which a thread hangs says so to Kubernetes, which starts it again.

What hangs is a request that never returns, and the minutes that liveness waits for it are made
short by a clock that is moved on.
"""

from collections.abc import Callable
from http.client import HTTPResponse
from pathlib import Path
from typing import cast
from urllib.error import HTTPError

import pytest

from proof.wedge import Wedge
from support.bulkhead import Controller
from support.jetstream import JetStream
from support.kube_cluster import KubeCluster
from support.kubectl import Kubectl
from support.manifests import tenant
from support.waiting import eventually

MINUTE = 60.0
ALIVE = (200, "ok\n")
STOPPED = "has not turned for a quarter of an hour\n"
LEADS = 'leader_election_master_status{name="bulkhead-controller"}'
PASSES = 'controller_runtime_active_workers{controller="tenant"}'


@pytest.fixture
def wedge(folder: Path) -> Wedge:
    return Wedge(folder / "wedge")


@pytest.fixture
def start(wedge: Wedge, new_controller: Callable[..., Controller]) -> Callable[..., Controller]:
    """Starts a controller that the wedge is in. One that hangs has to be killed."""

    def start_one(*flags: str) -> Controller:
        controller = new_controller(*flags)
        wedge.drive_into(controller)
        return controller.start()

    return start_one


def livez(controller: Controller) -> tuple[int, str]:
    try:
        return 200, controller.page("livez")
    except HTTPError as refusal:
        return refusal.code, cast(HTTPResponse, refusal).read().decode()


def wait_for(answer: tuple[int, str], controller: Controller) -> None:
    def as_wanted() -> bool:
        assert livez(controller) == answer
        return True

    eventually(as_wanted, "/livez answers so")


def test_a_pass_that_hangs_is_said_and_the_other_tenants_go_on(
    start: Callable[..., Controller], wedge: Wedge, kubectl: Kubectl
) -> None:
    controller = start()
    wedge.hang_at("TENANT_ACME")
    kubectl.apply(tenant("acme"))
    wedge.wait_hanging()
    assert livez(controller) == ALIVE
    wedge.set_ahead(9 * MINUTE)
    kubectl.apply(tenant("globex"))
    kubectl.wait("tenant", "globex")
    assert controller.metrics()[PASSES] == 1
    assert livez(controller) == ALIVE
    wedge.set_ahead(11 * MINUTE)
    hangs = (503, "a pass over a Tenant has taken more than ten minutes\n")
    assert livez(controller) == hangs
    kubectl.apply(tenant("initech"))
    kubectl.wait("tenant", "initech")
    assert controller.page("readyz") == "ok\n"
    assert livez(controller) == hangs
    controller.kill()


def test_a_leader_whose_renewal_hangs_says_so(
    start: Callable[..., Controller], wedge: Wedge
) -> None:
    controller = start("--leader-elect")
    eventually(lambda: controller.metrics()[LEADS] == 1, "it leads")
    wedge.hang_at("/leases/")
    wedge.wait_hanging()
    assert livez(controller) == ALIVE
    wedge.set_ahead(MINUTE)
    assert livez(controller) == (503, "the lease is not renewed any more\n")
    assert controller.page("readyz") == "ok\n"
    controller.kill()


def test_a_standby_that_hangs_over_the_lease_says_so(
    start: Callable[..., Controller], wedge: Wedge
) -> None:
    wedge.hang_at("/leases/")
    controller = start("--leader-elect")
    wedge.wait_hanging()
    wedge.set_ahead(14 * MINUTE)
    wait_for(ALIVE, controller)
    wedge.set_ahead(16 * MINUTE)
    wait_for((503, f"the loop that asks for the lease {STOPPED}"), controller)
    assert controller.page("readyz") == "ok\n"
    controller.kill()


def test_a_watch_that_hangs_is_said_and_known_tenants_are_kept_right(
    start: Callable[..., Controller], wedge: Wedge, cluster: KubeCluster, jetstream: JetStream
) -> None:
    controller = start()
    kubectl = cluster.kubectl
    kubectl.apply(tenant("acme", stream={"maxMsgs": 10}))
    kubectl.wait("tenant", "acme")
    wedge.hang_at("/tenants?watch=true")
    cluster.apiserver.kill()
    cluster.apiserver.start()
    wedge.wait_hanging()
    wedge.set_ahead(14 * MINUTE)
    wait_for(ALIVE, controller)
    wedge.set_ahead(16 * MINUTE)
    wait_for((503, f"the loop that watches the Tenants {STOPPED}"), controller)
    jetstream.update_stream("TENANT_ACME", max_msgs=5)
    eventually(
        lambda: jetstream.stream("TENANT_ACME")["config"]["max_msgs"] == 10, "drift is repaired"
    )
    assert controller.page("readyz") == "ok\n"
    controller.kill()


def test_a_sweep_that_hangs_is_said_and_the_tenants_go_on(
    start: Callable[..., Controller], wedge: Wedge, kubectl: Kubectl
) -> None:
    controller = start("--resync=1s")
    wedge.hang_at("$JS.API.STREAM.LIST")
    wedge.wait_hanging()
    wedge.set_ahead(14 * MINUTE)
    wait_for(ALIVE, controller)
    wedge.set_ahead(16 * MINUTE)
    wait_for((503, f"the loop that looks for drift {STOPPED}"), controller)
    kubectl.apply(tenant("acme"))
    kubectl.wait("tenant", "acme")
    assert controller.page("readyz") == "ok\n"
    controller.kill()


def test_a_healthy_controller_is_alive_whatever_time_it_is(
    start: Callable[..., Controller], wedge: Wedge, kubectl: Kubectl
) -> None:
    controller = start("--leader-elect", "--resync=1s")
    eventually(lambda: controller.metrics()[LEADS] == 1, "it leads")
    kubectl.apply(tenant("acme"))
    kubectl.wait("tenant", "acme")
    for minutes in (16, 32, 48):
        wedge.set_ahead(minutes * MINUTE)
        wait_for(ALIVE, controller)  # each loop has turned in the new time, within seconds
        kubectl.apply(tenant(f"t{minutes}"))
        kubectl.wait("tenant", f"t{minutes}")
        assert livez(controller) == ALIVE
