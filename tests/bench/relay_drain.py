"""How fast a backlog is drained, beside what PostgreSQL and NATS alone could do."""

import time
from statistics import median
from typing import Any

from bench.relay_world import LOST, RelayWorld, cpu_seconds, memory_kb

LOST_SHARE = 10  # of the rows, as many again have no stream
MODES = ("delete", "mark")


def drain(world: RelayWorld, rows: int, runs: int, workers: int, batch: int) -> dict[str, Any]:
    """Floors and relay take turns, so that a busy moment of the machine hits all of them."""
    taken: dict[str, list[Any]] = {}

    def note(what: str, value: Any) -> None:
        taken.setdefault(what, []).append(value)

    for _ in range(runs):
        note("nats", world.nats_floor(rows))
        for mode in MODES:
            world.clear()
            world.fill(rows)
            world.postgres.query("CHECKPOINT")
            note(f"sql {mode}", world.sql_floor(mode, batch, workers))
            if mode == "delete":
                note("beside", _relay(world, mode, rows, workers, batch, rows // LOST_SHARE))
            note(mode, _relay(world, mode, rows, workers, batch))
        world.take_batches(True)
        note("batched", _relay(world, "delete", rows, workers, batch))
        world.take_batches(False)
    return _summary(taken) | {"rows": rows, "runs": runs, "workers": workers, "batch": batch}


def _relay(
    world: RelayWorld, mode: str, rows: int, workers: int, batch: int, lost: int = 0
) -> dict[str, Any]:
    world.clear()
    flags = [f"--on-published={mode}", f"--workers={workers}", f"--batch={batch}"]
    programs = {"postgres": world.postgres, "nats-server": world.nats}
    with world.new_relay(*flags) as relay:
        world.wait_known()
        empty = memory_kb(relay)
        if lost > 0:
            world.fill_one(LOST, lost)
        before_stored = world.stored()
        inserted = _insert_cpu(world, rows)
        before = {name: cpu_seconds(p) for name, p in (programs | {"relay": relay}).items()}
        began = time.monotonic()
        ended = world.wait_drained(before_stored + rows)
        after = {name: cpu_seconds(p) for name, p in (programs | {"relay": relay}).items()}
        return {
            "rate": rows / (ended - began),
            "cpu_us": {name: (after[name] - before[name]) * 1e6 / rows for name in after},
            "insert_seconds": inserted,
            "memory_empty": empty,
            "memory": memory_kb(relay),
        }


def _insert_cpu(world: RelayWorld, rows: int) -> float:
    """The rows appear all at once, when their transaction commits."""
    began = time.monotonic()
    world.fill(rows)
    return time.monotonic() - began


def _summary(taken: dict[str, list[Any]]) -> dict[str, Any]:
    nats = median(taken["nats"])
    result: dict[str, Any] = {"nats_floor": nats, "all": taken}
    for mode in (*MODES, "batched"):
        sql = median(taken["sql mark" if mode == "mark" else "sql delete"])
        rate = median(run["rate"] for run in taken[mode])
        result[mode] = {
            "sql_floor": sql,
            "rate": rate,
            "ratio": rate / min(sql, nats),
            "cpu_us": _medians([run["cpu_us"] for run in taken[mode]]),
            "memory": _medians([run["memory"] for run in taken[mode]]),
            "memory_empty": _medians([run["memory_empty"] for run in taken[mode]]),
        }
    # One run follows the other: what disturbs the machine for longer disturbs both.
    pairs = zip(taken["beside"], taken["delete"], strict=True)
    result["beside_lost"] = {
        "rate": median(run["rate"] for run in taken["beside"]),
        "ratio": median(beside["rate"] / without["rate"] for beside, without in pairs),
    }
    return result


def _medians(runs: list[dict[str, float]]) -> dict[str, float]:
    return {name: median(run[name] for run in runs) for name in runs[0]}
