"""A NATS that asks who is there: what controller and relay show it comes from Secrets alone."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.release import secret
from cluster.single_node import CHART, HERE, NAMESPACE, SingleNode
from support.certificates import make_certificates, name_server
from support.places import ROOT
from support.waiting import eventually

EXAMPLE = ROOT / "examples" / "gitops" / "platform" / "nats-values.yaml"
HOST = "nats-secured.servers"
PASSWORDS = {"controller": "controller-7f3a", "relay": "relay-91cc"}
WRONG = "wrong-b2e8"
VALUES = f"--values={HERE / 'secured.yaml'}"
WAIT = ["-n", NAMESPACE, "--wait", "--timeout=90s"]

pytestmark = pytest.mark.usefixtures("release")


def config() -> str:
    """The users of the example, with the permissions that it gives them, behind mutual TLS."""
    accounts = yaml.safe_load(EXAMPLE.read_text())["config"]["merge"]["accounts"]
    for user in accounts["PLATFORM"]["users"]:
        user["password"] = PASSWORDS[user["user"]]
    tls = {f"{name}_file": f"/tls/{file}" for name, file in FILES.items()} | {"verify": True}
    settings = {"http": 8222, "jetstream": {"store_dir": "/data"}, "tls": tls, "accounts": accounts}
    return json.dumps(settings)


FILES = {"ca": "ca.crt", "cert": "server.crt", "key": "server.key"}


def server(certificates: Path) -> list[dict[str, Any]]:
    files = {file: (certificates / file).read_text() for file in FILES.values()}
    files["nats.conf"] = config()
    metadata = {"name": "nats-secured", "namespace": "servers", "labels": {"app": "nats-secured"}}
    container = {
        "name": "nats",
        "image": "registry.invalid/tools:1",
        "command": ["nats-server", "--config=/tls/nats.conf"],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": 8222}, "periodSeconds": 1},
        "volumeMounts": [
            {"name": "tls", "mountPath": "/tls"},
            {"name": "data", "mountPath": "/data"},
        ],
    }
    volumes = [
        {"name": "tls", "secret": {"secretName": "nats-secured"}},
        {"name": "data", "emptyDir": {}},
    ]
    spec = {
        "terminationGracePeriodSeconds": 1,
        "containers": [container],
        "volumes": volumes,
        "securityContext": {"fsGroup": 65532},
    }
    service = {"selector": {"app": "nats-secured"}, "ports": [{"port": 4222}]}
    return [
        {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": files},
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec},
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": service},
    ]


def login(user: str, password: str) -> dict[str, Any]:
    return secret(f"secured-{user}", url=f"tls://{user}:{password}@{HOST}:4222")


@pytest.fixture(scope="module")
def secured(node: SingleNode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A second release beside the first, with a server and a database of its own."""
    certificates = tmp_path_factory.mktemp("nats") / "certificates"
    make_certificates(certificates)
    name_server(certificates, f"DNS:{HOST}")
    files = {"ca.crt": "ca.crt", "tls.crt": "admin.crt", "tls.key": "admin.key"}
    shown = {key: (certificates / file).read_text() for key, file in files.items()}
    node.apply(*server(certificates), secret("secured-tls", **shown))
    node.apply(*(login(user, password) for user, password in PASSWORDS.items()))
    node.apply(secret("secured-database", uri="postgresql://app@postgres.servers/secured"))
    node.sql("CREATE DATABASE secured")
    node.kubectl("-n", "servers", "wait", "--for=condition=Ready", "pod/nats-secured")
    node.helm("install", "secured", str(CHART), VALUES, *WAIT)
    yield
    node.helm("uninstall", "secured", *WAIT)
    node.kubectl("-n", "servers", "delete", "pod,service,secret", "nats-secured")


@pytest.mark.usefixtures("secured")
def test_an_event_goes_through_a_nats_with_passwords_permissions_and_tls(node: SingleNode) -> None:
    log = node.helm("test", "secured", "-n", NAMESPACE, "--logs", "--timeout=120s")
    assert "subj: tenant.secured-test.events.helm-test" in log
    for component in ("controller", "relay"):
        assert "Permissions Violation" not in node.logs(f"deploy/{deployment(component)}")


@pytest.mark.usefixtures("secured")
def test_no_password_stands_in_a_pod(node: SingleNode) -> None:
    pods = node.kubectl("-n", NAMESPACE, "get", "pods", "-o", "yaml")
    assert "secured-relay" in pods
    for password in PASSWORDS.values():
        assert password not in pods


@pytest.mark.usefixtures("secured")
def test_a_wrong_password_is_a_clear_line_without_it(node: SingleNode) -> None:
    for component in PASSWORDS:
        name = f"deploy/{deployment(component)}"
        node.apply(login(component, WRONG))
        node.kubectl("-n", NAMESPACE, "rollout", "restart", name)
        eventually(partial(says, node, name, "Authorization Violation"), "it says so", 60)
        assert WRONG not in node.logs(name)
        node.apply(login(component, PASSWORDS[component]))
        node.kubectl("-n", NAMESPACE, "rollout", "restart", name)
        node.kubectl("-n", NAMESPACE, "rollout", "status", name, "--timeout=90s")


def says(node: SingleNode, what: str, text: str) -> bool:
    return text in node.logs(what)


def deployment(component: str) -> str:
    suffix = "-app" if component == "relay" else ""
    return f"secured-bulkhead-{component}{suffix}"
