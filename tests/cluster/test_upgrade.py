"""The chart from one version to another and back, and its end."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cluster.release import TENANTS
from cluster.single_node import CHART, NAMESPACE, CommandFailed, SingleNode, copy_of_chart
from support.manifests import tenant
from support.places import ROOT
from support.waiting import eventually

CRD = "crd/tenants.bulkhead.dev"
REMOVAL = re.compile(r"^1\. .*?^4\. .*?$", re.MULTILINE | re.DOTALL)

pytestmark = pytest.mark.usefixtures("release")


def crd_version(node: SingleNode) -> str:
    annotations = node.get(CRD)["metadata"]["annotations"]
    return str(annotations["bulkhead.dev/version"])


def history(node: SingleNode) -> list[dict[str, Any]]:
    return list(json.loads(node.helm("history", "bulkhead", "-n", NAMESPACE, "-o", "json")))


def test_an_upgrade_with_a_changed_crd_under_load(node: SingleNode, tmp_path: Path) -> None:
    later = copy_of_chart(tmp_path, "0.2.0")
    with node.load(TENANTS):
        node.install("--set=relay.replicas=2", chart=later)
    assert crd_version(node) == "0.2.0"
    node.kubectl("patch", "tenant", "acme", "--type=merge", "-p", '{"spec": {"comment": "new"}}')
    for name in TENANTS:
        node.wait(f"tenant/{name}")


def test_a_rollback_of_the_crd_is_refused_until_it_is_permitted(
    node: SingleNode, tmp_path: Path
) -> None:
    node.install(chart=copy_of_chart(tmp_path, "0.2.0"))
    earlier = next(r["revision"] for r in reversed(history(node)) if r["app_version"] == "0.1.0")
    rollback = ["rollback", "bulkhead", str(earlier), "-n", NAMESPACE, "--wait", "--timeout=90s"]
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


@pytest.fixture
def uninstalled(node: SingleNode) -> None:
    """The release is gone, and a Tenant whose deletion has work to do is still there."""
    node.install()
    node.apply(tenant("hooli", deletionPolicy="Delete"))
    node.wait("tenant/hooli")
    node.helm("uninstall", "bulkhead", "-n", NAMESPACE, "--wait", "--timeout=60s")


def test_uninstall_keeps_tenants_and_streams_and_does_not_hang(node: SingleNode) -> None:
    node.apply(tenant("hooli", deletionPolicy="Delete"))
    node.wait("tenant/hooli")
    before, tenants = node.streams(), node.kubectl("get", "tenants", "-o", "name")
    node.helm("uninstall", "bulkhead", "-n", NAMESPACE, "--wait", "--timeout=60s")
    assert node.streams() == before
    assert node.kubectl("get", "tenants", "-o", "name") == tenants
    eventually(lambda: node.get("-n", NAMESPACE, "pods")["items"] == [], "no pod", 60)


@pytest.mark.usefixtures("uninstalled")
def test_a_tenant_whose_controller_is_gone_can_be_released_by_hand(node: SingleNode) -> None:
    """The emergency way of docs/install.md: the stream stays."""
    delete = ["delete", "tenant", "hooli", "--timeout=2s"]
    eventually(lambda: "timed out" in node.refusal(*delete), "the policy is gone, it hangs", 30)
    node.kubectl(
        "patch", "tenant", "hooli", "--type=merge", "-p", '{"metadata":{"finalizers":null}}'
    )
    assert "hooli" not in node.kubectl("get", "tenants", "-o", "name")
    assert "TENANT_HOOLI" in node.streams()
    node.shell("nats", "stream", "rm", "TENANT_HOOLI", "--force")


@pytest.mark.parametrize("helm", ["helm3", "helm"])
def test_a_new_install_takes_over_what_was_kept(node: SingleNode, helm: str) -> None:
    """With Helm 3 and with Helm 4: the CRD of the earlier release is adopted, the streams go on."""
    values = f"--values={Path(__file__).with_name('release.yaml')}"
    options = ["-n", NAMESPACE, "--wait", "--timeout=90s"]
    with node.load(TENANTS):
        node.helm("install", "bulkhead", str(CHART), *options, values, name=helm)
        more = "--set=relay.replicas=2"
        node.helm("upgrade", "bulkhead", str(CHART), *options, values, more, name=helm)
        assert len(node.pods("relay")) == 2
        node.helm("rollback", "bulkhead", *options, name=helm)
        eventually(lambda: len(node.pods("relay")) == 1, "one relay", 60)
    for name in TENANTS:
        node.wait(f"tenant/{name}")
    node.helm("uninstall", "bulkhead", *options, name=helm)


def test_everything_can_be_removed_in_the_documented_order(node: SingleNode) -> None:
    """The commands of docs/install.md, with a Tenant of each deletion policy."""
    node.install()
    node.apply(tenant("hooli", deletionPolicy="Delete"))
    for name in [*TENANTS, "hooli"]:
        node.wait(f"tenant/{name}")
    before = set(node.streams())
    found = REMOVAL.search((ROOT / "docs" / "install.md").read_text())
    assert found
    node.run("bash", "-ec", "\n".join(re.findall(r"`((?:kubectl|helm) .*?)`", found[0])))
    for statement in re.findall(r"`(DROP .*?)`", found[0]):
        node.sql(statement)
    assert node.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == "0"
    node.sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")  # for a cluster that is kept
    assert before - set(node.streams()) == {"TENANT_HOOLI"}
    assert "bulkhead.dev" not in node.kubectl("get", "crd", "-o", "name")
    assert node.get("-n", NAMESPACE, "pods")["items"] == []
