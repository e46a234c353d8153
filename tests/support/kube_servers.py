"""etcd and kube-apiserver as single programs; kube_cluster.py makes a cluster of them."""

import json
import ssl
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from support.places import tool
from support.program import Program, free_port

ADMIN_TOKEN = "admin-token-of-the-tests"
OUTSIDER_TOKEN = "token-of-a-user-without-rights"

# These two hooks look every second whether their objects exist; a template has them already.
SLOW_HOOKS = ["rbac/bootstrap-roles", "scheduling/bootstrap-system-priority-classes"]


class Etcd(Program):
    name = "etcd"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.port = free_port()
        self.peer_port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        peer = f"http://127.0.0.1:{self.peer_port}"
        return [
            str(tool("etcd")),
            f"--data-dir={self.folder / 'data'}",
            f"--listen-client-urls={self.url}",
            f"--advertise-client-urls={self.url}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--force-new-cluster",  # the ports are new, also where the data is a template's
            "--unsafe-no-fsync",
            "--log-level=warn",
        ]

    def ready(self) -> bool:
        with urlopen(f"{self.url}/health", timeout=5) as answer:
            return bool(json.load(answer)["health"] == "true")


class KubeApiserver(Program):
    name = "kube-apiserver"

    def __init__(self, folder: Path, etcd_url: str, pki: Path, bootstrapped: bool) -> None:
        """`bootstrapped` says that etcd holds what a first start writes, so nobody waits for it."""
        super().__init__(folder)
        self.flags: list[str] = []  # besides our own
        self.settings: dict[str, str] = {}  # of the environment
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.etcd_url = etcd_url
        self.pki = pki
        self.bootstrapped = bootstrapped
        self.tokens = folder / "tokens.csv"
        self.tokens.write_text(
            f'{ADMIN_TOKEN},admin,1,"system:masters"\n{OUTSIDER_TOKEN},outsider,2\n'
        )

    def command(self) -> list[str]:
        return [
            str(tool("kube-apiserver")),
            f"--etcd-servers={self.etcd_url}",
            "--bind-address=127.0.0.1",
            f"--secure-port={self.port}",
            f"--tls-cert-file={self.pki / 'server.crt'}",
            f"--tls-private-key-file={self.pki / 'server.key'}",
            f"--client-ca-file={self.pki / 'ca.crt'}",
            f"--token-auth-file={self.tokens}",
            f"--service-account-key-file={self.pki / 'tokens.key'}",
            f"--service-account-signing-key-file={self.pki / 'tokens.key'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--authorization-mode=RBAC",
            "--disable-admission-plugins=ServiceAccount",
            "--endpoint-reconciler-type=none",
            "--profiling=false",
            *self.flags,
        ]

    def environment(self) -> dict[str, str]:
        return super().environment() | self.settings

    def ready(self) -> bool:
        excluded = SLOW_HOOKS if self.bootstrapped else []
        query = "&".join(f"exclude=poststarthook/{hook}" for hook in excluded)
        return self.request("GET", f"/readyz?{query}") == b"ok"

    def request(self, method: str, path: str, body: Any = None, seconds: float = 30) -> bytes:
        """One request as administrator; raises urllib's HTTPError for a refusal."""
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body is not None else None
        request = Request(self.url + path, data, headers, method=method)
        trust = ssl.create_default_context(cafile=str(self.pki / "ca.crt"))
        with urlopen(request, timeout=seconds, context=trust) as answer:
            return bytes(answer.read())
