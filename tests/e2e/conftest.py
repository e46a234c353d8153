"""Fixtures: real servers for a single test, each on ports and in a folder of its own.

Nothing is shared between tests, so that each can run alone, in any order and beside others. What
a test asks for is started, and ends with it whatever happens; the logs of a failed test's programs
are in its report.
"""

import contextlib
import shutil
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

import pytest

from support.bulkhead import Controller, Relay, migrate
from support.condition_rules import TenantHistory
from support.jetstream import JetStream
from support.kube_cluster import KubeCluster
from support.kubectl import Kubectl
from support.nats_server import NatsServer
from support.outbox import Outbox
from support.places import new_folder
from support.postgres import Postgres
from support.program import Program, forget_started, interrupt_on_sigterm, started_programs
from support.webhook import Provisioner, Sender

LOG_LINES = 40


def pytest_configure() -> None:
    interrupt_on_sigterm()


def pytest_runtest_setup() -> None:
    forget_started()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Adds the ends of the programs' logs to a failure, while their folder is still there."""
    report = yield
    if report.failed and report.when != "teardown":
        for program in started_programs():
            report.sections.append((f"log of {program.name}", program.tail(LOG_LINES)))
    return report


@pytest.fixture
def folder() -> Iterator[Path]:
    path = new_folder("bulkhead-test-")
    yield path
    shutil.rmtree(path)


@pytest.fixture
def cluster(folder: Path) -> Iterator[KubeCluster]:
    """A Kubernetes API with the project's CRDs.

    In the end each status that the controller wrote in the test is held to the rules of those who
    read it.
    """
    made = KubeCluster(folder / "cluster")
    try:
        history = TenantHistory(made.start().etcd)
        yield made
        assert not history.findings()
    finally:
        made.kill()


@pytest.fixture
def kubectl(cluster: KubeCluster) -> Kubectl:
    return cluster.kubectl


@pytest.fixture
def nats(folder: Path) -> Iterator[NatsServer]:
    with NatsServer(folder / "nats") as server:
        yield server


@pytest.fixture
def jetstream(nats: NatsServer) -> Iterator[JetStream]:
    with JetStream(nats.url) as client:
        yield client


@pytest.fixture
def postgres(folder: Path) -> Iterator[Postgres]:
    with Postgres(folder / "postgres") as server:
        yield server


@pytest.fixture
def outbox(postgres: Postgres) -> Outbox:
    """The outbox's tables, freshly migrated."""
    migrate(postgres.url)
    return Outbox(postgres)


@pytest.fixture
def new_controller(
    folder: Path, cluster: KubeCluster, nats: NatsServer
) -> Iterator[Callable[..., Controller]]:
    """Makes controllers, not yet started, with the flags it is called with."""
    made: list[Controller] = []

    def make(*flags: str) -> Controller:
        place = folder / f"controller-{len(made)}"
        made.append(Controller(place, cluster.kubeconfig, nats.url, flags))
        return made[-1]

    yield make
    stop_all(made)


@pytest.fixture
def new_relay(folder: Path, outbox: Outbox, nats: NatsServer) -> Iterator[Callable[..., Relay]]:
    """Makes relays, not yet started, with the flags it is called with."""
    made: list[Relay] = []

    def make(*flags: str) -> Relay:
        made.append(Relay(folder / f"relay-{len(made)}", outbox.postgres.url, nats.url, flags))
        return made[-1]

    yield make
    stop_all(made)


@pytest.fixture
def new_provisioner(folder: Path, cluster: KubeCluster) -> Iterator[Callable[..., Provisioner]]:
    """Makes webhooks, not yet started, with the flags it is called with."""
    made: list[Provisioner] = []

    def make(*flags: str) -> Provisioner:
        place = folder / f"provisioner-{len(made)}"
        made.append(Provisioner(place, cluster.kubeconfig, flags))
        return made[-1]

    yield make
    stop_all(made)


@pytest.fixture
def provisioner(new_provisioner: Callable[..., Provisioner]) -> Provisioner:
    return new_provisioner().start()


@pytest.fixture
def sender(provisioner: Provisioner) -> Sender:
    return provisioner.connect()


@pytest.fixture
def controller(new_controller: Callable[..., Controller]) -> Controller:
    return new_controller().start()


@pytest.fixture
def relay(new_relay: Callable[..., Relay]) -> Relay:
    return new_relay().start()


def stop_all(programs: Sequence[Program]) -> None:
    """Every one is stopped, also when another one ends badly, which fails the test."""
    with contextlib.ExitStack() as stack:
        for program in programs:
            stack.callback(program.stop)
