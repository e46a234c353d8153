"""The load of the demo: applications that commit events, and consumers that read them."""

import asyncio
import itertools
import json
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import nats
import psycopg
from nats.aio.msg import Msg
from nats.errors import TimeoutError as NothingThere
from nats.js import JetStreamContext

TRANSACTIONS_PER_SECOND = 25.0
ROWS_PER_TRANSACTION = (1, 2, 3)
SLOW_EVENTS_PER_SECOND = 12
CATCHING_UP_EVENTS_PER_SECOND = 120
INSERT = (
    "INSERT INTO outbox (tenant_id, event_type, payload, ordering_key, headers)"
    " VALUES (%s, %s, %s, %s, %s::jsonb) RETURNING msg_id::text"
)


@dataclass
class Reader:
    """One durable consumer, with what reached it."""

    tenant: str
    name: str
    event_types: list[str] | None
    received: dict[str, float] = field(default_factory=dict)
    again: int = 0
    foreign: list[str] = field(default_factory=list)
    sample: Msg | None = None

    @property
    def slow(self) -> bool:
        """The consumers that ask for some types only do some work on each."""
        return self.event_types is not None

    def wants(self, event_type: str) -> bool:
        return self.event_types is None or event_type in self.event_types

    def take(self, message: Msg) -> None:
        if not message.subject.startswith(f"tenant.{self.tenant}.events."):
            self.foreign.append(message.subject)
        message_id = (message.headers or {}).get("Nats-Msg-Id", "")
        if message_id in self.received:
            self.again += 1
        else:
            self.received[message_id] = time.monotonic()
        self.sample = self.sample or message


@dataclass(frozen=True)
class Committed:
    tenant: str
    event_type: str
    at: float


class Traffic:
    def __init__(self, manifests: list[dict[str, Any]], database_url: str, nats_url: str) -> None:
        self.database_url = database_url
        self.nats_url = nats_url
        self.readers = [
            Reader(manifest["metadata"]["name"], consumer["name"], consumer.get("eventTypes"))
            for manifest in manifests
            for consumer in manifest["spec"]["consumers"]
        ]
        self.tenants = [manifest["metadata"]["name"] for manifest in manifests]
        self.committed: dict[str, Committed] = {}
        self.producing = True

    async def run(self, seconds: float) -> None:
        """Commits for so many seconds, and reads until everything has arrived."""
        client = await nats.connect(self.nats_url)
        js = client.jetstream()
        try:
            async with asyncio.TaskGroup() as tasks:
                for reader in self.readers:
                    tasks.create_task(self._read(js, reader))
                producers = [tasks.create_task(self._produce(t, seconds)) for t in self.tenants]
                await asyncio.wait(producers)
                self.producing = False
        finally:
            await client.close()

    def expected(self, reader: Reader) -> set[str]:
        return {
            message_id
            for message_id, event in self.committed.items()
            if event.tenant == reader.tenant and reader.wants(event.event_type)
        }

    def missing(self, reader: Reader) -> int:
        return len(self.expected(reader) - reader.received.keys())

    def latencies(self) -> list[float]:
        """Seconds from the commit to each reader that takes events as they come, sorted."""
        return sorted(
            max(0.0, at - self.committed[message_id].at)
            for reader in self.readers
            if not reader.slow
            for message_id, at in reader.received.items()
        )

    def sizes(self) -> Counter[str]:
        return Counter(event.tenant for event in self.committed.values())

    async def _produce(self, tenant: str, seconds: float) -> None:
        types = [t for r in self.readers if r.tenant == tenant for t in r.event_types or []]
        end = time.monotonic() + seconds
        async with await psycopg.AsyncConnection.connect(self.database_url) as connection:
            for number in itertools.count(1):
                rows = [
                    self._row(tenant, random.choice(types), number)
                    for _ in range(random.choice(ROWS_PER_TRANSACTION))
                ]
                ids = []
                async with connection.transaction():
                    for row in rows:
                        found = await (await connection.execute(INSERT, row)).fetchone()
                        ids.append(found[0] if found else "")
                at = time.monotonic()
                for message_id, row in zip(ids, rows, strict=True):
                    self.committed[message_id] = Committed(tenant, row[1], at)
                if at >= end:
                    return
                await asyncio.sleep(random.expovariate(TRANSACTIONS_PER_SECOND))

    def _row(self, tenant: str, event_type: str, number: int) -> tuple[str, ...]:
        trace = f"00-{random.getrandbits(128) or 1:032x}-{random.getrandbits(64) or 1:016x}-01"
        payload = {"tenant": tenant, "number": number, "amount": random.randrange(100, 99999)}
        key = f"order-{number % 50}"
        return tenant, event_type, json.dumps(payload), key, json.dumps({"traceparent": trace})

    async def _read(self, js: JetStreamContext, reader: Reader) -> None:
        pull = await js.pull_subscribe_bind(reader.name, f"TENANT_{reader.tenant.upper()}")
        while self.producing or self.missing(reader):
            try:
                batch = await pull.fetch(1 if reader.slow else 50, timeout=0.5)
            except NothingThere:
                continue
            for message in batch:
                reader.take(message)
                await message.ack()
            if reader.slow:
                pace = SLOW_EVENTS_PER_SECOND if self.producing else CATCHING_UP_EVENTS_PER_SECOND
                await asyncio.sleep(1 / pace)
