"""A way to the API server on which news come late: its watches can be held back, nothing else.

A real API server is late when its watch cache is behind etcd; nobody can tell it to be.
"""

import http.client
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import yaml

from support.kube_servers import ADMIN_TOKEN, KubeApiserver
from support.program import free_port

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PASSED_ON = ("Accept", "Content-Type")


@dataclass(frozen=True)
class Write:
    path: str
    code: int


class LateWatch:
    def __init__(self, apiserver: KubeApiserver, folder: Path) -> None:
        self.apiserver = apiserver
        self.writes: list[Write] = []
        self.reads: list[str] = []
        self._open = threading.Event()
        self._open.set()
        port = free_port()
        methods = {f"do_{method}": _Handler.serve for method in METHODS}
        handler = type("Handler", (_Handler,), {"late": self, **methods})
        self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.kubeconfig = folder / "late.kubeconfig"
        self.kubeconfig.write_text(yaml.safe_dump(_kubeconfig(f"http://127.0.0.1:{port}")))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.set()
        self._server.shutdown()
        self._server.server_close()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Nothing that a watch brings arrives, until the end; then all does."""
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()

    def wait_open(self) -> None:
        self._open.wait()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    late: LateWatch

    def serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        headers["Authorization"] = f"Bearer {ADMIN_TOKEN}"
        trust = ssl.create_default_context(cafile=str(self.late.apiserver.pki / "ca.crt"))
        there = http.client.HTTPSConnection("127.0.0.1", self.late.apiserver.port, context=trust)
        there.request(self.command, self.path, self.rfile.read(length) or None, headers)
        answer = there.getresponse()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
        if "watch=true" in self.path:
            self._stream(answer)
        else:
            self._whole(answer)
        there.close()

    def _whole(self, answer: http.client.HTTPResponse) -> None:
        body = answer.read()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.late.reads.append(self.path)
        else:
            self.late.writes.append(Write(self.path.split("?")[0], answer.status))
        self.wfile.write(body)

    def _stream(self, answer: http.client.HTTPResponse) -> None:
        """Line by line; the end is that of the connection."""
        self.close_connection = True
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            while line := answer.readline():
                self.late.wait_open()
                self.wfile.write(line)
        except OSError:
            return  # the client has ended

    def log_message(self, *_: Any) -> None:
        """Not on standard error."""


def _kubeconfig(server: str) -> dict[str, Any]:
    return {
        "clusters": [{"name": "late", "cluster": {"server": server}}],
        "users": [{"name": "anyone", "user": {}}],
        "contexts": [{"name": "late", "context": {"cluster": "late", "user": "anyone"}}],
        "current-context": "late",
    }
