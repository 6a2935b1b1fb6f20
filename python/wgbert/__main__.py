"""The program `wgbert`: `python -m wgbert`, and the console script."""

import os
import signal
import sys

from wgbert import _program
from wgbert._wgbert import run_command


def main() -> int:
    """Runs the command line that the process was started with, and gives its exit code."""
    # Ctrl-C is the command's own, which Python would keep until it ends.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Without a desktop Mesa's device-select layer has libwayland say so on standard error, as src/main.rs explains.
    if os.name == "posix" and not os.path.isabs(os.environ.get("XDG_RUNTIME_DIR", "")):
        os.environ["XDG_RUNTIME_DIR"] = "/nonexistent"
    return run_command(["wgbert", *sys.argv[1:]], _program.find())


if __name__ == "__main__":
    sys.exit(main())
