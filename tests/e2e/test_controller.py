"""A Tenant becomes a stream and consumers, and stays what it says, whatever happens to them."""

from collections.abc import Callable
from typing import Any

import pytest

from support.bulkhead import Controller
from support.jetstream import ApiError, JetStream
from support.kube_cluster import KubeCluster
from support.kubectl import Kubectl, KubectlFailed
from support.manifests import condition, stream_name, tenant
from support.nats_server import NatsServer
from support.waiting import eventually

SECOND = 1_000_000_000
STREAM_NOT_FOUND = 10059
FULL = {
    "stream": {
        "maxAge": "168h",
        "maxBytes": "10Mi",
        "maxMsgs": 5000,
        "duplicateWindow": "3m",
        "allowDirect": True,
        "description": "orders of acme",
        "metadata": {"team": "billing"},
    },
    "limits": {"maxConsumers": 20},
    "consumers": [
        {
            "name": "billing",
            "eventTypes": ["invoice-created", "invoice-paid"],
            "ackWait": "30s",
            "maxDeliver": 5,
            "backoff": ["1s", "10s", "1m"],
            "maxAckPending": 1000,
        },
        {"name": "audit"},
    ],
}


def ready(kubectl: Kubectl, name: str) -> dict[str, Any]:
    """The Tenant, once it is Ready at the generation that stands there."""
    kubectl.wait("tenant", name)
    return kubectl.get("tenant", name)


def stalled(kubectl: Kubectl, name: str) -> dict[str, Any]:
    """The condition that says why a Tenant is stalled."""
    kubectl.wait("tenant", name, "Stalled")
    return condition(kubectl.get("tenant", name), "Stalled")


def gone(jetstream: JetStream, stream: str) -> bool:
    try:
        jetstream.stream(stream)
    except ApiError as refused:
        return refused.code == STREAM_NOT_FOUND
    return False


def config_of(jetstream: JetStream, stream: str) -> dict[str, Any]:
    return dict(jetstream.stream(stream)["config"])


@pytest.mark.usefixtures("controller")
def test_an_applied_tenant_has_exactly_the_declared_stream_and_consumers(
    kubectl: Kubectl, jetstream: JetStream
) -> None:
    kubectl.apply(tenant("acme", **FULL))
    acme = ready(kubectl, "acme")
    config = config_of(jetstream, "TENANT_ACME")
    marks = config.pop("metadata")
    assert marks["team"] == "billing"
    assert marks["bulkhead.dev/uid"] == acme["metadata"]["uid"]
    cluster = kubectl.get("namespace", "kube-system")["metadata"]["uid"]
    assert marks["bulkhead.dev/cluster"] == cluster
    assert config == {
        "name": "TENANT_ACME",
        "description": "orders of acme",
        "subjects": ["tenant.acme.events.*"],
        "retention": "limits",
        "max_consumers": 20,
        "max_msgs": 5000,
        "max_bytes": 10 << 20,
        "max_age": 168 * 3600 * SECOND,
        "max_msgs_per_subject": -1,
        "max_msg_size": -1,
        "discard": "old",
        "storage": "file",
        "num_replicas": 1,
        "duplicate_window": 180 * SECOND,
        "compression": "none",
        "allow_direct": True,
        "mirror_direct": False,
        "sealed": False,
        "deny_delete": False,
        "deny_purge": False,
        "allow_rollup_hdrs": False,
        "consumer_limits": {},
        "allow_msg_ttl": False,
    }
    assert jetstream.consumers("TENANT_ACME") == ["audit", "billing"]
    billing = jetstream.consumer("TENANT_ACME", "billing")["config"]
    assert billing["durable_name"] == "billing"
    assert billing["ack_policy"] == "explicit"
    assert billing["filter_subjects"] == [
        "tenant.acme.events.invoice-created",
        "tenant.acme.events.invoice-paid",
    ]
    assert billing["backoff"] == [SECOND, 10 * SECOND, 60 * SECOND]
    assert billing["max_deliver"] == 5
    assert billing["max_ack_pending"] == 1000
    audit = jetstream.consumer("TENANT_ACME", "audit")["config"]
    assert audit["ack_wait"] == 30 * SECOND
    assert "filter_subjects" not in audit


@pytest.mark.usefixtures("controller")
def test_a_changed_field_is_updated_and_a_removed_one_returns_to_its_default(
    kubectl: Kubectl, jetstream: JetStream
) -> None:
    kubectl.apply(tenant("acme", **FULL))
    ready(kubectl, "acme")
    created = jetstream.stream("TENANT_ACME")["created"]
    kubectl.apply(tenant("acme", stream={"maxBytes": "20Mi"}, consumers=["audit"]))
    ready(kubectl, "acme")
    after = jetstream.stream("TENANT_ACME")
    config = after["config"]
    assert after["created"] == created
    assert config["max_bytes"] == 20 << 20
    assert config["max_age"] == 0
    assert config["max_msgs"] == -1
    assert config["duplicate_window"] == 120 * SECOND
    assert config["allow_direct"] is False
    assert config["max_consumers"] == -1
    assert "description" not in config
    assert "team" not in config["metadata"]
    assert jetstream.consumers("TENANT_ACME") == ["audit"]


@pytest.mark.usefixtures("controller")
def test_a_changed_consumer_is_updated_in_place(kubectl: Kubectl, jetstream: JetStream) -> None:
    kubectl.apply(tenant("acme", **FULL))
    ready(kubectl, "acme")
    before = jetstream.consumer("TENANT_ACME", "billing")["created"]
    kubectl.apply(tenant("acme", consumers=[{"name": "billing", "ackWait": "45s"}, "audit"]))
    ready(kubectl, "acme")
    after = jetstream.consumer("TENANT_ACME", "billing")
    assert after["created"] == before
    assert after["config"]["ack_wait"] == 45 * SECOND
    assert after["config"]["max_deliver"] == -1
    assert "backoff" not in after["config"]
    assert "filter_subjects" not in after["config"]


@pytest.mark.usefixtures("controller")
def test_the_status_tells_the_state_of_the_stream_and_the_lag_of_its_consumers(
    kubectl: Kubectl, jetstream: JetStream
) -> None:
    kubectl.apply(tenant("acme", consumers=["billing"]))
    ready(kubectl, "acme")
    for n in range(12):
        jetstream.publish("tenant.acme.events.invoice-created", b"{}", **{"Nats-Msg-Id": str(n)})
    kubectl.run("annotate", "tenant", "acme", "bulkhead.dev/reconcile-at=now")

    def lagging() -> bool:
        status = kubectl.get("tenant", "acme")["status"]
        return status["lag"] == 12 and status["stream"]["messages"] == 12

    eventually(lagging, "the status shows 12 events that wait", timeout=40)
    status = kubectl.get("tenant", "acme")["status"]
    assert status["stream"]["name"] == "TENANT_ACME"
    assert status["stream"]["lastSequence"] == 12
    assert status["consumers"][0] == {
        "name": "billing",
        "pending": 12,
        "ackPending": 0,
        "redelivered": 0,
        "lag": 12,
    }
    row = kubectl.run("get", "tenants", "--no-headers").split()
    assert row[:3] == ["acme", "True", "12"]


@pytest.mark.usefixtures("controller")
def test_deleting_with_retain_leaves_the_stream_and_its_events(
    kubectl: Kubectl, jetstream: JetStream
) -> None:
    kubectl.apply(tenant("acme", consumers=["audit"]))
    acme = ready(kubectl, "acme")
    assert "finalizers" not in acme["metadata"]
    jetstream.publish("tenant.acme.events.kept")
    kubectl.delete("tenant", "acme")
    assert jetstream.stream("TENANT_ACME")["state"]["messages"] == 1


@pytest.mark.usefixtures("controller")
def test_deleting_with_delete_takes_the_stream_along(
    kubectl: Kubectl, jetstream: JetStream
) -> None:
    kubectl.apply(tenant("acme", deletionPolicy="Delete", consumers=["audit"]))
    acme = ready(kubectl, "acme")
    assert acme["metadata"]["finalizers"] == ["bulkhead.dev/cleanup"]
    kubectl.delete("tenant", "acme")
    assert gone(jetstream, "TENANT_ACME")


@pytest.mark.usefixtures("controller")
def test_deleting_never_takes_a_stream_that_is_no_longer_ours(
    kubectl: Kubectl, jetstream: JetStream
) -> None:
    kubectl.apply(tenant("acme", deletionPolicy="Delete", mode="Observe"))
    eventually(
        lambda: kubectl.get("tenant", "acme")["metadata"].get("finalizers"), "a finalizer stands"
    )
    other = {"bulkhead.dev/uid": "someone", "bulkhead.dev/cluster": "elsewhere"}
    jetstream.create_stream(name="TENANT_ACME", subjects=["tenant.acme.events.*"], metadata=other)
    kubectl.patch("tenant", "acme", {"spec": {"mode": "Enforce"}})
    stalled(kubectl, "acme")
    kubectl.delete("tenant", "acme")
    assert not gone(jetstream, "TENANT_ACME")


@pytest.mark.usefixtures("controller")
def test_a_stream_of_another_owner_is_refused_and_untouched(
    kubectl: Kubectl, jetstream: JetStream
) -> None:
    other = {"bulkhead.dev/uid": "someone", "bulkhead.dev/cluster": "elsewhere"}
    jetstream.create_stream(name="TENANT_ACME", subjects=["tenant.acme.events.*"], metadata=other)
    before = config_of(jetstream, "TENANT_ACME")
    kubectl.apply(tenant("acme", stream={"adoption": "Adopt", "maxMsgs": 7}))
    why = stalled(kubectl, "acme")
    assert why["reason"] == "OwnedByOther"
    assert "stream TENANT_ACME belongs to another owner" in why["message"]
    assert config_of(jetstream, "TENANT_ACME") == before


@pytest.mark.usefixtures("controller")
def test_an_unmarked_stream_is_refused_until_adoption_is_asked_for(
    kubectl: Kubectl, jetstream: JetStream
) -> None:
    jetstream.create_stream(name="TENANT_ACME", subjects=["tenant.acme.events.*"])
    jetstream.publish("tenant.acme.events.old")
    kubectl.apply(tenant("acme", stream={"maxMsgs": 7}))
    why = stalled(kubectl, "acme")
    assert why["reason"] == "ExistsUnowned"
    assert "spec.stream.adoption" in why["message"]
    assert config_of(jetstream, "TENANT_ACME")["max_msgs"] == -1
    kubectl.patch("tenant", "acme", {"spec": {"stream": {"adoption": "Adopt"}}})
    ready(kubectl, "acme")
    adopted = jetstream.stream("TENANT_ACME")
    assert adopted["config"]["max_msgs"] == 7
    assert adopted["state"]["messages"] == 1


@pytest.mark.usefixtures("controller")
def test_a_new_tenant_of_an_old_name_gets_the_old_events_only_on_request(
    kubectl: Kubectl, jetstream: JetStream
) -> None:
    kubectl.apply(tenant("acme"))
    ready(kubectl, "acme")
    jetstream.publish("tenant.acme.events.old")
    kubectl.delete("tenant", "acme")
    kubectl.apply(tenant("acme"))
    why = stalled(kubectl, "acme")
    assert why["reason"] == "ExistsUnowned"
    assert "earlier Tenant of this name" in why["message"]
    kubectl.patch("tenant", "acme", {"spec": {"stream": {"adoption": "Adopt"}}})
    ready(kubectl, "acme")
    assert jetstream.stream("TENANT_ACME")["state"]["messages"] == 1


@pytest.mark.usefixtures("controller")
def test_a_stream_changed_behind_our_back_is_put_back(
    kubectl: Kubectl, jetstream: JetStream
) -> None:
    kubectl.apply(tenant("acme", stream={"maxMsgs": 100}, consumers=["audit"]))
    ready(kubectl, "acme")
    jetstream.update_stream("TENANT_ACME", max_msgs=5, subjects=["tenant.acme.events.>"])

    def repaired() -> bool:
        config = config_of(jetstream, "TENANT_ACME")
        return config["max_msgs"] == 100 and config["subjects"] == ["tenant.acme.events.*"]

    eventually(repaired, "the stream is as declared again", timeout=5)


@pytest.mark.usefixtures("controller")
def test_a_consumer_changed_or_deleted_behind_our_back_is_put_back(
    kubectl: Kubectl, jetstream: JetStream
) -> None:
    kubectl.apply(tenant("acme", consumers=["audit", {"name": "billing", "ackWait": "45s"}]))
    ready(kubectl, "acme")
    jetstream.delete_consumer("TENANT_ACME", "audit")
    config = jetstream.consumer("TENANT_ACME", "billing")["config"] | {"ack_wait": SECOND}
    request = {"stream_name": "TENANT_ACME", "config": config, "action": "update"}
    jetstream.api("CONSUMER.CREATE.TENANT_ACME.billing", request)

    def repaired() -> bool:
        billing = jetstream.consumer("TENANT_ACME", "billing")["config"]
        both = jetstream.consumers("TENANT_ACME") == ["audit", "billing"]
        return both and billing["ack_wait"] == 45 * SECOND

    eventually(repaired, "both consumers are as declared again", timeout=5)


@pytest.mark.usefixtures("controller")
def test_a_deleted_stream_comes_back_loudly(kubectl: Kubectl, jetstream: JetStream) -> None:
    kubectl.apply(tenant("acme", consumers=["audit"]))
    ready(kubectl, "acme")
    jetstream.publish("tenant.acme.events.lost")
    jetstream.delete_stream("TENANT_ACME")
    eventually(lambda: not gone(jetstream, "TENANT_ACME"), "the stream is back", timeout=5)
    kubectl.wait("tenant", "acme", "DataLossSuspected")
    acme = ready(kubectl, "acme")
    loss = condition(acme, "DataLossSuspected")
    assert loss["reason"] == "StreamRecreated"
    assert acme["status"]["stream"]["created"] in loss["message"]
    assert jetstream.consumers("TENANT_ACME") == ["audit"]

    def told() -> list[str]:
        events = kubectl.list("events.events.k8s.io")
        return [e["note"] for e in events if e["reason"] == "DataLossSuspected"]

    eventually(told, "an Event tells of it")
    created = acme["status"]["stream"]["created"]
    kubectl.run("annotate", "tenant", "acme", f"bulkhead.dev/data-loss-seen={created}")
    eventually(
        lambda: not condition(kubectl.get("tenant", "acme"), "DataLossSuspected"),
        "the condition goes when somebody has seen it",
    )


@pytest.mark.usefixtures("controller")
def test_observe_reports_drift_and_changes_nothing(kubectl: Kubectl, jetstream: JetStream) -> None:
    kubectl.apply(tenant("acme", stream={"maxMsgs": 100}))
    ready(kubectl, "acme")
    kubectl.apply(tenant("acme", mode="Observe", stream={"maxMsgs": 200}))

    def drifted() -> dict[str, Any]:
        found = condition(kubectl.get("tenant", "acme"), "InSync")
        return found if found["status"] == "False" else {}

    message = eventually(drifted, "InSync is False")["message"]
    assert "maxMsgs 100 -> 200" in message
    assert config_of(jetstream, "TENANT_ACME")["max_msgs"] == 100


@pytest.mark.usefixtures("controller")
def test_a_spec_that_the_server_refuses_is_stalled_with_the_servers_reason(
    kubectl: Kubectl, jetstream: JetStream
) -> None:
    jetstream.create_stream(name="GREEDY", subjects=["tenant.>"])
    kubectl.apply(tenant("acme"))
    why = stalled(kubectl, "acme")
    assert why["reason"] == "RefusedByServer"
    assert "subjects overlap with an existing stream" in why["message"]


@pytest.mark.usefixtures("controller")
def test_a_changed_storage_is_refused_at_admission(kubectl: Kubectl) -> None:
    kubectl.apply(tenant("acme", stream={"storage": "File"}))
    with pytest.raises(KubectlFailed) as refused:
        kubectl.apply(tenant("acme", stream={"storage": "Memory"}))
    assert "spec.stream.storage" in refused.value.message


def test_a_controller_killed_between_any_two_applies_leads_to_the_same_end(
    new_controller: Callable[..., Controller], kubectl: Kubectl, jetstream: JetStream
) -> None:
    names = [f"t{i}" for i in range(12)]
    for i, name in enumerate(names):
        controller = new_controller().start()
        kubectl.apply(tenant(name, consumers=["audit"], stream={"maxMsgs": 10 + i}))
        if i % 3 == 0:
            kubectl.apply(tenant(names[0], consumers=["audit", "late"], stream={"maxMsgs": 99}))
        controller.kill()
    new_controller().start()
    for name in names:
        ready(kubectl, name)
    assert jetstream.streams() == sorted(stream_name(name) for name in names)
    assert jetstream.consumers("TENANT_T0") == ["audit", "late"]
    for i, name in enumerate(names):
        expected = 99 if i == 0 else 10 + i
        assert config_of(jetstream, stream_name(name))["max_msgs"] == expected
        assert jetstream.consumers(stream_name(name))[0] == "audit"


def test_what_changed_while_no_controller_ran_is_caught_up(
    new_controller: Callable[..., Controller], kubectl: Kubectl, jetstream: JetStream
) -> None:
    first = new_controller().start()
    kubectl.apply(tenant("acme", consumers=["audit"]), tenant("globex", deletionPolicy="Delete"))
    ready(kubectl, "acme")
    ready(kubectl, "globex")
    first.stop()
    jetstream.delete_consumer("TENANT_ACME", "audit")
    kubectl.apply(tenant("acme", consumers=["audit", "billing"], stream={"maxMsgs": 3}))
    kubectl.delete("tenant", "globex", wait=False)
    kubectl.apply(tenant("initech"))
    new_controller().start()
    ready(kubectl, "acme")
    ready(kubectl, "initech")
    assert jetstream.consumers("TENANT_ACME") == ["audit", "billing"]
    eventually(lambda: gone(jetstream, "TENANT_GLOBEX"), "the deleted tenant's stream is gone")


@pytest.mark.usefixtures("controller")
def test_nats_away_is_said_and_everything_is_ready_again_at_its_return(
    kubectl: Kubectl, nats: NatsServer
) -> None:
    kubectl.apply(tenant("acme"))
    ready(kubectl, "acme")
    nats.kill()
    kubectl.apply(tenant("acme", stream={"maxMsgs": 4}), tenant("globex"))

    def unavailable() -> bool:
        return condition(kubectl.get("tenant", "globex"), "Ready")["reason"] == "Unavailable"

    eventually(unavailable, "Ready is False, Unavailable", timeout=20)
    nats.start()
    ready(kubectl, "acme")
    ready(kubectl, "globex")


@pytest.mark.usefixtures("controller")
def test_without_the_api_server_drift_is_repaired_and_told_at_its_return(
    cluster: KubeCluster, kubectl: Kubectl, jetstream: JetStream
) -> None:
    kubectl.apply(tenant("acme", consumers=["audit"]))
    ready(kubectl, "acme")
    jetstream.publish("tenant.acme.events.lost")
    cluster.apiserver.kill()
    jetstream.delete_stream("TENANT_ACME")
    eventually(lambda: jetstream.consumers("TENANT_ACME") == ["audit"], "all is made again")
    cluster.apiserver.start()
    kubectl.wait("tenant", "acme", "DataLossSuspected")
    assert condition(kubectl.get("tenant", "acme"), "Ready")["status"] == "True"


@pytest.mark.parametrize(
    ("flags", "code", "says"),
    [
        (["--wrokers=3"], 2, "unknown flag '--wrokers'"),
        (["--workers=many"], 2, "--workers: 'many' is not a whole number from 1 to 256"),
        (["--log-format=xml"], 2, "'xml' is not one of json|text"),
        (["--kubeconfig=/nowhere/config"], 2, "/nowhere/config"),
        (["--nats-creds=/nowhere/creds"], 2, "/nowhere/creds"),
        (["--listen=nonsense"], 2, "'nonsense' is not host:port"),
    ],
)
def test_a_wrong_setting_is_one_clear_line_and_exit_code_2(
    cluster: KubeCluster, flags: list[str], code: int, says: str
) -> None:
    common = [f"--kubeconfig={cluster.kubeconfig}", "--listen=127.0.0.1:0", "--log-format=text"]
    done = Controller.run(*common, *flags)
    assert done.returncode == code
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_api_server_that_does_not_answer_is_one_clear_line_and_exit_code_1(
    cluster: KubeCluster, nats: NatsServer
) -> None:
    cluster.kill()
    flags = [f"--kubeconfig={cluster.kubeconfig}", f"--nats-url={nats.url}"]
    done = Controller.run(*flags, "--listen=127.0.0.1:0", "--log-format=text")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "is --kubeconfig right, and https://127.0.0.1" in last
    assert "up?" in last
