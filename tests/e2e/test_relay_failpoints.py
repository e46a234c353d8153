"""A relay that ends, or meets an error, at any of its changes of state leaves nothing wrong."""

from pathlib import Path

import pytest

from proof.failpoint_walk import ROWS, FailpointWalk


@pytest.mark.parametrize(
    ("how", "mark", "statement"),
    [("kill", "mark", "mark_rows"), ("fail", "delete", "delete_rows")],
)
def test_every_point(folder: Path, how: str, mark: str, statement: str) -> None:
    walked = FailpointWalk(folder, how, [f"--on-published={mark}"]).run()
    print(walked)
    assert walked.findings.none(), walked.findings.explain()
    assert walked.points["publish"] == ROWS
    assert walked.points["answer"] >= ROWS
    assert {"flush", "sync", "result"} <= set(walked.points)
    for name in ["lanes", "fetch_ready", statement, "COMMIT"]:
        assert walked.points[f"send {name}"] > 0
