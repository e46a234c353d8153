"""Tenants' streams for tests of the relay, made without a controller."""

from collections.abc import Iterable
from typing import Any

from support.jetstream import JetStream, Message


def stream_name(tenant: str) -> str:
    return f"TENANT_{tenant.upper()}"


def make_stream(jetstream: JetStream, tenant: str, **config: Any) -> None:
    jetstream.create_stream(
        **{"name": stream_name(tenant), "subjects": [f"tenant.{tenant}.events.>"]} | config
    )


def relay_settings(**values: str) -> dict[str, str]:
    """What the controller writes into a stream's metadata: hold="true" and so on."""
    return {f"bulkhead.dev/relay.{name.replace('_', '-')}": value for name, value in values.items()}


def events(jetstream: JetStream, tenant: str) -> list[Message]:
    return jetstream.messages(stream_name(tenant))


def count(jetstream: JetStream, tenant: str) -> int:
    return int(jetstream.stream(stream_name(tenant))["state"]["messages"])


def ids(messages: Iterable[Message]) -> list[str]:
    return [message.headers["Nats-Msg-Id"] for message in messages]
