"""The servers of a benchmark, with their stores in memory, and a fleet of Tenants on them."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.kube_pipe import KubePipe, Write
from bench.nats_pipe import NatsPipe, Request
from bench.ready_watch import PATH
from support.bulkhead import Controller
from support.jetstream import JetStream
from support.kube_cluster import KubeCluster
from support.manifests import stream_name, tenant
from support.nats_server import NatsServer
from support.program import Program
from support.waiting import eventually

CONSUMER = "worker"
SPEC: dict[str, Any] = {"stream": {"maxAge": "168h"}, "consumers": [CONSUMER]}
TICKS = 100.0  # of /proc/PID/stat, in a second
SYSTEM_ACCOUNT = """
accounts {
  SYS: { users: [{ user: sys, password: sys }] }
  APP: { jetstream: enabled, users: [{ user: app, password: app }] }
}
system_account: SYS
no_auth_user: app
"""
REST_SECONDS = 0.5
REST_LOAD = 0.2  # of one processor: an API server without requests uses half of that


class Fleet:
    def __init__(self, folder: Path, flags: list[str], system: bool = False) -> None:
        """`system`: controllers may ask the server for the numbers of all tenants at once."""
        self.folder = folder
        self.nats = NatsServer(folder / "nats", SYSTEM_ACCOUNT if system else "")
        system_url = self.nats.url.replace("//", "//sys:sys@")
        self.flags = [*flags, f"--system-url={system_url}"] if system else flags
        self.cluster = KubeCluster(folder / "cluster")
        self.cluster.start(wait=False)
        self.nats.start()
        self.cluster.wait_ready()
        self.jetstream = JetStream(self.nats.url)
        self.kube_pipe = KubePipe(self.cluster.apiserver)
        self._controllers = 0

    def new_controller(self) -> Controller:
        self._controllers += 1
        folder = self.folder / f"controller-{self._controllers}"
        return Controller(folder, self.cluster.kubeconfig, self.nats.url, self.flags)

    def create(self, names: list[str]) -> None:
        self.kube_pipe.write([Write("POST", PATH, tenant(name, **SPEC)) for name in names])

    def clear(self) -> None:
        """No Tenant and no stream is left; no controller may run."""
        self.cluster.apiserver.request("DELETE", PATH, seconds=300)  # 10,000 take a minute
        eventually(lambda: not self.list(), "all Tenants are gone", 120)
        pipe = NatsPipe(self.nats.port)
        while names := self.jetstream.streams():
            pipe.ask([Request(f"$JS.API.STREAM.DELETE.{name}", b"") for name in names])
        pipe.close()

    @contextmanager
    def collecting(self, gogc: int) -> Iterator[None]:
        """The API server's garbage collector runs when its heap has grown by so many percent."""
        self._restart_apiserver({"GOGC": str(gogc)})
        yield
        self._restart_apiserver({})

    def _restart_apiserver(self, settings: dict[str, str]) -> None:
        self.cluster.apiserver.kill()
        self.cluster.apiserver.settings = settings
        self.cluster.apiserver.start(wait=False)
        self.cluster.wait_ready()

    def rest(self) -> None:
        """Until the servers have done what was left to do, deletions above all."""
        eventually(self._rests, "the servers are at rest", 120)

    def _rests(self) -> bool:
        before = self.cpu_seconds()
        time.sleep(REST_SECONDS)
        return sum(difference(self.cpu_seconds(), before).values()) < REST_LOAD * REST_SECONDS

    def list(self) -> list[dict[str, Any]]:
        return list(self.request("GET", PATH)["items"])

    def request(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        return dict(json.loads(self.cluster.apiserver.request(method, path, body)))

    def api_requests(self) -> int:
        """How many requests JetStream's API has had."""
        return int(self.nats.monitor("jsz")["api"]["total"])

    def cpu_seconds(self, *others: Program) -> dict[str, float]:
        """What each server, and each of the others, has used of the processors."""
        programs = [self.nats, self.cluster.apiserver, self.cluster.etcd, *others]
        return {program.name: cpu_seconds(program) for program in programs}


def tenant_names(count: int) -> list[str]:
    return [f"t{number:05}" for number in range(count)]


def stream_names(count: int) -> list[str]:
    return [stream_name(name) for name in tenant_names(count)]


def cpu_seconds(program: Program) -> float:
    fields = Path(f"/proc/{program.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident_kb(program: Program) -> dict[str, int]:
    """All that is resident, of that what is no page of a file, and the most that ever was."""
    lines = Path(f"/proc/{program.pid}/status").read_text().splitlines()
    found = {line.split(":")[0]: int(line.split()[1]) for line in lines if "kB" in line}
    return {"all": found["VmRSS"], "own": found["RssAnon"], "peak": found["VmHWM"]}


def difference(after: dict[str, float], before: dict[str, float]) -> dict[str, float]:
    """What grew, by name; what did not is left out."""
    grown = {name: round(value - before.get(name, 0.0), 3) for name, value in after.items()}
    return {name: value for name, value in grown.items() if value != 0}
