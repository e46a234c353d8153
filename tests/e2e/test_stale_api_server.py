"""A second API server that has fallen behind: the controller never goes back in time with it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.bulkhead import Controller
from support.faulty_apiserver import FaultyApiserver
from support.jetstream import JetStream
from support.kube_cluster import KubeCluster
from support.kube_servers import KubeApiserver
from support.kubectl import Kubectl
from support.manifests import condition, tenant
from support.nats_server import NatsServer
from support.tcp_link import TcpLink
from support.waiting import eventually

TENANTS = "/apis/bulkhead.dev/v1alpha1/tenants"
STALE_SECONDS = 3.0
REQUESTS_MAX = 60


@pytest.fixture
def link(cluster: KubeCluster) -> Iterator[TcpLink]:
    """Between the second API server and etcd."""
    with TcpLink(cluster.etcd.port) as made:
        yield made


@pytest.fixture
def second(folder: Path, cluster: KubeCluster, link: TcpLink) -> Iterator[KubeApiserver]:
    etcd = f"http://127.0.0.1:{link.port}"
    server = KubeApiserver(folder / "second", etcd, cluster.pki, bootstrapped=True)
    try:
        yield server.start()
    finally:
        server.kill()


def test_an_api_server_that_fell_behind_brings_nothing_old_back(
    folder: Path,
    cluster: KubeCluster,
    second: KubeApiserver,
    link: TcpLink,
    kubectl: Kubectl,
    nats: NatsServer,
    jetstream: JetStream,
) -> None:
    """It still shows the Tenant that is being deleted; its namesake of today must not suffer."""
    old = {"deletionPolicy": "Delete", "stream": {"maxMsgs": 5}}
    with FaultyApiserver(cluster) as apiserver:
        kubeconfig = apiserver.kubeconfig({"token": "any"})
        with Controller(folder / "controller", kubeconfig, nats.url, ["--resync=1s"]) as controller:
            kubectl.apply(tenant("acme", **old), tenant("globex", **old))
            kubectl.wait("tenant", "acme")
            kubectl.wait("tenant", "globex")
            eventually(
                lambda: b"Reconciled" in second.request("GET", f"{TENANTS}/globex"),
                "the second server knows them too",
            )
            link.freeze()
            kubectl.delete("tenant", "acme")
            kubectl.apply(tenant("acme", stream={"maxMsgs": 9}))
            kubectl.wait("tenant", "acme")
            jetstream.publish("tenant.acme.events.paid", b"{}")
            shown = json.loads(second.request("GET", f"{TENANTS}/acme?resourceVersion=0"))
            today = kubectl.get("tenant", "acme")["metadata"]["uid"]
            assert shown["metadata"]["uid"] != today  # it has indeed fallen behind
            made = jetstream.stream("TENANT_ACME")["created"]
            began = time.monotonic()
            apiserver.lead_to(second)
            time.sleep(STALE_SECONDS)
            asked = apiserver.requests_since(began)
            assert 1 <= len(asked) <= REQUESTS_MAX, asked
            assert not [what for what in asked if "resourceVersion=0" in what]
            link.thaw()
            kubectl.apply(tenant("globex", deletionPolicy="Delete", stream={"maxMsgs": 7}))
            eventually(
                lambda: jetstream.stream("TENANT_GLOBEX")["config"]["max_msgs"] == 7,
                "it goes on when the second server has caught up",
                timeout=60,
            )
            acme = jetstream.stream("TENANT_ACME")
            assert (acme["created"], acme["state"]["messages"]) == (made, 1)
            assert acme["config"]["max_msgs"] == 9
            assert not condition(kubectl.get("tenant", "acme"), "DataLossSuspected")
            assert controller.running
