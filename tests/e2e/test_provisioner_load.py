"""The webhook under load: slow clients, floods, an API server that is frozen or gone, kills."""

import concurrent.futures
import contextlib
import functools
import socket
import ssl
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from support.kube_cluster import KubeCluster
from support.kubectl import Kubectl
from support.places import ROOT
from support.waiting import eventually
from support.webhook import (
    Answer,
    Delivery,
    Provisioner,
    Sender,
    check_discreet,
    created,
    versions,
)

UNLIMITED = "--rate=0"


def test_slow_clients_are_cut_off_and_hold_up_nobody(
    new_provisioner: Callable[..., Provisioner],
) -> None:
    provisioner = new_provisioner(UNLIMITED, "--request-timeout=2s").start()
    head = b"POST /v1/tenants HTTP/1.1\r\nHost: x\r\n"
    openings = (b"", head, head + b"Content-Length: 1000\r\n\r\n")
    began = time.monotonic()
    slow = [
        socket.create_connection(("127.0.0.1", provisioner.webhook_port), 10) for _ in range(100)
    ]
    for n, connection in enumerate(slow):
        connection.sendall(openings[n % 3])
    took: list[float] = []
    with provisioner.connect() as sender:
        while time.monotonic() - began < 6:
            for connection in slow:
                drip(connection)
            start = time.monotonic()
            assert sender.send(created(f"acme-{len(took)}")).code == 202
            took.append(time.monotonic() - start)
            time.sleep(0.2)
    ended = [connection for connection in slow if is_closed(connection)]
    for connection in slow:
        connection.close()
    assert len(ended) == 100
    assert statistics.median(took) < 0.5
    eventually(lambda: connections(provisioner) <= 1, "their places are free")


def test_a_handshake_that_does_not_end_is_cut(
    cluster: KubeCluster, new_provisioner: Callable[..., Provisioner]
) -> None:
    pki = cluster.pki
    tls = (f"--tls-cert={pki / 'server.crt'}", f"--tls-key={pki / 'server.key'}")
    provisioner = new_provisioner(*tls, "--request-timeout=1s").start()
    address = ("127.0.0.1", provisioner.webhook_port)
    silent, slow = (socket.create_connection(address, 10) for _ in range(2))
    slow.sendall(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")  # a ClientHello begins
    trust = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    done = trust.wrap_socket(socket.create_connection(address, 10), server_hostname="localhost")
    held = [silent, slow, done]

    def all_are_cut() -> bool:
        drip(slow)
        return all(is_closed(connection) for connection in held)

    eventually(all_are_cut, "all are cut off", 10)
    for connection in held:
        connection.close()


def connections(provisioner: Provisioner) -> float:
    return provisioner.metrics()["bulkhead_provisioner_connections"]


def drip(connection: socket.socket) -> None:
    """One more byte, which keeps alive what only counts silence."""
    with contextlib.suppress(OSError):
        connection.send(b"a")


def is_closed(connection: socket.socket) -> bool:
    connection.settimeout(0.05)
    try:
        while connection.recv(4096):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def test_one_source_cannot_take_all_connections(
    new_provisioner: Callable[..., Provisioner],
) -> None:
    provisioner = new_provisioner("--connections=32", "--connections-per-source=8").start()
    port = provisioner.webhook_port
    held = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(40)]
    alive = [connection for connection in held if not is_closed(connection)]
    assert len(alive) <= 8
    with socket.create_connection(("127.0.0.1", port), 5, ("127.0.0.2", 0)) as other:
        other.sendall(b"GET /v1/tenants/acme HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert other.recv(100).startswith(b"HTTP/1.1 401")
    for connection in held:
        connection.close()


def test_a_flood_of_one_source_is_slowed_and_others_are_served(
    kubectl: Kubectl, new_provisioner: Callable[..., Provisioner]
) -> None:
    provisioner = new_provisioner(
        "--rate=20", "--rate-burst=20", "--trusted-proxies=127.0.0.0/8"
    ).start()
    sender = provisioner.connect()
    flood = [
        sender.send(Delivery(d.headers | from_source("192.0.2.1"), d.body))
        for d in (created(f"flood-{n}") for n in range(60))
    ]
    codes = [answer.code for answer in flood]
    assert 20 <= codes.count(202) < 60
    refused = next(answer for answer in flood if answer.code == 429)
    assert refused.problem == "too-many-requests"
    assert int(refused.headers["retry-after"]) >= 1
    other = created("quiet")
    assert sender.send(Delivery(other.headers | from_source("192.0.2.2"), other.body)).code == 202
    assert "quiet" in versions(kubectl)
    time.sleep(1.1)
    again = created("later")
    assert sender.send(Delivery(again.headers | from_source("192.0.2.1"), again.body)).code == 202


def from_source(address: str) -> dict[str, str]:
    return {"x-forwarded-for": f"198.51.100.9, {address}"}


def test_strangers_on_every_connection_stay_within_the_memory_that_the_chart_gives(
    cluster: KubeCluster, new_provisioner: Callable[..., Provisioner]
) -> None:
    """Each sends as large a head and body as is read, over TLS, and never ends."""
    pki = cluster.pki
    tls = (f"--tls-cert={pki / 'server.crt'}", f"--tls-key={pki / 'server.key'}")
    provisioner = new_provisioner(*tls, "--connections-per-source=0", "--request-timeout=60s")
    provisioner.start()
    trust = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    head = b"POST /v1/tenants HTTP/1.1\r\nHost: x\r\n"
    large = head + b"Filler: " + b"x" * 60000
    body = head + b"Content-Length: 65536\r\n\r\n" + b"x" * 65000
    held = []
    for n in range(CONNECTIONS):
        plain = socket.create_connection(("127.0.0.1", provisioner.webhook_port), 10)
        held.append(trust.wrap_socket(plain, server_hostname="localhost"))
        held[-1].sendall(large if n % 2 else body)
    eventually(lambda: connections(provisioner) >= CONNECTIONS, "all are connected", 20)
    eventually(lambda: unread(provisioner.webhook_port) == 0, "all is read", 20)
    values = yaml.safe_load((ROOT / "charts" / "bulkhead" / "values.yaml").read_text())
    limit = values["provisioner"]["resources"]["limits"]["memory"]
    assert resident_mb(provisioner) < int(limit.removesuffix("Mi"))
    for connection in held:
        connection.close()


CONNECTIONS = 1000  # of 1024 that are let in unless it is told otherwise


def unread(port: int) -> int:
    """Bytes that have come to this port and that its program has not taken yet."""
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = [line for line in lines if line[1].endswith(f":{port:04X}")]
    return sum(int(line[4].split(":")[1], 16) for line in ours)


def resident_mb(provisioner: Provisioner) -> float:
    """The most that was resident at any time."""
    lines = Path(f"/proc/{provisioner.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def test_a_source_cannot_name_itself_with_a_header_line_of_its_own(
    new_provisioner: Callable[..., Provisioner],
) -> None:
    """Some proxies add a line of their own behind those that the client sent."""
    provisioner = new_provisioner("--trusted-proxies=127.0.0.0/8").start()
    head = b"POST /v1/tenants HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n"
    lines = b"X-Forwarded-For: 203.0.113.7\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"
    with socket.create_connection(("127.0.0.1", provisioner.webhook_port), 10) as connection:
        connection.sendall(head + lines)
        assert connection.recv(100).startswith(b"HTTP/1.1 401")
    eventually(lambda: provisioner.audit()[0]["source"] == "192.0.2.1", "the proxy is believed")


def test_more_than_can_be_done_is_refused_with_a_time_to_come_back(
    cluster: KubeCluster, kubectl: Kubectl, new_provisioner: Callable[..., Provisioner]
) -> None:
    provisioner = new_provisioner(UNLIMITED, "--workers=2", "--max-requests=4").start()
    deliveries = [created(f"acme-{n}") for n in range(12)]

    def send(delivery: Delivery) -> Answer:
        with Sender(provisioner.webhook_port) as sender:
            return sender.send(delivery)

    cluster.apiserver.freeze()
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        pending = [pool.submit(send, delivery) for delivery in deliveries]
        eventually(
            lambda: len([p for p in pending if p.done()]) == 8, "eight are refused at once", 5
        )
        cluster.apiserver.thaw()
        answers = [p.result(30) for p in pending]
    refused = [answer for answer in answers if answer.code == 503]
    assert [answer.code for answer in answers].count(202) == 4
    assert {answer.problem for answer in refused} == {"overloaded"}
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in refused)
    for delivery in deliveries:
        assert send(delivery).code == 202
    assert len(versions(kubectl)) == 12


def test_without_the_api_server_senders_are_asked_to_come_back(
    cluster: KubeCluster, provisioner: Provisioner, sender: Sender
) -> None:
    cluster.apiserver.kill()
    delivery = created("acme")
    answer = sender.send(delivery)
    assert (answer.code, answer.problem) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    check_discreet(answer)
    cluster.apiserver.start()
    assert eventually(lambda: sender.send(delivery).code == 202, "it is back", 30)
    assert provisioner.running


def test_a_start_without_the_api_server_waits_for_it(
    cluster: KubeCluster, new_provisioner: Callable[..., Provisioner]
) -> None:
    provisioner = new_provisioner()
    cluster.apiserver.kill()
    provisioner.start(wait=False)
    eventually(lambda: "waiting for the API server" in provisioner.tail(), "it is said")
    with pytest.raises(ConnectionError):
        socket.create_connection(("127.0.0.1", provisioner.webhook_port), 5)
    cluster.apiserver.start()
    provisioner.wait_ready()
    assert provisioner.connect().send(created("acme")).code == 202


def test_a_restart_in_the_middle_of_a_burst_leaves_one_tenant_an_account(
    kubectl: Kubectl, new_provisioner: Callable[..., Provisioner]
) -> None:
    """Senders retry until they are answered, as real ones do; the webhook is killed twice."""
    provisioner = new_provisioner(UNLIMITED).start()
    accounts = [f"account-{n}" for n in range(150)]
    deliveries = {account: created(account) for account in accounts}
    answered: dict[str, int] = {}

    def send(account: str) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with Sender(provisioner.webhook_port) as sender:
                    answer = sender.send(deliveries[account], timeout=5)
            except OSError:
                time.sleep(0.05)
                continue
            answered[account] = answered.get(account, 0) + 1
            if answer.code == 202 and answered[account] >= 3:
                return

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        done = [pool.submit(send, account) for account in accounts]
        for count in (30, 90):
            eventually(functools.partial(at_least, count, answered), f"{count} are answered", 30)
            provisioner.kill()
            provisioner.start()
        for future in done:
            future.result(90)
    assert sorted(versions(kubectl)) == sorted(accounts)
    for found in kubectl.list("tenants"):
        name, notes = found["metadata"]["name"], found["metadata"]["annotations"]
        assert found["metadata"]["generation"] == 1
        assert notes["bulkhead.dev/event-id"] == deliveries[name].headers["webhook-id"]
        assert len(notes["bulkhead.dev/recent-events"].split()) == 1


def at_least(count: int, answered: dict[str, int]) -> bool:
    return len(answered) >= count
