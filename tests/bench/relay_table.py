"""The relay's benchmark as a table, with what it must reach beside it."""

from typing import Any

from bench.controller_table import megabytes, seconds

ROW = "  {:<46} {:>12} {:>12} {:>12} {:>9}".format
KINDS = {
    "delete": "drained with delete (must be 0.45)",
    "mark": "drained with mark (must be 0.30)",
    "batched": "delete, streams that take batches",
}


def show(result: dict[str, Any]) -> None:
    print(f"\nThe relay, on {result['processors']} processors\n")
    for part, table in TABLES.items():
        if part in result:
            before, after = result[part]["load"]
            print(f"  {part}: load average {before:.1f} before, {after:.1f} after")
            table(result[part]["found"])
            print()


def show_drain(found: dict[str, Any]) -> None:
    nats = found["nats_floor"]
    what = f"{found['rows']} ROWS, MEDIAN OF {found['runs']}, A SECOND"
    print(ROW(what, "SQL ALONE", "NATS ALONE", "RELAY", "RATIO"))
    for mode, what in KINDS.items():
        part = found[mode]
        values = (rate(part["sql_floor"]), rate(nats), rate(part["rate"]))
        print(ROW(what, *values, f"{part['ratio']:.2f}"))
    lost = found["beside_lost"]
    what = "delete, beside a tenant without a stream"
    print(ROW(what, "", "", rate(lost["rate"]), f"{lost['ratio']:.2f}"))
    print(ROW("MICROSECONDS OF A PROCESSOR PER EVENT", "POSTGRESQL", "NATS", "RELAY", ""))
    for mode in KINDS:
        used = found[mode]["cpu_us"]
        names = ("postgres", "nats-server", "relay")
        print(ROW(mode, *(f"{used[name]:.1f}" for name in names), ""))
    print(ROW("RESIDENT (must be 20 MB beyond the window)", "EMPTY", "MOST", "OWN AT END", ""))
    for mode in KINDS:
        empty, full = found[mode]["memory_empty"], found[mode]["memory"]
        values = (megabytes(empty["now"]), megabytes(full["most"]), megabytes(full["own"]))
        print(ROW(mode, *values, ""))


def show_latency(found: dict[str, Any]) -> None:
    print(ROW("FROM COMMIT TO ACKNOWLEDGEMENT", "P50", "P99", "WORST", ""))
    for per_second, taken in found.items():
        values = (seconds(taken[name]) for name in ("p50", "p99", "worst"))
        print(ROW(f"{per_second} events a second", *values, ""))


def show_compared(what: str, end: str, found: dict[str, Any]) -> None:
    print(ROW(what, "ALONE", "BESIDE", "", "RATIO"))
    for name in ("p50", "p99"):
        part = found[name]
        values = (seconds(part["alone"]), seconds(part["beside"]), "", f"{part['ratio']:.2f}")
        print(ROW(f"{end}, {name}", *values))


def show_quiet(found: dict[str, Any]) -> None:
    show_compared(f"A QUIET TENANT, A BACKLOG OF {found['backlog']}", "commit to stored", found)
    print(ROW("rows of the backlog left at the end", "", str(found["backlog_left"]), "", ""))


def show_lost(found: dict[str, Any]) -> None:
    what = f"{found['rate']} A SECOND, {found['lost_rows']} ROWS WITHOUT STREAM"
    show_compared(what, "commit to acknowledgement", found)


def show_kill(found: dict[str, Any]) -> None:
    print(ROW("FROM A SIGKILL TO THE FIRST EVENT", "MEDIAN", "WORST", "", ""))
    for name, what in {"another": "another replica", "started_again": "started again"}.items():
        part = found[name]
        print(ROW(what, seconds(part["first"]), seconds(part["first_worst"]), "", ""))
        values = (seconds(part["every_tenant"]), seconds(part["every_tenant_worst"]))
        print(ROW("  until every tenant's events flow", *values, "", ""))


def rate(value: float) -> str:
    return f"{value:,.0f}"


TABLES = {
    "drain": show_drain,
    "latency": show_latency,
    "quiet": show_quiet,
    "lost": show_lost,
    "kill": show_kill,
}
