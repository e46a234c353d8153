"""What the relay does when it, its servers or a stream stop. That nothing is lost by it:
test_relay_proofs.py."""

import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from proof.world import Plan, World
from support.bulkhead import Relay
from support.jetstream import JetStream
from support.nats_server import NatsServer
from support.outbox import Outbox, Row
from support.postgres import Postgres
from support.tenant_streams import count, events, ids, make_stream
from support.waiting import eventually

TENANTS = [f"t{i}" for i in range(20)]
LOCKS = (
    "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
    " WHERE locktype = 'advisory' AND application_name LIKE 'relay-%%'"
)
BOTH_WAYS = pytest.mark.parametrize("flags", [["--on-published=mark"], ["--on-published=delete"]])


def drained(outbox: Outbox) -> bool:
    return outbox.count("pending") == 0


@BOTH_WAYS
def test_ten_thousand_rows_by_two_replicas_one_killed_in_the_middle(
    outbox: Outbox, jetstream: JetStream, new_relay: Callable[..., Relay], flags: list[str]
) -> None:
    first, later = TENANTS[:10], TENANTS[10:]  # so that the kill never comes after the end
    for tenant in first:
        make_stream(jetstream, tenant)
    outbox.postgres.query(
        "INSERT INTO outbox (tenant_id, event_type, payload)"
        " SELECT 't' || mod(i, 20), 'order', '{}' FROM generate_series(1, 10000) i"
    )
    rows = {tenant: outbox.message_ids(tenant) for tenant in TENANTS}
    relays = [new_relay("--batch=200", *flags), new_relay("--batch=200", *flags)]
    for relay in relays:
        relay.start(wait=False)
    eventually(lambda: sum(count(jetstream, t) for t in first) > 1000, "some are published")
    relays[0].kill()
    for tenant in later:
        make_stream(jetstream, tenant)
    eventually(lambda: drained(outbox), "all are published", 60)
    for tenant in TENANTS:
        found = events(jetstream, tenant)
        assert len(found) == 500
        assert set(ids(found)) == rows[tenant]


def test_a_stopped_relay_ends_at_once_and_leaves_nothing_half_done(folder: Path) -> None:
    with World(folder, Plan(relays=1)) as world:
        (relay,) = world.relays
        with world.feeding():
            for _ in range(3):
                eventually(relay.ready, "it is ready")
                time.sleep(0.5)
                begin = time.monotonic()
                assert relay.stop() == 0
                assert time.monotonic() - begin < 2
                eventually(lambda: world.postgres.query(LOCKS) == [(0,)], "no lock is left")
                relay.start()
        world.settle()
        verdict = world.judge()
    assert verdict.findings.none(), verdict.findings.explain()


def test_a_relay_starts_before_its_servers(
    outbox: Outbox,
    jetstream: JetStream,
    nats: NatsServer,
    postgres: Postgres,
    new_relay: Callable[..., Relay],
) -> None:
    make_stream(jetstream, "acme")
    outbox.add([Row("acme", "order")] * 10)
    nats.stop()
    postgres.stop()
    relay = new_relay().start(wait=False)
    eventually(lambda: relay.page("livez"), "it lives")
    eventually(lambda: "refused" in relay.tail(), "it says that PostgreSQL is away")
    with pytest.raises(OSError, match="503"):
        relay.page("readyz")
    postgres.start()
    eventually(lambda: "no NATS server answers" in relay.tail(), "it says that NATS is away")
    nats.start()
    eventually(lambda: count(jetstream, "acme") == 10, "the rows are published", 15)
    eventually(lambda: relay.page("readyz"), "it is ready")


def test_a_stopped_relay_ends_while_its_servers_hang(
    outbox: Outbox, jetstream: JetStream, nats: NatsServer, postgres: Postgres, relay: Relay
) -> None:
    make_stream(jetstream, "acme")
    outbox.add([Row("acme", "order")] * 10)
    eventually(lambda: count(jetstream, "acme") == 10, "the rows are published")
    nats.freeze()
    postgres.freeze()
    try:
        time.sleep(0.5)
        assert relay.end(signal.SIGTERM) == 0
    finally:
        nats.thaw()
        postgres.thaw()


@pytest.mark.usefixtures("relay")
def test_a_stream_that_does_not_answer_delays_no_other(
    outbox: Outbox, jetstream: JetStream
) -> None:
    """A stream that sends no acknowledgements looks like one whose leader hangs."""
    make_stream(jetstream, "mute", no_ack=True)
    make_stream(jetstream, "acme")
    outbox.add([Row("mute", "order")] * 500)
    waits = []
    for turn in range(1, 31):
        begin = time.monotonic()
        outbox.add([Row("acme", "order")])
        eventually(lambda turn=turn: count(jetstream, "acme") == turn, "published", 5)  # type: ignore[misc]
        waits.append(time.monotonic() - begin)
        time.sleep(0.2)
    assert sorted(waits)[-1] < 1.0
    assert outbox.count("published", "mute") == 0
    jetstream.update_stream("TENANT_MUTE", no_ack=False)
    eventually(lambda: outbox.count("published", "mute") == 500, "its rows are marked", 20)
    assert len(set(ids(events(jetstream, "mute")))) == 500
    assert count(jetstream, "mute") == 500
