"""An account system's signed event becomes a Tenant, through the chart's webhook."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from cluster.release import secret
from cluster.single_node import NAMESPACE, SingleNode
from support.waiting import eventually

KEY = b"0123456789abcdef0123456789abcdef"
TEMPLATES = {"gold": {"tenant": {"spec": {"stream": {"maxBytes": "64Mi"}}}}}
SETTINGS = [
    "--set=provisioner.enabled=true",
    "--set=provisioner.existingSecret=webhook-secrets",
    f"--set-json=provisioner.templates={json.dumps(TEMPLATES)}",
]

pytestmark = pytest.mark.usefixtures("release")


def headers(identity: str, body: str, key: bytes = KEY) -> list[str]:
    """Those of Standard Webhooks."""
    moment = str(int(time.time()))
    digest = hmac.digest(key, f"{identity}.{moment}.{body}".encode(), hashlib.sha256)
    signature = f"v1,{base64.b64encode(digest).decode()}"
    values = {"id": identity, "timestamp": moment, "signature": signature}
    return [text for name, value in values.items() for text in ("-H", f"webhook-{name}: {value}")]


def url(node: SingleNode, path: str) -> str:
    service = node.get("-n", NAMESPACE, "service", "bulkhead-provisioner")
    return f"http://{service['spec']['clusterIP']}:443{path}"


def curl(node: SingleNode, *arguments: str) -> int:
    """The code of the answer."""
    told = ["--silent", "--output", "/dev/null", "--write-out", "%{http_code}"]
    return int(node.run("curl", *told, *arguments))


def post(node: SingleNode, body: str, signed: list[str]) -> int:
    kind = ["-H", "content-type: application/json"]
    return curl(node, *kind, *signed, "--data-raw", body, url(node, "/v1/tenants?wait=30s"))


def event(kind: str) -> str:
    content = {
        "type": kind,
        "timestamp": datetime.now(UTC).isoformat(),
        "data": {"account_id": "wayne", "plan": "gold"},
    }
    return json.dumps(content)


@pytest.fixture
def webhook(node: SingleNode) -> Iterator[None]:
    """The webhook, and nothing of its account afterwards."""
    node.apply(secret("webhook-secrets", current=f"whsec_{base64.b64encode(KEY).decode()}"))
    node.install(*SETTINGS)
    yield
    node.kubectl("delete", "tenant", "wayne", "--ignore-not-found")
    if "TENANT_WAYNE" in node.streams():
        node.shell("nats", "stream", "rm", "TENANT_WAYNE", "--force")
    node.install()


@pytest.mark.usefixtures("webhook")
def test_a_signed_event_makes_a_tenant_and_an_unsigned_one_does_not(node: SingleNode) -> None:
    body = event("account.created")
    assert post(node, body, headers("evt_1", body, b"x" * 32)) == 401
    assert post(node, body, headers("evt_1", body)) == 200
    tenant = node.get("tenant", "wayne")
    assert tenant["spec"]["stream"]["maxBytes"] == "64Mi"
    node.sql("INSERT INTO outbox (tenant_id, event_type, payload) VALUES ('wayne', 'first', '{}')")
    eventually(lambda: node.messages("wayne") == 1, "the first event is in the stream", 30)
    # The same delivery once more, by another pod perhaps, changes nothing.
    node.kubectl("-n", NAMESPACE, "rollout", "restart", "deploy/bulkhead-provisioner")
    node.kubectl("-n", NAMESPACE, "rollout", "status", "deploy/bulkhead-provisioner")
    assert post(node, body, headers("evt_1", body)) == 200
    again = node.get("tenant", "wayne")["metadata"]
    assert again["generation"] == tenant["metadata"]["generation"]
    assert again["annotations"] == tenant["metadata"]["annotations"]
    path = "/v1/tenants/wayne"
    assert curl(node, *headers("look_1", path), url(node, path)) == 200
    held = event("account.suspended")
    assert post(node, held, headers("evt_2", held)) == 200
    assert node.get("tenant", "wayne")["spec"]["mode"] == "Suspend"


def may(node: SingleNode, verb: str, what: str) -> str:
    """What the API server says to the webhook's account: yes or no."""
    account = f"system:serviceaccount:{NAMESPACE}:bulkhead-provisioner"
    ask = f"kubectl auth can-i {verb} {what} -n {NAMESPACE} --as={account} 2>/dev/null || true"
    return node.run("bash", "-c", ask).strip()


@pytest.mark.usefixtures("webhook")
def test_the_webhooks_account_may_make_tenants_and_nothing_else(node: SingleNode) -> None:
    for verb in ("get", "create", "patch"):
        assert may(node, verb, "tenants") == "yes"
    for verb in ("list", "watch", "update", "delete", "deletecollection"):
        assert may(node, verb, "tenants") == "no"
    for verb, what in (
        ("patch", "tenants --subresource=status"),
        ("get", "secrets"),
        ("get", "configmaps"),
        ("create", "pods"),
        ("create", "clusterrolebindings"),
    ):
        assert may(node, verb, what) == "no"
