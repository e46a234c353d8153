"""A fleet that is as it should be costs no write, and no request but the sweeps."""

from collections.abc import Callable
from pathlib import Path

from support.bulkhead import Controller
from support.kubectl import Kubectl
from support.manifests import tenant
from support.nats_server import NatsServer
from support.waiting import eventually


def test_an_idle_fleet_costs_no_write(
    new_controller: Callable[..., Controller], kubectl: Kubectl
) -> None:
    first = new_controller().start()
    names = [f"idle-{i}" for i in range(5)]
    kubectl.apply(*(tenant(name, consumers=["audit"]) for name in names))
    for name in names:
        kubectl.wait("tenant", name)
    first.stop()

    def versions() -> dict[str, str]:
        found = (t["metadata"] for t in kubectl.list("tenants"))
        return {m["name"]: m["resourceVersion"] for m in found}

    before = versions()
    second = new_controller("--resync=1s", "--status-interval=500ms").start()
    passes = 'controller_runtime_reconcile_total{controller="tenant",result="success"}'
    eventually(lambda: second.metrics()[passes] >= len(names), "every tenant was looked at")
    assert versions() == before


def test_a_settled_fleet_is_swept_and_not_looked_at_one_by_one(
    new_controller: Callable[..., Controller], kubectl: Kubectl, nats: NatsServer
) -> None:
    controller = new_controller("--resync=2s").start()
    names = [f"idle-{i}" for i in range(5)]
    kubectl.apply(*(tenant(name, consumers=["audit"]) for name in names))
    for name in names:
        kubectl.wait("tenant", name)

    def passes() -> float:
        total = "controller_runtime_reconcile_total"
        return sum(n for series, n in controller.metrics().items() if series.startswith(total))

    def requests() -> int:
        return int(nats.monitor("jsz")["api"]["total"])

    before, asked = passes(), requests()
    eventually(lambda: requests() >= asked + 3, "three sweeps asked for the streams")
    assert passes() == before


def test_the_pages_that_a_burst_touched_are_given_back_when_it_is_over(
    new_controller: Callable[..., Controller], kubectl: Kubectl
) -> None:
    """Without sweeps, which give them back as well."""
    controller = new_controller("--resync=1h").start()
    names = [f"burst-{i}" for i in range(20)]
    kubectl.apply(*(tenant(name, consumers=["audit"]) for name in names))
    for name in names:
        kubectl.wait("tenant", name)

    def file_kb() -> int:
        lines = Path(f"/proc/{controller.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("RssFile:"))

    busy = file_kb()
    eventually(lambda: file_kb() < busy - 1000, "a megabyte is given back", 60)
