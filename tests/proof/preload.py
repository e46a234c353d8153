"""Libraries for LD_PRELOAD, by which a test reaches into a program that knows nothing of it."""

import subprocess
from pathlib import Path

HERE = Path(__file__).parent


def build_library(name: str, folder: Path, *packages: str) -> Path:
    """Compiles NAME.c of this folder against the headers of these pkg-config packages."""
    library = folder / f"{name}.so"
    listed = subprocess.run(
        ["pkg-config", "--cflags", *packages], check=True, capture_output=True, text=True
    )
    flags = ["-D_GNU_SOURCE", "-std=gnu17", "-shared", "-fPIC", *listed.stdout.split()]
    source = HERE / f"{name}.c"
    subprocess.run(["gcc", *flags, "-o", str(library), str(source)], check=True)
    return library
