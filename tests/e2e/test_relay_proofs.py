"""Under faults of every kind nothing is lost, doubled, misplaced or out of order.

tests/proof/ holds the producers with their journal, the faults and the checker. `make soak` runs
the same for as long as one likes; here each proof is a few seconds.
"""

import random
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from proof import faults
from proof.world import Fault, Plan, World

MARK = ("--batch=100", "--on-published=mark")
DELETE = ("--batch=100", "--on-published=delete")


def prove(folder: Path, injected: Sequence[Fault], times: int, plan: Plan) -> None:
    with World(folder, plan) as world:
        verdict = world.run(injected, times)
    print(verdict)
    assert verdict.findings.none(), verdict.findings.explain()


@pytest.mark.parametrize("flags", [MARK, DELETE], ids=["mark", "delete"])
def test_relays_killed_again_and_again(folder: Path, flags: Sequence[str]) -> None:
    prove(folder, [faults.kill_relay], 8, Plan(flags, spied=True))


def test_relays_killed_behind_a_pooler(folder: Path) -> None:
    """PgBouncer hands a session to whoever asks: no lane may stay locked in it."""
    injected = [faults.kill_relay, faults.terminate_backend]
    prove(folder, injected, 8, Plan(DELETE, pooled=True))


def test_connections_to_postgres_cut_again_and_again(folder: Path) -> None:
    prove(folder, [faults.terminate_backend], 12, Plan(DELETE, spied=True))


@pytest.mark.parametrize("flags", [MARK, DELETE], ids=["mark", "delete"])
def test_a_relay_frozen_until_others_have_its_rows(folder: Path, flags: Sequence[str]) -> None:
    """It wakes believing that it holds the lanes; what it then writes fails or harms nobody."""
    plan = Plan(flags, spied=True, session=faults.SESSION)
    prove(folder, [faults.freeze_relay], 2, plan)


def test_a_relay_frozen_beyond_every_deadline(folder: Path) -> None:
    """That of its transaction, of its acknowledgements, and its own patience with PostgreSQL."""
    with World(folder, Plan(DELETE)) as world:
        with world.feeding():
            faults.freeze_in_batch(world, 0)
            time.sleep(16)
            world.relays[0].thaw()
            time.sleep(1)
        world.settle()
        verdict = world.judge()
    assert verdict.findings.none(), verdict.findings.explain()


def test_postgres_crashing_again_and_again(folder: Path) -> None:
    prove(folder, [faults.restart_postgres], 4, Plan(MARK))


def test_nats_stopped_and_killed_again_and_again(folder: Path) -> None:
    prove(folder, [faults.restart_nats], 5, Plan(DELETE))


def test_streams_sealed_and_replaced_and_filled(folder: Path) -> None:
    injected = [faults.seal_and_replace, faults.fill_stream]
    prove(folder, injected, 6, Plan(MARK, spied=True))


def test_streams_that_refuse_rows_in_the_middle_of_a_batch(folder: Path) -> None:
    """With a backlog, so that batches are full."""
    prove(folder, [faults.flicker_stream], 6, Plan(("--batch=1000",), tenants=2, backlog=5000))


def test_streams_deleted_and_streams_that_do_not_answer(folder: Path) -> None:
    injected = [faults.delete_and_replace, faults.mute_stream]
    prove(folder, injected, 6, Plan(DELETE, spied=True))


def test_a_snapshot_that_is_held_while_relays_are_killed(folder: Path) -> None:
    """No dead row can be vacuumed, and it goes on."""
    injected = [faults.pin_xmin, faults.kill_relay, faults.kill_relay, faults.terminate_backend]
    prove(folder, injected, 8, Plan(MARK))


def test_a_cluster_that_loses_leaders_and_nodes(folder: Path) -> None:
    """Three servers, streams of three replicas. JetStream forgets some message ids when a leader
    goes, so that a repeated publish may be there twice."""
    with World(folder, Plan(DELETE, tenants=3, nodes=3, pause=0.02, backlog=100)) as world:
        dice = random.Random(1)
        with world.feeding():
            for fault in [faults.step_down, faults.kill_node, faults.step_down, faults.kill_node]:
                world.inject(fault, dice)
                time.sleep(0.3)
        world.settle()
        verdict = world.judge()
    print(verdict)
    assert verdict.findings.none(), verdict.findings.explain()
