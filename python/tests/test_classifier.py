"""`Classifier.classify`: texts in every form, the answers of the golden checkpoints, and what is wrong said in words."""

import concurrent.futures
import json
import pathlib
import pickle
import shutil
import struct
import subprocess
import sys
import threading
import time

import pytest
import wgbert
from conftest import BERT, GOLDEN, TOKENS, need, told

TEXTS = ["It was good.", "", "It was not good; I never saw a worse one!", "東京 café 😀"]


def rows(answers):
    return [answers[row] for row in range(len(answers))]


def golden(name):
    return json.loads((GOLDEN / name / "expected.json").read_text())


def tensors(path):
    """The tensors of a safetensors file, by name."""
    import numpy

    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + size])
    types = {"F32": "<f4", "F64": "<f8", "I64": "<i8"}
    return {
        name: numpy.frombuffer(data, types[of["dtype"]], offset=8 + size + of["data_offsets"][0])[
            : (of["data_offsets"][1] - of["data_offsets"][0]) // int(types[of["dtype"]][2])
        ].reshape(of["shape"])
        for name, of in header.items()
        if name != "__metadata__"
    }


def test_the_model_that_is_compiled_in_answers():
    classifier = wgbert.Classifier()
    answers = classifier.classify(["This movie was absolutely fantastic.", "This product is terrible."])
    assert [row["label"] for row in rows(answers)] == ["positive", "negative"]
    assert classifier.labels == ["negative", "neutral", "positive"]
    assert (classifier.task, classifier.function_to_apply) == ("text-classification", "softmax")


@pytest.mark.parametrize("name", ["bert", "roberta", "deberta-v2", "modernbert", "bert-multilabel", "bert-regression"])
def test_logits_are_those_of_transformers(name):
    expected = golden(name)
    pairs = [text if isinstance(text, list) else [text, None] for text in expected["texts"]]
    first, second = zip(*pairs)
    answers = wgbert.Classifier(GOLDEN / name).classify(list(first), list(second), logits=True, scores=True)
    for row, logits in zip(rows(answers), expected["logits"], strict=True):
        assert row["error"] is None
        assert row["logits"] == pytest.approx(logits, abs=1e-5)
        assert max(row["scores"]) == pytest.approx(row["score"])


def test_columns_have_the_types_that_are_documented(bert):
    pa = pytest.importorskip("pyarrow")
    table = bert.classify(TEXTS, top_k=2, scores=True, logits=True).to_pyarrow()
    numbers = pa.list_(pa.field("item", pa.float32()), 3)
    assert table.schema.names == [
        *["index", "label", "score", "label_2", "score_2", "scores", "logits", "tokens", "truncated", "error"]
    ]
    types = [pa.uint64(), pa.string(), pa.float32(), pa.string(), pa.float32(), numbers, numbers]
    assert table.schema.types == [*types, pa.uint32(), pa.bool_(), pa.string()]
    assert table["index"].to_pylist() == [0, 1, 2, 3]


def test_every_form_of_a_column_has_the_same_answers(bert):
    pa, pl, pd, np = map(pytest.importorskip, ["pyarrow", "polars", "pandas", "numpy"])
    expected = rows(bert.classify(TEXTS, logits=True))
    array = pa.array(TEXTS)
    forms = {
        "tuple": tuple(TEXTS),
        "generator": (text for text in TEXTS),
        "numpy": np.array(TEXTS),
        "numpy of objects": np.array(TEXTS, dtype=object),
        "pandas": pd.Series(TEXTS),
        "pandas of objects": pd.Series(TEXTS, dtype=object),
        "polars": pl.Series(TEXTS),
        "a polars frame of one column": pl.DataFrame({"review": TEXTS}),
        "a categorical of polars'": pl.Series(TEXTS).cast(pl.Categorical),
        "utf8": array,
        "large utf8": array.cast(pa.large_string()),
        "views": array.cast(pa.string_view()),
        "dictionary": array.dictionary_encode(),
        "in pieces": pa.chunked_array([TEXTS[:1], [], TEXTS[1:]]),
        "sliced": pa.array(["x", "y", *TEXTS, "z"])[2:6],
        "table": pa.table({"review": TEXTS}),
    }
    for name, form in forms.items():
        assert rows(bert.classify(form, logits=True)) == expected, name
    alone = bert.classify(TEXTS[0], logits=True)
    assert len(alone) == 1 and alone[0] == expected[0] and alone[-1] == expected[0]
    with pytest.raises(IndexError):
        alone[1]


def test_duckdb_gives_columns(bert):
    need("tables", "duckdb", "pyarrow")
    import duckdb

    relation = duckdb.sql("select unnest(['It was good.', '', null]) as text")
    assert [row["error"] for row in rows(bert.classify(relation))] == [None, None, "its text is null"]


def test_pairs_in_pieces_of_their_own(bert):
    pa = pytest.importorskip("pyarrow")
    second = ["not good", None, "", "a movie"]
    expected = rows(bert.classify(TEXTS, second, logits=True))
    # An empty second text is none, as for transformers' pipeline.
    alone = rows(bert.classify(TEXTS, logits=True))
    assert [row == other for row, other in zip(expected, alone, strict=True)] == [False, True, True, False]
    first_pieces = pa.chunked_array([TEXTS[:3], TEXTS[3:]])
    second_pieces = pa.chunked_array([second[:1], second[1:2], second[2:]])
    assert rows(bert.classify(first_pieces, second_pieces, logits=True)) == expected
    with pytest.raises(wgbert.ArgumentError, match="4 texts, but 1 second texts"):
        bert.classify(TEXTS, ["one"])


def test_a_row_without_an_answer_says_why_and_leaves_the_others_theirs(bert):
    pa, pd = map(pytest.importorskip, ["pyarrow", "pandas"])
    expected = rows(bert.classify(TEXTS))
    with_null = rows(bert.classify([TEXTS[0], None, TEXTS[2]]))
    assert with_null[1] == {"index": 1, "label": None, "score": None, "tokens": None, "truncated": None} | {
        "error": "its text is null"
    }
    assert with_null[0] == expected[0] and with_null[2] == expected[2]
    missing = pd.Series([TEXTS[0], float("nan"), None], dtype=object)
    assert [row["error"] is None for row in rows(bert.classify(list(missing)))] == [True, False, False]
    broken = pa.StringArray.from_buffers(2, pa.py_buffer(struct.pack("<3i", 0, 2, 3)), pa.py_buffer(b"a\xffb"))
    assert [row["error"] for row in rows(bert.classify(broken))] == ["its text is not UTF-8", None]
    refusing = wgbert.Classifier(BERT, truncation="refuse", max_length=8)
    errors = [row["error"] for row in rows(refusing.classify(["good", "good " * 20]))]
    assert errors[0] is None and "8" in errors[1], errors


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ([1], "text 0 is neither a str nor None: it is int"),
        ({"a": "b"}, "and no dict"),
        (b"abc", "and no bytes"),
        (7, "and no int"),
        (["a", "\ud800"], "text 1: it has half of a surrogate pair"),
    ],
)
def test_what_are_no_texts_is_refused_by_name(bert, column, said):
    with pytest.raises(wgbert.Error, match=said):
        bert.classify(column)


def test_a_column_of_numbers_and_a_table_of_several_are_refused(bert):
    pa = pytest.importorskip("pyarrow")
    with pytest.raises(wgbert.DataError, match='the column "text" has no texts: it is Int64'):
        bert.classify(pa.array([1, 2]))
    with pytest.raises(wgbert.DataError, match="not a table with a, b"):
        bert.classify(pa.table({"a": ["x"], "b": ["y"]}))


def test_losses_are_those_of_the_labels(bert):
    expected = golden("bert")
    first = [text if isinstance(text, str) else text[0] for text in expected["texts"]]
    second = [None if isinstance(text, str) else text[1] for text in expected["texts"]]
    answers = bert.classify(first, second, labels=expected["labels"])
    assert answers.loss == pytest.approx(expected["loss"], abs=1e-5)
    named = [bert.labels[label] for label in expected["labels"]]
    assert rows(bert.classify(first, second, labels=named)) == rows(answers)
    some = bert.classify(first, second, labels=[None, *expected["labels"][1:]])
    assert some[0]["loss"] is None and some[1] == answers[1]
    with pytest.raises(wgbert.TextError, match="text 1: .*no label is called \"joy\"") as error:
        bert.classify(["a", "b"], labels=[0, "joy"])
    assert error.value.index == 1
    with pytest.raises(wgbert.ArgumentError, match="2 texts, but 1 labels"):
        bert.classify(["a", "b"], labels=[0])


def test_hidden_states_and_attentions_are_numpy_arrays_where_they_were(bert):
    np = pytest.importorskip("numpy")
    expected, files = golden("bert"), tensors(BERT / "expected.safetensors")
    first = [text if isinstance(text, str) else text[0] for text in expected["texts"]]
    second = [None if isinstance(text, str) else text[1] for text in expected["texts"]]
    answers = bert.classify([*first, None], [*second, None], hidden_states=True, attentions=True)
    states, attentions = answers.hidden_states, answers.attentions
    assert states[-1] is None and attentions[-1] is None
    assert states[0] is not None and not states[0].flags.owndata and not states[0].flags.writeable
    last = next(name for name in files if "hidden_states" in name and name.endswith(str(len(states[0]) - 1)))
    for row, mask in enumerate(expected["attention_mask"]):
        kept = np.flatnonzero(mask)
        np.testing.assert_allclose(states[row][-1], files[last][row][kept], atol=1e-4)
        assert attentions[row].shape[-2:] == (len(kept), len(kept))
        np.testing.assert_allclose(attentions[row].sum(-1), 1.0, atol=1e-5)
    # They outlive what gave them.
    kept = states[0].copy()
    del answers, attentions
    np.testing.assert_array_equal(states[0], kept)
    plain = bert.classify(["a"])
    assert plain.hidden_states is None and plain.attentions is None
    only = bert.classify(["a"], attentions=True)
    assert only.hidden_states is None and only.attentions[0] is not None


def test_long_texts_are_cut_or_read_in_windows():
    text = "it was good and not bad " * 40
    cut = wgbert.Classifier(BERT, max_length=16).classify(text)[0]
    assert (cut["tokens"], cut["truncated"]) == (16, True)
    windows = wgbert.Classifier(BERT, max_length=16, truncation="windows", stride=4, windows="max").classify(text)[0]
    assert windows["tokens"] > 100 and not windows["truncated"]


def test_errors_are_one_family_and_say_what_to_do(tmp_path):
    with pytest.raises(wgbert.FileError) as error:
        wgbert.Classifier(tmp_path)
    assert isinstance(error.value, OSError) and "config.json" in told(error)
    with pytest.raises(wgbert.AdapterError, match="no adapter matches \"none such\"; there are"):
        wgbert.Classifier(BERT, adapter="none such")
    with pytest.raises(ValueError, match='truncation is "no", which is none of "cut", "cut-left", "refuse", "windows"'):
        wgbert.Classifier(BERT, truncation="no")
    with pytest.raises(wgbert.ArgumentError, match="stride= is of windows"):
        wgbert.Classifier(BERT, stride=3)
    with pytest.raises(wgbert.TaskError, match=r"the model classifies the tokens of texts: ask it with Classifier\.entities"):
        wgbert.Classifier(TOKENS / "bert").classify(["a"])
    with pytest.raises(wgbert.ModelError, match="a maximum length of 1 tokens"):
        wgbert.Classifier(BERT, max_length=1)
    with pytest.raises(wgbert.AdapterError, match='precision="f32"'):
        wgbert.Classifier(BERT, adapter="reference", precision="f16")
    for kind in ("ArgumentError", "FileError", "HubError", "ModelError", "TaskError", "DataError", "TextError", "AdapterError"):
        assert issubclass(getattr(wgbert, kind), wgbert.Error)


def test_it_is_pickled_by_its_arguments_and_opened_where_it_is_used(bert, tmp_path):
    again = pickle.loads(pickle.dumps(bert))
    assert again.arguments == bert.arguments and rows(again.classify(TEXTS)) == rows(bert.classify(TEXTS))
    absent = wgbert.Classifier(tmp_path / "nowhere", open=False)
    with pytest.raises(wgbert.Error, match="nowhere"):
        pickle.loads(pickle.dumps(absent)).classify("a")
    assert "precision='f32'" in repr(bert)


def test_there_is_one_engine_for_the_same_arguments(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(BERT, folder)
    one = wgbert.Classifier(folder)
    expected = rows(one.classify(TEXTS))
    shutil.rmtree(folder)
    # Neither a second one nor one that was pickled reads the files again.
    for other in (wgbert.Classifier(folder), pickle.loads(pickle.dumps(one))):
        assert rows(other.classify(TEXTS)) == expected
    one.close()
    del other
    with pytest.raises(OSError, match="there is no such folder"):
        one.classify(TEXTS)


def test_threads_share_it_and_get_the_same_bits(bert):
    texts = [f"it was {word} {number}" for number in range(50) for word in ("good", "bad")]
    expected = rows(bert.classify(texts, logits=True))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(lambda start: rows(bert.classify(texts[start : start + 5], logits=True)), range(0, 100, 5)))
    for start, part in zip(range(0, 100, 5), parts, strict=True):
        assert [row | {"index": 0} for row in part] == [row | {"index": 0} for row in expected[start : start + 5]]


def test_other_threads_run_meanwhile(bert):
    """The interpreter's lock is free while anything is computed."""
    done, turns = threading.Event(), []

    def count():
        while not done.is_set():
            turns.append(time.monotonic())
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    started = time.monotonic()
    bert.classify(["it was good and not bad " * 5] * 3_000)
    ended = time.monotonic()
    done.set()
    thread.join()
    pauses = [later - earlier for earlier, later in zip(turns, turns[1:]) if started < earlier < ended]
    assert max(pauses) < max(0.5 * (ended - started), 0.25), (max(pauses), ended - started)


def test_after_a_fork_it_is_opened_anew():
    program = f"""
import os, sys, wgbert
classifier = wgbert.Classifier({str(BERT)!r})
expected = classifier.classify(["it was good"], logits=True)[0]
child = os.fork()
if child == 0:
    os._exit(0 if classifier.classify(["it was good"], logits=True)[0] == expected else 1)
_, status = os.waitpid(child, 0)
assert classifier.classify(["it was good"], logits=True)[0] == expected
sys.exit(os.waitstatus_to_exitcode(status))
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_ctrl_c_is_heard():
    import signal

    program = f"""
import wgbert
classifier = wgbert.Classifier({str(BERT)!r})
classifier.classify("warm")
print("ready", flush=True)
try:
    classifier.classify(["it was good and not bad " * 20] * 1_000_000)
except KeyboardInterrupt:
    print("interrupted", classifier.classify("and again")[0]["label"] in classifier.labels, flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(2)
        sent = time.monotonic()
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "interrupted True\n"
        assert time.monotonic() - sent < 20
    assert process.returncode == 0


def test_importing_is_quick_and_imports_nobody_else():
    program = """
import sys, time
# Of the process: a machine may be busy with others.
started = time.process_time()
import wgbert
took = time.process_time() - started
assert not {"numpy", "pyarrow", "polars", "pandas", "torch", "logging"} & set(sys.modules)
print(took)
"""
    times = [float(subprocess.check_output([sys.executable, "-c", program])) for _ in range(5)]
    assert min(times) < 0.05, times


def test_warnings_go_to_logging(tmp_path, caplog):
    shutil.copytree(BERT, tmp_path / "model")
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    config["num_labels"] = 2
    (tmp_path / "model" / "config.json").write_text(json.dumps(config))
    try:
        wgbert.Classifier(tmp_path / "model")
    except wgbert.Error:
        pass
    assert any(record.name == "wgbert" and "num_labels" in record.getMessage() for record in caplog.records), caplog.text


def test_a_models_name_is_kept_to_the_letter():
    for name in ["./owner/name", "https://example.org/owner/name"]:
        made = pickle.loads(pickle.dumps(wgbert.Classifier(name, open=False)))
        assert made.arguments["model"] == name
    assert wgbert.Classifier(pathlib.Path("a") / "b", open=False).arguments["model"] == str(pathlib.Path("a") / "b")


def test_labels_may_be_columns(bert):
    pa = pytest.importorskip("pyarrow")
    expected = bert.classify(["good", "bad"], labels=[0, 1]).loss
    assert bert.classify(["good", "bad"], labels=pa.array([0, 1])).loss == expected
    with pytest.raises(wgbert.TextError, match="text 1: its label .* is no name") as error:
        bert.classify(["good", "bad"], labels=[0, object()])
    assert error.value.index == 1
    with pytest.raises(wgbert.TextError, match="text 0"):
        bert.classify(["good"], labels=[float("nan")])
