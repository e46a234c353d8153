"""The release that the tests of this folder share, with its Tenants."""

from typing import Any

from cluster.single_node import NAMESPACE, SingleNode
from support.manifests import tenant

TENANTS = ["acme", "globex", "initech"]
DATABASE = "postgresql://app@postgres.servers/postgres"


class Release:
    def __init__(self, node: SingleNode) -> None:
        self.node = node
        self.install_seconds = 0.0
        self.ready_seconds = 0.0

    def prepare(self) -> None:
        """A namespace under the strictest pod security, and the database's Secret."""
        labels = {
            f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")
        }
        self.node.apply(
            {
                "apiVersion": "v1",
                "kind": "Namespace",
                "metadata": {"name": NAMESPACE, "labels": labels},
            },
            secret("app-database", uri=DATABASE),
        )

    def make_tenants(self) -> None:
        self.node.apply(*(tenant(name, consumers=["billing"]) for name in TENANTS))
        for name in TENANTS:
            self.node.wait(f"tenant/{name}")


def secret(name: str, **content: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "stringData": content,
    }
