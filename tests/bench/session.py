"""What the benchmarks have in common: a folder in memory, words on the screen, an orderly end."""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.places import ROOT, new_folder
from support.program import interrupt_on_sigterm, kill_all, started_programs

MEMORY = Path("/dev/shm")
LOG_LINES = 15


def say(what: str) -> None:
    print(f"  {time.strftime('%H:%M:%S')} {what} (load {os.getloadavg()[0]:.1f})", flush=True)


def result_file(name: str) -> Path:
    return ROOT / "build" / "bench" / f"{name}.json"


def write(file: Path, result: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=1) + "\n")


def carry_out(work: Callable[[Path], None]) -> int:
    """Runs it with a folder of its own, which goes with all programs in the end. The exit code."""
    interrupt_on_sigterm()
    folder = new_folder("bulkhead-bench-", MEMORY)
    try:
        work(folder)
        return 0
    except KeyboardInterrupt:
        print("\nstopped")
        return 130
    except (AssertionError, OSError) as failure:
        print(f"\nThe benchmark failed: {failure}")
        for program in started_programs()[-4:]:
            if program.log.exists():
                print(f"\n--- the end of the log of {program.name}\n{program.tail(LOG_LINES)}")
        return 1
    finally:
        kill_all()
        shutil.rmtree(folder, ignore_errors=True)
