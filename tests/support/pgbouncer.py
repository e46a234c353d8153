"""A real PgBouncer in transaction mode before a PostgreSQL server."""

import os
from pathlib import Path

import psycopg

from support.postgres import Postgres
from support.program import Program, free_port


class PgBouncer(Program):
    name = "pgbouncer"
    user = "postgres" if os.geteuid() == 0 else None

    def __init__(self, folder: Path, postgres: Postgres, pool_size: int, *settings: str) -> None:
        """`settings` are more lines for its configuration."""
        super().__init__(folder)
        self.port = free_port()
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/postgres"
        (folder / "users.txt").write_text('"postgres" ""\n')
        lines = [
            "[databases]",
            f"postgres = host=127.0.0.1 port={postgres.port} dbname=postgres",
            "[pgbouncer]",
            "listen_addr = 127.0.0.1",
            f"listen_port = {self.port}",
            "unix_socket_dir =",
            "auth_type = trust",
            f"auth_file = {folder}/users.txt",
            "pool_mode = transaction",
            f"default_pool_size = {pool_size}",
            *settings,
        ]
        self.config = folder / "pgbouncer.ini"
        self.config.write_text("\n".join(lines) + "\n")

    def command(self) -> list[str]:
        return ["/usr/sbin/pgbouncer", str(self.config)]

    def ready(self) -> bool:
        try:
            psycopg.connect(self.url, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            raise ConnectionError(str(error)) from None
        return True
