"""A connection that breaks after any byte of a batch costs nothing but time."""

from pathlib import Path

from proof.cut_proxy import Way
from proof.cut_walk import choose, nats_ends, postgres_ends, sweep


def test_a_cut_at_every_boundary_and_between(folder: Path) -> None:
    swept = sweep(folder, lanes=8, stride=97)
    print(swept)
    assert swept.findings.none(), swept.findings.explain()
    assert swept.cuts > 100


def test_the_boundaries_of_messages_are_found() -> None:
    assert list(postgres_ends(b"S\x00\x00\x00\x04B\x00\x00\x00\x06xy")) == [5, 12]
    assert list(nats_ends(b"PUB a 2\r\nhi\r\n")) == [9, 13]
    found = list(choose({("nats", Way.UP): b"PUB a 2\r\nhi\r\n"}, 100))
    assert [point.after for point in found] == [1, 8, 9, 10, 12, 13]
    assert len(list(choose({("nats", Way.UP): b"x" * 50}, 1))) == 50
