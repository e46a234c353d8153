"""The release with everything switched on that is off by default."""

from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from cluster.release import TENANTS, secret
from cluster.single_node import CHART, HERE, NAMESPACE, SingleNode
from support.places import ROOT
from support.waiting import eventually

FOREIGN_CRDS = ROOT / "tests" / "chart" / "foreign_crds.yaml"
VALUES = [f"--values={HERE / name}" for name in ("release.yaml", "everything.yaml")]
DATABASES = {"app": "postgres", "debezium": "debezium"}
PARTS = {"controller": 2, "relay": 4}
# Of Debezium's outbox event router, with a column for the tenant and one for the order.
DEBEZIUM = """CREATE TABLE outboxevent (
    seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE, id uuid DEFAULT gen_random_uuid(),
    aggregatetype text NOT NULL, aggregateid text NOT NULL, type text NOT NULL,
    payload jsonb NOT NULL, tenant text NOT NULL)"""


pytestmark = pytest.mark.usefixtures("release")


@pytest.fixture(scope="module", autouse=True)
def everything(node: SingleNode) -> Iterator[None]:
    node.kubectl("apply", "-f", str(FOREIGN_CRDS))
    node.kubectl("wait", "--for=condition=Established", "crd", "--all")
    node.sql("CREATE DATABASE debezium")
    node.sql(DEBEZIUM, database="debezium")
    node.apply(secret("debezium-database", uri="postgresql://app@postgres.servers/debezium"))
    node.install(*VALUES)
    yield
    node.install()


def test_events_flow_with_everything_switched_on(node: SingleNode) -> None:
    with node.load(TENANTS):
        node.helm("test", "bulkhead", "-n", NAMESPACE, "--timeout=120s")
    assert {part: len(node.pods(part)) for part in PARTS} == PARTS


def test_a_table_of_the_users_own_is_migrated_and_relayed(node: SingleNode) -> None:
    before = node.messages("acme")
    node.sql(
        "INSERT INTO outboxevent (aggregatetype, aggregateid, type, payload, tenant)"
        " VALUES ('order', '4711', 'order-paid', '{}', 'acme')",
        database="debezium",
    )
    eventually(lambda: node.messages("acme") == before + 1, "the event is in the stream", 30)
    assert node.sql("SELECT count(*) FROM outboxevent", database="debezium") == "0"


def test_the_question_of_keda_is_one_that_each_database_answers(node: SingleNode) -> None:
    keda = ["--set=relay.autoscaling.mode=KEDA", "--show-only=templates/relay-autoscaling.yaml"]
    made = list(yaml.safe_load_all(node.helm("template", "bulkhead", str(CHART), *VALUES, *keda)))
    assert len(made) == len(DATABASES)
    for item in made:
        database = DATABASES[item["metadata"]["labels"]["bulkhead.dev/database"]]
        query = item["spec"]["triggers"][0]["metadata"]["query"]
        assert int(node.sql(query, database)) == 0


def selected(node: SingleNode, kind: str, monitor: dict[str, Any]) -> list[dict[str, Any]]:
    labels = monitor["spec"]["selector"]["matchLabels"]
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    return list(node.get("-n", NAMESPACE, kind, "-l", selector)["items"])


def addresses_of_services(node: SingleNode, monitor: dict[str, Any]) -> list[str]:
    port = monitor["spec"]["endpoints"][0]["port"]
    found = []
    for service in selected(node, "services", monitor):
        name = f"kubernetes.io/service-name={service['metadata']['name']}"
        for each in node.get("-n", NAMESPACE, "endpointslices", "-l", name)["items"]:
            number = next(p["port"] for p in each["ports"] if p["name"] == port)
            found += [f"{end['addresses'][0]}:{number}" for end in each["endpoints"]]
    return found


def addresses_of_pods(node: SingleNode, monitor: dict[str, Any]) -> list[str]:
    port = monitor["spec"]["podMetricsEndpoints"][0]["port"]
    return [
        f"{pod['status']['podIP']}:{declared['containerPort']}"
        for pod in selected(node, "pods", monitor)
        for container in pod["spec"]["containers"]
        for declared in container["ports"]
        if declared["name"] == port
    ]


FINDERS = {"servicemonitor": addresses_of_services, "podmonitor": addresses_of_pods}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("kind", FINDERS)
def test_a_monitor_finds_the_metrics_of_each_pod(node: SingleNode, kind: str, part: str) -> None:
    """It is followed as the Prometheus operator would: selector, port by name, path."""
    monitor = node.get("-n", NAMESPACE, kind, f"bulkhead-{part}")
    found = FINDERS[kind](node, monitor)
    assert len(found) == PARTS[part]
    for address in found:
        assert "bulkhead_" in node.run("curl", "-sf", f"http://{address}/metrics")
