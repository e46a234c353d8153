"""The provisioning webhook as a program under test, and senders that sign as account systems do."""

import base64
import hashlib
import hmac
import http.client
import itertools
import json
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent
from standardwebhooks.webhooks import Webhook

from support.bulkhead import BulkheadProgram
from support.kubectl import Kubectl
from support.program import free_port

SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two bytes....").decode()
PLAIN_SECRET = "a-secret-as-other-services-have"
PATH = "/v1/tenants"
_ids = itertools.count(1)

TEMPLATES = """\
plan: starter
sample: {data: {quota: 1Mi}}
tenant:
  metadata:
    labels: {plan: "${plan}", region: "${data.region:-eu}"}
  spec:
    stream: {maxBytes: "${data.quota}"}
    consumers: [{name: billing}]
---
plan: default
tenant:
  spec:
    stream: {maxBytes: 1Mi}
"""


class Provisioner(BulkheadProgram):
    name = "bulkhead-provisioner"

    def __init__(self, folder: Path, kubeconfig: Path, flags: Sequence[str] = ()) -> None:
        self.secrets = folder / "secrets"
        self.templates = folder / "templates.yaml"
        self.secrets.mkdir(parents=True)
        (self.secrets / "current").write_text(SECRET + "\n")
        self.templates.write_text(TEMPLATES)
        self.webhook_port = free_port()
        ours = [
            f"--kubeconfig={kubeconfig}",
            f"--webhook-listen=127.0.0.1:{self.webhook_port}",
            f"--secret-file={self.secrets}",
            f"--templates={self.templates}",
        ]
        super().__init__(folder, [*ours, *flags], {})
        self._senders: list[Sender] = []

    def connect(self, trust: ssl.SSLContext | None = None) -> "Sender":
        """A sender that is closed when the webhook is."""
        self._senders.append(Sender(self.webhook_port, trust))
        return self._senders[-1]

    def stop(self) -> int:
        for sender in self._senders:
            sender.close()
        return super().stop()

    def audit(self) -> list[dict[str, str]]:
        """The lines about requests, as they are logged in text."""
        lines = [line for line in self.log.read_text().splitlines() if " request request=" in line]
        return [_fields(line) for line in lines]


def _fields(line: str) -> dict[str, str]:
    """`a="b c" d=1` as a dictionary."""
    found: dict[str, str] = {}
    rest = line.split(" request ", 1)[1]
    while rest:
        key, rest = rest.split("=", 1)
        if rest.startswith('"'):
            value, end = json.JSONDecoder().raw_decode(rest)
            rest = rest[end + 1 :]
        else:
            value, _, rest = rest.partition(" ")
        found[key] = str(value)
    return found


@dataclass(frozen=True)
class Answer:
    code: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    @property
    def problem(self) -> str:
        """The name of the problem that the answer is about."""
        assert self.headers["content-type"] == "application/problem+json", self
        content = self.json()
        assert content["status"] == self.code
        return str(content["type"]).removeprefix("urn:bulkhead:problem:")


def check_discreet(answer: Answer) -> None:
    """An answer to a stranger tells neither secrets nor what we are made of."""
    text = answer.body.decode()
    for secret in (SECRET.removeprefix("whsec_"), "thirty-two", "/tmp", "127.0.0.1", "etcd"):
        assert secret not in text
    assert "server" not in answer.headers


def versions(kubectl: Kubectl) -> dict[str, str]:
    """Which Tenants there are, and in which version: what any write changes."""
    found = kubectl.list("tenants")
    return {t["metadata"]["name"]: t["metadata"]["resourceVersion"] for t in found}


def annotations(kubectl: Kubectl, name: str) -> dict[str, str]:
    """Those of ours."""
    found = kubectl.get("tenant", name)["metadata"]["annotations"]
    return {key.removeprefix("bulkhead.dev/"): value for key, value in found.items()}


def spec(kubectl: Kubectl, name: str) -> dict[str, Any]:
    return dict(kubectl.get("tenant", name)["spec"])


@dataclass(frozen=True)
class Delivery:
    """One request, ready to be sent, and to be sent again."""

    headers: dict[str, str]
    body: bytes
    path: str = PATH
    method: str = "POST"


def now() -> datetime:
    return datetime.now(UTC)


def new_id() -> str:
    return f"msg_{next(_ids)}_{time.time_ns()}"


def event(kind: str, account: str, when: datetime | None = None, **data: Any) -> bytes:
    """The body of an event as Standard Webhooks has it."""
    content = {
        "type": kind,
        "timestamp": (when or now()).isoformat(),
        "data": {"account": {"id": account}, **data},
    }
    return json.dumps(content).encode()


def signed(
    body: bytes,
    message_id: str | None = None,
    when: datetime | None = None,
    secret: str = SECRET,
    content_type: str = "application/json",
) -> Delivery:
    """Signed by the reference library of Standard Webhooks."""
    message_id = message_id or new_id()
    when = when or now()
    signature = Webhook(secret).sign(message_id, when, body.decode())
    headers = {
        "content-type": content_type,
        "webhook-id": message_id,
        "webhook-timestamp": str(int(when.timestamp())),
        "webhook-signature": signature,
    }
    return Delivery(headers, body)


def created(account: str, plan: str = "starter", **data: Any) -> Delivery:
    data = {"plan": plan, "quota": "1Mi"} | data
    return signed(event("account.created", account, **data))


def status(tenant: str, secret: str = SECRET) -> Delivery:
    """A look at a Tenant's state: the path is signed as a body would be."""
    path = f"{PATH}/{tenant}"
    headers = signed(path.encode(), secret=secret).headers
    return Delivery(headers, b"", path, "GET")


def cloud_event(kind: str, account: str, binary: bool, **attributes: Any) -> Delivery:
    """Built by the CloudEvents library, then signed."""
    given = {"type": kind, "source": "/accounts", "id": new_id(), "time": now()} | attributes
    data = {"account": {"id": account}, "plan": "starter", "quota": "1Mi"}
    made = CloudEvent(given | {"datacontenttype": "application/json"}, data)
    message = to_binary_event(made) if binary else to_structured_event(made)
    headers = {name.lower(): str(value) for name, value in message.headers.items()}
    delivery = signed(message.body, content_type=headers["content-type"])
    return Delivery(headers | delivery.headers, message.body)


def signed_by_github(body: bytes, secret: str = PLAIN_SECRET) -> Delivery:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "x-hub-signature-256": f"sha256={digest}"}
    return Delivery(headers, body)


def signed_by_stripe(body: bytes, secret: str = PLAIN_SECRET) -> Delivery:
    stamp = int(time.time())
    digest = hmac.new(secret.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    headers = {"content-type": "application/json", "stripe-signature": f"t={stamp},v1={digest}"}
    return Delivery(headers, body)


class Sender:
    """One connection to the webhook, made anew where it was closed."""

    def __init__(self, port: int, trust: ssl.SSLContext | None = None) -> None:
        self.port = port
        self.trust = trust
        self._connection: http.client.HTTPConnection | None = None

    def send(self, delivery: Delivery, query: str = "", timeout: float = 60.0) -> Answer:
        for attempt in (1, 2):
            try:
                return self._send(delivery, query, timeout)
            except (http.client.RemoteDisconnected, ConnectionError):
                self.close()
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def _send(self, delivery: Delivery, query: str, timeout: float) -> Answer:
        connection = self._connect(timeout)
        body = delivery.body if delivery.method != "GET" else None
        connection.request(delivery.method, delivery.path + query, body, delivery.headers)
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, headers, answer.read())

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        if self._connection is None:
            if self.trust is not None:
                self._connection = http.client.HTTPSConnection(
                    "127.0.0.1", self.port, timeout=timeout, context=self.trust
                )
            else:
                self._connection = http.client.HTTPConnection(
                    "127.0.0.1", self.port, timeout=timeout
                )
        self._connection.timeout = timeout
        return self._connection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
