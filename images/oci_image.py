#!/usr/bin/env python3
"""Packs programs, with the libraries they need, as an OCI image in one archive.

It needs no registry, no daemon and no base image: the one layer holds the files that are named,
the shared libraries that `ldd` finds for the programs among them, CA certificates, time zones and
a user without rights. The same input gives the same bytes.

    oci_image.py --output relay.tar --name example.com/relay:1 --entrypoint /usr/bin/relay \\
        build/release/relay=/usr/bin/relay

`podman load -i`, `ctr images import` and `skopeo copy oci-archive:` take such an archive. With
--tree it writes the layer alone, a plain tar file, for the Containerfile.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

USER = 65532
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
TIME_ZONES = "/usr/share/zoneinfo"
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
TEXTS = {
    "/etc/passwd": f"root:x:0:0:root:/:/sbin/nologin\nnonroot:x:{USER}:{USER}::/:/sbin/nologin\n",
    "/etc/group": f"root:x:0:\nnonroot:x:{USER}:\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
LINKS = {
    "/bin": "usr/bin",
    "/lib": "usr/lib",
    "/lib64": "usr/lib64",
    "/usr/lib/ssl/certs": "/etc/ssl/certs",
    "/usr/lib/ssl/cert.pem": CERTIFICATES,
}
LIBRARY = re.compile(r"^\s*(?:\S+ => )?(/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)


class Wrong(Exception):
    """A sentence for the one who called."""


def is_program(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4) == b"\x7fELF"


def libraries(program: Path) -> set[str]:
    """Where the image must have its libraries, by the names that the loader asks for."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True)
    if "not found" in done.stdout:
        raise Wrong(f"{program}: a library is missing on this machine:\n{done.stdout}")
    found = set(LIBRARY.findall(done.stdout))
    # /lib is a link to /usr/lib, here and in the image.
    return {f"/usr{path}" if path.startswith(("/lib/", "/lib64/")) else path for path in found}


def collect(pairs: list[str]) -> dict[str, Path]:
    """Every file of the image, by its path there."""
    files: dict[str, Path] = {}
    for pair in pairs:
        source, equals, target = pair.partition("=")
        if not equals or not target.startswith("/"):
            raise Wrong(f"{pair}: want SOURCE=/PATH/IN/THE/IMAGE")
        if not Path(source).exists():
            raise Wrong(f"{source} does not exist")
        if Path(source).is_dir():
            inside = [path for path in Path(source).rglob("*") if not path.is_dir()]
            files |= {f"{target}/{path.relative_to(source)}": path for path in inside}
        else:
            files[target] = Path(source)
    needed: set[str] = set()
    for path in files.values():
        if path.is_file() and is_program(path):
            needed |= libraries(path)
    return files | {path: Path(path) for path in needed}


def without_symbols(path: Path) -> bytes:
    """A program as it is run; the names for debuggers are found by its build id."""
    with tempfile.NamedTemporaryFile() as stripped:
        subprocess.run(["strip", "--strip-unneeded", "-o", stripped.name, path], check=True)
        return Path(stripped.name).read_bytes()


class Layer:
    """A tar file with owners, times and order that do not depend on the machine."""

    def __init__(self) -> None:
        self.buffer = io.BytesIO()
        self.tar = tarfile.TarFile(fileobj=self.buffer, mode="w", format=tarfile.GNU_FORMAT)
        self.folders: set[str] = set()

    def parents(self, path: str) -> None:
        parts = path.strip("/").split("/")[:-1]
        for count in range(1, len(parts) + 1):
            self.folder("/".join(parts[:count]))

    def folder(self, path: str, mode: int = 0o755) -> None:
        if path not in self.folders:
            self.folders.add(path)
            self._add(path, tarfile.DIRTYPE, mode)

    def link(self, path: str, target: str) -> None:
        self.parents(path)
        self._add(path.strip("/"), tarfile.SYMTYPE, 0o777, target=target)

    def file(self, path: str, data: bytes, mode: int = 0o644) -> None:
        self.parents(path)
        self._add(path.strip("/"), tarfile.REGTYPE, mode, data)

    def _add(self, name: str, kind: bytes, mode: int, data: bytes = b"", target: str = "") -> None:
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode, entry.linkname, entry.size = kind, mode, target, len(data)
        self.tar.addfile(entry, io.BytesIO(data))

    def bytes(self) -> bytes:
        self.tar.close()
        return self.buffer.getvalue()


def make_layer(files: dict[str, Path], links: dict[str, str], strip: bool) -> bytes:
    layer = Layer()
    for path in ("usr/bin", "usr/lib", "usr/lib64", "etc/ssl/certs"):
        layer.parents(f"{path}/")
    layer.folder("tmp", 0o1777)
    for path, target in sorted((LINKS | links).items()):
        layer.link(path, target)
    for path, text in sorted(TEXTS.items()):
        layer.file(path, text.encode())
    for path, source in sorted(files.items()):
        if source.is_symlink() and path.startswith(TIME_ZONES):
            layer.link(path, os.readlink(source))
            continue
        mode = 0o755 if os.access(source, os.X_OK) else 0o644
        program = strip and mode == 0o755 and is_program(source)
        layer.file(path, without_symbols(source) if program else source.read_bytes(), mode)
    return layer.bytes()


def time_zones() -> dict[str, Path]:
    """Without `right` and `posix`, which are copies, and without this machine's own zone."""
    root = Path(TIME_ZONES)
    inside = [path for path in root.rglob("*") if not path.is_dir() or path.is_symlink()]
    return {
        str(path): path
        for path in inside
        if path.relative_to(root).parts[0] not in ("right", "posix", "localtime", "posixrules")
    }


class Archive:
    """An OCI image layout: blobs by their digest, and an index that names the image."""

    def __init__(self) -> None:
        self.layer = Layer()

    def blob(self, kind: str, data: bytes) -> dict[str, Any]:
        digest = hashlib.sha256(data).hexdigest()
        self.layer.file(f"blobs/sha256/{digest}", data)
        media = f"application/vnd.oci.image.{kind}"
        return {"mediaType": media, "digest": f"sha256:{digest}", "size": len(data)}

    def json(self, kind: str, content: dict[str, Any]) -> dict[str, Any]:
        return self.blob(kind, json.dumps(content, sort_keys=True).encode())

    def bytes(self, name: str, manifest: dict[str, Any]) -> bytes:
        names = {
            "io.containerd.image.name": name,
            "org.opencontainers.image.ref.name": name.rpartition(":")[2],
        }
        index = {"schemaVersion": 2, "manifests": [manifest | {"annotations": names}]}
        self.layer.file("index.json", json.dumps(index, sort_keys=True).encode())
        self.layer.file("oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        return self.layer.bytes()


def make_tree(arguments: argparse.Namespace) -> bytes:
    files = collect(arguments.files) | time_zones() | {CERTIFICATES: Path(CERTIFICATES)}
    links = dict(link.split("=", 1) for link in arguments.link)
    return make_layer(files, links, arguments.strip)


def make_config(arguments: argparse.Namespace, tree: bytes) -> dict[str, Any]:
    run = {
        "Entrypoint": arguments.entrypoint,
        "Env": ["PATH=/usr/bin"],
        "Labels": dict(label.split("=", 1) for label in arguments.label),
        "User": f"{USER}:{USER}",
    }
    digest = hashlib.sha256(tree).hexdigest()
    return {
        "architecture": MACHINES[os.uname().machine],
        "os": "linux",
        "config": run,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }


def make_archive(arguments: argparse.Namespace, tree: bytes) -> bytes:
    archive = Archive()
    if arguments.compress:
        layer = archive.blob("layer.v1.tar+gzip", gzip.compress(tree, 6, mtime=0))
    else:
        layer = archive.blob("layer.v1.tar", tree)
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": archive.json("config.v1+json", make_config(arguments, tree)),
        "layers": [layer],
    }
    return archive.bytes(arguments.name, archive.json("manifest.v1+json", manifest))


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Packs programs as an OCI image archive.")
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--name", default="", help="full name with tag")
    parser.add_argument("--entrypoint", action="append", default=[])
    parser.add_argument("--label", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--link", action="append", default=[], metavar="PATH=TARGET")
    parser.add_argument("--strip", action="store_true", help="leave symbols out of the programs")
    parser.add_argument("--compress", action="store_true")
    parser.add_argument("--tree", action="store_true", help="write only the layer")
    parser.add_argument("files", nargs="+", metavar="SOURCE=/PATH")
    return parser.parse_args()


def main() -> None:
    arguments = read_arguments()
    tree = make_tree(arguments)
    data = tree if arguments.tree else make_archive(arguments, tree)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    new = arguments.output.with_name(f".{arguments.output.name}.{os.getpid()}")
    new.write_bytes(data)
    new.replace(arguments.output)
    print(f"{arguments.output}: {len(data) / 1e6:.1f} MB, unpacked {len(tree) / 1e6:.1f} MB")


if __name__ == "__main__":
    try:
        main()
    except Wrong as wrong:
        sys.exit(f"oci_image: {wrong}")
