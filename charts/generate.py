#!/usr/bin/env python3
"""Makes the chart's generated files, or with --check says which of them are out of date.

values.yaml gives values.schema.json and the table in README.md; ../crds goes to files/crds byte for
byte; ../VERSION gives version, appVersion and the images' tags in Chart.yaml. For pipelines,
examples/gitops gets the Tenant's JSON Schema, and its Lua as settings of Argo CD.
"""

import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

TOP = Path(__file__).resolve().parent.parent
CHART = TOP / "charts" / "bulkhead"
GITOPS = TOP / "examples" / "gitops"
TYPES = {bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}
KEY = re.compile(r"^( *)([A-Za-z][A-Za-z0-9]*):( |$)")


class Wrong(Exception):
    """values.yaml says something that this program does not understand."""


@dataclass
class Comment:
    """What stands above a value."""

    text: str = ""
    schema: dict[str, Any] = field(default_factory=dict)


def read_comments(text: str) -> dict[str, Comment]:
    """The comment above each key, by the key's path: `relay.image.tag`."""
    found: dict[str, Comment] = {}
    path: list[tuple[int, str]] = []
    comment = Comment()
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("# @schema "):
            comment.schema = json.loads(stripped.removeprefix("# @schema "))
        elif stripped.startswith("# -- "):
            comment = Comment(stripped.removeprefix("# -- "))
        elif stripped.startswith("#"):
            comment.text += " " + stripped.removeprefix("#").strip()
        elif match := KEY.match(line):
            indent = len(match[1])
            path = [step for step in path if step[0] < indent] + [(indent, match[2])]
            found[".".join(key for _, key in path)] = comment
            comment = Comment()
        else:
            comment = Comment()
    return found


def is_leaf(value: Any, comment: Comment) -> bool:
    """A described object is one value; an object without a description holds values."""
    return not isinstance(value, dict) or comment.text != ""


def schema_of(values: dict[str, Any], comments: dict[str, Comment], prefix: str) -> dict[str, Any]:
    properties: dict[str, Any] = {}
    for key, value in values.items():
        path = f"{prefix}{key}"
        comment = comments[path]
        if not is_leaf(value, comment):
            properties[key] = schema_of(value, comments, f"{path}.")
            continue
        if not comment.text:
            raise Wrong(f"{path} has no description")
        properties[key] = {
            "description": comment.text,
            "type": TYPES[type(value)],
            "default": value,
        } | comment.schema
    return {"type": "object", "additionalProperties": False, "properties": properties}


def make_schema(values: dict[str, Any], comments: dict[str, Comment]) -> str:
    schema = schema_of(values, comments, "")
    # Helm puts the parent chart's globals here too.
    schema["properties"]["global"]["additionalProperties"] = True
    whole = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of the Bulkhead chart",
    }
    return json.dumps(whole | schema, indent=2) + "\n"


def rows_of(values: dict[str, Any], comments: dict[str, Comment], prefix: str) -> list[str]:
    rows = []
    for key, value in values.items():
        path = f"{prefix}{key}"
        if is_leaf(value, comments[path]):
            default = json.dumps(value, separators=(", ", ": ")).replace("|", "\\|")
            text = comments[path].text.replace("|", "\\|")
            rows.append(f"| `{path}` | `{default}` | {text} |")
        else:
            rows += rows_of(value, comments, f"{path}.")
    return rows


def make_readme(values: dict[str, Any], comments: dict[str, Comment]) -> str:
    rows = ["| value | default | meaning |", "|---|---|---|", *rows_of(values, comments, "")]
    template = (CHART / "README.md.in").read_text()
    return template.replace("@VALUES@", "\n".join(rows))


def make_chart_yaml() -> str:
    version = (TOP / "VERSION").read_text().strip()
    text = (CHART / "Chart.yaml").read_text()
    text = re.sub(r"(?m)^(version|appVersion): .*$", rf"\1: {version}", text)
    return re.sub(r"(?m)^( +image: bulkhead/[a-z-]+):.*$", rf"\1:{version}", text)


def plain_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """A CRD's schema as editors and kubeconform read it: closed, in the words of JSON Schema."""
    kept = {k: v for k, v in schema.items() if not k.startswith("x-kubernetes-")}
    if schema.get("x-kubernetes-int-or-string"):
        text = {k: kept.pop(k) for k in ("pattern", "maxLength") if k in kept}
        number = {k: kept.pop(k) for k in ("minimum", "maximum") if k in kept}
        kept["oneOf"] = [{"type": "string"} | text, {"type": "integer"} | number]
    if "properties" in schema:
        kept["properties"] = {k: plain_schema(v) for k, v in schema["properties"].items()}
        kept["additionalProperties"] = False
    if "items" in schema:
        kept["items"] = plain_schema(schema["items"])
    return kept


def make_json_schemas(crd: dict[str, Any]) -> dict[Path, str]:
    made = {}
    spec = crd["spec"]
    for version in spec["versions"]:
        schema = plain_schema(version["schema"]["openAPIV3Schema"])
        # These two say which schema it is; metadata is Kubernetes' own.
        schema["properties"]["apiVersion"]["const"] = f"{spec['group']}/{version['name']}"
        schema["properties"]["kind"]["const"] = spec["names"]["kind"]
        schema["properties"]["metadata"] = {"type": "object"}
        schema = {"$schema": "http://json-schema.org/draft-07/schema#"} | schema
        schema["required"] = ["apiVersion", "kind", "metadata", "spec"]
        name = f"{spec['names']['singular']}_{version['name']}.json"
        made[GITOPS / "schemas" / spec["group"] / name] = json.dumps(schema, indent=2) + "\n"
    return made


def make_argocd_settings() -> str:
    """The Lua of argocd/bulkhead.dev as the ConfigMap that Argo CD reads it from."""
    folder = GITOPS / "argocd" / "bulkhead.dev" / "Tenant"
    actions = folder / "actions"
    lines = [
        "# Health and actions of a Tenant for Argo CD, made by charts/generate.py of bulkhead.dev/",
        "#",
        "#   kubectl -n argocd patch configmap argocd-cm --patch-file argocd-cm.yaml",
        "apiVersion: v1",
        "kind: ConfigMap",
        "metadata: {name: argocd-cm, namespace: argocd}",
        "data:",
        "  resource.customizations.health.bulkhead.dev_Tenant: |",
        *indented(folder / "health.lua", 4),
        "  resource.customizations.actions.bulkhead.dev_Tenant: |",
        "    discovery.lua: |",
        *indented(actions / "discovery.lua", 6),
        "    definitions:",
    ]
    for action in sorted(path.parent for path in actions.glob("*/action.lua")):
        lines += [f"    - name: {action.name}", "      action.lua: |"]
        lines += indented(action / "action.lua", 8)
    return "\n".join(lines) + "\n"


def indented(path: Path, columns: int) -> list[str]:
    return [" " * columns + line if line else "" for line in path.read_text().splitlines()]


def make_all() -> dict[Path, str]:
    text = (CHART / "values.yaml").read_text()
    values, comments = yaml.safe_load(text), read_comments(text)
    made = {
        CHART / "values.schema.json": make_schema(values, comments),
        CHART / "README.md": make_readme(values, comments),
        CHART / "Chart.yaml": make_chart_yaml(),
        GITOPS / "argocd" / "argocd-cm.yaml": make_argocd_settings(),
    }
    for crd in sorted((TOP / "crds").glob("*.yaml")):
        made[CHART / "files" / "crds" / crd.name.partition("_")[2]] = crd.read_text()
        made |= make_json_schemas(yaml.safe_load(crd.read_text()))
    return made


def surplus_crds(made: dict[Path, str]) -> list[Path]:
    return [path for path in (CHART / "files" / "crds").glob("*") if path not in made]


def main() -> int:
    made = make_all()
    stale = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
    stale += surplus_crds(made)
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(TOP)} is out of date: run charts/generate.py")
        return 1 if stale else 0
    for path in stale:
        if path in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(made[path])
        else:
            path.unlink()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Wrong as wrong:
        sys.exit(f"values.yaml: {wrong}")
