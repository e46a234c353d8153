"""The webhook with the ServiceAccount and the role that the chart makes, on a real API server."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chart.renders import objects, of_kind
from support.kube_cluster import KubeCluster
from support.kubectl import Kubectl, KubectlFailed
from support.places import new_folder
from support.webhook import Provisioner, created, event, signed, status, versions

ENABLED = [
    "provisioner.enabled=true",
    "provisioner.existingSecret=a",
    "provisioner.existingTemplates=b",
]
KINDS = ("ServiceAccount", "ClusterRole", "ClusterRoleBinding")
Start = Callable[..., Provisioner]


@pytest.fixture
def start(cluster: KubeCluster) -> Iterator[Start]:
    """Starts the webhook as what the chart made with these settings is allowed to be."""
    made: list[Any] = []
    programs: list[Provisioner] = []

    def begin(*settings: str, flags: tuple[str, ...] = ()) -> Provisioner:
        found = objects(*ENABLED, *settings)
        ours = [item for kind in KINDS for item in of_kind(found, kind)]
        made.extend(i for i in ours if i["metadata"]["name"] == "bulkhead-provisioner")
        assert [item["kind"] for item in made] == list(KINDS)
        cluster.kubectl.apply(*made)
        token = cluster.kubectl.run("create", "token", "bulkhead-provisioner", "-n", "platform")
        kubeconfig = cluster.write_kubeconfig("webhook", {"token": token.strip()})
        programs.append(Provisioner(new_folder() / "webhook", kubeconfig, flags))
        return programs[-1].start()

    yield begin
    for program in programs:
        program.stop()
    for item in made:
        cluster.kubectl.run("delete", item["kind"], item["metadata"]["name"], "--wait=true")
    cluster.kubectl.run("delete", "tenants", "--all")


def refused(kubectl: Kubectl, *arguments: str) -> bool:
    try:
        kubectl.run(*arguments)
    except KubectlFailed as failure:
        return "orbidden" in failure.message
    return False


def webhook_user(cluster: KubeCluster) -> Kubectl:
    return Kubectl(Path(cluster.folder / "webhook.kubeconfig"))


def test_the_role_is_enough_and_allows_nothing_else(cluster: KubeCluster, start: Start) -> None:
    sender = start().connect()
    for delivery in (
        created("acme"),
        signed(event("account.updated", "acme", quota="2Mi")),
        signed(event("account.suspended", "acme")),
        signed(event("account.resumed", "acme")),
        signed(event("account.deleted", "acme")),
    ):
        assert sender.send(delivery).code == 202
    assert sender.send(status("acme")).code == 200
    user = webhook_user(cluster)
    assert user.get("tenant", "acme")["spec"]["mode"] == "Suspend"
    for forbidden in (
        ("get", "tenants"),
        ("get", "tenants", "--watch"),
        ("delete", "tenant", "acme"),
        ("delete", "tenants", "--all"),
        ("patch", "tenant", "acme", "--subresource=status", "--type=merge", "-p", "{}"),
        ("get", "secrets", "-n", "platform"),
        ("get", "configmaps", "-n", "platform"),
        ("get", "namespaces"),
        ("get", "crd", "tenants.bulkhead.dev"),
        ("create", "namespace", "mine"),
        ("create", "clusterrolebinding", "mine", "--clusterrole=cluster-admin", "--user=me"),
    ):
        assert refused(user, *forbidden), forbidden
    assert list(versions(cluster.kubectl)) == ["acme"]


def test_only_the_deletion_of_tenants_takes_the_right_to_delete(
    cluster: KubeCluster, start: Start
) -> None:
    sender = start("provisioner.onDeleted=delete", flags=("--on-deleted=delete",)).connect()
    assert sender.send(created("acme")).code == 202
    assert sender.send(signed(event("account.deleted", "acme"))).code == 202
    assert versions(cluster.kubectl) == {}
    assert refused(webhook_user(cluster), "get", "secrets", "-n", "platform")
