"""The provisioner's benchmark as a table."""

from typing import Any

from bench.onboarding import COLLECTORS

ROW = "  {:<58} {:>12} {:>12} {:>9}".format
REACH = {"ratio": 0.70, "p99": 0.1, "delivered": 1.0, "slower": 0.03}


def show(result: dict[str, Any]) -> None:
    before, after = result["load_before"][0], result["load_after"][0]
    print(
        f"\nThe provisioner, on {result['processors']} processors;"
        f" load average {before:.1f} before, {after:.1f} after\n"
    )
    show_rates(result["rates"])
    show_times(result["answers"], result["first_events"])
    show_attack(result["attack"], result["leaks"])


def show_rates(part: dict[str, Any]) -> None:
    what = f"{part['accounts']} ACCOUNTS, MEDIAN OF {part['runs']}"
    print(ROW(what, "BY HAND", "WEBHOOK", "RATIO"))
    rates = (f"{part[name]:.0f}/s" for name in ("floor", "webhook"))
    print(ROW("events a second", *rates, f"{part['ratio']:.2f}"))
    print(ROW("  it must reach", "", "", f"{REACH['ratio']:.2f}"))
    for name in part["cpu"]["webhook"]:
        used = (
            part["cpu"][side].get(name, 0.0) / part["accounts"] for side in ("floor", "webhook")
        )
        print(ROW(f"processor time of {name} an event", *map(small, used), ""))
    print()


def show_times(answers: dict[str, Any], first: dict[str, Any]) -> None:
    what = f"AT {answers['rate']:.0f} EVENTS A SECOND, HALF THE FLOOR"
    print(ROW(what, "MEDIAN", "P99", "WORST"))
    for gogc in COLLECTORS:
        print(ROW(f"the API server's collector: GOGC={gogc}", "", "", ""))
        for what, side in {"by hand": "floor", "webhook": "webhook"}.items():
            times = answers[f"gogc {gogc}"][side]
            columns = (small(times[column]) for column in ("median", "p99", "worst"))
            print(ROW(f"  an answer, {what}", *columns))
    print(ROW("  p99 must stay under", "", small(REACH["p99"]), ""))
    print()
    print(ROW(f"A NEW ACCOUNT, {first['usable']['times']} TIMES", "MEDIAN", "P90", "WORST"))
    for what, name in {"to a usable stream": "usable", "to its first event": "delivered"}.items():
        print(ROW(what, *(small(first[name][column]) for column in ("median", "p90", "worst"))))
    print(ROW("  the median must stay under", small(REACH["delivered"]), "", ""))
    print()


def show_attack(attack: dict[str, Any], leaks: list[dict[str, Any]]) -> None:
    codes = ", ".join(f"{count} x {code}" for code, count in attack["codes"].items())
    print(f"  {attack['requests']} HOSTILE REQUESTS in {attack['seconds']:.1f} s: {codes};")
    print(
        f"  {attack['slow_clients_cut_off']} slow ones were cut off; Tenants changed:"
        f" {'SOME' if attack['changed_tenants'] else 'none'};"
        f" resident {attack['resident_kb']['all'] / 1024:.1f} MB\n"
    )
    print(ROW("WHAT A STRANGER WOULD LIKE TO KNOW", "ONE", "OTHER", "SLOWER"))
    for pair in leaks:
        text = "" if pair["same_text"] else "  TEXTS DIFFER"
        medians = small(pair["median_one"]), small(pair["median_other"])
        print(ROW(pair["what"], *medians, f"{pair['slower']:.3f}") + text)
    print(ROW("  where nothing can be told", "", "", "0.500"))
    print()


def missed(result: dict[str, Any]) -> list[str]:
    """What it must reach and did not."""
    checks = {
        "the rate": result["rates"]["ratio"] >= REACH["ratio"],
        **{f"p99 with GOGC={gogc}": _p99(result, gogc) < REACH["p99"] for gogc in COLLECTORS},
        "the first event": result["first_events"]["delivered"]["median"] < REACH["delivered"],
        "hostile requests change nothing": not result["attack"]["changed_tenants"],
        "the texts tell nothing": all(pair["same_text"] for pair in result["leaks"]),
        "the times tell nothing": all(
            abs(pair["slower"] - 0.5) <= REACH["slower"] for pair in result["leaks"]
        ),
    }
    return [what for what, reached in checks.items() if not reached]


def _p99(result: dict[str, Any], gogc: int) -> float:
    return float(result["answers"][f"gogc {gogc}"]["webhook"]["p99"])


def small(seconds: float) -> str:
    if seconds < 0.001:
        return f"{seconds * 1e6:.0f} us"
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"
