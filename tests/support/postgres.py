"""A real PostgreSQL server on its own port and folder; started from a copy of a ready cluster."""

import os
import pwd
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any, LiteralString

import psycopg

from support.places import copy_tree, digest, template
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
        copy_tree(template("postgres", digest(str(programs()), *INITDB), _initdb), self.data)
        self.data.chmod(0o700)
        _give(folder)

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
        return [str(programs() / "postgres"), "-D", str(self.data), *flags]

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

    def connect(self) -> "psycopg.Connection[tuple[Any, ...]]":
        return psycopg.connect(self.url, connect_timeout=5, autocommit=True)

    def query(self, sql: LiteralString, *values: Any) -> list[tuple[Any, ...]]:
        """Runs one statement in a connection of its own and returns its rows, if it has any."""
        with self.connect() as connection:
            cursor = connection.execute(sql, values)
            return cursor.fetchall() if cursor.description else []


def _initdb(work: Path) -> None:
    _give(work)
    initdb = str(programs() / "initdb")
    subprocess.run(
        ["setpriv", *as_user(Postgres.user), "--", initdb, *INITDB, "-D", str(work)],
        check=True,
        cwd=work,
        stdout=subprocess.DEVNULL,
    )


def _give(folder: Path) -> None:
    if Postgres.user:
        owner = pwd.getpwnam(Postgres.user)
        for path in [folder, *folder.rglob("*")]:
            shutil.chown(path, owner.pw_uid, owner.pw_gid)
