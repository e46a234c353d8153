"""Rows that want out of their tenant, in a table whose CHECKs were dropped."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from proof.hostile_rows import drop_checks, hunt
from support.bulkhead import Relay
from support.jetstream import JetStream
from support.outbox import Outbox, Row
from support.tenant_streams import count, make_stream
from support.waiting import eventually

SEED = 20261123
ROWS = 150


@pytest.mark.parametrize("seed", range(3))
def test_no_row_leaves_its_tenant(folder: Path, seed: int) -> None:
    assert hunt(folder, SEED + seed, ROWS, kills=2) == []


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
