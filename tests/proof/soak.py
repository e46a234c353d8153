"""The proofs for as long as one likes: make soak ARGS='--seconds 3600 --seed 7'.

First every point at which a relay can end or fail, then a cut after every byte of a batch, then
rounds of random faults until the time is up. Says what was injected and what was found; the exit
code is 1 if anything was. A round is repeated by its seed: --rounds-only --seed N --seconds 1.
"""

import argparse
import logging
import random
import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from proof import faults
from proof.checker import Findings
from proof.cut_walk import sweep
from proof.failpoint_walk import FailpointWalk
from proof.hostile_rows import hunt
from proof.world import Fault, Plan, World
from support.places import new_folder
from support.program import interrupt_on_sigterm, kill_all

ANYWHERE = [
    faults.kill_relay,
    faults.freeze_relay,
    faults.terminate_backend,
    faults.restart_postgres,
    faults.pin_xmin,
]
FAULTS_A_ROUND = 40
HOSTILE_ROWS = 500
HOSTILE_KILLS = 5
LANES = 8


@dataclass(frozen=True)
class Kind:
    """Faults that go together. `forgets`: a stream may not know a message id any more, so that what
    is published again is there twice."""

    name: str
    faults: list[Fault]
    plan: Plan
    forgets: bool = False


KINDS = [
    Kind(
        "servers",
        [*ANYWHERE, faults.restart_nats, faults.fill_stream, faults.mute_stream],
        Plan(relays=3, session=faults.SESSION),
    ),
    Kind(
        "streams",
        [*ANYWHERE, faults.seal_and_replace, faults.fill_stream, faults.mute_stream],
        Plan(relays=3, session=faults.SESSION, spied=True),
        forgets=True,
    ),
    Kind(
        "deleted streams",
        [*ANYWHERE, faults.delete_and_replace, faults.fill_stream],
        Plan(relays=2, session=faults.SESSION, spied=True),
        forgets=True,
    ),
    Kind(
        "refusals",
        [*ANYWHERE, faults.flicker_stream, faults.flicker_stream],
        Plan(relays=3, tenants=2, session=faults.SESSION, backlog=8000),
    ),
    Kind(
        "pooled",
        [faults.kill_relay, faults.terminate_backend, faults.restart_postgres, faults.fill_stream],
        Plan(relays=2, pooled=True),
    ),
    Kind(
        "cluster",
        [*ANYWHERE, faults.step_down, faults.kill_node],
        Plan(tenants=4, nodes=3, session=faults.SESSION, pause=0.02),
        forgets=True,
    ),
]


@dataclass
class Total:
    events: int = 0
    injected: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, what: str, verdict: object, findings: Findings) -> None:
        print(f"{time.strftime('%H:%M:%S')} {what}: {verdict}", flush=True)
        if not findings.none():
            self.wrong.append(f"{what}: {findings.explain()}")


@contextmanager
def a_folder() -> Iterator[Path]:
    folder = new_folder("bulkhead-soak-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def every_failpoint(total: Total) -> None:
    for mark in ["mark", "delete"]:
        for how in ["kill", "fail", "deny"]:
            with a_folder() as folder:
                walked = FailpointWalk(folder, how, [f"--on-published={mark}"]).run()
            total.injected[f"failpoint ({how})"] += walked.points.total()
            total.add(f"failpoints, {how}, {mark}", walked, walked.findings)


def every_byte(total: Total, stride: int) -> None:
    with a_folder() as folder:
        swept = sweep(folder, LANES, stride)
    total.injected["cut"] += swept.cuts
    total.add("cuts", swept, swept.findings)


def one_hunt(total: Total, seed: int) -> None:
    with a_folder() as folder:
        strays = hunt(folder, seed, HOSTILE_ROWS, HOSTILE_KILLS)
    total.injected["hostile row"] += HOSTILE_ROWS * (HOSTILE_KILLS + 1)
    total.injected["kill relay"] += HOSTILE_KILLS + 1
    total.add(f"hostile rows {seed}", f"{len(strays)} strays", Findings(misplaced=strays))


def one_round(total: Total, seed: int) -> None:
    dice = random.Random(seed)
    kind = KINDS[seed % len(KINDS)]
    mark = dice.choice(["mark", "delete"])
    batch = dice.choice([7, 100, 1000])
    flags = (f"--on-published={mark}", f"--batch={batch}")
    with a_folder() as folder, World(folder, replace(kind.plan, flags=flags)) as world:
        verdict = world.run(kind.faults, FAULTS_A_ROUND, seed)
    findings = verdict.findings.except_for("duplicate") if kind.forgets else verdict.findings
    total.events += verdict.events
    total.injected.update(verdict.injected)
    total.add(f"round {seed}, {kind.name}, {mark}, batches of {batch}", verdict, findings)


def main() -> int:
    parser = argparse.ArgumentParser(description="Proofs of the relay, at length.")
    parser.add_argument("--seconds", type=int, default=1800, help="how long rounds are begun")
    parser.add_argument("--seed", type=int, default=1, help="of the first round")
    parser.add_argument("--stride", type=int, default=1, help="cut after every n-th byte")
    parser.add_argument("--rounds-only", action="store_true", help="no failpoints, no cuts")
    wanted = parser.parse_args()
    interrupt_on_sigterm()
    logging.getLogger("psycopg").setLevel(logging.ERROR)  # servers that go are what we want
    total = Total()
    end = time.monotonic() + wanted.seconds
    try:
        if not wanted.rounds_only:
            every_failpoint(total)
            every_byte(total, wanted.stride)
        seed = wanted.seed
        while seed == wanted.seed or time.monotonic() < end:
            one_round(total, seed)
            if seed % len(KINDS) == 0:
                one_hunt(total, seed)
            seed += 1
    finally:
        kill_all()
    report(total)
    return 1 if total.wrong else 0


def report(total: Total) -> None:
    faults_in_all = ", ".join(f"{n} {name}" for name, n in sorted(total.injected.items()))
    print(f"\n{total.injected.total()} faults injected: {faults_in_all}")
    print(f"{total.events} events in rounds; {len(total.wrong)} verdicts with findings")
    for wrong in total.wrong:
        print(f"\n{wrong}")


if __name__ == "__main__":
    sys.exit(main())
