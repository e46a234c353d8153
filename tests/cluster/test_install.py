"""What a user meets first: install, a Tenant, the chart's own test, and mistakes of every kind."""

import json
import re
from typing import Any

import pytest

from cluster.release import Release, secret
from cluster.single_node import ARCHIVES, CHART, HERE, NAMESPACE, CommandFailed, SingleNode
from support.manifests import tenant
from support.waiting import eventually

MEGABYTE = 1_000_000


def test_a_tenant_is_refused_before_there_is_a_crd(node: SingleNode) -> None:
    """A pipeline that applies all at once tries again; nothing else is needed."""
    if "tenants.bulkhead.dev" in node.kubectl("get", "crd", "-o", "name"):
        pytest.skip("the cluster is one that was kept")
    with pytest.raises(CommandFailed, match="ensure CRDs are installed first"):
        node.apply(tenant("acme"))


def test_a_controller_that_comes_first_says_what_it_waits_for(node: SingleNode) -> None:
    """Neither CRD nor NATS is there; the next test but one brings both."""
    values = f"--values={HERE / 'early.yaml'}"
    node.helm("upgrade", "early", str(CHART), "--install", values, name="helm3")
    log = "deploy/early-bulkhead-controller"
    eventually(lambda: "not connected to NATS yet" in node.kubectl("logs", log), "it says so", 30)
    assert node.get("-n", "default", log)["status"].get("readyReplicas", 0) == 0


def test_the_first_tenant_is_ready_within_thirty_seconds(release: Release) -> None:
    print(f"\ninstalled in {release.install_seconds:.1f} s, ready at {release.ready_seconds:.1f} s")
    assert release.ready_seconds < 30


@pytest.mark.usefixtures("release")
def test_a_controller_that_came_first_finds_everything_by_itself(node: SingleNode) -> None:
    manifest = tenant("early-bird")
    manifest["metadata"]["labels"] = {"team": "early"}
    node.apply(manifest)
    log = "deploy/early-bulkhead-controller"
    node.kubectl("rollout", "status", log, "--timeout=60s")
    node.kubectl("-n", "servers", "create", "service", "clusterip", "nats-late", "--tcp=4222")
    node.kubectl("-n", "servers", "set", "selector", "service/nats-late", "app=nats")
    node.wait("tenant/early-bird", seconds=60)
    node.kubectl("delete", "tenant", "early-bird")
    node.helm("uninstall", "early", "--wait", name="helm3")


def test_the_images_are_small() -> None:
    sizes = {path.stem: path.stat().st_size / MEGABYTE for path in ARCHIVES.glob("*.tar")}
    print("\n" + ", ".join(f"{name} {size:.1f} MB" for name, size in sorted(sizes.items())))
    assert len(sizes) >= 2
    assert max(sizes.values()) < 60


@pytest.mark.usefixtures("release")
def test_helm_test_moves_an_event(node: SingleNode) -> None:
    log = node.helm("test", "bulkhead", "-n", NAMESPACE, "--logs", "--timeout=120s")
    assert "subj: tenant.helm-test.events.helm-test" in log
    assert "TENANT_HELM-TEST" not in node.streams()


@pytest.mark.usefixtures("release")
def test_the_controller_may_do_what_it_needs_and_nothing_else(node: SingleNode) -> None:
    account = f"system:serviceaccount:{NAMESPACE}:bulkhead-controller"
    assert node.may(account, "watch", "tenants.bulkhead.dev")
    tenants = "tenants.bulkhead.dev"
    for question in ["get secrets", f"delete {tenants}", "create pods", "list namespaces"]:
        assert not node.may(account, *question.split())
    assert "forbidden" not in node.logs("deploy/bulkhead-controller").lower()
    assert "an Event is lost" not in node.logs("deploy/bulkhead-controller")


@pytest.mark.usefixtures("release")
def test_the_relay_has_no_token(node: SingleNode) -> None:
    for pod in node.pods("relay"):
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert [v for v in pod["spec"].get("volumes", []) if "projected" in v] == []


@pytest.mark.usefixtures("release")
def test_the_next_step_of_the_notes_works_as_it_stands(node: SingleNode) -> None:
    """Every command of NOTES.txt, in a shell, as someone would paste it."""
    notes = node.helm("get", "notes", "bulkhead", "-n", NAMESPACE).replace("acme", "pasted")
    commands = [line.removeprefix("  ") for line in notes.splitlines() if line.startswith("  ")]
    assert len(commands) > 10
    said = node.run("bash", "-ec", "\n".join(commands))
    assert "tenant.bulkhead.dev/pasted condition met" in said
    assert re.search(r"Phase: +Succeeded", said)
    node.remove("pasted")


@pytest.mark.usefixtures("release")
def test_the_clusters_own_roles_include_tenants(node: SingleNode) -> None:
    """The aggregation is done by the cluster's controller, some moments after the install."""
    may = {
        "view": {"get": True, "create": False, "delete": False},
        "edit": {"get": True, "create": True, "delete": False},
        "admin": {"get": True, "create": True, "delete": True},
    }
    for role in may:
        binding = ["create", "clusterrolebinding", f"a-{role}", f"--clusterrole={role}"]
        node.kubectl(*binding, f"--user=a-{role}")
    answers = {
        role: {verb: node.may(f"a-{role}", verb, "tenants.bulkhead.dev") for verb in verbs}
        for role, verbs in may.items()
    }
    node.kubectl("delete", "clusterrolebinding", *(f"a-{role}" for role in may))
    assert answers == may


@pytest.mark.usefixtures("release")
def test_what_was_applied_is_what_there_is(node: SingleNode) -> None:
    """kubectl diff ends with 0 only if there is no difference: the controller wrote no spec."""
    manifest = json.dumps(tenant("acme", consumers=["billing"]))
    assert node.kubectl("diff", "-f", "-", stdin=manifest) == ""


@pytest.mark.usefixtures("release")
def test_metrics_are_served_to_the_cluster(node: SingleNode) -> None:
    page = node.run(
        "curl", "-sf", f"http://{node.pods('controller')[0]['status']['podIP']}:8080/metrics"
    )
    assert re.search(r"^bulkhead_tenants \d+$", page, re.MULTILINE)


@pytest.mark.usefixtures("release")
def test_a_tenant_that_cannot_be_is_stalled(node: SingleNode) -> None:
    node.shell("nats", "stream", "add", "TENANT_TAKEN", "--subjects=taken", "--defaults")
    node.apply(tenant("taken"))
    node.wait("tenant/taken", "Stalled")
    assert "timed out" in node.refusal(
        "wait", "--for=condition=Ready", "tenant/taken", "--timeout=2s"
    )
    node.shell("nats", "stream", "rm", "TENANT_TAKEN", "--force")
    node.kubectl("annotate", "tenant", "taken", "bulkhead.dev/reconcile-at=now")
    node.wait("tenant/taken", "Ready", 90)
    node.remove("taken")


@pytest.mark.usefixtures("release")
def test_helm_install_waits_for_a_tenant(node: SingleNode) -> None:
    """Helm 4 knows a Tenant's state by its conditions."""
    node.helm("install", "good", str(HERE / "tenant-chart"), "--wait", "--timeout=60s")
    assert "good-tenant" in node.kubectl("get", "tenants", "-o", "name")
    node.helm("uninstall", "good", "--wait", "--timeout=60s")
    node.shell("nats", "stream", "rm", "TENANT_GOOD-TENANT", "--force")


@pytest.mark.usefixtures("release")
def test_helm_install_fails_at_once_for_a_stalled_tenant(node: SingleNode) -> None:
    node.shell("nats", "stream", "add", "TENANT_BAD-TENANT", "--subjects=bad", "--defaults")
    with pytest.raises(CommandFailed, match=r"(?i)failed"):
        node.helm("install", "bad", str(HERE / "tenant-chart"), "--wait", "--timeout=100s")
    assert condition_of(node, "bad-tenant", "Stalled")["reason"] == "ExistsUnowned"
    node.helm("uninstall", "bad", "--wait", "--timeout=60s")
    node.shell("nats", "stream", "rm", "TENANT_BAD-TENANT", "--force")


@pytest.mark.usefixtures("release")
def test_a_missing_secret_shows_in_the_pods_events(node: SingleNode) -> None:
    no_migration = "--set=relay.migrate.enabled=false"
    node.install("--set-json", databases("late-database"), no_migration, "--wait=hookOnly")
    late = ["-n", NAMESPACE, "describe", "pods", "-l", "bulkhead.dev/database=late"]
    missing = 'secret "late-database" not found'
    eventually(lambda: missing in node.kubectl(*late), missing, 30)
    node.apply(secret("late-database", url="under another key"))
    eventually(lambda: "couldn't find key uri in Secret" in node.kubectl(*late), "it says so", 60)
    node.apply(secret("late-database", uri="postgresql://app@nowhere.servers/postgres"))
    eventually(
        lambda: "nowhere.servers" in node.logs("deploy/bulkhead-relay-late"), "a clear line", 60
    )
    line = next(x for x in node.logs("deploy/bulkhead-relay-late").splitlines() if "nowhere" in x)
    print(f"\n{line}")
    node.install()


def databases(second: str) -> str:
    items = [
        {"name": "app", "existingSecret": "app-database"},
        {"name": "late", "existingSecret": second},
    ]
    return f"relay.databases={json.dumps(items)}"


def condition_of(node: SingleNode, name: str, kind: str) -> dict[str, Any]:
    conditions = node.get("tenant", name)["status"]["conditions"]
    return next(dict(c) for c in conditions if c["type"] == kind)
