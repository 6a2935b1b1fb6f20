"""A headless Chromium (Debian's package chromium), found by WGBERT_CHROMIUM or in PATH, and steered through a pipe: of Python nothing but
its own library is needed."""
import fcntl, json, os, pathlib, shutil, signal, subprocess, sys


def browser():
    names = [os.environ.get("WGBERT_CHROMIUM"), "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]
    return next((path for path in map(shutil.which, filter(None, names)) if path), None)


class Chromium:
    """A browser that is steered through a pipe: file descriptors 3 and 4, messages that end with a zero byte."""

    def __init__(self, path, profile, flags=("--disable-gpu",)):
        (low_read, self.write), (self.read, low_write) = os.pipe(), os.pipe()
        # None of them is 3 or 4 already, which would be overwritten before the other is read.
        read, write = (fcntl.fcntl(low, fcntl.F_DUPFD, 10) for low in (low_read, low_write))
        os.close(low_read), os.close(low_write)
        # Descriptors 3 and 4 of the browser, whatever numbers these are here. (A shell may know those of one digit only.)
        script = "import os, sys; os.dup2(int(sys.argv[1]), 3); os.dup2(int(sys.argv[2]), 4); os.execv(sys.argv[3], sys.argv[3:])"
        start = [sys.executable, "-c", script, str(read), str(write)]
        flags = ["--headless", "--no-first-run", "--hide-scrollbars", f"--user-data-dir={profile}", "--remote-debugging-pipe", *flags]
        flags += ["--no-sandbox"] if os.geteuid() == 0 else []
        self.log = pathlib.Path(profile) / "log"
        log = open(self.log, "wb")
        self.process = subprocess.Popen(
            [*start, path, *flags, "about:blank"], pass_fds=(read, write), stdout=log, stderr=log, start_new_session=True
        )
        os.close(read), os.close(write)
        self.number, self.rest, self.events = 0, b"", []

    def message(self):
        while b"\0" not in self.rest:
            more = os.read(self.read, 1 << 20)
            if not more:
                raise SystemExit(f"the browser ended: {self.log.read_text(errors='replace')[-2000:]}")
            self.rest += more
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, session=None, **parameters):
        self.number += 1
        call = {"id": self.number, "method": method, "params": parameters, **({"sessionId": session} if session else {})}
        os.write(self.write, json.dumps(call).encode() + b"\0")
        while True:
            message = self.message()
            if message.get("id") == self.number:
                if "error" in message:
                    raise SystemExit(f"{method}: {message['error']}")
                return message["result"]
            self.events.append(message)

    def end(self):
        """Ends it with the processes that it started, which may outlive it."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait(timeout=30)
        os.close(self.read), os.close(self.write)

    def until(self, method):
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.message())
