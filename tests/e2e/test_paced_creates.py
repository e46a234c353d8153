"""Creations that JetStream has no time for are paced, and all made in the end."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from support.bulkhead import Controller
from support.fake_jetstream import SILENCE, FakeJetStream
from support.kubectl import Kubectl
from support.manifests import stream_name, tenant
from support.nats_server import NatsServer


@pytest.fixture
def nats(folder: Path) -> Iterator[NatsServer]:
    """One without JetStream, whose place the fake takes."""
    with NatsServer(folder / "nats", jetstream=False) as server:
        yield server


@pytest.mark.parametrize("busy", [10008, 10023, SILENCE], ids=["10008", "10023", "time-out"])
def test_a_server_that_is_busy_is_asked_again_at_growing_distances(
    busy: int, new_controller: Callable[..., Controller], kubectl: Kubectl, nats: NatsServer
) -> None:
    refusals = 1 if busy == SILENCE else 5
    with FakeJetStream(nats.url, [busy] * refusals) as jetstream:
        new_controller("--resync=1h").start()
        kubectl.apply(tenant("acme"))
        kubectl.wait("tenant", "acme", seconds=30)
        times = [when for when, _ in jetstream.created]
    assert len(times) == refusals + 1
    waits = [later - earlier for earlier, later in pairwise(times)]
    if busy == SILENCE:
        assert waits[0] > 4
    else:  # 50 ms, doubled each time, of which up to a half may be taken away
        assert sum(waits) > 0.7
        assert waits[-1] > waits[0]


def test_a_fleet_that_meets_a_busy_server_is_made_without_a_storm(
    new_controller: Callable[..., Controller], kubectl: Kubectl, nats: NatsServer
) -> None:
    names = [f"t{n}" for n in range(20)]
    with FakeJetStream(nats.url, [10008] * 60) as jetstream:
        new_controller("--resync=1h").start()
        kubectl.apply(*(tenant(name) for name in names))
        for name in names:
            kubectl.wait("tenant", name, seconds=30)
        assert sorted(jetstream.streams) == sorted(stream_name(name) for name in names)
        assert len(jetstream.created) == 60 + len(names)  # each refusal once more, and no other
