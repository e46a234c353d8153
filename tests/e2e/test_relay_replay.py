"""`bulkhead-relay replay`: what was published in a time, and is still kept, is published again."""

import json
import subprocess
from collections.abc import Callable

import pytest

from support.bulkhead import Relay
from support.jetstream import JetStream
from support.outbox import Outbox, Row
from support.tenant_streams import count, events, ids, make_stream, relay_settings
from support.waiting import eventually

AGE = "UPDATE outbox SET published_at = now() - %s::interval WHERE event_type = %s"


def replay(outbox: Outbox, *words: str) -> "subprocess.CompletedProcess[str]":
    return Relay.run("replay", *words, BULKHEAD_DATABASE_URL=outbox.postgres.url)


def replayed(outbox: Outbox, *words: str) -> int:
    result = replay(outbox, "--output=json", *words)
    assert (result.returncode, result.stderr) == (0, ""), result.stderr
    return int(json.loads(result.stdout)["replayed"])


def publish(outbox: Outbox, *rows: Row) -> None:
    """As if a relay had brought them to their streams."""
    outbox.add(rows)
    outbox.postgres.query(
        "UPDATE outbox SET status = 'published', published_at = now() WHERE status = 'pending'"
    )


def test_what_a_stream_lost_is_stored_again_under_the_same_ids_and_in_order(
    outbox: Outbox, jetstream: JetStream, new_relay: Callable[..., Relay]
) -> None:
    """More rows than one step takes; the stream has forgotten them all."""
    settings = relay_settings(ordering="Key")
    make_stream(jetstream, "acme", metadata=settings)
    outbox.postgres.query(
        "INSERT INTO outbox (tenant_id, event_type, payload, ordering_key)"
        " SELECT 'acme', 'order', '', 'k' || mod(i, 50) FROM generate_series(1, 6000) i"
    )
    new_relay().start()
    eventually(lambda: outbox.count("published") == 6000, "all are published", 60)
    before = set(ids(events(jetstream, "acme")))
    jetstream.delete_stream("TENANT_ACME")
    make_stream(jetstream, "acme", metadata=settings)
    assert replayed(outbox, "--since=1m", "--dry-run") == 6000
    assert outbox.count("published") == 6000
    result = replay(outbox, "--since=1m")
    assert result.returncode == 0
    assert result.stdout.startswith("6000 rows published from ")
    assert "within its duplicateWindow" in result.stdout
    eventually(lambda: outbox.count("published") == 6000, "all are published again", 60)
    again = events(jetstream, "acme")
    assert len(again) == 6000
    assert set(ids(again)) == before
    order = {
        row[0]: (row[1], row[2])
        for row in outbox.postgres.query("SELECT msg_id::text, ordering_key, id FROM outbox")
    }
    by_key: dict[str, list[int]] = {}
    for message_id in ids(again):
        key, number = order[message_id]
        by_key.setdefault(key, []).append(number)
    assert all(numbers == sorted(numbers) for numbers in by_key.values())


def test_within_the_duplicate_window_the_stream_drops_the_repeat(
    outbox: Outbox, jetstream: JetStream, new_relay: Callable[..., Relay]
) -> None:
    make_stream(jetstream, "acme")
    relay = new_relay().start()
    outbox.add([Row("acme", "order")] * 50)
    eventually(lambda: outbox.count("published") == 50, "all are published")
    assert replayed(outbox, "--since=5m") == 50
    eventually(lambda: relay.metrics()["bulkhead_relay_duplicates_total"] == 50, "it drops them")
    eventually(lambda: outbox.count("published") == 50, "all are published again")
    assert count(jetstream, "acme") == 50


def test_a_time_and_a_tenant_say_which(outbox: Outbox) -> None:
    publish(outbox, *[Row("acme", kind) for kind in ["a", "b", "c"]], Row("globex", "b"))
    outbox.add([Row("acme", "pending")])
    for age, kind in [("50 minutes", "a"), ("30 minutes", "b"), ("10 minutes", "c")]:
        outbox.postgres.query(AGE, age, kind)
    assert replayed(outbox, "-s", "40m", "-u", "20m", "-d") == 2
    assert replayed(outbox, "--since=55m", "--dry-run") == 4
    assert replayed(outbox, "--since=9m") == 0
    moment = outbox.postgres.query(
        "SELECT to_char(now() - interval '20m', 'YYYY-MM-DD\"T\"HH24:MI:SSTZH:TZM')"
    )[0][0]
    assert replayed(outbox, f"--since={moment}", "--dry-run") == 1
    assert replayed(outbox, "--since=40m", "--until=20m", "--tenant=acme") == 1
    rows = outbox.postgres.query(
        "SELECT tenant_id, event_type, attempts FROM outbox WHERE status = 'pending' ORDER BY id"
    )
    assert rows == [("acme", "b", 0), ("acme", "pending", 0)]


def test_rows_that_are_gone_or_going_are_not_promised(outbox: Outbox) -> None:
    publish(outbox, Row("acme", "order"))
    result = replay(outbox, "--since=2h")
    assert result.returncode == 1
    assert "rows stay for --keep=1h after they were published" in result.stderr
    assert result.stdout == ""
    assert outbox.count("published") == 1
    assert replayed(outbox, "--since=2h", "--keep=3h") == 1
    result = replay(outbox, "--since=10m")
    assert (result.returncode, result.stdout[:6]) == (1, "0 rows")
    assert "holds no published row: the relays run with --on-published=delete" in result.stderr


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ([], "say from when on, with --since=15m or"),
        (
            ["--since=15m", "--on-published=delete"],
            "there is nothing that could be published again",
        ),
        (["--since=yesterday"], "--since: 'yesterday' is neither a time like"),
        (["--since=2026-01-31 12:00:00Z"], "is neither a time like"),
        (["--since=2026-01-31T12:00:00"], "is neither a time like"),
        (["--since=1m", "--until=2026-13-31T12:00:00Z"], "--since, --until: date/time field value"),
        (["--since=1m", "--until=2m"], "--since is not before --until"),
        (["--since=1m", "--tenant=No Tenant"], "'No Tenant' is no tenant's id"),
        (["--since=1m", "acme"], "unexpected word 'acme'"),
    ],
)
def test_wrong_usage_is_exit_code_2(outbox: Outbox, words: list[str], complaint: str) -> None:
    result = replay(outbox, *words)
    assert result.returncode == 2
    assert complaint in result.stderr
    assert result.stdout == ""
