"""The rows of a run, and their tables in Markdown."""

import datetime
import itertools
import json
import os
import platform
import re
import shlex
import statistics
import sys

# What differs by more from wgbert's logits in f32, which are of the order of 1, is another computation.
TOLERANCE = {"f32": 1e-3, "f16": 3e-2}


def say(text):
    print(text, file=sys.stderr, flush=True)


def arguments(words):
    """Those that say what was measured: not where something is."""
    words = iter(words)
    for word in words:
        if word in ("-o", "--output", "--binary", "--tuned"):
            next(words)
        elif not word.startswith(("--output=", "--binary=", "--tuned=")):
            yield word


class Report:
    """Collects rows, and writes them as lines of JSON whenever there is one more.

    Without a `path` the file is called by the adapter that wgbert, whose row is the first, ran on.
    """

    def __init__(self, path, folder):
        self.path, self.folder, self.rows, self.wrong = path, folder, [], False
        self.common = {
            "bench": "peers",
            "date": datetime.date.today().isoformat(),
            "command": shlex.join(["benches/peers/run", *arguments(sys.argv[1:])]),
            "cpus": os.cpu_count(),
            "system": f"{platform.system()}-{platform.machine()}".lower(),
        }

    def missing(self, engine, failure):
        if not any(row["engine"] == engine and row.get("missing") == str(failure) for row in self.rows):
            say(f"NOT RUN: {engine}: {failure}")
            self.write({**self.common, "engine": engine, "missing": str(failure)})

    def row(self, model, workload, engine, first, turns, calls, ratios, difference):
        """`first`, and `turns`, a median each, are milliseconds; `ratios` to wgbert's turns of the same rounds."""
        median = statistics.median(turns)
        deviation = statistics.median(abs(turn - median) for turn in turns)
        latency = {"median": median, "deviation": deviation, "min": min(turns), "max": max(turns)}
        tokens = sum(map(len, workload.texts))
        ratio = statistics.median(ratios)
        row = {
            **self.common,
            "engine": engine.name,
            **engine.about,
            "precision": engine.precision,
            "load_average": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
            "model": model,
            "workload": workload.name,
            "texts": len(workload.texts),
            "tokens": tokens,
            "rounds": len(turns),
            "repetitions": calls,
            "first_ms": significant(first),
            "latency_ms": {name: significant(time) for name, time in latency.items()},
            "texts_per_second": significant(len(workload.texts) / median * 1e3),
            "tokens_per_second": significant(tokens / median * 1e3),
            "time_by_wgbert": significant(ratio),
            "largest_difference": significant(difference),
        }
        if self.path is None:
            name = row["adapter"].partition("(")[0].strip().lower()
            self.path = self.folder / f"peers-{re.sub('[^a-z0-9]+', '-', name)}.jsonl"
        say(
            f"{model} {workload.name} {engine.name}: {number(median)} ms in {calls} calls, {ratio:.2f} x wgbert, "
            f"first {number(first / 1e3)} s, logits differ by {difference:.1e}"
        )
        if not difference <= TOLERANCE[engine.precision]:
            say(f"WRONG: {engine.name} computes something else than wgbert: its logits differ by {difference}")
            self.wrong = True
        ours = next((ours["adapter"] for ours in self.rows if ours["engine"] == "wgbert"), row["adapter"])
        if engine.name == "burn" and row["adapter"] != ours:
            say(f"WRONG: burn ran on {row['adapter']}, wgbert on {ours}: see --help for how they are chosen")
            self.wrong = True
        self.write(row)

    def write(self, row):
        self.rows.append(row)
        if self.path is not None:
            self.path.write_text("".join(json.dumps(row) + "\n" for row in self.rows))


def significant(value):
    """With the digits that a measurement can have: six."""
    return float(f"{value:.6g}")


def number(value):
    """For people: three digits, and all before the point."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def table(rows):
    missing = [row for row in rows if "missing" in row]
    rows = [row for row in rows if "missing" not in row]
    if not rows:
        raise ValueError("there is no measured row")
    # Both in the order in which they were run.
    engines = list(dict.fromkeys(row["engine"] for row in rows))
    works = list(dict.fromkeys((row["model"], row["workload"]) for row in rows))
    found = {(row["model"], row["workload"], row["engine"]): row for row in rows}

    def grid(cell):
        versions = {row["engine"]: row["version"].partition("+")[0] for row in rows}
        yield "| model | workload | " + " | ".join(f"{engine} {versions[engine]}" for engine in engines) + " |"
        yield "|---" * 2 + "|--:" * len(engines) + "|"
        for work in works:
            cells = (found.get((*work, engine)) for engine in engines)
            yield f"| {' | '.join(work)} | " + " | ".join(cell(row) if row else "-" for row in cells) + " |"

    def steady(row):
        ratio = row["time_by_wgbert"]
        ratio = "" if row["engine"].startswith("wgbert") or ratio is None else f", {ratio:.2f} x"
        return f"{number(row['latency_ms']['median'])} ± {number(row['latency_ms']['deviation'])} ms{ratio}"

    def worst(engine):
        return max(row["largest_difference"] for row in rows if row["engine"] == engine)

    first = rows[0]
    loads = [row["load_average"] for row in rows]
    lines = itertools.chain(
        [f"{first['adapter']}, {first['settings']}; {first['cpus']} CPUs, load average {min(loads):.1f} to {max(loads):.1f}", ""],
        ["A call, and how many times wgbert's of the same precision it is:", ""],
        grid(steady),
        ["", "The first call of each shape, in seconds:", ""],
        grid(lambda row: number(row["first_ms"] / 1e3)),
        ["", "Largest difference from wgbert's logits in f32: "],
    )
    text = "\n".join(lines)
    text += ", ".join(f"{engine} {worst(engine):.1e}" for engine in engines if engine != "wgbert") + ".\n"
    if missing:
        text += "Not run: " + ", ".join(f"{row['engine']} ({row['missing']})" for row in missing) + ".\n"
    return text
