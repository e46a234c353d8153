"""Compares what was committed with what became of it. Pure: tests/e2e/test_proof_checker.py plants
every kind of fault and wants it found.

For every committed event exactly one holds: it is in its tenant's stream, or waits in `outbox`, or
is in `outbox_dead`; and nothing else is in any stream.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields

from proof.journal import Written

SAMPLE = 5


@dataclass(frozen=True)
class Stored:
    """A message of a stream."""

    subject: str
    message_id: str
    key: str
    number: int


@dataclass(frozen=True)
class Evidence:
    committed: Mapping[str, Written]
    unknown: Mapping[str, Written]
    streams: Mapping[str, Sequence[Stored]]  # of each tenant, in the stream's order
    pending: AbstractSet[str] = frozenset()  # message ids of rows
    published: AbstractSet[str] = frozenset()
    dead: AbstractSet[str] = frozenset()
    ordered: AbstractSet[str] = frozenset()  # tenants with relay.ordering: Key
    # What a spy on `>` saw, where there was one all the time:
    acknowledged: AbstractSet[str] | None = None
    strays: Sequence[str] = ()  # subjects that no relay may publish
    # Tenants whose stream was deleted with what it held: there an acknowledgement is all there is.
    emptied: AbstractSet[str] = frozenset()


@dataclass(frozen=True)
class Findings:
    lost: list[str] = field(default_factory=list)
    phantom: list[str] = field(default_factory=list)  # stored, and never committed
    duplicate: list[str] = field(default_factory=list)
    misplaced: list[str] = field(default_factory=list)  # in a foreign stream, or seen elsewhere
    out_of_order: list[str] = field(default_factory=list)  # within a key
    unmarked: list[str] = field(default_factory=list)  # stored, and its row waits or is dead
    unstored: list[str] = field(default_factory=list)  # marked, and not stored

    def __str__(self) -> str:
        return ", ".join(f"{len(found)} {name}" for name, found in self._all().items())

    def explain(self) -> str:
        """The numbers, and a few of each kind that there should be none of."""
        some = [f"{name}: {found[:SAMPLE]}" for name, found in self._all().items() if found]
        return "\n".join([str(self), *some])

    def except_for(self, *names: str) -> "Findings":
        """Without kinds that a fault may bring about by itself."""
        return Findings(**{n: found for n, found in self._all().items() if n not in names})

    def none(self) -> bool:
        return not any(self._all().values())

    def _all(self) -> dict[str, list[str]]:
        return {f.name: getattr(self, f.name) for f in fields(self)}


def check(evidence: Evidence) -> Findings:
    everything = {**evidence.unknown, **evidence.committed}
    stored: Counter[str] = Counter()
    misplaced = [f"subject {subject}" for subject in evidence.strays]
    phantom = []
    for tenant, messages in evidence.streams.items():
        for message in messages:
            event = everything.get(message.message_id)
            if event is None:
                phantom.append(f"{message.message_id} in the stream of {tenant}")
            elif _is_at_home(message, event, tenant):
                stored[message.message_id] += 1
            else:
                misplaced.append(f"{event} as {message.subject} in the stream of {tenant}")
    return Findings(
        lost=[_show(evidence, i) for i in _lost(evidence, stored)],
        phantom=phantom,
        duplicate=[_show(evidence, i) for i, times in stored.items() if times > 1],
        misplaced=misplaced,
        out_of_order=_out_of_order(evidence, everything),
        unmarked=[_show(evidence, i) for i in _unmarked(evidence, stored)],
        unstored=[_show(evidence, i) for i in _unstored(evidence, stored)],
    )


def _is_at_home(message: Stored, event: Written, tenant: str) -> bool:
    own = event.tenant == tenant and message.subject.startswith(f"tenant.{tenant}.events.")
    return own and (message.key, message.number) == (event.key, event.number)


def _show(evidence: Evidence, message_id: str) -> str:
    event = evidence.committed.get(message_id) or evidence.unknown.get(message_id)
    return f"{message_id} {event}"


def _excused(evidence: Evidence, message_id: str) -> bool:
    """It was acknowledged, and then its stream was deleted under it."""
    event = evidence.committed.get(message_id) or evidence.unknown.get(message_id)
    acknowledged = evidence.acknowledged or frozenset()
    return event is not None and event.tenant in evidence.emptied and message_id in acknowledged


def _lost(evidence: Evidence, stored: Mapping[str, int]) -> list[str]:
    somewhere = stored.keys() | evidence.pending | evidence.dead
    gone = evidence.committed.keys() - somewhere
    return [i for i in gone if not _excused(evidence, i)]


def _unmarked(evidence: Evidence, stored: Mapping[str, int]) -> list[str]:
    there = stored.keys() | (evidence.acknowledged or frozenset())
    return sorted(there & (evidence.pending | evidence.dead))


def _unstored(evidence: Evidence, stored: Mapping[str, int]) -> list[str]:
    marked = set(evidence.published - stored.keys())
    if evidence.acknowledged is not None:
        left = evidence.pending | evidence.dead
        marked |= (evidence.committed.keys() | evidence.published) - left - evidence.acknowledged
    return sorted(i for i in marked if not _excused(evidence, i))


def _out_of_order(evidence: Evidence, everything: Mapping[str, Written]) -> list[str]:
    """By the first occurrence of each event: a later one is a duplicate, and counted as such."""
    found = []
    for tenant in evidence.ordered:
        seen: set[str] = set()
        last: dict[str, int] = defaultdict(int)
        for message in evidence.streams.get(tenant, ()):
            event = everything.get(message.message_id)
            if message.message_id in seen or event is None or event.tenant != tenant:
                continue
            seen.add(message.message_id)
            if message.number < last[message.key]:
                found.append(f"{tenant} {message.key}: {message.number} after {last[message.key]}")
            last[message.key] = max(last[message.key], message.number)
    return found
