"""Rows that want out of their tenant, in a table whose CHECKs were dropped."""

import random
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from proof.spy import Spy
from support.bulkhead import Relay, migrate
from support.jetstream import JetStream
from support.nats_server import NatsServer
from support.outbox import Outbox, Row
from support.postgres import Postgres
from support.tenant_streams import count, events, make_stream, relay_settings
from support.waiting import eventually

OURS = {"nats-msg-id", "nats-expected-stream"}  # control headers that the relay itself writes
STREAMS = ["acme", "other"]

PIECES = [
    "acme", "other", "tenant.other.events.x", ".", "..", "*", ">", " ", "\t", "\r\n", "\n", "\r",
    "\r\nPUB tenant.other.events.x 2\r\nhi\r\n", "\x01", "\x7f", "é", "\u2028", "😀", "$JS.API.",
    "x" * 300, "-", "A", "'", '"', "\\", "%s", "NATS/1.0", ":",
]  # fmt: skip
HEADERS = [
    "Nats-Msg-Id", "Nats-Rollup", "nats-ttl", "NATS-Expected-Stream", "Nats-Trace-Only", "Status",
    "Nats-Schedule-Target", "a b", "a:b", "a\r\nNats-Rollup: all", "", "x" * 65, "ok", "é",
]  # fmt: skip


def hostile_text(dice: random.Random) -> str:
    return "".join(dice.choice(PIECES) for _ in range(dice.randint(0, 4)))


def hostile_headers(dice: random.Random) -> Any:
    if dice.random() < 0.2:
        return dice.choice([[], [1], "text", 3, None])
    values: list[Any] = [hostile_text(dice), 1, None, [1], {"a": 1}, True]
    return {dice.choice(HEADERS): dice.choice(values) for _ in range(dice.randint(0, 3))}


def hostile_row(dice: random.Random) -> Row:
    tenant = dice.choice(["acme", "acme", "acme", hostile_text(dice)])
    kind = dice.choice(["order", "order", hostile_text(dice)])
    headers = dice.choice([{}, hostile_headers(dice)])
    return Row(tenant, kind, b"hi", hostile_text(dice), headers)


def drop_checks(outbox: Outbox) -> None:
    for name in ["tenant_id", "event_type", "ordering_key", "headers", "headers_safe", "payload"]:
        outbox.postgres.query(f"ALTER TABLE outbox DROP CONSTRAINT outbox_{name}")
    for column in ["msg_id", "payload", "headers"]:
        outbox.postgres.query(f"ALTER TABLE outbox ALTER {column} DROP NOT NULL")


def hunt(folder: Path, seed: int, rows: int, kills: int) -> list[str]:
    """Lets two relays loose on hostile rows, kills them now and then, and returns what a spy on `>`
    and the streams saw that must not be."""
    dice = random.Random(seed)
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres(folder / "postgres"))
        nats = stack.enter_context(NatsServer(folder / "nats"))
        jetstream = stack.enter_context(JetStream(nats.url))
        spy = stack.enter_context(Spy(nats.url))
        migrate(postgres.url)
        outbox = Outbox(postgres)
        drop_checks(outbox)
        make_stream(jetstream, "acme", metadata=relay_settings(ordering="Key"))
        make_stream(jetstream, "other")
        relays = [Relay(folder / f"relay-{i}", postgres.url, nats.url) for i in range(2)]
        for relay in relays:
            stack.callback(relay.stop)
            relay.start()
        for _ in range(kills + 1):
            outbox.add(hostile_row(dice) for _ in range(rows))
            relays[0].kill()
            relays[0].start()
        outbox.add([Row("acme", "last")])
        eventually(lambda: outbox.count("pending", "acme") == 0, "all are dealt with", 60)
        spy.flush()
        assert relays[1].running, "a relay fell over"
        return [*_strays(outbox, spy), *_foreign(outbox, jetstream)]


def _strays(outbox: Outbox, spy: Spy) -> list[str]:
    """Subjects and headers that no row may bring about."""
    own = {f"tenant.{t}.events.{k}" for t in [*STREAMS, "-"] for k in _kinds(outbox, t)}
    assert "tenant.acme.events.last" in spy.events(), "nothing was published"
    assert spy.whole, "the spy was cut off"
    return [*sorted(spy.events() - own), *sorted(spy.control_headers - OURS)]


def _foreign(outbox: Outbox, jetstream: JetStream) -> list[str]:
    found = []
    for tenant in STREAMS:
        own = f"tenant.{tenant}.events."
        found += [e.subject for e in events(jetstream, tenant) if not e.subject.startswith(own)]
        if count(jetstream, tenant) != outbox.count("published", tenant):
            found.append(f"{tenant}: {count(jetstream, tenant)} messages")
    return found


def _kinds(outbox: Outbox, tenant: str) -> list[str]:
    """The event types of a tenant that were marked as published, or wait."""
    rows = outbox.postgres.query(
        "SELECT DISTINCT event_type FROM outbox WHERE tenant_id = %s", tenant
    )
    return [row[0] for row in rows]
