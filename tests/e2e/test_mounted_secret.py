"""A setting names a key that the Secret, which is mounted as a folder, does not have."""

from pathlib import Path

import pytest

from support.bulkhead import BulkheadProgram, Controller, Relay
from support.webhook import Provisioner

NOWHERE = """
apiVersion: v1
kind: Config
current-context: x
clusters: [{name: x, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: x, user: {token: any}}]
contexts: [{name: x, context: {cluster: x, user: x}}]
"""


@pytest.fixture
def mounted(folder: Path) -> Path:
    """As the kubelet mounts it: each key is a link, by way of a link that it moves at once."""
    place = folder / "secret"
    (place / "..2026_11_27").mkdir(parents=True)
    (place / "..2026_11_27" / "another").write_text("x")
    (place / "..data").symlink_to("..2026_11_27")
    (place / "another").symlink_to("..data/another")
    return place


@pytest.mark.parametrize(
    ("program", "flag"),
    [
        (Controller, "nats-creds"),
        (Controller, "nats-nkey"),
        (Controller, "nats-ca"),
        (Controller, "kubeconfig"),
        (Relay, "nats-creds"),
        (Relay, "nats-nkey"),
        (Relay, "nats-ca"),
        (Provisioner, "secret-file"),
        (Provisioner, "templates"),
        (Provisioner, "kubeconfig"),
    ],
)
def test_a_key_that_is_missing_is_named_in_one_line_and_exit_code_2(
    program: type[BulkheadProgram], flag: str, folder: Path, mounted: Path
) -> None:
    (folder / "kubeconfig").write_text(NOWHERE)
    (folder / "secrets").write_text("whsec_" + "A" * 43 + "=\n")
    (folder / "plans").write_text("{plan: a, tenant: {spec: {}}}\n")
    needed = {
        Controller: {"kubeconfig": folder / "kubeconfig"},
        Relay: {},
        Provisioner: {
            "kubeconfig": folder / "kubeconfig",
            "secret-file": folder / "secrets",
            "templates": folder / "plans",
        },
    }[program]
    files = needed | {flag: mounted / "missing"}
    done = program.run(
        "--listen=127.0.0.1:0", *(f"--{name}={path}" for name, path in files.items())
    )
    assert done.returncode == 2, done.stderr
    assert str(mounted / "missing") in done.stderr
    assert "No such file" in done.stderr
    assert done.stderr.count("\n") == 1
