"""A TCP proxy that cuts a connection after an exact number of bytes in one direction.

Only connections that have sent `marker` count: the others of the same client pass untouched.
"""

import contextlib
import enum
import socket
import threading
from dataclasses import dataclass, field

CHUNK = 1 << 16
GATE_SECONDS = 0.002


class Way(enum.Enum):
    UP = "to the server"
    DOWN = "from the server"


@dataclass
class Link:
    """One connection of the client, and ours to the server for it."""

    client: socket.socket
    server: socket.socket
    counted: bool = False
    pumps: int = 2

    def close(self) -> None:
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@dataclass
class Cut:
    way: Way
    after: int  # bytes
    done: bool = False


@dataclass
class CutProxy:
    target: int  # a port of this machine
    marker: bytes
    passed: dict[Way, bytearray] = field(default_factory=lambda: {way: bytearray() for way in Way})
    cut: Cut | None = None

    def __post_init__(self) -> None:
        self._lock = threading.RLock()
        self._gate = threading.Event()
        self._gate.set()
        self._waiting = threading.Event()
        self._links: list[Link] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()
        self._gate.set()
        for link in list(self._links):
            link.close()

    def hold(self, seconds: float = 20.0) -> None:
        """Lets nothing up any more; returns when the client has something to say."""
        self._waiting.clear()
        self._gate.clear()
        assert self._waiting.wait(seconds), "the client says nothing"

    def release(self) -> None:
        self._gate.set()

    def begin(self, cut: Cut | None = None) -> None:
        """Counts from here on, and cuts where it is told to."""
        with self._lock:
            self.passed = {way: bytearray() for way in Way}
            self.cut = cut

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._connect(client)

    def _connect(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self.target))
        except OSError:
            client.close()
            return
        link = Link(client, server)
        self._links.append(link)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=self._pump, args=(link, Way.UP), daemon=True).start()
        threading.Thread(target=self._pump, args=(link, Way.DOWN), daemon=True).start()

    def _pump(self, link: Link, way: Way) -> None:
        source, sink = link.client, link.server
        if way is Way.DOWN:
            source, sink = sink, source
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                if way is Way.UP:
                    self._wait_at_gate(link, data)
                if not self._pass(link, way, data, sink):
                    break
        link.close()
        with self._lock:
            link.pumps -= 1
            if link.pumps == 0:
                link.client.close()
                link.server.close()
                self._links.remove(link)

    def _wait_at_gate(self, link: Link, data: bytes) -> None:
        link.counted = link.counted or self.marker in data
        while link.counted and not self._gate.wait(GATE_SECONDS):
            self._waiting.set()

    def _pass(self, link: Link, way: Way, data: bytes, sink: socket.socket) -> bool:
        """False when the link is to be cut now. No byte passes on the other way meanwhile."""
        with self._lock:
            cut = self.cut if link.counted else None
            mine = cut is not None and cut.way is way and not cut.done
            allowed = cut.after - len(self.passed[way]) if cut is not None and mine else len(data)
            sink.sendall(data[:allowed])
            if link.counted:
                self.passed[way] += data[:allowed]
            if cut is not None and mine and allowed <= len(data):
                cut.done = True
                link.close()
                return False
            return True
