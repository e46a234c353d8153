"""SIGTERM ends a relay within seconds, with exit code 0, whatever it was waiting for.

`stop` fails a test in which the relay is still there after 15 s, half of what Kubernetes gives.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.bulkhead import Relay
from support.jetstream import JetStream
from support.nats_server import NatsServer
from support.outbox import Outbox, Row
from support.postgres import Postgres
from support.program import Program
from support.report_listener import ReportListener
from support.tenant_streams import make_stream
from support.waiting import eventually

OFTEN = "--report-interval=100ms"


def away(program: Program) -> None:
    program.stop()


def frozen(program: Program) -> None:
    program.freeze()


def threads(relay: Relay) -> int:
    return len(list(Path(f"/proc/{relay.pid}/task").iterdir()))


STATES = {
    "nats away": (away, None),
    "nats frozen": (frozen, None),
    "postgres away": (None, away),
    "postgres frozen": (None, frozen),
    "both away": (away, away),
    "both frozen": (frozen, frozen),
    "nats away, postgres frozen": (away, frozen),
    "nats frozen, postgres away": (frozen, away),
}


@contextmanager
def changed(
    nats: NatsServer,
    postgres: Postgres,
    nats_change: Callable[[Program], None] | None,
    postgres_change: Callable[[Program], None] | None,
) -> Iterator[None]:
    if nats_change is not None:
        nats_change(nats)
    if postgres_change is not None:
        postgres_change(postgres)
    try:
        yield
    finally:
        for program in [nats, postgres]:
            if program.running:
                program.thaw()


@pytest.mark.parametrize("state", STATES)
def test_it_ends_while_it_works(
    outbox: Outbox,
    jetstream: JetStream,
    nats: NatsServer,
    new_relay: Callable[..., Relay],
    state: str,
) -> None:
    """Rows of two tenants are on their way, one of whom has no stream."""
    make_stream(jetstream, "acme")
    relay = new_relay(OFTEN, "--batch=20").start()
    listener = ReportListener(jetstream)
    outbox.add([Row("acme", "order"), Row("ghost", "order")] * 3000)
    eventually(lambda: listener.reports, "it reports")
    with changed(nats, outbox.postgres, *STATES[state]):
        time.sleep(0.3)  # it notices, or it does not
        assert relay.stop() == 0


@pytest.mark.parametrize("state", STATES)
def test_it_ends_before_it_has_reached_anybody(
    outbox: Outbox, nats: NatsServer, new_relay: Callable[..., Relay], state: str
) -> None:
    relay = new_relay(OFTEN, "--workers=16")
    with changed(nats, outbox.postgres, *STATES[state]):
        relay.start(wait=False)
        eventually(lambda: threads(relay) > 2, "its threads are being started")
        assert relay.stop() == 0


def test_it_ends_while_another_session_has_locked_the_table(
    outbox: Outbox, new_relay: Callable[..., Relay]
) -> None:
    relay = new_relay(OFTEN).start()
    with outbox.postgres.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE")
        blocked = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        eventually(lambda: outbox.postgres.query(blocked)[0][0] >= 2, "it waits for the lock")
        assert relay.stop() == 0


def test_it_ends_in_the_middle_of_a_report(
    outbox: Outbox, jetstream: JetStream, new_relay: Callable[..., Relay]
) -> None:
    """Ten times, each a little later: a report has eleven messages."""
    outbox.postgres.query(
        "INSERT INTO outbox_dead (tenant_id, reason)"
        " SELECT 't' || i, 'malformed' FROM generate_series(1, 5000) i"
    )
    relay = new_relay(OFTEN, "--workers=1")
    for turn in range(10):
        listener = ReportListener(jetstream)
        relay.start()
        eventually(listener.heard, "a report has begun")
        time.sleep(turn * 0.007)
        assert relay.stop() == 0
