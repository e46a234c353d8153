"""Controller and relay stay within the memory that the chart gives them, on a busy day."""

import time
from collections.abc import Iterator

import pytest

from cluster.single_node import SingleNode
from support.manifests import tenant

MEGABYTE = 1_000_000
LIMITS = {"controller": 32 * MEGABYTE, "relay": 64 * MEGABYTE}
TENANTS = 100
ROWS = 30_000
PAYLOAD = 1000

pytestmark = pytest.mark.usefixtures("release")


@pytest.fixture
def fleet(node: SingleNode) -> Iterator[None]:
    spec = {"deletionPolicy": "Delete", "stream": {"replicas": 1}, "consumers": ["billing"]}
    manifests = [tenant(f"fleet-{number}", **spec) for number in range(TENANTS)]
    for manifest in manifests:
        manifest["metadata"]["labels"] = {"part-of": "fleet"}
        manifest["metadata"]["annotations"] = {"bulkhead.dev/allow-delete": "true"}
    node.apply(*manifests)
    node.kubectl("wait", "--for=condition=Ready", "tenants", "-l", "part-of=fleet")
    yield
    node.kubectl("delete", "tenants", "-l", "part-of=fleet", "--wait=false")
    node.kubectl("wait", "--for=delete", "tenants", "-l", "part-of=fleet", "--timeout=60s")


def groups(node: SingleNode) -> dict[str, str]:
    """Where the kernel counts each container's memory."""
    found = {}
    for component in LIMITS:
        (pod,) = node.pods(component)
        (container,) = pod["status"]["containerStatuses"]
        identity = container["containerID"].rpartition("/")[2]
        find = ["find", "/sys/fs/cgroup/memory", "-type", "d", "-name", identity]
        found[component] = node.run(*find).strip()
    return found


def working_set(node: SingleNode, group: str) -> int:
    """What counts against the limit and cannot just be dropped, as the kubelet sees it."""
    text = node.run("cat", f"{group}/memory.usage_in_bytes", f"{group}/memory.stat")
    usage, *lines = text.splitlines()
    counts = dict(line.split() for line in lines)
    return int(usage) - int(counts["total_inactive_file"])


@pytest.mark.usefixtures("fleet")
def test_a_hundred_tenants_and_a_backlog_stay_within_the_limits(node: SingleNode) -> None:
    where = groups(node)
    peaks = dict.fromkeys(where, 0)
    node.sql(
        "INSERT INTO outbox (tenant_id, event_type, payload) SELECT 'fleet-' || mod(i, "
        f"{TENANTS}), 'order', convert_to(repeat('x', {PAYLOAD}), 'UTF8')"
        f" FROM generate_series(1, {ROWS}) i"
    )
    deadline = time.monotonic() + 120
    while node.pending():
        assert time.monotonic() < deadline, f"{node.pending()} rows are still pending"
        peaks = {part: max(peaks[part], working_set(node, where[part])) for part in where}
    shown = ", ".join(f"{part} {peak / MEGABYTE:.1f} MB" for part, peak in peaks.items())
    print(f"\n{TENANTS} Tenants, {ROWS} rows of {PAYLOAD} bytes: at most {shown}")
    assert groups(node) == where, "a container was started anew"
    for part, peak in peaks.items():
        assert 0 < peak < LIMITS[part]
