"""An outbox that is partitioned by time: published, kept for a while, emptied."""

from pathlib import Path

from support.bulkhead import Relay
from support.jetstream import JetStream
from support.nats_server import NatsServer
from support.postgres import Postgres
from support.tenant_streams import count, make_stream
from support.waiting import eventually

TABLE = """
CREATE TABLE outbox (
    id bigint NOT NULL, tenant_id text NOT NULL, event_type text NOT NULL, payload bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (id, created_at)
) PARTITION BY RANGE (created_at);
CREATE TABLE outbox_old PARTITION OF outbox FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
CREATE TABLE outbox_now PARTITION OF outbox DEFAULT
"""
EMPTY = (
    "SELECT NOT EXISTS (SELECT FROM outbox_old),"
    " (SELECT count(*) FROM outbox WHERE status = 'pending')"
)


def add(postgres: Postgres, first: int, moment: str) -> None:
    postgres.query(
        "INSERT INTO outbox (id, tenant_id, event_type, payload, created_at)"
        " SELECT i, CASE mod(i, 2) WHEN 0 THEN 'acme' ELSE 'ghost' END, 'order', '',"
        " %s::timestamptz"
        " FROM generate_series(%s::int, %s::int + 99) i",
        *(moment, first, first),
    )


def test_a_partitioned_outbox_is_published_and_emptied_while_its_partitions_come_and_go(
    postgres: Postgres, jetstream: JetStream, nats: NatsServer, folder: Path
) -> None:
    """A partition is as old as its rows; those of a tenant without a stream stay in it."""
    postgres.query(TABLE)
    migrated = Relay.run("migrate", BULKHEAD_DATABASE_URL=postgres.url)
    assert migrated.returncode == 0, migrated.stderr
    make_stream(jetstream, "acme")
    add(postgres, 1, "2026-01-15")
    with Relay(folder / "relay", postgres.url, nats.url, ["--keep=1s"]):
        eventually(lambda: count(jetstream, "acme") == 50, "acme's rows are published", 20)
        kept = "SELECT count(*), count(*) FILTER (WHERE status = 'pending') FROM outbox_old"
        eventually(lambda: postgres.query(kept) == [(50, 50)], "only those that wait stay", 20)
        make_stream(jetstream, "ghost")
        eventually(lambda: postgres.query(EMPTY) == [(True, 0)], "it is empty", 20)
        postgres.query("SET lock_timeout = '5s'; DROP TABLE outbox_old")
        postgres.query(
            "CREATE TABLE outbox_later PARTITION OF outbox"
            " FOR VALUES FROM ('2126-01-01') TO ('2127-01-01')"
        )
        add(postgres, 1001, "2126-06-01")
        add(postgres, 2001, "2026-06-01")
        eventually(lambda: count(jetstream, "acme") == 150, "the others flow on", 20)
        eventually(lambda: postgres.query("SELECT count(*) FROM outbox") == [(0,)], "and go", 20)
