"""HTTP/1.1 requests by hand, over connections that are kept: as cheap as a sender can be."""

import re
import selectors
import socket
import threading
import time
from collections.abc import Sequence
from typing import cast

from bench.nats_pipe import Refused

ANSWER = re.compile(rb"HTTP/1\.1 (\d{3})")
ANSWER_HEAD = 12
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
PIECE = 1 << 18
PATIENCE = 30.0


def send_all(connections: Sequence[socket.socket], requests: list[bytes], in_flight: int) -> float:
    """Sends all, `in_flight` at a time on each connection; the seconds until all are answered."""
    count = len(connections)
    lanes = [
        _Lane(connection, requests[i::count], in_flight) for i, connection in enumerate(connections)
    ]
    began = time.monotonic()
    for lane in lanes:
        lane.start()
    for lane in lanes:
        lane.join()
    seconds = time.monotonic() - began
    failures = [lane.failure for lane in lanes if lane.failure]
    if failures:
        raise Refused(failures[0])
    return seconds


def send_paced(
    connections: Sequence[socket.socket], requests: list[bytes], rate: float
) -> list[float]:
    """Sends so many a second, whatever the answers do; each one's seconds from when it was due."""
    return _Pacer(connections, requests, rate).run()


class _Pacer:
    """One thread, so that the sender takes as little of the machine as it can."""

    def __init__(
        self, connections: Sequence[socket.socket], requests: list[bytes], rate: float
    ) -> None:
        self._requests = requests
        self._rate = rate
        self._idle = list(connections)
        self._taken: list[float] = []
        self._sent = 0
        self._selector = selectors.DefaultSelector()

    def run(self) -> list[float]:
        self._began = time.monotonic() + 0.1
        while len(self._taken) < len(self._requests):
            self._send_due()
            for key, _ in self._selector.select(self._pause()):
                self._receive(key)
        self._selector.close()
        return self._taken

    def _due(self) -> float:
        return self._began + self._sent / self._rate

    def _pause(self) -> float:
        if self._sent == len(self._requests) or not self._idle:
            return PATIENCE
        return max(0.0, self._due() - time.monotonic())

    def _send_due(self) -> None:
        while self._idle and self._sent < len(self._requests) and self._due() <= time.monotonic():
            connection = self._idle.pop()
            connection.sendall(self._requests[self._sent])
            self._selector.register(connection, selectors.EVENT_READ, (self._due(), b""))
            self._sent += 1

    def _receive(self, key: selectors.SelectorKey) -> None:
        connection, (due, before) = cast(socket.socket, key.fileobj), key.data
        data = before + _receive(connection)
        if not _is_whole(data):
            self._selector.modify(connection, selectors.EVENT_READ, (due, data))
            return
        if data[9:10] != b"2":
            raise Refused(data.decode(errors="replace"))
        self._taken.append(time.monotonic() - due)
        self._selector.unregister(connection)
        self._idle.append(connection)


def _is_whole(data: bytes) -> bool:
    end = data.find(b"\r\n\r\n")
    length = LENGTH.search(data, 0, end) if end >= 0 else None
    return end >= 0 and len(data) >= end + 4 + (int(length[1]) if length else 0)


def ask(connection: socket.socket, request: bytes) -> tuple[int, bytes]:
    """One request; code and body of its answer."""
    connection.sendall(request)
    data = b""
    while not _is_whole(data):
        data += _receive(connection)
    return int(data[9:12]), data.partition(b"\r\n\r\n")[2]


def _receive(connection: socket.socket) -> bytes:
    data = connection.recv(PIECE)
    if not data:
        raise ConnectionError("the connection was closed")
    return data


class _Lane(threading.Thread):
    """The writes of one connection. Answers are counted by their first lines."""

    def __init__(self, connection: socket.socket, requests: list[bytes], in_flight: int) -> None:
        super().__init__(daemon=True)
        self.connection = connection
        self.requests = requests
        self.in_flight = in_flight
        self.failure = ""

    def run(self) -> None:
        try:
            self._run()
        except OSError as error:
            self.failure = str(error)

    def _run(self) -> None:
        sent = min(self.in_flight, len(self.requests))
        self.connection.sendall(b"".join(self.requests[:sent]))
        answered = 0
        rest = b""
        while answered < len(self.requests) and not self.failure:
            data = rest + self.connection.recv(PIECE)
            if len(data) == len(rest):
                raise ConnectionError("the connection was closed")
            codes = ANSWER.findall(data)
            if any(code[:1] != b"2" for code in codes):
                self.failure = data.decode(errors="replace")
            # What may be the beginning of a first line is looked at again with what follows it.
            rest = data[max(_end_of_last(data), len(data) - ANSWER_HEAD + 1) :]
            answered += len(codes)
            more = self.requests[sent : answered + self.in_flight]
            sent += len(more)
            self.connection.sendall(b"".join(more))


def _end_of_last(data: bytes) -> int:
    return max((found.end() for found in ANSWER.finditer(data)), default=0)
