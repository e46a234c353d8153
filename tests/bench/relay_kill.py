"""How soon events flow again after a replica was killed."""

import time
from statistics import median
from typing import Any

from bench.ack_log import AckLog
from bench.relay_world import RelayWorld
from support.bulkhead import Relay

KILLED, OTHER = "killed", "other"
BUSY_SECONDS = 0.5
WATCH_SECONDS = 3.0


def kill(world: RelayWorld, rows: int, kills: int, *flags: str) -> dict[str, Any]:
    """With another replica beside it, and with one that is started at the same moment."""
    return {
        "another": _summary([_one(world, rows, True, *flags) for _ in range(kills)]),
        "started_again": _summary([_one(world, rows, False, *flags) for _ in range(kills)]),
        "rows": rows,
    }


def _one(world: RelayWorld, rows: int, ready: bool, *flags: str) -> dict[str, float]:
    """Seconds from the kill to the other replica's first events: of any tenant, and of each."""
    world.clear()
    with AckLog(world.nats.port, OTHER) as log:
        victim = world.new_relay(*flags, f"--nats-inbox={KILLED}").start()
        other = world.new_relay(*flags, f"--nats-inbox={OTHER}")
        if ready:
            other.start()
        world.wait_known()
        world.fill(rows)
        time.sleep(BUSY_SECONDS)
        killed = _kill(victim)
        with other:
            time.sleep(WATCH_SECONDS)
    first: dict[str, float] = {}
    for ack in log.acks():
        if ack.at > killed:
            first.setdefault(ack.tenant, ack.at - killed)
    assert first, f"nothing was published: {rows} rows are too few"
    return {"first": min(first.values()), "last": max(first.values()), "tenants": len(first)}


def _kill(victim: Relay) -> float:
    at = time.time()
    victim.kill()
    return at


def _summary(runs: list[dict[str, float]]) -> dict[str, Any]:
    return {
        "first": median(run["first"] for run in runs),
        "first_worst": max(run["first"] for run in runs),
        "every_tenant": median(run["last"] for run in runs),
        "every_tenant_worst": max(run["last"] for run in runs),
        "all": runs,
    }
