"""Ends a relay at each of its changes of state in turn, or lets that one fail, by failpoints.c.

A second relay stands frozen meanwhile, and has to finish what the first one left.
"""

from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from proof.checker import Findings, check
from proof.evidence import gather, read_stream
from proof.journal import Journal, Producer
from proof.preload import build_library
from support.bulkhead import Relay, migrate
from support.jetstream import JetStream
from support.nats_server import NatsServer
from support.outbox import Outbox
from support.postgres import Postgres
from support.tenant_streams import make_stream, relay_settings
from support.waiting import eventually

TENANT = "acme"
ROWS = 4
POINTS_MAX = 500


@dataclass
class Walked:
    points: Counter[str]  # at what it was ended, how often
    findings: Findings

    def __str__(self) -> str:
        return f"{self.points.total()} points of {len(self.points)} kinds: {self.findings}"


class FailpointWalk:
    """`how` is one of failpoints.c: kill, fail or deny."""

    def __init__(self, folder: Path, how: str, flags: Sequence[str]) -> None:
        self.folder = folder
        self.how = how
        self.flags = ["--workers=1", *flags]
        self.trace = folder / "trace"
        self.journal = Journal()

    def run(self) -> Walked:
        with ExitStack() as stack:
            postgres = stack.enter_context(Postgres(self.folder / "postgres"))
            nats = stack.enter_context(NatsServer(self.folder / "nats"))
            jetstream = stack.enter_context(JetStream(nats.url))
            migrate(postgres.url)
            self.outbox = Outbox(postgres)
            make_stream(jetstream, TENANT, metadata=relay_settings(ordering="Key"))
            self.producer = Producer(postgres.url, self.journal, [TENANT])
            stack.callback(self.producer.close)
            self._make_relays(stack, postgres.url, nats.url)
            points = self._walk()
            streams = {TENANT: read_stream(jetstream, TENANT)}
            evidence = gather(postgres.query, self.journal, streams, {TENANT})
            return Walked(points, check(evidence))

    def _make_relays(self, stack: ExitStack, database_url: str, nats_url: str) -> None:
        self.heir = Relay(self.folder / "heir", database_url, nats_url, self.flags)
        stack.callback(self.heir.stop)
        self.heir.start()
        self.victim = Relay(self.folder / "victim", database_url, nats_url, self.flags)
        stack.callback(self.victim.kill)
        self.victim.settings |= {
            "LD_PRELOAD": str(build_library("failpoints", self.folder, "libpq", "libnats")),
            "FAILPOINT_HOW": self.how,
            "FAILPOINT_TRACE": str(self.trace),
        }

    def _walk(self) -> Counter[str]:
        """Every call that a batch makes, and each of those of one name."""
        points: Counter[str] = Counter()
        for call in dict.fromkeys(self._trial("", 0)):
            while self._trial(call, points[call] + 1).count(call) > points[call]:
                points[call] += 1
                assert points.total() < POINTS_MAX, "the batch never ends"
        return points

    def _trial(self, call: str, nth: int) -> list[str]:
        """One batch of a relay that is ended at the n-th such call; returns what it did."""
        self.heir.freeze()
        self.trace.unlink(missing_ok=True)
        self.producer.commit(TENANT, ROWS)
        self.victim.settings |= {"FAILPOINT_AT": call, "FAILPOINT_NTH": str(nth)}
        self.victim.start(wait=False)
        eventually(lambda: not self.victim.running, f"the relay ends at {call} {nth}", 30)
        self.victim.kill()
        self.heir.thaw()
        eventually(lambda: self.outbox.count("pending") == 0, "the heir finishes the batch", 30)
        return self.trace.read_text().splitlines()
