"""Sees every message that any client publishes: a subscription to `>`.

Where one listens a missing stream is silence, not "no responders".
"""

import asyncio
import json
from typing import Any, Self

from support.jetstream import JetStream

QUIET = ("$JS.", "_INBOX.", "bulkhead.relay.report.")
CONTROL = ("nats-", "status", "description")
PENDING_MAX = 1 << 20


class Spy:
    """Between `with` and its end; `whole` is False when something may have passed unseen."""

    def __init__(self, url: str) -> None:
        self.subjects: set[str] = set()
        self.acknowledged: set[str] = set()
        self.control_headers: set[str] = set()  # in lower case: names that a server obeys
        self.publishes = 0
        self._waiting: dict[str, tuple[str, str]] = {}  # reply subject -> message id, tenant
        self._jetstream = JetStream(url)

    def __enter__(self) -> Self:
        self._run(self._subscribe())
        return self

    def __exit__(self, *_: object) -> None:
        self._jetstream.close()

    def flush(self) -> None:
        """After it, what the server had handed on before is in."""
        self._run(self._jetstream.client.flush())

    @property
    def whole(self) -> bool:
        return self._jetstream.client.stats["reconnects"] == 0

    def events(self) -> set[str]:
        """Subjects of events, and whatever is none of JetStream's own."""
        return {subject for subject in self.subjects if not subject.startswith(QUIET)}

    def _run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._jetstream._loop).result(30)

    async def _subscribe(self) -> None:
        client = self._jetstream.client
        await client.subscribe(
            ">", cb=self._on_message, pending_msgs_limit=PENDING_MAX, pending_bytes_limit=1 << 30
        )
        await client.flush()

    async def _on_message(self, message: Any) -> None:
        headers = message.headers or {}
        identity = headers.get("Nats-Msg-Id")
        if message.subject.startswith("tenant."):
            names = {name.lower() for name in headers}
            self.control_headers |= {n for n in names if n.startswith(CONTROL)}
        if message.reply and identity and message.subject.startswith("tenant."):
            self.publishes += 1
            self._waiting[message.reply] = (identity, message.subject.split(".")[1])
        if (sent := self._waiting.get(message.subject)) is not None:
            self._on_answer(message.data, *sent)
        else:
            self.subjects.add(message.subject)

    def _on_answer(self, data: bytes, identity: str, tenant: str) -> None:
        try:
            answer = json.loads(data)
        except ValueError:
            return
        if answer.get("stream") == f"TENANT_{tenant.upper()}" and answer.get("seq"):
            self.acknowledged.add(identity)
