"""`CrossEncoder` and the zero-shot-classification pipeline: the forms and, by tests/pairs.json, the answers of sentence-transformers
and of transformers; what differs is refused in words."""

import json
import logging
import math
import pickle
import types

import pytest
import wgbert
from conftest import BERT, GOLDEN, ROOT, TOKENS, changed, command_line

CASES = json.loads((ROOT / "tests" / "pairs.json").read_text())
RERANKER = GOLDEN / "bert-regression"
DOCUMENTS = ["it was not bad at all.", "good", "the quick brown fox", "good"]
QUERY = "was it good?"


@pytest.fixture(scope="module")
def encoder():
    return wgbert.CrossEncoder(RERANKER)


@pytest.fixture(scope="module")
def nli(tmp_path_factory):
    labels = {"entailment": 0, "neutral": 1, "contradiction": 2}
    names = {"id2label": {index: label for label, index in labels.items()}, "label2id": labels}
    folder = changed({"folder": "golden/bert", "changes": {"config.json": names}}, tmp_path_factory.mktemp("nli"))
    return wgbert.pipeline("zero-shot-classification", model=folder)


@pytest.mark.parametrize("place", range(len(CASES["rerank"])))
def test_pairs_are_scored_as_by_sentence_transformers(place, tmp_path):
    case = CASES["rerank"][place]
    encoder = wgbert.CrossEncoder(changed(case, tmp_path), adapter="reference")
    for name, (query, documents) in CASES["queries"].items():
        expected, pairs = case["answers"][name], [[query, document] for document in documents]
        assert encoder.predict(pairs).tolist() == pytest.approx(expected["scores"], abs=1e-5)
        logits = encoder.predict(pairs, activation_fn="identity", convert_to_numpy=False)
        assert logits == pytest.approx(expected["logits"], abs=1e-5)
        ranked = encoder.rank(query, documents)
        assert [document["corpus_id"] for document in ranked] == expected["ranks"]
        assert [document["score"] for document in ranked] == pytest.approx(sorted(expected["scores"], reverse=True), abs=1e-5)


@pytest.mark.parametrize("place", range(len(CASES["zero_shot"])))
def test_labels_are_those_of_the_pipeline(place, tmp_path):
    case = CASES["zero_shot"][place]
    pipe = wgbert.pipeline("zero-shot-classification", model=changed(case, tmp_path), adapter="reference")
    options = {"hypothesis_template": case["template"], "multi_label": case["multi_label"]}
    answers = pipe(CASES["texts"], case["labels"], **options)
    for text, answer, expected in zip(CASES["texts"], answers, case["answers"], strict=True):
        assert list(answer) == ["sequence", "labels", "scores"]
        assert (answer["sequence"], answer["labels"]) == (text, expected["labels"])
        assert answer["scores"] == pytest.approx(expected["scores"], abs=1e-5)


def test_the_forms_of_scores_are_those_of_sentence_transformers(encoder):
    numpy = pytest.importorskip("numpy")
    pairs = [[QUERY, document] for document in DOCUMENTS]
    scores = encoder.predict(pairs)
    assert scores.dtype == numpy.float32 and scores.shape == (4,)
    # One pair has one score, by whatever list it comes.
    for one in (pairs[0], tuple(pairs[0]), numpy.array(pairs[0])):
        assert encoder.predict(one) == scores[0] and numpy.ndim(encoder.predict(one)) == 0
    for all_of_them in (tuple(map(tuple, pairs)), numpy.array(pairs), iter(pairs)):
        assert (encoder.predict(all_of_them) == scores).all()
    assert encoder.predict(pairs, convert_to_numpy=False) == scores.tolist()
    assert encoder.predict([]).shape == (0,) and encoder.predict([], convert_to_numpy=False) == []
    ranked = encoder.rank(QUERY, DOCUMENTS, top_k=3, return_documents=True)
    assert [list(document) for document in ranked] == [["corpus_id", "score", "text"]] * 3
    assert all(document["text"] == DOCUMENTS[document["corpus_id"]] for document in ranked)
    # Of equals the first.
    twins = [document["corpus_id"] for document in encoder.rank(QUERY, DOCUMENTS) if document["corpus_id"] in (1, 3)]
    assert twins == [1, 3] and list(encoder.rank(QUERY, ["a"])[0]) == ["corpus_id", "score"]
    assert encoder.rank(QUERY, []) == []


def test_several_labels_have_logits_and_shares_on_request():
    numpy = pytest.importorskip("numpy")
    encoder = wgbert.CrossEncoder(str(BERT))
    pairs = [[QUERY, document] for document in DOCUMENTS[:2]]
    logits = encoder.predict(pairs)
    table = encoder.classifier.classify(*zip(*pairs), logits=True, scores=True)
    assert logits.tolist() == [row["logits"] for row in table] and encoder.activation_fn == "none"
    shares = encoder.predict(pairs, apply_softmax=True)
    assert numpy.allclose(shares, [row["scores"] for row in table], atol=1e-6)
    assert encoder.predict(pairs[0]).shape == (3,)
    with pytest.raises(wgbert.ModelError, match="3 labels, and documents are ranked by one"):
        encoder.rank(QUERY, DOCUMENTS)


def test_activations_are_names_or_functions(encoder):
    numpy = pytest.importorskip("numpy")
    pairs = [[QUERY, document] for document in DOCUMENTS]
    logits = encoder.predict(pairs, activation_fn="none").astype("float64")
    for name, function in {"sigmoid": lambda x: 1 / (1 + numpy.exp(-x)), "tanh": numpy.tanh}.items():
        assert numpy.allclose(encoder.predict(pairs, activation_fn=name), function(logits), atol=1e-6)
    seen = []

    def double(given):
        seen.append(tuple(given.shape))
        return given * 2

    assert numpy.allclose(encoder.predict(pairs, activation_fn=double), logits * 2, atol=1e-5)
    assert seen == [(4, 1)]
    # What the class was given counts where a call says nothing, also before what the checkpoint names.
    own = wgbert.CrossEncoder(RERANKER, activation_fn="tanh")
    assert own.activation_fn == "tanh" and encoder.activation_fn == "sigmoid"
    assert numpy.allclose(own.predict(pairs), numpy.tanh(logits), atol=1e-6)
    assert own.rank(QUERY, DOCUMENTS)[0]["score"] == pytest.approx(math.tanh(logits.max()), abs=1e-6)


def test_scores_are_the_bits_of_the_command_line(encoder):
    arguments = ["rerank", "--quiet", "--model", RERANKER, "--format", "jsonl", QUERY, *DOCUMENTS]
    rows = [json.loads(line) for line in command_line(arguments).stdout.splitlines()]
    numpy = pytest.importorskip("numpy")
    ranked = [(document["corpus_id"], numpy.float32(document["score"])) for document in encoder.rank(QUERY, DOCUMENTS)]
    assert [(row["corpus_id"], numpy.float32(row["score"])) for row in rows] == ranked


def test_columns_are_texts(encoder, nli):
    pa = pytest.importorskip("pyarrow")
    pairs = [[QUERY, document] for document in DOCUMENTS]
    table = pa.table({"query": [QUERY] * 4, "document": pa.chunked_array([DOCUMENTS[:1], DOCUMENTS[1:]])})
    assert (encoder.predict(table) == encoder.predict(pairs)).all()
    column = pa.array(DOCUMENTS, pa.large_string())
    assert encoder.rank(QUERY, column, return_documents=True) == encoder.rank(QUERY, DOCUMENTS, return_documents=True)
    assert nli(column, ["good", "bad"]) == nli(DOCUMENTS, ["good", "bad"])
    with pytest.raises(wgbert.DataError, match="two columns, and not 1"):
        encoder.predict(table.select(["query"]))


def test_the_forms_of_zero_shot_are_those_of_transformers(nli):
    one = nli(QUERY, candidate_labels=["good", "a dog"])
    assert nli(QUERY, "good, a dog,") == one and nli([QUERY], ["good", "a dog"]) == [one]
    assert nli([QUERY, "the fox"], "good,a dog")[0] == one and nli([], ["good"]) == []
    assert sum(one["scores"]) == pytest.approx(1.0) and one["scores"] == sorted(one["scores"], reverse=True)
    answers = nli((text for text in [QUERY] * 70), ["good", "a dog"])
    assert isinstance(answers, types.GeneratorType) and list(answers) == [one] * 70
    # What the pipeline is given holds for calls that say nothing else.
    own = wgbert.pipeline(
        "zero-shot-classification", model=nli.classifier, candidate_labels=["good", "a dog"], multi_label=True, hypothesis_template="{}!"
    )
    assert own(QUERY) == nli(QUERY, ["good", "a dog"], multi_label=True, hypothesis_template="{}!")
    assert own(QUERY, multi_label=False, hypothesis_template="This example is {}.") == one
    assert nli(QUERY, ["good"], batch_size=8) == nli(QUERY, ["good"], multi_label=True)


def test_a_model_without_entailment_says_so_once(caplog):
    pipe = wgbert.pipeline("zero-shot-classification", model=str(BERT), batch_texts=100)
    with caplog.at_level(logging.WARNING, "wgbert"):
        list(pipe((text for text in [QUERY] * 130), ["good"]))
    assert [record.getMessage().count('no label begins with "entail"') for record in caplog.records] == [1]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda nli: nli(QUERY), "candidate_labels=: name one label or more"),
        (lambda nli: nli(QUERY, []), "candidate_labels=: name one label or more"),
        (lambda nli: nli(QUERY, [1]), "a label is a str, not int"),
        (lambda nli: nli(QUERY, ["a"], ["b"]), "no argument without a name"),
        (lambda nli: nli(QUERY, ["a"], hypothesis_template="It is."), 'the hypothesis template "It is." has no {}'),
        (lambda nli: nli(QUERY, ["a"], hypothesis_template=3), "hypothesis_template= is a str"),
        (lambda nli: nli(QUERY, ["a"], top_k=2), "top_k=: a zero-shot-classification pipeline has no such argument"),
        (lambda nli: nli("", ["a"]), "text 0: it is empty"),
        (lambda nli: nli(["a", "b", ""], ["a"]), "text 2: it is empty"),
        (lambda nli: nli(["a", None], ["a"]), "text 1: its text is null"),
        (lambda nli: nli(7, ["a"]), "a str, a list of them or a column is wanted, not int"),
        (lambda nli: nli({"text": "a"}, ["a"]), "is wanted, not dict"),
        (lambda nli: wgbert.pipeline("zero-shot-classification"), "model=: name a model of natural language inference"),
        (lambda nli: wgbert.pipeline("zero-shot-classification", model=TOKENS / "bert"), "the model is for token-classification"),
    ],
)
def test_what_no_label_can_be_of_is_refused(nli, call, said):
    # Where transformers refuses it is a ValueError, too.
    with pytest.raises((wgbert.ArgumentError, wgbert.DataError, wgbert.TextError, wgbert.TaskError), match=said) as error:
        call(nli)
    assert isinstance(error.value, ValueError)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda encoder: encoder.predict("a"), "pairs are lists of two texts each, not str"),
        (lambda encoder: encoder.predict(7), "pairs are lists of two texts each, not int"),
        (lambda encoder: encoder.predict([["a", "b"], ["a"]]), "pair 1 is not two texts"),
        (lambda encoder: encoder.predict([["a", None]]), "pair 0 is not two texts"),
        (lambda encoder: encoder.predict([["a", "b"]], prompt="x"), "prompt=: a CrossEncoder here has the checkpoint's own"),
        (lambda encoder: encoder.predict([["a", "b"]], activation_fn="relu"), "activation_fn='relu': there are"),
        (lambda encoder: encoder.predict([["a", "b"]], activation_fn=lambda given: given[:0]), "made 0 scores of 1 pairs"),
        (lambda encoder: encoder.rank("a", "b"), "documents are a list of them"),
        (lambda encoder: encoder.rank(["a"], ["b"]), "the query is a str, not list"),
        (lambda encoder: encoder.rank("a", ["b", None]), "text 1: its text is null"),
        (lambda encoder: wgbert.CrossEncoder(None), "name a cross-encoder"),
        (lambda encoder: wgbert.CrossEncoder(RERANKER, num_labels=2), "num_labels=2: the model has 1"),
        (lambda encoder: wgbert.CrossEncoder(RERANKER, cache_folder="x"), "cache_folder=: a CrossEncoder has no such argument"),
        (lambda encoder: wgbert.CrossEncoder(RERANKER, trust_remote_code=True), "trust_remote_code=True"),
        (lambda encoder: wgbert.CrossEncoder(RERANKER, model_kwargs={"attn": 1}), "of these there is dtype alone"),
        (lambda encoder: wgbert.CrossEncoder(TOKENS / "bert"), "the model is for token-classification"),
    ],
)
def test_what_cannot_be_scored_is_refused(encoder, call, said):
    with pytest.raises(wgbert.Error, match=said):
        call(encoder)


def test_a_cross_encoder_is_pickled_by_its_arguments():
    own = pickle.loads(pickle.dumps(wgbert.CrossEncoder(RERANKER, activation_fn="tanh", max_length=32)))
    assert (own.activation_fn, own.max_length) == ("tanh", 32) and "max_length=32" in repr(own)
    assert own.predict([QUERY, "good"], convert_to_numpy=False) == pytest.approx(
        math.tanh(own.predict([QUERY, "good"], activation_fn="none", convert_to_numpy=False))
    )


def test_a_pair_that_is_too_long_is_named():
    encoder = wgbert.CrossEncoder(RERANKER, max_length=12, truncation="refuse")
    assert encoder.max_length == 12
    with pytest.raises(wgbert.TextError, match="text 200") as error:
        encoder.predict([["a", "b"]] * 200 + [["a", "good " * 20]])
    assert error.value.index == 200
