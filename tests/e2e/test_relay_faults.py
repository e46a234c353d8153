"""Nothing is lost, doubled or misplaced, whatever is killed, stopped or restarted."""

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest

from support.bulkhead import Relay
from support.jetstream import JetStream
from support.nats_server import NatsServer
from support.outbox import Outbox, Row
from support.postgres import Postgres
from support.tenant_streams import count, events, ids, make_stream
from support.waiting import eventually

TENANTS = [f"t{i}" for i in range(20)]
LOCKS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
BOTH_WAYS = pytest.mark.parametrize("flags", [["--on-published=mark"], ["--on-published=delete"]])


class Journal:
    """What was committed, as only a client knows it: written down after COMMIT returned."""

    def __init__(self, outbox: Outbox) -> None:
        self.outbox = outbox
        self.committed: dict[str, str] = {}
        self.unknown: dict[str, str] = {}

    def commit(self, tenant: str, rows: int) -> None:
        written: dict[str, str] = {}
        try:
            with self.outbox.postgres.connect() as connection, connection.transaction():
                for _ in range(rows):
                    cursor = connection.execute(
                        "SELECT outbox_publish(%s, 'order', '{}')::text", [tenant]
                    )
                    found = cursor.fetchone()
                    assert found is not None
                    written[found[0]] = tenant
        except psycopg.Error:
            self.unknown |= written
            return
        self.committed |= written

    @contextmanager
    def feeding(self, pause: float = 0.002) -> Iterator[None]:
        """Commits rows for all tenants in turn until the block ends."""
        end = threading.Event()

        def feed() -> None:
            turn = 0
            while not end.is_set():
                self.commit(TENANTS[turn % len(TENANTS)], 5)
                turn += 1
                end.wait(pause)

        feeder = threading.Thread(target=feed)
        feeder.start()
        try:
            yield
        finally:
            end.set()
            feeder.join()

    def check(self, jetstream: JetStream) -> None:
        """Each committed row is exactly once in its tenant's stream, and nothing else is."""
        stored: Counter[tuple[str, str]] = Counter()
        for tenant in TENANTS:
            for message in events(jetstream, tenant):
                assert message.subject == f"tenant.{tenant}.events.order"
                stored[message.headers["Nats-Msg-Id"], tenant] += 1
        lost = self.committed.items() - stored.keys()
        phantoms = stored.keys() - self.committed.items() - self.unknown.items()
        assert (len(lost), len(phantoms)) == (0, 0)
        assert max(stored.values()) == 1


@pytest.fixture
def journal(outbox: Outbox, jetstream: JetStream) -> Journal:
    for tenant in TENANTS:
        make_stream(jetstream, tenant)
    return Journal(outbox)


def drained(outbox: Outbox) -> bool:
    return outbox.count("pending") == 0


@BOTH_WAYS
def test_ten_thousand_rows_by_two_replicas_one_killed_in_the_middle(
    outbox: Outbox, jetstream: JetStream, new_relay: Callable[..., Relay], flags: list[str]
) -> None:
    for tenant in TENANTS:
        make_stream(jetstream, tenant)
    outbox.postgres.query(
        "INSERT INTO outbox (tenant_id, event_type, payload)"
        " SELECT 't' || mod(i, 20), 'order', '{}' FROM generate_series(1, 10000) i"
    )
    rows = {tenant: outbox.message_ids(tenant) for tenant in TENANTS}
    relays = [new_relay("--batch=200", *flags), new_relay("--batch=200", *flags)]
    for relay in relays:
        relay.start(wait=False)
    eventually(lambda: sum(count(jetstream, t) for t in TENANTS) > 1000, "some are published")
    relays[0].kill()
    assert sum(count(jetstream, t) for t in TENANTS) < 10000, "all was over before the kill"
    eventually(lambda: drained(outbox), "all are published", 60)
    for tenant in TENANTS:
        found = events(jetstream, tenant)
        assert len(found) == 500
        assert set(ids(found)) == rows[tenant]


def test_relays_killed_again_and_again(
    journal: Journal, outbox: Outbox, jetstream: JetStream, new_relay: Callable[..., Relay]
) -> None:
    relays = [new_relay(), new_relay()]
    for relay in relays:
        relay.start()
    with journal.feeding():
        for turn in range(10):
            time.sleep(0.2)
            relays[turn % 2].kill()
            relays[turn % 2].start(wait=False)
    eventually(lambda: drained(outbox), "all are published", 60)
    journal.check(jetstream)


def test_nats_restarted_under_load(
    journal: Journal, outbox: Outbox, jetstream: JetStream, nats: NatsServer, relay: Relay
) -> None:
    with journal.feeding():
        for way in [nats.stop, nats.kill, nats.kill]:
            time.sleep(0.7)
            way()
            time.sleep(0.3)
            nats.start()
    eventually(lambda: drained(outbox), "all are published", 60)
    journal.check(jetstream)
    eventually(lambda: relay.page("readyz"), "it is ready")


def test_postgres_restarted_under_load(
    journal: Journal, outbox: Outbox, jetstream: JetStream, postgres: Postgres, relay: Relay
) -> None:
    with journal.feeding():
        for way in [postgres.stop, postgres.stop_immediate, postgres.stop_immediate]:
            time.sleep(0.7)
            way()
            postgres.start()
    eventually(lambda: drained(outbox), "all are published", 60)
    journal.check(jetstream)
    eventually(lambda: relay.page("readyz"), "it is ready")


def test_connections_to_postgres_cut_under_load(
    journal: Journal, outbox: Outbox, jetstream: JetStream, new_relay: Callable[..., Relay]
) -> None:
    for relay in [new_relay(), new_relay()]:
        relay.start()
    with journal.feeding():
        for _ in range(15):
            time.sleep(0.1)
            outbox.postgres.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'bulkhead-relay' ORDER BY random() LIMIT 1"
            )
    eventually(lambda: drained(outbox), "all are published", 60)
    journal.check(jetstream)


def test_a_relay_frozen_beyond_every_deadline(
    journal: Journal, outbox: Outbox, jetstream: JetStream, new_relay: Callable[..., Relay]
) -> None:
    """Its locks go when PostgreSQL ends its transaction; what it does when it wakes is harmless."""
    relays = [new_relay("--batch=100"), new_relay("--batch=100")]
    for relay in relays:
        relay.start()
    with journal.feeding():
        time.sleep(0.5)
        relays[0].freeze()
        time.sleep(12)
        relays[0].thaw()
        time.sleep(1)
    eventually(lambda: drained(outbox), "all are published", 60)
    journal.check(jetstream)


def test_a_stopped_relay_ends_at_once_and_leaves_nothing_half_done(
    journal: Journal, outbox: Outbox, jetstream: JetStream, new_relay: Callable[..., Relay]
) -> None:
    relay = new_relay()
    with journal.feeding():
        for _ in range(3):
            relay.start()
            time.sleep(0.5)
            begin = time.monotonic()
            assert relay.stop() == 0
            assert time.monotonic() - begin < 2
            eventually(lambda: outbox.postgres.query(LOCKS) == [(0,)], "no lock is left")
    relay.start()
    eventually(lambda: drained(outbox), "all are published", 60)
    journal.check(jetstream)


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
