"""A committed row becomes an event in its tenant's stream, and nothing else does."""

import json
import time
from collections.abc import Callable

import pytest

from support.bulkhead import Relay
from support.jetstream import JetStream
from support.outbox import Outbox, Row
from support.tenant_streams import count, events, ids, make_stream, relay_settings, stream_name
from support.waiting import eventually

SECOND = 1_000_000_000


def all_published(outbox: Outbox, rows: int) -> bool:
    return outbox.count("published") == rows and outbox.count("pending") == 0


def test_a_row_becomes_an_event(outbox: Outbox, jetstream: JetStream, relay: Relay) -> None:
    make_stream(jetstream, "acme")
    payload = bytes(range(256))
    headers = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "n": 7}
    outbox.add([Row("acme", "order.created", payload, headers=headers)])
    eventually(lambda: all_published(outbox, 1), "the row is published")
    (event,) = events(jetstream, "acme")
    assert event.subject == "tenant.acme.events.order.created"
    assert event.data == payload
    assert event.headers["traceparent"] == headers["traceparent"]
    assert event.headers["n"] == "7"
    assert event.headers["Nats-Expected-Stream"] == "TENANT_ACME"
    assert {event.headers["Nats-Msg-Id"]} == outbox.message_ids("acme")
    assert relay.metrics()['bulkhead_outbox_published_total{tenant="acme"}'] == 1


@pytest.mark.usefixtures("relay")
def test_a_rolled_back_row_is_never_published(outbox: Outbox, jetstream: JetStream) -> None:
    make_stream(jetstream, "acme")
    with outbox.postgres.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("SELECT outbox_publish('acme', 'phantom', '{}')")
        time.sleep(0.5)
    outbox.add([Row("acme", "real")])
    eventually(lambda: all_published(outbox, 1), "the row is published")
    assert [event.subject for event in events(jetstream, "acme")] == ["tenant.acme.events.real"]


@pytest.mark.usefixtures("relay")
def test_a_row_that_commits_late_is_published(outbox: Outbox, jetstream: JetStream) -> None:
    """Its id is lower than those of rows that were published meanwhile."""
    make_stream(jetstream, "acme")
    with outbox.postgres.connect() as connection, connection.transaction():
        connection.execute("SELECT outbox_publish('acme', 'late', '{}')")
        outbox.add([Row("acme", "early")] * 2000)
        eventually(lambda: count(jetstream, "acme") == 2000, "the others are published")
    eventually(lambda: count(jetstream, "acme") == 2001, "the late one is published")
    assert events(jetstream, "acme")[-1].subject == "tenant.acme.events.late"


@pytest.mark.usefixtures("relay")
def test_large_and_small_payloads_arrive_whole(outbox: Outbox, jetstream: JetStream) -> None:
    make_stream(jetstream, "acme")
    sizes = [0, 1, 8191, 8192, 8193, 100_000, 1_000_000] * 4
    outbox.add(Row("acme", f"size-{size}", bytes([size % 251]) * size) for size in sizes)
    eventually(lambda: all_published(outbox, len(sizes)), "all are published", 30)
    got = {event.subject: event.data for event in events(jetstream, "acme")}
    for size in sizes:
        assert got[f"tenant.acme.events.size-{size}"] == bytes([size % 251]) * size


def test_a_tenant_without_a_stream_waits_and_holds_up_nobody(
    outbox: Outbox, jetstream: JetStream, relay: Relay
) -> None:
    make_stream(jetstream, "acme")
    outbox.add([Row("ghost", "order")] * 500 + [Row("acme", "order")] * 500)
    eventually(lambda: outbox.count("published", "acme") == 500, "acme's rows are published")
    time.sleep(1)
    assert outbox.count("pending", "ghost") == 500
    assert outbox.count("dead") == 0
    why = outbox.postgres.query("SELECT max(last_error) FROM outbox WHERE tenant_id = 'ghost'")
    assert "create the Tenant (TENANT_GHOST)" in why[0][0]
    assert relay.metrics()['bulkhead_relay_lane_paused{tenant="ghost"}'] == 1
    make_stream(jetstream, "ghost")
    eventually(lambda: outbox.count("published", "ghost") == 500, "they flow", 1.0)
    assert relay.metrics()['bulkhead_relay_lane_paused{tenant="ghost"}'] == 0


@pytest.mark.usefixtures("relay")
def test_a_full_stream_waits_until_there_is_room(outbox: Outbox, jetstream: JetStream) -> None:
    make_stream(jetstream, "acme", max_msgs=10, discard="new")
    make_stream(jetstream, "other")
    outbox.add([Row("acme", "order")] * 30 + [Row("other", "order")] * 300)
    eventually(lambda: outbox.count("published", "other") == 300, "other's rows are published")
    eventually(lambda: outbox.count("published", "acme") == 10, "the stream is full")
    assert outbox.count("dead") == 0
    jetstream.update_stream("TENANT_ACME", max_msgs=100)
    eventually(lambda: outbox.count("published", "acme") == 30, "the rest is published")
    assert len(set(ids(events(jetstream, "acme")))) == 30


@pytest.mark.usefixtures("relay")
def test_another_stream_on_the_subject_does_not_count(outbox: Outbox, jetstream: JetStream) -> None:
    jetstream.create_stream(name="GREEDY", subjects=["tenant.>"])
    outbox.add([Row("acme", "order")])
    time.sleep(2)
    assert outbox.count("pending") == 1
    assert jetstream.stream("GREEDY")["state"]["messages"] == 0
    jetstream.delete_stream("GREEDY")
    make_stream(jetstream, "acme")
    eventually(lambda: count(jetstream, "acme") == 1, "its own stream has it")


def test_an_event_that_is_too_large_is_buried_with_the_reason(
    outbox: Outbox, jetstream: JetStream, relay: Relay
) -> None:
    make_stream(jetstream, "acme", max_msg_size=1000)
    rows = [Row("acme", "small"), Row("acme", "large", b"x" * 5000), Row("acme", "small")]
    outbox.add(rows)
    eventually(lambda: outbox.count("published") == 2, "the small ones are published")
    eventually(lambda: outbox.count("dead") == 1, "the large one is dead")
    found = outbox.postgres.query(
        "SELECT event_type, reason, last_error, attempts FROM outbox_dead"
    )
    assert found[0][:2] == ("large", "too-large")
    assert "10054" in found[0][2]
    assert found[0][3] == 1
    assert relay.metrics()['bulkhead_outbox_dead_total{reason="too-large"}'] == 1


def test_a_refusal_that_nobody_knows_is_retried_and_then_buried(
    outbox: Outbox, jetstream: JetStream, new_relay: Callable[..., Relay]
) -> None:
    """A counter stream refuses events that count nothing, with a code that the relay has no rule
    for."""
    make_stream(jetstream, "acme", allow_msg_counter=True)
    new_relay("--max-attempts=4").start()
    outbox.add([Row("acme", "order", b"")])
    retrying = "SELECT attempts, last_error, next_attempt_at > now() FROM outbox"
    eventually(lambda: outbox.postgres.query(retrying)[0][0] >= 2, "it is retried")
    eventually(lambda: outbox.count("dead") == 1, "it is dead", 20)
    found = outbox.postgres.query("SELECT reason, attempts, status FROM outbox_dead")
    assert found == [("unknown", 4, "dead")]


def test_delete_leaves_no_row(
    outbox: Outbox, jetstream: JetStream, new_relay: Callable[..., Relay]
) -> None:
    make_stream(jetstream, "acme")
    new_relay("--on-published=delete").start()
    outbox.add([Row("acme", "order")] * 1000)
    eventually(lambda: count(jetstream, "acme") == 1000, "all are published")
    eventually(lambda: outbox.postgres.query("SELECT count(*) FROM outbox") == [(0,)], "all gone")


def test_published_rows_go_after_they_were_kept(
    outbox: Outbox, jetstream: JetStream, new_relay: Callable[..., Relay]
) -> None:
    make_stream(jetstream, "acme")
    new_relay("--keep=2s").start()
    outbox.add([Row("acme", "order")] * 20 + [Row("ghost", "order")] * 20)
    eventually(lambda: outbox.count("published") == 20, "they are published")
    eventually(lambda: outbox.count("published") == 0, "they are gone", 15)
    assert outbox.count("pending") == 20
    assert count(jetstream, "acme") == 20


@pytest.mark.usefixtures("relay")
def test_a_suspended_tenants_rows_are_kept_until_it_is_released(
    outbox: Outbox, jetstream: JetStream
) -> None:
    make_stream(jetstream, "acme", metadata=relay_settings(hold="true"))
    make_stream(jetstream, "other")
    outbox.add([Row("acme", "order"), Row("other", "order")] * 50)
    eventually(lambda: outbox.count("published", "other") == 50, "other's rows are published")
    time.sleep(1)
    assert outbox.count("pending", "acme") == 50
    jetstream.update_stream("TENANT_ACME", metadata={})
    eventually(lambda: outbox.count("published", "acme") == 50, "acme's rows flow", 2)
    jetstream.update_stream("TENANT_ACME", metadata=relay_settings(hold="true"))
    time.sleep(1)
    outbox.add([Row("acme", "order")] * 50)
    time.sleep(1)
    assert outbox.count("pending", "acme") == 50


def test_a_rate_is_kept_by_all_replicas_together(
    outbox: Outbox, jetstream: JetStream, new_relay: Callable[..., Relay]
) -> None:
    limits = relay_settings(events_per_second="50", burst="20")
    make_stream(jetstream, "slow", metadata=limits)
    make_stream(jetstream, "fast")
    relays = [new_relay(), new_relay()]
    for one in relays:
        one.start()
    outbox.add([Row("slow", "order"), Row("fast", "order")] * 400)
    eventually(lambda: count(jetstream, "slow") > 0, "the first are published")
    begin = time.monotonic()
    eventually(lambda: count(jetstream, "fast") == 400, "the other is not held up", 3)
    time.sleep(max(0.0, begin + 3 - time.monotonic()))
    expected = 20 + 50 * (time.monotonic() - begin)
    assert 0.6 * expected < count(jetstream, "slow") < 1.4 * expected + 20


@pytest.mark.parametrize("flags", [["--on-published=mark"], ["--on-published=delete"]])
def test_the_order_of_a_key_is_kept_over_failures(
    outbox: Outbox, jetstream: JetStream, new_relay: Callable[..., Relay], flags: list[str]
) -> None:
    """A full stream refuses rows in the middle again and again, two replicas try them again."""
    ordered = relay_settings(ordering="Key")
    make_stream(jetstream, "acme", max_msgs=100, discard="new", metadata=ordered)
    relays = [new_relay(*flags), new_relay(*flags)]
    for one in relays:
        one.start()
    rows = [Row("acme", "order", json.dumps(i).encode(), f"k{i % 7}") for i in range(1000)]
    outbox.add(rows)
    for room in range(200, 1201, 100):
        eventually(lambda room=room: count(jetstream, "acme") == min(room - 100, 1000), "full")  # type: ignore[misc]
        jetstream.update_stream("TENANT_ACME", max_msgs=room)
    eventually(lambda: count(jetstream, "acme") == 1000, "all are published", 30)
    numbers = [int(event.data) for event in events(jetstream, "acme")]
    assert sorted(numbers) == list(range(1000))
    for key in range(7):
        of_key = [n for n in numbers if n % 7 == key]
        assert of_key == sorted(of_key)


@pytest.mark.usefixtures("relay")
def test_a_quiet_tenant_does_not_wait_for_anothers_backlog(
    outbox: Outbox, jetstream: JetStream
) -> None:
    make_stream(jetstream, "loud")
    make_stream(jetstream, "quiet")
    outbox.postgres.query(
        "INSERT INTO outbox (tenant_id, event_type, payload)"
        " SELECT 'loud', 'order', '{}' FROM generate_series(1, 60000)"
    )
    waits: list[float] = []
    for _ in range(10):
        begin = time.monotonic()
        outbox.add([Row("quiet", "order")])
        before = len(waits) + 1
        eventually(lambda before=before: count(jetstream, "quiet") == before, "published", 5)  # type: ignore[misc]
        waits.append(time.monotonic() - begin)
    assert outbox.count("pending", "loud") > 0, "the backlog was gone before the test was over"
    assert sorted(waits)[5] < 0.5
    assert stream_name("quiet") in jetstream.streams()
