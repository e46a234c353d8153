"""`bulkhead-relay dead`: rows that were given up are listed, put back, or thrown away."""

import base64
import json
import subprocess
import threading
from collections.abc import Callable
from typing import Any

import pytest

from support.bulkhead import Relay
from support.jetstream import JetStream
from support.outbox import Outbox, Row
from support.places import binary
from support.postgres import Postgres
from support.tenant_streams import count, events, ids, make_stream, relay_settings
from support.waiting import eventually

BURY = (
    "WITH gone AS (DELETE FROM outbox WHERE status = 'pending' RETURNING *)"
    " INSERT INTO outbox_dead (id, created_at, attempts, tenant_id, event_type, ordering_key,"
    "  msg_id, headers, payload, reason, last_error)"
    " SELECT id, created_at, 1, tenant_id, event_type, ordering_key, msg_id, headers, payload,"
    "  CASE WHEN event_type = 'large' THEN 'too-large' ELSE 'refused' END, 'it was ' || event_type"
    " FROM gone ORDER BY id DESC"
)


def dead(outbox: Outbox, *words: str) -> "subprocess.CompletedProcess[str]":
    return Relay.run("dead", *words, BULKHEAD_DATABASE_URL=outbox.postgres.url)


def done(outbox: Outbox, *words: str) -> str:
    """Of a call that must succeed: what it prints."""
    result = dead(outbox, *words)
    assert (result.returncode, result.stderr) == (0, ""), result.stderr
    return result.stdout


def listed(outbox: Outbox, *words: str) -> list[dict[str, Any]]:
    result = dead(outbox, "list", "-o", "json", *words)
    assert result.returncode == 0, result.stderr
    return list(json.loads(result.stdout))


def bury(outbox: Outbox, *rows: Row) -> None:
    """The last row is the first to die."""
    outbox.add(rows)
    outbox.postgres.query(BURY)


def test_the_list_is_a_table_for_people_and_json_for_programs(outbox: Outbox) -> None:
    bury(
        outbox,
        Row("acme", "order", b"secret", "k1", {"token": "hush"}),
        Row("globex", "large", b"\x00\xff"),
    )
    lines = done(outbox, "list").splitlines()
    assert lines[0].split() == [
        "DEAD_ID",
        "DEAD_AT",
        "TENANT",
        "TYPE",
        "REASON",
        "ATTEMPTS",
        "ERROR",
    ]
    assert lines[1].split()[0] == "1"
    assert lines[1].split()[2:5] == ["globex", "large", "too-large"]
    assert lines[1].endswith("it was large")
    assert lines[2].split()[2:4] == ["acme", "order"]
    assert {line.index("it was") for line in lines[1:]} == {lines[0].index("ERROR")}
    assert "secret" not in done(outbox, "list", "-o", "json")
    assert "hush" not in done(outbox, "list", "-o", "json")
    first, second = listed(outbox, "--payload")
    assert first["tenant"] == "globex"
    assert base64.b64decode(first["payload"]) == b"\x00\xff"
    assert second["deadId"] == 2
    assert second["orderingKey"] == "k1"
    assert base64.b64decode(second["payload"]) == b"secret"
    assert json.loads(second["headers"]) == {"token": "hush"}
    assert second["error"] == "it was order"


def test_the_list_takes_filters_and_a_limit_and_says_when_there_is_more(outbox: Outbox) -> None:
    bury(outbox, *[Row("acme", "order")] * 250, *[Row("globex", "large")] * 3)
    assert len(listed(outbox)) == 100
    assert [row["deadId"] for row in listed(outbox, "--limit=1000")] == list(range(1, 254))
    assert "there are more: --limit=100" in dead(outbox, "list").stderr
    assert len(listed(outbox, "--tenant=globex")) == 3
    assert len(listed(outbox, "-r", "too-large", "-t", "acme")) == 0
    assert [row["deadId"] for row in listed(outbox, "2", "99", "500")] == [2, 99]
    assert listed(outbox, "--tenant=' OR true --") == []
    none = dead(outbox, "list", "--tenant=nobody")
    assert (none.returncode, none.stdout, none.stderr) == (0, "", "no dead rows\n")
    exact = dead(outbox, "list", "--limit=3", "--tenant=globex")
    assert (exact.stdout.count("\n"), exact.stderr) == (4, "")


def test_a_hostile_row_does_not_reach_the_terminal(outbox: Outbox) -> None:
    outbox.postgres.query(
        "INSERT INTO outbox_dead (reason, tenant_id, event_type, last_error)"
        " VALUES ('malformed', E'a\\x1b[2Jb', E'two\\nlines', %s)",
        "größe\u009b31m" + "x" * 5000,
    )
    lines = done(outbox, "list").splitlines()
    assert len(lines) == 2
    assert "a?[2Jb" in lines[1]
    assert "two?lines" in lines[1]
    assert "größe?31m" in lines[1]
    assert len(lines[1]) < 400
    assert listed(outbox)[0]["tenant"] == "a\x1b[2Jb"


def test_requeued_rows_are_published_under_their_old_ids(
    outbox: Outbox, jetstream: JetStream, new_relay: Callable[..., Relay]
) -> None:
    make_stream(jetstream, "acme")
    bury(outbox, *[Row("acme", "order", str(i).encode()) for i in range(1200)], Row("x", "order"))
    wanted = outbox.postgres.query(
        "SELECT msg_id::text FROM outbox_dead WHERE tenant_id = 'acme' ORDER BY id"
    )
    assert done(outbox, "requeue", "--tenant=acme", "--dry-run") == "1200 rows would be requeued\n"
    assert outbox.count("dead") == 1201
    assert done(outbox, "requeue", "--tenant=acme") == "1200 rows requeued\n"
    assert outbox.count("dead") == 1
    new_relay("--workers=1").start()
    eventually(lambda: outbox.count("published", "acme") == 1200, "all are published", 30)
    assert ids(events(jetstream, "acme")) == [row[0] for row in wanted]


def test_requeued_rows_come_before_later_ones_of_their_key(
    outbox: Outbox, jetstream: JetStream, new_relay: Callable[..., Relay]
) -> None:
    """The tenant asked that a dead row blocks its key."""
    settings = relay_settings(ordering="Key", on_dead="Block")
    make_stream(jetstream, "acme", metadata=settings)
    bury(outbox, *[Row("acme", "order", f"k{i % 2} {i}".encode(), f"k{i % 2}") for i in range(6)])
    outbox.add(Row("acme", "order", f"k{i % 2} {i}".encode(), f"k{i % 2}") for i in range(6, 20))
    outbox.add([Row("acme", "order", b"free", "other")])
    new_relay().start()
    eventually(lambda: outbox.count("published") == 1, "only the other key flows")
    assert done(outbox, "requeue", "--all") == "6 rows requeued\n"
    eventually(lambda: outbox.count("published") == 21, "all flow")
    found = [message.data.decode() for message in events(jetstream, "acme")]
    for key in ["k0", "k1"]:
        numbers = [int(text.split()[1]) for text in found if text.startswith(key)]
        assert numbers == sorted(numbers)
        assert len(numbers) == 10


def test_a_row_that_the_table_does_not_take_stays_and_the_others_go(outbox: Outbox) -> None:
    bury(outbox, *[Row("acme", "order")] * 700)
    outbox.postgres.query(
        "UPDATE outbox_dead SET tenant_id = 'No Tenant' WHERE dead_id IN (3, 600)"
    )
    result = dead(outbox, "requeue", "--all")
    assert result.returncode == 1
    assert result.stdout == "698 rows requeued\n"
    assert result.stderr.startswith(
        "bulkhead-relay dead requeue: 2 rows stay dead, as the outbox does not take them; dead_id "
    )
    assert "outbox_tenant_id" in result.stderr
    assert {row["deadId"] for row in listed(outbox)} == {3, 600}
    assert outbox.count("pending") == 698


@pytest.mark.parametrize(("what", "word"), [("requeue", "requeued"), ("discard", "discarded")])
def test_rows_that_are_named_and_not_there_are_an_error(
    outbox: Outbox, what: str, word: str
) -> None:
    bury(outbox, *[Row("acme", "order")] * 3)
    result = dead(outbox, what, "1", "77", "1", "78", "--output=json")
    assert result.returncode == 1
    assert "2 of the ids that were named are not among the dead rows\n" in result.stderr
    assert json.loads(result.stdout) == {word: 1, "refused": 0, "dryRun": False}
    result = dead(outbox, what, "2", "--tenant=globex")
    assert (result.returncode, result.stdout) == (1, f"0 rows {word}\n")
    assert "not among the dead rows of that tenant or reason" in result.stderr
    assert outbox.count("dead") == 2


def test_discarded_rows_are_gone(outbox: Outbox) -> None:
    bury(outbox, *[Row("acme", "order")] * 600, *[Row("acme", "large")] * 2, Row("x", "large"))
    assert done(outbox, "discard", "--reason=too-large", "-t", "acme") == "2 rows discarded\n"
    assert done(outbox, "discard", "--tenant=acme", "--limit=1") == "1 row discarded\n"
    assert done(outbox, "discard", "-t", "acme", "-d") == "599 rows would be discarded\n"
    assert done(outbox, "discard", "--all") == "600 rows discarded\n"
    assert done(outbox, "discard", "--all") == "0 rows discarded\n"
    assert (outbox.count("dead"), outbox.count("pending")) == (0, 0)


def test_an_id_that_is_in_use_again_is_given_up(outbox: Outbox) -> None:
    bury(outbox, Row("acme", "order"), Row("acme", "order"))
    outbox.postgres.query("UPDATE outbox_dead SET id = 1")
    outbox.postgres.query(
        "INSERT INTO outbox_dead (reason, tenant_id, event_type, headers, payload)"
        " VALUES ('x', 'acme', 'order', '{}', '')"
    )
    outbox.postgres.query("TRUNCATE outbox RESTART IDENTITY")
    outbox.add([Row("acme", "order")])
    assert done(outbox, "requeue", "--all") == "3 rows requeued\n"
    assert outbox.postgres.query("SELECT id FROM outbox ORDER BY id") == [(1,), (2,), (3,), (4,)]


def test_two_who_requeue_at_once_beside_running_relays_publish_each_row_once(
    outbox: Outbox, jetstream: JetStream, new_relay: Callable[..., Relay]
) -> None:
    make_stream(jetstream, "acme", duplicate_window=100_000_000)
    bury(outbox, *[Row("acme", "order")] * 2000)
    for _ in range(2):
        new_relay("--batch=100").start()
    said: list[str] = []
    callers = [
        threading.Thread(target=lambda: said.append(done(outbox, "requeue", "--all")))
        for _ in range(2)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert sum(int(text.split()[0]) for text in said) == 2000
    eventually(lambda: outbox.count("published") == 2000, "all are published", 30)
    assert count(jetstream, "acme") == 2000


def test_a_row_of_an_adopted_table_comes_back_whole(postgres: Postgres) -> None:
    postgres.query(
        "CREATE TYPE state AS ENUM ('new', 'sent');"
        "CREATE TABLE events (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
        " tenant uuid NOT NULL, kind text NOT NULL, body json, state state NOT NULL DEFAULT 'new',"
        ' "shop\'s {note}" text NOT NULL, doubled int GENERATED ALWAYS AS (seq * 2) STORED)'
    )
    flags = [
        *("--table=events", "--column-id=seq", "--column-tenant-id=tenant"),
        *("--column-event-type=kind", "--column-payload=body", "--column-status=state"),
        *("--status-pending=new", "--status-published=sent"),
    ]
    environment = {"BULKHEAD_DATABASE_URL": postgres.url}
    assert Relay.run("migrate", *flags, **environment).returncode == 0
    postgres.query(
        'INSERT INTO events (tenant, kind, body, "shop\'s {note}") VALUES'
        " ('0af76519-16cd-43dd-8448-eb211c80319c', 'order', '{\"b\": 1,  \"a\": 1}', 'rare')"
    )
    before = postgres.query('SELECT seq, tenant, kind, body::text, "shop\'s {note}" FROM events')
    postgres.query(
        "WITH gone AS (DELETE FROM events RETURNING *)"
        " INSERT INTO events_dead (reason, id, tenant_id, original)"
        " SELECT 'refused', seq, tenant::text, row_to_json(gone) FROM gone"
    )
    result = Relay.run("dead", "requeue", *flags, "--all", **environment)
    assert (result.returncode, result.stdout) == (0, "1 row requeued\n"), result.stderr
    after = postgres.query('SELECT seq, tenant, kind, body::text, "shop\'s {note}" FROM events')
    assert after == before
    assert postgres.query("SELECT state::text, attempts FROM events") == [("new", 1)]


@pytest.mark.parametrize(
    "words", [["dead", "requeue", "--all"], ["dead", "list"], ["replay", "--since=1m"]]
)
def test_a_command_that_waits_ends_on_sigterm_and_says_so(outbox: Outbox, words: list[str]) -> None:
    bury(outbox, Row("acme", "order"))
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with outbox.postgres.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE outbox, outbox_dead IN ACCESS EXCLUSIVE MODE")
        command = subprocess.Popen(
            [binary("bulkhead-relay"), *words],
            env={"BULKHEAD_DATABASE_URL": outbox.postgres.url},
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        eventually(lambda: outbox.postgres.query(waiting)[0][0] > 0, "it waits for the lock")
        command.terminate()
        assert (
            "stopped; the rows that are left stay as they are" in command.communicate(None, 10)[1]
        )
        assert command.returncode == 1
    assert outbox.count("dead") == 1


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["requeue"], "say which rows: their ids, --tenant, --reason, or --all"),
        (["discard", "--limit=5"], "say which rows"),
        (["discard", "--all", "7"], "--all means every dead row"),
        (["requeue", "seven"], "a dead_id, as `dead list` shows it"),
        (["list", "--payload"], "--output=json alone"),
        (["list", "--output=yaml"], "'yaml' is not one of text|json"),
        (["burn", "7"], "'dead' alone is no command"),
    ],
)
def test_wrong_usage_is_exit_code_2(words: list[str], complaint: str) -> None:
    result = Relay.run("dead", *words, BULKHEAD_DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert result.returncode == 2
    assert complaint in result.stderr
    assert result.stdout == ""


def test_a_database_without_an_outbox_or_none_at_all_is_exit_code_1(postgres: Postgres) -> None:
    result = Relay.run("dead", "list", BULKHEAD_DATABASE_URL=postgres.url)
    assert result.returncode == 1
    assert "run 'bulkhead-relay migrate'" in result.stderr
    result = Relay.run("dead", "requeue", "1", BULKHEAD_DATABASE_URL="postgresql://127.0.0.1:1/x")
    assert result.returncode == 1
    assert "Connection refused" in result.stderr


def test_the_documented_rights_of_an_operator_are_enough(outbox: Outbox) -> None:
    bury(outbox, *[Row("acme", "order")] * 3)
    for statement in [
        "CREATE ROLE operator LOGIN",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON outbox, outbox_dead, outbox_lane TO operator",
        "GRANT SELECT ON bulkhead_outbox_schema TO operator",
    ]:
        outbox.postgres.query(statement)
    url = outbox.postgres.url.replace("postgres@", "operator@")
    for words in [["requeue", "1"], ["discard", "2"], ["list"]]:
        result = Relay.run("dead", *words, BULKHEAD_DATABASE_URL=url)
        assert result.returncode == 0, result.stderr
    outbox.postgres.query("REVOKE DELETE ON outbox_dead FROM operator")
    result = Relay.run("dead", "requeue", "3", BULKHEAD_DATABASE_URL=url)
    assert result.returncode == 1
    assert "permission denied for table outbox_dead" in result.stderr
    assert outbox.count("dead") == 1
