"""The relay as a program: its tables, its flags, what it says when something is wrong."""

import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from support.bulkhead import Relay, migrate
from support.jetstream import JetStream
from support.nats_server import NatsServer
from support.outbox import Outbox, Row
from support.places import binary
from support.postgres import Postgres
from support.tenant_streams import count, make_stream
from support.waiting import eventually

TABLES = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
COLUMNS = (
    "SELECT table_name::text, column_name::text, data_type::text, column_default::text"
    " FROM information_schema.columns WHERE table_schema = 'public'"
    " AND column_name <> 'applied_at' ORDER BY 1, 2"
)


def test_migrate_twice_changes_nothing(postgres: Postgres) -> None:
    migrate(postgres.url)
    before = postgres.query(COLUMNS)
    migrate(postgres.url)
    assert postgres.query(COLUMNS) == before
    tables = [row[0] for row in postgres.query(TABLES)]
    assert tables == ["bulkhead_outbox_schema", "outbox", "outbox_dead", "outbox_lane"]


def test_five_at_once_migrate_once(postgres: Postgres) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            migrate(postgres.url)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert postgres.query("SELECT array_agg(version ORDER BY version) FROM bulkhead_outbox_schema")


def test_the_printed_schema_is_what_migrate_makes(postgres: Postgres, folder: Path) -> None:
    migrate(postgres.url)
    made = postgres.query(COLUMNS)
    postgres.query("DROP SCHEMA public CASCADE")
    postgres.query("CREATE SCHEMA public")
    script = folder / "schema.sql"
    script.write_text(Relay.run("--print-schema").stdout)
    psql = ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", postgres.url, "-f", str(script)]
    subprocess.run(psql, check=True, timeout=60)
    assert postgres.query(COLUMNS) == made
    assert "up to date" in Relay.run("migrate", BULKHEAD_DATABASE_URL=postgres.url).stderr


@pytest.mark.parametrize(
    ("flags", "code", "complaint"),
    [
        (["--bogus"], 2, "unknown flag '--bogus'"),
        (["launch"], 2, "unknown command 'launch'"),
        (["--batch=0"], 2, "--batch: '0' is not a whole number from 1 to 4096"),
        (["--poll=fast"], 2, "--poll: 'fast' is not a duration"),
        (["--on-published=keep"], 2, "--on-published"),
        (["--database-url=nonsense"], 2, "--database-url: not a connection string"),
        (["--nats-url=http://x"], 2, "--nats-url: entry 1 is not an address of a NATS server"),
        (["--nats-creds=/missing"], 2, "--nats-creds: cannot read '/missing'"),
        (["--nats-ca=/etc/hostname"], 2, "OpenSSL does not accept the files"),
        (["--nats-cert=/etc/hostname"], 2, "--nats-cert and --nats-key go together"),
        (["--nats-inbox=a.*"], 2, "--nats-inbox: want a subject without wildcards"),
        (["--listen=nowhere"], 2, "--listen"),
        (["migrate", "--database-url=postgresql://127.0.0.1:1/x"], 1, "Connection refused"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(flags: list[str], code: int, complaint: str) -> None:
    done = Relay.run(*flags, BULKHEAD_LISTEN="127.0.0.1:0")
    assert done.returncode == code
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1


def test_help_names_every_flag() -> None:
    done = subprocess.run([binary("bulkhead-relay"), "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    for flag in ["--database-url", "--nats-url", "--on-published", "--keep", "--batch", "--poll"]:
        assert flag in done.stdout
    assert "migrate" in done.stdout


def test_without_tables_it_says_what_to_do(
    postgres: Postgres, nats: NatsServer, folder: Path
) -> None:
    relay = Relay(folder / "relay", postgres.url, nats.url).start(wait=False)
    try:
        eventually(lambda: "run 'bulkhead-relay migrate'" in relay.tail(), "it says so")
        with pytest.raises(OSError, match="503"):
            relay.page("readyz")
        migrate(postgres.url)
        eventually(lambda: relay.page("readyz"), "it goes on by itself", 15)
    finally:
        relay.stop()


def test_a_schema_that_is_newer_is_refused(outbox: Outbox, nats: NatsServer, folder: Path) -> None:
    outbox.postgres.query("INSERT INTO bulkhead_outbox_schema VALUES (99, 'later', false)")
    relay = Relay(folder / "relay", outbox.postgres.url, nats.url).start(wait=False)
    try:
        eventually(lambda: "upgrade the relay" in relay.tail(), "it says so")
    finally:
        relay.stop()
    done = Relay.run("migrate", BULKHEAD_DATABASE_URL=outbox.postgres.url)
    assert done.returncode == 1
    assert "use a newer one" in done.stderr


def test_a_password_is_shown_nowhere(postgres: Postgres, nats: NatsServer, folder: Path) -> None:
    postgres.query("CREATE ROLE relay LOGIN PASSWORD 'hush-hush'")
    (postgres.data / "pg_hba.conf").write_text(
        "host all relay all scram-sha-256\nhost all postgres all trust\n"
    )
    postgres.query("SELECT pg_reload_conf()")
    url = f"postgresql://relay:wrong-word@127.0.0.1:{postgres.port}/postgres"
    relay = Relay(folder / "relay", url, nats.url).start(wait=False)
    try:
        eventually(lambda: "password authentication failed" in relay.tail(), "it says why")
        assert "wrong-word" not in relay.log.read_text()
        arguments = Path(f"/proc/{relay.pid}/cmdline").read_bytes()
        assert b"wrong-word" not in arguments
    finally:
        relay.stop()


def test_several_replicas_share_the_work(
    outbox: Outbox, jetstream: JetStream, new_relay: Callable[..., Relay]
) -> None:
    tenants = [f"t{i}" for i in range(20)]
    for tenant in tenants:
        make_stream(jetstream, tenant)
    relays = [new_relay("--batch=50", "--workers=1").start() for _ in range(3)]
    outbox.add(Row(tenants[i % 20], "order") for i in range(6000))
    eventually(lambda: outbox.count("pending") == 0, "all are published", 30)
    assert sum(count(jetstream, tenant) for tenant in tenants) == 6000
    shares = [
        sum(value for name, value in relay.metrics().items() if "published_total" in name)
        for relay in relays
    ]
    assert sum(shares) == 6000
    assert min(shares) > 0


def test_the_depth_of_the_outbox_is_a_metric(
    outbox: Outbox, jetstream: JetStream, new_relay: Callable[..., Relay]
) -> None:
    make_stream(jetstream, "acme")
    outbox.add([Row("ghost", "order")] * 7)
    relay = new_relay().start()
    name = 'bulkhead_outbox_pending{tenant="ghost"}'
    eventually(lambda: relay.metrics()[name] == 7, "it is counted", 15)
    assert relay.metrics()['bulkhead_outbox_oldest_pending_seconds{tenant="ghost"}'] > 0
    make_stream(jetstream, "ghost")
    eventually(lambda: relay.metrics()[name] == 0, "it is empty again", 15)
