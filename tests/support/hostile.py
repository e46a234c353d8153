"""What strangers send to the webhook: forged, broken, odd, huge and slow."""

import base64
import bisect
import gzip
import hashlib
import hmac
import random
import socket
import threading
import time
from collections.abc import Sequence
from typing import Self

from support.webhook import PATH, SECRET, Delivery, event, new_id, signed, status

KINDS = 10
FOREIGN = "whsec_" + "D" * 44
HUGE = 200_000
SLOW_CLIENTS = 32


def hostile(dice: random.Random, replays: Sequence[Delivery]) -> Delivery:
    """One request that must change nothing; `replays` were handled before."""
    victim = dice.choice(replays)
    kind = dice.randrange(KINDS)
    if kind == 0:
        return victim
    if kind == 1:
        header = dice.choice(list(victim.headers))
        return Delivery(victim.headers | {header: noise(dice, 40)}, victim.body)
    if kind == 2:
        return Delivery(victim.headers, mutated(dice, victim.body))
    if kind == 3:
        return signed(mutated(dice, victim.body), secret=FOREIGN)
    if kind == 4:
        return signed(bytes(dice.randrange(32, 127) for _ in range(dice.randrange(200))))
    if kind == 5:
        return Delivery({}, dice.randbytes(dice.randrange(3000)))
    if kind == 6:
        path = f"{PATH}/{noise(dice, 20)}".replace(" ", "")
        return Delivery(status("acme-1").headers, b"", path.replace("?", ""), "GET")
    if kind == 7:
        return signed(b'{"type":"' + noise(dice, 30).encode() + b'"' * dice.randrange(2))
    if kind == 8:
        return huge(dice, victim)
    return oddly_encoded(dice, victim)


def noise(dice: random.Random, length: int) -> str:
    letters = "abcXYZ019-_.,:;=+/%~ \"'{}"
    return "".join(dice.choice(letters) for _ in range(dice.randrange(1, length)))


def mutated(dice: random.Random, body: bytes) -> bytes:
    """Another text of the same kind: a byte replaced, so that it stays ASCII."""
    place = dice.randrange(len(body))
    return body[:place] + bytes([dice.randrange(32, 127) ^ 1]) + body[place + 1 :] + b" "


def huge(dice: random.Random, victim: Delivery) -> Delivery:
    """More than is read, or said to be more."""
    if dice.random() < 0.2:
        return Delivery(victim.headers | {"content-length": str(1 << 40)}, b"{")
    return signed_bytes(b"[" * dice.randrange(HUGE // 2, HUGE))


def oddly_encoded(dice: random.Random, victim: Delivery) -> Delivery:
    """Rightly signed, and none of it JSON in UTF-8."""
    text = event("account.updated", "acme-1", plan="default").decode()
    gzipped = {"content-encoding": "gzip"}
    made = [
        signed_bytes(text.encode("utf-16")),
        signed_bytes(text.encode("utf-32-be")),
        signed_bytes(text.replace("acme", "\u00e4cme").encode("latin-1")),
        signed_bytes(text.encode().replace(b"acme", b"\xc0\xafcme")),
        signed_bytes(text.encode().replace(b"acme", b"\xed\xa0\x80cme")),
        signed_bytes(text.replace("acme", r"\ud800").encode()),
        signed_bytes(text.replace("acme", r"a\u0000b").encode()),
        signed_bytes(text.encode() + b"\0"),
        signed_bytes(gzip.compress(text.encode()), **gzipped),
        signed_bytes(text.encode(), **{"content-type": "application/json; charset=utf-16"}),
        signed_bytes(text.encode(), **{"content-type": "application/x-www-form-urlencoded"}),
        Delivery(victim.headers | gzipped, gzip.compress(victim.body)),
    ]
    return dice.choice(made)


def signed_bytes(body: bytes, **headers: str) -> Delivery:
    """As signed(), for what the reference library refuses to sign: bytes that are no text."""
    stamp, message_id = str(int(time.time())), new_id()
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    text = f"{message_id}.{stamp}.".encode() + body
    signature = base64.b64encode(hmac.digest(key, text, hashlib.sha256)).decode()
    ours = {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{signature}",
    }
    return Delivery(ours | headers, body)


class SlowClients:
    """Connections that send a request one byte at a time, and begin anew when they are cut off."""

    HEAD = b"POST /v1/tenants HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n"

    def __init__(self, port: int, count: int = SLOW_CLIENTS) -> None:
        self.cut_off = 0
        self._port = port
        self._count = count
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        open_ones = [self._connect() for _ in range(self._count)]
        while not self._ended.wait(0.1):
            for i, connection in enumerate(open_ones):
                try:
                    connection.send(b"x")
                except OSError:
                    connection.close()
                    self.cut_off += 1
                    open_ones[i] = self._connect()
        for connection in open_ones:
            connection.close()

    def _connect(self) -> socket.socket:
        connection = socket.create_connection(("127.0.0.1", self._port), 10)
        connection.sendall(self.HEAD)
        return connection


def share_of_slower(one: Sequence[float], other: Sequence[float]) -> float:
    """In how many of all pairs the first is the slower one: a half where both take as long."""
    ordered = sorted(other)
    slower = sum(bisect.bisect_left(ordered, value) for value in one)
    return slower / (len(one) * len(other))
