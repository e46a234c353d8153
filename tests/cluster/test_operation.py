"""What happens to a running release: pods die, servers die, replicas come and go.

Every test commits rows all the while, and node.load holds the relays to their promise at its end.
"""

import time

import pytest

from cluster.release import TENANTS
from cluster.single_node import NAMESPACE, SingleNode
from support.manifests import tenant
from support.waiting import eventually

RELAY = "deploy/bulkhead-relay-app"

pytestmark = pytest.mark.usefixtures("release")


def kill(node: SingleNode, program: str) -> None:
    """As the kernel would: no signal that it could answer, no grace."""
    node.run("bash", "-c", f"kill -9 $(pgrep -x -f '/usr/bin/{program} .*')")


def restarts(node: SingleNode, component: str) -> int:
    statuses = [pod["status"].get("containerStatuses", []) for pod in node.pods(component)]
    return sum(status["restartCount"] for each in statuses for status in each)


def restarted(node: SingleNode, component: str, before: int) -> None:
    eventually(lambda: restarts(node, component) > before, f"the {component} is restarted", 60)


def test_a_killed_relay_loses_nothing(node: SingleNode) -> None:
    with node.load(TENANTS):
        for _ in range(2):
            before = restarts(node, "relay")
            kill(node, "bulkhead-relay")
            restarted(node, "relay", before)
            node.kubectl("-n", NAMESPACE, "rollout", "status", RELAY, "--timeout=60s")


def test_a_deleted_relay_pod_loses_nothing(node: SingleNode) -> None:
    with node.load(TENANTS):
        for pod in node.pods("relay"):
            name = pod["metadata"]["name"]
            node.kubectl("-n", NAMESPACE, "delete", "pod", name, "--force", "--grace-period=0")
        node.kubectl("-n", NAMESPACE, "rollout", "status", RELAY, "--timeout=60s")


def test_relays_scaled_from_one_to_three_and_back_lose_nothing(node: SingleNode) -> None:
    with node.load(TENANTS):
        node.install("--set=relay.replicas=3")
        assert len(node.pods("relay")) == 3
        time.sleep(2)
        node.install()
        eventually(lambda: len(node.pods("relay")) == 1, "one relay", 60)


def test_a_killed_controller_goes_on_where_it_was(node: SingleNode) -> None:
    before = restarts(node, "controller")
    kill(node, "bulkhead-controller")
    node.apply(tenant("umbrella"))
    restarted(node, "controller", before)
    node.wait("tenant/umbrella")
    node.remove("umbrella")


def test_a_standby_takes_over_from_a_leader_that_is_gone(node: SingleNode) -> None:
    node.install("--set=controller.replicas=2")
    holder = node.get("-n", NAMESPACE, "lease", "bulkhead-controller")["spec"]["holderIdentity"]
    pods = [pod["metadata"]["name"] for pod in node.pods("controller")]
    leader = next(name for name in pods if name in holder)
    node.kubectl("-n", NAMESPACE, "delete", "pod", leader, "--force", "--grace-period=0")
    node.apply(tenant("umbrella"))
    node.wait("tenant/umbrella", seconds=60)
    node.remove("umbrella")
    node.install()


def test_a_killed_node_of_nats_loses_nothing(node: SingleNode) -> None:
    with node.load(TENANTS):
        node.kubectl("-n", "servers", "delete", "pod", "nats-1", "--force", "--grace-period=0")
        node.kubectl("-n", "servers", "wait", "--for=condition=Ready", "pod/nats-1")
    for name in TENANTS:
        node.wait(f"tenant/{name}")


def test_a_postgres_that_was_away_is_found_again(node: SingleNode) -> None:
    with node.load(TENANTS):
        node.run("bash", "-c", "kill -INT $(pgrep -x -f 'postgres -D /data/db .*')")
        time.sleep(1)
        restarted = "deploy/postgres"
        node.kubectl("-n", "servers", "rollout", "status", restarted, "--timeout=60s")


def test_of_two_relays_only_one_may_be_evicted(node: SingleNode) -> None:
    node.install("--set=relay.replicas=2")
    budget = ["-n", NAMESPACE, "pdb", "bulkhead-relay-app"]
    eventually(lambda: node.get(*budget)["status"]["disruptionsAllowed"] == 1, "one may go", 30)
    node.install()
