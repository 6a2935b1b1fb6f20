"""The file of a day: what ran, with its rows, and what did not, with the reason."""

import datetime
import json
import os
import pathlib

SCHEMA = 1
# What makes numbers comparable: where these differ, it is another day.
KEY = "wgbert", "binary_sha256", "adapter", "backend", "driver"

# The variant that an adapter can do without.
TENSOR_CORES = "tensor-cores"


class Unusable(Exception):
    """Why there is nothing to run, or to report."""


class Day:
    """`parts` has a list of steps for each part: `command`, `state` (done, failed, wrong, out of time, not run), `why`,
    `seconds`, `date` and `rows`, as the command wrote them."""

    def __init__(self, path, about, adapter, parts=None, choices=None):
        self.path, self.about, self.adapter = path, about, adapter
        self.parts, self.choices = parts or {}, choices or {}
        self.root = pathlib.Path(__file__).resolve().parent.parent.parent

    @classmethod
    def read(cls, path):
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            if document["schema"] != SCHEMA:
                raise Unusable(f"{path} is of schema {document['schema']}, this is for {SCHEMA}")
            return cls(path, document["about"], document["adapter"], document["parts"], document.get("choices"))
        except (ValueError, KeyError, TypeError) as error:
            raise Unusable(f"{path} is no result of benches/device/run: {error!r}") from None

    @classmethod
    def open(cls, path, about, adapter, replace):
        """What is there of this binary, adapter and driver; else a new one, unless another's would be lost."""
        if path.exists() and not replace:
            day = cls.read(path)
            other = [f"{key} {day.about[key]}" for key in KEY if day.about[key] != about[key]]
            if other:
                raise Unusable(
                    f"{path} is of another run ({', '.join(other)}): --replace begins anew in its place, --out or --name keeps both"
                )
            return day
        return cls(path, about, adapter)

    @property
    def log(self):
        return self.path.with_suffix(".log")

    def step(self, part, step):
        return next((old for old in self.parts.get(part, []) if old["command"] == step.shown), None)

    def is_done(self, part, step):
        old = self.step(part, step)
        return old is not None and old["state"] in ("done", "wrong")

    def is_missing(self, part, steps):
        return any(not step.missing and not self.is_done(part, step) for step in steps)

    def wrong(self):
        """Rows of verify that are."""
        return [row for step in self.parts.get("verify", []) for row in step["rows"] if row["failed"]]

    def wrong_tensor_cores(self):
        return any(row["variant"] == TENSOR_CORES for row in self.wrong())

    def refusal(self):
        """Why nothing may be timed. What is wrong on tensor cores alone leaves the rest."""
        if any(row["variant"] != TENSOR_CORES for row in self.wrong()):
            return "the adapter computes wrong answers, which are not timed: see verify"
        if any(step["state"] == "failed" for step in self.parts.get("verify", [])):
            return "wgbert verify failed, so that nothing shows that answers are right"
        return None

    def record(self, part, step, state, rows=(), why=None, seconds=0.0):
        old = self.step(part, step)
        if old and len(old["rows"]) > len(rows) and state != "done":
            rows = old["rows"]
        now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        new = {"command": step.shown, "state": state, "why": why, "seconds": round(seconds, 2), "date": now, "rows": list(rows)}
        steps = self.parts.setdefault(part, [])
        if old:
            steps[steps.index(old)] = new
        else:
            steps.append(new)
        self.write()

    def restore_choices(self):
        """What `wgbert tune` chose goes with the file, since the caches of a machine that is lent are gone with it."""
        for name, text in self.choices.items():
            path = self.work / "cache" / name
            if not path.exists():
                path.write_text(text)

    def write(self):
        if folder := getattr(self, "work", None):
            self.choices = {path.name: path.read_text() for path in sorted((folder / "cache").glob("tuning-*.json"))}
        document = {"schema": SCHEMA, "about": self.about, "adapter": self.adapter, "parts": self.parts, "choices": self.choices}
        new = self.path.with_name(self.path.name + ".new")
        new.write_text(written(document) + "\n", encoding="utf-8")
        os.replace(new, self.path)


def written(value, level=0):
    """JSON with a line for each row, so that a change of one is a change of one line."""
    nested = isinstance(value, (dict, list)) and value and level < 5
    if not nested or not any(isinstance(item, (dict, list)) for item in children(value)) and level > 1:
        return json.dumps(value, ensure_ascii=False)
    indent = "  " * (level + 1)
    if isinstance(value, dict):
        lines = [f"{json.dumps(key, ensure_ascii=False)}: {written(item, level + 1)}" for key, item in value.items()]
        left, right = "{}"
    else:
        lines = [written(item, level + 1) for item in value]
        left, right = "[]"
    return left + "\n" + ",\n".join(indent + line for line in lines) + "\n" + "  " * level + right


def children(value):
    return value.values() if isinstance(value, dict) else value
