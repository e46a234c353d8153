"""Streams that take batches: rows go out together, and none is lost or misplaced."""

import pytest

from support.bulkhead import Relay
from support.jetstream import JetStream
from support.nats_server import NatsServer
from support.outbox import Outbox, Row
from support.tenant_streams import count, events, ids, make_stream
from support.waiting import eventually

ROWS = 2000


def sent_to_clients(nats: NatsServer) -> int:
    return int(nats.monitor("varz")["out_msgs"])


@pytest.mark.usefixtures("relay")
def test_many_rows_get_one_answer(outbox: Outbox, jetstream: JetStream, nats: NatsServer) -> None:
    make_stream(jetstream, "acme", allow_batched=True)
    outbox.add([Row("acme", "first")])
    eventually(lambda: outbox.count("published") == 1, "the relay knows the stream")
    before = sent_to_clients(nats)
    outbox.add(Row("acme", f"n-{number}") for number in range(ROWS))
    eventually(lambda: outbox.count("published") == ROWS + 1, "all are published", 30)
    assert sent_to_clients(nats) - before < ROWS / 10
    found = events(jetstream, "acme")
    assert [event.subject.rsplit("-", 1)[1] for event in found[1:]] == [
        str(number) for number in range(ROWS)
    ]
    assert set(ids(found)) == outbox.message_ids("acme")


@pytest.mark.usefixtures("relay")
def test_a_row_that_its_stream_does_not_take_is_buried_alone(
    outbox: Outbox, jetstream: JetStream
) -> None:
    make_stream(jetstream, "acme", allow_batched=True, max_msg_size=1000)
    outbox.add(Row("acme", "order", b"x" * (2000 if n == 50 else 10)) for n in range(100))
    eventually(lambda: outbox.count("published") == 99, "the others are published")
    eventually(lambda: outbox.count("dead") == 1, "the large one is buried")
    assert len(events(jetstream, "acme")) == len(set(ids(events(jetstream, "acme")))) == 99


@pytest.mark.usefixtures("relay")
def test_a_stream_that_fills_up_keeps_what_it_took(outbox: Outbox, jetstream: JetStream) -> None:
    make_stream(jetstream, "acme", allow_batched=True, max_msgs=30, discard="new")
    outbox.add([Row("acme", "order")] * 100)
    eventually(lambda: outbox.count("published") == 30, "the stream is full")
    assert outbox.count("dead") == 0
    jetstream.update_stream("TENANT_ACME", max_msgs=1000)
    eventually(lambda: outbox.count("published") == 100, "the rest is published")
    assert len(set(ids(events(jetstream, "acme")))) == count(jetstream, "acme") == 100


def test_a_stream_that_no_longer_takes_batches_gets_rows_one_by_one(
    outbox: Outbox, jetstream: JetStream, relay: Relay
) -> None:
    make_stream(jetstream, "acme", allow_batched=True)
    outbox.add([Row("acme", "order")] * 100)
    eventually(lambda: outbox.count("published") == 100, "the first are published")
    jetstream.update_stream("TENANT_ACME", allow_batched=False)
    outbox.add([Row("acme", "order")] * 100)
    eventually(lambda: outbox.count("published") == 200, "the others too")
    jetstream.delete_stream("TENANT_ACME")
    outbox.add([Row("acme", "order")] * 100)
    eventually(lambda: "acme" in str(paused(relay)), "the tenant waits")
    make_stream(jetstream, "acme", allow_batched=True)
    eventually(lambda: outbox.count("published") == 300, "the last ones go to the new stream")
    assert len(set(ids(events(jetstream, "acme")))) == count(jetstream, "acme") == 100


def paused(relay: Relay) -> list[str]:
    """The series of the tenants that wait."""
    name = "bulkhead_relay_lane_paused"
    return [series for series, value in relay.metrics().items() if name in series and value == 1]


def test_rows_are_neither_lost_nor_doubled_when_relays_are_killed(
    outbox: Outbox, jetstream: JetStream, relay: Relay
) -> None:
    for tenant in ("acme", "other"):
        make_stream(jetstream, tenant, allow_batched=True)
    outbox.add(Row(("acme", "other")[n % 2], "order") for n in range(20_000))
    eventually(lambda: outbox.count("pending") < 18_000, "some are published", 30)
    relay.kill()
    relay.start()
    eventually(lambda: outbox.count("pending") < 12_000, "some more are published", 30)
    relay.kill()
    relay.start()
    eventually(lambda: outbox.count("published") == 20_000, "all are published", 60)
    for tenant in ("acme", "other"):
        found = ids(events(jetstream, tenant))
        assert len(found) == len(set(found)) == 10_000
        assert set(found) == outbox.message_ids(tenant)
