"""Programs that the tests start: each with a folder and a log of its own, none left behind.

Three nets catch a program that a test forgot or could not stop: the fixture that made it, an exit
handler, and the kernel, which kills it when the thread that started it dies. So start programs
from the main thread only.
"""

import atexit
import os
import random
import signal
import socket
import subprocess
from pathlib import Path
from typing import Self

from support.waiting import TimedOut, eventually

LOG_TAIL = 60
_running: list["Program"] = []
_started: list["Program"] = []
_given_ports: set[int] = set()


class ProgramFailed(AssertionError):
    """A program ended when it should not have, or not in the way it should."""


def free_port() -> int:
    """A port nobody listens on, below the range from which connections get theirs.

    A port of that range could be taken by any connection while its server is being restarted.
    """
    limits = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    while True:
        port = random.randrange(10000, int(limits[0]))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given_ports:
            _given_ports.add(port)
            return port


def as_user(name: str | None) -> list[str]:
    """What to give setpriv so that the program runs as this user, or as ours."""
    return ["--reuid", name, "--regid", name, "--init-groups"] if name else []


class Program:
    """One program; subclasses say how to run it and when it is ready."""

    name = "program"
    death_signal = "KILL"
    stop_signal = signal.SIGTERM
    start_seconds = 30.0
    stop_seconds = 15.0
    user: str | None = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.log = folder / f"{self.name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        ours = ("BULKHEAD_", "KUBE", "NATS_", "PG", "ETCD")
        return {k: v for k, v in os.environ.items() if not k.startswith(ours)}

    def ready(self) -> bool:
        return True

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    def start(self, wait: bool = True) -> Self:
        assert not self.running, f"{self.name} runs already"
        death = ["--pdeathsig", self.death_signal]
        argv = ["setpriv", *as_user(self.user), *death, "--", *self.command()]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self.environment(),
                start_new_session=True,
            )
        _running.append(self)
        if self not in _started:
            _started.append(self)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self) -> None:
        try:
            eventually(self._ready_or_dead, f"{self.name} is ready", self.start_seconds)
        except TimedOut as late:
            self.kill()
            raise ProgramFailed(f"{late}\n{self.tail()}") from None
        if not self.running:
            code = self._forget()
            raise ProgramFailed(f"{self.name} ended at once with code {code}\n{self.tail()}")

    def _ready_or_dead(self) -> bool:
        return not self.running or self.ready()

    def stop(self) -> int:
        """Asks it to end, insists when it does not, and returns its exit code."""
        return self.end(self.stop_signal)

    def end(self, sig: signal.Signals) -> int:
        if self._process is not None and self.running:
            os.kill(self.pid, sig)
            self.thaw()
            try:
                self._process.wait(self.stop_seconds)
            except subprocess.TimeoutExpired:
                self.kill()
                late = f"{self.name} did not end within {self.stop_seconds:g} s of {sig.name}"
                raise ProgramFailed(f"{late}\n{self.tail()}") from None
        return self._forget()

    def kill(self) -> None:
        """kill -9, of what it has started in its process group too."""
        if self._process is not None and self.running:
            os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
        self._forget()
        self._process = None  # its exit code is ours, and no verdict on it

    def restart(self) -> None:
        self.stop()
        self.start()

    def send(self, sig: signal.Signals) -> None:
        os.kill(self.pid, sig)

    def freeze(self) -> None:
        """Stops answering without closing anything, as a machine does that fell off the network."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def tail(self, lines: int = LOG_TAIL) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def _forget(self) -> int:
        if self in _running:
            _running.remove(self)
        return self._process.returncode if self._process is not None else 0

    def __enter__(self) -> Self:
        return self if self.running else self.start()

    def __exit__(self, *_: object) -> None:
        if self.running:
            self.stop()


def started_programs() -> list[Program]:
    """All that were started since forget_started(), those that have ended included."""
    return list(_started)


def forget_started() -> None:
    _started.clear()


@atexit.register
def kill_all() -> None:
    """The last started goes first, so that no server waits for the one it depends on."""
    for program in reversed(list(_running)):
        program.kill()


def interrupt_on_sigterm() -> None:
    """Makes SIGTERM do what Ctrl-C does, so that the clean-up runs for both."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
