"""A Kubernetes API of its own for a test: etcd, kube-apiserver and the project's CRDs.

The first start of a kube-apiserver takes four seconds, most of it for objects that are the same
every time. So one start is made into a template, with the CRDs applied, and a test's cluster
starts from a copy of it in about one second.
"""

import functools
import shutil
from pathlib import Path
from typing import Any, Self

import yaml

from support.certificates import make_certificates
from support.kube_servers import ADMIN_TOKEN, OUTSIDER_TOKEN, Etcd, KubeApiserver
from support.kubectl import Kubectl
from support.places import CRDS, copy_tree, digest, template, tool
from support.waiting import eventually

HERE = Path(__file__).parent


class KubeCluster:
    def __init__(self, folder: Path, use_template: bool = True) -> None:
        """Without the template it is a cluster on its first day, and has no CRDs."""
        self.folder = folder
        self.etcd = Etcd(folder / "etcd")
        self.pki = folder / "pki"
        if use_template:
            source = template("cluster", _template_key(), _build_template)
            copy_tree(source / "data", self.etcd.folder / "data")
            copy_tree(source / "pki", self.pki)
        else:
            make_certificates(self.pki)
        self.apiserver = KubeApiserver(
            folder / "apiserver", self.etcd.url, self.pki, bootstrapped=use_template
        )
        self.kubeconfig = self.write_kubeconfig("admin", {"token": ADMIN_TOKEN})
        self.kubectl = Kubectl(self.kubeconfig)

    def start(self, wait: bool = True) -> Self:
        self.etcd.start(wait=False)
        self.apiserver.start(wait=False)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self) -> None:
        self.etcd.wait_ready()
        self.apiserver.wait_ready()
        if self.apiserver.bootstrapped:
            self._wait_served()

    def install_crds(self) -> None:
        self.kubectl.run("apply", "--server-side", "-f", str(CRDS))
        self._wait_served()

    def _wait_served(self) -> None:
        """Not by `kubectl wait`, which fails for a CRD that has no status yet."""
        for path in _served_paths():
            ask = functools.partial(self.apiserver.request, "GET", path)
            eventually(ask, f"{path} answers")

    def stop(self) -> None:
        """The API server goes first: it hangs for a minute when its etcd is gone."""
        self.apiserver.stop()
        self.etcd.stop()

    def kill(self) -> None:
        self.apiserver.kill()
        self.etcd.kill()

    def certificate_user(self) -> dict[str, Any]:
        """The user of a kubeconfig who is an administrator by a client certificate."""
        pki = self.pki
        return {"client-certificate": f"{pki}/admin.crt", "client-key": f"{pki}/admin.key"}

    def outsider(self) -> dict[str, Any]:
        """The user of a kubeconfig who is known and may do nothing."""
        return {"token": OUTSIDER_TOKEN}

    def write_kubeconfig(self, name: str, user: dict[str, Any]) -> Path:
        """A kubeconfig whose user is given as in such a file: token, client-certificate, exec."""
        path = self.folder / f"{name}.kubeconfig"
        cluster = {
            "server": self.apiserver.url,
            "certificate-authority": str(self.pki / "ca.crt"),
        }
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        }
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        path.chmod(0o600)
        return path


def crd_files() -> list[Path]:
    return sorted(CRDS.glob("*.yaml"))


def _served_paths() -> list[str]:
    specs = [yaml.safe_load(path.read_text())["spec"] for path in crd_files()]
    return [
        f"/apis/{spec['group']}/{version['name']}/{spec['names']['plural']}"
        for spec in specs
        for version in spec["versions"]
        if version["served"]
    ]


def _template_key() -> str:
    apiserver = tool("kube-apiserver").stat()
    recipe = [HERE / f"{name}.py" for name in ("kube_cluster", "kube_servers", "certificates")]
    return digest(*crd_files(), *recipe, f"{apiserver.st_size} {apiserver.st_mtime_ns}")


def _build_template(work: Path) -> None:
    cluster = KubeCluster(work / "building", use_template=False)
    try:
        cluster.start()
        cluster.install_crds()
        cluster.stop()
    finally:
        cluster.kill()
    (cluster.etcd.folder / "data").rename(work / "data")
    cluster.pki.rename(work / "pki")
    shutil.rmtree(cluster.folder)
