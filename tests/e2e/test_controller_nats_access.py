"""How the controller proves itself to NATS, and that what it is given may be replaced any time."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.bulkhead import Controller
from support.certificates import let_expire, make_certificates
from support.kube_cluster import KubeCluster
from support.kubectl import Kubectl
from support.manifests import condition, tenant
from support.nats_access import (
    Operator,
    demand,
    make_nkey,
    nkey_users,
    put,
    put_file,
    tls_block,
)
from support.nats_server import NatsServer
from support.waiting import eventually


@pytest.fixture
def start(
    folder: Path, cluster: KubeCluster, nats: NatsServer
) -> Iterator[Callable[..., Controller]]:
    """Starts the controller with the flags it is called with, on a server that speaks SCHEME."""
    made: list[Controller] = []

    def start_one(*flags: str, scheme: str = "nats") -> Controller:
        url = f"{scheme}://127.0.0.1:{nats.port}"
        made.append(Controller(folder / "controller", cluster.kubeconfig, url, flags))
        return made[-1].start()

    yield start_one
    for controller in made:
        controller.stop()


def becomes_ready(kubectl: Kubectl, name: str) -> None:
    kubectl.apply(tenant(name, consumers=["audit"]))
    kubectl.wait("tenant", name)


def says(kubectl: Kubectl, name: str, what: str) -> bool:
    """Whether the Tenant says why it cannot be worked on."""
    ready = condition(kubectl.get("tenant", name), "Ready")
    return ready["reason"] == "Unavailable" and what in ready["message"]


def connection(nats: NatsServer) -> int:
    """The number of the controller's connection, which is another each time; 0 without one."""
    found = nats.monitor("connz")["connections"]
    return max((int(c["cid"]) for c in found if c.get("name")), default=0)


def is_another(nats: NatsServer, before: int) -> bool:
    return connection(nats) not in (0, before)


@pytest.mark.parametrize("mutual", [False, True], ids=["server-only", "mutual"])
def test_replaced_certificates_are_used_at_the_next_connection(
    folder: Path,
    nats: NatsServer,
    start: Callable[..., Controller],
    kubectl: Kubectl,
    mutual: bool,
) -> None:
    now = folder / "now"
    own = [f"--nats-cert={now}/admin.crt", f"--nats-key={now}/admin.key"] if mutual else []
    make_certificates(folder / "first")
    put(folder / "first", now)
    demand(nats, tls_block(now, verify=mutual))
    start(f"--nats-ca={now}/ca.crt", *own, scheme="tls")
    becomes_ready(kubectl, "acme")
    make_certificates(folder / "second")
    put(folder / "second", now)
    nats.restart()
    becomes_ready(kubectl, "globex")


def test_an_expired_certificate_is_said_in_a_sentence_and_its_successor_taken(
    folder: Path, nats: NatsServer, start: Callable[..., Controller], kubectl: Kubectl
) -> None:
    """First the server's, while the controller runs; then the controller's own."""
    now, own = folder / "now", folder / "own"
    make_certificates(folder / "good")
    put(folder / "good", now)
    put(folder / "good", own)
    demand(nats, tls_block(now))
    controller = start(
        f"--nats-ca={own}/ca.crt",
        f"--nats-cert={own}/admin.crt",
        f"--nats-key={own}/admin.key",
        scheme="tls",
    )
    becomes_ready(kubectl, "acme")
    let_expire(now, "server")
    nats.restart()
    kubectl.apply(tenant("globex"))
    expired = "certificate has expired"
    eventually(lambda: says(kubectl, "globex", expired), "the Tenant says why", timeout=20)
    assert expired in controller.tail()
    put_file(folder / "good" / "server.crt", now / "server.crt")
    nats.restart()
    kubectl.wait("tenant", "globex")
    let_expire(own, "admin")
    nats.restart()
    kubectl.apply(tenant("initech"))
    ended = f"--nats-cert: '{own}/admin.crt' has expired on "
    eventually(lambda: says(kubectl, "initech", ended), "the Tenant says why", 20)
    put_file(folder / "good" / "admin.crt", own / "admin.crt")
    kubectl.wait("tenant", "initech")


def test_credentials_that_are_replaced_before_they_end_are_taken_up(
    folder: Path, nats: NatsServer, start: Callable[..., Controller], kubectl: Kubectl
) -> None:
    """The server ends the connection when they do, and the next is made with the new ones."""
    operator = Operator(folder / "operator")
    used = folder / "used.creds"
    demand(nats, operator.options())
    put_file(operator.credentials("first", expire="8s"), used)
    start(f"--nats-creds={used}")
    first = eventually(lambda: connection(nats), "the first credentials are good")
    put_file(operator.credentials("second"), used)
    becomes_ready(kubectl, "acme")
    eventually(lambda: is_another(nats, first), "the server ended the first connection", 20)
    becomes_ready(kubectl, "globex")


def test_expired_credentials_are_said_in_a_sentence_until_they_are_replaced(
    folder: Path, nats: NatsServer, start: Callable[..., Controller], kubectl: Kubectl
) -> None:
    operator = Operator(folder / "operator")
    used = folder / "used.creds"
    demand(nats, operator.options())
    put_file(operator.credentials("first", expire="5s"), used)
    controller = start(f"--nats-creds={used}")
    eventually(lambda: connection(nats), "the credentials are good")
    eventually(lambda: not connection(nats), "they have ended", timeout=20)
    kubectl.apply(tenant("acme"))
    ended = f"--nats-creds: '{used}' has expired on "
    eventually(lambda: says(kubectl, "acme", ended), "the Tenant says why", timeout=20)
    assert controller.page("readyz") == "ok\n"  # which does not depend on NATS
    put_file(operator.credentials("second"), used)
    kubectl.wait("tenant", "acme")


def test_an_nkey_that_is_replaced_is_taken_up(
    folder: Path, nats: NatsServer, start: Callable[..., Controller], kubectl: Kubectl
) -> None:
    """The server forgets the old key, as `nats-server --signal reload` makes it do."""
    old, old_key = make_nkey(folder / "keys", "old")
    new, new_key = make_nkey(folder / "keys", "new")
    used = folder / "used.nk"
    put_file(old, used)
    demand(nats, nkey_users(old_key))
    controller = start(f"--nats-nkey={used}")
    becomes_ready(kubectl, "acme")
    before = connection(nats)
    put_file(new, used)
    text = nats.config.read_text()
    nats.config.write_text(text.replace(old_key, new_key))
    nats.send(signal.SIGHUP)
    eventually(lambda: is_another(nats, before), "the old key is no longer taken", timeout=20)
    becomes_ready(kubectl, "globex")
    assert old.read_text().strip() not in controller.log.read_text()


def test_a_file_that_holds_no_nkey_is_one_clear_line_and_exit_code_2(
    folder: Path, cluster: KubeCluster
) -> None:
    broken = folder / "broken.nk"
    broken.write_text("SUNOTREALLY")
    done = Controller.run(
        f"--kubeconfig={cluster.kubeconfig}", "--listen=127.0.0.1:0", f"--nats-nkey={broken}"
    )
    assert done.returncode == 2
    assert f"--nats-nkey: '{broken}': holds no user's NKey seed (SU...)" in done.stderr
    assert "NOTREALLY" not in done.stderr


def test_a_subject_that_the_user_may_not_use_is_named(
    start: Callable[..., Controller], kubectl: Kubectl, nats: NatsServer
) -> None:
    """The server tells the connection alone, and leaves the request without an answer."""
    reads = '"$JS.API.INFO", "$JS.API.STREAM.INFO.*", "$JS.API.STREAM.LIST", "$SYS.REQ.USER.INFO"'
    rights = f'publish: [{reads}], subscribe: ["_INBOX.>", "bulkhead.relay.report.*"]'
    demand(
        nats,
        f"authorization {{ users: [{{ user: u, password: p, permissions: {{ {rights} }} }}] }}",
    )
    controller = start(f"--nats-url=nats://u:p@127.0.0.1:{nats.port}")
    kubectl.apply(tenant("acme"))

    def said() -> bool:
        ready = condition(kubectl.get("tenant", "acme"), "Stalled")
        return (
            ready["reason"] == "Denied"
            and 'Publish to "$JS.API.STREAM.CREATE.TENANT_ACME"' in ready["message"]
        )

    eventually(said, "the Tenant names the subject", timeout=20)
    assert "Permissions Violation for Subscription to" in controller.tail()
