"""Waiting for a condition, with a report of what was seen last when it never comes."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
INTERVAL = 0.05


class TimedOut(AssertionError):
    """The condition did not become true in time."""


def eventually(probe: Callable[[], T], what: str, timeout: float = 10.0) -> T:
    """Calls `probe` until it returns something true, and returns that.

    A failed assertion or a refused connection inside the probe means "not yet".
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            value = probe()
            if value:
                return value
            last = repr(value)
        except (AssertionError, OSError, LookupError) as error:
            last = f"{type(error).__name__}: {error}"
        if time.monotonic() >= deadline:
            raise TimedOut(f"{what}: not within {timeout:g} s; last: {last}")
        time.sleep(INTERVAL)
