"""Commands that end in time, with everything that they started."""

import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass

POSIX = os.name == "posix"
# Of what a command said.
LAST_LINES = 12


@dataclass
class Ended:
    status: int
    seconds: float
    output: str
    # The last lines that it wrote to standard error.
    said: str
    # It was ended, since its time was up.
    late: bool


def start(command, **options):
    """A process in a group of its own, which ends with this one, whatever ends this one."""
    if POSIX:
        options["start_new_session"] = True
        if sys.platform == "linux":
            parent = os.getpid()
            prctl = ctypes.CDLL(None).prctl

            def end_with_parent():
                prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
                if os.getppid() != parent:
                    os._exit(1)

            options["preexec_fn"] = end_with_parent
    return subprocess.Popen([str(word) for word in command], **options)


def end(process):
    """Ends it and what it started."""
    try:
        if POSIX:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except (ProcessLookupError, PermissionError):
        pass
    process.wait()


def run(command, limit, log, folder, environment):
    """Runs it for `limit` seconds at most. Files take its output: what it wrote is there however it ended."""
    with tempfile.TemporaryFile("w+b") as output, open(log, "ab") as errors:
        errors.write(f"\n$ {' '.join(map(str, command))}\n".encode())
        errors.flush()
        begun, late = time.monotonic(), False
        options = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": errors, "cwd": folder, "env": environment}
        offset = errors.tell()
        try:
            process = start(command, **options)
        except OSError as error:
            return Ended(127, 0.0, "", f"{command[0]}: {error.strerror}", False)
        try:
            process.wait(limit)
        except subprocess.TimeoutExpired:
            late = True
        finally:
            end(process)
        seconds = time.monotonic() - begun
        output.seek(0)
        text = output.read().decode(errors="replace")
    with open(log, "rb") as errors:
        errors.seek(offset)
        said = errors.read().decode(errors="replace").strip().splitlines()[-LAST_LINES:]
    return Ended(process.returncode, seconds, text, "\n".join(said), late)


def rows(text):
    """The objects among lines: of JSON lines, or of a list that has an object a line and may lack its end."""
    found = []
    for line in text.splitlines():
        line = line.strip().rstrip(",")
        if line.startswith("{"):
            try:
                found.append(json.loads(line))
            except ValueError:
                pass  # the last one, of a process that was ended
    return found
