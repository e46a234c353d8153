"""The controller's benchmark as a table."""

from typing import Any

ROW = "  {:<46} {:>12} {:>12} {:>9}".format
BASE_KB = 10 * 1024
TENANT_KB = 4
RESIDENT = {
    "all": "all",
    "own": "all but pages of files, such as libraries",
    "peak": "the most that ever was",
}


def show(result: dict[str, Any]) -> None:
    before, after = result["load_before"][0], result["load_after"][0]
    print(
        f"\nThe controller, on {result['processors']} processors;"
        f" load average {before:.1f} before, {after:.1f} after\n"
    )
    for part in result["convergence"]:
        show_convergence(part)
    for part in result["settled"]:
        show_settled(part, result["resident_kb_empty"])


def show_convergence(part: dict[str, Any]) -> None:
    floor, ours, count = part["floor"], part["controller"], part["tenants"]
    print(ROW(f"{count} TENANTS AT ONCE, MEDIAN OF {part['runs']}", "FLOOR", "CONTROLLER", "RATIO"))
    jetstream = f"{part['ratio_jetstream']:.2f}"
    print(
        ROW("JetStream has all", seconds(floor["jetstream"]), seconds(ours["jetstream"]), jetstream)
    )
    ready = f"{part['ratio_ready']:.2f}"
    print(ROW("all are Ready", seconds(floor["both"]), seconds(ours["ready"]), ready))
    print(ROW("  of it: status writes, as merge patch", seconds(floor["kubernetes"]), "", ""))
    print(ROW("  the same as server-side apply", seconds(floor["kubernetes_apply"]), "", ""))
    print(ROW("requests to JetStream per Tenant", "2", each(ours["jetstream_requests"], count), ""))
    asked = each(ours["kubernetes_requests"], count)
    print(ROW("requests to the API server per Tenant", "1", asked, ""))
    for name, used in ours["cpu"].items():
        show_cpu(name, floor["cpu"].get(name, 0.0), used)
    print()


def show_cpu(name: str, floor: float, used: float) -> None:
    """Other work on the machine makes everything late, and this hardly."""
    ratio = f"{used / floor:.2f}" if floor > 0 else ""
    print(ROW(f"processor time of {name}", seconds(floor), seconds(used), ratio))


def show_settled(part: dict[str, Any], empty_kb: dict[str, int]) -> None:
    count, idle = part["tenants"], part["idle"]
    print(ROW(f"{count} TENANTS, SETTLED", "MEDIAN", "P90", "WORST"))
    for what, spread in {"apply to Ready": part["apply_to_ready"], **part["drift"]}.items():
        values = [seconds(spread[name]) for name in ("median", "p90", "worst")]
        print(ROW(what, *values))
    outage = part["outage"]
    what = f"NATS back after {outage['away']:.0f} s, to all Ready"
    print(ROW(what, seconds(outage["recovered"]), "", ""))
    again = part["restart"]
    print(ROW("started again: Tenants listed", seconds(again["listed"]), "", ""))
    print(ROW("  all looked at", seconds(again["looked_at"]), "", ""))
    print(ROW("idle, a minute: writes to the API server", f"{idle['writes']:.1f}", "", ""))
    print(ROW("  Tenants that changed", f"{idle['changed_objects']:.1f}", "", ""))
    print(ROW("  requests to the API server", f"{idle['requests']:.1f}", "", ""))
    print(ROW("  requests to JetStream", f"{idle['jetstream_requests']:.1f}", "", ""))
    controller = idle["cpu"].get("bulkhead-controller", 0.0)
    print(ROW("  processor time of the controller", seconds(controller), "", ""))
    show_memory(count, empty_kb, idle["resident_kb"], part["resident_kb_after"])


def show_memory(
    count: int, empty: dict[str, int], idle: dict[str, int], after: dict[str, int]
) -> None:
    print(ROW("RESIDENT", "NO TENANT", "SETTLED", "AT END"))
    for name, what in RESIDENT.items():
        print(ROW(what, *(megabytes(kb[name]) for kb in (empty, idle, after))))
    print(ROW("each Tenant", "", f"{(idle['all'] - empty['all']) / count:.2f} KB", ""))
    print(ROW("what it may be in all", "", megabytes(BASE_KB + TENANT_KB * count), ""))
    print()


def seconds(value: float) -> str:
    return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.2f} s"


def megabytes(kilobytes: float) -> str:
    return f"{kilobytes / 1024:.1f} MB"


def each(total: float, count: int) -> str:
    return f"{total / count:.2f}"
