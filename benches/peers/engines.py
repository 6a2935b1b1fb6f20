"""What is timed: programs that run a workload when they are told to.

An engine has a `name`, a `precision`, `about` (its version, adapter and settings), `turn(workload, calls)`: milliseconds of an
opening call, which is not counted, and the median of `calls` that are, and `logits(workload)` of one that it has had a turn at.
A workload has a `name`, `texts` as lists of ids, and `file`, where they are JSON.
"""

import json
import statistics
import subprocess
import threading


class Failure(Exception):
    """Why an engine does not run, here or on."""


class Worker:
    """A process that speaks as worker.py and burn/src/main.rs do; it lives through all workloads of a model."""

    def __init__(self, name, precision, command, folder, timeout, process):
        self.name, self.precision, self.timeout = name, precision, timeout
        self.process = subprocess.Popen([*command, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, **process)
        try:
            self.about = self.answer()
            if "missing" in self.about:
                raise Failure(self.about["missing"])
        except Failure:
            self.close()
            raise

    def answer(self, timeout=None):
        """Its next line; `timeout` seconds later it is ended instead."""
        late = threading.Event()

        def end():
            late.set()
            self.process.kill()

        timer = threading.Timer(timeout or 0, end)
        if timeout:
            timer.start()
        # Lines that are no object are some library's.
        line = next((line for line in self.process.stdout if line.startswith("{")), None)
        timer.cancel()
        if line:
            return json.loads(line)
        status = self.process.wait()
        raise Failure(f"no answer in {timeout:.0f} s" if late.is_set() else f"it ended with status {status}, see the log")

    def turn(self, workload, calls):
        try:
            print(json.dumps({"workload": str(workload.file), "calls": 1 + calls}), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass  # its end is found out, with its status, where its answer is read
        answer = self.answer(self.timeout)
        self.answered = answer["logits"]
        opening, *times = answer["times_ms"]
        return opening, statistics.median(times)

    def logits(self, workload):
        return self.answered

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        self.process.wait()


class Wgbert:
    """`wgbert bench model`, a process for each turn, and `wgbert classify` for the logits."""

    def __init__(self, name, precision, binary, folder, tensor_cores, process):
        self.name, self.precision, self.folder = name, precision, folder
        self.binary, self.tensor_cores, self.process = binary, tensor_cores, process

    def run(self, *arguments, **options):
        command = [self.binary, *arguments, "--precision", self.precision, f"--tensor-cores={self.tensor_cores}"]
        ended = subprocess.run(command, stdout=subprocess.PIPE, **self.process, **options)
        if ended.returncode != 0:
            raise Failure(f"wgbert {arguments[0]} ended with status {ended.returncode}, see the log")
        return ended.stdout

    def turn(self, workload, calls):
        options = ["-w", workload.name, "-r", str(calls), "--warmup", "0", "-o", "jsonl"]
        row = json.loads(self.run("bench", "model", "-m", self.folder, *options))
        if row["tokens"] != sum(map(len, workload.texts)):
            raise Failure(f"{workload.name} is {row['tokens']} tokens of wgbert, others of workloads.py")
        flags = ", tensor cores" if row["tensor_cores"] else "", ", debug build" if row["debug_build"] else ""
        settings = f"{row['backend']}, {row['driver']}" + "".join(flags)
        self.about = {"version": row["version"], "adapter": row["adapter"], "settings": settings}
        return row["first_ms"], row["latency_ms"]["median"]

    def logits(self, workload):
        # The checkpoint's tokenizer knows the ids by these words.
        lines = "".join(" ".join(f"w{id}" for id in text) + "\n" for text in workload.texts)
        answers = self.run("classify", "--model", self.folder, "--quiet", "--format", "jsonl", "--fields", "logits", input=lines)
        return [json.loads(line)["logits"] for line in answers.splitlines()]

    def close(self):
        pass
