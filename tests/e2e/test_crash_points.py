"""A controller that is killed at any of its writes, and started again, comes to the same end."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.bulkhead import Controller
from support.crash_point import CrashPoint, NatsTap
from support.faulty_apiserver import FaultyApiserver
from support.jetstream import JetStream
from support.kube_cluster import KubeCluster
from support.manifests import condition, stream_name, tenant
from support.nats_server import NatsServer
from support.waiting import eventually

TENANTS = "/apis/bulkhead.dev/v1alpha1/tenants"
FIRST = {"consumers": ["a", "b"], "stream": {"maxMsgs": 5}, "deletionPolicy": "Delete"}
THEN = {"consumers": ["a", "c"], "stream": {"maxMsgs": 9}, "deletionPolicy": "Delete"}
# The finalizer, stream, two consumers, status; a consumer less, the stream, one more, status; the
# stream's end and the finalizer's.
WRITES = 11


class Life:
    """One Tenant from its creation through a change to its deletion, with a crash on the way."""

    def __init__(self, cluster: KubeCluster, controller: Controller, jetstream: JetStream) -> None:
        self.cluster = cluster
        self.controller = controller
        self.jetstream = jetstream

    def live(self, name: str) -> None:
        self.ask("POST", TENANTS, tenant(name, **FIRST))
        self.becomes(name, 5, ["a", "b"])
        self.jetstream.publish(f"tenant.{name}.events.kept", b"{}")
        self.ask(
            "PUT", f"{TENANTS}/{name}", self.get(name) | {"spec": tenant(name, **THEN)["spec"]}
        )
        self.becomes(name, 9, ["a", "c"])
        stream = self.jetstream.stream(stream_name(name))
        assert stream["state"]["messages"] == 1
        assert not condition(self.get(name), "DataLossSuspected")
        self.ask("DELETE", f"{TENANTS}/{name}")
        eventually(lambda: self.alive() and self.gone(name), f"{name} is gone", timeout=20)

    def becomes(self, name: str, max_msgs: int, consumers: list[str]) -> None:
        eventually(
            lambda: self.alive() and self.is_so(name, max_msgs, consumers), f"{name} is Ready", 20
        )

    def alive(self) -> bool:
        """Starts the controller again where it was killed, as Kubernetes does."""
        if not self.controller.running:
            self.controller.start()
        return True

    def is_so(self, name: str, max_msgs: int, consumers: list[str]) -> bool:
        found = self.get(name)
        ready = condition(found, "Ready")
        assert (ready["status"], ready["observedGeneration"]) == (
            "True",
            found["metadata"]["generation"],
        )
        stream = stream_name(name)
        assert self.jetstream.stream(stream)["config"]["max_msgs"] == max_msgs
        assert self.jetstream.consumers(stream) == consumers
        return True

    def gone(self, name: str) -> bool:
        items = json.loads(self.ask("GET", TENANTS))["items"]
        return not items and stream_name(name) not in self.jetstream.streams()

    def get(self, name: str) -> dict[str, Any]:
        return dict(json.loads(self.ask("GET", f"{TENANTS}/{name}")))

    def ask(self, method: str, path: str, body: Any = None) -> bytes:
        return self.cluster.apiserver.request(method, path, body)


@pytest.fixture
def point() -> CrashPoint:
    return CrashPoint()


@pytest.fixture
def life(
    folder: Path,
    cluster: KubeCluster,
    nats: NatsServer,
    jetstream: JetStream,
    point: CrashPoint,
) -> Iterator[Life]:
    with FaultyApiserver(cluster) as apiserver, NatsTap(nats.port, point) as tap:
        apiserver.point = point
        kubeconfig = apiserver.kubeconfig({"token": "any"})
        flags = ["--workers=1", "--status-interval=1h", "--resync=1h"]
        url = f"nats://127.0.0.1:{tap.port}"
        with Controller(folder / "controller", kubeconfig, url, flags) as controller:
            yield Life(cluster, controller, jetstream)
            point.arm(controller, 0, before=False)


@pytest.mark.parametrize("before", [True, False], ids=["before-it", "before-its-answer"])
def test_a_controller_killed_at_any_of_its_writes_comes_to_the_same_end(
    life: Life, point: CrashPoint, before: bool
) -> None:
    point.arm(life.controller, 0, before)
    life.live("whole")
    assert len(point.writes) >= WRITES, point.writes
    for at in range(1, WRITES + 1):
        point.arm(life.controller, at, before)
        life.live(f"crash-{at}")
        assert point.struck.wait(10), f"nobody died at write {at}: {point.writes}"
        life.alive()
