"""A JetStream that answers creations as a script says; a real nats-server carries the messages.

It is for the answers that a real one does not give on demand: busy, and none at all.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from typing import Any, Self

from nats.aio.msg import Msg

from support.jetstream import JetStream

CREATED = "2026-01-01T00:00:00Z"
BUSY = {
    10008: (503, "JetStream system temporarily unavailable"),
    10023: (503, "insufficient resources"),
}
SILENCE = 0
NOT_FOUND = {"code": 404, "err_code": 10059, "description": "stream not found"}


class FakeJetStream:
    def __init__(self, url: str, script: Sequence[int]) -> None:
        """`script` has the error of each creation in turn, SILENCE for none."""
        self.connection = JetStream(url)
        self.script = list(script)
        self.created: list[tuple[float, str]] = []
        self.streams: dict[str, dict[str, Any]] = {}
        self._run(self.connection.client.subscribe("$JS.API.>", cb=self._serve))
        self._run(self.connection.client.flush())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def _run(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self.connection._loop).result(10)

    async def _serve(self, message: Msg) -> None:
        words = message.subject.removeprefix("$JS.API.").split(".")
        answer = self._answer(words, json.loads(message.data or b"{}"))
        if answer is not None:
            await message.respond(json.dumps(answer).encode())

    def _answer(self, words: list[str], body: dict[str, Any]) -> dict[str, Any] | None:
        match words:
            case ["INFO"]:
                return {"api": {"level": 2}, "limits": {}, "streams": len(self.streams)}
            case ["STREAM", "INFO", name]:
                return self.streams.get(name, {"error": NOT_FOUND})
            case ["STREAM", "CREATE", name]:
                return self._create(name, body)
            case ["STREAM", "LIST"]:
                return {"total": len(self.streams), "streams": list(self.streams.values())}
        return {"error": {"code": 400, "err_code": 10003, "description": "bad request"}}

    def _create(self, name: str, config: dict[str, Any]) -> dict[str, Any] | None:
        self.created.append((time.monotonic(), name))
        error = self.script.pop(0) if self.script else None
        if error == SILENCE:
            return None
        if error is not None:
            code, description = BUSY[error]
            return {"error": {"code": code, "err_code": error, "description": description}}
        state = {"messages": 0, "bytes": 0, "first_seq": 1, "last_seq": 0, "consumer_count": 0}
        self.streams[name] = {"config": config, "created": CREATED, "state": state}
        return self.streams[name]
