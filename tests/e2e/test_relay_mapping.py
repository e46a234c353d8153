"""The relay on tables that applications made: other names, other types, more and fewer columns."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import LiteralString

import pytest

from support.bulkhead import Relay, migrate
from support.jetstream import JetStream
from support.nats_server import NatsServer
from support.postgres import Postgres
from support.tenant_streams import count, events, make_stream
from support.waiting import eventually

NewRelay = Callable[..., Relay]

# Names that need quotes, types of their own, columns that the relay knows nothing of.
SHOP: list[LiteralString] = [
    'CREATE SCHEMA "Shop"',
    "CREATE TYPE \"Shop\".state AS ENUM ('NEW', 'SENT')",
    """CREATE TABLE "Shop"."order""Events" (
        number int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        customer uuid NOT NULL,
        "Kind" varchar(80) NOT NULL,
        body jsonb NOT NULL,
        meta json,
        entity bigint,
        "when" timestamp NOT NULL DEFAULT now(),
        state "Shop".state NOT NULL DEFAULT 'NEW',
        tries int NOT NULL DEFAULT 0,
        region text NOT NULL,
        doubled int GENERATED ALWAYS AS (number * 2) STORED)""",
]
SHOP_FLAGS = [
    '--table=Shop."order""Events"',
    "--column-id=number",
    "--column-tenant-id=customer",
    "--column-event-type=Kind",
    "--column-payload=body",
    "--column-headers=meta",
    "--column-ordering-key=entity",
    "--column-msg-id=",
    "--column-created-at=when",
    "--column-status=state",
    "--status-pending=NEW",
    "--status-published=SENT",
    "--column-attempts=tries",
]
SHOP_ROW: LiteralString = (
    'INSERT INTO "Shop"."order""Events" (customer, "Kind", body, meta, entity, region)'
    " VALUES (%s, %s, %s, %s, 7, 'eu')"
)
CUSTOMER = "0b9c4f9e-6a53-4d0c-9d8e-1f6a7a0c2b11"

# The table of Debezium's outbox event router, with the tenant that a shared table needs.
DEBEZIUM: LiteralString = (
    "CREATE TABLE outboxevent (id uuid PRIMARY KEY DEFAULT gen_random_uuid(),"
    " aggregatetype varchar(255) NOT NULL, aggregateid varchar(255) NOT NULL,"
    " type varchar(255) NOT NULL, payload jsonb, tenant varchar(40) NOT NULL)"
)
DEBEZIUM_FLAGS = [
    "--table=outboxevent",
    "--column-id=seq",
    "--column-tenant-id=tenant",
    "--column-event-type=type",
    "--column-ordering-key=aggregateid",
    "--column-msg-id=id",
    "--on-published=delete",
]


@pytest.fixture
def new_mapped(folder: Path, postgres: Postgres, nats: NatsServer) -> Iterator[NewRelay]:
    """Makes relays, not yet started, on a database that nothing was done to."""
    made: list[Relay] = []

    def make(*flags: str, database: str = postgres.url) -> Relay:
        made.append(Relay(folder / f"relay-{len(made)}", database, nats.url, flags))
        return made[-1]

    yield make
    for relay in made:
        relay.kill()


def run(postgres: Postgres, *statements: LiteralString) -> None:
    for statement in statements:
        postgres.query(statement)


def column(postgres: Postgres, sql: LiteralString) -> list[object]:
    return [row[0] for row in postgres.query(sql)]


# The relay's role has no more rights than it needs, on a table that shows nobody else's rows.
SHOP_ROLE: list[LiteralString] = [
    "CREATE ROLE relay LOGIN BYPASSRLS",
    'GRANT USAGE ON SCHEMA "Shop" TO relay',
    'GRANT SELECT, UPDATE, DELETE ON "Shop"."order""Events" TO relay',
    'GRANT SELECT, INSERT ON "Shop"."order""Events_dead" TO relay',
    'GRANT SELECT, INSERT, UPDATE ON "Shop"."order""Events_lane" TO relay',
    'GRANT SELECT ON "Shop"."bulkhead_order""Events_schema" TO relay',
    'ALTER TABLE "Shop"."order""Events" ENABLE ROW LEVEL SECURITY',
    'CREATE POLICY nobody ON "Shop"."order""Events" USING (false)',
]


def test_a_table_with_other_names_and_types(
    postgres: Postgres, jetstream: JetStream, new_mapped: NewRelay
) -> None:
    run(postgres, *SHOP)
    make_stream(jetstream, CUSTOMER, max_msg_size=200)
    migrate(postgres.url, *SHOP_FLAGS)
    run(postgres, *SHOP_ROLE)
    as_relay = postgres.url.replace("postgres@", "relay@")
    with new_mapped(*SHOP_FLAGS, database=as_relay) as relay:
        postgres.query(SHOP_ROW, CUSTOMER, "order-paid", '{"order": 1}', '{"shop": "north"}')
        postgres.query(SHOP_ROW, CUSTOMER, "order-paid", '{"order": 2}', None)
        postgres.query(SHOP_ROW, CUSTOMER, "order-paid", '"%s"' % ("x" * 300), None)
        eventually(lambda: count(jetstream, CUSTOMER) == 2, "both are stored")
        dead: LiteralString = 'SELECT reason FROM "Shop"."order""Events_dead"'
        eventually(lambda: column(postgres, dead) == ["too-large"], "the large one is dead")
        relay.stop()
    first, second = events(jetstream, CUSTOMER)
    assert first.data == b'{"order": 1}'
    assert first.headers["shop"] == "north"
    assert first.headers["Nats-Msg-Id"].startswith("1-")
    assert second.headers["Nats-Msg-Id"].startswith("2-")
    state: LiteralString = 'SELECT state::text FROM "Shop"."order""Events" ORDER BY number'
    assert column(postgres, state) == ["SENT", "SENT"]
    original: LiteralString = 'SELECT original->>\'region\' FROM "Shop"."order""Events_dead"'
    assert column(postgres, original) == ["eu"]


def test_the_printed_schema_adopts_a_table_as_migrate_does(
    postgres: Postgres, folder: Path
) -> None:
    made: LiteralString = (
        "SELECT c.relname::text, a.attname::text, format_type(atttypid, atttypmod)"
        " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
        " WHERE c.relnamespace = '\"Shop\"'::regnamespace AND attnum > 0 ORDER BY 1, 2"
    )
    run(postgres, *SHOP)
    migrate(postgres.url, *SHOP_FLAGS)
    wanted = postgres.query(made)
    run(postgres, 'DROP SCHEMA "Shop" CASCADE', *SHOP)
    script = folder / "schema.sql"
    script.write_text(Relay.run("--print-schema", *SHOP_FLAGS).stdout)
    psql = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", postgres.url, "-f", str(script)]
    subprocess.run(psql, check=True, timeout=60)
    assert postgres.query(made) == wanted


def test_a_row_that_is_sent_again_has_the_same_made_up_id(
    postgres: Postgres, jetstream: JetStream, new_mapped: NewRelay
) -> None:
    run(postgres, *SHOP)
    make_stream(jetstream, CUSTOMER)
    migrate(postgres.url, *SHOP_FLAGS)
    with new_mapped(*SHOP_FLAGS) as relay:
        postgres.query(SHOP_ROW, CUSTOMER, "order-paid", "{}", None)
        eventually(lambda: count(jetstream, CUSTOMER) == 1, "it is stored")
        postgres.query('UPDATE "Shop"."order""Events" SET state = \'NEW\', tries = 0')
        again = "bulkhead_relay_duplicates_total"
        eventually(lambda: relay.metrics()[again] == 1, "the stream knew it")
    assert count(jetstream, CUSTOMER) == 1


def test_a_debezium_table_gets_what_it_lacks(
    postgres: Postgres, jetstream: JetStream, new_mapped: NewRelay
) -> None:
    postgres.query(DEBEZIUM)
    insert: LiteralString = (
        "INSERT INTO outboxevent (aggregatetype, aggregateid, type, payload, tenant)"
        " VALUES ('order', '1', 'order-paid', '{\"a\": 1}', 'acme') RETURNING id::text"
    )
    ids = {postgres.query(insert)[0][0]}
    make_stream(jetstream, "acme")
    migrate(postgres.url, *DEBEZIUM_FLAGS)
    with new_mapped(*DEBEZIUM_FLAGS):
        ids.add(postgres.query(insert)[0][0])
        eventually(lambda: count(jetstream, "acme") == 2, "old and new are stored")
        gone: LiteralString = "SELECT count(*) FROM outboxevent"
        eventually(lambda: column(postgres, gone) == [0], "and deleted")
    assert {event.headers["Nats-Msg-Id"] for event in events(jetstream, "acme")} == ids


def test_a_table_of_ours_by_another_name(
    postgres: Postgres, jetstream: JetStream, new_mapped: NewRelay
) -> None:
    flags = ["--table=billing.ready"]  # a name that the relay's statements use, too
    postgres.query("CREATE SCHEMA billing")
    make_stream(jetstream, "acme")
    migrate(postgres.url, *flags)
    search = postgres.url + "?options=-csearch_path%3Dbilling"
    with new_mapped("--table=ready", database=search) as relay:
        postgres.query("SELECT billing.ready_publish('acme', 'order', '{}'::text)")
        eventually(lambda: count(jetstream, "acme") == 1, "it is stored")
        pending = 'bulkhead_outbox_pending{tenant="acme"}'
        postgres.query("SELECT billing.ready_publish('ghost', 'order', '{}'::text)")
        pending = 'bulkhead_outbox_pending{tenant="ghost"}'
        eventually(lambda: relay.metrics().get(pending) == 1, "it is measured", 15)


REFUSED: list[tuple[LiteralString, list[str], str]] = [
    ("SELECT", [], "there is no table outboxevent for the columns that --column-... name"),
    (DEBEZIUM, ["--column-event-type=kind"], 'no column "kind": say which one is the event_type'),
    (DEBEZIUM, ["--column-id=id", "--column-msg-id="], 'column "id" of table outboxevent has type'),
    (DEBEZIUM, ["--column-headers=meta"], 'no column "meta": say which one is the headers'),
    (
        DEBEZIUM + "; ALTER TABLE outboxevent ALTER tenant DROP NOT NULL",
        [],
        'column "tenant" of table outboxevent may be NULL',
    ),
]


@pytest.mark.parametrize(("make", "flags", "complaint"), REFUSED)
def test_a_table_that_does_not_fit_is_left_alone(
    postgres: Postgres, make: LiteralString, flags: list[str], complaint: str
) -> None:
    run(postgres, *make.split("; "))
    every: LiteralString = (
        "SELECT attrelid::regclass::text || attname FROM pg_attribute JOIN pg_class c"
        " ON c.oid = attrelid WHERE relnamespace = 'public'::regnamespace ORDER BY 1"
    )
    before = column(postgres, every)
    done = Relay.run("migrate", *DEBEZIUM_FLAGS, *flags, BULKHEAD_DATABASE_URL=postgres.url)
    assert done.returncode != 0
    assert complaint in done.stderr.replace("\\", "")
    assert column(postgres, every) == before


CHANGES: list[tuple[LiteralString, str]] = [
    ("DROP TABLE outbox CASCADE", "there is no table outbox"),
    ("ALTER TABLE outbox DROP COLUMN tenant_id", 'no column "tenant_id": say which one'),
    ("ALTER TABLE outbox DROP COLUMN attempts", 'no column "attempts" (attempts): run'),
    ("ALTER TABLE outbox DROP CONSTRAINT outbox_pkey", "has no unique index of its own"),
    ("ALTER TABLE outbox DROP COLUMN published_at", "--on-published=mark needs a column"),
    (
        "CREATE TABLE deliveries (event bigint REFERENCES outbox)",
        "table deliveries refers to rows of outbox",
    ),
    ("DROP TABLE bulkhead_outbox_schema", "the database has no outbox by the name of outbox"),
    (
        "INSERT INTO bulkhead_outbox_schema VALUES (900, 'later', false)",
        "outbox has schema version 900",
    ),
]


@pytest.mark.parametrize(("change", "complaint"), CHANGES)
def test_what_is_wrong_with_a_table_is_said_and_waited_for(
    postgres: Postgres, new_mapped: NewRelay, change: LiteralString, complaint: str
) -> None:
    migrate(postgres.url)
    postgres.query(change)
    relay = new_mapped().start(wait=False)
    eventually(lambda: complaint in relay.tail().replace("\\", ""), "it says what is wrong")
    assert relay.running


HOSTILE: list[tuple[LiteralString, str]] = [
    ("(0, 'Not A Tenant', 'a', '{}', '{}', 'id-1')", "tenant_id is not a tenant id"),
    ("(1, 'acme', 'a.>', '{}', '{}', 'id-2')", "event_type is not words of"),
    ("(2, 'acme', 'a', NULL, '{}', 'id-3')", "payload is NULL"),
    ("(3, 'acme', 'a', '{}', '[1]', 'id-4')", "headers are not a JSON object"),
    ("(4, 'acme', 'a', '{}', '{\"Nats-Rollup\": \"all\"}', 'id-5')", "a header's name is not"),
    ("(5, 'acme', 'a', '{}', '{\"a\": \"\\u0000\"}', 'id-6')", "header"),
    ("(6, 'acme', 'a', '{}', '{}', E'id-7\\r\\nNats-Rollup: all')", "msg_id is not 1 to 128"),
    ("(7, 'acme', 'a', '{}', '{}', NULL)", "msg_id is missing"),
    ("(8, 'acme', NULL, '{}', '{}', 'id-9')", "event_type is not words of"),
    ("(9, 'acme', 'a', repeat('x', 2000000), '{}', 'id-10')", "the event has 2000"),
]


def test_bad_rows_of_a_table_without_checks_are_buried_with_the_reason(
    postgres: Postgres, jetstream: JetStream, new_mapped: NewRelay
) -> None:
    postgres.query(
        "CREATE TABLE events (id int PRIMARY KEY, tenant_id text NOT NULL, event_type text,"
        " payload text, headers json, msg_id text)"
    )
    make_stream(jetstream, "acme", allow_rollup_hdrs=True)
    migrate(postgres.url, "--table=events")
    insert: LiteralString = (
        "INSERT INTO events (id, tenant_id, event_type, payload, headers, msg_id) VALUES "
    )
    for values, _ in HOSTILE:
        postgres.query(insert + values)
    postgres.query(insert + "(99, 'acme', 'good', 'text', NULL, 'the good one')")
    postgres.query(insert + "(100, 'acme', 'good', 'text', NULL, 'good')")
    with new_mapped("--table=events") as relay:
        eventually(lambda: count(jetstream, "acme") == 1, "the good one is stored")
        gone: LiteralString = "SELECT count(*) FROM events_dead"
        eventually(lambda: column(postgres, gone) == [len(HOSTILE) + 1], "the others are dead")
        assert relay.running
    why: LiteralString = "SELECT last_error FROM events_dead WHERE id < 99 ORDER BY id"
    for said, (_, wanted) in zip(column(postgres, why), HOSTILE, strict=True):
        assert wanted in str(said)
    assert events(jetstream, "acme")[0].data == b"text"
