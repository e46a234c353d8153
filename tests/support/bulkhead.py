"""The binaries of this project as programs under test."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.request import urlopen

from support.places import binary
from support.program import Program, ProgramFailed, free_port


class BulkheadProgram(Program):
    """What controller and relay share: an HTTP listener, and exit code 0 after SIGTERM."""

    def __init__(self, folder: Path, flags: Sequence[str], settings: dict[str, str]) -> None:
        """`flags` go after our own; `settings` are environment variables."""
        super().__init__(folder)
        self.port = free_port()
        self.flags = list(flags)
        self.settings = settings

    def command(self) -> list[str]:
        listen = f"--listen=127.0.0.1:{self.port}"
        return [str(binary(self.name)), listen, "--log-format=text", *self.flags]

    def environment(self) -> dict[str, str]:
        return super().environment() | self.settings

    def ready(self) -> bool:
        return self.page("readyz") != ""

    def page(self, name: str) -> str:
        """A page of its listener: livez, readyz, metrics. Raises HTTPError for a 503."""
        with urlopen(f"http://127.0.0.1:{self.port}/{name}", timeout=5) as answer:
            return str(answer.read().decode()) or "ok"

    def metrics(self) -> dict[str, float]:
        """Every series as it is written, labels included, with its value."""
        lines = [line for line in self.page("metrics").splitlines() if line and line[0] != "#"]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}

    def stop(self) -> int:
        code = super().stop()
        if code != 0:
            raise ProgramFailed(f"{self.name} ended with code {code} on SIGTERM\n{self.tail()}")
        return code

    @classmethod
    def run(cls, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
        """Runs the binary to its end, for what it prints and the code it exits with."""
        return subprocess.run(
            [binary(cls.name), *arguments],
            env=settings,
            capture_output=True,
            text=True,
            timeout=60,
        )


class Controller(BulkheadProgram):
    name = "bulkhead-controller"

    def __init__(
        self, folder: Path, kubeconfig: Path, nats_url: str, flags: Sequence[str] = ()
    ) -> None:
        ours = [f"--kubeconfig={kubeconfig}", f"--nats-url={nats_url}"]
        super().__init__(folder, [*ours, *flags], {})


class Relay(BulkheadProgram):
    name = "bulkhead-relay"

    def __init__(
        self, folder: Path, database_url: str, nats_url: str, flags: Sequence[str] = ()
    ) -> None:
        settings = {"BULKHEAD_DATABASE_URL": database_url}
        super().__init__(folder, [f"--nats-url={nats_url}", *flags], settings)


def migrate(database_url: str, *flags: str) -> str:
    """Makes the outbox's tables, as an operator does before the first relay."""
    done = Relay.run("migrate", *flags, BULKHEAD_DATABASE_URL=database_url)
    if done.returncode != 0:
        raise ProgramFailed(f"bulkhead-relay migrate: {done.stderr or done.stdout}")
    return done.stdout
