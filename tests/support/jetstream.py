"""A NATS client for tests: plain calls, and JetStream's own JSON, not a library's view of it."""

import asyncio
import json
import threading
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import nats
from nats.aio.client import Client

T = TypeVar("T")
SECONDS = 10.0


class ApiError(AssertionError):
    """JetStream refused a request; `code` is its err_code."""

    def __init__(self, subject: str, error: dict[str, Any]) -> None:
        super().__init__(f"{subject}: {error}")
        self.code = int(error.get("err_code", 0))


@dataclass(frozen=True)
class Message:
    subject: str
    headers: dict[str, str]
    data: bytes


class JetStream:
    """One connection, kept by an event loop in a thread of its own."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.client: Client = self._run(self._connect(url))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._run(self.client.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def api(self, name: str, body: Any = None) -> dict[str, Any]:
        """One request to $JS.API, with its answer as the server wrote it."""
        subject = f"$JS.API.{name}"
        data = json.dumps(body).encode() if body is not None else b""
        reply = self._run(self.client.request(subject, data, timeout=SECONDS))
        answer = dict(json.loads(reply.data))
        if "error" in answer:
            raise ApiError(subject, answer["error"])
        return answer

    def api_many(self, requests: list[tuple[str, Any]], at_once: int = 500) -> None:
        """Requests like those of api(), many in flight; each must be accepted."""
        for begin in range(0, len(requests), at_once):
            self._run(self._accepted(requests[begin : begin + at_once]))

    def streams(self) -> list[str]:
        return sorted(self.api("STREAM.NAMES").get("streams") or [])

    def stream(self, name: str) -> dict[str, Any]:
        """Configuration and state: {"config": {...}, "state": {...}, "created": ...}."""
        return self.api(f"STREAM.INFO.{name}")

    def subjects(self, name: str) -> dict[str, int]:
        """The subjects in a stream, with their numbers of messages."""
        found = self.api(f"STREAM.INFO.{name}", {"subjects_filter": ">"})["state"]
        return dict(found.get("subjects") or {})

    def create_stream(self, **config: Any) -> dict[str, Any]:
        return self.api(f"STREAM.CREATE.{config['name']}", config)

    def update_stream(self, name: str, **changes: Any) -> dict[str, Any]:
        return self.api(f"STREAM.UPDATE.{name}", self.stream(name)["config"] | changes)

    def delete_stream(self, name: str) -> None:
        self.api(f"STREAM.DELETE.{name}")

    def consumers(self, stream: str) -> list[str]:
        return sorted(self.api(f"CONSUMER.NAMES.{stream}").get("consumers") or [])

    def consumer(self, stream: str, name: str) -> dict[str, Any]:
        return self.api(f"CONSUMER.INFO.{stream}.{name}")

    def delete_consumer(self, stream: str, name: str) -> None:
        self.api(f"CONSUMER.DELETE.{stream}.{name}")

    def publish(self, subject: str, data: bytes = b"", **headers: str) -> dict[str, Any]:
        """Publishes one event and returns its acknowledgement."""
        request = self.client.request(subject, data, timeout=SECONDS, headers=headers or None)
        return dict(json.loads(self._run(request).data))

    def next_message(self, stream: str, consumer: str) -> Message:
        """The next event of a durable consumer, waited for; it is not acknowledged."""
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        body = json.dumps({"batch": 1, "expires": int(SECONDS * 1e9)}).encode()
        # The event comes under its own subject, by which one inbox for all cannot tell whose it is.
        ask = self.client.request(subject, body, timeout=SECONDS, old_style=True)
        found = self._run(ask)
        return Message(found.subject, found.headers or {}, found.data)

    def messages(self, stream: str) -> list[Message]:
        """Everything that is in a stream, in its order."""
        return self._run(self._messages(stream))

    async def _connect(self, url: str) -> Client:
        return await nats.connect(
            url.split(","),
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.1,
            error_cb=_say_nothing,
        )

    async def _accepted(self, requests: list[tuple[str, Any]]) -> None:
        answers = await asyncio.gather(
            *(
                self.client.request(f"$JS.API.{name}", json.dumps(body).encode(), timeout=SECONDS)
                for name, body in requests
            )
        )
        for (name, _), answer in zip(requests, answers, strict=True):
            found = json.loads(answer.data)
            if "error" in found:
                raise ApiError(f"$JS.API.{name}", found["error"])

    async def _messages(self, stream: str) -> list[Message]:
        config = {"ack_policy": "none", "mem_storage": True, "inactive_threshold": 60_000_000_000}
        body = {"stream_name": stream, "config": config}
        made = await self.client.request(
            f"$JS.API.CONSUMER.CREATE.{stream}", json.dumps(body).encode(), timeout=SECONDS
        )
        info = json.loads(made.data)
        if "error" in info:
            raise ApiError(f"CONSUMER.CREATE.{stream}", info["error"])
        js = self.client.jetstream(timeout=SECONDS)
        pull = await js.pull_subscribe_bind(info["name"], stream)
        found: list[Message] = []
        while len(found) < info["num_pending"]:
            for message in await pull.fetch(min(1000, info["num_pending"] - len(found)), SECONDS):
                found.append(Message(message.subject, message.headers or {}, message.data))
        await pull.unsubscribe()
        await js.delete_consumer(stream, info["name"])
        return found

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)


async def _say_nothing(_: Exception) -> None:
    """A server that is away is what the tests want; the library would log each try."""
