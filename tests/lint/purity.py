#!/usr/bin/env python3
"""purity.py OBJECT...: objects of pure files call each other and what pure_symbols.txt lists, and
have no variable that can change. Says each breach and fails if there is one.
"""

import fnmatch
import re
import subprocess
import sys
from pathlib import Path

ALLOWED = Path(__file__).with_name("pure_symbols.txt")
SANITIZER = re.compile(r"__(asan|ubsan|tsan|gcov)_")
# The compiler's reference to the function that runs the cleanups.
CLEANUP = "DW.ref."
# A constant table with pointers in it is in .data.rel.ro; what is in these can change.
VARIABLES = re.compile(r"\.(data|bss|tdata|tbss)(\.(?!rel\.ro).*)?$")


def nm(objects: list[str], *options: str) -> list[list[str]]:
    """One row a symbol: file, name, class, type and section."""
    command = ["nm", "-A", "-f", "sysv", *options, *objects]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = [[cell.strip() for cell in line.split("|")] for line in text.splitlines() if "|" in line]
    split = [[*row[0].split(":", 1), *row[1:]] for row in rows if ":" in row[0]]
    return [[row[0], row[1].strip(), row[3], row[4], row[-1]] for row in split]


def read_allowed() -> tuple[list[str], dict[str, list[str]]]:
    """Patterns that hold everywhere, and those of single files."""
    everywhere: list[str] = []
    single: dict[str, list[str]] = {}
    for line in ALLOWED.read_text().splitlines():
        words = line.split("#")[0].split()
        if words and words[0].endswith(":"):
            single[words[0][:-1]] = words[1:]
        else:
            everywhere += words
    return everywhere, single


def bad_calls(objects: list[str]) -> list[str]:
    everywhere, single = read_allowed()
    pure = {name for _, name, *_ in nm(objects, "--defined-only", "--extern-only")}
    found = []
    for path, name, *_ in nm(objects, "--undefined-only"):
        patterns = everywhere + single.get(Path(path).name, [])
        listed = any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
        if not (name in pure or listed or SANITIZER.match(name)):
            found.append(f"{path}: calls {name}, which tests/lint/{ALLOWED.name} does not list")
    return found


def variables(objects: list[str]) -> list[str]:
    return [
        f"{path}: has the variable {name}, which can change"
        for path, name, _, symbol_type, section in nm(objects, "--defined-only")
        if symbol_type in ("OBJECT", "TLS")
        and VARIABLES.match(section)
        and not name.startswith(CLEANUP)
    ]


def main() -> int:
    found = bad_calls(sys.argv[1:]) + variables(sys.argv[1:])
    if found:
        print("\n".join(found), file=sys.stderr)
        return 1
    print(f"purity: {len(sys.argv) - 1} files touch nothing outside their arguments")
    return 0


if __name__ == "__main__":
    sys.exit(main())
