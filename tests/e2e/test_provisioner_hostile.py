"""The webhook stands where anyone can reach it: what they can do there is nothing."""

import bisect
import concurrent.futures
import contextlib
import functools
import itertools
import random
import socket
import ssl
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.kube_cluster import KubeCluster
from support.kubectl import Kubectl
from support.waiting import eventually
from support.webhook import (
    PATH,
    SECRET,
    Answer,
    Delivery,
    Provisioner,
    Sender,
    cloud_event,
    created,
    event,
    new_id,
    now,
    signed,
    status,
)

UNLIMITED = "--rate=0"


def versions(kubectl: Kubectl) -> dict[str, str]:
    found = kubectl.list("tenants")
    return {t["metadata"]["name"]: t["metadata"]["resourceVersion"] for t in found}


def raw(port: int, data: bytes, timeout: float = 10.0) -> bytes:
    """Sends bytes as they are; what comes back until the other side closes or is silent."""
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        found = b""
        try:
            connection.sendall(data)
            while piece := connection.recv(65536):
                found += piece
        except OSError:
            pass
        return found


def make_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    command = ["openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", f"/CN={name}"]
    command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


@pytest.fixture
def tls(folder: Path, new_provisioner: Callable[..., Provisioner]) -> Provisioner:
    """A webhook over HTTPS; its files are `shown.crt` and `shown.key` in the test's folder."""
    certificate, key = make_certificate(folder, "shown")
    return new_provisioner(f"--tls-cert={certificate}", f"--tls-key={key}", UNLIMITED).start()


def trust(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


def test_https_and_a_new_certificate_while_requests_go_on(
    folder: Path, tls: Provisioner, kubectl: Kubectl
) -> None:
    first = (folder / "shown.crt").read_bytes()
    (folder / "first.crt").write_bytes(first)
    kept = tls.connect(trust(folder / "first.crt"))
    assert kept.send(created("acme")).code == 202
    certificate, key = make_certificate(folder, "second")
    # Certificate and key are two files: between the two writes they do not fit together.
    (folder / "shown.crt").write_bytes(certificate.read_bytes())
    eventually(lambda: "do not fit together" in tls.tail(), "the mistake is said", 15)
    with Sender(tls.webhook_port, trust(folder / "first.crt")) as other:
        assert other.send(created("globex")).code == 202
    (folder / "shown.key").write_bytes(key.read_bytes())
    eventually(lambda: shows(tls.webhook_port, certificate), "the new certificate is shown", 15)
    assert tls.connect(trust(certificate)).send(created("initech")).code == 202
    assert kept.send(created("umbrella")).code == 202  # on the connection from before
    with pytest.raises(ssl.SSLCertVerificationError):
        tls.connect(trust(folder / "first.crt")).send(created("hooli"))
    assert sorted(versions(kubectl)) == ["acme", "globex", "initech", "umbrella"]


def shows(port: int, certificate: Path) -> bool:
    shown = ssl.get_server_certificate(("127.0.0.1", port), timeout=5)
    return shown.strip() == certificate.read_text().strip()


def test_old_protocols_and_plain_http_are_refused_over_tls(tls: Provisioner) -> None:
    assert raw(tls.webhook_port, b"POST /v1/tenants HTTP/1.1\r\nHost: x\r\n\r\n") == b""
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        tls.connect(old).send(created("acme"))


def bad_requests() -> Iterator[tuple[Delivery, int, str]]:
    """What each is answered with; none of them changes anything."""
    good = created("acme")
    yield Delivery({}, b""), 401, "missing-signature"
    yield Delivery(good.headers | {"webhook-signature": "v1,AAAA"}, good.body), 401, "bad-signature"
    yield Delivery(good.headers | {"webhook-signature": ""}, good.body), 401, "bad-signature"
    yield Delivery(good.headers, good.body + b" "), 401, "bad-signature"
    yield Delivery(good.headers | {"webhook-id": new_id()}, good.body), 401, "bad-signature"
    yield Delivery(good.headers | {"webhook-timestamp": "1"}, good.body), 401, "bad-signature"
    yield Delivery(good.headers | {"webhook-timestamp": "x"}, good.body), 400, "malformed-signature"
    yield Delivery(good.headers | {"webhook-id": "a.b"}, good.body), 400, "malformed-signature"
    yield signed(good.body, secret="whsec_" + "C" * 44), 401, "bad-signature"
    yield signed(good.body, when=now().replace(year=2020)), 401, "stale-timestamp"
    yield signed(good.body, when=now().replace(year=2099)), 401, "stale-timestamp"
    yield signed(good.body, content_type="text/plain"), 415, "unsupported-media-type"
    yield (
        signed(good.body, content_type="application/json; charset=latin1"),
        415,
        ("unsupported-media-type"),
    )
    gzip = {"content-encoding": "gzip"}
    yield Delivery(good.headers | gzip, good.body), 415, "unsupported-media-type"
    for text in ("", "{", "[]", "nul", '{"type": "\\u0000"}', "[" * 5000, '{"a":1}{"b":2}'):
        yield signed(text.encode()), 400, "malformed-event"
    yield signed(b'{"type":"account.created"}'), 422, "incomplete-event"
    yield signed(event("account.created", "")), 422, "incomplete-event"
    yield signed(event("account.created", "a\nb")), 422, "incomplete-event"
    yield signed(event("account.created", "x" * 300)), 422, "incomplete-event"
    yield signed(event("account.created", "acme", plan="gold")), 422, "unknown-plan"
    yield signed(event("account.created", "acme", plan="starter")), 422, "incomplete-event"
    yield signed(event("account.suspended", "nobody")), 404, "no-such-tenant"
    yield created("globex", quota="lots"), 422, "refused"
    yield created("globex", region="not a label!"), 422, "refused"
    yield signed(b"x" * 70000), 413, "body-too-large"
    yield Delivery(good.headers | {"x-filler": "y" * 20000}, good.body), 431, "head-too-large"
    yield Delivery(good.headers, good.body, PATH + "/"), 404, "not-found"
    yield Delivery(good.headers, good.body, "/"), 404, "not-found"
    yield Delivery(good.headers, b"", PATH, "DELETE"), 405, "method-not-allowed"
    yield Delivery(good.headers, b"", PATH + "/acme", "PUT"), 405, "method-not-allowed"
    yield Delivery(good.headers, b"", PATH + "/../secrets", "GET"), 404, "not-found"
    yield Delivery(good.headers, b"", PATH + "/Acme", "GET"), 404, "not-found"
    yield Delivery({}, b"", PATH + "/acme", "GET"), 401, "missing-signature"
    batch = {"content-type": "application/cloudevents-batch+json"}
    yield signed(b"[]", content_type=batch["content-type"]), 415, "unsupported-media-type"
    old = cloud_event("account.created", "globex", binary=True)
    yield Delivery(old.headers | {"ce-specversion": "0.3"}, old.body), 400, "malformed-event"
    yield Delivery(old.headers | {"ce-source": "%zz"}, old.body), 400, "malformed-event"


def test_each_bad_request_has_its_code_and_a_problem_that_tells_no_secret(
    kubectl: Kubectl, provisioner: Provisioner, sender: Sender
) -> None:
    sender.send(created("acme"))
    before = versions(kubectl)
    for delivery, code, problem in bad_requests():
        answer = sender.send(delivery)
        assert (answer.code, answer.problem) == (code, problem), delivery
        content = answer.json()
        assert set(content) <= {"type", "title", "status", "detail", "request", "fields"}
        assert content["request"] == answer.headers["x-request-id"]
        tells_nothing(answer)
    assert versions(kubectl) == before
    assert SECRET.removeprefix("whsec_") not in provisioner.log.read_text()


def tells_nothing(answer: Answer) -> None:
    text = answer.body.decode()
    for secret in (SECRET.removeprefix("whsec_"), "thirty-two", "/tmp", "127.0.0.1", "etcd"):
        assert secret not in text
    assert "server" not in answer.headers


def test_bytes_that_are_no_request_end_the_connection(provisioner: Provisioner) -> None:
    for data in (
        b"\0" * 100,
        b"POST\r\n\r\n",
        b"POST /v1/tenants HTTP/9.9\r\n\r\n",
        b"POST /v1/tenants HTTP/1.1\r\nContent-Length: -1\r\nHost: x\r\n\r\n",
        b"POST /v1/tenants HTTP/1.1\r\nContent-Length: 1e9\r\nHost: x\r\n\r\n",
        b"POST /v1/tenants HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"a" * 200000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /v1/tenants HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 20000 + b"\r\n",
        b"\x16\x03\x01\x02\x00" + b"\1" * 500,
    ):
        answer = raw(provisioner.webhook_port, data, 5)
        assert answer == b"" or answer.split(b" ")[1][:1] in (b"4", b"5"), data[:60]
    assert provisioner.running


def test_a_chunked_body_without_end_is_cut(provisioner: Provisioner) -> None:
    chunk = b"%x\r\n" % 60000 + b"x" * 60000 + b"\r\n"
    head = b"POST /v1/tenants HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    sent = 0
    with socket.create_connection(("127.0.0.1", provisioner.webhook_port), 10) as connection:
        connection.sendall(head)
        with contextlib.suppress(ConnectionError):
            while sent < 100 << 20:
                connection.sendall(chunk)
                sent += len(chunk)
    assert sent < 10 << 20


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
    tells_nothing(answer)
    cluster.apiserver.start()
    assert eventually(lambda: sender.send(delivery).code == 202, "it is back", 30)
    assert provisioner.running


def test_ten_thousand_hostile_requests_change_nothing(
    kubectl: Kubectl, new_provisioner: Callable[..., Provisioner]
) -> None:
    """Replays, forged signatures, broken bodies, odd encodings, on eight connections at once."""
    provisioner = new_provisioner(UNLIMITED, "--log-level=warn").start()
    with provisioner.connect() as sender:
        replays = [created(f"acme-{n}") for n in range(20)]
        for delivery in replays:
            assert sender.send(delivery).code == 202
    before = versions(kubectl)
    work = [(number, replays) for number in range(8)]

    def attack(number: int, replays: list[Delivery]) -> int:
        dice = random.Random(number)
        changed = 0
        with Sender(provisioner.webhook_port) as sender:
            for _ in range(1250):
                answer = sender.send(hostile(dice, replays))
                tells_nothing(answer)
                changed += answer.code == 202 and b"acme-" not in answer.body
        return changed

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda w: attack(*w), work)) == 0
    assert versions(kubectl) == before
    counted = provisioner.metrics()
    total = sum(
        v for k, v in counted.items() if k.startswith("bulkhead_provisioner_requests_total")
    )
    assert total >= 10020
    assert SECRET.removeprefix("whsec_") not in provisioner.log.read_text()
    with provisioner.connect() as sender:
        assert sender.send(created("afterwards")).code == 202


def hostile(dice: random.Random, replays: list[Delivery]) -> Delivery:
    victim = dice.choice(replays)
    kind = dice.randrange(8)
    if kind == 0:
        return victim
    if kind == 1:
        header = dice.choice(list(victim.headers))
        return Delivery(victim.headers | {header: noise(dice, 40)}, victim.body)
    if kind == 2:
        return Delivery(victim.headers, mutated(dice, victim.body))
    if kind == 3:
        return signed(mutated(dice, victim.body), secret="whsec_" + "D" * 44)
    if kind == 4:
        return signed(bytes(dice.randrange(32, 127) for _ in range(dice.randrange(200))))
    if kind == 5:
        return Delivery({}, dice.randbytes(dice.randrange(3000)))
    if kind == 6:
        path = f"{PATH}/{noise(dice, 20)}".replace(" ", "")
        return Delivery(status("acme-1").headers, b"", path.replace("?", ""), "GET")
    return signed(b'{"type":"' + noise(dice, 30).encode() + b'"' * dice.randrange(2))


def noise(dice: random.Random, length: int) -> str:
    letters = "abcXYZ019-_.,:;=+/%~ \"'{}"
    return "".join(dice.choice(letters) for _ in range(dice.randrange(1, length)))


def mutated(dice: random.Random, body: bytes) -> bytes:
    """Another text of the same kind: a byte replaced, so that it stays ASCII."""
    place = dice.randrange(len(body))
    return body[:place] + bytes([dice.randrange(32, 127) ^ 1]) + body[place + 1 :] + b" "


def test_a_wrong_signature_takes_as_long_as_an_almost_right_one(
    new_provisioner: Callable[..., Provisioner],
) -> None:
    provisioner = new_provisioner(UNLIMITED, "--log-level=error").start()
    good = signed(event("invoice.paid", "acme"))
    right = good.headers["webhook-signature"]
    forged = {
        "first": "v1," + ("A" if right[3] != "A" else "B") + right[4:],
        "last": right[:-2] + ("A" if right[-2] != "A" else "B") + "=",
        "all": "v1," + "A" * 43 + "=",
    }
    took: dict[str, list[float]] = {name: [] for name in forged}
    names = list(forged) * 1500
    random.Random(1).shuffle(names)
    with provisioner.connect() as sender:
        for name in names:
            headers = good.headers | {"webhook-signature": forged[name]}
            start = time.perf_counter()
            assert sender.send(Delivery(headers, good.body)).code == 401
            took[name].append(time.perf_counter() - start)
    # The order is random, so that the machine's moods fall on all alike: of two that take the same
    # time either is the slower one in half of the pairs, give or take a fiftieth.
    for one, other in itertools.combinations(took.values(), 2):
        assert 0.42 < share_of_slower(one, other) < 0.58


def share_of_slower(one: list[float], other: list[float]) -> float:
    """In how many of all pairs the first is the slower one."""
    ordered = sorted(other)
    slower = sum(bisect.bisect_left(ordered, value) for value in one)
    return slower / (len(one) * len(other))


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


def test_settings_that_cannot_work_are_said_at_the_start(
    cluster: KubeCluster, folder: Path, new_provisioner: Callable[..., Provisioner]
) -> None:
    prepared = new_provisioner()
    secret, templates = prepared.secrets / "current", prepared.templates
    (folder / "empty").write_text("")
    (folder / "short").write_text("whsec_AAAA\n")
    (folder / "wrong.yaml").write_text("plan: a\ntenant: {spec: {stream: {maxBytes: lots}}}\n")
    (folder / "needs.yaml").write_text('plan: a\ntenant: {spec: {stream: {maxBytes: "${x}"}}}\n')
    common = [f"--kubeconfig={cluster.kubeconfig}", "--listen=127.0.0.1:0", "--log-format=text"]
    files = [f"--secret-file={secret}", f"--templates={templates}"]
    for flags, code, message in (
        ([], 2, "--secret-file: want the files"),
        ([f"--secret-file={secret}"], 2, "--templates: want the file"),
        ([f"--secret-file={folder}/none", files[1]], 2, "cannot be read"),
        ([f"--secret-file={folder}/empty", files[1]], 2, "there is no secret in the files"),
        ([f"--secret-file={folder}/short", files[1]], 2, "short: line 1: the secret is not 24"),
        ([files[0], f"--templates={folder}/wrong.yaml"], 2, "maxBytes"),
        ([files[0], f"--templates={folder}/needs.yaml"], 2, "needs the field 'x'"),
        ([files[0], f"--templates={folder}/empty"], 2, "there is no template in it"),
        ([*files, "--tls-cert=x"], 2, "--tls-cert and --tls-key go together"),
        ([*files, f"--tls-cert={secret}", f"--tls-key={secret}"], 2, "do not fit together"),
        ([*files, "--signature=md5"], 2, "'md5' is not one of standard|github|stripe"),
        ([*files, "--trusted-proxies=proxy"], 2, "'proxy' is not an address or a network"),
        ([*files, "--account-field=a..b"], 2, "--account-field: 'a..b' is not a list of paths"),
        ([*files, "--webhook-listen=nonsense"], 2, "'nonsense' is not host:port"),
    ):
        done = Provisioner.run(*common, *flags)
        assert (done.returncode, message in done.stderr) == (code, True), (flags, done.stderr)
        assert "whsec_" not in done.stderr
