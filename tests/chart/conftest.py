"""An API server that knows every kind which the chart can make."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.kube_cluster import KubeCluster
from support.places import new_folder


@pytest.fixture(scope="session")
def cluster() -> Iterator[KubeCluster]:
    folder = new_folder()
    cluster = KubeCluster(folder)
    try:
        cluster.start()
        foreign = Path(__file__).with_name("foreign_crds.yaml")
        cluster.kubectl.run("apply", "-f", str(foreign))
        cluster.kubectl.run("wait", "--for=condition=Established", "crd", "--all")
        for namespace in ("platform", "bulkhead", "argocd", "flux-system"):
            cluster.kubectl.run("create", "namespace", namespace)
        cluster.kubectl.run("config", "set-context", "--current", "--namespace=platform")
        yield cluster
        cluster.stop()
    finally:
        cluster.kill()
        shutil.rmtree(folder, ignore_errors=True)
