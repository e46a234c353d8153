"""An API server that answers badly, late or not at all: nothing hangs, spins or is lost."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.bulkhead import Controller
from support.certificates import let_expire, make_certificates
from support.faulty_apiserver import Fault, FaultyApiserver
from support.jetstream import JetStream
from support.kube_cluster import KubeCluster
from support.kubectl import Kubectl
from support.manifests import condition, stream_name, tenant
from support.nats_server import NatsServer
from support.waiting import eventually

FAULT_SECONDS = 2.0
# For one watch and three tenants; a loop without a rest would ask thousands of times.
REQUESTS_MAX = 60
REQUESTS = "rest_client_requests_total"
NAMES = ["acme", "globex", "initech"]
GONE = (
    '{"type":"ERROR","object":{"kind":"Status","status":"Failure","reason":"Expired","code":410,'
    '"message":"too old resource version"}}\n'
)
TOO_LARGE = (
    '{"kind":"Status","status":"Failure","reason":"Timeout","code":504,"details":{"causes":'
    '[{"reason":"ResourceVersionTooLarge","message":"Too large resource version"}],'
    '"retryAfterSeconds":1}}'
)
FAULTS = {
    "replies-cut-in-the-middle": Fault(cut=True),
    "500": Fault(status=500),
    "503-with-a-page-of-a-proxy": Fault(status=503, body="<html>no upstream</html>"),
    "429-come-back-later": Fault(status=429, headers={"Retry-After": "1"}),
    "answers-that-are-no-json": Fault(status=200, body="{nonsense"),
    "410-gone": Fault(status=410, body='{"kind":"Status","reason":"Gone","code":410}'),
    "410-as-an-event": Fault(event=GONE, watches_only=True),
    "504-resource-version-too-large": Fault(status=504, body=TOO_LARGE, watches_only=True),
}


@pytest.fixture
def faulty(cluster: KubeCluster) -> Iterator[FaultyApiserver]:
    with FaultyApiserver(cluster) as server:
        yield server


@pytest.fixture
def start(
    folder: Path, nats: NatsServer, faulty: FaultyApiserver
) -> Iterator[Callable[..., Controller]]:
    """Starts a controller behind the faults, as this user of the kubeconfig."""
    made: list[Controller] = []

    def start_one(user: dict[str, Any] | None = None, ca: Path | None = None) -> Controller:
        kubeconfig = faulty.kubeconfig(user or {"token": "any"}, ca)
        made.append(Controller(folder / "controller", kubeconfig, nats.url))
        return made[-1].start()

    yield start_one
    faulty.mend()
    for controller in made:
        controller.stop()


def all_ready(kubectl: Kubectl, jetstream: JetStream, max_msgs: int) -> bool:
    for name in NAMES:
        ready = condition(kubectl.get("tenant", name), "Ready")
        generation = kubectl.get("tenant", name)["metadata"]["generation"]
        assert (ready["status"], ready["observedGeneration"]) == ("True", generation)
        assert jetstream.stream(stream_name(name))["config"]["max_msgs"] == max_msgs
    return True


def declare(kubectl: Kubectl, max_msgs: int) -> None:
    stream = {"maxMsgs": max_msgs}
    kubectl.apply(*(tenant(name, consumers=["audit"], stream=stream) for name in NAMES))


def hold(faulty: FaultyApiserver) -> list[str]:
    """Lets the fault last, and says what was asked since it began."""
    time.sleep(FAULT_SECONDS)
    return faulty.requests_since(faulty.broken_since)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_what_happened_during_a_fault_is_caught_up_and_nothing_spins(
    fault: Fault,
    faulty: FaultyApiserver,
    start: Callable[..., Controller],
    kubectl: Kubectl,
    jetstream: JetStream,
) -> None:
    controller = start()
    declare(kubectl, 10)
    eventually(lambda: all_ready(kubectl, jetstream, 10), "all are Ready", 20)
    faulty.break_with(fault)
    declare(kubectl, 20)
    asked = hold(faulty)
    assert 1 <= len(asked) <= REQUESTS_MAX, asked
    assert not [what for what in asked if "resourceVersion=0" in what]
    assert controller.page("livez") == "ok\n"
    faulty.mend()
    eventually(lambda: all_ready(kubectl, jetstream, 20), "all are Ready again", 40)
    assert jetstream.streams() == sorted(stream_name(name) for name in NAMES)


def test_a_server_that_hangs_is_waited_for_and_does_not_hold_up_the_end(
    faulty: FaultyApiserver,
    start: Callable[..., Controller],
    kubectl: Kubectl,
    jetstream: JetStream,
) -> None:
    controller = start()
    declare(kubectl, 10)
    eventually(lambda: all_ready(kubectl, jetstream, 10), "all are Ready", 20)
    faulty.break_with(Fault(hang=True))
    declare(kubectl, 20)
    jetstream.update_stream("TENANT_ACME", max_msgs=5)
    eventually(
        lambda: jetstream.stream("TENANT_ACME")["config"]["max_msgs"] == 10,
        "drift is repaired all the same",
    )
    assert len(hold(faulty)) <= REQUESTS_MAX
    assert controller.page("livez") == "ok\n"
    faulty.mend()
    eventually(lambda: all_ready(kubectl, jetstream, 20), "all are Ready again", 40)
    faulty.break_with(Fault(hang=True))
    declare(kubectl, 30)
    began = time.monotonic()
    controller.stop()
    assert time.monotonic() - began < 10


def test_a_token_that_is_replaced_is_taken_up_and_a_refused_one_is_no_reason_to_hurry(
    folder: Path,
    faulty: FaultyApiserver,
    start: Callable[..., Controller],
    kubectl: Kubectl,
    jetstream: JetStream,
) -> None:
    file = folder / "token"
    file.write_text("first")
    faulty.token = "first"
    start({"tokenFile": str(file)})
    declare(kubectl, 10)
    eventually(lambda: all_ready(kubectl, jetstream, 10), "all are Ready", 20)
    file.write_text("second")
    faulty.token = "second"
    declare(kubectl, 20)
    eventually(lambda: all_ready(kubectl, jetstream, 20), "the new token is used", 20)
    faulty.token = "third"
    faulty.break_with(Fault(status=401))
    declare(kubectl, 30)
    assert len(hold(faulty)) <= REQUESTS_MAX
    file.write_text("third")
    faulty.mend()
    eventually(lambda: all_ready(kubectl, jetstream, 30), "the third token is used", 40)


def test_an_expired_certificate_is_said_in_a_sentence_and_its_successor_trusted(
    folder: Path,
    faulty: FaultyApiserver,
    start: Callable[..., Controller],
    kubectl: Kubectl,
    jetstream: JetStream,
) -> None:
    good, bad = folder / "good", folder / "bad"
    make_certificates(good)
    bad.mkdir()
    for file in good.iterdir():
        (bad / file.name).write_bytes(file.read_bytes())
    let_expire(bad, "server")
    faulty.show_certificate(good)
    controller = start(ca=good / "ca.crt")
    declare(kubectl, 10)
    eventually(lambda: all_ready(kubectl, jetstream, 10), "all are Ready", 20)
    faulty.show_certificate(bad)
    faulty.break_with(Fault(cut=True))
    faulty.mend()
    declare(kubectl, 20)
    eventually(lambda: "certificate has expired" in controller.tail(), "it says why", 20)
    faulty.show_certificate(good)
    eventually(lambda: all_ready(kubectl, jetstream, 20), "all are Ready again", 40)


def test_a_server_that_cannot_stream_lists_is_read_in_pages(
    folder: Path, cluster: KubeCluster, kubectl: Kubectl, nats: NatsServer, jetstream: JetStream
) -> None:
    """As Kubernetes 1.33 is by default, and any with the feature turned off."""
    cluster.apiserver.flags = ["--feature-gates=WatchList=false"]
    cluster.apiserver.restart()
    with FaultyApiserver(cluster) as apiserver:
        kubeconfig = apiserver.kubeconfig({"token": "any"})
        declare(kubectl, 10)
        with Controller(folder / "controller", kubeconfig, nats.url):
            eventually(lambda: all_ready(kubectl, jetstream, 10), "all are Ready", 20)
            declare(kubectl, 20)
            eventually(lambda: all_ready(kubectl, jetstream, 20), "the watch goes on", 20)
        asked = [what for what in apiserver.requests_since(0) if what.startswith("GET")]
    lists = [what for what in asked if what.endswith("/tenants?limit=500")]
    watches = [what for what in asked if "watch=true" in what and "sendInitialEvents" not in what]
    assert lists
    assert watches
    assert not [what for what in asked if "resourceVersion=0" in what]


def test_a_server_that_is_over_its_limit_is_asked_again(
    folder: Path, cluster: KubeCluster, kubectl: Kubectl, nats: NatsServer
) -> None:
    """A real one, for one write at a time, which says 429 to all others but administrators'."""
    kubectl.run(
        "create", "clusterrolebinding", "us", "--clusterrole=cluster-admin", "--user=outsider"
    )
    cluster.apiserver.flags = [
        "--enable-priority-and-fairness=false",
        "--max-mutating-requests-inflight=1",
    ]
    cluster.apiserver.kill()
    cluster.apiserver.start()
    names = [f"t{n}" for n in range(24)]
    kubectl.apply(*(tenant(name, deletionPolicy="Delete") for name in names))
    kubeconfig = cluster.write_kubeconfig("outsider", cluster.outsider())
    with Controller(folder / "controller", kubeconfig, nats.url, ["--workers=12"]) as controller:
        kubectl.run("wait", "--for=condition=Ready", "tenants", "--all", "--timeout=20s")
        series = controller.metrics().items()
        refused = [n for name, n in series if name.startswith(REQUESTS) and 'code="429"' in name]
        assert sum(refused) >= 1
        assert "not reconciled" not in controller.tail()


def test_an_upgraded_crd_and_fields_of_a_newer_version_disturb_nobody(
    new_controller: Callable[..., Controller], kubectl: Kubectl, jetstream: JetStream
) -> None:
    """The API server closes the watches and answers 429 for a second while it changes the CRD."""
    controller = new_controller().start()
    declare(kubectl, 10)
    eventually(lambda: all_ready(kubectl, jetstream, 10), "all are Ready", 20)
    schema = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties"
    text = {"type": "string", "maxLength": 64}
    newer = [
        {"op": "add", "path": f"{schema}/fromTheFuture", "value": text},
        {"op": "add", "path": f"{schema}/stream/properties/fromTheFuture", "value": text},
    ]
    kubectl.patch("crd", "tenants.bulkhead.dev", newer, style="json")
    future = {"fromTheFuture": "yes", "stream": {"maxMsgs": 20, "fromTheFuture": "yes"}}
    future["deletionPolicy"] = "Delete"  # so that the controller writes more than a status

    def applied() -> bool:
        kubectl.apply(*(tenant(name, consumers=["audit"], **future) for name in NAMES))
        return "fromTheFuture" in kubectl.get("tenant", "acme")["spec"]

    eventually(applied, "the API server knows the new fields")
    eventually(lambda: all_ready(kubectl, jetstream, 20), "all are Ready", 20)
    acme = kubectl.get("tenant", "acme")
    assert acme["spec"]["fromTheFuture"] == acme["spec"]["stream"]["fromTheFuture"] == "yes"
    assert acme["metadata"]["finalizers"] == ["bulkhead.dev/cleanup"]
    assert " error " not in controller.tail()
    assert "warn " not in controller.tail()
