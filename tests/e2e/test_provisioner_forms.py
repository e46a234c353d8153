"""Forms that events come in: CloudEvents, GitHub's, Stripe's, other names for the same things."""

import json
from collections.abc import Callable

import pytest

from support.kubectl import Kubectl
from support.webhook import (
    PLAIN_SECRET,
    Delivery,
    Provisioner,
    Sender,
    annotations,
    cloud_event,
    event,
    signed,
    signed_by_github,
    signed_by_stripe,
    spec,
    versions,
)


@pytest.mark.parametrize("binary", [False, True], ids=["structured", "binary"])
def test_cloudevents(binary: bool, kubectl: Kubectl, sender: Sender) -> None:
    delivery = cloud_event("account.created", "acme", binary)
    assert sender.send(delivery).code == 202
    assert spec(kubectl, "acme")["stream"]["maxBytes"] == "1Mi"
    before = versions(kubectl)
    assert sender.send(delivery).code == 202
    assert versions(kubectl) == before


def test_the_headers_of_a_cloudevent_cannot_be_changed_under_its_signature(
    kubectl: Kubectl, sender: Sender
) -> None:
    delivery = cloud_event("account.created", "acme", binary=True)
    sender.send(delivery)
    before = versions(kubectl)
    forged = Delivery(delivery.headers | {"ce-type": "account.deleted"}, delivery.body)
    assert sender.send(forged).problem == "event-id-reused"
    assert versions(kubectl) == before


@pytest.mark.parametrize("form", ["github", "stripe"])
def test_a_signature_without_an_id_does_not_carry_a_binary_cloudevent(
    form: str, kubectl: Kubectl, new_provisioner: Callable[..., Provisioner]
) -> None:
    """Its headers could be changed at will: one signed body could be given any type and time."""
    provisioner = new_provisioner(f"--signature={form}")
    (provisioner.secrets / "current").write_text(PLAIN_SECRET)
    sender = provisioner.start().connect()
    sign = {"github": signed_by_github, "stripe": signed_by_stripe}[form]
    for binary, code, tenants in ((True, 415, []), (False, 202, ["acme"])):
        made = cloud_event("account.created", "acme", binary)
        headers = sign(made.body).headers | made.headers
        assert sender.send(Delivery(headers, made.body)).code == code
        assert list(versions(kubectl)) == tenants


def test_a_cloudevent_is_known_by_its_source_and_id(kubectl: Kubectl, sender: Sender) -> None:
    first = cloud_event("account.created", "acme", binary=False, id="17")
    sender.send(first)
    before = versions(kubectl)
    assert sender.send(signed(first.body, content_type=first.headers["content-type"])).code == 202
    assert versions(kubectl) == before
    other = cloud_event("account.updated", "acme", binary=False, id="17")
    assert sender.send(other).problem == "event-id-reused"


def test_the_forms_of_github_and_stripe(
    kubectl: Kubectl, new_provisioner: Callable[..., Provisioner]
) -> None:
    body = event("account.created", "acme", plan="starter", quota="1Mi")
    stripe_body = json.loads(body) | {"id": "evt_1"}
    for form, delivery in (
        ("github", signed_by_github(body)),
        ("stripe", signed_by_stripe(json.dumps(stripe_body).encode())),
    ):
        provisioner = new_provisioner(f"--signature={form}")
        (provisioner.secrets / "current").write_text(PLAIN_SECRET)
        sender = provisioner.start().connect()
        assert sender.send(delivery).code == 202
        before = versions(kubectl)
        assert sender.send(delivery).code == 202
        assert versions(kubectl) == before
        forged = Delivery(delivery.headers, delivery.body + b" ")
        assert sender.send(forged).problem == "bad-signature"
        kubectl.delete("tenant", "acme")


def test_types_and_fields_can_have_other_names(
    kubectl: Kubectl, new_provisioner: Callable[..., Provisioner]
) -> None:
    provisioner = new_provisioner(
        "--event-created=customer.created,tenant.new",
        "--account-field=data.object.id",
        "--plan-field=data.object.tier",
        "--type-field=kind",
    ).start()
    content = {"kind": "tenant.new", "data": {"object": {"id": "acme", "tier": "default"}}}
    answer = provisioner.connect().send(signed(json.dumps(content).encode()))
    assert answer.code == 202
    assert annotations(kubectl, "acme")["plan"] == "default"


def test_the_handshake_of_cloudevents_names_the_origins_that_may_send(
    new_provisioner: Callable[..., Provisioner],
) -> None:
    origins = "--webhook-origins=events.example.com,other.example.com"
    sender = new_provisioner(origins, "--rate=2").start().connect()
    asked = {"webhook-request-origin": "events.example.com"}
    welcome = sender.send(Delivery(asked, b"", "/v1/tenants", "OPTIONS"))
    assert welcome.code == 200
    assert welcome.headers["webhook-allowed-origin"] == "events.example.com"
    assert welcome.headers["webhook-allowed-rate"] == "120"
    stranger = {"webhook-request-origin": "example.com"}
    refused = sender.send(Delivery(stranger, b"", "/v1/tenants", "OPTIONS"))
    assert "webhook-allowed-origin" not in refused.headers


@pytest.mark.parametrize(("flag", "code"), [("ignore", 204), ("refuse", 422)])
def test_other_events_are_answered_as_configured(
    flag: str, code: int, kubectl: Kubectl, new_provisioner: Callable[..., Provisioner]
) -> None:
    provisioner = new_provisioner(f"--on-unknown={flag}").start()
    answer = provisioner.connect().send(signed(event("invoice.paid", "acme")))
    assert answer.code == code
    assert answer.body == b"" if code == 204 else answer.problem == "unknown-event"
    assert versions(kubectl) == {}
