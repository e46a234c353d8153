"""What was committed, as only a client knows it: written down after COMMIT returned.

A producer owns its keys and numbers its events, so that the order of each key is known. All that
it writes it writes under a lock of its own: where the answer to a COMMIT was lost, its next
transaction waits until PostgreSQL is done with the last one.
"""

import json
import random
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

LOCK = "SELECT pg_advisory_xact_lock(743, %s)"
INSERT = (
    "INSERT INTO outbox (tenant_id, event_type, ordering_key, msg_id, payload)"
    " SELECT %s, 'order', k, m, convert_to(p, 'UTF8')"
    " FROM unnest(%s::text[], %s::uuid[], %s::text[]) AS f(k, m, p)"
)
KEYS = 5
FIRST = 100_000  # so that all events of a proof have the same size
ROWS_MAX = 8
ROLLED_BACK = 0.1
AWAY_SECONDS = 0.05


@dataclass(frozen=True)
class Written:
    """An event as its producer knows it; `number` rises within a key."""

    tenant: str
    key: str
    number: int


@dataclass
class Journal:
    """Events by message id. `unknown`: COMMIT failed, so nobody can say whether they are there."""

    committed: dict[str, Written] = field(default_factory=dict)
    unknown: dict[str, Written] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, events: dict[str, Written], sure: bool) -> None:
        with self.lock:
            (self.committed if sure else self.unknown).update(events)


class Producer:
    """Commits events of some tenants. `hold`: how long a transaction stays open, in seconds."""

    def __init__(
        self,
        url: str,
        journal: Journal,
        tenants: Sequence[str],
        identity: int = 0,
        pause: float = 0.005,
        hold: float = 0.0,
    ) -> None:
        self.url = url
        self.journal = journal
        self.tenants = tenants
        self.identity = identity
        self.pause = pause
        self.hold = hold
        self._dice = random.Random(identity)
        self._number = FIRST
        self._connection: psycopg.Connection[Any] | None = None
        self._end = threading.Event()

    @contextmanager
    def feeding(self) -> Iterator[None]:
        """Commits transactions until the block ends."""
        feeder = threading.Thread(target=self._feed)
        feeder.start()
        try:
            yield
        finally:
            self._end.set()
            feeder.join()
            self._end.clear()
            self.close()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def commit(self, tenant: str, rows: int, rolled_back: bool = False) -> None:
        """One transaction of `rows` events. A database that is away is no failure of the test."""
        events = {str(uuid.uuid4()): self._next(tenant) for _ in range(rows)}
        committing = False
        try:
            with self._connect().transaction(force_rollback=rolled_back) as transaction:
                transaction.connection.execute(LOCK, [self.identity])
                transaction.connection.execute(INSERT, [tenant, *_columns(events)])
                self._end.wait(self.hold)
                committing = not rolled_back
        except psycopg.Error:
            self.close()
            self._end.wait(AWAY_SECONDS)
            if committing:
                self.journal.note(events, sure=False)
            return
        if committing:
            self.journal.note(events, sure=True)

    def _feed(self) -> None:
        while not self._end.is_set():
            tenant, rows = self._dice.choice(self.tenants), self._dice.randint(1, ROWS_MAX)
            self.commit(tenant, rows, rolled_back=self._dice.random() < ROLLED_BACK)
            self._end.wait(self.pause)

    def _next(self, tenant: str) -> Written:
        self._number += 1
        return Written(tenant, f"{self.identity}-{self._number // 2 % KEYS}", self._number)

    def _connect(self) -> "psycopg.Connection[Any]":
        if self._connection is None:
            self._connection = psycopg.connect(self.url, connect_timeout=5, autocommit=True)
        return self._connection


def _columns(events: dict[str, Written]) -> list[list[str]]:
    payloads = [json.dumps({"key": e.key, "number": e.number}) for e in events.values()]
    return [[e.key for e in events.values()], list(events), payloads]
