"""What the relays report, as the controller hears it."""

import asyncio
import json
from typing import Any

from nats.aio.msg import Msg

from support.jetstream import JetStream

SUBJECT = "bulkhead.relay.report.*"


class ReportListener:
    """Collects the reports that come from now on."""

    def __init__(self, jetstream: JetStream) -> None:
        self.reports: list[dict[str, Any]] = []
        self.sizes: list[int] = []
        client = jetstream.client

        async def on_report(message: Msg) -> None:
            self.sizes.append(len(message.data))
            self.reports.append(json.loads(message.data))

        async def subscribe() -> None:
            await client.subscribe(SUBJECT, cb=on_report)
            await client.flush()

        asyncio.run_coroutine_threadsafe(subscribe(), jetstream._loop).result(10)

    def heard(self) -> bool:
        return bool(self.reports)

    def passes(self) -> list[list[dict[str, Any]]]:
        """The whole looks at the outbox: the messages of each, from the first tenant to the last.

        Of one relay; with several, their messages would be mixed.
        """
        found: list[list[dict[str, Any]]] = []
        begun: list[dict[str, Any]] = []
        for report in list(self.reports):
            begun = [report] if report["after"] == "" else [*begun, report]
            if report["through"] == "" and begun[0]["after"] == "":
                found.append(begun)
                begun = []
        return found

    def first_pass(self) -> list[dict[str, Any]]:
        """[] while there is none."""
        found = self.passes()
        return found[0] if found else []


def rows_of(report: dict[str, Any], tenant: str) -> dict[str, int] | None:
    """What a report says of a tenant: its numbers, or None where it is not listed."""
    for row in report["tenants"]:
        if row["id"] == tenant:
            return {key: value for key, value in row.items() if key != "id"}
    return None
