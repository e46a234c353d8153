"""The chart from one version to another and back, and its end."""

import json
from pathlib import Path

import pytest

from cluster.release import TENANTS
from cluster.single_node import CHART, NAMESPACE, CommandFailed, SingleNode, copy_of_chart
from support.manifests import tenant
from support.waiting import eventually

CRD = "crd/tenants.bulkhead.dev"

pytestmark = pytest.mark.usefixtures("release")


def crd_version(node: SingleNode) -> str:
    annotations = node.get(CRD)["metadata"]["annotations"]
    return str(annotations["bulkhead.dev/version"])


def revision(node: SingleNode) -> str:
    history = json.loads(node.helm("history", "bulkhead", "-n", NAMESPACE, "-o", "json"))
    return str(history[-1]["revision"])


def test_an_upgrade_with_a_changed_crd_under_load(node: SingleNode, tmp_path: Path) -> None:
    later = copy_of_chart(tmp_path, "0.2.0")
    with node.load(TENANTS):
        node.install("--set=relay.replicas=2", chart=later)
    assert crd_version(node) == "0.2.0"
    node.kubectl("patch", "tenant", "acme", "--type=merge", "-p", '{"spec": {"comment": "new"}}')
    for name in TENANTS:
        node.wait(f"tenant/{name}")


def test_a_rollback_of_the_crd_is_refused_until_it_is_permitted(node: SingleNode) -> None:
    if crd_version(node) != "0.2.0":
        pytest.skip("needs the upgrade before it")
    last = revision(node)
    before = str(int(last) - 1)
    rollback = ["rollback", "bulkhead", before, "-n", NAMESPACE, "--wait", "--timeout=90s"]
    with pytest.raises(CommandFailed, match="allow-downgrade=true"):
        node.helm(*rollback)
    node.kubectl("annotate", CRD, "bulkhead.dev/allow-downgrade=true")
    with node.load(TENANTS):
        node.helm(*rollback)
    assert crd_version(node) == "0.1.0"
    node.kubectl("annotate", CRD, "bulkhead.dev/allow-downgrade-")
    for name in TENANTS:
        node.wait(f"tenant/{name}")


def test_a_crd_that_is_kept_is_not_deleted_by_mistake(node: SingleNode) -> None:
    assert "every Tenant would be deleted" in node.refusal("delete", CRD)


def test_a_tenant_with_deletion_policy_delete_is_protected(node: SingleNode) -> None:
    node.apply(tenant("hooli", deletionPolicy="Delete"))
    node.wait("tenant/hooli")
    assert "kubectl annotate tenant hooli" in node.refusal("delete", "tenant", "hooli")
    node.kubectl("annotate", "tenant", "hooli", "bulkhead.dev/allow-delete=true")
    node.kubectl("delete", "tenant", "hooli", "--timeout=30s")
    assert "TENANT_HOOLI" not in node.streams()


def test_uninstall_keeps_tenants_and_streams_and_does_not_hang(node: SingleNode) -> None:
    node.apply(tenant("hooli", deletionPolicy="Delete"))
    node.wait("tenant/hooli")
    before, tenants = node.streams(), node.kubectl("get", "tenants", "-o", "name")
    node.helm("uninstall", "bulkhead", "-n", NAMESPACE, "--wait", "--timeout=60s")
    assert node.streams() == before
    assert node.kubectl("get", "tenants", "-o", "name") == tenants
    eventually(lambda: node.get("-n", NAMESPACE, "pods")["items"] == [], "no pod", 60)


def test_a_tenant_whose_controller_is_gone_can_be_released_by_hand(node: SingleNode) -> None:
    """The emergency way of docs/install.md: the stream stays."""
    if node.get("-n", NAMESPACE, "pods")["items"]:
        pytest.skip("needs the uninstall before it")
    with pytest.raises(CommandFailed, match="timed out"):
        node.kubectl("delete", "tenant", "hooli", "--timeout=2s")
    node.kubectl(
        "patch", "tenant", "hooli", "--type=merge", "-p", '{"metadata":{"finalizers":null}}'
    )
    assert "hooli" not in node.kubectl("get", "tenants", "-o", "name")
    assert "TENANT_HOOLI" in node.streams()


@pytest.mark.parametrize("helm", ["helm3", "helm"])
def test_a_new_install_takes_over_what_was_kept(node: SingleNode, helm: str) -> None:
    """With Helm 3 and with Helm 4: the CRD of the earlier release is adopted, the streams go on."""
    values = Path(__file__).with_name("release.yaml")
    options = ["-n", NAMESPACE, "--wait", "--timeout=90s", f"--values={values}"]
    node.helm("install", "bulkhead", str(CHART), *options, name=helm)
    with node.load(TENANTS):
        for name in TENANTS:
            node.wait(f"tenant/{name}")
    node.helm("uninstall", "bulkhead", "-n", NAMESPACE, "--wait", "--timeout=60s", name=helm)
