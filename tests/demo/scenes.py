"""The scenes of the demo: servers, Tenants, events, and what the consumers received."""

import asyncio
import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import yaml

from demo.traffic import Traffic
from support.bulkhead import Controller, Relay, migrate
from support.jetstream import JetStream
from support.kube_cluster import KubeCluster
from support.manifests import stream_name
from support.nats_server import NatsServer
from support.places import CACHE, ROOT
from support.postgres import Postgres
from support.waiting import TimedOut

EXAMPLES = ROOT / "examples" / "tenants"
LOAD_SECONDS = 10.0
LOOK_SECONDS = 2.5
DRAIN_SECONDS = 60.0
FREQUENT = ["--status-interval=1s", "--resync=1s"]

STAYS_UP = """
Everything stays up until Ctrl-C. In another terminal:

  export KUBECONFIG={kubeconfig}
  export PATH={tools}:$PATH
  export NATS_URL={nats}
  export DB={database}

  kubectl get tenants -o wide
  kubectl describe tenant acme
  kubectl patch tenant acme --type=merge -p '{{"spec": {{"stream": {{"maxAge": "24h"}}}}}}'
  psql $DB -c "INSERT INTO outbox (tenant_id, event_type, payload)
               VALUES ('acme', 'invoice-created', '{{\\"number\\": 1}}')"
  nats consumer next TENANT_ACME billing
  nats stream report

Logs are in {folder}.
"""


class Demo:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.began = time.monotonic()
        self.manifests = [yaml.safe_load(p.read_text()) for p in sorted(EXAMPLES.glob("*.yaml"))]

    def run(self) -> bool:
        print("Bulkhead: three tenants on one JetStream, from kubectl apply to the consumers\n")
        with step("etcd, kube-apiserver, nats-server and PostgreSQL start on loopback"):
            self.start_servers()
        with step("the CRD is installed, the outbox migrated, controller and relay run"):
            self.start_bulkhead()
        self.kubectl("apply", "-f", "examples/tenants/")
        self.kubectl("wait", "--for=condition=Ready", "--timeout=30s", "tenants", "--all")
        traffic = self.carry_events()
        return self.report(traffic)

    def start_servers(self) -> None:
        self.postgres = Postgres(self.folder / "postgres", durable=True)
        self.nats = NatsServer(self.folder / "nats")
        self.cluster = KubeCluster(self.folder / "cluster", use_template=False)
        self.cluster.start(wait=False)
        self.nats.start(wait=False)
        self.postgres.start()
        self.nats.wait_ready()
        self.cluster.wait_ready()

    def start_bulkhead(self) -> None:
        self.cluster.install_crds()
        migrate(self.postgres.url)
        place, kubeconfig = self.folder / "controller", self.cluster.kubeconfig
        Controller(place, kubeconfig, self.nats.url, FREQUENT).start()
        Relay(self.folder / "relay", self.postgres.url, self.nats.url).start()

    def kubectl(self, *arguments: str) -> None:
        print(f"\n$ kubectl {' '.join(arguments)}")
        print(self.cluster.kubectl.run(*arguments).rstrip())

    def carry_events(self) -> Traffic:
        traffic = Traffic(self.manifests, self.postgres.url, self.nats.url)
        print(
            f"\nFor {LOAD_SECONDS:g} s each tenant's application commits events to the outbox."
            f"\n{names(traffic, slow=False)} read at once;"
            f" {names(traffic, slow=True)} take their time at first, so there is lag to see."
        )
        asyncio.run(self.run_and_show(traffic))
        self.wait_for_no_lag()
        return traffic

    async def run_and_show(self, traffic: Traffic) -> None:
        """Shows the Tenants now and then until the traffic has ended."""
        running = asyncio.create_task(traffic.run(LOAD_SECONDS))
        end = time.monotonic() + LOAD_SECONDS + DRAIN_SECONDS
        while not (await asyncio.wait([running], timeout=LOOK_SECONDS))[0]:
            if time.monotonic() > end:
                raise TimedOut(
                    f"events are still missing {DRAIN_SECONDS:g} s after the last commit"
                )
            await asyncio.to_thread(self.kubectl, "get", "tenants")
        await running

    def wait_for_no_lag(self) -> None:
        """The status follows the streams by a second or so."""
        end = time.monotonic() + DRAIN_SECONDS
        while time.monotonic() < end:
            tenants = self.cluster.kubectl.list("tenants")
            if all(tenant["status"].get("lag") == 0 for tenant in tenants):
                break
            time.sleep(0.2)
        self.kubectl("get", "tenants")

    def report(self, traffic: Traffic) -> bool:
        line = "  {:9} {:9} {:>9} {:>9} {:>8} {:>8}".format
        print("\nWhat the consumers received:\n")
        print(line("TENANT", "CONSUMER", "COMMITTED", "RECEIVED", "REPEATED", "FOREIGN"))
        for r in traffic.readers:
            wanted = len(traffic.expected(r))
            print(line(r.tenant, r.name, wanted, len(r.received), r.again, len(r.foreign)))
        self.show_sample(traffic)
        times = [seconds * 1000 for seconds in traffic.latencies()]
        half, most = times[len(times) // 2], times[len(times) * 99 // 100]
        print(
            f"\nCommit to consumer: p50 {half:.1f} ms, p99 {most:.1f} ms, over {len(times)} events"
            " of the consumers that read at once, with all of this on one machine."
        )
        faults = self.faults(traffic)
        seconds = time.monotonic() - self.began
        if faults:
            print("\n".join(["", *faults]))
        else:
            print(
                "Every committed event reached every consumer that asked for it, and nothing"
                f" crossed tenants. Done in {seconds:.0f} s."
            )
        return not faults

    def show_sample(self, traffic: Traffic) -> None:
        reader = next(reader for reader in traffic.readers if reader.sample)
        assert reader.sample is not None
        print(f"\nOne of them, as {reader.name} of {reader.tenant} got it:\n")
        print(f"  {reader.sample.subject}")
        for name, value in (reader.sample.headers or {}).items():
            print(f"  {name}: {value}")
        print(f"  {reader.sample.data.decode()}")

    def faults(self, traffic: Traffic) -> list[str]:
        """What must not be: events lost, or a stream that holds what is not its tenant's."""
        found = []
        for reader in traffic.readers:
            if lost := traffic.missing(reader):
                found.append(f"{reader.name} of {reader.tenant} misses {lost} events")
            if reader.foreign:
                found.append(f"{reader.name} of {reader.tenant} got {reader.foreign[0]}")
        with JetStream(self.nats.url) as jetstream:
            for tenant, committed in traffic.sizes().items():
                state = jetstream.subjects(stream_name(tenant))
                foreign = [s for s in state if not s.startswith(f"tenant.{tenant}.events.")]
                found += [f"the stream of {tenant} holds {subject}" for subject in foreign]
                if sum(state.values()) != committed:
                    found.append(
                        f"{tenant} committed {committed} events,"
                        f" its stream holds {sum(state.values())}"
                    )
        return found

    def stay_up(self) -> None:
        print(
            STAYS_UP.format(
                kubeconfig=self.cluster.kubeconfig,
                tools=CACHE / "tools",
                nats=self.nats.url,
                database=self.postgres.url,
                folder=self.folder,
            ),
            flush=True,
        )
        with contextlib.suppress(KeyboardInterrupt):
            signal.pause()


def names(traffic: Traffic, slow: bool) -> str:
    return ", ".join(reader.name for reader in traffic.readers if reader.slow == slow)


@contextlib.contextmanager
def step(what: str) -> Iterator[None]:
    """A line that says what begins, completed by how long it took."""
    began = time.monotonic()
    print(f"  {what} ...", end="", flush=True)
    yield
    print(f" {time.monotonic() - began:.1f} s", flush=True)
