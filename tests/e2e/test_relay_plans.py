"""What the relay costs the database: the way to its rows, and what keeps vacuum from its work."""

from pathlib import Path

import pytest

from support.bulkhead import Relay, migrate
from support.jetstream import JetStream
from support.nats_server import NatsServer
from support.outbox import Outbox, Row
from support.pgbouncer import PgBouncer
from support.postgres import Postgres
from support.tenant_streams import count, make_stream, relay_settings
from support.waiting import eventually

TENANTS = [f"t{number}" for number in range(20)]


def scans(postgres: Postgres, table: str = "outbox") -> tuple[int, int]:
    """Of the whole table, and by its indexes."""
    sql = "SELECT seq_scan, idx_scan FROM pg_stat_user_tables WHERE relname = %s"
    whole, indexed = postgres.query(sql, table)[0]
    return int(whole), int(indexed)


def others(postgres: Postgres) -> bool:
    """True while a relay is connected; what a session counted shows when it has ended."""
    sql = "SELECT true FROM pg_stat_activity WHERE application_name ~ '^bulkhead'"
    return bool(postgres.query(sql))


@pytest.mark.parametrize("pooled", [False, True])
def test_no_statement_reads_the_whole_table(
    folder: Path, postgres: Postgres, nats: NatsServer, jetstream: JetStream, pooled: bool
) -> None:
    migrate(postgres.url)
    for tenant in TENANTS:
        make_stream(jetstream, tenant, max_msg_size=1000)
    postgres.query("ANALYZE outbox")  # empty: the planner would take a scan for cheap
    outbox = Outbox(postgres)
    outbox.add(Row(t, "order", b"x" * (2000 if n == 7 else 9)) for n in range(200) for t in TENANTS)
    whole, _ = scans(postgres)
    with PgBouncer(folder / "pgbouncer", postgres, 4) as pooler:
        database = pooler.url if pooled else postgres.url
        with Relay(folder / "relay", database, nats.url, ["--keep=1s"]) as relay:
            name = "bulkhead_outbox_cleaned_total"
            eventually(lambda: relay.metrics().get(name) == 199 * 20, "all are cleaned away", 30)
    eventually(lambda: not others(postgres), "their sessions have ended")
    after, indexed = scans(postgres)
    assert after == whole
    assert indexed > 0
    assert sum(count(jetstream, tenant) for tenant in TENANTS) == 199 * 20


def test_no_statement_reads_the_whole_of_an_adopted_table(
    folder: Path, postgres: Postgres, nats: NatsServer, jetstream: JetStream
) -> None:
    """Whose columns have types of their own."""
    postgres.query(
        "CREATE TABLE events (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
        " tenant_id uuid NOT NULL, event_type varchar(40), ordering_key varchar(80), payload json)"
    )
    tenants = [f"0b9c4f9e-6a53-4d0c-9d8e-1f6a7a0c2b{number:02}" for number in range(20)]
    for tenant in tenants:
        make_stream(jetstream, tenant, metadata=relay_settings(ordering="Key"))
    migrate(postgres.url, "--table=events")
    postgres.query("ANALYZE events")
    insert = "INSERT INTO events (tenant_id, event_type, ordering_key, payload) SELECT %s, 'a', 'k'"
    for tenant in tenants:
        postgres.query(insert + ", '{}' FROM generate_series(1, 100)", tenant)
    before, _ = scans(postgres, "events")
    with Relay(folder / "relay", postgres.url, nats.url, ["--table=events", "--keep=1s"]) as relay:
        name = "bulkhead_outbox_cleaned_total"
        eventually(lambda: relay.metrics().get(name) == 2000, "all are cleaned away", 30)
    eventually(lambda: not others(postgres), "their sessions have ended")
    after, indexed = scans(postgres, "events")
    assert after == before
    assert indexed > 0


def test_what_holds_vacuum_back_is_measured(
    folder: Path, outbox: Outbox, nats: NatsServer, jetstream: JetStream
) -> None:
    make_stream(jetstream, "acme")
    age = "bulkhead_database_oldest_xmin_age_seconds"
    dead = "bulkhead_outbox_dead_tuples"
    with outbox.postgres.connect() as connection, connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        connection.execute("SELECT count(*), pg_sleep(1.5) FROM outbox")
        outbox.add([Row("acme", "order")] * 100)
        with Relay(folder / "relay", outbox.postgres.url, nats.url) as relay:
            eventually(lambda: outbox.count("published") == 100, "all are published")
            eventually(lambda: relay.metrics().get(age, 0) > 1, "the transaction is seen", 20)
            eventually(lambda: relay.metrics().get(dead, 0) >= 100, "and what it keeps", 30)
