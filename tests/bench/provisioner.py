"""The provisioner's speed, and what strangers can do to it: `make bench-provisioner`.

Servers and stores are on this machine, the stores in memory. The same writes by hand and the
webhook take turns on the same servers, so that the ratio means something also where the machine
has other work.
"""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from bench.attack import attack, leaks
from bench.fleet import Fleet
from bench.onboarding import Floor, Webhook, answer_times, compare, first_events
from bench.provisioner_table import missed, show
from bench.session import carry_out, result_file, say, write
from support.places import ROOT

RESULT = result_file("provisioner")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-provisioner", description=__doc__)
    parser.add_argument("--accounts", type=int, default=2000, help="of one run")
    parser.add_argument("--runs", type=int, default=5, help="of floor and webhook each")
    parser.add_argument("--seconds", type=float, default=6.0, help="of a turn at half the rate")
    parser.add_argument("--firsts", type=int, default=30, help="accounts that get a first event")
    parser.add_argument("--hostile", type=int, default=10000, help="hostile requests")
    parser.add_argument("--pairs", type=int, default=4000, help="of requests to tell apart")
    parser.add_argument("--flags", default="", help="more flags for the provisioner")
    return parser.parse_args()


def run(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    fleet = Fleet(folder, [])
    result: dict[str, Any] = {
        "options": vars(options),
        "processors": os.cpu_count(),
        "load_before": os.getloadavg(),
    }
    webhook = Webhook(fleet, "webhook", *options.flags.split())
    with webhook.program:
        say(f"{options.accounts} accounts by hand and through the webhook, {options.runs} times")
        floor = Floor(fleet, webhook)
        result["rates"] = compare(fleet, webhook, floor, options.accounts, options.runs)
        say("at half the floor's rate")
        half = result["rates"]["floor"] / 2
        result["answers"] = answer_times(fleet, webhook, floor, half, options.seconds)
        say("new accounts with controller and relay, up to their first events")
        result["first_events"] = first_events(fleet, webhook, options.firsts)
        say("what strangers can find out")
        result["leaks"] = leaks(fleet, webhook, options.pairs)
    # Plain HTTP, so that the attackers and not their TLS are what the machine is busy with.
    public = Webhook(fleet, "public", "--request-timeout=2s", encrypted=False)
    with public.program:
        say(f"{options.hostile} hostile requests")
        result["attack"] = attack(fleet, public, options.hostile)
    result["load_after"] = os.getloadavg()
    return result


def main() -> int:
    options = parse()

    def work(folder: Path) -> None:
        result = run(folder, options)
        write(RESULT, result)
        show(result)
        print(f"All numbers are in {RESULT.relative_to(ROOT)}.")
        for what in missed(result):
            print(f"NOT REACHED: {what}")

    return carry_out(work)


if __name__ == "__main__":
    sys.exit(main())
