"""The engines people run: each example of `python/examples`, on 10,000 rows, beside the command line's answers, to the bit."""

import os
import subprocess
import sys

import pytest
from conftest import BERT, EXAMPLES, need, skip

pq = pytest.importorskip("pyarrow.parquet")

# What each needs beside the package, and which word of WGBERT_REQUIRE asks for it.
ENGINES = {
    "with_pandas": ("tables", ["pandas"]),
    "with_polars": ("tables", ["polars"]),
    "with_duckdb": ("tables", ["duckdb"]),
    "with_datafusion": ("engines", ["datafusion"]),
    "with_daft": ("engines", ["daft"]),
    "with_ray": ("engines", ["ray.data"]),
    "with_spark": ("engines", ["pyspark"]),
}


def run(name, source, target, **environment):
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py"), str(source), str(target), str(BERT)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stdout + done.stderr


def rows(path):
    """Rows by their ids: engines may give them in another order."""
    table = pq.read_table(path).select(["id", "label", "score", "error"]).sort_by("id")
    return table.to_pylist()


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_has_the_bits_of_the_command_line(name, table, tmp_path):
    need(ENGINES[name][0], *ENGINES[name][1])
    source, expected = table
    target = tmp_path / "answers.parquet"
    run(name, source, target)
    expected = expected.select(["id", "label", "score", "error"]).to_pylist()
    assert rows(target) == expected
    assert sum(row["error"] is not None for row in expected) == 1


def test_there_is_an_example_for_each_engine_and_it_is_short():
    names = {path.stem for path in EXAMPLES.glob("*.py")}
    assert names == set(ENGINES)
    for name in names:
        assert len((EXAMPLES / f"{name}.py").read_text().splitlines()) <= 36, name


@pytest.mark.parametrize("name", ["with_ray", "with_spark"])
def test_a_worker_that_is_killed_loses_and_doubles_nothing(name, table, tmp_path):
    """The process of a worker ends in the middle, once, and the engine does its rows again."""
    need(ENGINES[name][0], *ENGINES[name][1])
    source, expected = table
    target, killed = tmp_path / "answers.parquet", tmp_path / "killed"
    run(name, source, target, WGBERT_TEST_KILL=str(killed), PYTHONPATH=str(EXAMPLES.parent / "tests" / "killer"))
    if not killed.exists():
        skip(ENGINES[name][0], "no worker was killed")
    assert rows(target) == expected.select(["id", "label", "score", "error"]).to_pylist()
