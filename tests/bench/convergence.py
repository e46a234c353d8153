"""A fleet that exists before the controller: how long until JetStream and the API have all."""

import os
import statistics
import time
from typing import Any

from bench.fleet import Fleet, difference, resident_kb, tenant_names
from bench.floor import Sample, measure_floor
from bench.ready_watch import ConsumerSpy, ReadyWatch, first_generation
from support.bulkhead import Controller

REQUESTS = "rest_client_requests_total"


def compare(fleet: Fleet, sample: Sample, count: int, runs: int) -> dict[str, Any]:
    """Floor and controller by turns, each `runs` times on an empty fleet; medians of each."""
    floors, trials = [], []
    for run in range(runs):
        for part in ("floor", "controller") if run % 2 == 0 else ("controller", "floor"):
            fleet.create(tenant_names(count))
            if part == "floor":
                floors.append(measure_floor(fleet, sample, count))
            else:
                trials.append(converge(fleet, count))
            fleet.clear()
    floor = _medians(floors)
    controller = _medians(trials)
    return {
        "tenants": count,
        "runs": runs,
        "floor": floor,
        "controller": controller,
        "ratio_jetstream": controller["jetstream"] / floor["jetstream"],
        "ratio_ready": controller["ready"] / floor["both"],
        "all_floors": floors,
        "all_controllers": trials,
    }


def converge(fleet: Fleet, count: int) -> dict[str, Any]:
    """Starts a controller before a fleet that has nothing yet, and stops it when all is Ready."""
    asked = fleet.api_requests()
    with ReadyWatch(fleet.cluster.apiserver) as watch:
        spy = ConsumerSpy(fleet.nats.port, count)
        controller = fleet.new_controller()
        began = time.monotonic()
        controller.start(wait=False)
        before = fleet.cpu_seconds(controller)
        made = spy.wait() - began
        ready = watch.wait(first_generation(tenant_names(count))) - began
        used = difference(fleet.cpu_seconds(controller), before)
        seen = requests_of(controller)
        resident = resident_kb(controller)
        controller.stop()
    return {
        "jetstream": made,
        "ready": ready,
        "resident_kb": resident,
        "load": os.getloadavg()[0],
        "jetstream_requests": fleet.api_requests() - asked,
        "kubernetes_requests": sum(seen.values()),
        "cpu": used,
    }


def requests_of(controller: Controller) -> dict[str, float]:
    """Requests to the API server so far, by the labels of the controller's own metric."""
    return {k: v for k, v in controller.metrics().items() if k.startswith(REQUESTS)}


def _medians(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """The median of each number, and of those in a dictionary."""
    return {
        name: _medians([run[name] for run in runs])
        if isinstance(value, dict)
        else statistics.median(run.get(name, 0.0) for run in runs)
        for name, value in runs[0].items()
    }
