"""Sees Tenants become Ready, and consumers come to be, at the moment when they do."""

import http.client
import json
import ssl
import threading
import time
from collections.abc import Iterable
from typing import Any, Self

from bench.nats_pipe import NatsPipe
from support.kube_servers import ADMIN_TOKEN, KubeApiserver
from support.manifests import condition
from support.waiting import TimedOut

PATH = "/apis/bulkhead.dev/v1alpha1/tenants"
CREATED = "$JS.EVENT.ADVISORY.CONSUMER.CREATED.*.*"


class ReadyWatch:
    """A watch over all Tenants, begun before what it is to see."""

    def __init__(self, apiserver: KubeApiserver) -> None:
        self._apiserver = apiserver
        self._changed = threading.Condition()
        self._since: dict[str, tuple[int, float]] = {}
        self._closed = False
        self._open()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        if self._connection.sock is not None:
            self._connection.sock.close()

    def wait(self, wanted: dict[str, int], timeout: float = 300.0) -> float:
        """When the last of these names was Ready, at this generation or a later one."""
        end = time.monotonic() + timeout
        with self._changed:
            while missing := [n for n, g in wanted.items() if self._since.get(n, (0, 0))[0] < g]:
                left = end - time.monotonic()
                if left <= 0 or self._closed:
                    raise TimedOut(f"{len(missing)} Tenants are not Ready, {missing[0]} is one")
                self._changed.wait(min(left, 1.0))
            return max(self._since[name][1] for name in wanted)

    def _open(self) -> None:
        """Without a resourceVersion the server begins with all that there is."""
        trust = ssl.create_default_context(cafile=str(self._apiserver.pki / "ca.crt"))
        port = self._apiserver.port
        self._connection = http.client.HTTPSConnection("127.0.0.1", port, context=trust)
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
        self._connection.request("GET", f"{PATH}?watch=1", headers=headers)
        self._answer = self._connection.getresponse()

    def _run(self) -> None:
        """The server ends a watch that cannot follow, or has lasted long; then a new one begins."""
        while not self._closed:
            try:
                while line := self._answer.readline():
                    self._take(json.loads(line))
                self._open()
            except (OSError, ValueError, AttributeError, http.client.HTTPException):
                if not self._closed:
                    self._closed = True
                    raise

    def _take(self, event: dict[str, Any]) -> None:
        now = time.monotonic()
        if event["type"] == "ERROR":
            return
        tenant = event["object"]
        name = tenant["metadata"]["name"]
        is_ready = event["type"] != "DELETED" and condition(tenant, "Ready").get("status") == "True"
        with self._changed:
            if not is_ready:
                self._since.pop(name, None)
            elif self._since.get(name, (0, 0))[0] < tenant["status"]["observedGeneration"]:
                self._since[name] = (tenant["status"]["observedGeneration"], now)
            self._changed.notify_all()


class ConsumerSpy:
    """Counts the consumers that JetStream says it has made."""

    def __init__(self, port: int, wanted: int) -> None:
        self._pipe = NatsPipe(port)
        self._pipe.subscribe(CREATED)
        self._wanted = wanted
        self._end = 0.0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def wait(self) -> float:
        """When the last of them was made."""
        self._thread.join(300)
        self._pipe.close()
        if self._end == 0.0:
            raise TimedOut(f"JetStream did not make {self._wanted} consumers")
        return self._end

    def _run(self) -> None:
        messages = self._pipe.messages(300)
        for _ in range(self._wanted):
            next(messages)
        self._end = time.monotonic()


def first_generation(names: Iterable[str]) -> dict[str, int]:
    return dict.fromkeys(names, 1)
