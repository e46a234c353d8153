"""Kills a program at one of its writes: before it goes out, or when it is done and not answered.

The writes to the API server pass a FaultyApiserver, those to JetStream a NatsTap. Both count them
here, so that a test can go through all of them, one run for each.
"""

import re
import socket
import threading
from contextlib import suppress

from support.program import Program
from support.tcp_link import CHUNK, TcpLink

NATS_WRITE = re.compile(
    rb"PUB (\$JS\.API\.(?:STREAM|CONSUMER)\.(?:CREATE|UPDATE|DELETE|PURGE|PAUSE)\.[^ ]+) "
)


class CrashPoint:
    def __init__(self) -> None:
        self.writes: list[str] = []
        self.victim: Program | None = None
        self.struck = threading.Event()
        self._at = 0
        self._before = False
        self._lock = threading.Lock()

    def arm(self, victim: Program, at: int, before: bool) -> None:
        """The victim dies at its write number AT, counted from 1; 0: it lives."""
        with self._lock:
            self.writes = []
            self.struck.clear()
            self.victim, self._at, self._before = victim, at, before

    def begins(self, write: str) -> bool:
        """Counts a write. False if it must not go out, because the victim has died over it."""
        with self._lock:
            self.writes.append(write)
            dies = self._before and len(self.writes) == self._at
        return not (dies and self._strike())

    def is_done(self, number: int) -> bool:
        """The write of this number has been made. False if the victim has died over it."""
        dies = not self._before and number == self._at
        return not (dies and self._strike())

    def _strike(self) -> bool:
        assert self.victim is not None
        self.victim.kill()
        self.struck.set()
        return True


class NatsTap(TcpLink):
    """A link to a nats-server that knows writes to JetStream when it carries them."""

    def __init__(self, port: int, point: CrashPoint) -> None:
        self.point = point
        super().__init__(port)

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK):
                if not self._pass(data, sink):
                    break
            sink.shutdown(socket.SHUT_WR)

    def _pass(self, data: bytes, sink: socket.socket) -> bool:
        """False if the connection is over: its owner has died."""
        first = len(self.point.writes) + 1
        for found in NATS_WRITE.finditer(data):
            if not self.point.begins(found.group(1).decode()):
                return False
        sink.sendall(data)
        numbers = range(first, len(self.point.writes) + 1)
        return all(self.point.is_done(number) for number in numbers)
