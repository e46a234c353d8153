"""A cluster of three NATS servers: replicated streams, leaders that change, a node that is away."""

import time
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
from support.nats_cluster import NatsCluster
from support.waiting import eventually

STREAM = "TENANT_ACME"


@pytest.fixture
def three(folder: Path) -> Iterator[NatsCluster]:
    made = NatsCluster(folder / "nats")
    try:
        yield made.start()
    finally:
        made.kill()


@pytest.fixture
def jetstream(three: NatsCluster) -> Iterator[JetStream]:
    with JetStream(three.nodes[0].url) as client:
        yield client


@pytest.fixture
def start_controller(
    folder: Path, cluster: KubeCluster, three: NatsCluster
) -> Iterator[Callable[..., Controller]]:
    """Starts the controller with the flags it is called with."""
    made: list[Controller] = []

    def start(*flags: str) -> Controller:
        place = folder / f"controller-{len(made)}"
        made.append(Controller(place, cluster.kubeconfig, three.url, flags))
        return made[-1].start()

    yield start
    for controller in made:
        controller.stop()


def ready(kubectl: Kubectl, name: str) -> dict[str, Any]:
    kubectl.wait("tenant", name)
    return kubectl.get("tenant", name)


def lag_is(kubectl: Kubectl, name: str, lag: int) -> bool:
    return bool(kubectl.get("tenant", name)["status"]["lag"] == lag)


def cluster_of(jetstream: JetStream) -> dict[str, Any]:
    return dict(jetstream.stream(STREAM).get("cluster") or {})


def publish(jetstream: JetStream, count: int) -> None:
    for _ in range(count):
        jetstream.publish("tenant.acme.events.invoice-created", b"{}")


def test_a_stream_has_three_replicas_unless_the_spec_says_otherwise(
    start_controller: Callable[..., Controller], kubectl: Kubectl, jetstream: JetStream
) -> None:
    start_controller()
    kubectl.apply(tenant("acme", consumers=["billing"]), tenant("globex", stream={"replicas": 1}))
    ready(kubectl, "acme")
    ready(kubectl, "globex")
    assert jetstream.stream(STREAM)["config"]["num_replicas"] == 3
    assert jetstream.stream("TENANT_GLOBEX")["config"]["num_replicas"] == 1


@pytest.mark.parametrize("at_once", [True, False], ids=["one-question", "lists"])
def test_the_lag_is_that_of_the_consumers_leader_wherever_it_sits(
    start_controller: Callable[..., Controller],
    kubectl: Kubectl,
    jetstream: JetStream,
    three: NatsCluster,
    at_once: bool,
) -> None:
    """The stream's leader and the consumer's are moved apart, more than once."""
    system = [f"--system-url={three.system_url}"] if at_once else []
    start_controller("--status-interval=1s", "--resync=2s", *system)
    kubectl.apply(tenant("acme", consumers=["billing"]))
    ready(kubectl, "acme")
    for round_number in range(1, 4):
        publish(jetstream, 5)
        wanted = 5 * round_number
        eventually(partial(lag_is, kubectl, "acme", wanted), f"the lag is {wanted}", timeout=30)
        jetstream.api(f"CONSUMER.LEADER.STEPDOWN.{STREAM}.billing")
        eventually(
            lambda: jetstream.consumer(STREAM, "billing")["cluster"].get("leader"),
            "the consumer has a leader again",
            timeout=30,
        )
    status = kubectl.get("tenant", "acme")["status"]
    assert status["consumers"][0]["pending"] == 15
    assert status["stream"]["messages"] == 15


def test_a_change_of_leaders_is_no_loss_and_no_drift(
    start_controller: Callable[..., Controller], kubectl: Kubectl, jetstream: JetStream
) -> None:
    start_controller("--resync=1s")
    kubectl.apply(tenant("acme", consumers=["billing"]))
    before = ready(kubectl, "acme")
    for _ in range(3):
        jetstream.api(f"STREAM.LEADER.STEPDOWN.{STREAM}")
        eventually(
            lambda: cluster_of(jetstream).get("leader"), "the stream has a leader again", timeout=30
        )
    after = ready(kubectl, "acme")
    assert not condition(after, "DataLossSuspected")
    assert after["status"]["stream"]["created"] == before["status"]["stream"]["created"]


def test_one_node_down_stops_nobody(
    start_controller: Callable[..., Controller],
    kubectl: Kubectl,
    three: NatsCluster,
) -> None:
    """JetStream's leader goes; tenants are still made and changed, and lag is counted."""
    start_controller("--status-interval=1s", f"--system-url={three.system_url}")
    kubectl.apply(tenant("acme", consumers=["billing"]))
    ready(kubectl, "acme")
    gone = three.node(three.leader())
    gone.kill()
    eventually(
        lambda: three.leader() not in ("", gone.node), "another node leads JetStream", timeout=60
    )
    kubectl.apply(tenant("acme", consumers=["billing"], stream={"maxMsgs": 1000, "replicas": 3}))
    kubectl.apply(tenant("globex", stream={"replicas": 1}))
    kubectl.wait("tenant", "globex", seconds=90)
    kubectl.wait("tenant", "acme", seconds=90)
    with JetStream(next(node.url for node in three if node.running)) as client:
        assert client.stream(STREAM)["config"]["max_msgs"] == 1000
        publish(client, 7)
    eventually(lambda: lag_is(kubectl, "acme", 7), "the lag is 7", timeout=30)
    gone.start()
    assert not condition(ready(kubectl, "acme"), "DataLossSuspected")


def test_a_cluster_that_has_its_quorum_again_is_worked_with_at_once(
    folder: Path, cluster: KubeCluster, kubectl: Kubectl, three: NatsCluster
) -> None:
    """The connection to the node that stayed never breaks, so that nothing tells of the return."""
    stays, *others = three.nodes
    names = [f"t{n}" for n in range(6)]
    with Controller(folder / "controller", cluster.kubeconfig, stays.url):
        kubectl.apply(*(tenant(name, consumers=["audit"]) for name in names))
        for name in names:
            kubectl.wait("tenant", name, seconds=60)
        for node in others:
            node.kill()
        change = {"maxMsgs": 1000}
        kubectl.apply(*(tenant(name, consumers=["audit"], stream=change) for name in names))
        time.sleep(25)  # in which the distances between two tries have grown to as much
        assert condition(kubectl.get("tenant", "t0"), "Ready")["reason"] == "Unavailable"
        for node in others:
            node.start()
        with JetStream(stays.url) as client:
            eventually(lambda: all_have_leaders(client, names), "JetStream is back", timeout=60)
            back = time.monotonic()
            for name in names:
                kubectl.wait("tenant", name)
                assert client.stream(stream_name(name))["config"]["max_msgs"] == 1000
            assert time.monotonic() - back < 8


def all_have_leaders(jetstream: JetStream, names: list[str]) -> bool:
    infos = [jetstream.stream(stream_name(name)) for name in names]
    return all(info["cluster"].get("leader") for info in infos)
