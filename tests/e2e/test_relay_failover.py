"""The relay when the primary changes: a standby takes over, or a server takes no more writes."""

import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from support.bulkhead import Relay, migrate
from support.jetstream import JetStream
from support.nats_server import NatsServer
from support.outbox import Outbox, Row
from support.postgres import Postgres, Standby
from support.tenant_streams import count, events, make_stream
from support.waiting import eventually

TENANTS = [f"t{number}" for number in range(5)]


class Feeder:
    """Commits numbered rows on the server that takes writes; notes those whose COMMIT came back."""

    def __init__(self, url: str) -> None:
        self.url = f"{url}?target_session_attrs=read-write&connect_timeout=2"
        self.committed: list[int] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Feeder":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        while not self._end.is_set():
            try:
                with psycopg.connect(self.url) as connection:
                    while not self._end.wait(0.002):
                        number += 1
                        self._commit(connection, number)
            except psycopg.Error:
                self._end.wait(0.05)

    def _commit(self, connection: "psycopg.Connection[tuple[object, ...]]", number: int) -> None:
        tenant = TENANTS[number % len(TENANTS)]
        connection.execute("SELECT outbox_publish(%s, 'order', %s)", [tenant, str(number)])
        connection.commit()
        self.committed.append(number)


@pytest.fixture
def standby(folder: Path, postgres: Postgres) -> Iterator[Standby]:
    """Follows `postgres`, which confirms no COMMIT that it has not got."""
    with Standby(folder / "standby", postgres) as server:
        postgres.query("ALTER SYSTEM SET synchronous_standby_names = '*'")
        postgres.query("SELECT pg_reload_conf()")
        yield server


def test_a_promoted_standby_is_found_and_nothing_is_lost(
    folder: Path, postgres: Postgres, nats: NatsServer, jetstream: JetStream, standby: Standby
) -> None:
    migrate(postgres.url)
    for tenant in TENANTS:
        make_stream(jetstream, tenant)
    both = f"postgresql://postgres@127.0.0.1:{postgres.port},127.0.0.1:{standby.port}/postgres"

    def stored() -> int:
        return sum(count(jetstream, tenant) for tenant in TENANTS)

    with Relay(folder / "relay", both, nats.url, ["--batch=20"]) as relay, Feeder(both) as feeder:
        eventually(lambda: stored() > 200, "rows flow")
        postgres.stop_immediate()
        before = len(feeder.committed)
        standby.promote()
        eventually(lambda: len(feeder.committed) > before + 200, "rows are written again", 20)
        eventually(relay.ready, "the relay found the new primary", 20)
    with Relay(folder / "last", both, nats.url):
        pending = "SELECT count(*) FROM outbox WHERE status = 'pending'"
        eventually(lambda: standby.query(pending) == [(0,)], "all are published", 20)
    found = [int(event.data) for tenant in TENANTS for event in events(jetstream, tenant)]
    assert set(feeder.committed) <= set(found)
    assert len(found) == len(set(found))
    assert "cannot work on the outbox; trying on" in relay.log.read_text()


def test_a_server_that_turned_read_only_is_left_and_tried_again(
    folder: Path, outbox: Outbox, nats: NatsServer, jetstream: JetStream
) -> None:
    make_stream(jetstream, "t0")
    read_only = "ALTER SYSTEM SET default_transaction_read_only = on"
    with Relay(folder / "relay", outbox.postgres.url, nats.url) as relay:
        outbox.add([Row("t0", "order")])
        eventually(lambda: outbox.count("published") == 1, "one is published")
        outbox.postgres.query(read_only)
        outbox.postgres.query("SELECT pg_reload_conf()")
        with outbox.postgres.connect() as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute("SELECT outbox_publish('t0', 'order', '{}'::text)")
            eventually(lambda: "(25006)" in relay.log.read_text(), "it may not lock the row")
            eventually(lambda: "session is read-only" in relay.tail(), "it finds no server")
            with pytest.raises(OSError, match="503"):
                relay.page("readyz")
            connection.execute("ALTER SYSTEM RESET default_transaction_read_only")
            connection.execute("SELECT pg_reload_conf()")
        eventually(lambda: outbox.count("published") == 2, "the next one is published", 20)
