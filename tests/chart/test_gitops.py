"""The material for Argo CD, Flux and pipelines does what its fixtures and the API server say."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from chart.lua import run
from chart.renders import Refused, objects, parse, render_file, run_helm
from support.kube_cluster import KubeCluster
from support.kubectl import KubectlFailed
from support.manifests import tenant
from support.places import ROOT
from support.waiting import eventually

GITOPS = ROOT / "examples" / "gitops"
TENANT = GITOPS / "argocd" / "bulkhead.dev" / "Tenant"
SCHEMA = GITOPS / "schemas" / "bulkhead.dev" / "tenant_v1alpha1.json"
HEALTH = yaml.safe_load((TENANT / "health_test.yaml").read_text())["tests"]
ACTIONS = yaml.safe_load((TENANT / "actions" / "action_test.yaml").read_text())


def read(path: str) -> Any:
    return yaml.safe_load((TENANT / path).read_text())


@pytest.mark.parametrize("case", HEALTH, ids=lambda case: Path(case["inputPath"]).stem)
def test_argo_cd_shows_the_health(case: dict[str, Any]) -> None:
    assert run(TENANT / "health.lua", read(case["inputPath"])) == case["healthStatus"]


def test_every_state_has_a_fixture() -> None:
    states = {case["healthStatus"]["status"] for case in HEALTH}
    assert states == {"Healthy", "Progressing", "Degraded", "Suspended"}


@pytest.mark.parametrize("case", ACTIONS["discoveryTests"], ids=lambda case: case["inputPath"])
def test_argo_cd_offers_the_actions(case: dict[str, Any]) -> None:
    offered = run(TENANT / "actions" / "discovery.lua", read(case["inputPath"]))
    expected = {each["name"]: {"disabled": each["disabled"]} for each in case["result"]}
    assert offered == expected


@pytest.mark.parametrize("case", ACTIONS["actionTests"], ids=lambda case: case["action"])
def test_an_action_changes_this_and_nothing_else(case: dict[str, Any]) -> None:
    changed = run(TENANT / "actions" / case["action"] / "action.lua", read(case["inputPath"]))
    assert changed == read(case["expectedOutputPath"])


def test_an_actions_result_is_a_tenant_that_the_api_server_takes(cluster: KubeCluster) -> None:
    for case in ACTIONS["actionTests"]:
        cluster.kubectl.run(
            "apply", "--dry-run=server", "-f", str(TENANT / case["expectedOutputPath"])
        )


def test_the_settings_of_argo_cd_hold_the_scripts() -> None:
    data = yaml.safe_load((GITOPS / "argocd" / "argocd-cm.yaml").read_text())["data"]
    health = data["resource.customizations.health.bulkhead.dev_Tenant"]
    assert health == (TENANT / "health.lua").read_text()
    actions = yaml.safe_load(data["resource.customizations.actions.bulkhead.dev_Tenant"])
    scripts = {each["name"]: each["action.lua"] for each in actions["definitions"]}
    assert set(scripts) == {case["action"] for case in ACTIONS["actionTests"]}
    for name, script in scripts.items():
        assert script == (TENANT / "actions" / name / "action.lua").read_text()


def test_the_example_tenants_are_taken_with_their_plans(cluster: KubeCluster) -> None:
    built = cluster.kubectl.run("kustomize", str(GITOPS / "tenants"))
    cluster.kubectl.run("apply", "--server-side", "--dry-run=server", "-f", "-", stdin=built)
    gold = next(item for item in parse(built) if item["metadata"]["name"] == "contoso")
    assert gold["spec"]["stream"]["maxBytes"] == "20Gi"
    assert gold["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/prune"] == "disabled"
    assert "metadata.name" not in built


def test_the_example_values_fit_the_chart(cluster: KubeCluster) -> None:
    rendered = render_file(GITOPS / "platform" / "bulkhead-values.yaml")
    dry = ["apply", "--server-side", "--dry-run=server", "--validate=strict"]
    cluster.kubectl.run(*dry, "-f", "-", stdin=rendered)


def test_argo_cd_and_the_controller_own_different_fields(cluster: KubeCluster) -> None:
    """What a pipeline applied shows no difference after the controller has written its status."""
    manifest = json.dumps(tenant("owned", consumers=["billing"]))
    apply = ["apply", "--server-side", "--field-manager=argocd-controller", "-f", "-"]
    cluster.kubectl.run(*apply, stdin=manifest)
    status = {"status": {"observedGeneration": 1, "lag": 7}}
    patch = ["patch", "tenant", "owned", "--subresource=status", "--type=merge", "-p"]
    cluster.kubectl.run(*patch, json.dumps(status), "--field-manager=bulkhead-controller")
    cluster.kubectl.run(
        "diff", "--server-side", "--field-manager=argocd-controller", "-f", "-", stdin=manifest
    )
    cluster.kubectl.delete("tenant", "owned")


def validated(folder: Path, manifest: dict[str, Any]) -> None:
    """By the JSON Schema alone, with the validator that Helm has for its values."""
    folder.mkdir(exist_ok=True)
    (folder / "Chart.yaml").write_text("apiVersion: v2\nname: schema\nversion: 0.1.0\n")
    (folder / "values.schema.json").write_text(SCHEMA.read_text())
    (folder / "manifest.yaml").write_text(yaml.safe_dump(manifest))
    run_helm("helm", "template", str(folder), f"--values={folder / 'manifest.yaml'}")


def test_the_json_schema_takes_every_example(tmp_path: Path) -> None:
    examples = [
        *(ROOT / "examples" / "tenants").glob("*.yaml"),
        *(TENANT / "testdata").glob("*.yaml"),
    ]
    manifests = [item for path in examples for item in parse(path.read_text())]
    assert len(manifests) > 10
    for manifest in manifests:
        validated(tmp_path / "chart", manifest)


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"streams": {}}, "additional properties 'streams' not allowed"),
        ({"stream": {"storage": "Disk"}}, "at '/spec/stream/storage'"),
        ({"stream": {"maxAge": "1d"}}, "at '/spec/stream/maxAge'"),
        ({"stream": {"maxBytes": "lots"}}, "at '/spec/stream/maxBytes'"),
        ({"consumers": [{"ackWait": "30s"}]}, "missing property 'name'"),
    ],
)
def test_the_json_schema_refuses_what_the_crd_refuses(
    tmp_path: Path, spec: dict[str, Any], complaint: str
) -> None:
    with pytest.raises(Refused) as refusal:
        validated(
            tmp_path / "chart",
            tenant("acme", **spec) if "consumers" not in spec else tenant("acme") | {"spec": spec},
        )
    assert complaint in str(refusal.value)


def refusal(cluster: KubeCluster, name: str) -> str:
    """What is said against deleting a Tenant; a policy is in force a moment after it was made."""
    try:
        cluster.kubectl.run("delete", "tenant", name, "--dry-run=server")
    except KubectlFailed as failure:
        return failure.message
    return ""


def test_the_chart_protects_tenants_that_lose_data(cluster: KubeCluster) -> None:
    found = [item for item in objects() if item["kind"].startswith("ValidatingAdmissionPolicy")]
    for item in found:
        cluster.kubectl.apply(item)
    cluster.kubectl.apply(tenant("kept"), tenant("dear", deletionPolicy="Delete"))
    eventually(lambda: "kubectl annotate tenant dear" in refusal(cluster, "dear"), "it is refused")
    cluster.kubectl.delete("tenant", "kept")
    cluster.kubectl.run("annotate", "tenant", "dear", "bulkhead.dev/allow-delete=true")
    cluster.kubectl.delete("tenant", "dear")
    for item in found:
        cluster.kubectl.delete(item["kind"], item["metadata"]["name"])
