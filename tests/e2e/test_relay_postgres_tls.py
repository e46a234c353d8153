"""TLS to PostgreSQL with verify-full: who is trusted, and what is said about who is not."""

import os
import shutil
from pathlib import Path

import pytest

from support.bulkhead import Relay, migrate
from support.certificates import let_expire, make_certificates
from support.jetstream import JetStream
from support.nats_server import NatsServer
from support.outbox import Outbox, Row
from support.postgres import Postgres
from support.tenant_streams import make_stream
from support.waiting import eventually


@pytest.fixture
def trusted(folder: Path) -> Path:
    make_certificates(folder / "trusted")
    return folder / "trusted"


@pytest.fixture
def outbox(postgres: Postgres, trusted: Path) -> Outbox:
    """On a server that speaks TLS, to everybody but the tests' own administrator."""
    migrate(postgres.url)
    present(postgres, trusted)
    postgres.query("CREATE ROLE relay SUPERUSER LOGIN")
    hba = "hostssl all relay all trust\nhostnossl all postgres all trust\n"
    (postgres.data / "pg_hba.conf").write_text(hba)
    postgres.query("ALTER SYSTEM SET ssl = on")
    reload(postgres)
    return Outbox(postgres)


def present(postgres: Postgres, certificates: Path) -> None:
    """The server shows this certificate to the next that connects."""
    owner = postgres.data.stat()
    for kind in ["crt", "key"]:
        place = postgres.data / f"server.{kind}"
        shutil.copy(certificates / f"server.{kind}", place)
        place.chmod(0o600)
        os.chown(place, owner.st_uid, owner.st_gid)


def reload(postgres: Postgres) -> None:
    postgres.query("SELECT pg_reload_conf()")


def url(postgres: Postgres, certificates: Path, host: str = "localhost") -> str:
    where = f"postgresql://relay@{host}:{postgres.port}/postgres?hostaddr=127.0.0.1"
    return f"{where}&sslmode=verify-full&sslrootcert={certificates}/ca.crt"


def test_a_server_that_is_the_one_it_says_is_worked_with(
    folder: Path, outbox: Outbox, nats: NatsServer, jetstream: JetStream, trusted: Path
) -> None:
    make_stream(jetstream, "acme")
    outbox.add([Row("acme", "order")])
    with Relay(folder / "relay", url(outbox.postgres, trusted), nats.url):
        eventually(lambda: outbox.count("published") == 1, "it is published")


def complaint(folder: Path, database: str, nats: NatsServer, sentence: str) -> None:
    relay = Relay(folder / "relay", database, nats.url).start(wait=False)
    try:
        eventually(lambda: sentence in relay.tail().replace("\\", ""), f"it says: {sentence}")
        with pytest.raises(OSError, match="503"):
            relay.page("readyz")
    finally:
        relay.stop()


def test_a_certificate_for_another_name_is_said(
    folder: Path, outbox: Outbox, nats: NatsServer, trusted: Path
) -> None:
    sentence = 'server certificate for "127.0.0.1" (and 1 other name) does not match host name "db"'
    complaint(folder, url(outbox.postgres, trusted, "db"), nats, sentence)


def test_an_unknown_authority_is_said(folder: Path, outbox: Outbox, nats: NatsServer) -> None:
    make_certificates(folder / "other")
    sentence = "the server's certificate is not of an authority in sslrootcert, or it has expired"
    complaint(folder, url(outbox.postgres, folder / "other"), nats, sentence)


def test_an_expired_certificate_is_said(
    folder: Path, outbox: Outbox, nats: NatsServer, trusted: Path
) -> None:
    let_expire(trusted, "server")
    present(outbox.postgres, trusted)
    reload(outbox.postgres)
    sentence = "the server's certificate is not of an authority in sslrootcert, or it has expired"
    complaint(folder, url(outbox.postgres, trusted), nats, sentence)


def test_a_server_without_tls_is_not_worked_with(
    folder: Path, outbox: Outbox, nats: NatsServer, trusted: Path
) -> None:
    outbox.postgres.query("ALTER SYSTEM SET ssl = off")
    reload(outbox.postgres)
    complaint(folder, url(outbox.postgres, trusted), nats, "server does not support SSL")
