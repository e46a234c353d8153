"""One cluster for all tests of this folder; they run in the order in which they are written."""

import time
from collections.abc import Iterator

import pytest

from cluster.release import Release
from cluster.single_node import SingleNode, reuse


@pytest.fixture(scope="session")
def node() -> Iterator[SingleNode]:
    node = SingleNode()
    if reason := node.cannot():
        pytest.skip(reason)
    node.up()
    yield node
    if not reuse():
        node.down()


@pytest.fixture(scope="session")
def release(node: SingleNode) -> Release:
    """The chart, installed in a namespace that takes only restricted pods, with a Tenant."""
    release = Release(node)
    release.prepare()
    started = time.monotonic()
    node.install()
    release.install_seconds = time.monotonic() - started
    release.make_tenants()
    release.ready_seconds = time.monotonic() - started
    return release
