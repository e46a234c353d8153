"""What a controller does with a settled fleet: one Tenant more, drift, an outage, nothing."""

import statistics
import time
from collections.abc import Callable
from typing import Any

from bench.convergence import requests_of
from bench.fleet import CONSUMER, SPEC, Fleet, difference, resident_kb, stream_names, tenant_names
from bench.kube_pipe import Write
from bench.ready_watch import PATH, ReadyWatch, first_generation
from support.bulkhead import Controller
from support.manifests import tenant
from support.waiting import eventually

LOOK_SECONDS = 0.003
REST_SECONDS = 30
MERGE = "application/merge-patch+json"


def settle(controller: Controller, fleet: Fleet, seconds: float = 120.0) -> None:
    """Waits until the controller has written nothing for a while."""
    end = time.monotonic() + seconds
    before: dict[str, float] = {}
    while (now := writes_of(controller)) != before and time.monotonic() < end:
        before = now
        time.sleep(12)  # longer than the least time between two writes of numbers
    assert fleet.nats.running


def rest(controller: Controller, fleet: Fleet) -> None:
    """Waits until the controller has given back what the work needed: when it had none for 15 s."""
    settle(controller, fleet)
    time.sleep(REST_SECONDS)


def writes_of(controller: Controller) -> dict[str, float]:
    return {k: v for k, v in requests_of(controller).items() if 'method="GET"' not in k}


def apply_to_ready(fleet: Fleet, watch: ReadyWatch, times: int) -> dict[str, float]:
    taken = []
    fleet.kube_pipe.prepare()
    for number in range(times):
        name = f"single-{number}"
        body = tenant(name, **SPEC)
        began = time.monotonic()
        fleet.kube_pipe.write([Write("POST", PATH, body)])
        taken.append(watch.wait({name: 1}, 30) - began)
        time.sleep(0.1)
    return spread(taken)


def drift_to_repaired(fleet: Fleet, times: int) -> dict[str, dict[str, float]]:
    """A stream that was changed, and a consumer that was deleted, behind the controller's back."""
    stream = stream_names(1)[0]
    jetstream = fleet.jetstream
    right = jetstream.stream(stream)["config"]["max_age"]

    def change() -> None:
        jetstream.update_stream(stream, max_age=right // 2)

    def delete() -> None:
        jetstream.delete_consumer(stream, CONSUMER)

    return {
        "stream changed": _repairs(
            change, lambda: jetstream.stream(stream)["config"]["max_age"] == right, times
        ),
        "consumer deleted": _repairs(
            delete, lambda: jetstream.consumers(stream) == [CONSUMER], times
        ),
    }


def _repairs(
    harm: Callable[[], None], is_right: Callable[[], bool], times: int
) -> dict[str, float]:
    taken = []
    for _ in range(times):
        harm()
        began = time.monotonic()
        while not is_right():
            assert time.monotonic() < began + 60, "drift was not repaired within a minute"
            time.sleep(LOOK_SECONDS)
        taken.append(time.monotonic() - began)
        time.sleep(0.2)
    return spread(taken)


def outage_to_recovered(
    fleet: Fleet, watch: ReadyWatch, count: int, seconds: float
) -> dict[str, float]:
    """NATS is away while every tenth Tenant is edited; counted from when it serves again."""
    edited = tenant_names(count)[::10]
    edit = {"spec": {"stream": {"maxAge": "96h"}}}
    fleet.nats.kill()
    away = time.monotonic()
    fleet.kube_pipe.write([Write("PATCH", f"{PATH}/{name}", edit, MERGE) for name in edited])
    time.sleep(max(0.0, seconds - (time.monotonic() - away)))
    started = time.monotonic()
    fleet.nats.start(wait=False)
    eventually(fleet.nats.ready, "NATS serves again", 120)
    served = time.monotonic()
    wanted = first_generation(tenant_names(count)) | dict.fromkeys(edited, 2)
    ready = watch.wait(wanted)
    return {
        "away": started - away,
        "server_start": served - started,
        "edited": len(edited),
        "recovered": max(0.0, ready - served),
    }


def restart(fleet: Fleet, count: int) -> dict[str, Any]:
    """A new controller on a fleet that is as it should be: two requests a Tenant say so."""
    asked = fleet.api_requests()
    controller = fleet.new_controller()
    began = time.monotonic()
    with controller:
        listed = time.monotonic() - began
        eventually(lambda: fleet.api_requests() >= asked + 2 * count, "all are looked at", 120)
        looked = time.monotonic() - began
        settle(controller, fleet)
        return {"listed": listed, "looked_at": looked, "resident_kb": resident_kb(controller)}


def idle(fleet: Fleet, controller: Controller, seconds: float) -> dict[str, Any]:
    """What goes on while nothing happens, by the minute."""
    before = requests_of(controller), fleet.cpu_seconds(controller), fleet.api_requests()
    versions = {t["metadata"]["name"]: t["metadata"]["resourceVersion"] for t in fleet.list()}
    began = time.monotonic()
    time.sleep(seconds)
    minutes = (time.monotonic() - began) / 60
    asked = difference(requests_of(controller), before[0])
    used = difference(fleet.cpu_seconds(controller), before[1])
    changed = sum(versions[t["metadata"]["name"]] != _version(t) for t in fleet.list())
    return {
        "writes": sum(n for k, n in asked.items() if 'method="GET"' not in k) / minutes,
        "requests": sum(asked.values()) / minutes,
        "changed_objects": changed / minutes,
        "jetstream_requests": (fleet.api_requests() - before[2]) / minutes,
        "cpu": {name: value / minutes for name, value in used.items()},
        "resident_kb": resident_kb(controller),
    }


def _version(resource: dict[str, Any]) -> str:
    return str(resource["metadata"]["resourceVersion"])


def spread(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "median": statistics.median(ordered),
        "p90": ordered[len(ordered) * 9 // 10],
        "worst": ordered[-1],
        "times": len(ordered),
    }
