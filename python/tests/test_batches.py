"""`Classifier.classify_batches`: streams of record batches, in constant memory, with their columns carried through."""

import concurrent.futures
import datetime
import decimal
import os
import signal
import subprocess
import sys
import time

import pytest
import wgbert
from conftest import BERT, texts, told

pa = pytest.importorskip("pyarrow")


def reader(tables, schema=None):
    """A stream that makes its batches when they are asked for."""
    batches = (batch for table in tables for batch in table.to_batches())
    first = next(batches)
    return pa.RecordBatchReader.from_batches(schema or first.schema, (batch for part in ([first], batches) for batch in part))


def test_the_same_bits_however_the_rows_are_parted(bert):
    rows = texts(500)
    expected = bert.classify(rows, logits=True).to_pyarrow()
    for size in (1, 7, 100, 500):
        parts = [pa.table({"t": rows[start : start + size]}) for start in range(0, 500, size)]
        table = bert.classify_batches(reader(parts), "t", logits=True).to_pyarrow().read_all()
        assert table.drop(["t"]).equals(expected), size
        assert table["t"].to_pylist() == rows


def test_columns_are_carried_through_in_their_types(bert):
    pl = pytest.importorskip("polars")
    table = pa.table(
        {
            "price": pa.array([decimal.Decimal("1.50"), None], pa.decimal128(9, 2)),
            "when": pa.array([datetime.datetime(2026, 1, 2, 3), None], pa.timestamp("us", "Europe/Zurich")),
            "tags": pa.array([["a"], None], pa.list_(pa.string())),
            "kind": pa.array(["x", "y"]).dictionary_encode(),
            "where": pa.array([{"lon": 1.0}, None], pa.struct({"lon": pa.float64()})),
            "text": ["it was good", None],
            "label": [1, 2],
        },
        metadata={"of": "somebody"},
    )
    answered = bert.classify_batches(table, "text").to_pyarrow().read_all()
    assert answered.select(table.column_names).equals(table)
    assert answered.schema.metadata == {b"of": b"somebody"}
    added = ["index", "predicted_label", "score", "tokens", "truncated", "error"]
    assert answered.column_names == [*table.column_names, *added]
    assert answered["error"].to_pylist() == [None, "its text is null"]
    frame = pl.DataFrame({"text": ["it was good"], "n": [1]})
    assert bert.classify_batches(frame, "text").to_polars()["n"].to_list() == [1]
    assert list(bert.classify_batches(frame, "text").to_pandas()["n"]) == [1]
    batch = table.to_batches()[0].select(["text"])
    assert [len(part) for part in bert.classify_batches(batch, "text")] == [2]


def test_pairs_are_two_columns(bert):
    table = pa.table({"a": ["it was good", "x"], "b": ["not good", ""]})
    answered = bert.classify_batches(table, "a", "b").to_pyarrow().read_all()
    assert answered["score"].equals(bert.classify(table["a"], table["b"]).to_pyarrow()["score"])


def test_what_is_wrong_with_a_table_is_said(bert):
    table = pa.table({"text": ["a"], "n": [1]})
    with pytest.raises(wgbert.DataError, match='there is no column "review"; the columns are text, n'):
        bert.classify_batches(table, "review")
    with pytest.raises(wgbert.DataError, match='the column "n" has no texts: it is Int64'):
        bert.classify_batches(table, "n")
    with pytest.raises(wgbert.DataError, match="and no list"):
        bert.classify_batches(["a"], "text")
    stream = bert.classify_batches(table, "text")
    stream.to_pyarrow()
    with pytest.raises(wgbert.DataError, match="handed over"):
        stream.to_pyarrow()
    with pytest.raises(wgbert.DataError, match="handed over"):
        next(stream)


def test_a_stream_that_breaks_off_leaves_the_answers_before_it(bert):
    schema = pa.schema({"text": pa.string()})

    def batches():
        yield pa.record_batch({"text": ["it was good", "bad"]})
        raise RuntimeError("the disk is gone")

    stream = bert.classify_batches(pa.RecordBatchReader.from_batches(schema, batches()), "text")
    assert len(next(stream)) == 2
    with pytest.raises(wgbert.DataError) as error:
        next(stream)
    assert "the table: cannot be read" in told(error) and "the disk is gone" in told(error)
    with pytest.raises(StopIteration):
        next(stream)


def test_other_libraries_read_it(bert):
    duckdb, pl = map(pytest.importorskip, ["duckdb", "polars"])
    table = pa.table({"text": ["it was good", "bad"]})
    stream = bert.classify_batches(table, "text")
    label = bert.classify("it was good")[0]["label"]
    assert duckdb.sql("select predicted.label from stream as predicted order by index").fetchall()[0] == (label,)
    assert pl.DataFrame(bert.classify_batches(table, "text")).height == 2
    answers = bert.classify(["a", "b"])
    assert duckdb.sql("select count(*) from answers").fetchall() == [(2,)]


def test_a_stream_may_be_left_in_the_middle(bert):
    """Calls of others, and of the same thread, are answered whatever was read of it."""
    table = pa.table({"text": texts(1_000)})
    expected = bert.classify("it was good")[0]
    streams = [bert.classify_batches(reader([table]), "text") for _ in range(3)]
    for stream in streams:
        assert len(next(stream)) < 1_000
        assert bert.classify("it was good")[0] == expected
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert all(row == expected for row in pool.map(lambda _: bert.classify("it was good")[0], range(8)))


def test_threads_may_begin_at_the_same_time():
    """Two threads that were the first to use an adapter waited for each other, each with a call that nobody went on with."""
    program = f"""
import concurrent.futures, wgbert
classifier = wgbert.Classifier({str(BERT)!r}, self_check="always")
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    print(sum(len(answers) for answers in pool.map(classifier.classify, [["it was good " * 9] * 500] * 8)))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=200)
    assert done.stdout == "4000\n", done.stderr


def test_ctrl_c_is_heard_while_another_library_reads():
    program = f"""
import pyarrow as pa, wgbert
classifier = wgbert.Classifier({str(BERT)!r})
classifier.classify("warm")
table = pa.table({{"text": ["it was good and not bad " * 20] * 1_000_000}})
print("ready", flush=True)
try:
    classifier.classify_batches(table, "text").to_pyarrow().read_all()
except (KeyboardInterrupt, pa.ArrowException) as error:
    print("interrupted", flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(2)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert time.monotonic() - sent < 30


def test_memory_does_not_grow_with_the_rows():
    """WGBERT_ROWS rows, of which CI has fewer than a million."""
    rows = int(os.environ.get("WGBERT_ROWS", 30_000))
    program = f"""
import resource, pyarrow as pa, wgbert
classifier = wgbert.Classifier({str(BERT)!r})
schema = pa.schema({{"text": pa.string(), "more": pa.string()}})
def batches():
    for start in range(0, {rows}, 1_000):
        yield pa.record_batch({{"text": [f"it was good {{row}}" for row in range(start, start + 1_000)], "more": ["x" * 1_000] * 1_000}})
seen, peak = 0, None
for answers in classifier.classify_batches(pa.RecordBatchReader.from_batches(schema, batches()), "text"):
    assert answers[0]["index"] == seen
    seen += len(answers)
    if seen >= {rows} // 3 and peak is None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert seen == {rows}
print(peak, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    third, all_of_them = map(int, subprocess.check_output([sys.executable, "-c", program]).split())
    unit = 1024 if sys.platform == "darwin" else 1
    assert all_of_them - third < 48 * 1024 * unit, (third, all_of_them)


def test_rows_that_are_null_as_a_whole_are_refused(bert):
    rows = pa.array([{"text": "good"}, None])
    with pytest.raises(wgbert.DataError, match="1 of 2 rows are null"):
        bert.classify_batches(rows, "text")
    with pytest.raises(wgbert.DataError, match="1 of 2 rows are null"):
        list(bert.classify_batches(pa.chunked_array([rows]), "text"))


def test_a_row_has_the_columns_of_the_table(bert):
    bytes_ = pa.array([b"a\xff", b"good"], pa.binary())
    table = pa.table({"text": ["good", "bad"], "id": [7, -8], "price": [0.5, None]})
    row = next(bert.classify_batches(table, "text"))[1]
    assert (row["text"], row["id"], row["price"]) == ("bad", -8, None)
    # Nobody looks at what another library calls text.
    text = pa.StringArray.from_buffers(2, bytes_.buffers()[1], bytes_.buffers()[2])
    answers = next(bert.classify_batches(pa.table({"text": ["good", "bad"], "note": text}), "text"))
    with pytest.raises(wgbert.DataError, match="not UTF-8"):
        answers[0]
    assert answers[1]["note"] == "good"


def test_a_stream_of_the_process_before_a_fork_is_refused():
    program = f"""
import os, signal, sys, wgbert, pyarrow as pa
signal.alarm(60)
batches = wgbert.Classifier({str(BERT)!r}).classify_batches(pa.table({{"text": ["good"]}}), "text")
child = os.fork()
if child == 0:
    signal.alarm(20)
    try:
        next(batches)
    except wgbert.DataError as error:
        os._exit(0 if "forked" in str(error) else 2)
    os._exit(1)
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status) or len(next(batches)) != 1)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)
