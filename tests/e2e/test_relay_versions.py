"""The relay's SQL on every major version of PostgreSQL; the other tests run on Debian's 15."""

from collections.abc import Iterator
from pathlib import Path
from typing import LiteralString

import pytest

from support.bulkhead import Relay, migrate
from support.jetstream import JetStream
from support.nats_server import NatsServer
from support.outbox import Outbox, Row
from support.pgbouncer import PgBouncer
from support.postgres import OtherPostgres
from support.tenant_streams import count, events, ids, make_stream, relay_settings
from support.waiting import eventually

PENDING = 'bulkhead_outbox_pending{tenant="ghost"}'


@pytest.fixture(params=["13", "14", "16", "17"])
def server(folder: Path, request: pytest.FixtureRequest) -> Iterator[OtherPostgres]:
    with OtherPostgres(folder / "postgres", request.param) as started:
        yield started


def test_each_version_understands_every_statement(
    folder: Path, server: OtherPostgres, nats: NatsServer, jetstream: JetStream
) -> None:
    """Marking, burying, order, rates, cleaning; then all of it by a pooler; then adopting."""
    version: LiteralString = "SELECT current_setting('server_version_num')::int / 10000"
    assert server.query(version) == [(int(server.major),)]
    settings = relay_settings(ordering="Key", on_dead="Block", events_per_second="5000")
    make_stream(jetstream, "acme", max_msg_size=40_000, metadata=settings)
    migrate(server.url)
    outbox = Outbox(server)
    rows = [Row("acme", "order", b"%d" % n, "key", {"traceparent": "00-1"}) for n in range(200)]
    outbox.add([*rows, Row("acme", "large", b"x" * 20_000), Row("acme", "huge", b"x" * 50_000)])
    server.query("SELECT outbox_publish('ghost', 'order', '{}'::jsonb)")
    with Relay(folder / "first", server.url, nats.url, ["--keep=1s"]) as relay:
        eventually(lambda: count(jetstream, "acme") == 201, "all that fit are stored")
        eventually(lambda: outbox.count("dead") == 1, "the one that does not is dead")
        eventually(lambda: relay.metrics().get(PENDING) == 1, "what waits is measured", 15)
        eventually(lambda: outbox.count("published") == 0, "old rows are deleted", 15)
    stored = [event.data for event in events(jetstream, "acme") if event.data[:1] != b"x"]
    assert stored == [row.payload for row in rows]
    make_stream(jetstream, "ghost")
    with PgBouncer(folder / "pgbouncer", server, 1) as pooler:
        outbox.add([Row("ghost", "order")] * 100)
        with Relay(folder / "second", pooler.url, nats.url, ["--on-published=delete"]):
            eventually(lambda: outbox.count("pending") == 0, "a pooler's session does it, too")
    assert len(set(ids(events(jetstream, "ghost")))) == 101

    adopt(folder, server, nats, jetstream)


def adopt(folder: Path, server: OtherPostgres, nats: NatsServer, jetstream: JetStream) -> None:
    before = count(jetstream, "acme")
    server.query(
        "CREATE TABLE events (key uuid PRIMARY KEY, tenant_id varchar(40) NOT NULL,"
        " event_type text NOT NULL, payload json)"
    )
    flags = ["--table=events", "--column-msg-id=key"]
    migrate(server.url, *flags)
    with Relay(folder / "third", server.url, nats.url, flags):
        insert: LiteralString = (
            "INSERT INTO events VALUES (gen_random_uuid(), 'acme', 'order', to_json(%s::text))"
        )
        server.query(insert, "x")
        server.query(insert, "x" * 50_000)
        eventually(lambda: count(jetstream, "acme") == before + 1, "it is stored")
        dead: LiteralString = "SELECT original->>'tenant_id' FROM events_dead"
        eventually(lambda: server.query(dead) == [("acme",)], "the large one is dead")
