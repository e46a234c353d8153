"""HTTP/1.1 requests by hand, over connections that are kept: as cheap as a sender can be."""

import re
import socket
import threading
import time
from collections.abc import Sequence

from bench.nats_pipe import Refused

ANSWER = re.compile(rb"HTTP/1\.1 (\d{3})")
ANSWER_HEAD = 12
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
PIECE = 1 << 18


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
    taken: list[float] = []
    began = time.monotonic() + 0.1

    def run(number: int) -> None:
        for i in range(number, len(requests), len(connections)):
            due = began + i / rate
            time.sleep(max(0.0, due - time.monotonic()))
            code, body = ask(connections[number], requests[i])
            if code // 100 != 2:
                raise Refused(body.decode(errors="replace"))
            taken.append(time.monotonic() - due)

    threads = [
        threading.Thread(target=run, args=(n,), daemon=True) for n in range(len(connections))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(taken) < len(requests):
        raise Refused(f"{len(requests) - len(taken)} paced requests were not answered")
    return taken


def ask(connection: socket.socket, request: bytes) -> tuple[int, bytes]:
    """One request; code and body of its answer."""
    connection.sendall(request)
    data = b""
    while (end := data.find(b"\r\n\r\n")) < 0:
        data += _receive(connection)
    head, body = data[:end], data[end + 4 :]
    length = LENGTH.search(head)
    while length is not None and len(body) < int(length[1]):
        body += _receive(connection)
    return int(head[9:12]), body


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
