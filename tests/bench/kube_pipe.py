"""Writes to a kube-apiserver pipelined by hand over a few connections."""

import json
import re
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bench.nats_pipe import Refused
from support.kube_servers import ADMIN_TOKEN, KubeApiserver

CONNECTIONS = 8
STALE_SECONDS = 30  # after 90 the server closes a connection on which nothing happens
IN_FLIGHT = 4  # on each connection: the next is there when the server has answered one
ANSWER = re.compile(rb"HTTP/1\.1 (\d{3})")
ANSWER_HEAD = 12
PIECE = 1 << 18


@dataclass(frozen=True)
class Write:
    method: str
    path: str
    body: Any
    content_type: str = "application/json"


class KubePipe:
    def __init__(self, apiserver: KubeApiserver) -> None:
        self._server = apiserver
        self._sockets: list[ssl.SSLSocket] = []
        self._used = 0.0

    def prepare(self) -> None:
        """Sees to fresh connections, which a write does too, but may take its time here."""
        if time.monotonic() - self._used > STALE_SECONDS:
            for connection in self._sockets:
                connection.close()
            self._sockets = [self._connect() for _ in range(CONNECTIONS)]
        self._used = time.monotonic()

    def write(self, writes: list[Write]) -> float:
        """Sends all, waits for all answers, and returns the seconds that took."""
        self.prepare()
        data = [self._request(write) for write in writes]
        lanes = [
            _Lane(connection, data[i :: len(self._sockets)])
            for i, connection in enumerate(self._sockets)
        ]
        began = time.monotonic()
        for lane in lanes:
            lane.start()
        for lane in lanes:
            lane.join()
        self._used = time.monotonic()
        failures = [lane.failure for lane in lanes if lane.failure]
        if failures:
            raise Refused(failures[0])
        return self._used - began

    def _connect(self) -> ssl.SSLSocket:
        trust = ssl.create_default_context(cafile=str(self._server.pki / "ca.crt"))
        plain = socket.create_connection(("127.0.0.1", self._server.port), timeout=60)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return trust.wrap_socket(plain, server_hostname="localhost")

    def _request(self, write: Write) -> bytes:
        body = json.dumps(write.body, separators=(",", ":")).encode()
        head = (
            f"{write.method} {write.path} HTTP/1.1\r\n"
            f"Host: {urlsplit(self._server.url).netloc}\r\n"
            f"Authorization: Bearer {ADMIN_TOKEN}\r\n"
            f"Content-Type: {write.content_type}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


class _Lane(threading.Thread):
    """The writes of one connection. Answers are counted by their first lines."""

    def __init__(self, connection: ssl.SSLSocket, requests: list[bytes]) -> None:
        super().__init__(daemon=True)
        self.connection = connection
        self.requests = requests
        self.failure = ""

    def run(self) -> None:
        try:
            self._run()
        except OSError as error:
            self.failure = f"kube-apiserver: {error}"

    def _run(self) -> None:
        sent = min(IN_FLIGHT, len(self.requests))
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
            more = self.requests[sent : answered + IN_FLIGHT]
            sent += len(more)
            self.connection.sendall(b"".join(more))


def _end_of_last(data: bytes) -> int:
    return max((found.end() for found in ANSWER.finditer(data)), default=0)
