"""TLS to NATS, with certificates on both sides that are replaced while the relay runs."""

from pathlib import Path

import pytest

from support.bulkhead import Relay
from support.certificates import let_expire, make_certificates, name_server
from support.jetstream import JetStream
from support.nats_access import demand, put, tls_block
from support.nats_server import NatsServer
from support.outbox import Outbox, Row
from support.tenant_streams import make_stream
from support.waiting import eventually


def flags(place: Path) -> list[str]:
    return [
        f"--nats-ca={place}/ca.crt",
        f"--nats-cert={place}/admin.crt",
        f"--nats-key={place}/admin.key",
    ]


@pytest.fixture
def place(folder: Path, nats: NatsServer) -> Path:
    """Certificates in use, and a server that demands them; the stream was made before."""
    with JetStream(nats.url) as jetstream:
        make_stream(jetstream, "acme")
    make_certificates(folder / "first")
    put(folder / "first", folder / "now")
    demand(nats, tls_block(folder / "now"))
    return folder / "now"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_replaced_certificates_are_used_at_the_next_connection(
    folder: Path, place: Path, nats: NatsServer, outbox: Outbox, host: str
) -> None:
    url = f"tls://{host}:{nats.port}"
    with Relay(folder / "relay", outbox.postgres.url, url, flags(place)):
        outbox.add([Row("acme", "order")])
        eventually(lambda: outbox.count("published") == 1, "the first row is published")
        make_certificates(folder / "second")
        put(folder / "second", place)
        nats.restart()
        outbox.add([Row("acme", "order")])
        eventually(lambda: outbox.count("published") == 2, "the second row is published", 20)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ("IP:127.0.0.1", "certificate has expired"),
        ("DNS:nats.example", "IP address mismatch"),
        ("IP:127.0.0.1", "unable to get local issuer certificate"),
    ],
)
def test_a_server_that_is_not_trusted_is_said_to_be_so(
    folder: Path,
    place: Path,
    nats: NatsServer,
    outbox: Outbox,
    names: str,
    reason: str,
) -> None:
    name_server(folder / "first", names)
    if "expired" in reason:
        let_expire(folder / "first", "server")
    put(folder / "first", place)
    nats.restart()
    trusted = flags(place)
    if "issuer" in reason:
        make_certificates(folder / "other")
        trusted.append(f"--nats-ca={folder}/other/ca.crt")
    relay = Relay(folder / "relay", outbox.postgres.url, f"tls://127.0.0.1:{nats.port}", trusted)
    try:
        relay.start(wait=False)
        eventually(lambda: reason in relay.tail(), "it says why")
        outbox.add([Row("acme", "order")])
        with pytest.raises(OSError, match="503"):
            relay.page("readyz")
        assert outbox.count("pending") == 1
    finally:
        relay.stop()
