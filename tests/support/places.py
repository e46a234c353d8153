"""Where things are: the tree, the cache of built tools, the binaries under test."""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bulkhead"
CRDS = ROOT / "crds"
TEMPLATE_DAYS = 7


def tool(name: str) -> Path:
    """A server or command line tool that tests/setup/install.sh has put in place."""
    for folder in [os.environ.get("KUBEBUILDER_ASSETS") or CACHE, CACHE / "tools"]:
        path = Path(folder) / name
        if os.access(path, os.X_OK):
            return path
    raise FileNotFoundError(f"{name} is not installed: run `make setup`")


def binary(name: str) -> Path:
    """A binary of this project, of the build that MODE names (release unless it is set)."""
    path = ROOT / "build" / os.environ.get("MODE", "release") / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is not built: run `make`")
    return path


def new_folder(prefix: str = "bulkhead-", parent: Path | None = None) -> Path:
    """A temporary folder that another user can enter, since PostgreSQL refuses to run as root."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    folder.chmod(0o755)
    return folder


def digest(*parts: bytes | str | Path) -> str:
    """A short name for the content of strings and files."""
    total = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else part
        total.update(data.encode() if isinstance(data, str) else data)
        total.update(b"\0")
    return total.hexdigest()[:16]


def template(kind: str, key: str, build: Callable[[Path], None]) -> Path:
    """A folder made once by `build` and kept in the cache, to be copied; several may race to it."""
    parent = CACHE / "templates"
    final = parent / f"{kind}-{key}"
    if not final.exists():
        parent.mkdir(parents=True, exist_ok=True)
        _remove_old(parent, kind)
        work = new_folder(f"bulkhead-{kind}-")
        try:
            build(work)
            _publish(work, final)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    os.utime(final)
    return final


def copy_tree(source: Path, target: Path) -> None:
    """Copies a template; etcd's log is a large file of mostly nothing, so holes stay holes."""
    shutil.copytree(source, target, copy_function=_copy_sparse)


def _copy_sparse(source: str, target: str) -> None:
    size = os.stat(source).st_size
    with open(source, "rb") as reader, open(target, "wb") as writer:
        position = 0
        while position < size:
            try:
                start = os.lseek(reader.fileno(), position, os.SEEK_DATA)
            except OSError:
                break
            position = os.lseek(reader.fileno(), start, os.SEEK_HOLE)
            reader.seek(start)
            writer.seek(start)
            while (left := position - reader.tell()) > 0:
                block = reader.read(min(left, 1 << 20))
                if block.strip(b"\0"):
                    writer.write(block)
                else:
                    writer.seek(len(block), os.SEEK_CUR)
        writer.truncate(size)
    shutil.copymode(source, target)


def _publish(work: Path, final: Path) -> None:
    beside = Path(tempfile.mkdtemp(prefix=".new-", dir=final.parent))
    copy_tree(work, beside / final.name)
    try:
        (beside / final.name).rename(final)
    except OSError:
        if not final.exists():
            raise
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _remove_old(parent: Path, kind: str) -> None:
    oldest = time.time() - TEMPLATE_DAYS * 86400
    for folder in parent.glob(f"{kind}-*"):
        if folder.stat().st_mtime < oldest:
            shutil.rmtree(folder, ignore_errors=True)
