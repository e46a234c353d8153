"""Several databases, each with relays of its own, into one JetStream."""

from functools import partial
from pathlib import Path

from support.bulkhead import Relay, migrate
from support.jetstream import JetStream
from support.nats_server import NatsServer
from support.outbox import Outbox, Row
from support.postgres import Postgres
from support.tenant_streams import count, events, ids, make_stream
from support.waiting import eventually


class Database(Postgres):
    """One more database of a server that runs."""

    def __init__(self, server: Postgres, name: str) -> None:
        server.query(f"CREATE DATABASE {name}")
        self.url = server.url.removesuffix("postgres") + name


def is_drained(outbox: Outbox) -> bool:
    return outbox.count("published") == 1000


def test_two_databases_share_the_streams_of_their_tenants(
    folder: Path, postgres: Postgres, nats: NatsServer, jetstream: JetStream
) -> None:
    shop, billing = Database(postgres, "shop"), Database(postgres, "billing")
    for tenant in ["acme", "globex"]:
        make_stream(jetstream, tenant)
    outboxes = []
    for database in [shop, billing]:
        migrate(database.url)
        outboxes.append(Outbox(database))
    for outbox in outboxes:
        outbox.add(Row(tenant, "order") for _ in range(500) for tenant in ["acme", "globex"])
    first = Relay(folder / "shop", shop.url, nats.url)
    second = Relay(folder / "billing", billing.url, nats.url)
    with first, second:
        for outbox in outboxes:
            eventually(partial(is_drained, outbox), "all are published", 20)
        names = {found.get("name", "") for found in nats.monitor("connz")["connections"]}
        assert len({name for name in names if name.startswith("bulkhead-relay")}) == 2
    for tenant in ["acme", "globex"]:
        assert count(jetstream, tenant) == 1000
        wanted = {i for outbox in outboxes for i in outbox.message_ids(tenant)}
        assert set(ids(events(jetstream, tenant))) == wanted
