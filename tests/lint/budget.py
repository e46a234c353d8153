#!/usr/bin/env python3
"""Files keep to a size that one can hold in mind, and have names that say which one is meant.

Reads the list of tracked files from git. Says each breach and fails if there is one.
"""

import collections
import re
import subprocess
import sys
from pathlib import Path

LINES = {".c": 500, ".h": 150, ".py": 500, ".sh": 150, "Makefile": 400}
COLUMNS = {".sh": 100}  # clang-format and ruff see to the others

# Names that a tool or a binary prescribes.
SHARED_NAMES = {
    "main.c",
    "main.go",
    "go.mod",
    "go.sum",
    "conftest.py",
    "README.md",
    "Chart.yaml",
    "action.lua",
    "kustomization.yaml",
    "pyproject.toml",
}

# What no file of the project may say: places of one machine, and work left for later.
FORBIDDEN = {
    r"(?<![\w$.])/(root|home|work|Users)/": "a path of one machine",
    r"\b(TODO|FIXME|XXX|HACK)\b": "work left for later: finish it, or file an issue",
    r"\b(AKIA|ghp_|xox[bp]-)\w{8,}": "what looks like a credential",
}
SELF = "tests/lint/budget.py"
TEXT_LEFT_OUT = {".sum", ".png", ".svg"}


def tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [path for name in listing.split("\0") if name and (path := Path(name)).is_file()]


def kind(path: Path) -> str:
    return path.suffix or path.name


def too_long(path: Path, lines: list[str]) -> list[str]:
    limit = LINES.get(kind(path))
    if limit is None or len(lines) <= limit:
        return []
    return [f"{path}: {len(lines)} lines, at most {limit} are allowed: split it"]


def too_wide(path: Path, lines: list[str]) -> list[str]:
    limit = COLUMNS.get(kind(path))
    if limit is None:
        return []
    wide = [n for n, line in enumerate(lines, 1) if len(line) > limit]
    return [f"{path}:{n}: wider than {limit} columns" for n in wide]


def forbidden(path: Path, lines: list[str]) -> list[str]:
    if str(path) == SELF:
        return []
    return [
        f"{path}:{n}: {what}"
        for n, line in enumerate(lines, 1)
        for pattern, what in FORBIDDEN.items()
        if re.search(pattern, line)
    ]


def shared_names(paths: list[Path]) -> list[str]:
    places = collections.defaultdict(list)
    for path in paths:
        if path.name not in SHARED_NAMES and not path.name.startswith("."):
            places[path.name].append(str(path))
    return [
        f"{name}: this name is used by {' and '.join(where)}: give each its own"
        for name, where in sorted(places.items())
        if len(where) > 1
    ]


def main() -> int:
    paths = tracked()
    found = shared_names(paths)
    for path in paths:
        if kind(path) in TEXT_LEFT_OUT:
            continue
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        found += too_long(path, lines) + too_wide(path, lines) + forbidden(path, lines)
    print("\n".join(found) if found else f"budget: {len(paths)} files within it", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
