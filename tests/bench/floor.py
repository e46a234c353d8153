"""The least that a fleet of Tenants costs: the same requests, pipelined by hand.

What is sent is what the controller sent for one Tenant, with the name replaced.
"""

import json
import threading
from dataclasses import dataclass
from typing import Any

from bench.fleet import Fleet, difference, tenant_names
from bench.kube_pipe import Write
from bench.nats_pipe import NatsPipe, Request
from bench.ready_watch import PATH, ReadyWatch, first_generation
from support.manifests import stream_name

MERGE = "application/merge-patch+json"
APPLY = "application/apply-patch+yaml"
CREATES = ("$JS.API.STREAM.CREATE.*", "$JS.API.CONSUMER.CREATE.>")


@dataclass(frozen=True)
class Sample:
    """What one Tenant needed."""

    tenant: str
    creates: list[Request]
    status: dict[str, Any]

    def creates_of(self, name: str) -> list[Request]:
        return [
            Request(self._renamed(r.subject, name), self._renamed(r.body.decode(), name).encode())
            for r in self.creates
        ]

    def status_of(self, name: str) -> dict[str, Any]:
        return dict(json.loads(self._renamed(json.dumps(self.status), name)))

    def _renamed(self, text: str, name: str) -> str:
        text = text.replace(stream_name(self.tenant), stream_name(name))
        return text.replace(self.tenant, name)


def take_sample(fleet: Fleet, count: int) -> Sample:
    """Lets the controller make a few Tenants, which warms up the servers too."""
    names = tenant_names(count)
    pipe = NatsPipe(fleet.nats.port)
    for subject in CREATES:
        pipe.subscribe(subject)
    heard: list[Request] = []
    listener = threading.Thread(target=_listen, args=(pipe, 2 * count, heard), daemon=True)
    listener.start()
    fleet.create(names)
    with ReadyWatch(fleet.cluster.apiserver) as watch, fleet.new_controller():
        watch.wait(first_generation(names))
    listener.join(10)
    pipe.close()
    of_first = [r for r in heard if stream_name(names[0]) in r.subject]
    assert len(of_first) == 2, f"a Tenant is made by {len(of_first)} requests, not by 2"
    status = fleet.request("GET", f"{PATH}/{names[0]}")["status"]
    fleet.clear()
    return Sample(names[0], of_first, status)


def _listen(pipe: NatsPipe, count: int, heard: list[Request]) -> None:
    messages = pipe.messages()
    for _ in range(count):
        subject, body = next(messages)
        heard.append(Request(subject.decode(), body))


def measure_floor(fleet: Fleet, sample: Sample, count: int) -> dict[str, Any]:
    """Seconds for Tenants that exist and have nothing yet, and leaves all of them made."""
    names = tenant_names(count)
    before = fleet.cpu_seconds()
    pipe = NatsPipe(fleet.nats.port)
    jetstream = pipe.ask_in_turn([sample.creates_of(name) for name in names])
    pipe.close()
    kubernetes = fleet.kube_pipe.write([_merge(sample, name) for name in names])
    used = difference(fleet.cpu_seconds(), before)
    return {
        "jetstream": jetstream,
        "kubernetes": kubernetes,
        "both": jetstream + kubernetes,
        "cpu": used,
        # Not of the floor: what the same writes cost as the controller sends them.
        "kubernetes_apply": fleet.kube_pipe.write([_apply(sample, name) for name in names]),
    }


def _merge(sample: Sample, name: str) -> Write:
    return Write("PATCH", f"{PATH}/{name}/status", {"status": sample.status_of(name)}, MERGE)


def _apply(sample: Sample, name: str) -> Write:
    body = {
        "apiVersion": "bulkhead.dev/v1alpha1",
        "kind": "Tenant",
        "metadata": {"name": name},
        "status": sample.status_of(name) | {"lag": 1},
    }
    path = f"{PATH}/{name}/status?fieldManager=bench&force=true"
    return Write("PATCH", path, body, APPLY)
