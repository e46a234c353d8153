"""Collects what the checker compares: rows, streams, what a producer and a spy have seen."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import nats.errors

from proof.checker import Evidence, Stored
from proof.journal import Journal
from support.jetstream import ApiError, JetStream, Message
from support.tenant_streams import stream_name
from support.waiting import eventually

Query = Callable[[str], Sequence[tuple[Any, ...]]]
ROWS = "SELECT msg_id::text, status FROM outbox"
DEAD = "SELECT msg_id::text FROM outbox_dead"


def gather(
    query: Query,
    journal: Journal,
    streams: Mapping[str, Iterable[Message]],
    ordered: AbstractSet[str],
    **spied: Any,
) -> Evidence:
    """`spied` is what Evidence holds of a spy."""
    rows = query(ROWS)
    return Evidence(
        committed=journal.committed,
        unknown=journal.unknown,
        streams={tenant: [_stored(m) for m in messages] for tenant, messages in streams.items()},
        pending={identity for identity, status in rows if status == "pending"},
        published={identity for identity, status in rows if status == "published"},
        dead={row[0] for row in query(DEAD)},
        ordered=ordered,
        **spied,
    )


def read_stream(jetstream: JetStream, tenant: str) -> list[Message]:
    """The whole stream. A cluster that just lost a node may want to be asked again."""
    found: list[list[Message]] = []

    def answered() -> bool:
        try:
            found.append(jetstream.messages(stream_name(tenant)))
        except (ApiError, TimeoutError, nats.errors.Error) as error:
            raise ConnectionError(str(error)) from None
        return True

    eventually(answered, f"the stream of {tenant} is read", 60)
    return found[0]


def _stored(message: Message) -> Stored:
    """A message that no producer wrote shows as such, whatever is in it."""
    try:
        content = json.loads(message.data)
        key, number = str(content["key"]), int(content["number"])
    except (ValueError, LookupError, TypeError):
        key, number = "", -1
    return Stored(message.subject, message.headers.get("Nats-Msg-Id", ""), key, number)
