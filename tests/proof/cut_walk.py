"""Cuts the relay's connections after each byte of a recorded batch, on both links and both ways.

One relay a lane runs all the time, with a database and a tenant of its own and a proxy on each
link. A trial holds its next look for work, commits a batch, and lets it go on into the cut. Each
batch has the same bytes but for its ids, so that the offsets of the first one hold for all.
"""

import re
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from proof.checker import Findings, check
from proof.cut_proxy import Cut, CutProxy, Way
from proof.evidence import gather, read_stream
from proof.journal import Journal, Producer
from support.bulkhead import Relay, migrate
from support.jetstream import JetStream
from support.nats_server import NatsServer
from support.postgres import Postgres
from support.tenant_streams import make_stream, relay_settings

ROWS = 3
SETTLE_SECONDS = 30
PAUSE_SECONDS = 0.002
FLAGS = ["--workers=1", "--on-published=delete", "--poll=5ms"]
PENDING = "SELECT count(*) FROM outbox"  # published rows are deleted


@dataclass(frozen=True)
class Point:
    """Where to cut: on the link to PostgreSQL or to NATS, in which way, after how many bytes."""

    link: str
    way: Way
    after: int


@dataclass
class Swept:
    cuts: int
    findings: Findings

    def __str__(self) -> str:
        return f"{self.cuts} cuts: {self.findings}"


class CutLane:
    """One relay with all that it has for itself."""

    def __init__(
        self, folder: Path, number: int, postgres: Postgres, nats: NatsServer, jetstream: JetStream
    ) -> None:
        self.tenant = f"t{number}"
        self.url = f"postgresql://postgres@127.0.0.1:{postgres.port}/lane{number}"
        proxied = f"postgresql://postgres@127.0.0.1:{{}}/lane{number}?sslmode=disable"
        self.jetstream = jetstream
        self.journal = Journal()
        self.links = {
            "postgres": CutProxy(postgres.port, b"discover"),
            "nats": CutProxy(nats.port, b"$JS.EVENT.ADVISORY"),
        }
        postgres.query(f"CREATE DATABASE lane{number}")
        migrate(self.url)
        ordered = relay_settings(ordering="Key")
        make_stream(jetstream, self.tenant, metadata=ordered, first_seq=1_000_000)
        self.relay = Relay(
            folder / f"relay-{number}",
            proxied.format(self.links["postgres"].port),
            f"nats://127.0.0.1:{self.links['nats'].port}",
            FLAGS,
        )
        self.producer = Producer(self.url, self.journal, [self.tenant])
        self.watch: psycopg.Connection[Any] = psycopg.connect(self.url, autocommit=True)

    def close(self) -> None:
        self.relay.kill()
        self.watch.close()
        self.producer.close()
        for proxy in self.links.values():
            proxy.close()

    def trial(self, point: Point | None) -> bool:
        """One batch; True if it was cut."""
        cut = Cut(point.way, point.after) if point is not None else None
        self.links["postgres"].hold()
        self.producer.commit(self.tenant, ROWS)
        for name, proxy in self.links.items():
            proxy.begin(cut if point is not None and point.link == name else None)
        self.links["postgres"].release()
        self._settle(point)
        return cut is not None and cut.done

    def record(self) -> dict[tuple[str, Way], bytes]:
        self.trial(None)
        time.sleep(0.05)  # the answer to the COMMIT is on its way
        return {
            (name, way): bytes(proxy.passed[way])
            for name, proxy in self.links.items()
            for way in Way
        }

    def verdict(self) -> Findings:
        streams = {self.tenant: read_stream(self.jetstream, self.tenant)}

        def query(sql: str) -> Sequence[tuple[Any, ...]]:
            return self.watch.execute(sql.encode()).fetchall()

        return check(gather(query, self.journal, streams, {self.tenant}))

    def _settle(self, point: Point | None) -> None:
        end = time.monotonic() + SETTLE_SECONDS
        while self.watch.execute(PENDING).fetchone() != (0,):
            assert time.monotonic() < end, f"{self.tenant} is not drained after a cut at {point}"
            time.sleep(PAUSE_SECONDS)


def sweep(folder: Path, lanes: int, stride: int) -> Swept:
    """Every `stride`-th offset, and all that lie beside the boundary of a message."""
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres(folder / "postgres"))
        nats = stack.enter_context(NatsServer(folder / "nats"))
        jetstream = stack.enter_context(JetStream(nats.url))
        made = []
        for number in range(lanes):
            made.append(CutLane(folder, number, postgres, nats, jetstream))
            stack.callback(made[-1].close)
            made[-1].relay.start(wait=False)
        points = [point for sent in [made[0].record()] for point in choose(sent, stride)]
        cuts = _run(made, points)
        found = [lane.verdict() for lane in made]
    bad = [verdict for verdict in found if not verdict.none()]
    return Swept(cuts, bad[0] if bad else found[0])


def choose(sent: dict[tuple[str, Way], bytes], stride: int) -> Iterator[Point]:
    for (link, way), data in sent.items():
        ends = list(nats_ends(data) if link == "nats" else postgres_ends(data))
        beside = {end + step for end in [0, *ends] for step in (-1, 0, 1)}
        offsets = beside | set(range(1, len(data) + 1, stride))
        yield from (Point(link, way, i) for i in sorted(offsets) if 0 < i <= len(data))


def postgres_ends(data: bytes) -> Iterator[int]:
    """A byte for the type, four for the length of the rest, themselves included."""
    at = 0
    while at + 5 <= len(data):
        at += 1 + int.from_bytes(data[at + 1 : at + 5], "big")
        yield at


def nats_ends(data: bytes) -> Iterable[int]:
    """Every line end counts, those of headers and contents as well."""
    return (match.end() for match in re.finditer(rb"\r\n", data))


def _run(lanes: Sequence[CutLane], points: Sequence[Point]) -> int:
    """Each lane takes every n-th point. The first failure of any is raised."""
    cuts: list[bool] = []
    failures: list[BaseException] = []

    def work(lane: CutLane, mine: Sequence[Point]) -> None:
        try:
            for point in mine:
                if failures:
                    return
                cuts.append(lane.trial(point))
        except BaseException as failure:
            failures.append(failure)

    count = len(lanes)
    threads = [
        threading.Thread(target=work, args=(lane, points[i::count])) for i, lane in enumerate(lanes)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return sum(cuts)
