"""What the relay reports of its outbox, to whoever listens and to the status of the Tenants."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path

from support.bulkhead import Controller, Relay
from support.jetstream import JetStream
from support.kubectl import Kubectl
from support.manifests import tenant
from support.nats_server import NatsServer
from support.outbox import Outbox, Row
from support.postgres import Postgres
from support.report_listener import ReportListener, rows_of
from support.tenant_streams import make_stream
from support.waiting import eventually

OFTEN = "--report-interval=200ms"
PAGE = 500


def column(kubectl: Kubectl, name: str) -> str:
    """What `kubectl get tenants` shows under OUTBOX."""
    head, row = kubectl.run("get", "tenants", name).splitlines()
    at = head.index("OUTBOX")
    return row[at:].split("  ")[0].strip() if row[at : at + 1].strip() else ""


def test_the_outbox_column_follows_the_rows(
    new_controller: Callable[..., Controller],
    new_relay: Callable[..., Relay],
    kubectl: Kubectl,
    outbox: Outbox,
) -> None:
    new_controller("--status-interval=500ms").start()
    kubectl.apply(tenant("acme", mode="Suspend"), tenant("globex"))
    kubectl.wait("tenant", "globex")
    assert column(kubectl, "acme") == ""
    relay = new_relay(OFTEN).start()
    eventually(lambda: column(kubectl, "globex") == "0", "a tenant without rows has 0")
    outbox.add([Row("acme", "order")] * 7 + [Row("globex", "order")] * 3)
    eventually(lambda: column(kubectl, "acme") == "7", "the rows that are held back are shown")
    eventually(lambda: outbox.count("published", "globex") == 3, "the others are published")
    assert column(kubectl, "globex") == "0"
    outbox.postgres.query("UPDATE outbox SET created_at = now() - interval '90s'")
    eventually(
        lambda: kubectl.get("tenant", "acme")["status"]["outbox"]["oldestPendingSeconds"] >= 90,
        "the age of the oldest is shown",
    )
    outbox.postgres.query(
        "INSERT INTO outbox_dead (reason, tenant_id) VALUES ('malformed', 'acme'), ('x', 'acme')"
    )
    eventually(
        lambda: kubectl.get("tenant", "acme")["status"]["outbox"]["dead"] == 2,
        "the dead rows are shown",
    )
    kubectl.apply(tenant("acme", mode="Enforce"))
    eventually(lambda: column(kubectl, "acme") == "0", "it falls back to 0")
    assert outbox.count("published", "acme") == 7
    relay.kill()
    eventually(lambda: column(kubectl, "acme") == "", "a relay that is dead says nothing")
    relay.start()
    eventually(lambda: column(kubectl, "acme") == "0", "the next one does")


def test_a_large_fleet_is_told_in_several_messages_without_a_gap(
    outbox: Outbox, jetstream: JetStream, new_relay: Callable[..., Relay]
) -> None:
    """Rows of what is no tenant lie between them, and more of those than a page has."""
    outbox.postgres.query("ALTER TABLE outbox DROP CONSTRAINT outbox_tenant_id")
    outbox.postgres.query(
        "INSERT INTO outbox (tenant_id, event_type, payload)"
        " SELECT 't' || lpad(i::text, 4, '0'), 'order', '' FROM generate_series(1, 1203) i"
    )
    # As dead rows: those in the outbox itself are buried while we look.
    outbox.postgres.query(
        "INSERT INTO outbox_dead (tenant_id, reason)"
        " SELECT 'NO TENANT''S ' || i, 'malformed' FROM generate_series(1, 700) i"
    )
    outbox.postgres.query("INSERT INTO outbox_dead (reason) VALUES ('malformed')")
    listener = ReportListener(jetstream)
    relay = new_relay(OFTEN).start()
    messages = eventually(listener.first_pass, "all are told", 20)
    assert len(messages) >= 3
    for before, message in itertools.pairwise(messages):
        assert message["after"] == before["through"] != ""
    names = [row["id"] for message in messages for row in message["tenants"]]
    assert names == [f"t{i:04}" for i in range(1, 1204)]
    assert all(row["pending"] == 1 for message in messages for row in message["tenants"])
    assert max(len(message["tenants"]) for message in messages) <= PAGE
    assert max(listener.sizes) < 100_000
    gauges = [name for name in relay.metrics() if name.startswith("bulkhead_outbox_pending{")]
    assert len(gauges) == 1000, "gauges are bounded"


def test_replicas_of_one_outbox_say_the_same(
    outbox: Outbox, jetstream: JetStream, new_relay: Callable[..., Relay]
) -> None:
    outbox.add([Row("ghost", "order")] * 5)
    listener = ReportListener(jetstream)
    relays = [new_relay(OFTEN, "--workers=1").start() for _ in range(2)]
    eventually(lambda: len(listener.reports) >= 10, "both report")
    relays[0].stop()
    seen = len(listener.reports)
    eventually(lambda: len(listener.reports) >= seen + 3, "one goes on")
    assert len({report["database"] for report in listener.reports}) == 1
    numbers = {
        json.dumps(
            {k: v for k, v in (rows_of(r, "ghost") or {}).items() if k != "oldestPendingSeconds"}
        )
        for r in listener.reports
    }
    assert numbers == {'{"pending": 5, "dead": 0}'}
    assert all(report["intervalMs"] >= 200 for report in listener.reports)


def test_the_rows_of_an_adopted_table_are_told_in_whatever_order_it_sorts(
    postgres: Postgres, jetstream: JetStream, nats: NatsServer, folder: Path
) -> None:
    """A collation that passes over hyphens, and more tenants than a message holds."""
    postgres.query(
        "CREATE COLLATION tongue (provider = icu, locale = 'en-u-ka-shifted');"
        "CREATE TABLE events (seq bigserial PRIMARY KEY, t text COLLATE tongue NOT NULL,"
        " kind text NOT NULL, payload text)"
    )
    postgres.query(
        "INSERT INTO events (t, kind, payload)"
        " SELECT 'a' || CASE WHEN mod(i, 2) = 0 THEN '-' ELSE '' END || i, 'order', ''"
        " FROM generate_series(1, 700) i"
    )
    flags = [
        "--table=events",
        "--column-id=seq",
        "--column-tenant-id=t",
        "--column-event-type=kind",
    ]
    done = Relay.run("migrate", *flags, BULKHEAD_DATABASE_URL=postgres.url)
    assert done.returncode == 0, done.stderr
    listener = ReportListener(jetstream)
    with Relay(folder / "relay", postgres.url, nats.url, [*flags, OFTEN]):
        messages = eventually(listener.first_pass, "all", 20)
    assert len(messages) == 2
    names = [row["id"] for message in messages for row in message["tenants"]]
    assert names == sorted(f"a{'-' if i % 2 == 0 else ''}{i}" for i in range(1, 701))


def test_two_outboxes_have_names_of_their_own(
    outbox: Outbox, jetstream: JetStream, new_relay: Callable[..., Relay]
) -> None:
    """In one database: the second is in another schema."""
    listener = ReportListener(jetstream)
    outbox.postgres.query("CREATE SCHEMA billing")
    billing = f"{outbox.postgres.url}?options=-c%20search_path%3Dbilling"
    assert Relay.run("migrate", BULKHEAD_DATABASE_URL=billing).returncode == 0
    shop = new_relay(OFTEN).start()
    eventually(lambda: listener.reports, "the first reports")
    shop.stop()
    other = new_relay(OFTEN)
    other.settings["BULKHEAD_DATABASE_URL"] = billing
    other.start()
    eventually(lambda: len({r["database"] for r in listener.reports}) == 2, "the second, too")
    assert all(report["database"].startswith("postgres/") for report in listener.reports)


def test_reports_go_on_when_nats_is_back(
    outbox: Outbox, jetstream: JetStream, nats: NatsServer, new_relay: Callable[..., Relay]
) -> None:
    make_stream(jetstream, "acme")
    listener = ReportListener(jetstream)
    new_relay(OFTEN).start()
    eventually(lambda: listener.reports, "it reports")
    nats.stop()
    outbox.add([Row("ghost", "order")] * 4)
    nats.start()
    eventually(lambda: jetstream.client.is_connected, "we are back, too")
    eventually(
        lambda: (rows_of(listener.reports[-1], "ghost") or {}).get("pending") == 4,
        "it tells what came meanwhile",
    )


def test_reports_go_on_when_postgresql_is_back(
    outbox: Outbox, jetstream: JetStream, new_relay: Callable[..., Relay]
) -> None:
    listener = ReportListener(jetstream)
    new_relay(OFTEN).start()
    eventually(lambda: listener.reports, "it reports")
    outbox.postgres.restart()
    outbox.add([Row("ghost", "order")] * 4)
    eventually(
        lambda: (rows_of(listener.reports[-1], "ghost") or {}).get("pending") == 4,
        "it tells what is there now",
        20,
    )


def test_an_interval_that_is_none_is_refused() -> None:
    done = Relay.run("--report-interval=1ms")
    assert done.returncode == 2
    assert "--report-interval: '1ms' is not from 100ms to 1h" in done.stderr
