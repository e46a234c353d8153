"""The controller's speed, traffic and memory: `make bench-controller`.

Servers and stores are on this machine, the stores in memory. Floor and controller take turns on
the same servers, so that the ratios mean something also where the machine has other work.
"""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

from bench import settled
from bench.controller_table import show
from bench.convergence import compare
from bench.fleet import Fleet, resident_kb, tenant_names
from bench.floor import take_sample
from bench.ready_watch import ReadyWatch, first_generation
from bench.session import carry_out, result_file, say, write
from support.places import ROOT

RESULT = result_file("controller")
SAMPLE = 50


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-controller", description=__doc__)
    parser.add_argument("--tenants", default="500,2000", help="sizes of the fleet")
    parser.add_argument("--runs", type=int, default=5, help="of floor and controller each")
    parser.add_argument("--singles", type=int, default=50, help="Tenants applied one at a time")
    parser.add_argument("--drifts", type=int, default=20, help="of each kind")
    parser.add_argument("--idle", type=float, default=60.0, help="seconds to look at an idle fleet")
    parser.add_argument("--outage", type=float, default=30.0, help="seconds without NATS")
    parser.add_argument(
        "--system-creds", action="store_true", help="give the controller a user of SYS"
    )
    parser.add_argument("--flags", default="", help="more flags for the controller")
    return parser.parse_args()


def run(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    sizes = [int(size) for size in options.tenants.split(",")]
    fleet = Fleet(folder, options.flags.split(), options.system_creds)
    say(f"servers run; the first {SAMPLE} Tenants are a warm-up")
    sample = take_sample(fleet, SAMPLE)
    result: dict[str, Any] = {
        "options": vars(options),
        "processors": os.cpu_count(),
        "load_before": os.getloadavg(),
        "resident_kb_empty": empty_controller(fleet),
        "convergence": [],
    }
    for size in sizes if options.runs > 0 else []:
        say(f"{size} Tenants, {options.runs} times by turns")
        result["convergence"].append(compare(fleet, sample, size, options.runs))
    result["settled"] = [with_fleet(fleet, size, options) for size in sizes]
    result["load_after"] = os.getloadavg()
    return result


def empty_controller(fleet: Fleet) -> dict[str, int]:
    with fleet.new_controller() as controller:
        time.sleep(2)
        return resident_kb(controller)


def with_fleet(fleet: Fleet, count: int, options: argparse.Namespace) -> dict[str, Any]:
    """Everything that is asked of a controller whose fleet is settled."""
    fleet.create(tenant_names(count))
    with ReadyWatch(fleet.cluster.apiserver) as watch, fleet.new_controller() as controller:
        watch.wait(first_generation(tenant_names(count)))
        settled.settle(controller, fleet)
        say(f"{count} Tenants are settled; nothing happens for {options.idle:g} s")
        result: dict[str, Any] = {"tenants": count}
        result["idle"] = settled.idle(fleet, controller, options.idle)
        say("one Tenant at a time, drift")
        result["apply_to_ready"] = settled.apply_to_ready(fleet, watch, options.singles)
        result["drift"] = settled.drift_to_repaired(fleet, options.drifts)
        say(f"NATS is away for {options.outage:g} s")
        result["outage"] = settled.outage_to_recovered(fleet, watch, count, options.outage)
        settled.rest(controller, fleet)
        result["resident_kb_after"] = resident_kb(controller)
        result["load"] = os.getloadavg()[0]
    say("the controller is started again")
    result["restart"] = settled.restart(fleet, count)
    fleet.clear()
    return result


def main() -> int:
    options = parse()

    def work(folder: Path) -> None:
        result = run(folder, options)
        write(RESULT, result)
        show(result)
        print(f"\nAll numbers are in {RESULT.relative_to(ROOT)}.")

    return carry_out(work)


if __name__ == "__main__":
    sys.exit(main())
