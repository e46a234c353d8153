"""The tests' own ground: servers that keep their data, and that are gone when they should be."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.condition_rules import TenantHistory
from support.jetstream import ApiError, JetStream
from support.kube_cluster import KubeCluster
from support.kubectl import Kubectl, KubectlFailed
from support.manifests import tenant
from support.nats_server import NatsServer
from support.postgres import Postgres
from support.program import Program, ProgramFailed
from support.waiting import TimedOut, eventually

TESTS = Path(__file__).parents[1]

# A job in the background is started with SIGINT ignored, and so is all that it starts.
FORGETFUL = """
import os, signal, sys
from pathlib import Path
from support.manifests import tenant
from support.nats_server import NatsServer
signal.signal(signal.SIGINT, signal.default_int_handler)
server = NatsServer(Path(sys.argv[1])).start()
print(server.pid, flush=True)
{end}
"""


class Sleeper(Program):
    name = "sleeper"
    stop_seconds = 0.3

    def __init__(self, folder: Path, script: str) -> None:
        super().__init__(folder)
        self.script = script

    def command(self) -> list[str]:
        return ["bash", "-c", self.script]


def test_nats_keeps_streams_and_messages_over_a_restart(
    nats: NatsServer, jetstream: JetStream
) -> None:
    jetstream.create_stream(name="KEPT", subjects=["kept.*"])
    jetstream.publish("kept.one", b"1", Color="blue")
    nats.restart()
    nats.kill()
    nats.start()
    message = eventually(lambda: jetstream.messages("KEPT"), "the message is there")[0]
    assert (message.subject, message.headers["Color"], message.data) == ("kept.one", "blue", b"1")


def test_an_error_of_jetstream_carries_its_code(jetstream: JetStream) -> None:
    with pytest.raises(ApiError, match="stream not found") as caught:
        jetstream.stream("MISSING")
    assert caught.value.code == 10059


def test_postgres_keeps_committed_rows_over_a_crash(postgres: Postgres) -> None:
    postgres.query("CREATE TABLE kept (n int)")
    postgres.query("INSERT INTO kept VALUES (7)")
    postgres.restart()
    postgres.stop_immediate()
    postgres.start()
    postgres.kill()
    postgres.start()
    assert postgres.query("SELECT n FROM kept") == [(7,)]


def test_the_api_server_answers_and_keeps_objects_over_a_restart(
    cluster: KubeCluster, kubectl: Kubectl
) -> None:
    kubectl.run("create", "namespace", "kept")
    cluster.apiserver.restart()
    assert kubectl.get("namespace", "kept")["status"]["phase"] == "Active"


def write_status(kubectl: Kubectl, **states: str) -> None:
    """Writes the status of Tenant acme as the controller would, with these conditions."""
    conditions = [
        {
            "type": kind,
            "status": state,
            "reason": "Some",
            "message": "",
            "observedGeneration": 1,
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        for kind, state in states.items()
    ]
    body = tenant("acme")
    del body["spec"]
    body["status"] = {"observedGeneration": 1, "conditions": conditions}
    apply = ("apply", "--server-side", "--force-conflicts", "--subresource=status", "-f", "-")
    kubectl.run(*apply, "--field-manager=bulkhead-controller", stdin=json.dumps(body))


def test_a_status_that_breaks_a_rule_is_found_though_it_is_right_again(folder: Path) -> None:
    cluster = KubeCluster(folder / "cluster")
    try:
        history = TenantHistory(cluster.start().etcd)
        cluster.kubectl.apply(tenant("acme"))
        write_status(cluster.kubectl, Ready="True")
        write_status(cluster.kubectl, Ready="False", Stalled="True")
        write_status(cluster.kubectl, Ready="Unknown", Reconciling="True")
        assert history.findings() == []
        write_status(cluster.kubectl, Ready="True", Stalled="True")
        write_status(cluster.kubectl, Ready="True")
        assert [finding.split(": {")[0] for finding in history.findings()] == [
            "acme: Ready is True beside Reconciling or Stalled",
            "acme: Stalled without Ready=False",
        ]
    finally:
        cluster.kill()


def test_a_user_without_rights_is_forbidden(cluster: KubeCluster) -> None:
    outsider = Kubectl(cluster.write_kubeconfig("outsider", cluster.outsider()))
    with pytest.raises(KubectlFailed, match="cannot list resource"):
        outsider.run("get", "namespaces")


def test_a_client_certificate_is_an_administrator(cluster: KubeCluster) -> None:
    admin = Kubectl(cluster.write_kubeconfig("by-certificate", cluster.certificate_user()))
    assert "kube-system" in admin.run("get", "namespaces")


def test_a_frozen_server_can_be_stopped(nats: NatsServer) -> None:
    nats.freeze()
    nats.stop()
    assert not nats.running


def test_a_program_that_will_not_end_is_killed_and_reported(folder: Path) -> None:
    stubborn = Sleeper(folder, "trap '' TERM; echo began; while :; do sleep 0.1; done").start()
    eventually(lambda: "began" in stubborn.tail(), "the trap is set")
    with pytest.raises(ProgramFailed, match=r"did not end within 0\.3 s of SIGTERM"):
        stubborn.stop()
    assert not stubborn.running


def test_a_program_that_ends_at_once_is_reported_with_its_log(folder: Path) -> None:
    broken = Sleeper(folder, "echo no such flag; exit 2")
    broken.ready = lambda: False  # type: ignore[method-assign]
    with pytest.raises(ProgramFailed, match="ended at once with code 2\nno such flag"):
        broken.start()


def test_waiting_in_vain_tells_what_was_seen_last() -> None:
    with pytest.raises(TimedOut, match=r"a row: not within 0\.1 s; last: \[\]"):
        eventually(list, "a row", timeout=0.1)


@pytest.mark.parametrize(
    "end",
    ["os._exit(1)", "os.kill(os.getpid(), 9)", "raise SystemExit", "sys.stdin.read()"],
    ids=["no exit handlers", "kill -9", "exit handlers", "Ctrl-C"],
)
def test_nothing_runs_on_when_the_tests_are_gone(folder: Path, end: str) -> None:
    script = FORGETFUL.format(end=end)
    with subprocess.Popen(
        [sys.executable, "-c", script, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=TESTS,
    ) as child:
        assert child.stdout is not None
        server = Path("/proc") / child.stdout.readline().decode().strip()
        if "stdin" in end:
            child.send_signal(signal.SIGINT)
        child.wait(10)
    eventually(lambda: not server.exists(), "the server is gone")


def test_the_servers_of_a_test_have_ports_of_their_own(folder: Path) -> None:
    first, second = NatsServer(folder / "first"), NatsServer(folder / "second")
    with first.start(wait=False), second.start(wait=False):
        first.wait_ready()
        second.wait_ready()
        assert first.monitor("varz")["port"] != second.monitor("varz")["port"]
    assert not Path(f"/proc/{first.pid}").exists()
    assert os.listdir(folder) != []
