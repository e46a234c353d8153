"""docs/onboarding.md: its worked example is run as it stands; its table has every problem."""

import json
import re
import shlex
import subprocess
from pathlib import Path

from support.bulkhead import BulkheadProgram
from support.kube_cluster import KubeCluster
from support.places import ROOT
from support.program import free_port

PAGE = (ROOT / "docs" / "onboarding.md").read_text()
PROBLEMS = (ROOT / "provisioner" / "core" / "problem.h").read_text()
WEBHOOK, HEALTH = "127.0.0.1:8443", "127.0.0.1:8080"


def block(language: str, name: str) -> str:
    """The one block of the page that begins with these two words."""
    found = re.findall(rf"^```{language} {name}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert len(found) == 1, f"{len(found)} blocks are called {language} {name}"
    return str(found[0])


class FromThePage(BulkheadProgram):
    """The command line of the page, with ports of the test's own."""

    name = "bulkhead-provisioner"

    def __init__(self, folder: Path, kubeconfig: Path) -> None:
        self.webhook = f"127.0.0.1:{free_port()}"
        words = shlex.split(self.adapt(block("sh", "program")).replace("\\\n", " "))
        assert words[0] == self.name
        super().__init__(folder, [*words[1:], f"--kubeconfig={kubeconfig}"], {})

    def adapt(self, text: str) -> str:
        return text.replace(WEBHOOK, self.webhook)

    def command(self) -> list[str]:
        return [*super().command(), f"--listen=127.0.0.1:{self.port}"]


def run(script: str, folder: Path) -> list[str]:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_worked_example_does_what_the_page_says(cluster: KubeCluster, folder: Path) -> None:
    place = folder / "example"
    place.mkdir()
    run(block("sh", "files"), place)
    with FromThePage(place, cluster.kubeconfig) as program:
        event, state = (program.adapt(block("sh", name)) for name in ("event", "state"))
        answers = run(f"{event}\necho\n{state}", place)
    assert [json.loads(answer) for answer in answers] == [
        json.loads(block("json", name)) for name in ("event", "state")
    ]
    made = cluster.kubectl.get("tenant", "acme")
    assert made["spec"]["stream"]["maxBytes"] == "1Gi"
    assert made["metadata"]["labels"] == {"plan": "starter", "region": "eu"}


def test_the_page_lists_every_problem_with_its_code() -> None:
    coded = set(re.findall(r'X\(PROBLEM_\w+, (\d+), "([a-z-]+)"', PROBLEMS))
    listed = re.findall(r"^\| (\d{3}) \| `([a-z-]+)` \|", PAGE, re.MULTILINE)
    assert len(coded) > 20
    assert set(listed) == coded
    assert len(listed) == len(coded)
