"""What the chart makes of its values: the promises of its README, one by one."""

import json
import re
import subprocess
from typing import Any

import pytest
import yaml

from chart.renders import (
    CHART,
    DATABASE,
    MATRIX,
    containers,
    named,
    objects,
    of_kind,
    parse,
    pod_specs,
    render_file,
)
from support.kube_cluster import KubeCluster
from support.places import ROOT, binary

CONTROLLER = "bulkhead-controller"
RELAY = "bulkhead-relay-app"
PROVISIONER = "bulkhead-provisioner"
WEBHOOK = [
    "provisioner.enabled=true",
    "provisioner.existingSecret=a",
    "provisioner.existingTemplates=b",
]


def container(found: list[dict[str, Any]], deployment: str) -> dict[str, Any]:
    spec = named(found, "Deployment", deployment)["spec"]["template"]["spec"]
    return dict(spec["containers"][0])


def test_a_first_install_has_a_controller_and_no_relay() -> None:
    found = objects()
    assert [item["metadata"]["name"] for item in of_kind(found, "Deployment")] == [CONTROLLER]
    assert of_kind(found, "Secret") == []


@pytest.mark.parametrize("values", MATRIX, ids=lambda path: path.stem)
def test_every_container_is_restricted(values: Any) -> None:
    found = [item for item in parse(render_file(values)) if item["kind"] != "ConfigMap"]
    ours = [c for c in containers(found) if c["name"] != "sidecar"]
    assert ours
    for each in ours:
        context = each["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert "memory" in each["resources"]["limits"]
        assert "cpu" not in each["resources"]["limits"]
    for spec in pod_specs(found):
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}


def test_every_flag_is_one_that_the_program_has() -> None:
    found = [item for path in MATRIX for item in parse(render_file(path))]
    for item in [*of_kind(found, "Deployment"), *of_kind(found, "Job")]:
        part = item["metadata"]["labels"]["app.kubernetes.io/component"]
        arguments = item["spec"]["template"]["spec"]["containers"][0]["args"]
        if part == "migrate":
            part = "relay"
            assert arguments.pop(0) == "migrate"
        shown = subprocess.run([binary(f"bulkhead-{part}"), "--help"], capture_output=True)
        known = set(re.findall(r"^  (--[a-z-]+)", shown.stdout.decode(), re.MULTILINE))
        assert {argument.partition("=")[0] for argument in arguments} <= known


def test_a_digest_wins_over_a_tag() -> None:
    digest = "sha256:" + "c" * 64
    found = objects("controller.image.tag=1.0", f"controller.image.digest={digest}")
    assert container(found, CONTROLLER)["image"] == f"bulkhead/bulkhead-controller@{digest}"


def test_a_registry_goes_before_every_image() -> None:
    found = objects("global.imageRegistry=mirror.invalid/", DATABASE, "relay.migrate.enabled=true")
    images = {each["image"] for each in containers(found)}
    assert images
    assert all(image.startswith("mirror.invalid/") for image in images)


def test_the_controller_is_allowed_this_and_nothing_else() -> None:
    found = objects()
    rules = named(found, "ClusterRole", CONTROLLER)["rules"]
    assert rules == [
        {
            "apiGroups": ["bulkhead.dev"],
            "resources": ["tenants"],
            "verbs": ["get", "list", "watch", "patch"],
        },
        {"apiGroups": ["bulkhead.dev"], "resources": ["tenants/status"], "verbs": ["patch"]},
        {
            "apiGroups": [""],
            "resources": ["namespaces"],
            "resourceNames": ["kube-system"],
            "verbs": ["get"],
        },
    ]
    named_roles = {item["metadata"]["name"] for item in of_kind(found, "Role")}
    assert named_roles == {f"{CONTROLLER}-events", f"{CONTROLLER}-leader"}


def test_the_webhook_may_delete_only_if_it_is_to() -> None:
    assert named(objects(*WEBHOOK), "ClusterRole", PROVISIONER)["rules"][0]["verbs"] == [
        "get",
        "create",
        "patch",
    ]
    more = named(objects(*WEBHOOK, "provisioner.onDeleted=delete"), "ClusterRole", PROVISIONER)
    assert more["rules"][0]["verbs"] == ["get", "create", "patch", "delete"]


def test_a_webhook_that_ends_takes_requests_until_its_service_has_heard() -> None:
    for settings, seconds in (([], 5), (["provisioner.terminationGracePeriodSeconds=2"], 2)):
        ends = container(objects(*WEBHOOK, *settings), PROVISIONER)["lifecycle"]
        assert ends == {"preStop": {"sleep": {"seconds": seconds}}}


def test_no_role_of_any_render_reaches_a_secret() -> None:
    found = [item for path in MATRIX for item in parse(render_file(path))]
    for role in [*of_kind(found, "ClusterRole"), *of_kind(found, "Role")]:
        for rule in role["rules"]:
            assert "secrets" not in rule["resources"]
            assert "*" not in rule["resources"] + rule["verbs"] + rule["apiGroups"]


def test_the_relay_has_no_token_and_its_database_comes_from_a_secret() -> None:
    found = objects(DATABASE)
    spec = named(found, "Deployment", RELAY)["spec"]["template"]["spec"]
    assert spec["automountServiceAccountToken"] is False
    reference = {"secretKeyRef": {"name": "app-database", "key": "uri"}}
    assert spec["containers"][0]["env"][0]["valueFrom"] == reference


def test_nobody_fights_an_autoscaler_over_replicas() -> None:
    for mode in ("HPA", "KEDA"):
        found = objects(DATABASE, f"relay.autoscaling.mode={mode}")
        assert "replicas" not in named(found, "Deployment", RELAY)["spec"]


def test_a_table_of_the_users_own_is_told_to_relay_migration_and_autoscaler() -> None:
    found = parse(render_file(CHART / "ci" / "mapped-values.yaml"))
    expected = [
        "--table=shop.events",
        "--column-headers=",
        "--column-tenant-id=customer",
        "--status-pending=new",
    ]
    relay = container(found, "bulkhead-relay-shop")["args"]
    (job,) = of_kind(found, "Job")
    (migrate,) = job["spec"]["template"]["spec"]["containers"]
    for arguments in (relay, migrate["args"]):
        assert "--on-published=delete" in arguments
        about = [a for a in arguments if a.startswith(("--table", "--column", "--status"))]
        assert about == expected
    (scaled,) = of_kind(found, "ScaledObject")
    query = scaled["spec"]["triggers"][0]["metadata"]["query"]
    assert 'FROM "shop"."events" WHERE "status" = \'new\'' in query


def test_helm_test_inserts_only_into_a_table_that_it_knows() -> None:
    found = parse(render_file(CHART / "ci" / "mapped-values.yaml"))
    (pod,) = of_kind(found, "Pod")
    steps = [step["name"] for step in pod["spec"]["initContainers"]]
    assert "publish-event" in steps
    assert "commit-outbox-row" not in steps


def test_the_tenant_of_helm_test_can_carry_the_labels_that_are_selected() -> None:
    found = objects("controller.selector=tier=gold", "test.labels.tier=gold")
    text = named(found, "ConfigMap", "bulkhead-test")["data"]["tenant.yaml"]
    assert parse(text)[0]["metadata"]["labels"] == {"tier": "gold"}


def test_an_nkey_comes_from_a_secret() -> None:
    found = objects("nats.creds.existingSecret=login", "nats.creds.nkeyKey=seed", DATABASE)
    item = {"key": "seed", "path": "nats.nk"}
    for deployment in (CONTROLLER, RELAY):
        assert (
            "--nats-nkey=/etc/bulkhead/nats-creds/nats.nk" in container(found, deployment)["args"]
        )
        spec = named(found, "Deployment", deployment)["spec"]["template"]["spec"]
        (volume,) = spec["volumes"]
        assert volume["secret"]["secretName"] == "login"
        assert volume["secret"]["items"] == [item]
    assert "--nats-creds" not in str(found)


def test_an_autoscaler_can_go_by_any_metric() -> None:
    metric = {"type": "External", "external": {"metric": {"name": "outbox_pending"}}}
    settings = ["relay.autoscaling.mode=HPA", f"relay.autoscaling.metrics=[{json.dumps(metric)}]"]
    (scaler,) = of_kind(objects(DATABASE, *settings), "HorizontalPodAutoscaler")
    assert scaler["spec"]["metrics"] == [metric]


def test_no_render_makes_a_secret() -> None:
    """Every credential is a Secret of the user's own, by name."""
    for path in MATRIX:
        assert of_kind(parse(render_file(path)), "Secret") == []


def test_artifact_hub_is_told_the_images_and_an_example(cluster: KubeCluster) -> None:
    annotations = yaml.safe_load((CHART / "Chart.yaml").read_text())["annotations"]
    parsed = {key: yaml.safe_load(text) for key, text in annotations.items()}
    found = parse(render_file(CHART / "ci" / "provisioner-values.yaml"))
    found += objects(DATABASE)
    deployed = {c["image"] for item in of_kind(found, "Deployment") for c in containers([item])}
    assert {each["image"] for each in parsed["artifacthub.io/images"]} == deployed
    for example in parsed["artifacthub.io/crdsExamples"]:
        text = json.dumps(example)
        cluster.kubectl.run("apply", "--dry-run=server", "--validate=strict", "-f", "-", stdin=text)


def test_a_budget_is_made_only_where_a_pod_can_be_spared() -> None:
    assert of_kind(objects(DATABASE), "PodDisruptionBudget") == []
    found = objects(DATABASE, "relay.replicas=2", "controller.replicas=2")
    names = [item["metadata"]["name"] for item in of_kind(found, "PodDisruptionBudget")]
    assert names == [CONTROLLER, RELAY]


def test_the_crd_is_that_of_the_source_and_is_kept() -> None:
    crds = of_kind(objects(), "CustomResourceDefinition")
    source = parse((ROOT / "crds" / "bulkhead.dev_tenants.yaml").read_text())[0]
    assert [crd["spec"] for crd in crds] == [source["spec"]]
    assert crds[0]["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    gone = of_kind(objects("crds.keep=false"), "CustomResourceDefinition")[0]
    assert "helm.sh/resource-policy" not in gone["metadata"]["annotations"]


def test_two_releases_stand_side_by_side() -> None:
    first, second = objects(), objects("fullnameOverride=other", "crds.enabled=false")
    keys = [{(i["kind"], i["metadata"]["name"]) for i in each} for each in (first, second)]
    assert keys[0] & keys[1] == set()


def test_the_tables_of_the_readme_name_every_value() -> None:
    readme = (CHART / "README.md").read_text()
    assert "`relay.autoscaling.targetPendingRows`" in readme
    assert "@VALUES@" not in readme
