"""The whole system on loopback, from `kubectl apply` to what the consumers received.

KEEP=1 in the environment leaves it up until Ctrl-C. Whenever it ends, nothing runs on and its
folder is gone.
"""

import os
import shutil
import signal
import sys

# Until the imports are done there is nothing to clean up, and nothing to say.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from demo.scenes import Demo  # noqa: E402
from support.bulkhead import BulkheadProgram  # noqa: E402
from support.places import ROOT, new_folder  # noqa: E402
from support.program import interrupt_on_sigterm, kill_all, started_programs  # noqa: E402

LOG_LINES = 15


def show_logs() -> None:
    """The ends of the logs of our programs, and of others that have ended."""
    for program in started_programs():
        if isinstance(program, BulkheadProgram) or not program.running:
            print(f"\n--- the end of the log of {program.name}\n{program.tail(LOG_LINES)}")


def main() -> int:
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    os.chdir(ROOT)
    folder = new_folder("bulkhead-demo-")
    try:
        interrupt_on_sigterm()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        demo = Demo(folder)
        right = demo.run()
        if os.environ.get("KEEP") == "1":
            demo.stay_up()
        return 0 if right else 1
    except KeyboardInterrupt:
        print("\nstopped")
        return 130
    except (AssertionError, OSError) as failure:
        print(f"\n\nThe demo failed: {failure}")
        show_logs()
        return 1
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        kill_all()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
