"""What the API server accepts and refuses, and what it says to whoever has to correct a manifest.

The rules are those of the CRD alone; no controller runs. One cluster serves the whole table, since
every manifest is a dry run or has a name of its own.
"""

import json
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from support.kube_cluster import KubeCluster
from support.kubectl import Kubectl, KubectlFailed
from support.manifests import tenant
from support.places import new_folder

Spec = dict[str, Any]


@pytest.fixture(scope="module")
def kubectl() -> Iterator[Kubectl]:
    folder = new_folder("bulkhead-crd-")
    cluster = KubeCluster(folder)
    try:
        yield cluster.start().kubectl
    finally:
        cluster.kill()
        shutil.rmtree(folder)


def stream(**fields: Any) -> Spec:
    return {"stream": fields}


def consumer(**fields: Any) -> Spec:
    return {"consumers": [{"name": "billing"} | fields]}


ACCEPTED: dict[str, Spec] = {
    "an empty spec": {},
    "durations and quantities": stream(maxAge="1h30m", maxBytes="10Gi", duplicateWindow="2m"),
    "a quantity that is a number": stream(maxBytes=1048576, maxMsgSize=65536),
    "every mode": {"mode": "Suspend", "deletionPolicy": "Delete", "isolation": "Stream"},
    "a consumer that is a name": consumer(),
    "a consumer with all waits": consumer(ackWait="30s", maxDeliver=3, backoff=["1s", "10s", "1m"]),
    "unlimited unacknowledged events": consumer(maxAckPending=-1),
    "event types of several tokens": stream(eventTypes="MultiToken")
    | consumer(eventTypes=["invoice.created"]),
    "work queue, disjoint consumers": stream(retention="WorkQueue")
    | {"consumers": [{"name": "a", "eventTypes": ["x"]}, {"name": "b", "eventTypes": ["y"]}]},
    "limits and objectives": {
        "limits": {"eventsPerSecond": 500, "burst": 1000, "maxConsumers": 20},
        "relay": {"weight": 2, "ordering": "Key", "onDead": "Block"},
        "slo": {"objective": "99.9", "latency": "1s", "maxLag": 1000},
    },
    "everything NATS 2.12 has": stream(
        allowMsgTTL=True, subjectDeleteMarkerTTL="1h", allowAtomic=True, allowMsgSchedules=True
    ),
}

# What is wrong -> the spec, and what the message must hold: the field, then what is allowed.
REFUSED: dict[str, tuple[Spec, list[str]]] = {
    "storage": (stream(storage="Disk"), ["spec.stream.storage", '"File", "Memory"']),
    "isolation": ({"isolation": "Account"}, ["spec.isolation", '"Stream"']),
    "mode": ({"mode": "Off"}, ["spec.mode", '"Enforce", "Observe", "Suspend"']),
    "deletionPolicy": ({"deletionPolicy": "Orphan"}, ["deletionPolicy", '"Retain", "Delete"']),
    "maxAge in days": (stream(maxAge="7d"), ["spec.stream.maxAge", "no days"]),
    "maxAge without unit": (stream(maxAge="60"), ["spec.stream.maxAge", "such as 30s, 1h30m"]),
    "maxAge too short": (stream(maxAge="1ms"), ["spec.stream.maxAge", "from 100ms to 87600h"]),
    "maxAge a number": (stream(maxAge=60), ["spec.stream.maxAge", "must be of type string"]),
    "maxBytes a word": (stream(maxBytes="lots"), ["spec.stream.maxBytes", "512Mi or 10Gi"]),
    "maxBytes zero": (stream(maxBytes=0), ["spec.stream.maxBytes", "1"]),
    "maxBytes not whole": (stream(maxBytes="0.5"), ["maxBytes", "a whole number of bytes"]),
    "maxMsgs zero": (stream(maxMsgs=0), ["maxMsgs", "greater than or equal to 1"]),
    "replicas": (stream(replicas=7), ["spec.stream.replicas", "less than or equal to 5"]),
    "window over age": (
        stream(maxAge="1m", duplicateWindow="2m"),
        ["spec.stream.duplicateWindow", "at most maxAge"],
    ),
    "refuse per subject alone": (
        stream(discardNewPerSubject=True),
        ["stream.discardNewPerSubject must have discard New and maxMsgsPerSubject"],
    ),
    "counter that expires": (
        stream(allowMsgCounter=True, allowMsgTTL=True),
        ["stream.allowMsgCounter must have discard Old and retention Limits"],
    ),
    "reserved metadata": (
        stream(metadata={"bulkhead.dev/uid": "x"}),
        ["spec.stream.metadata", "must not begin with '_nats.' or 'bulkhead.dev/'"],
    ),
    "consumer without name": ({"consumers": [{}]}, ["spec.consumers[0].name", "Required value"]),
    "consumer with a dot": (
        {"consumers": [{"name": "a.b"}]},
        ["spec.consumers[0].name", "[A-Za-z0-9_-]+"],
    ),
    "two of one name": (
        {"consumers": [{"name": "a"}, {"name": "a"}]},
        ["spec.consumers[1]", "Duplicate value"],
    ),
    "event type with wildcard": (
        consumer(eventTypes=["*"]),
        ["spec.consumers[0].eventTypes[0]", "[A-Za-z0-9_-]+"],
    ),
    "event type of two tokens": (
        consumer(eventTypes=["invoice.created"]),
        ["spec.consumers", "must have no '.', unless stream.eventTypes is MultiToken"],
    ),
    "ackWait": (consumer(ackWait="0s"), ["spec.consumers[0].ackWait", "from 1ms to 87600h"]),
    "more waits than deliveries": (
        consumer(maxDeliver=1, backoff=["1s", "2s"]),
        ["spec.consumers[0].backoff", "at most maxDeliver items"],
    ),
    "maxAckPending zero": (
        consumer(maxAckPending=0),
        ["spec.consumers[0].maxAckPending", "-1 (unlimited) or 1 to 1000000"],
    ),
    "start without its policy": (
        consumer(optStartSeq=5),
        ["optStartSeq must be set with deliverPolicy ByStartSequence"],
    ),
    "work queue, all to both": (
        stream(retention="WorkQueue") | {"consumers": [{"name": "a"}, {"name": "b"}]},
        ["with stream.retention WorkQueue and more than one consumer each must name"],
    ),
    "work queue, one type twice": (
        stream(retention="WorkQueue")
        | {"consumers": [{"name": n, "eventTypes": ["x"]} for n in ("a", "b")]},
        ["no two consumers may name the same event type"],
    ),
    "fewer consumers allowed than declared": (
        {"consumers": [{"name": "a"}, {"name": "b"}], "limits": {"maxConsumers": 1}},
        ["spec.limits.maxConsumers", "at least the number of consumers"],
    ),
    "burst without rate": (
        {"limits": {"burst": 10}},
        ["spec.limits.burst", "must have eventsPerSecond beside it"],
    ),
    "weight": ({"relay": {"weight": 0}}, ["spec.relay.weight", "greater than or equal to 1"]),
    "ordering": ({"relay": {"ordering": "Strict"}}, ["spec.relay.ordering", '"None", "Key"']),
    "objective": ({"slo": {"objective": "100"}}, ["spec.slo.objective", "0-9"]),
}

# Fields that would cross tenants or lose data, and a word that is merely misspelt.
UNKNOWN = {
    "name": stream(name="TENANT_OTHER"),
    "subjects": stream(subjects=["tenant.other.>"]),
    "mirror": stream(mirror={"name": "TENANT_OTHER"}),
    "sources": stream(sources=[{"name": "TENANT_OTHER"}]),
    "republish": stream(republish={"src": ">", "dest": "tenant.other.>"}),
    "subjectTransform": stream(subjectTransform={"src": ">", "dest": "x"}),
    "noAck": stream(noAck=True),
    "sealed": stream(sealed=True),
    "deliverSubject": consumer(deliverSubject="tenant.other.events.x"),
    "deliverGroup": consumer(deliverGroup="g"),
    "maxage": stream(maxage="1h"),
}

# What may not change: the field, the spec before and after, and what to do instead.
IMMUTABLE: dict[str, tuple[Spec, Spec, str]] = {
    "storage": (stream(storage="File"), stream(storage="Memory"), "make a new Tenant"),
    "storage left out": (stream(storage="Memory"), {}, "make a new Tenant"),
    "retention": (stream(), stream(retention="WorkQueue"), "make a new Tenant"),
    "firstSeq": (stream(), stream(firstSeq=100), "make a new Tenant"),
    "denyDelete": (stream(denyDelete=True), stream(), "can be turned on but not off"),
    "deliverPolicy": (consumer(), consumer(deliverPolicy="New"), "add one under another name"),
    "ackPolicy": (consumer(), consumer(ackPolicy="All"), "add one under another name"),
    "maxWaiting": (consumer(), consumer(maxWaiting=9), "add one under another name"),
}

NAMES_REFUSED = ["a.b", "x" * 41, "-a", "a-"]


def dry_run(kubectl: Kubectl, spec: Spec, name: str = "acme") -> str:
    manifest = json.dumps(tenant(name, **spec))
    return kubectl.run("apply", "--dry-run=server", "-f", "-", stdin=manifest)


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_right_manifest_is_accepted(kubectl: Kubectl, case: str) -> None:
    assert "created" in dry_run(kubectl, ACCEPTED[case])


@pytest.mark.parametrize("case", REFUSED)
def test_a_wrong_value_is_refused_with_the_field_and_what_is_allowed(
    kubectl: Kubectl, case: str
) -> None:
    spec, wanted = REFUSED[case]
    with pytest.raises(KubectlFailed) as caught:
        dry_run(kubectl, spec)
    missing = [text for text in wanted if text not in caught.value.message]
    assert not missing, caught.value.message


@pytest.mark.parametrize("field", UNKNOWN)
def test_a_field_that_is_not_in_the_schema_is_refused(kubectl: Kubectl, field: str) -> None:
    with pytest.raises(KubectlFailed, match=rf'unknown field "spec\.\S*{field}"'):
        dry_run(kubectl, UNKNOWN[field])


@pytest.mark.parametrize("case", IMMUTABLE)
def test_what_cannot_change_is_refused_with_what_to_do(kubectl: Kubectl, case: str) -> None:
    before, after, advice = IMMUTABLE[case]
    name = f"fixed-{list(IMMUTABLE).index(case)}"
    kubectl.apply(tenant(name, **before))
    message = kubectl.refusal(tenant(name, **after))
    assert case.split()[0] in message
    assert advice in message


@pytest.mark.parametrize("name", NAMES_REFUSED)
def test_a_name_that_is_no_tenant_id_is_refused(kubectl: Kubectl, name: str) -> None:
    with pytest.raises(KubectlFailed, match=r"metadata\.name"):
        dry_run(kubectl, {}, name)


def test_a_tenant_without_spec_is_refused(kubectl: Kubectl) -> None:
    manifest = tenant("bare")
    del manifest["spec"]
    assert "spec: Required value" in kubectl.refusal(manifest)


def test_a_new_tenant_says_that_nobody_has_seen_it(kubectl: Kubectl) -> None:
    """Without this a deployment tool would take it for ready before the controller looked."""
    kubectl.apply(tenant("unseen"))
    assert kubectl.get("tenant", "unseen")["status"] == {"observedGeneration": -1}


def test_defaults_are_filled_in(kubectl: Kubectl) -> None:
    kubectl.apply(tenant("plain", consumers=["billing"]))
    spec = kubectl.get("bht", "plain")["spec"]
    assert (spec["isolation"], spec["mode"], spec["deletionPolicy"]) == (
        *("Stream", "Enforce", "Retain"),
    )
    assert spec["stream"]["storage"] == "File"
    assert spec["consumers"][0]["ackPolicy"] == "Explicit"


def test_columns_show_what_an_operator_asks_first(kubectl: Kubectl) -> None:
    kubectl.apply(tenant("shown"))
    titles = kubectl.run("get", "tenants", "shown").splitlines()[0].split()
    assert titles == ["NAME", "READY", "LAG", "OUTBOX", "MESSAGES", "AGE"]


def test_tenants_can_be_selected_by_a_field(kubectl: Kubectl) -> None:
    kubectl.apply(tenant("kept", deletionPolicy="Retain"), tenant("gone", deletionPolicy="Delete"))
    found = kubectl.run("get", "bht", "--field-selector=spec.deletionPolicy=Delete", "-o", "name")
    assert found.split() == ["tenant.bulkhead.dev/gone"]
