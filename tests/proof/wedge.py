"""Lets requests of a program hang for ever, and moves its clock, by wedge.c."""

from pathlib import Path

from proof.preload import build_library
from support.bulkhead import BulkheadProgram
from support.waiting import eventually


class Wedge:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir()
        self.library = build_library("wedge", folder, "libnats", "libcurl")

    def drive_into(self, program: BulkheadProgram) -> None:
        """Before its start."""
        program.settings |= {"LD_PRELOAD": str(self.library), "WEDGE_FOLDER": str(self.folder)}

    def hang_at(self, text: str) -> None:
        """From now on each request with this in its subject or URL never returns."""
        self._write("at", text)

    def wait_hanging(self) -> None:
        eventually(lambda: (self.folder / "hangs").exists(), "a request hangs", 15)

    def set_ahead(self, seconds: float) -> None:
        """By so much the program's clock is ahead of the real one."""
        self._write("clock", str(int(seconds * 1000)))

    def _write(self, name: str, text: str) -> None:
        new = self.folder / f"{name}.new"
        new.write_text(text)
        new.rename(self.folder / name)
