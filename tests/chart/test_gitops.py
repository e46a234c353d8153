"""The material for Argo CD, Flux and pipelines does what its fixtures and the API server say."""

import json
import re
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
FLUX = GITOPS / "flux" / "platform.yaml"
PIPELINES = [
    FLUX,
    GITOPS / "flux" / "bulkhead" / "helm-release.yaml",
    GITOPS / "argocd" / "applications.yaml",
    GITOPS / "platform" / "database.yaml",
]
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


def test_every_tenant_is_guarded_against_pruning_and_comes_in_a_wave(cluster: KubeCluster) -> None:
    built = parse(cluster.kubectl.run("kustomize", str(GITOPS / "tenants")))
    assert len(built) == 2
    for item in built:
        annotations = item["metadata"]["annotations"]
        assert annotations["argocd.argoproj.io/sync-options"] == "Prune=confirm,Delete=confirm"
        assert annotations["kustomize.toolkit.fluxcd.io/prune"] == "disabled"
        assert annotations["argocd.argoproj.io/sync-wave"] == "2"


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.stem)
def test_what_is_for_a_pipeline_has_the_fields_of_its_kind(
    cluster: KubeCluster, path: Path
) -> None:
    dry = ["apply", "--server-side", "--dry-run=server", "--validate=strict"]
    said = cluster.kubectl.run(*dry, "-f", str(path))
    assert len(said.splitlines()) == len(parse(path.read_text()))


def test_the_chart_comes_in_a_wave_before_the_tenants() -> None:
    applications = parse((GITOPS / "argocd" / "applications.yaml").read_text())
    waves = {
        item["metadata"]["name"]: item["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"]
        for item in applications
    }
    assert waves == {"bulkhead": "1", "tenants": "2"}


def test_flux_waits_for_the_chart_before_the_tenants() -> None:
    found = {item["metadata"]["name"]: item["spec"] for item in parse(FLUX.read_text())}
    assert found["tenants"]["dependsOn"] == [{"name": "bulkhead"}]
    assert found["bulkhead"]["wait"] is found["tenants"]["wait"] is True


def test_every_path_that_a_pipeline_names_is_there() -> None:
    """In the example, but for the chart, which a repository like it holds a copy of."""
    text = "".join(path.read_text() for path in PIPELINES)
    named = set(re.findall(r"(?:path: |chart: |\$values/|valuesFiles: \[)([^\s\]]+)", text))
    assert {"charts/bulkhead", "./tenants", "tenants"} <= named
    for path in named:
        assert (ROOT / path).exists() or (GITOPS / path).exists(), path


def test_the_readme_of_the_example_names_every_folder() -> None:
    lines = (GITOPS / "README.md").read_text().splitlines()
    named = {line.partition("/")[0] for line in lines if re.match(r"[a-z]+/ ", line)}
    assert named == {path.name for path in GITOPS.iterdir() if path.is_dir()}


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
