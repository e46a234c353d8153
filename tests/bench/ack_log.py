"""When each acknowledgement went to a relay: a second reader of its inbox, read later."""

import re
import threading
import time
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from bench.nats_pipe import NatsPipe

ACK = re.compile(
    rb"MSG (?P<inbox>[^. ]+)\.\S+ \d+ \d+\r\n"
    rb'\{"stream":"TENANT_(?P<tenant>[A-Z0-9-]+)","seq":(?P<seq>\d+)'
)


@dataclass(frozen=True)
class AckSeen:
    inbox: str
    tenant: str
    seq: int
    at: float  # seconds since 1970


class AckLog:
    """Only bytes and times are kept while it listens; what they say is found out afterwards."""

    def __init__(self, port: int, *inboxes: str) -> None:
        self._pipe = NatsPipe(port)
        for inbox in inboxes:
            self._pipe.subscribe(f"{inbox}.>")
        self._pieces: list[tuple[float, bytes]] = []
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._pipe.shut()
        self._thread.join()

    def _listen(self) -> None:
        for piece in self._pipe.pieces():
            self._pieces.append((time.time(), piece))

    def acks(self) -> Iterator[AckSeen]:
        pieces = list(self._pieces)
        starts, total = [], 0
        for _, piece in pieces:
            starts.append(total)
            total += len(piece)
        for found in ACK.finditer(b"".join(piece for _, piece in pieces)):
            at = pieces[bisect_right(starts, found.end() - 1) - 1][0]
            tenant = found["tenant"].decode().lower()
            yield AckSeen(found["inbox"].decode(), tenant, int(found["seq"]), at)
