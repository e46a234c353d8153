"""The webhook stands where anyone can reach it: what they can do there is nothing."""

import concurrent.futures
import contextlib
import itertools
import random
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.hostile import SlowClients, hostile, share_of_slower
from support.kube_cluster import KubeCluster
from support.kubectl import Kubectl
from support.waiting import eventually
from support.webhook import (
    PATH,
    SECRET,
    Delivery,
    Provisioner,
    Sender,
    check_discreet,
    cloud_event,
    created,
    event,
    new_id,
    now,
    signed,
    versions,
)

UNLIMITED = "--rate=0"


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
        check_discreet(answer)
    assert versions(kubectl) == before
    assert SECRET.removeprefix("whsec_") not in provisioner.log.read_text()


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


def test_ten_thousand_hostile_requests_change_nothing(
    kubectl: Kubectl, new_provisioner: Callable[..., Provisioner]
) -> None:
    """Replays, forged signatures, broken, huge and slow bodies, odd encodings, all at once."""
    provisioner = new_provisioner(UNLIMITED, "--log-level=warn", "--request-timeout=2s").start()
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
                check_discreet(answer)
                changed += answer.code == 202 and b"acme-" not in answer.body
        return changed

    with (
        SlowClients(provisioner.webhook_port) as slow,
        concurrent.futures.ThreadPoolExecutor(8) as pool,
    ):
        assert sum(pool.map(lambda w: attack(*w), work)) == 0
        eventually(lambda: slow.cut_off > 0, "slow clients are cut off")
    assert versions(kubectl) == before
    counted = provisioner.metrics()
    total = sum(
        v for k, v in counted.items() if k.startswith("bulkhead_provisioner_requests_total")
    )
    assert total >= 10020
    assert SECRET.removeprefix("whsec_") not in provisioner.log.read_text()
    with provisioner.connect() as sender:
        assert sender.send(created("afterwards")).code == 202


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
        ([*files, f"--tls-cert={folder}/none", f"--tls-key={secret}"], 2, "--tls-cert: "),
        ([*files, "--event-deleted=account.created"], 2, "'account.created' cannot mean both"),
        ([*files, "--signature=md5"], 2, "'md5' is not one of standard|github|stripe"),
        ([*files, "--trusted-proxies=proxy"], 2, "'proxy' is not an address or a network"),
        ([*files, "--account-field=a..b"], 2, "--account-field: 'a..b' is not a list of paths"),
        ([*files, "--webhook-listen=nonsense"], 2, "'nonsense' is not host:port"),
    ):
        done = Provisioner.run(*common, *flags)
        assert (done.returncode, message in done.stderr) == (code, True), (flags, done.stderr)
        assert "whsec_" not in done.stderr
