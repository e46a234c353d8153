"""nats-servers that form a cluster with JetStream, each on ports and in a folder of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from support.jetstream import JetStream
from support.nats_server import NatsServer
from support.program import free_port
from support.waiting import eventually

SYSTEM = "accounts { SYS: { users: [{ user: sys, password: sys }] } }\nsystem_account: SYS\n"


class NatsNode(NatsServer):
    """One server of a cluster; a restart keeps its ports, its folder and its name."""

    def __init__(self, folder: Path, name: str, routes: list[int], own: int, options: str) -> None:
        super().__init__(folder, options)
        self.node = name
        others = ", ".join(f"nats://127.0.0.1:{port}" for port in routes)
        text = self.config.read_text().replace("server_name: test", f"server_name: {name}")
        self.config.write_text(
            f"{text}cluster {{ name: test, listen: 127.0.0.1:{own}, routes: [{others}] }}\n"
        )

    def ready(self) -> bool:
        """It answers; whether the cluster has a leader is a question for the cluster."""
        return "server_name" in self.monitor("varz")


class NatsCluster:
    def __init__(self, folder: Path, options: str = SYSTEM, size: int = 3) -> None:
        ports = [free_port() for _ in range(size)]
        self.nodes = [
            NatsNode(folder / f"n{i}", f"n{i}", ports, port, options)
            for i, port in enumerate(ports)
        ]

    def __iter__(self) -> Iterator[NatsNode]:
        return iter(self.nodes)

    @property
    def url(self) -> str:
        """All servers, so that a client finds one that is up."""
        return ",".join(node.url for node in self.nodes)

    @property
    def system_url(self) -> str:
        return ",".join(node.url.replace("//", "//sys:sys@") for node in self.nodes)

    def start(self) -> Self:
        for node in self.nodes:
            node.start(wait=False)
        for node in self.nodes:
            node.wait_ready()
        eventually(self.leader, "the cluster has a leader", timeout=60)
        eventually(self._usable, "JetStream takes requests", timeout=60)
        return self

    def kill(self) -> None:
        for node in self.nodes:
            node.kill()

    def leader(self) -> str:
        """The name of the node that leads JetStream, or "" while there is none."""
        for node in self.nodes:
            if node.running and (name := self._meta(node).get("leader")):
                return str(name)
        return ""

    def node(self, name: str) -> NatsNode:
        return next(node for node in self.nodes if node.node == name)

    def _meta(self, node: NatsNode) -> dict[str, Any]:
        return dict(node.monitor("jsz").get("meta_cluster") or {})

    def _usable(self) -> bool:
        with JetStream(self.nodes[0].url) as client:
            peers = self._meta(self.node(self.leader())).get("replicas") or []
            return len(peers) == len(self.nodes) - 1 and client.api("INFO")["streams"] == 0
