"""What a proof does to the world: each fault is one call, and leaves something that can heal."""

import random
import time

from proof.world import World
from support.jetstream import ApiError
from support.nats_cluster import NatsNode
from support.tenant_streams import stream_name
from support.waiting import eventually

SESSION = "-c idle_in_transaction_session_timeout=1s"
FROZEN_SECONDS = 1.8  # more than SESSION allows
CAUGHT_SECONDS = 30
HOLDS_LANES = (
    "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)"
    " WHERE locktype = 'advisory' AND application_name = %s"
)
TERMINATE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE application_name LIKE 'relay-%%' ORDER BY random() LIMIT 1"
)


def kill_relay(world: World, dice: random.Random) -> None:
    """SIGKILL, every other time between fetch and mark; it is started again at once."""
    number = dice.randrange(len(world.relays))
    relay = world.relays[number]
    if dice.random() < 0.5:
        freeze_in_batch(world, number)
    relay.kill()
    relay.start(wait=False)


def freeze_relay(world: World, dice: random.Random) -> None:
    """SIGSTOP in the middle of a batch, until PostgreSQL has ended its transaction; then it wakes,
    with answers in its hands for rows that others have dealt with since."""
    number = dice.randrange(len(world.relays))
    freeze_in_batch(world, number)
    time.sleep(FROZEN_SECONDS)
    world.relays[number].thaw()


def freeze_in_batch(world: World, number: int) -> None:
    """Tries until the relay stands still with lanes in its hands. After a crash of PostgreSQL a
    PgBouncer lets nobody through for its server_login_retry, 15 s."""
    relay = world.relays[number]
    end = time.monotonic() + CAUGHT_SECONDS
    while time.monotonic() < end:
        relay.freeze()
        if world.postgres.query(HOLDS_LANES, f"relay-{number}") != [(0,)]:
            return
        relay.thaw()
    raise AssertionError("the relay was never caught with a batch in its hands")


def terminate_backend(world: World, dice: random.Random) -> None:
    world.postgres.query(TERMINATE)


def pin_xmin(world: World, dice: random.Random) -> None:
    """A report of somebody's that holds its snapshot to the end."""
    world.pin_xmin()


def restart_postgres(world: World, dice: random.Random) -> None:
    """Immediate: as after a crash, the log is replayed."""
    world.postgres.stop_immediate()
    world.postgres.start()


def restart_nats(world: World, dice: random.Random) -> None:
    dice.choice([world.nats.stop, world.nats.kill])()
    time.sleep(dice.uniform(0, 0.3))
    world.nats.start()


def step_down(world: World, dice: random.Random) -> None:
    """The leader of each stream hands over; one that has none just now is left alone."""
    for tenant in world.tenants:
        try:
            world.jetstream.api(f"STREAM.LEADER.STEPDOWN.{stream_name(tenant)}")
        except (ApiError, TimeoutError):
            continue


def kill_node(world: World, dice: random.Random) -> None:
    """SIGKILL of one NATS server of three, and its return."""
    assert world.cluster is not None
    node: NatsNode = dice.choice(world.cluster.nodes)
    node.kill()
    time.sleep(dice.uniform(0.5, 1.5))
    node.start()
    eventually(world.cluster.leader, "the cluster has a leader", 30)


def seal_and_replace(world: World, dice: random.Random) -> None:
    """A sealed stream takes nothing more, so that all it held can be read before it goes."""
    tenant = dice.choice(world.tenants)
    world.jetstream.update_stream(stream_name(tenant), sealed=True)
    time.sleep(dice.uniform(0, 0.5))
    world.archive.setdefault(tenant, []).extend(world.read(tenant))
    world.jetstream.delete_stream(stream_name(tenant))
    time.sleep(dice.uniform(0, 0.5))
    world.make_stream(tenant)


def delete_and_replace(world: World, dice: random.Random) -> None:
    """With all that is in it: only a spy knows what had been acknowledged."""
    tenant = dice.choice(world.tenants)
    world.emptied.add(tenant)
    world.jetstream.delete_stream(stream_name(tenant))
    time.sleep(dice.uniform(0, 0.5))
    world.make_stream(tenant)


def fill_stream(world: World, dice: random.Random) -> None:
    """`discard: new`, and no room; later there is."""
    name = stream_name(dice.choice(world.tenants))
    full = max(1, world.jetstream.stream(name)["state"]["messages"])
    world.jetstream.update_stream(name, max_msgs=full, discard="new")
    time.sleep(dice.uniform(0.2, 0.6))
    world.jetstream.update_stream(name, max_msgs=-1, discard="old")


def flicker_stream(world: World, dice: random.Random) -> None:
    """Full and not full many times within a batch, so that rows in its middle are refused."""
    name = stream_name(dice.choice(sorted(world.ordered)))
    for _ in range(25):
        full = max(1, world.jetstream.stream(name)["state"]["messages"])
        world.jetstream.update_stream(name, max_msgs=full, discard="new")
        world.jetstream.update_stream(name, max_msgs=-1, discard="old")


def mute_stream(world: World, dice: random.Random) -> None:
    """It stores, and does not say so."""
    name = stream_name(dice.choice(world.tenants))
    world.jetstream.update_stream(name, no_ack=True)
    time.sleep(dice.uniform(0.1, 0.5))
    world.jetstream.update_stream(name, no_ack=False)
