"""kubectl as a user types it, with the results that tests ask for."""

import json
import subprocess
from pathlib import Path
from typing import Any

from support.places import tool


class KubectlFailed(AssertionError):
    """kubectl refused; `message` is what it said to the user."""

    def __init__(self, arguments: tuple[str, ...], message: str) -> None:
        super().__init__(f"kubectl {' '.join(arguments)}: {message}")
        self.message = message


class Kubectl:
    def __init__(self, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig

    def run(self, *arguments: str, stdin: str = "", timeout: float = 60.0) -> str:
        common = ["--kubeconfig", str(self.kubeconfig), f"--cache-dir={self.kubeconfig}.cache"]
        done = subprocess.run(
            [tool("kubectl"), *common, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if done.returncode != 0:
            raise KubectlFailed(arguments, done.stderr.strip())
        return done.stdout

    def apply(self, *manifests: dict[str, Any] | str) -> str:
        """Applies manifests, given as YAML text or as what such text says."""
        # As JSON, in which `y` is no boolean.
        texts = [m if isinstance(m, str) else json.dumps(m) for m in manifests]
        return self.run("apply", "-f", "-", stdin="\n---\n".join(texts))

    def refusal(self, manifest: dict[str, Any] | str) -> str:
        """What the API server says against a manifest; fails if it has nothing against it."""
        try:
            self.apply(manifest)
        except KubectlFailed as failure:
            return failure.message
        raise AssertionError("the manifest was accepted")

    def get(self, kind: str, name: str) -> dict[str, Any]:
        return dict(json.loads(self.run("get", kind, name, "-o", "json")))

    def list(self, kind: str) -> list[dict[str, Any]]:
        return list(json.loads(self.run("get", kind, "-o", "json"))["items"])

    def patch(self, kind: str, name: str, patch: Any, style: str = "merge") -> str:
        return self.run("patch", kind, name, f"--type={style}", "-p", json.dumps(patch))

    def delete(self, kind: str, name: str, wait: bool = True) -> str:
        return self.run("delete", kind, name, f"--wait={str(wait).lower()}")

    def wait(self, kind: str, name: str, condition: str = "Ready", seconds: int = 20) -> str:
        limit = f"--timeout={seconds}s"
        return self.run("wait", f"--for=condition={condition}", f"{kind}/{name}", limit)
