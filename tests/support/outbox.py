"""The outbox as an application and an operator see it."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from support.postgres import Postgres

INSERT = (
    "INSERT INTO outbox (tenant_id, event_type, payload, ordering_key, headers)"
    " VALUES (%s, %s, %s, %s, %s::jsonb)"
)


@dataclass(frozen=True)
class Row:
    tenant: str
    event_type: str
    payload: bytes = b"{}"
    ordering_key: str | None = None
    headers: dict[str, Any] = field(default_factory=dict)


class Outbox:
    def __init__(self, postgres: Postgres) -> None:
        self.postgres = postgres

    def add(self, rows: Iterable[Row]) -> None:
        """Commits the rows in one transaction."""
        values = [
            (r.tenant, r.event_type, r.payload, r.ordering_key, json.dumps(r.headers)) for r in rows
        ]
        with self.postgres.connect() as connection, connection.transaction():
            connection.cursor().executemany(INSERT, values)

    def count(self, status: str, tenant: str = "%") -> int:
        """Rows of a status: pending, published or dead."""
        rows = self.postgres.query(
            "SELECT (SELECT count(*) FROM outbox WHERE status = %s AND tenant_id LIKE %s)"
            " + (SELECT count(*) FROM outbox_dead WHERE status = %s AND tenant_id LIKE %s)",
            *(status, tenant, status, tenant),
        )
        return int(rows[0][0])

    def message_ids(self, tenant: str) -> set[str]:
        """The ids of a tenant's rows, which their events carry as Nats-Msg-Id."""
        rows = self.postgres.query("SELECT msg_id::text FROM outbox WHERE tenant_id = %s", tenant)
        return {row[0] for row in rows}
