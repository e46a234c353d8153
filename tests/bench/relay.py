"""The relay's speed, latency, fairness and memory: `make bench-relay`.

Servers and stores are on this machine, the stores in memory. Floors and relay take turns on the
same servers, so that the ratios mean something also where the machine has other work.
"""

import argparse
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from bench.relay_drain import drain
from bench.relay_kill import kill
from bench.relay_latency import at_rate, beside_lost, quiet_tenant
from bench.relay_table import show
from bench.relay_world import RelayWorld
from support.places import ROOT, new_folder
from support.program import interrupt_on_sigterm, kill_all, started_programs

MEMORY = Path("/dev/shm")
RESULT = ROOT / "build" / "bench" / "relay.json"
PARTS = ("drain", "latency", "quiet", "lost", "kill")
LOG_LINES = 15


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


def measure(options: argparse.Namespace) -> None:
    """Each part is written down beside what was measured before, in place of what it was."""
    parts = options.parts.split(",")
    assert set(parts) <= set(PARTS), f"--parts: want some of {','.join(PARTS)}"
    for part in parts:
        say(part)
        load = os.getloadavg()[0]
        folder = new_folder("bulkhead-bench-", MEMORY)
        try:
            found = run(folder, options, part)
        finally:
            kill_all()
            shutil.rmtree(folder, ignore_errors=True)
        entry = {"found": found, "options": vars(options), "load": [load, os.getloadavg()[0]]}
        write(measured() | {"processors": os.cpu_count(), part: entry})


def measured() -> dict[str, Any]:
    return dict(json.loads(RESULT.read_text())) if RESULT.exists() else {}


def write(result: dict[str, Any]) -> None:
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=1) + "\n")


def say(what: str) -> None:
    print(f"  {time.strftime('%H:%M:%S')} {what} (load {os.getloadavg()[0]:.1f})", flush=True)


def main() -> int:
    options = parse()
    interrupt_on_sigterm()
    try:
        measure(options)
        show(measured())
        print(f"\nAll numbers are in {RESULT.relative_to(ROOT)}.")
        return 0
    except KeyboardInterrupt:
        print("\nstopped")
        return 130
    except (AssertionError, OSError) as failure:
        print(f"\nThe benchmark failed: {failure}")
        for program in started_programs()[-4:]:
            if program.log.exists():
                print(f"\n--- the end of the log of {program.name}\n{program.tail(LOG_LINES)}")
        return 1


if __name__ == "__main__":
    sys.exit(main())
