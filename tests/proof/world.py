"""A relay's world for a proof: servers, replicas, tenants, producers, and the verdict at the end.

Half of the tenants have `relay.ordering: Key`. One producer keeps its transactions open, so that
rows with low ids commit late in every proof.
"""

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import psycopg

from proof.checker import Evidence, Findings, check
from proof.evidence import gather, read_stream
from proof.journal import Journal, Producer
from proof.spy import Spy
from support.bulkhead import Relay, migrate
from support.jetstream import ApiError, JetStream, Message
from support.nats_cluster import NatsCluster
from support.nats_server import NatsServer
from support.outbox import Outbox
from support.pgbouncer import PgBouncer
from support.postgres import Postgres
from support.tenant_streams import make_stream, relay_settings
from support.waiting import eventually

Fault = Callable[["World", random.Random], None]
QUIET_SECONDS = 120
LATE_SECONDS = 0.4
POOL_SIZE = 3
ORDERED = relay_settings(ordering="Key")


@dataclass(frozen=True)
class Plan:
    """What a proof runs with."""

    flags: Sequence[str] = ("--batch=100",)
    relays: int = 2
    tenants: int = 6
    nodes: int = 1  # NATS servers; three make R3 streams
    spied: bool = False
    pooled: bool = False  # through a PgBouncer with fewer sessions than workers
    session: str = ""  # settings of the relays' sessions in PostgreSQL
    backlog: int = 300  # rows of each tenant before the first relay starts
    pause: float = 0.005  # of the producer, between two transactions


@dataclass
class Verdict:
    findings: Findings
    events: int
    injected: Counter[str]
    copies: int = 0  # publishes beyond one for each acknowledged event, as a spy saw them

    def __str__(self) -> str:
        faults = ", ".join(f"{n} {name}" for name, n in sorted(self.injected.items()))
        again = f", {self.copies} published again" if self.copies else ""
        return f"{self.events} events{again}; {faults or 'no fault'}: {self.findings}"


@dataclass
class World:
    folder: Path
    plan: Plan = field(default_factory=Plan)

    def __post_init__(self) -> None:
        self.journal = Journal()
        self.injected: Counter[str] = Counter()
        self.archive: dict[str, list[Message]] = {}  # of streams that were sealed, then deleted
        self.emptied: set[str] = set()  # tenants whose streams were deleted as they were
        self.tenants = [f"t{i}" for i in range(self.plan.tenants)]
        self.ordered = set(self.tenants[::2])
        self._stack = ExitStack()
        self._pin: psycopg.Connection[Any] | None = None

    def __enter__(self) -> Self:
        self._stack.__enter__()
        try:
            self._start()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _start(self) -> None:
        self._stack.callback(self.unpin_xmin)
        self.postgres = self._stack.enter_context(Postgres(self.folder / "postgres"))
        migrate(self.postgres.url)
        self.outbox = Outbox(self.postgres)
        self.database_url = self.postgres.url
        if self.plan.pooled:
            pooler = PgBouncer(self.folder / "pgbouncer", self.postgres, POOL_SIZE)
            self.database_url = self._stack.enter_context(pooler).url
        self._start_nats()
        self.jetstream = self._stack.enter_context(JetStream(self.nats_url))
        self.spy = self._stack.enter_context(Spy(self.nats_url)) if self.plan.spied else None
        for tenant in self.tenants:
            self.make_stream(tenant)
        self._producers = self._new_producers()
        for tenant in self.tenants:
            self._producers[0].commit(tenant, self.plan.backlog)
        self.relays = [self._new_relay(i) for i in range(self.plan.relays)]
        for relay in self.relays:
            relay.start(wait=False)

    def _start_nats(self) -> None:
        self.cluster: NatsCluster | None = None
        if self.plan.nodes == 1:
            self.nats = self._stack.enter_context(NatsServer(self.folder / "nats"))
            self.nats_url = self.nats.url
            return
        self.cluster = NatsCluster(self.folder / "nats", size=self.plan.nodes)
        self._stack.callback(self.cluster.kill)
        self.cluster.start()
        self.nats_url = self.cluster.url

    def _new_relay(self, number: int) -> Relay:
        url = f"{self.database_url}?application_name=relay-{number}"
        url += f"&options={quote(self.plan.session)}" if self.plan.session else ""
        relay = Relay(self.folder / f"relay-{number}", url, self.nats_url, self.plan.flags)
        self._stack.callback(relay.stop)
        return relay

    def make_stream(self, tenant: str) -> None:
        """As the controller does; where a cluster has no leader just now, as soon as it has."""
        metadata = ORDERED if tenant in self.ordered else {}
        replicas = 1 if self.plan.nodes == 1 else 3

        def made() -> bool:
            try:
                make_stream(self.jetstream, tenant, metadata=metadata, num_replicas=replicas)
            except (ApiError, TimeoutError) as error:
                raise ConnectionError(str(error)) from None
            return True

        eventually(made, f"the stream of {tenant} is made", 30)

    def _new_producers(self) -> list[Producer]:
        url, half = self.postgres.url, len(self.tenants) // 2
        return [
            Producer(url, self.journal, self.tenants, 0, self.plan.pause),
            Producer(url, self.journal, self.tenants[half:], 1, self.plan.pause * 2),
            Producer(url, self.journal, self.tenants[: half + 1], 2, 0.05, LATE_SECONDS),
        ]

    @contextmanager
    def feeding(self) -> Iterator[None]:
        with ExitStack() as stack:
            for producer in self._producers:
                stack.enter_context(producer.feeding())
            yield

    def pin_xmin(self) -> None:
        """Holds a snapshot from now on, so that no dead row can be vacuumed away."""
        self.unpin_xmin()
        self._pin = psycopg.connect(self.postgres.url)
        self._pin.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        self._pin.execute("SELECT count(*) FROM outbox")

    def unpin_xmin(self) -> None:
        if self._pin is not None:
            self._pin.close()
        self._pin = None

    def run(self, faults: Sequence[Fault], times: int, seed: int = 1) -> Verdict:
        """Feeds, injects faults that the seed chooses, lets everything settle, and judges."""
        dice = random.Random(seed)
        with self.feeding():
            for _ in range(times):
                time.sleep(dice.uniform(0.05, 0.3))
                self.inject(dice.choice(faults), dice)
            time.sleep(0.2)
        self.settle()
        return self.judge()

    def inject(self, fault: Fault, dice: random.Random) -> None:
        fault(self, dice)
        self.injected[fault.__name__.replace("_", " ")] += 1

    def settle(self) -> None:
        """All that waits is published, and no relay has anything in its hands."""
        for relay in self.relays:
            if not relay.running:
                relay.start(wait=False)
        eventually(lambda: self.outbox.count("pending") == 0, "all is published", QUIET_SECONDS)

    def judge(self) -> Verdict:
        committed = self.journal.committed
        copies = 0
        if self.spy is not None:
            self.spy.flush()
            copies = self.spy.publishes - len(self.spy.acknowledged)
        return Verdict(check(self.evidence()), len(committed), self.injected, copies)

    def evidence(self) -> Evidence:
        spy = self.spy
        return gather(
            self.postgres.query,
            self.journal,
            {tenant: self.archive.get(tenant, []) + self.read(tenant) for tenant in self.tenants},
            self.ordered - self.emptied,
            acknowledged=spy.acknowledged if spy is not None and spy.whole else None,
            strays=self._strays(),
            emptied=self.emptied,
        )

    def _strays(self) -> list[str]:
        own = {f"tenant.{tenant}.events.order" for tenant in self.tenants}
        return sorted(self.spy.events() - own) if self.spy is not None else []

    def read(self, tenant: str) -> list[Message]:
        return read_stream(self.jetstream, tenant)
