"""The relay's speed, latency, fairness and memory: `make bench-relay`.

Servers and stores are on this machine, the stores in memory. Floors and relay take turns on the
same servers, so that the ratios mean something also where the machine has other work.
"""

import argparse
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from bench.relay_drain import drain
from bench.relay_kill import kill
from bench.relay_latency import at_rate, beside_lost, quiet_tenant
from bench.relay_table import show
from bench.relay_world import RelayWorld
from bench.session import carry_out, result_file, say, write
from support.places import ROOT
from support.program import kill_all

RESULT = result_file("relay")
PARTS = ("drain", "latency", "quiet", "lost", "kill")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-relay", description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help="what to measure")
    parser.add_argument("--rows", type=int, default=200_000, help="to drain")
    parser.add_argument("--tenants", type=int, default=100)
    parser.add_argument("--runs", type=int, default=5, help="of each, by turns")
    parser.add_argument("--rates", default="200,2000,4000", help="events a second")
    parser.add_argument("--seconds", type=float, default=12.0, help="at each rate")
    parser.add_argument("--backlog", type=int, default=1_000_000, help="beside the quiet tenant")
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--batch", type=int, default=2000)
    parser.add_argument("--flags", default="", help="more flags for the relay")
    return parser.parse_args()


def run(folder: Path, options: argparse.Namespace, part: str) -> Any:
    world = RelayWorld(folder, options.tenants)
    flags = [f"--workers={options.workers}", f"--batch={options.batch}", *options.flags.split()]
    deleting = ["--on-published=delete", *flags]
    rates = [int(rate) for rate in options.rates.split(",")]
    if part == "drain":
        return drain(world, options.rows, options.runs, options.workers, options.batch)
    if part == "latency":
        return {str(rate): at_rate(world, rate, options.seconds, *deleting) for rate in rates}
    if part == "quiet":
        return quiet_tenant(world, options.backlog, options.seconds, options.runs, *deleting)
    if part == "lost":
        return beside_lost(world, rates[-1] // 2, options.seconds, options.runs, *deleting)
    return kill(world, options.rows, options.kills, *deleting)


def measure(folder: Path, options: argparse.Namespace) -> None:
    """Each part is written down beside what was measured before, in place of what it was."""
    parts = options.parts.split(",")
    assert set(parts) <= set(PARTS), f"--parts: want some of {','.join(PARTS)}"
    for part in parts:
        say(part)
        load = os.getloadavg()[0]
        found = run(folder / part, options, part)
        kill_all()
        shutil.rmtree(folder / part)
        entry = {"found": found, "options": vars(options), "load": [load, os.getloadavg()[0]]}
        write(RESULT, measured() | {"processors": os.cpu_count(), part: entry})


def measured() -> dict[str, Any]:
    return dict(json.loads(RESULT.read_text())) if RESULT.exists() else {}


def main() -> int:
    options = parse()

    def work(folder: Path) -> None:
        measure(folder, options)
        show(measured())
        print(f"\nAll numbers are in {RESULT.relative_to(ROOT)}.")

    return carry_out(work)


if __name__ == "__main__":
    sys.exit(main())
