"""Every render of the matrix is what Helm and a real API server take, with Helm 3 and Helm 4."""

from pathlib import Path

import pytest

from chart.renders import HELMS, MATRIX, parse, render, render_file, run_helm
from support.kube_cluster import KubeCluster

matrix = pytest.mark.parametrize("values", MATRIX, ids=lambda path: path.stem)


@matrix
@pytest.mark.parametrize("helm", HELMS)
def test_helm_lint_has_nothing_against_it(values: Path, helm: str) -> None:
    run_helm(helm, "lint", ".", "--strict", "--quiet", f"--values={values}")


@matrix
def test_the_api_server_takes_it(values: Path, cluster: KubeCluster) -> None:
    """Every field is one that the kind has: --validate=strict refuses the others."""
    dry = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "--force-conflicts"]
    said = cluster.kubectl.run(*dry, "-f", "-", stdin=render_file(values))
    assert len(said.splitlines()) == len(parse(render_file(values)))


@matrix
def test_both_helms_render_the_same(values: Path) -> None:
    def key(item: dict[str, object]) -> str:
        return f"{item['kind']} {item['metadata']}"

    four, three = (sorted(parse(render_file(values, helm)), key=key) for helm in HELMS)
    assert four == three


@pytest.mark.parametrize("version", ["1.31", "1.36"])
def test_the_oldest_and_the_newest_kubernetes_are_let_in(version: str) -> None:
    assert "kind: Deployment" in render("helm", kubernetes=version)


def test_an_older_kubernetes_is_refused() -> None:
    with pytest.raises(AssertionError, match=r"requires kubeVersion: >=1\.31"):
        render("helm", kubernetes="1.30")


@pytest.mark.parametrize("helm", HELMS)
def test_the_chart_can_be_packaged(helm: str, tmp_path: Path) -> None:
    run_helm(helm, "package", ".", f"--destination={tmp_path}")
    assert "nats.url" in run_helm(helm, "show", "readme", str(next(tmp_path.glob("*.tgz"))))
