"""The order of keys when a row of one is dead, with several replicas of which one is killed."""

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from support.bulkhead import Relay
from support.jetstream import JetStream
from support.outbox import Outbox, Row
from support.tenant_streams import count, events, make_stream, relay_settings
from support.waiting import eventually

KEYS = 6
ROWS = 600
DEAD = 120  # the row that is too large; its key is that of every KEYS-th
STREAM = {"max_msg_size": 2000}


def content(number: int) -> bytes:
    return json.dumps({"number": number, "fill": "x" * (4000 if number == DEAD else 10)}).encode()


def fill(outbox: Outbox) -> None:
    outbox.add(Row("acme", "order", content(i), f"k{i % KEYS}") for i in range(ROWS))


def numbers(jetstream: JetStream) -> dict[int, list[int]]:
    """What the stream has of each key, in its order."""
    found: dict[int, list[int]] = defaultdict(list)
    for event in events(jetstream, "acme"):
        number = int(json.loads(event.data)["number"])
        found[number % KEYS].append(number)
    return found


@pytest.fixture
def relays(new_relay: Callable[..., Relay]) -> list[Relay]:
    return [new_relay("--batch=50", "--workers=2") for _ in range(3)]


def start_and_kill(relays: list[Relay], outbox: Outbox) -> None:
    for relay in relays:
        relay.start(wait=False)
    eventually(lambda: outbox.count("published") > 50, "some are published", 30)
    relays[0].kill()
    relays[0].start(wait=False)


def test_where_keys_continue_the_others_of_a_dead_row_follow(
    folder: Path, outbox: Outbox, jetstream: JetStream, relays: list[Relay]
) -> None:
    make_stream(jetstream, "acme", metadata=relay_settings(ordering="Key"), **STREAM)
    fill(outbox)
    start_and_kill(relays, outbox)
    eventually(lambda: outbox.count("pending") == 0, "all are dealt with", 60)
    assert outbox.count("dead") == 1
    for key, found in numbers(jetstream).items():
        assert found == [i for i in range(key, ROWS, KEYS) if i != DEAD]


def test_where_keys_block_nothing_passes_a_dead_row(
    folder: Path, outbox: Outbox, jetstream: JetStream, relays: list[Relay]
) -> None:
    """Until it is discarded; then its key goes on where it stopped."""
    metadata = relay_settings(ordering="Key", on_dead="Block")
    make_stream(jetstream, "acme", metadata=metadata, **STREAM)
    fill(outbox)
    start_and_kill(relays, outbox)
    blocked = [i for i in range(ROWS) if i % KEYS == DEAD % KEYS and i > DEAD]
    passed = ROWS - len(blocked) - 1
    eventually(lambda: outbox.count("dead") == 1, "the row is dead", 60)
    eventually(lambda: count(jetstream, "acme") == passed, "the other keys are published", 60)
    eventually(lambda: outbox.count("pending") == len(blocked), "all others are marked", 60)
    assert numbers(jetstream)[DEAD % KEYS] == list(range(DEAD % KEYS, DEAD, KEYS))
    outbox.postgres.query("DELETE FROM outbox_dead")
    eventually(lambda: outbox.count("pending") == 0, "its key goes on", 60)
    for key, found in numbers(jetstream).items():
        assert found == [i for i in range(key, ROWS, KEYS) if i != DEAD]
