"""The images hold a program, what it needs, and nothing that an intruder would like."""

import io
import json
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from support.places import ROOT, binary

# Those of `make images`, or others that are to be held to the same.
FOLDER = Path(os.environ.get("BULKHEAD_IMAGES", ROOT / "build" / "images"))
ARCHIVES = sorted(FOLDER.glob("*.tar"))
MAKER = str(ROOT / "images" / "oci_image.py")
MEGABYTE = 1_000_000
every_image = pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.stem)


class Image:
    """An OCI archive, read back by its index as a runtime does."""

    def __init__(self, path: Path) -> None:
        with tarfile.open(path) as tar:
            self.files = {m.name: tar.extractfile(m) for m in tar.getmembers() if m.isfile()}
            self.blobs = {name: file.read() for name, file in self.files.items() if file}
        self.index = json.loads(self.blobs["index.json"])
        self.manifest = self.blob(self.index["manifests"][0])
        self.config = self.blob(self.manifest["config"])["config"]

    def blob(self, descriptor: dict[str, Any]) -> dict[str, Any]:
        return dict(json.loads(self.raw(descriptor)))

    def raw(self, descriptor: dict[str, Any]) -> bytes:
        algorithm, _, digest = descriptor["digest"].partition(":")
        data = self.blobs[f"blobs/{algorithm}/{digest}"]
        assert len(data) == descriptor["size"]
        return data

    def tree(self) -> tarfile.TarFile:
        return tarfile.open(fileobj=io.BytesIO(self.raw(self.manifest["layers"][0])))


def test_there_is_an_image_of_each_program() -> None:
    names = {"bulkhead-controller", "bulkhead-relay", "bulkhead-provisioner"}
    assert {path.stem for path in ARCHIVES} == names


@every_image
def test_an_image_is_small_and_not_roots(archive: Path) -> None:
    image = Image(archive)
    with image.tree() as tree:
        unpacked = sum(member.size for member in tree.getmembers())
    print(f"\n{archive.stat().st_size / MEGABYTE:.1f} MB, unpacked {unpacked / MEGABYTE:.1f} MB")
    assert unpacked < 60 * MEGABYTE
    assert image.config["User"] == "65532:65532"
    assert image.config["Entrypoint"] == [f"/usr/bin/{archive.stem}"]


@every_image
def test_an_image_has_certificates_and_time_zones_and_no_shell(archive: Path) -> None:
    with Image(archive).tree() as tree:
        names = set(tree.getnames())
        programs = {name for name in names if name.startswith("usr/bin/")}
        assert [m.name for m in tree.getmembers() if m.mode & 0o6000] == []
    assert programs == {f"usr/bin/{archive.stem}"}
    assert {"etc/ssl/certs/ca-certificates.crt", "usr/share/zoneinfo/Europe/Berlin"} <= names


@pytest.mark.skipif(os.geteuid() != 0, reason="changing the root needs root")
@every_image
def test_a_program_runs_in_its_image(archive: Path, tmp_path: Path) -> None:
    image = Image(archive)
    layer = image.raw(image.manifest["layers"][0])
    subprocess.run(["tar", "-xzC", str(tmp_path)], input=layer, check=True)
    command = ["chroot", str(tmp_path), f"/usr/bin/{archive.stem}"]
    done = subprocess.run([*command, "--version"], capture_output=True, text=True)
    version = (ROOT / "VERSION").read_text().strip()
    assert version in done.stdout, done.stderr


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    source = f"{binary('bulkhead-relay')}=/usr/bin/bulkhead-relay"
    made = [tmp_path / "first.tar", tmp_path / "second.tar"]
    for path in made:
        command = [MAKER, "--name=example.com/relay:1", "--strip", "--compress"]
        subprocess.run(
            [*command, f"--output={path}", source], check=True, stdout=subprocess.DEVNULL
        )
    assert made[0].read_bytes() == made[1].read_bytes()


@pytest.mark.parametrize(
    ("argument", "complaint"),
    [
        ("nowhere=/usr/bin/x", "nowhere does not exist"),
        ("/bin/true", "want SOURCE=/PATH/IN/THE/IMAGE"),
        ("/bin/true=usr/bin/true", "want SOURCE=/PATH/IN/THE/IMAGE"),
    ],
)
def test_a_wrong_argument_is_explained(tmp_path: Path, argument: str, complaint: str) -> None:
    command = [MAKER, f"--output={tmp_path / 'x.tar'}", argument]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert complaint in done.stderr
