"""The relay with no more rights than docs/relay.md asks for, and with fewer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.bulkhead import Relay
from support.jetstream import JetStream
from support.nats_server import NatsServer
from support.outbox import Outbox, Row
from support.report_listener import ReportListener
from support.tenant_streams import count, events, make_stream, relay_settings
from support.waiting import eventually

USERS = """
accounts {
  APP {
    jetstream: enabled
    users: [
      { user: admin, password: admin }
      { user: relay, password: relay, permissions: {
          publish: ["tenant.*.events.>", "$JS.API.STREAM.INFO.*", "bulkhead.relay.report.*"]
          subscribe: ["_RELAY.>", "$JS.EVENT.ADVISORY.STREAM.>"] } }
      { user: deaf, password: deaf, permissions: {
          publish: ["tenant.*.events.>", "$JS.API.STREAM.INFO.*"]
          subscribe: { allow: ["_DEAF.>"], deny: ["_DEAF.*.s.>"] } } }
      { user: least, password: least, permissions: {
          publish: ["tenant.acme.events.>", "tenant.ghost.events.>"]
          subscribe: ["_INBOX.>"] } }
    ]
  }
}
"""
GRANTS = [
    "CREATE ROLE relay LOGIN",
    "GRANT SELECT, UPDATE, DELETE ON outbox TO relay",
    "GRANT SELECT, INSERT ON outbox_dead TO relay",
    "GRANT SELECT, INSERT, UPDATE ON outbox_lane TO relay",
    "GRANT SELECT ON bulkhead_outbox_schema TO relay",
    "CREATE ROLE application LOGIN",
    "GRANT INSERT ON outbox TO application",
]


@pytest.fixture
def nats(folder: Path) -> Iterator[NatsServer]:
    with NatsServer(folder / "nats", USERS) as server:
        yield server


@pytest.fixture
def jetstream(nats: NatsServer) -> Iterator[JetStream]:
    with JetStream(nats.url.replace("//", "//admin:admin@")) as client:
        yield client


def database(outbox: Outbox, role: str) -> str:
    return outbox.postgres.url.replace("postgres@", f"{role}@")


def grant(outbox: Outbox) -> None:
    for statement in GRANTS:
        outbox.postgres.query(statement)


def test_the_documented_rights_are_enough(
    folder: Path, outbox: Outbox, nats: NatsServer, jetstream: JetStream
) -> None:
    grant(outbox)
    make_stream(jetstream, "acme", max_msg_size=100)
    listener = ReportListener(jetstream)
    url = nats.url.replace("//", "//relay:relay@")
    flags = ["--nats-inbox=_RELAY", "--report-interval=200ms"]
    with Relay(folder / "relay", database(outbox, "relay"), url, flags) as relay:
        outbox.postgres.query("SET ROLE application; SELECT outbox_publish('acme', 'order', '{}')")
        outbox.add([Row("acme", "large", b"x" * 200), Row("ghost", "order")])
        eventually(lambda: outbox.count("published") == 1, "one is published")
        eventually(lambda: outbox.count("dead") == 1, "one is dead")
        make_stream(jetstream, "ghost")
        eventually(lambda: count(jetstream, "ghost") == 1, "the advisory woke it", 1.0)
        eventually(lambda: listener.reports, "it reports")
        assert "the controller may not hear" not in relay.log.read_text()


def test_a_user_who_may_only_publish_is_enough(
    folder: Path, outbox: Outbox, nats: NatsServer, jetstream: JetStream
) -> None:
    make_stream(jetstream, "acme")
    make_stream(jetstream, "other")
    url = nats.url.replace("//", "//least:least@")
    flags = ["--report-interval=200ms"]
    with Relay(folder / "relay", outbox.postgres.url, url, flags) as relay:
        outbox.add([Row("acme", "order")] * 100 + [Row("ghost", "order"), Row("other", "order")])
        eventually(lambda: outbox.count("published", "acme") == 100, "acme's are published")
        make_stream(jetstream, "ghost")
        eventually(lambda: outbox.count("published", "ghost") == 1, "the pause ends by itself", 15)
        eventually(lambda: "Permissions Violation" in relay.tail(), "it says what it may not", 15)
        assert outbox.count("pending", "other") == 1
        assert events(jetstream, "other") == []
        needs = "the relay's NATS user needs to publish bulkhead.relay.report.*"
        assert relay.log.read_text().count(needs) == 1


def test_nothing_is_sent_before_the_first_answer_about_the_stream(
    folder: Path, outbox: Outbox, nats: NatsServer, jetstream: JetStream
) -> None:
    """The server keeps the answers from this user; it is as silent while a stream has no leader. So
    nobody knows whether the keys have an order, or the tenant is suspended."""
    make_stream(jetstream, "acme", metadata=relay_settings(hold="true"))
    outbox.add([Row("acme", "order")])
    said = "SELECT coalesce(last_error, '') FROM outbox"
    url = nats.url.replace("//", "//deaf:deaf@")
    with Relay(folder / "relay", outbox.postgres.url, url, ["--nats-inbox=_DEAF"]) as relay:
        reason = "JetStream says nothing about TENANT_ACME"
        eventually(lambda: reason in outbox.postgres.query(said)[0][0], "it says so", 20)
        assert reason in relay.tail()
        assert events(jetstream, "acme") == []
    url = nats.url.replace("//", "//admin:admin@")
    with Relay(folder / "other", outbox.postgres.url, url):
        jetstream.update_stream("TENANT_ACME", metadata={})
        eventually(lambda: count(jetstream, "acme") == 1, "another relay publishes it")


def test_a_missing_right_is_named(folder: Path, outbox: Outbox, nats: NatsServer) -> None:
    grant(outbox)
    outbox.postgres.query("REVOKE INSERT ON outbox_dead FROM relay")
    url = nats.url.replace("//", "//relay:relay@")
    relay = Relay(folder / "relay", database(outbox, "relay"), url).start(wait=False)
    try:
        sentence = "the relay's role lacks the right to INSERT on outbox_dead: GRANT it"
        eventually(lambda: sentence in relay.tail(), "it says so")
    finally:
        relay.stop()


HIDING = [
    "ALTER TABLE outbox ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY own ON outbox USING (tenant_id = current_setting('shop.tenant', true))",
]


@pytest.mark.parametrize(
    "cure", ["ALTER ROLE relay BYPASSRLS", "CREATE POLICY all_rows ON outbox TO relay USING (true)"]
)
def test_hidden_rows_are_found_before_they_are_missed(
    folder: Path, outbox: Outbox, nats: NatsServer, jetstream: JetStream, cure: str
) -> None:
    grant(outbox)
    make_stream(jetstream, "acme")
    outbox.add([Row("acme", "order")])
    for statement in HIDING:
        outbox.postgres.query(statement)
    url = nats.url.replace("//", "//relay:relay@")
    relay = Relay(folder / "relay", database(outbox, "relay"), url, ["--nats-inbox=_RELAY"])
    try:
        relay.start(wait=False)
        sentence = "row-level security may hide rows of outbox from role relay: ALTER ROLE ..."
        eventually(lambda: sentence in relay.tail(), "it says so")
        outbox.postgres.query(cure)
        eventually(lambda: outbox.count("published") == 1, "it goes on by itself", 15)
    finally:
        relay.stop()


def test_a_restrictive_policy_is_found_behind_one_that_shows_all(
    folder: Path, outbox: Outbox, nats: NatsServer
) -> None:
    grant(outbox)
    for statement in [*HIDING, "CREATE POLICY all_rows ON outbox TO relay USING (true)"]:
        outbox.postgres.query(statement)
    outbox.postgres.query("CREATE POLICY less ON outbox AS RESTRICTIVE TO relay USING (id > 9)")
    url = nats.url.replace("//", "//relay:relay@")
    relay = Relay(folder / "relay", database(outbox, "relay"), url).start(wait=False)
    try:
        eventually(lambda: "row-level security may hide rows" in relay.tail(), "it says so")
    finally:
        relay.stop()
