"""Writes to a kube-apiserver pipelined by hand over a few connections."""

import json
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from bench.lanes import send_all, send_paced
from support.kube_servers import ADMIN_TOKEN, KubeApiserver

CONNECTIONS = 8
STALE_SECONDS = 30  # after 90 the server closes a connection on which nothing happens
IN_FLIGHT = 4  # on each connection: the next is there when the server has answered one


@dataclass(frozen=True)
class Write:
    method: str
    path: str
    body: Any
    content_type: str = "application/json"


class KubePipe:
    def __init__(self, apiserver: KubeApiserver, connections: int = CONNECTIONS) -> None:
        self._server = apiserver
        self._connections = connections
        self._sockets: list[ssl.SSLSocket] = []
        self._used = 0.0

    def prepare(self) -> None:
        """Sees to fresh connections, which a write does too, but may take its time here."""
        if time.monotonic() - self._used > STALE_SECONDS:
            self._connect_all()
        self._used = time.monotonic()

    def write(self, writes: list[Write]) -> float:
        """Sends all, waits for all answers, and returns the seconds that took."""
        self.prepare()
        data = [self._request(write) for write in writes]
        seconds = send_all(self._sockets, data, IN_FLIGHT)
        self._used = time.monotonic()
        return seconds

    def write_paced(self, writes: list[Write], rate: float) -> list[float]:
        """Sends so many a second, and returns how long each took from when it was due."""
        self._connect_all()  # a write leaves the rest of its last answers unread
        taken = send_paced(self._sockets, [self._request(write) for write in writes], rate)
        self._used = time.monotonic()
        return taken

    def _connect_all(self) -> None:
        for connection in self._sockets:
            connection.close()
        self._sockets = [self._connect() for _ in range(self._connections)]

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
