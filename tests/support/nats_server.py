"""A real nats-server with JetStream, on its own ports and folder; a restart keeps both."""

import json
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from support.places import tool
from support.program import Program, free_port


class NatsServer(Program):
    name = "nats-server"

    def __init__(
        self, folder: Path, options: str = "", line: str = "", jetstream: bool = True
    ) -> None:
        """`options` is text for the configuration file, for users, accounts and limits; `line` is
        an older release line, such as 2.10, whose last patch is to be run.
        """
        super().__init__(folder)
        self.program = f"nats-server-{line}" if line else "nats-server"
        self.port = free_port()
        self.monitor_port = free_port()
        self.url = f"nats://127.0.0.1:{self.port}"
        self.config = folder / "nats.conf"
        store = f'jetstream {{ store_dir: "{folder}/store", max_file: 64GB, max_mem: 4GB }}\n'
        self.config.write_text(
            f"listen: 127.0.0.1:{self.port}\n"
            f"http: 127.0.0.1:{self.monitor_port}\n"
            f"server_name: test\n"
            f"{store if jetstream else ''}"
            f"{options}\n"
        )

    def command(self) -> list[str]:
        return [str(tool(self.program)), "-c", str(self.config)]

    def ready(self) -> bool:
        return bool(self.monitor("healthz")["status"] == "ok")

    def monitor(self, page: str) -> dict[str, Any]:
        """A page of the monitoring port: varz, jsz?streams=1, connz."""
        with urlopen(f"http://127.0.0.1:{self.monitor_port}/{page}", timeout=5) as answer:
            return dict(json.load(answer))
