"""How long a committed event takes until JetStream has it, with events coming one at a time."""

import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

from bench.ack_log import AckLog
from bench.relay_world import BYTES, LOST, PREFIX, RelayWorld
from support.postgres import programs
from support.program import Program

INBOX = "spied"
CLIENTS = 4
WARM_SECONDS = 2.0
QUIET_RATE = 50
LOST_ROWS = 20_000

# Each event is a transaction of its own; its payload begins with who wrote it, and which it is.
SCRIPT = f"""\\set n :n + 1
\\set tenant (:client_id + :n * {CLIENTS}) % :tenants
INSERT INTO outbox (tenant_id, event_type, payload) VALUES (:name, 'order-created',
 convert_to(rpad(:client_id || '.' || :n || '.', {BYTES}, 'x'), 'UTF8'));
"""
MANY = f"'{PREFIX}' || lpad((:tenant)::text, 3, '0')"


class Load(Program):
    """Commits events at a rate, in the way of a Poisson process, and writes down when."""

    name = "pgbench"

    def __init__(self, world: RelayWorld, rate: int, seconds: float, tenant: str = "") -> None:
        """Events of all tenants, or of one."""
        super().__init__(world.folder / f"load-{time.monotonic_ns()}")
        self.world = world
        self.rate = rate
        self.seconds = seconds
        self.tenant = tenant
        self.began = 0.0
        (self.folder / "script").write_text(
            SCRIPT.replace(":name", f"'{tenant}'" if tenant else MANY)
        )

    def command(self) -> list[str]:
        tenants = len(self.world.tenants)
        flags = ["-n", "-M", "prepared", "-c", str(CLIENTS), "-f", "script", "-D", "n=0"]
        paced = ["-R", str(self.rate), "-T", f"{self.seconds:.0f}", "-D", f"tenants={tenants}"]
        logged = ["-l", "--log-prefix=commits"]
        return [str(programs() / "pgbench"), *flags, *paced, *logged, self.world.postgres.url]

    def run(self) -> None:
        self.began = time.time()
        self.start()
        self._wait(self.seconds + 30)

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.running:
            assert time.monotonic() < deadline, "pgbench does not end"
            time.sleep(0.05)
        assert self.stop() == 0, self.tail()

    def commits(self) -> dict[bytes, float]:
        """When each COMMIT returned, by the beginning of the payload."""
        found: dict[bytes, float] = {}
        for line in _lines(self.folder.glob("commits.*")):
            client, number, _, _, seconds, micro, *_ = line.split()
            found[f"{client}.{number}".encode()] = int(seconds) + int(micro) / 1e6
        return found


def _lines(paths: Iterable[Path]) -> Iterable[str]:
    for path in paths:
        yield from path.read_text().splitlines()


def commit_to_ack(world: RelayWorld, load: Load, log: AckLog) -> list[float]:
    """Seconds for each event after the first moments, sorted."""
    acks = {(ack.tenant, ack.seq): ack.at for ack in log.acks()}
    events = [
        (payload, acks.get((tenant, seq)))
        for tenant in world.tenants
        for seq, payload in world.events(tenant)
    ]
    return _taken(load, events)


def commit_to_stored(world: RelayWorld, load: Load) -> list[float]:
    """The same until the server stored it: nobody listens to what a backlog's answers are."""
    return _taken(load, world.stored_at(load.tenant))


def _taken(load: Load, events: Iterable[tuple[bytes, float | None]]) -> list[float]:
    commits = load.commits()
    taken = []
    for payload, at in events:
        committed = commits.get(b".".join(payload.split(b".")[:2]))
        if committed is not None and committed - load.began >= WARM_SECONDS:
            assert at is not None, "an event was never acknowledged"
            taken.append(at - committed)
    assert taken, "no event came through"
    return sorted(taken)


def spread(taken: list[float]) -> dict[str, float]:
    def at(share: float) -> float:
        return taken[min(int(len(taken) * share), len(taken) - 1)]

    return {"events": len(taken), "p50": at(0.5), "p99": at(0.99), "worst": taken[-1]}


def at_rate(world: RelayWorld, rate: int, seconds: float, *flags: str) -> dict[str, float]:
    """Events of all tenants."""
    world.clear()
    return _loaded(world, rate, seconds, *flags)


def _loaded(world: RelayWorld, rate: int, seconds: float, *flags: str) -> dict[str, float]:
    with AckLog(world.nats.port, INBOX) as log, world.new_relay(*flags, f"--nats-inbox={INBOX}"):
        world.wait_known()
        load = Load(world, rate, seconds)
        load.run()
        world.wait_drained(0)
    return spread(commit_to_ack(world, load, log))


def beside_lost(
    world: RelayWorld, rate: int, seconds: float, runs: int, *flags: str
) -> dict[str, Any]:
    """The same with and without a tenant that has rows and no stream, by turns."""
    alone, beside = [], []
    for _ in range(runs):
        alone.append(at_rate(world, rate, seconds, *flags))
        beside.append(_with_lost(world, rate, seconds, *flags))
    return _compared(alone, beside) | {"rate": rate, "lost_rows": LOST_ROWS}


def _with_lost(world: RelayWorld, rate: int, seconds: float, *flags: str) -> dict[str, float]:
    world.clear()
    world.fill_one(LOST, LOST_ROWS)
    return _loaded(world, rate, seconds, *flags)


def quiet_tenant(
    world: RelayWorld, backlog: int, seconds: float, runs: int, *flags: str
) -> dict[str, Any]:
    """A few events of one tenant: alone, and while another has a backlog."""
    alone, beside = [], []
    for _ in range(runs):
        alone.append(_quiet(world, 0, seconds, *flags))
        beside.append(_quiet(world, backlog, seconds, *flags))
    left = min(int(run["backlog_left"]) for run in beside)
    return _compared(alone, beside) | {"backlog": backlog, "backlog_left": left}


def _quiet(world: RelayWorld, backlog: int, seconds: float, *flags: str) -> dict[str, float]:
    world.clear()
    with world.new_relay(*flags):
        world.wait_known()
        if backlog > 0:
            world.fill_one("noisy", backlog)
        load = Load(world, QUIET_RATE, seconds, "quiet")
        load.run()
        left = world.pending("noisy")
        while world.pending("quiet") > 0:
            time.sleep(0.01)
    return spread(commit_to_stored(world, load)) | {"backlog_left": left}


def _compared(alone: list[dict[str, float]], beside: list[dict[str, float]]) -> dict[str, Any]:
    result: dict[str, Any] = {"all": {"alone": alone, "beside": beside}}
    for name in ("p50", "p99"):
        values = median(run[name] for run in alone), median(run[name] for run in beside)
        result[name] = {"alone": values[0], "beside": values[1], "ratio": values[1] / values[0]}
    return result
