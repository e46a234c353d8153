"""The checker of the proofs finds every fault that is planted."""

from dataclasses import replace
from typing import Any

import pytest

from proof.checker import Evidence, Findings, Stored, check
from proof.journal import Written

EVENTS = {
    "1": Written("acme", "k", 1),
    "2": Written("acme", "k", 2),
    "3": Written("acme", "k", 3),
    "4": Written("other", "k", 1),
}


def stored(message_id: str, **changes: Any) -> Stored:
    event = EVENTS[message_id]
    subject = f"tenant.{event.tenant}.events.order"
    return replace(Stored(subject, message_id, event.key, event.number), **changes)


A, B, C, D = (stored(i) for i in "1234")
RIGHT = Evidence(
    committed=EVENTS,
    unknown={},
    streams={"acme": [A, B, C], "other": [D]},
    published=frozenset("1234"),
    ordered=frozenset({"acme"}),
)
SPIED = replace(RIGHT, acknowledged=frozenset("1234"))


def acme(*messages: Stored) -> dict[str, list[Stored]]:
    return {"acme": list(messages), "other": [D]}


@pytest.mark.parametrize("evidence", [RIGHT, SPIED, replace(RIGHT, published=frozenset())])
def test_what_is_right_is_left_alone(evidence: Evidence) -> None:
    assert check(evidence).none()


@pytest.mark.parametrize(
    ("planted", "kinds"),
    [
        # a marked row that no stream has
        (replace(RIGHT, streams=acme(A, C)), {"lost", "unstored"}),
        # a deleted row that no stream has
        (replace(RIGHT, streams=acme(A, C), published=frozenset()), {"lost"}),
        # a row that is there and was not taken yet
        (replace(RIGHT, streams=acme(A, C), pending=frozenset("2"), published=frozenset("134")),
         set()),
        (replace(RIGHT, streams=acme(A, C), dead=frozenset("2"), published=frozenset("134")),
         set()),
        # a message of a transaction that was rolled back
        (replace(RIGHT, committed={i: EVENTS[i] for i in "124"}, published=frozenset("124")),
         {"phantom"}),
        # ... and of one of which nobody knows
        (replace(RIGHT, committed={i: EVENTS[i] for i in "124"}, unknown={"3": EVENTS["3"]}),
         set()),
        (replace(RIGHT, streams=acme(A, B, C, B)), {"duplicate"}),
        # in another tenant's stream instead of its own
        (replace(RIGHT, streams={"acme": [A, B, C, D], "other": []}),
         {"lost", "unstored", "misplaced"}),
        # in another tenant's stream besides its own
        (replace(RIGHT, streams={"acme": [A, B, C, D], "other": [D]}), {"misplaced"}),
        # in its stream under another's subject, or with another's content
        (replace(RIGHT, streams=acme(A, B, stored("3", subject="tenant.other.events.order"))),
         {"misplaced", "lost", "unstored"}),
        (replace(RIGHT, streams=acme(A, B, stored("3", number=4))),
         {"misplaced", "lost", "unstored"}),
        (replace(RIGHT, strays=["tenant.nobody.events.order"]), {"misplaced"}),
        (replace(RIGHT, streams=acme(B, A, C)), {"out_of_order"}),
        (replace(RIGHT, streams=acme(B, A, C), ordered=frozenset()), set()),
        # the first of two counts: a late duplicate is no breach of order
        (replace(RIGHT, streams=acme(A, B, C, A)), {"duplicate"}),
        # stored, and still pending; or dead
        (replace(RIGHT, pending=frozenset("3"), published=frozenset("124")), {"unmarked"}),
        (replace(RIGHT, dead=frozenset("3"), published=frozenset("124")), {"unmarked"}),
        # marked before the stream said so
        (replace(SPIED, acknowledged=frozenset("124")), {"unstored"}),
        (replace(SPIED, acknowledged=frozenset("124"), published=frozenset()), {"unstored"}),
        # acknowledged, then deleted with its stream; or never acknowledged
        (replace(SPIED, streams=acme(A, B), emptied=frozenset({"acme"})), set()),
        (replace(SPIED, streams=acme(A, B)), {"lost", "unstored"}),
        (replace(SPIED, streams=acme(A, B), emptied=frozenset({"acme"}),
                 acknowledged=frozenset("124")), {"lost", "unstored"}),
    ],
)  # fmt: skip
def test_what_is_planted_is_found(planted: Evidence, kinds: set[str]) -> None:
    found: Findings = check(planted)
    assert {kind for kind in vars(found) if getattr(found, kind)} == kinds, found.explain()
