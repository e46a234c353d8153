"""The servers of the relay's benchmark, with their stores in memory, an outbox and its tenants."""

import base64
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.fleet import TICKS
from support.bulkhead import Relay, migrate
from support.jetstream import JetStream
from support.nats_server import NatsServer
from support.places import binary, tool
from support.postgres import Postgres
from support.program import Program
from support.tenant_streams import make_stream, stream_name
from support.waiting import eventually

BYTES = 256
LOST = "lost"  # a tenant whose stream is missing
FILL = (
    "INSERT INTO outbox (tenant_id, event_type, payload) SELECT"
    " CASE WHEN %s = 1 THEN %s ELSE %s || lpad((g %% %s)::text, 3, '0') END, 'order-created',"
    " convert_to(rpad(g::text || '.', %s, 'x'), 'UTF8') FROM generate_series(1, %s) g"
)
PREFIX = "t"


class RelayWorld:
    def __init__(self, folder: Path, tenants: int) -> None:
        self.folder = folder
        self.tenants = [f"{PREFIX}{number:03}" for number in range(tenants)]
        self.postgres = Postgres(folder / "postgres", durable=True).start()
        migrate(self.postgres.url)
        self.nats = NatsServer(folder / "nats").start()
        self.jetstream = JetStream(self.nats.url)
        self._relays = 0
        for tenant in [*self.tenants, "noisy", "quiet"]:
            make_stream(self.jetstream, tenant)

    def new_relay(self, *flags: str) -> Relay:
        self._relays += 1
        folder = self.folder / f"relay-{self._relays}"
        return Relay(folder, self.postgres.url, self.nats.url, list(flags))

    def clear(self) -> None:
        """No row, no event, nothing left to be written by the servers."""
        self.postgres.query("TRUNCATE outbox, outbox_dead, outbox_lane")
        for name in self.jetstream.streams():
            self.jetstream.api(f"STREAM.PURGE.{name}")
        self.postgres.query("CHECKPOINT")

    def take_batches(self, truth: bool) -> None:
        """Whether the tenants' streams take batches (server 2.14 or later)."""
        for tenant in self.tenants:
            self.jetstream.update_stream(stream_name(tenant), allow_batched=truth)

    def fill(self, rows: int) -> None:
        """Commits rows in turn for all tenants, as one transaction."""
        self.postgres.query(FILL, 0, "", PREFIX, len(self.tenants), BYTES, rows)

    def fill_one(self, tenant: str, rows: int) -> None:
        self.postgres.query(FILL, 1, tenant, "", 1, BYTES, rows)

    def pending(self, tenant: str = "") -> int:
        """Rows that wait: of one tenant, or of all that have a stream."""
        counted = self.postgres.query(
            "SELECT count(*) FROM outbox WHERE status = 'pending' AND tenant_id <> %s"
            " AND (%s = '' OR tenant_id = %s)",
            *(LOST, tenant, tenant),
        )
        return int(counted[0][0])

    def stored(self) -> int:
        """Events in all streams."""
        return int(self.nats.monitor("jsz")["messages"])

    def wait_drained(self, rows: int, seconds: float = 120.0) -> float:
        """When the last of ROWS was stored and marked."""
        deadline = time.monotonic() + seconds
        while self.stored() < rows:
            assert time.monotonic() < deadline, f"{self.stored()} of {rows} rows were published"
            time.sleep(0.01)
        while self.pending() > 0:
            assert time.monotonic() < deadline, f"{self.pending()} rows are not marked"
            time.sleep(0.01)
        return time.monotonic()

    def wait_known(self) -> None:
        """A row of each tenant goes through, so that connections and caches are warm."""
        self.fill(len(self.tenants))
        eventually(lambda: self.pending() == 0, "the first rows are published", 30)

    def sql_floor(self, mode: str, batch: int, connections: int) -> float:
        """Rows a second that the relay's statements fetch and mark when nothing is published."""
        program = [str(binary("bench/sql_floor")), self.postgres.url, mode]
        done = subprocess.run(
            [*program, str(batch), str(connections)],
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        )
        rows, seconds = done.stdout.split()
        return float(rows) / float(seconds)

    def nats_floor(self, rows: int) -> float:
        """Messages a second that NATS' own benchmark publishes to one stream."""
        arguments = ["bench", "js", "pub", "async", "bench.floor", "--create", "--purge"]
        sizes = [f"--msgs={rows}", f"--size={BYTES}", "--batch=1000", "--no-progress"]
        done = subprocess.run(
            [str(tool("nats")), "--server", self.nats.url, *arguments, *sizes],
            check=True,
            capture_output=True,
            text=True,
            timeout=120,
        )
        self.jetstream.delete_stream("benchstream")
        line = next(line for line in done.stdout.splitlines() if "msgs/sec" in line)
        words = line.split()
        return float(words[words.index("msgs/sec") - 1].replace(",", ""))

    def stored_at(self, tenant: str) -> Iterator[tuple[bytes, float]]:
        """Payload of each event in a tenant's stream, and when the server stored it."""
        state = self.jetstream.stream(stream_name(tenant))["state"]
        for seq in range(state["first_seq"], state["last_seq"] + 1):
            found = self.jetstream.api(f"STREAM.MSG.GET.{stream_name(tenant)}", {"seq": seq})
            message = found["message"]
            at = datetime.fromisoformat(message["time"]).timestamp()
            yield base64.b64decode(message.get("data", "")), at

    def events(self, tenant: str) -> list[tuple[int, bytes]]:
        """Sequence and payload of everything in a tenant's stream."""
        first = int(self.jetstream.stream(stream_name(tenant))["state"]["first_seq"])
        found = self.jetstream.messages(stream_name(tenant))
        return [(first + i, message.data) for i, message in enumerate(found)]


def cpu_seconds(program: Program) -> float:
    """What a program and the children that it has had have used of the processors."""
    tree = [program.pid, *_children(program.pid)]
    return sum(_ticks(pid) for pid in tree) / TICKS


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _ticks(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0  # it has ended, and counts as a reaped child of its parent
    return sum(int(field) for field in fields[11:15])


def memory_kb(program: Program) -> dict[str, int]:
    """Resident now, at most so far, and of it now what is no page of a file, such as a library."""
    lines: dict[str, Any] = {}
    for line in Path(f"/proc/{program.pid}/status").read_text().splitlines():
        name, _, value = line.partition(":")
        lines[name] = value.split()
    return {
        name: int(lines[field][0])
        for name, field in {"now": "VmRSS", "most": "VmHWM", "own": "RssAnon"}.items()
    }
