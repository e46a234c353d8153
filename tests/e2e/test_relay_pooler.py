"""The relay behind PgBouncer in transaction mode: each transaction may get another session."""

from pathlib import Path
from typing import LiteralString

import pytest

from support.bulkhead import Relay, migrate
from support.jetstream import JetStream
from support.nats_server import NatsServer
from support.outbox import Outbox, Row
from support.pgbouncer import PgBouncer
from support.postgres import Postgres
from support.tenant_streams import count, events, ids, make_stream, relay_settings
from support.waiting import eventually

SESSIONS: LiteralString = (
    "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
    " AND pid <> pg_backend_pid()"
)


@pytest.mark.parametrize("settings", [(), ("ignore_startup_parameters = options",)])
def test_it_works_with_fewer_sessions_than_workers(
    folder: Path,
    postgres: Postgres,
    nats: NatsServer,
    jetstream: JetStream,
    settings: tuple[str, ...],
) -> None:
    tenants = [f"t{number}" for number in range(6)]
    for tenant in tenants:
        make_stream(jetstream, tenant, metadata=relay_settings(ordering="Key"))
    with PgBouncer(folder / "pgbouncer", postgres, 2, *settings) as pooler:
        migrate(pooler.url)
        outbox = Outbox(postgres)
        outbox.add(Row(t, "order", b"%d" % n, "key") for n in range(500) for t in tenants)
        with Relay(folder / "relay", pooler.url, nats.url, ["--workers=4", "--batch=50"]) as relay:
            eventually(lambda: outbox.count("published") == 3000, "all are published", 30)
            outbox.add([Row("t0", "order", b"x" * 2_000), Row("ghost", "order")])
            eventually(lambda: outbox.count("published") == 3001, "the next one, too")
            note: LiteralString = "SELECT last_error FROM outbox WHERE tenant_id = 'ghost'"
            eventually(lambda: postgres.query(note)[0][0], "why one waits is written down")
            assert postgres.query(SESSIONS)[0][0] <= 2
            assert "trying on" not in relay.tail()
    for tenant in tenants:
        keyed = [event for event in events(jetstream, tenant) if len(event.data) < 2_000]
        assert [event.data for event in keyed] == [b"%d" % n for n in range(500)]
        assert len(set(ids(keyed))) == 500


def test_rows_of_every_kind_go_their_way(
    folder: Path, postgres: Postgres, nats: NatsServer, jetstream: JetStream
) -> None:
    limited = relay_settings(events_per_second="1000", burst="1000")
    make_stream(jetstream, "acme", max_msg_size=40_000, metadata=limited)
    with PgBouncer(folder / "pgbouncer", postgres, 1) as pooler:
        migrate(pooler.url)
        outbox = Outbox(postgres)
        with Relay(folder / "relay", pooler.url, nats.url, ["--on-published=delete"]):
            outbox.add([Row("acme", "order", b"x" * 20_000), Row("acme", "order", b"x" * 50_000)])
            eventually(lambda: count(jetstream, "acme") == 1, "one is stored")
            eventually(lambda: outbox.count("dead") == 1, "the other is dead")
            assert outbox.count("pending") == 0


def test_a_pooler_that_starts_again_is_found_again(
    folder: Path, postgres: Postgres, nats: NatsServer, jetstream: JetStream
) -> None:
    make_stream(jetstream, "acme")
    with PgBouncer(folder / "pgbouncer", postgres, 2) as pooler:
        migrate(pooler.url)
        outbox = Outbox(postgres)
        with Relay(folder / "relay", pooler.url, nats.url) as relay:
            outbox.add([Row("acme", "order")] * 100)
            pooler.kill()
            outbox.add([Row("acme", "order")] * 100)
            pooler.start()
            eventually(lambda: outbox.count("published") == 200, "all are published", 20)
            eventually(relay.ready, "it is ready again", 20)
