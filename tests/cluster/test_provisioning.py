"""An account system's signed event becomes a Tenant, through the chart's webhook."""

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime

import pytest

from cluster.release import secret
from cluster.single_node import NAMESPACE, SingleNode

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


def post(node: SingleNode, body: str, signed: list[str]) -> int:
    service = node.get("-n", NAMESPACE, "service", "bulkhead-provisioner")
    url = f"http://{service['spec']['clusterIP']}:443/v1/tenants?wait=30s"
    told = ["--silent", "--output", "/dev/null", "--write-out", "%{http_code}"]
    kind = ["-H", "content-type: application/json"]
    return int(node.run("curl", *told, *kind, *signed, "--data-raw", body, url))


def test_a_signed_event_makes_a_tenant_and_an_unsigned_one_does_not(node: SingleNode) -> None:
    node.apply(secret("webhook-secrets", current=f"whsec_{base64.b64encode(KEY).decode()}"))
    node.install(*SETTINGS)
    event = {
        "type": "account.created",
        "timestamp": datetime.now(UTC).isoformat(),
        "data": {"account_id": "wayne", "plan": "gold"},
    }
    body = json.dumps(event)
    assert post(node, body, headers("evt_1", body, b"x" * 32)) == 401
    assert post(node, body, headers("evt_1", body)) in (200, 201)
    made = node.get("tenants", "-o", "json")["items"]
    tenant = next(item for item in made if item["metadata"]["name"].startswith("wayne"))
    assert tenant["spec"]["stream"]["maxBytes"] == "64Mi"
    node.wait(f"tenant/{tenant['metadata']['name']}")
    node.kubectl("delete", "tenant", tenant["metadata"]["name"])
    node.install()
