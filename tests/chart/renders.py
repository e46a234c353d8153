"""Renders of the chart, and what a test asks them."""

import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from support.places import ROOT, tool

CHART = ROOT / "charts" / "bulkhead"
MATRIX = sorted((CHART / "ci").glob("*-values.yaml"))
HELMS = ["helm", "helm3"]
DATABASE = 'relay.databases=[{"name": "app", "existingSecret": "app-database"}]'


class Refused(AssertionError):
    """Helm refused the values; the text says why."""


def run_helm(name: str, *arguments: str) -> str:
    done = subprocess.run(
        [tool(name), *arguments], capture_output=True, text=True, timeout=60, cwd=CHART
    )
    if done.returncode != 0:
        raise Refused(done.stderr + done.stdout)
    return done.stdout


@cache
def render(helm: str, *options: str, kubernetes: str = "1.36") -> str:
    fixed = ["--namespace=platform", f"--kube-version={kubernetes}"]
    return run_helm(helm, "template", "bulkhead", ".", *fixed, *options)


def render_file(values: Path, helm: str = "helm") -> str:
    return render(helm, f"--values={values}")


def objects(*settings: str, helm: str = "helm") -> list[dict[str, Any]]:
    """What the chart makes with these settings: `a=b`, or `a=[...]` as JSON."""
    options = [f"--set{'-json' if '=[' in setting else ''}={setting}" for setting in settings]
    return parse(render(helm, *options))


def parse(text: str) -> list[dict[str, Any]]:
    return [item for item in yaml.safe_load_all(text) if item]


def of_kind(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [item for item in found if item["kind"] == kind]


def named(found: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    return next(item for item in of_kind(found, kind) if item["metadata"]["name"] == name)


def pod_specs(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of everything that makes pods, tests and hooks included."""
    pods = [item["spec"] for item in of_kind(found, "Pod")]
    return pods + [
        item["spec"]["template"]["spec"] for item in found if "template" in item.get("spec", {})
    ]


def containers(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        container
        for spec in pod_specs(found)
        for container in [*spec.get("initContainers", []), *spec["containers"]]
    ]
