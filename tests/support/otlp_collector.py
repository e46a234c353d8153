"""A collector of traces, which keeps the spans that it is sent by OTLP over HTTP."""

import http.server
import json
import threading
from http import HTTPStatus
from typing import Any, Self

Span = dict[str, Any]


class OtlpCollector:
    def __init__(self) -> None:
        self.spans: list[Span] = []
        collector = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector._take(self.path, json.loads(body))
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                """Nothing: the tests look at the spans."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def _take(self, path: str, batch: dict[str, Any]) -> None:
        assert path == "/v1/traces"
        for of_resource in batch["resourceSpans"]:
            resource = _attributes(of_resource["resource"])
            for of_scope in of_resource["scopeSpans"]:
                for span in of_scope["spans"]:
                    known = {"resource": resource, "attributes": _attributes(span)}
                    self.spans.append(span | known)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _attributes(item: dict[str, Any]) -> dict[str, str]:
    """Each value as a text, as OTLP has integers too."""
    return {a["key"]: next(iter(a["value"].values())) for a in item["attributes"]}
