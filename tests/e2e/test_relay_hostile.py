"""Rows that want out of their tenant, in a table whose CHECKs were dropped."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from proof.spy import Spy
from support.bulkhead import Relay
from support.jetstream import JetStream
from support.nats_server import NatsServer
from support.outbox import Outbox, Row
from support.tenant_streams import count, events, make_stream
from support.waiting import eventually

SEED = 20261123
ROWS = 400

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


@pytest.mark.parametrize("seed", range(3))
def test_no_row_leaves_its_tenant(
    outbox: Outbox,
    nats: NatsServer,
    jetstream: JetStream,
    new_relay: Callable[..., Relay],
    seed: int,
) -> None:
    dice = random.Random(SEED + seed)
    drop_checks(outbox)
    make_stream(jetstream, "acme")
    make_stream(jetstream, "other")
    outbox.add(hostile_row(dice) for _ in range(ROWS))
    outbox.add([Row("acme", "last")])
    with Spy(nats.url) as spy:
        relay = new_relay().start()
        eventually(lambda: outbox.count("pending", "acme") == 0, "all are dealt with", 30)
        spy.flush()
        assert relay.running
    assert spy.events() <= {"tenant.acme.events.order", "tenant.acme.events.last"} | {
        f"tenant.{name}.events.{kind}"
        for name in ["acme", "other", "-"]
        for kind in spy_kinds(outbox, name)
    }
    assert "tenant.acme.events.last" in spy.events()
    for name in ["acme", "other"]:
        own = f"tenant.{name}.events."
        assert all(event.subject.startswith(own) for event in events(jetstream, name))
        published = outbox.postgres.query(
            "SELECT count(*) FROM outbox WHERE status = 'published' AND tenant_id = %s", name
        )
        assert count(jetstream, name) == published[0][0]


def spy_kinds(outbox: Outbox, tenant: str) -> list[str]:
    """The event types of a tenant that were marked as published."""
    rows = outbox.postgres.query(
        "SELECT DISTINCT event_type FROM outbox WHERE tenant_id = %s AND status = 'published'",
        tenant,
    )
    return [row[0] for row in rows]


@pytest.mark.usefixtures("relay")
def test_a_row_of_no_tenant_is_buried(outbox: Outbox, jetstream: JetStream) -> None:
    drop_checks(outbox)
    make_stream(jetstream, "acme")
    outbox.add([Row("Not A Tenant", "order"), Row("a,b", "order"), Row("acme", "order")])
    eventually(lambda: outbox.count("published") == 1, "the good one is published")
    eventually(lambda: outbox.count("dead") == 2, "the others are dead")
    found = outbox.postgres.query("SELECT DISTINCT reason, last_error FROM outbox_dead")
    assert found == [("malformed", "tenant_id is not a tenant id")]


@pytest.mark.usefixtures("relay")
def test_columns_without_their_constraints_are_buried(outbox: Outbox, jetstream: JetStream) -> None:
    drop_checks(outbox)
    make_stream(jetstream, "acme")
    insert = "INSERT INTO outbox (tenant_id, event_type, payload, msg_id, headers) VALUES "
    outbox.postgres.query(insert + "('acme', 'a', NULL, gen_random_uuid(), '{}')")
    outbox.postgres.query(insert + "('acme', 'b', '', NULL, '{}')")
    outbox.postgres.query(insert + "('acme', 'c', '', gen_random_uuid(), NULL)")
    outbox.postgres.query(
        insert + "('acme', 'd', '', gen_random_uuid(), jsonb_build_object('x', repeat('y', 99999)))"
    )
    eventually(lambda: outbox.count("dead") == 3, "three are dead")
    eventually(lambda: count(jetstream, "acme") == 1, "one is an event without headers")
    reasons = outbox.postgres.query("SELECT event_type, last_error FROM outbox_dead ORDER BY 1")
    assert reasons == [
        ("a", "payload is NULL"),
        ("b", "msg_id is missing"),
        ("d", "headers are larger than allowed"),
    ]


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        ("'Acme', 'order', ''", "'Acme' is not a tenant id"),
        ("'acme', 'a..b', ''", "'a..b' is not an event type"),
        ("'acme', 'order', NULL::text", "the payload is NULL"),
        ("'acme', 'order', repeat('x', 1000001)", "at most 1000000 are allowed"),
        ("""'acme', 'order', '', NULL, '{"Nats-TTL": "1s"}'""", "header 'Nats-TTL' is not allowed"),
        ("""'acme', 'order', '', NULL, '{"a b": "1"}'""", "header 'a b' is not allowed"),
        ("""'acme', 'order', '', NULL, '{"a": [1]}'""", "header 'a' is not one line of text"),
        ("""'acme', 'order', '', NULL, '{"a": "1\\n2"}'""", "header 'a' is not one line of text"),
        ("'acme', 'order', '', NULL, '[]'", "headers must be a JSON object"),
        ("'acme', 'order', '', repeat('k', 257)", "ordering key has more than 256 bytes"),
    ],
)
def test_a_wrong_call_is_refused_with_a_sentence(outbox: Outbox, call: str, complaint: str) -> None:
    with pytest.raises(Exception, match="outbox_publish: ") as caught:
        outbox.postgres.query(f"SELECT outbox_publish({call})")
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        "'Acme', 'order', '{}'",
        "E'acme\\n', 'order', '{}'",
        "'', 'order', '{}'",
        "repeat('a', 41), 'order', '{}'",
        "'acme', '', '{}'",
        "'acme', 'a.', '{}'",
        "'acme', '>', '{}'",
        "'acme', repeat('a', 129), '{}'",
        "'acme', 'order', '[]'",
        """'acme', 'order', '{"nats-rollup": "all"}'""",
        """'acme', 'order', '{"a:b": "x"}'""",
        """'acme', 'order', '{"a": "x\\r\\ny"}'""",
        """'acme', 'order', '{"a": null}'""",
    ],
)
def test_the_table_refuses_what_the_relay_would_bury(outbox: Outbox, values: str) -> None:
    with pytest.raises(Exception, match="violates check constraint"):
        outbox.postgres.query(
            f"INSERT INTO outbox (tenant_id, event_type, headers, payload) VALUES ({values}, '')"
        )


@pytest.mark.parametrize("flag", ["--on-published=mark", "--on-published=delete"])
def test_no_value_of_a_column_stops_the_rows_of_others(
    outbox: Outbox, jetstream: JetStream, new_relay: Callable[..., Relay], flag: str
) -> None:
    """Times without end, counters at their limit, and a key that fits into no index."""
    drop_checks(outbox)
    make_stream(jetstream, "acme", max_msg_size=300)
    make_stream(jetstream, "other")
    insert = (
        "INSERT INTO outbox (tenant_id, event_type, created_at, attempts, next_attempt_at,"
        " ordering_key, payload) VALUES ('acme', 'order', %s, %s, now(), %s, %s)"
    )
    key = "".join(random.Random(SEED).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=9_000))
    for created in ["infinity", "-infinity", "4000-01-01 BC", "294276-12-31", "2026-01-01"]:
        outbox.postgres.query(insert, created, 0, key, b"small")
        outbox.postgres.query(insert, created, 32767, key, b"small")
        outbox.postgres.query(insert, created, 32767, key, b"x" * 400)
    outbox.add([Row("other", "order")])
    relay = new_relay(flag).start()
    eventually(lambda: count(jetstream, "other") == 1, "the other tenant's row is stored")
    eventually(lambda: count(jetstream, "acme") == 10, "those that fit are stored")
    eventually(lambda: outbox.count("dead") == 5, "the others are dead")
    assert "trying on" not in relay.tail()
    oldest = 'bulkhead_outbox_dead{tenant="acme"}'
    eventually(lambda: relay.metrics().get(oldest) == 5, "and measured", 15)


REFUSE = [
    "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
    " IF OLD.event_type = 'bad' THEN RAISE EXCEPTION 'hands off'; END IF;"
    " RETURN coalesce(NEW, OLD); END $$",
    "CREATE TRIGGER refuse BEFORE UPDATE OR DELETE ON outbox"
    " FOR EACH ROW EXECUTE FUNCTION refuse()",
]


@pytest.mark.parametrize("flag", ["--on-published=mark", "--on-published=delete"])
def test_a_row_that_the_table_does_not_let_go_stops_no_other(
    outbox: Outbox, jetstream: JetStream, new_relay: Callable[..., Relay], flag: str
) -> None:
    for statement in REFUSE:
        outbox.postgres.query(statement)
    make_stream(jetstream, "acme")
    make_stream(jetstream, "other")
    outbox.add([Row("acme", "bad"), *[Row("acme", "good"), Row("other", "good")] * 500])
    relay = new_relay(flag).start()
    eventually(lambda: outbox.count("pending") == 1, "all others are written down", 20)
    eventually(lambda: "hands off (P0001)" in relay.tail(), "the refusal is said")
    outbox.add([Row("acme", "later")])
    eventually(lambda: outbox.count("pending") == 1, "those that come later, too", 20)
    outbox.postgres.query("DROP TRIGGER refuse ON outbox")
    eventually(lambda: outbox.count("pending") == 0, "in the end it is let go", 25)
    assert count(jetstream, "acme") == 502
    assert count(jetstream, "other") == 500
