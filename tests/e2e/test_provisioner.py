"""Signed events become Tenants, once each, whatever is delivered how often and in what order."""

import concurrent.futures
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from support.bulkhead import Controller
from support.jetstream import JetStream
from support.kube_cluster import KubeCluster
from support.kubectl import Kubectl
from support.manifests import tenant
from support.waiting import eventually
from support.webhook import (
    SECRET,
    Delivery,
    Provisioner,
    Sender,
    annotations,
    created,
    event,
    new_id,
    now,
    signed,
    spec,
    status,
    versions,
)

OTHER_SECRET = "whsec_" + "B" * 44


def test_an_event_makes_a_tenant_from_its_plans_template(kubectl: Kubectl, sender: Sender) -> None:
    answer = sender.send(created("acme", quota="5Mi", region="us"))
    assert answer.code == 202
    assert answer.headers["location"] == "/v1/tenants/acme"
    made = kubectl.get("tenant", "acme")
    assert made["spec"]["stream"]["maxBytes"] == "5Mi"
    assert [c["name"] for c in made["spec"]["consumers"]] == ["billing"]
    assert made["metadata"]["labels"] == {"plan": "starter", "region": "us"}
    assert annotations(kubectl, "acme")["account"] == "acme"
    managers = {entry["manager"] for entry in made_managers(kubectl, "acme")}
    assert managers == {"bulkhead-provisioner"}


def made_managers(kubectl: Kubectl, name: str) -> list[dict[str, Any]]:
    text = kubectl.run("get", "tenant", name, "-o", "json", "--show-managed-fields")
    return list(json.loads(text)["metadata"]["managedFields"])


def test_an_account_that_is_no_name_gets_one_and_keeps_it(kubectl: Kubectl, sender: Sender) -> None:
    assert sender.send(created("Acme, Inc.")).headers["location"] == "/v1/tenants/acme-inc-c40fac9c"
    sender.send(signed(event("account.suspended", "Acme, Inc.")))
    assert spec(kubectl, "acme-inc-c40fac9c")["mode"] == "Suspend"
    assert annotations(kubectl, "acme-inc-c40fac9c")["account"] == "Acme, Inc."


def test_the_same_event_again_has_the_same_answer_and_writes_nothing(
    kubectl: Kubectl, sender: Sender
) -> None:
    delivery = created("acme")
    first = sender.send(delivery)
    before = versions(kubectl)
    for _ in range(3):
        again = sender.send(delivery)
        assert (again.code, again.body) == (first.code, first.body)
        assert again.headers["location"] == first.headers["location"]
    assert versions(kubectl) == before


def test_an_event_that_was_signed_anew_is_still_the_same(kubectl: Kubectl, sender: Sender) -> None:
    body, message_id = event("account.created", "acme", plan="starter", quota="1Mi"), new_id()
    sender.send(signed(body, message_id, now() - timedelta(minutes=4)))
    sender.send(signed(event("account.suspended", "acme")))
    before = versions(kubectl)
    assert sender.send(signed(body, message_id)).code == 202
    assert versions(kubectl) == before


@pytest.mark.parametrize("account", ["acme", "globex"])
def test_an_id_with_another_content_is_refused(
    account: str, kubectl: Kubectl, sender: Sender
) -> None:
    message_id = new_id()
    sender.send(signed(event("account.created", "acme", plan="starter", quota="1Mi"), message_id))
    before = versions(kubectl)
    other = event("account.created", account, plan="starter", quota="2Mi")
    answer = sender.send(signed(other, message_id))
    assert (answer.code, answer.problem) == (409, "event-id-reused")
    assert versions(kubectl) == before


def test_a_replica_that_just_started_knows_the_events_of_its_forerunner(
    kubectl: Kubectl, provisioner: Provisioner, sender: Sender
) -> None:
    delivery, message_id = created("acme"), new_id()
    sender.send(delivery)
    sender.send(signed(event("account.updated", "acme", quota="3Mi"), message_id))
    before = versions(kubectl)
    provisioner.restart()
    assert sender.send(delivery).code == 202
    reused = sender.send(signed(event("account.updated", "acme", quota="4Mi"), message_id))
    assert (reused.code, reused.problem) == (409, "event-id-reused")
    assert versions(kubectl) == before


def test_the_life_of_an_account(kubectl: Kubectl, sender: Sender) -> None:
    sender.send(created("acme"))
    sender.send(signed(event("account.updated", "acme", plan="starter", quota="7Mi")))
    assert spec(kubectl, "acme")["stream"]["maxBytes"] == "7Mi"
    sender.send(signed(event("account.suspended", "acme")))
    assert spec(kubectl, "acme")["mode"] == "Suspend"
    assert spec(kubectl, "acme")["stream"]["maxBytes"] == "7Mi"
    sender.send(signed(event("account.updated", "acme", quota="8Mi")))
    assert spec(kubectl, "acme")["mode"] == "Suspend"
    assert spec(kubectl, "acme")["stream"]["maxBytes"] == "8Mi"
    sender.send(signed(event("account.resumed", "acme")))
    assert spec(kubectl, "acme")["mode"] == "Enforce"
    sender.send(signed(event("account.deleted", "acme")))
    assert spec(kubectl, "acme")["mode"] == "Suspend"
    sender.send(created("acme", quota="9Mi"))
    assert spec(kubectl, "acme")["mode"] == "Enforce"
    assert spec(kubectl, "acme")["stream"]["maxBytes"] == "9Mi"


def test_late_news_does_not_undo_what_came_after_it(kubectl: Kubectl, sender: Sender) -> None:
    start = now()
    seconds = [start + timedelta(seconds=n - 10) for n in range(4)]
    first = event("account.created", "acme", seconds[0], plan="starter", quota="1Mi")
    second = event("account.updated", "acme", seconds[1], plan="starter", quota="2Mi")
    third = event("account.suspended", "acme", seconds[2])
    assert sender.send(signed(third)).problem == "no-such-tenant"
    sender.send(signed(second))
    sender.send(signed(first))
    assert spec(kubectl, "acme")["stream"]["maxBytes"] == "2Mi"
    sender.send(signed(third))
    assert spec(kubectl, "acme")["mode"] == "Suspend"


def test_a_field_that_someone_else_keeps_is_left_to_them(kubectl: Kubectl, sender: Sender) -> None:
    sender.send(created("acme"))
    theirs = tenant("acme", stream={"maxBytes": "2Mi"})
    kubectl.run(
        "apply",
        "--server-side",
        "--force-conflicts",
        "--field-manager=argocd-controller",
        "-f",
        "-",
        stdin=json.dumps(theirs),
    )
    before = versions(kubectl)
    answer = sender.send(signed(event("account.updated", "acme", plan="starter", quota="9Mi")))
    assert (answer.code, answer.problem) == (409, "fields-owned")
    assert answer.json()["fields"] == [
        {"field": ".spec.stream.maxBytes", "owner": "argocd-controller"}
    ]
    assert versions(kubectl) == before
    # What they do not keep can still change.
    sender.send(signed(event("account.suspended", "acme")))
    assert spec(kubectl, "acme")["mode"] == "Suspend"
    assert spec(kubectl, "acme")["stream"]["maxBytes"] == "2Mi"


def test_a_tenant_made_by_hand_is_joined_and_not_taken(kubectl: Kubectl, sender: Sender) -> None:
    kubectl.apply(tenant("acme", stream={"maxBytes": "2Mi"}))
    refused = sender.send(created("acme", quota="1Mi"))
    assert (refused.code, refused.problem) == (409, "fields-owned")
    assert "annotations" not in kubectl.get("tenant", "acme")["metadata"] or (
        "bulkhead.dev/account" not in kubectl.get("tenant", "acme")["metadata"]["annotations"]
    )
    assert sender.send(status("acme")).problem == "no-such-tenant"
    assert sender.send(created("acme", quota="2Mi")).code == 202
    assert spec(kubectl, "acme")["stream"]["maxBytes"] == "2Mi"


def test_two_accounts_that_meet_in_one_name_do_not_share_it(
    kubectl: Kubectl, sender: Sender
) -> None:
    sender.send(created("Acme, Inc."))
    answer = sender.send(created("acme-inc-c40fac9c"))
    assert (answer.code, answer.problem) == (409, "other-account")
    assert annotations(kubectl, "acme-inc-c40fac9c")["account"] == "Acme, Inc."


def test_many_deliveries_of_one_event_at_once_make_one_tenant(
    kubectl: Kubectl, provisioner: Provisioner
) -> None:
    delivery = created("acme")

    def send(_: int) -> int:
        with Sender(provisioner.webhook_port) as sender:
            return sender.send(delivery).code

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        assert set(pool.map(send, range(64))) == {202}
    assert list(versions(kubectl)) == ["acme"]
    outcomes = [line["outcome"] for line in provisioner.audit()]
    assert sorted(outcomes) == ["created"] + ["duplicate"] * 63
    assert kubectl.get("tenant", "acme")["metadata"]["generation"] == 1


def test_deleted_accounts_can_be_deleted_and_are_not_brought_back_by_a_replay(
    kubectl: Kubectl, new_provisioner: Callable[..., Provisioner]
) -> None:
    provisioner = new_provisioner("--on-deleted=delete").start()
    sender = provisioner.connect()
    first, last = created("acme"), signed(event("account.deleted", "acme", now()))
    sender.send(first)
    gone = sender.send(last)
    assert gone.code == 202
    assert versions(kubectl) == {}
    again = sender.send(last)
    assert (again.code, again.body) == (202, gone.body)
    assert sender.send(first).code == 202
    assert versions(kubectl) == {}
    assert sender.send(status("acme")).problem == "no-such-tenant"
    assert sender.send(created("acme")).code == 202
    assert list(versions(kubectl)) == ["acme"]


def test_waiting_for_a_deletion_ends_when_nothing_is_left(
    kubectl: Kubectl, new_provisioner: Callable[..., Provisioner]
) -> None:
    provisioner = new_provisioner("--on-deleted=delete").start()
    sender, first = provisioner.connect(), created("acme")
    sender.send(first)
    kubectl.run("patch", "tenant", "acme", "--type=merge", "-p", HELD)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        gone = pool.submit(sender.send, signed(event("account.deleted", "acme")), "?wait=30s")
        eventually(lambda: provisioner.metrics()[WAITING] == 1, "the sender waits")
        assert "deletionTimestamp" in kubectl.get("tenant", "acme")["metadata"]
        kubectl.run("patch", "tenant", "acme", "--type=merge", "-p", HELD.replace(FINALIZER, ""))
        answer = gone.result(40)
    assert (answer.code, answer.json()["state"]) == (200, "Deleted")
    late = sender.send(first, "?wait=30s")  # overtaken, so that there is nothing to wait for
    assert (late.code, late.json()["state"]) == (200, "Deleted")


FINALIZER = '"example.com/held"'
HELD = f'{{"metadata":{{"finalizers":[{FINALIZER}]}}}}'


def test_a_tenant_on_its_way_out_is_left_alone_and_the_sender_asked_to_come_back(
    kubectl: Kubectl, sender: Sender
) -> None:
    kept = tenant("acme")
    kept["metadata"]["finalizers"] = ["example.com/held"]
    kubectl.apply(kept)
    kubectl.run("delete", "tenant", "acme", "--wait=false")
    before = versions(kubectl)
    answer = sender.send(signed(event("account.updated", "acme", plan="default")))
    assert (answer.code, answer.problem) == (409, "being-deleted")
    assert int(answer.headers["retry-after"]) >= 1
    assert sender.send(signed(event("account.deleted", "acme"))).code == 202
    assert versions(kubectl) == before


def test_a_tenant_that_no_event_made_is_not_deleted_by_one(
    kubectl: Kubectl, new_provisioner: Callable[..., Provisioner]
) -> None:
    sender = new_provisioner("--on-deleted=delete").start().connect()
    kubectl.apply(tenant("acme"))
    answer = sender.send(signed(event("account.deleted", "acme")))
    assert (answer.code, answer.problem) == (409, "other-account")
    assert list(versions(kubectl)) == ["acme"]


def test_any_of_several_secrets_counts_and_a_replaced_one_at_once(
    kubectl: Kubectl, provisioner: Provisioner, sender: Sender
) -> None:
    body = event("account.created", "acme", plan="starter", quota="1Mi")
    assert sender.send(signed(body, secret=OTHER_SECRET)).problem == "bad-signature"
    (provisioner.secrets / "next").write_text(OTHER_SECRET)
    eventually(
        lambda: sender.send(signed(body, "rotation", secret=OTHER_SECRET)).code == 202,
        "the new secret counts",
    )
    assert sender.send(signed(body, "rotation", secret=SECRET)).code == 202
    (provisioner.secrets / "current").unlink()
    eventually(
        lambda: sender.send(signed(body, "rotation", secret=SECRET)).code == 401,
        "the old secret does not count any more",
    )
    # Files that hold none are no reason to trust nobody, or everybody.
    (provisioner.secrets / "next").write_text("# empty\n")
    eventually(lambda: "there is no secret" in provisioner.tail(), "it is said")
    assert sender.send(signed(body, "rotation", secret=OTHER_SECRET)).code == 202
    assert list(versions(kubectl)) == ["acme"]


def test_templates_are_read_again_and_a_broken_one_is_not_used(
    kubectl: Kubectl, provisioner: Provisioner, sender: Sender
) -> None:
    old = provisioner.templates.read_text()
    provisioner.templates.write_text(old.replace("billing", "invoices"))
    eventually(lambda: "read again" in provisioner.tail(), "the templates are read again")
    sender.send(created("acme"))
    assert [c["name"] for c in spec(kubectl, "acme")["consumers"]] == ["invoices"]
    provisioner.templates.write_text(old.replace("maxBytes: 1Mi", "maxBites: 1Mi"))
    eventually(lambda: "maxBites" in provisioner.tail(), "the mistake is said")
    assert sender.send(created("globex")).code == 202
    assert [c["name"] for c in spec(kubectl, "globex")["consumers"]] == ["invoices"]


def test_a_status_says_how_far_the_tenant_is(
    kubectl: Kubectl, sender: Sender, new_controller: Callable[..., Controller]
) -> None:
    sender.send(created("acme"))
    waiting = sender.send(status("acme"))
    assert waiting.code == 200
    assert waiting.json() | {"message": ""} == {
        "id": "acme",
        "account": "acme",
        "state": "Pending",
        "reason": "Waiting",
        "message": "",
    }
    assert sender.send(status("globex")).problem == "no-such-tenant"
    unsigned = Delivery({}, b"", "/v1/tenants/acme", "GET")
    assert sender.send(unsigned).problem == "missing-signature"
    wrong_path = Delivery(status("globex").headers, b"", "/v1/tenants/acme", "GET")
    assert sender.send(wrong_path).problem == "bad-signature"
    new_controller().start()
    ready = eventually(
        lambda: (found := sender.send(status("acme")).json())["state"] == "Ready" and found,
        "the Tenant is ready",
    )
    assert ready["stream"] == "TENANT_ACME"
    sender.send(signed(event("account.suspended", "acme")))
    eventually(lambda: sender.send(status("acme")).json()["state"] == "Suspended", "it is held")
    assert kubectl.get("tenant", "acme")["spec"]["mode"] == "Suspend"


def test_a_status_can_be_open_to_all(new_provisioner: Callable[..., Provisioner]) -> None:
    sender = new_provisioner("--status-auth=none").start().connect()
    sender.send(created("acme"))
    assert sender.send(Delivery({}, b"", "/v1/tenants/acme", "GET")).code == 200


@pytest.mark.usefixtures("controller")
def test_waiting_ends_when_the_tenant_is_ready_or_has_failed(
    sender: Sender, jetstream: JetStream
) -> None:
    ready = sender.send(created("acme"), "?wait=30s")
    assert (ready.code, ready.json()["state"]) == (200, "Ready")
    assert "TENANT_ACME" in jetstream.streams()
    jetstream.create_stream(name="TENANT_GLOBEX", subjects=["tenant.globex.events.*"])
    failed = sender.send(created("globex"), "?wait=30s")
    assert (failed.code, failed.json()["state"]) == (200, "Failed")
    assert failed.json()["reason"] == "ExistsUnowned"
    held = sender.send(signed(event("account.suspended", "acme")), "?wait=30s")
    assert (held.code, held.json()["state"]) == (200, "Suspended")


def test_waiting_in_vain_ends_in_time(sender: Sender) -> None:
    began = now()
    answer = sender.send(created("acme"), "?wait=1s")
    assert (answer.code, answer.json()["state"]) == (202, "Pending")
    assert timedelta(seconds=0.9) < now() - began < timedelta(seconds=5)
    assert sender.send(created("acme"), "?wait=long").problem == "invalid-query"


def test_only_so_many_wait_and_only_so_long(new_provisioner: Callable[..., Provisioner]) -> None:
    provisioner = new_provisioner("--max-waiting=1", "--max-wait=3s").start()

    def send(delivery: Delivery) -> tuple[int, timedelta]:
        began = now()
        with Sender(provisioner.webhook_port) as sender:
            return sender.send(delivery, "?wait=60s").code, now() - began

    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        first = pool.submit(send, created("acme"))
        eventually(lambda: provisioner.metrics()[WAITING] == 1, "someone waits")
        code, took = send(created("globex"))
        assert (code, took < timedelta(seconds=1)) == (202, True)
        code, took = first.result(20)
    assert code == 202
    assert timedelta(seconds=2.5) < took < timedelta(seconds=10)


def test_a_stop_answers_those_who_wait(provisioner: Provisioner, sender: Sender) -> None:
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(sender.send, created("acme"), "?wait=30s")
        eventually(lambda: provisioner.metrics()[WAITING] == 1, "someone waits")
        assert provisioner.stop() == 0
        assert waiting.result(10).code == 202


WAITING = "bulkhead_provisioner_requests_waiting"


def test_two_rights_are_enough(
    cluster: KubeCluster, kubectl: Kubectl, new_provisioner: Callable[..., Provisioner]
) -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "onboarding"},
        "rules": [
            {
                "apiGroups": ["bulkhead.dev"],
                "resources": ["tenants"],
                "verbs": ["get", "create", "patch"],
            }
        ],
    }
    kubectl.apply(role)
    kubectl.run(
        "create", "clusterrolebinding", "onboarding", "--clusterrole=onboarding", "--user=outsider"
    )
    account = cluster.write_kubeconfig("outsider", cluster.outsider())
    provisioner = new_provisioner(f"--kubeconfig={account}", "--on-deleted=delete").start()
    sender = provisioner.connect()
    for delivery in (
        created("acme"),
        signed(event("account.updated", "acme", quota="2Mi")),
        signed(event("account.suspended", "acme")),
        signed(event("account.resumed", "acme")),
    ):
        assert sender.send(delivery).code == 202
    assert sender.send(status("acme")).code == 200
    forbidden = sender.send(signed(event("account.deleted", "acme")))
    assert (forbidden.code, forbidden.problem) == (503, "unavailable")
    assert "cannot delete" not in forbidden.body.decode()
    eventually(
        lambda: "cannot delete" in provisioner.audit()[-1].get("note", ""), "the log says it"
    )
    assert list(versions(kubectl)) == ["acme"]


def test_each_request_has_a_line_and_is_counted(provisioner: Provisioner, sender: Sender) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    delivery = created("acme")
    first = sender.send(Delivery(delivery.headers | {"traceparent": trace}, delivery.body))
    sender.send(Delivery({}, b"{}"))
    sender.send(Delivery({}, b"", "/elsewhere", "GET"))
    eventually(lambda: len(provisioner.audit()) == 3, "three lines")
    lines = provisioner.audit()
    assert lines[0]["request"] == first.headers["x-request-id"]
    wanted = {
        "source": "127.0.0.1",
        "route": "event",
        "outcome": "created",
        "code": "202",
        "event": delivery.headers["webhook-id"],
        "type": "account.created",
        "account": "acme",
        "tenant": "acme",
        "trace": trace[3:35],
    }
    assert wanted.items() <= lines[0].items()
    assert (lines[1]["outcome"], lines[1]["code"]) == ("missing-signature", "401")
    assert (lines[2]["outcome"], lines[2]["code"]) == ("not-found", "404")
    metrics = provisioner.metrics()
    assert metrics['bulkhead_provisioner_requests_total{outcome="created",code="202"}'] == 1
    assert (
        metrics['bulkhead_provisioner_events_total{kind="account.created",outcome="created"}'] == 1
    )
