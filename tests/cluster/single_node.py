"""The single-node Kubernetes of up.sh, its servers, and what a test asks them."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from support.places import ROOT, tool
from support.waiting import eventually

HERE = Path(__file__).parent
CHART = ROOT / "charts" / "bulkhead"
ARCHIVES = ROOT / "build" / "images" / "cluster"
NAMESPACE = "bulkhead"


class CommandFailed(AssertionError):
    """A command in the cluster failed; `message` is what it said."""

    def __init__(self, command: tuple[str, ...], message: str) -> None:
        super().__init__(f"{' '.join(command)}: {message}")
        self.message = message


class SingleNode:
    def cannot(self) -> str:
        """Why this machine can't run it, or nothing."""
        done = subprocess.run([HERE / "can.sh"], capture_output=True, text=True)
        return done.stderr.strip() if done.returncode != 0 else ""

    def up(self) -> None:
        """Starts the cluster, or takes the one that is up, and brings servers and images."""
        if not self.is_up():
            subprocess.run([HERE / "up.sh"], check=True)
        for archive in sorted(ARCHIVES.glob("*.tar")):
            self.run("ctr", "images", "import", str(archive))
        self.kubectl("apply", "-f", str(HERE / "servers.yaml"))
        self.kubectl("-n", "servers", "wait", "--for=condition=Ready", "pod", "--all")

    def down(self) -> None:
        subprocess.run([HERE / "down.sh"], check=True)

    def is_up(self) -> bool:
        return subprocess.run([HERE / "in.sh", "true"], capture_output=True).returncode == 0

    def run(self, *command: str, stdin: str = "", timeout: float = 180.0) -> str:
        done = subprocess.run(
            [HERE / "in.sh", *command],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if done.returncode != 0:
            raise CommandFailed(command, (done.stderr or done.stdout).strip())
        return done.stdout

    def kubectl(self, *arguments: str, stdin: str = "") -> str:
        return self.run("kubectl", *arguments, stdin=stdin)

    def get(self, *what: str) -> dict[str, Any]:
        return dict(json.loads(self.kubectl("get", *what, "-o", "json")))

    def apply(self, *manifests: dict[str, Any]) -> None:
        self.kubectl("apply", "-f", "-", stdin="\n---\n".join(map(json.dumps, manifests)))

    def wait(self, what: str, condition: str = "Ready", seconds: int = 30) -> None:
        self.kubectl("wait", f"--for=condition={condition}", what, f"--timeout={seconds}s")

    def refusal(self, *arguments: str) -> str:
        """What the API server says against a kubectl command; fails if it does it."""
        try:
            self.kubectl(*arguments)
        except CommandFailed as failure:
            return failure.message
        raise AssertionError(f"kubectl {' '.join(arguments)} was not refused")

    def may(self, user: str, verb: str, what: str) -> bool:
        """Whether the user may do this to all RESOURCE or RESOURCE.GROUP of the cluster."""
        resource, _, group = what.partition(".")
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": user,
                "resourceAttributes": {"verb": verb, "resource": resource, "group": group},
            },
        }
        answer = self.kubectl("create", "-f", "-", "-o", "json", stdin=json.dumps(review))
        return bool(json.loads(answer)["status"]["allowed"])

    def logs(self, what: str) -> str:
        return self.kubectl("-n", NAMESPACE, "logs", what, "--all-pods", "--tail=-1")

    def pods(self, component: str) -> list[dict[str, Any]]:
        label = f"app.kubernetes.io/component={component}"
        return list(self.get("-n", NAMESPACE, "pods", "-l", label)["items"])

    def helm(self, *arguments: str, name: str = "helm") -> str:
        return self.run(str(tool(name)), *arguments)

    def install(self, *settings: str, chart: Path = CHART) -> str:
        """Installs or upgrades the release under test and waits for it."""
        values = HERE / "release.yaml"
        options = ["-n", NAMESPACE, "--install", "--wait", "--timeout=90s", f"--values={values}"]
        return self.helm("upgrade", "bulkhead", str(chart), *options, *settings)

    # What the servers hold.

    def shell(self, *command: str) -> str:
        return self.kubectl("-n", "servers", "exec", "shell", "--", *command)

    def sql(self, statement: str, database: str = "postgres") -> str:
        options = ["--quiet", "--no-align", "--tuples-only", f"--dbname={database}"]
        return self.shell("psql", *options, "-c", statement).strip()

    def streams(self) -> list[str]:
        return self.shell("nats", "stream", "ls", "--names").split()

    def remove(self, tenant: str) -> None:
        """The Tenant and its stream, which it leaves behind."""
        self.kubectl("delete", "tenant", tenant)
        self.shell("nats", "stream", "rm", f"TENANT_{tenant.upper()}", "--force")

    def messages(self, tenant: str) -> int:
        info = self.shell("nats", "stream", "info", f"TENANT_{tenant.upper()}", "--json")
        return int(json.loads(info)["state"]["messages"])

    @contextmanager
    def load(self, tenants: list[str]) -> Iterator[None]:
        """Commits rows for these tenants, twenty times a second, until the end of the block.

        Then it waits until the relays are done and holds them to their promise: every committed
        row is in its tenant's stream, and no row is dead.
        """
        before = {tenant: self.messages(tenant) - self.committed(tenant) for tenant in tenants}
        values = ", ".join(f"('{tenant}', 'load', '{{}}')" for tenant in tenants)
        insert = f"INSERT INTO outbox (tenant_id, event_type, payload) VALUES {values}"
        script = f'echo "{insert} \\\\watch 0.05" | psql --quiet >/tmp/load 2>&1 & echo $!'
        writer = self.shell("sh", "-c", script).strip()
        try:
            yield
        finally:
            self.shell("sh", "-c", f"kill {writer}")
        eventually(lambda: self.pending() == 0, "every row is published", 60)
        after = {tenant: self.messages(tenant) - self.committed(tenant) for tenant in tenants}
        assert after == before, "streams and outbox differ"

    def committed(self, tenant: str) -> int:
        return int(self.sql(f"SELECT count(*) FROM outbox WHERE tenant_id = '{tenant}'"))

    def pending(self) -> int:
        """Rows that are still to be published; none may be dead."""
        assert self.sql("SELECT count(*) FROM outbox_dead") == "0"
        return int(self.sql("SELECT count(*) FROM outbox WHERE status <> 'published'"))


def copy_of_chart(folder: Path, version: str) -> Path:
    """The chart of a later version, whose CRD has a field more."""
    copy = folder / version / "bulkhead"
    shutil.copytree(CHART, copy)
    chart = copy / "Chart.yaml"
    lines = chart.read_text().splitlines()
    versions = {"version": version, "appVersion": version}
    fields = [line.partition(": ") for line in lines]
    chart.write_text("".join(f"{a}{b}{versions.get(a, c)}\n" for a, b, c in fields))
    crd = copy / "files" / "crds" / "tenants.yaml"
    mode = "              mode:\n"
    assert crd.read_text().count(mode) == 1
    added = "              comment:\n                type: string\n                maxLength: 64\n"
    crd.write_text(crd.read_text().replace(mode, added + mode))
    return copy


def reuse() -> bool:
    """KEEP=1 leaves the cluster up, and the next run takes it as it is."""
    return os.environ.get("KEEP", "") not in ("", "0")
