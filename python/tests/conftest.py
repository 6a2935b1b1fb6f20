"""What the tests share: small checkpoints of the repository, texts by rule, and what is not run."""

import collections
import importlib
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
TOKENS = ROOT / "tests" / "tokens"
BERT = GOLDEN / "bert"
EXAMPLES = ROOT / "python" / "examples"

NOT_RUN = collections.Counter()


def need(name, *modules):
    """Skips what the machine lacks, which is a failure where WGBERT_REQUIRE names it."""
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            skip(name, str(error))


def skip(name, why):
    if name in os.environ.get("WGBERT_REQUIRE", "").split(","):
        pytest.fail(f"WGBERT_REQUIRE names {name}, but {why}")
    file = os.environ.get("PYTEST_CURRENT_TEST", "tests").split("::")[0]
    NOT_RUN[f"NOT RUN, {name}: python/{file}: {why}"] += 1
    pytest.skip(f"{name}: {why}")


def pytest_terminal_summary(terminalreporter):
    if not NOT_RUN:
        return
    lines = [f"{line} ({count} tests)" for line, count in NOT_RUN.items()]
    for line in lines:
        terminalreporter.write_line(line)
    # `.ci/run` ends with how many lines there are.
    with open(ROOT / "target" / "tmp" / "not-run", "a") as file:
        file.writelines(line + "\n" for line in lines)


def changed(case, folder):
    """A copy of a case's checkpoint with the case's changes: of cross_encoders.json and pairs.json."""
    shutil.copytree(ROOT / "tests" / case["folder"], folder, dirs_exist_ok=True)
    for name, fields in case["changes"].items():
        path = folder / name
        if fields is None:
            path.unlink()
            continue
        if isinstance(fields, dict):
            value = json.loads(path.read_text())
            for field, new in fields.items():
                value.pop(field, None) if new == "absent" else value.update({field: new})
            fields = value
        path.write_text(json.dumps(fields))
    return folder


def texts(count):
    """Texts of a line or two: those of the file that WGBERT_TEXTS names, a line each up to a tab, or some by rule."""
    path = os.environ.get("WGBERT_TEXTS")
    if path:
        lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
        return [line.split("\t")[0] for line in lines[:count]]
    rule = random.Random(13)
    words = "the movie was not good 東京 café fine it I never ; saw a worse one ! 😀 really ( great ) \"day\" \n".split(" ")
    return [" ".join(rule.choices(words, k=rule.randint(0, 24))) for _ in range(count)]


def command_line(arguments, **more):
    """The console script."""
    return subprocess.run([sys.executable, "-m", "wgbert", *map(str, arguments)], capture_output=True, text=True, **more)


def told(error):
    """What an exception says, in a line."""
    return re.sub(r"\s+", " ", str(error.value))


@pytest.fixture(scope="session")
def bert():
    import wgbert

    return wgbert.Classifier(BERT)


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    """10,000 rows, of which one has no text, as Parquet, and the command line's answers to them."""
    pq = pytest.importorskip("pyarrow.parquet")
    import pyarrow as pa

    folder = tmp_path_factory.mktemp("table")
    rows = texts(10_000)
    rows[5_000] = None
    source = folder / "texts.parquet"
    pq.write_table(pa.table({"id": range(len(rows)), "text": rows}), source, row_group_size=3_000)
    # pyarrow cannot read from Parquet what it writes there of fixed-size lists of which one is null.
    answers = folder / "answers.arrow"
    done = command_line(
        ["classify", "--quiet", "--model", BERT, "--input", source, "--output", answers]
        + ["--fields", "id,label,score,logits,tokens,truncated,error"]
    )
    # One row has an error.
    assert done.returncode == 3, done.stderr
    with pa.OSFile(str(answers)) as file:
        return source, pa.ipc.open_stream(file).read_all()
