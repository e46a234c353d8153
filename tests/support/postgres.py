"""A real PostgreSQL server on its own port and folder; started from a copy of a ready cluster."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from support.places import CACHE, copy_tree, digest, template
from support.program import Program, as_user, free_port

INITDB = ["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"]


def programs() -> Path:
    """The folder of the newest server programs that Debian has installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=_version)
    if not found:
        raise FileNotFoundError("PostgreSQL is not installed: run `make setup`")
    return found[-1].parent


def _version(path: Path) -> float:
    return float(path.parent.parent.name)


class Postgres(Program):
    name = "postgres"
    death_signal = "QUIT"
    stop_signal = signal.SIGINT  # "fast": clients are cut off, a checkpoint is written
    user = "postgres" if os.geteuid() == 0 else None

    def __init__(self, folder: Path, durable: bool = False) -> None:
        """`durable` waits for the disk at a commit, as a server in use does."""
        super().__init__(folder)
        self.port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        self.durable = durable
        self.data = folder / "data"
        self.programs = programs()
        self.make_data()

    def make_data(self) -> None:
        copy_tree(template("postgres", digest(str(self.programs), *INITDB), _initdb), self.data)
        self.data.chmod(0o700)
        _give_all(self.folder)

    def command(self) -> list[str]:
        settings = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            "fsync": "on" if self.durable else "off",
            "max_connections": 50,
            "log_line_prefix": "%m [%p] %q%a ",
        }
        flags = [text for name, value in settings.items() for text in ("-c", f"{name}={value}")]
        return [str(self.programs / "postgres"), "-D", str(self.data), *flags]

    def environment(self) -> dict[str, str]:
        return super().environment() | {"HOME": str(self.folder), "LC_ALL": "C.UTF-8"}

    def ready(self) -> bool:
        try:
            return self.query("SELECT true") == [(True,)]
        except psycopg.OperationalError as error:
            raise ConnectionError(str(error)) from None

    def stop_immediate(self) -> None:
        """As after a crash: no checkpoint, the next start replays the log."""
        self.end(signal.SIGQUIT)

    def freeze(self) -> None:
        """With the processes that serve its connections."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, sig: signal.Signals) -> None:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        for process in [self.pid, *map(int, children.split())]:
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(process, sig)

    def connect(self) -> "psycopg.Connection[tuple[Any, ...]]":
        return psycopg.connect(self.url, connect_timeout=5, autocommit=True)

    def query(self, sql: LiteralString, *values: Any) -> list[tuple[Any, ...]]:
        """Runs one statement in a connection of its own and returns its rows, if it has any."""
        with self.connect() as connection:
            cursor = connection.execute(sql, values)
            return cursor.fetchall() if cursor.description else []


class Standby(Postgres):
    """Follows another server until it is promoted."""

    def __init__(self, folder: Path, primary: Postgres) -> None:
        self.primary = primary
        super().__init__(folder)

    def make_data(self) -> None:
        _give(self.folder)
        flags = ["--write-recovery-conf", "--checkpoint=fast", "--no-sync", "-d", self.primary.url]
        _run(self.folder, self.programs / "pg_basebackup", *flags, "-D", str(self.data))

    def promote(self) -> None:
        self.query("SELECT pg_promote()")


class OtherPostgres(Postgres):
    """A server of a major version that Debian does not have."""

    def __init__(self, folder: Path, major: str) -> None:
        self.major = major
        super().__init__(folder)

    def make_data(self) -> None:
        self.programs = _link_programs(self.major, self.folder / "programs")
        key = digest(self.major, (self.programs.parent / "version"), *INITDB)
        copy_tree(template("postgres", key, self._initdb), self.data)
        self.data.chmod(0o700)
        _give(self.folder)
        _give_all(self.data)

    def _initdb(self, work: Path) -> None:
        _initdb(work, self.programs)


def _link_programs(major: str, target: Path) -> Path:
    """They lie in the cache, which the server's user may not be able to enter."""
    installed = CACHE / "postgresql" / major
    if not installed.exists():
        raise FileNotFoundError(f"PostgreSQL {major} is not installed: run `make setup`")
    shutil.copytree(installed, target, symlinks=True, copy_function=_link_or_copy)
    return target / "bin"


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def _initdb(work: Path, where: Path | None = None) -> None:
    _give(work)
    _run(work, (where or programs()) / "initdb", *INITDB, "-D", str(work))


def _run(folder: Path, program: Path, *arguments: str) -> None:
    """As the user that owns the data."""
    subprocess.run(
        ["setpriv", *as_user(Postgres.user), "--", str(program), *arguments],
        check=True,
        cwd=folder,
        stdout=subprocess.DEVNULL,
    )


def _give(*folders: Path) -> None:
    if Postgres.user:
        owner = pwd.getpwnam(Postgres.user)
        for folder in folders:
            shutil.chown(folder, owner.pw_uid, owner.pw_gid)


def _give_all(folder: Path) -> None:
    _give(folder, *folder.rglob("*"))
