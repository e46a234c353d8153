"""Every alert has its runbook, and asks for metrics that there are."""

import re
from typing import Any

import pytest
import yaml

from chart.renders import CHART, DATABASE, objects, of_kind
from support.places import ROOT

ALERTS = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())["alerts"]
RUNBOOKS = ROOT / "docs" / "runbooks"
ON = "metrics.prometheusRule.enabled=true"
WEBHOOK = [
    "provisioner.enabled=true",
    "provisioner.existingSecret=a",
    "provisioner.existingTemplates=b",
]
EVERY_PART = [DATABASE, *WEBHOOK]


def rules(*settings: str) -> list[dict[str, Any]]:
    found = of_kind(objects(ON, *settings), "PrometheusRule")
    return [rule for item in found for group in item["spec"]["groups"] for rule in group["rules"]]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_asks_for_metrics_that_there_are(alert: dict[str, Any]) -> None:
    documented = (ROOT / "docs" / "metrics.md").read_text()
    prefix = "bulkhead|controller_runtime|workqueue|leader_election|rest_client"
    asked = re.findall(rf"\b(?:{prefix})_[a-z_]+", alert["expr"])
    assert asked
    for name in asked:
        assert f"`{name}`" in documented


@pytest.mark.parametrize("rule", rules(*EVERY_PART), ids=lambda rule: rule["alert"])
def test_an_alert_has_its_runbook(rule: dict[str, Any]) -> None:
    name = rule["annotations"]["runbook_url"].rpartition("/")[2]
    assert f"`{rule['alert']}`" in (RUNBOOKS / f"{name}.md").read_text()
    assert rule["labels"]["severity"] in ("critical", "warning")


def test_every_runbook_has_its_alert() -> None:
    named = {rule["annotations"]["runbook_url"].rpartition("/")[2] for rule in rules(*EVERY_PART)}
    assert named == {path.stem for path in RUNBOOKS.glob("*.md")}


def test_a_release_has_alerts_about_its_own_parts_alone() -> None:
    assert {rule["alert"] for rule in rules()} == {
        alert["alert"] for alert in ALERTS if alert["part"] == "controller"
    }


def test_alerts_can_be_left_out_and_labelled() -> None:
    settings = [
        "metrics.prometheusRule.exclude={BulkheadQueueGrows}",
        "metrics.prometheusRule.alertLabels.team=platform",
    ]
    found = rules(*settings)
    assert "BulkheadQueueGrows" not in {rule["alert"] for rule in found}
    assert {rule["labels"]["team"] for rule in found} == {"platform"}
