"""An API server with faults on demand: a proxy in front of a real one that breaks its answers.

It speaks the real protocol, since every answer that it does not break is the real server's.
"""

import http.client
import json
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from support.crash_point import CrashPoint
from support.kube_cluster import KubeCluster
from support.kube_servers import ADMIN_TOKEN, KubeApiserver

HALF = 0.5
PASSED_ON = ("Content-Type", "Accept", "Accept-Encoding")
PASSED_BACK = ("Content-Type", "Content-Encoding", "Retry-After")


@dataclass
class Fault:
    """What becomes of a request: an answer of its own, or the real one, cut or never sent."""

    status: int = 0  # 0: the real one
    headers: dict[str, str] = field(default_factory=dict)
    body: str = '{"kind":"Status","apiVersion":"v1","status":"Failure"}'
    cut: bool = False  # in the middle of its body, or of the first event of a watch
    hang: bool = False  # no answer until the fault is over, and then none either
    event: str = ""  # a line that ends a watch, which is refused in no other way
    watches_only: bool = False


class FaultyApiserver:
    def __init__(self, cluster: KubeCluster) -> None:
        self.cluster = cluster
        self.upstream = cluster.apiserver  # the real one, which may be exchanged
        self.fault: Fault | None = None
        self.point: CrashPoint | None = None  # counts the writes, Events left out
        self.token: str | None = None  # the only one that is good; None: any
        self.asked: list[tuple[float, str]] = []
        self.broken_since = 0.0
        self._over = threading.Event()
        self._server = _Server(self)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.mend()
        self._server.shutdown()
        self._server.server_close()

    def show_certificate(self, folder: Path | None) -> None:
        """From the next connection on it shows server.crt of this folder; None: plain HTTP."""
        self._server.tls = None
        if folder is not None:
            self._server.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._server.tls.load_cert_chain(folder / "server.crt", folder / "server.key")

    def kubeconfig(self, user: dict[str, Any], ca: Path | None = None) -> Path:
        scheme = "https" if ca else "http"
        cluster: dict[str, Any] = {"server": f"{scheme}://127.0.0.1:{self.port}"}
        if ca:
            cluster["certificate-authority"] = str(ca)
        config = {
            "current-context": "x",
            "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
            "clusters": [{"name": "x", "cluster": cluster}],
            "users": [{"name": "x", "user": user}],
        }
        path = self.cluster.folder / "faulty.kubeconfig"
        path.write_text(json.dumps(config))
        return path

    def break_with(self, fault: Fault) -> None:
        """From now on every request has this fault, and every open connection ends."""
        self._over = threading.Event()
        self.broken_since = time.monotonic()
        self.fault = fault
        self._server.close_connections()

    def lead_to(self, upstream: KubeApiserver) -> None:
        """From now on it stands in front of this one, and every open connection ends."""
        self.upstream = upstream
        self._server.close_connections()

    def mend(self) -> None:
        self.fault = None
        self._over.set()

    def requests_since(self, then: float) -> list[str]:
        """What was asked since time.monotonic() was THEN."""
        return [what for when, what in list(self.asked) if when >= then]

    def wait_over(self) -> None:
        self._over.wait()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, faulty: FaultyApiserver) -> None:
        self.faulty = faulty
        self.tls: ssl.SSLContext | None = None
        self.open: set[Any] = set()
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", 0), _Handler)

    def close_connections(self) -> None:
        with self.lock:
            for connection in self.open:
                _shut(connection)

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.tls is not None:
            request = self.tls.wrap_socket(request, server_side=True, do_handshake_on_connect=False)
        with self.lock:
            self.open.add(request)
        try:
            super().finish_request(request, client_address)  # whose first read shakes hands
        finally:
            with self.lock:
                self.open.discard(request)
            _shut(request)
            request.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that break are what this is for."""


def _shut(connection: Any) -> None:
    try:
        connection.shutdown(2)
    except OSError:
        return


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: Any) -> None:
        """Not into the test's output."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def _serve(self) -> None:
        faulty = self.server.faulty
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        faulty.asked.append((time.monotonic(), f"{self.command} {self.path}"))
        watch = "watch=true" in self.path
        if faulty.token and self.headers.get("Authorization") != f"Bearer {faulty.token}":
            self._answer(Fault(status=401))
            return
        if faulty.point and self.command != "GET" and "/events" not in self.path:
            self._pass_point(faulty.point, body)
            return
        fault = faulty.fault
        if fault is None or (fault.watches_only and not watch):
            self._pass_on(body, watch, None)
        elif fault.hang:
            faulty.wait_over()
            self.close_connection = True
        elif fault.status:
            self._answer(fault)
        elif fault.event:
            self._answer(Fault(status=200, body=fault.event))
        else:
            self._pass_on(body, watch, fault)

    def _pass_point(self, point: CrashPoint, body: bytes) -> None:
        self.close_connection = True  # for who dies; who lives connects again
        if not point.begins(f"{self.command} {self.path.split('?')[0]}"):
            return
        number = len(point.writes)
        with self._upstream(body) as answer:
            data = answer.read()
            if point.is_done(number):
                self._head(answer)
                self._whole(data, None)

    def _answer(self, fault: Fault) -> None:
        data = fault.body.encode()
        self.send_response(fault.status)
        for name, value in (fault.headers | {"Content-Length": str(len(data))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    @contextmanager
    def _upstream(self, body: bytes) -> Iterator[http.client.HTTPResponse]:
        """The real server's answer to this request."""
        apiserver = self.server.faulty.upstream
        trust = ssl.create_default_context(cafile=str(apiserver.pki / "ca.crt"))
        upstream = http.client.HTTPSConnection("127.0.0.1", apiserver.port, context=trust)
        headers = {name: self.headers[name] for name in PASSED_ON if name in self.headers}
        headers["Authorization"] = f"Bearer {ADMIN_TOKEN}"
        try:
            upstream.request(self.command, self.path, body or None, headers)
            yield upstream.getresponse()
        finally:
            upstream.close()

    def _head(self, answer: http.client.HTTPResponse) -> None:
        self.send_response(answer.status)
        for name in PASSED_BACK:
            if value := answer.getheader(name):
                self.send_header(name, value)

    def _pass_on(self, body: bytes, watch: bool, fault: Fault | None) -> None:
        with self._upstream(body) as answer:
            self._head(answer)
            if watch:
                self._stream(answer, fault)
            else:
                self._whole(answer.read(), fault)

    def _whole(self, data: bytes, fault: Fault | None) -> None:
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: int(len(data) * HALF)] if fault else data)
        self.close_connection = fault is not None

    def _stream(self, answer: http.client.HTTPResponse, fault: Fault | None) -> None:
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while data := answer.readline():
            if fault:
                data = data[: int(len(data) * HALF)]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            if fault:
                break
        if not fault:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True
