"""The NATS protocol by hand: what a client library costs must not be in a floor."""

import json
import secrets
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

OPTIONS = {"verbose": False, "pedantic": False, "headers": False, "name": "bench"}
PIECE = 1 << 18


class Refused(AssertionError):
    """A server refused a request that the benchmark counts on."""


@dataclass(frozen=True)
class Request:
    subject: str
    body: bytes


class NatsPipe:
    """One connection, with as many requests in flight as are given to it."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = b""
        self._subscriptions = 0
        self._inbox = f"answer-{secrets.token_hex(6)}"
        self.send(b"CONNECT " + json.dumps(OPTIONS).encode() + b"\r\n")
        self.subscribe(f"{self._inbox}.*")
        self.send(b"PING\r\n")
        while b"PONG\r\n" not in self._buffer:
            self._buffer += self._socket.recv(PIECE)
        self._buffer = self._buffer.split(b"PONG\r\n", 1)[1]

    def close(self) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def subscribe(self, subject: str) -> None:
        self._subscriptions += 1
        self.send(f"SUB {subject} {self._subscriptions}\r\n".encode())

    def ask(self, requests: list[Request]) -> float:
        """Sends all at once, waits for all answers, and returns the seconds that took."""
        data = b"".join(self._publish(request, i) for i, request in enumerate(requests))
        began = time.monotonic()
        self.send(data)
        answers = self.messages()
        for _ in requests:
            _check(*next(answers))
        return time.monotonic() - began

    def ask_in_turn(self, chains: list[list[Request]]) -> float:
        """The same for chains of requests: each begins when the one before it is answered."""
        began = time.monotonic()
        self.send(b"".join(self._publish(chain[0], i) for i, chain in enumerate(chains)))
        steps = [0] * len(chains)
        left = sum(len(chain) for chain in chains)
        answers = self.messages()
        while left > 0:
            subject, body = next(answers)
            _check(subject, body)
            left -= 1
            i = int(subject.rsplit(b".", 1)[1])
            steps[i] += 1
            if steps[i] < len(chains[i]):
                self.send(self._publish(chains[i][steps[i]], i))
        return time.monotonic() - began

    def messages(self, timeout: float = 60.0) -> Iterator[tuple[bytes, bytes]]:
        """Subject and body of each message, as they come."""
        self._socket.settimeout(timeout)
        while True:
            line = self._line()
            if line.startswith(b"MSG "):
                words = line.split(b" ")
                yield words[1], self._take(int(words[-1]) + 2)[:-2]
            elif line == b"PING":
                self.send(b"PONG\r\n")
            elif line.startswith(b"-ERR"):
                raise Refused(f"NATS: {line.decode()}")

    def pieces(self) -> Iterator[bytes]:
        """What the server sends, as it comes, until shut() is called."""
        self._socket.settimeout(None)
        while data := self._socket.recv(PIECE):
            if b"PING\r\n" in data:
                self.send(b"PONG\r\n")
            yield data

    def shut(self) -> None:
        """Ends pieces(), also in another thread."""
        self._socket.shutdown(socket.SHUT_RDWR)

    def _publish(self, request: Request, number: int) -> bytes:
        head = f"PUB {request.subject} {self._inbox}.{number} {len(request.body)}\r\n"
        return head.encode() + request.body + b"\r\n"

    def _line(self) -> bytes:
        while (end := self._buffer.find(b"\r\n")) < 0:
            self._fill()
        return self._take(end + 2)[:-2]

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            self._fill()
        piece, self._buffer = self._buffer[:size], self._buffer[size:]
        return piece

    def _fill(self) -> None:
        data = self._socket.recv(PIECE)
        if not data:
            raise ConnectionError("NATS closed the connection")
        self._buffer += data


def _check(subject: bytes, body: bytes) -> None:
    if b'"error":{' in body:
        raise Refused(f"{subject.decode()}: {body.decode()}")
