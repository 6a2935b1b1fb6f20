"""`wgbert.pipeline`: transformers' forms and answers, by the golden checkpoints; what differs is refused in words."""

import json
import sys
import types

import pytest
import wgbert
from conftest import BERT, GOLDEN, TOKENS, need

TEXT = "It was good."


@pytest.fixture(scope="module")
def pipe():
    return wgbert.pipeline("text-classification", model=str(BERT))


def test_the_forms_of_answers_are_those_of_transformers(pipe):
    label = pipe.classifier.classify(TEXT)[0]
    one = {"label": label["label"], "score": label["score"]}
    # A str has a list, a dict has none around it, and top_k= makes lists of answers.
    assert pipe(TEXT) == [one]
    assert pipe({"text": TEXT}) == one
    assert pipe([TEXT]) == [one]
    assert pipe([{"text": TEXT}, TEXT]) == [one, one]
    assert pipe([[[TEXT, "bad"]]]) == [pipe({"text": TEXT, "text_pair": "bad"})]
    assert pipe(TEXT, top_k=1) == [one]
    assert pipe([TEXT], top_k=1) == [[one]]
    everything = pipe(TEXT, top_k=None)
    assert everything[0] == one and len(everything) == 3
    assert [entry["score"] for entry in everything] == sorted((entry["score"] for entry in everything), reverse=True)
    assert pipe([TEXT], top_k=2) == [everything[:2]]
    # Where it was made with top_k=, transformers puts the list of a single text into another.
    assert wgbert.pipeline(model=BERT, top_k=None)(TEXT) == [everything]
    with pytest.warns(DeprecationWarning):
        unsorted = pipe(TEXT, return_all_scores=True)
    assert [entry["label"] for entry in unsorted[0]] == pipe.classifier.labels
    assert pipe([]) == []


def test_generators_are_answered_as_they_are_read(pipe):
    read = []

    def texts():
        for number in range(200):
            read.append(number)
            yield TEXT

    answers = pipe(texts())
    assert isinstance(answers, types.GeneratorType) and not read
    first = next(answers)
    assert first == pipe(TEXT)[0] and len(read) < 200
    assert len(list(answers)) == 199


def test_columns_are_texts(pipe):
    pa = pytest.importorskip("pyarrow")
    assert pipe(pa.array([TEXT, TEXT])) == pipe([TEXT, TEXT])


@pytest.mark.parametrize("name", ["bert", "bert-multilabel", "bert-regression", "roberta-regression", "albert"])
def test_scores_are_those_of_transformers(name):
    expected = json.loads((GOLDEN / name / "expected.json").read_text())
    inputs = [text if isinstance(text, str) else dict(zip(("text", "text_pair"), text)) for text in expected["texts"]]
    answers = wgbert.pipeline(model=GOLDEN / name)(inputs, top_k=None)
    for answer, scores in zip(answers, expected["probabilities"] or expected["logits"], strict=True):
        assert sorted(entry["score"] for entry in answer) == pytest.approx(sorted(scores), abs=1e-5)


def test_the_function_may_be_chosen_by_call(pipe):
    logits = pipe.classifier.classify(TEXT, logits=True)[0]["logits"]
    scores = [entry["score"] for entry in pipe(TEXT, top_k=None, function_to_apply="none")]
    assert scores == sorted(logits, reverse=True)
    sigmoid = wgbert.pipeline(model=BERT, function_to_apply="SIGMOID")
    assert sum(entry["score"] for entry in sigmoid(TEXT, top_k=None)) != pytest.approx(1.0)


def test_what_changes_no_answer_has_no_effect(pipe):
    assert pipe(TEXT, batch_size=8, padding=True, num_workers=2, truncation=True) == pipe(TEXT)
    assert list(pipe((TEXT for _ in range(5)), batch_size=2)) == pipe([TEXT] * 5)


def test_lengths_are_those_of_the_call(pipe):
    long = "good " * 50
    shorter = wgbert.Classifier(BERT, max_length=8).classify(long)[0]
    assert pipe(long, truncation=True, max_length=8) == [{"label": shorter["label"], "score": shorter["score"]}]
    with pytest.raises(wgbert.TextError, match="text 0"):
        pipe(long, truncation=False, max_length=8)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"task": "fill-mask"}, "there is no task 'fill-mask' here"),
        ({"task": "ner"}, "the model is for text-classification, not for ner"),
        ({"trust_remote_code": True}, "trust_remote_code=True: code of a checkpoint's own is not run"),
        ({"tokenizer": "other"}, "tokenizer=: the tokenizer is that of the model's folder"),
        ({"device": "cpu"}, "device='cpu': name an adapter"),
        ({"device": -1}, "device=-1: name an adapter"),
        ({"device": 0, "adapter": "llvmpipe"}, "give one of them"),
        ({"dtype": "bfloat16"}, "dtype=bfloat16: there are float32 and float16"),
        ({"dtype": "float16", "precision": "f32"}, "give one of them"),
        ({"top_q": 3}, "top_q=: a text-classification pipeline has no such argument here"),
        ({"function_to_apply": "tanh"}, 'function_to_apply is "tanh", which is none of'),
    ],
)
def test_what_cannot_be_had_is_refused_by_name(arguments, said):
    with pytest.raises(wgbert.Error, match=said):
        wgbert.pipeline(**{"task": "text-classification", "model": BERT, **arguments})(TEXT)


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ([["a", "b"]], "text 0 is list: a str is wanted, or for a pair a dict"),
        ([TEXT, None], "text 1 is NoneType"),
        ({"text": TEXT, "title": "x"}, "a dict has text, and perhaps text_pair, not text, title"),
        ({"text": 3}, "a dict has text"),
        (7, "is wanted, not int"),
        (b"abc", "is wanted, not bytes"),
    ],
)
def test_what_are_no_texts_is_refused(pipe, inputs, said):
    with pytest.raises(wgbert.DataError, match=said):
        pipe(inputs)


def test_a_classifier_is_a_model(pipe):
    assert wgbert.pipeline(model=pipe.classifier)(TEXT) == pipe(TEXT)
    with pytest.raises(wgbert.ArgumentError, match="was made with its own"):
        wgbert.pipeline(model=pipe.classifier, precision="f16")
    assert wgbert.pipeline("sentiment-analysis")("This is fantastic!")[0]["label"] == "positive"


@pytest.mark.parametrize("name", ["bert", "roberta"])
def test_entities_are_those_of_transformers(name):
    expected = json.loads((TOKENS / name / "expected.json").read_text())
    pipe = wgbert.pipeline("ner", model=TOKENS / name)
    for strategy in ("none", "simple", "first", "average", "max"):
        for text, entities in zip(expected["texts"], expected["entities"][strategy], strict=True):
            answer = pipe(text, aggregation_strategy=strategy)
            assert [{key: value for key, value in entity.items() if key != "score"} for entity in answer] == [
                {key: value for key, value in entity.items() if key != "score"} for entity in entities
            ]
            assert [entity["score"] for entity in answer] == pytest.approx([entity["score"] for entity in entities], abs=1e-5)
    text = expected["texts"][2]
    assert pipe([text, text]) == [pipe(text)] * 2
    assert next(pipe(text for text in [text])) == pipe(text)
    everything = pipe(text, ignore_labels=[])
    assert len(everything) >= len(pipe(text)) and pipe(text, ignore_labels=[*pipe.classifier.labels]) == []
    with pytest.raises(wgbert.ArgumentError, match="stride=: a token-classification pipeline has no such argument"):
        pipe(text, stride=4)
    with pytest.raises(wgbert.ArgumentError, match="aggregation_strategy is \"all\", which is none of"):
        pipe(text, aggregation_strategy="all")
    with pytest.raises(wgbert.TextError, match="text 1: its text is null"):
        pipe([text, None])


def test_a_torch_data_set_is_answered_by_an_iterator(pipe):
    need("transformers", "torch")
    from torch.utils.data import Dataset

    class Texts(Dataset):
        def __len__(self):
            return 3

        def __getitem__(self, row):
            if row >= 3:
                raise IndexError(row)
            return TEXT

    answers = pipe(Texts())
    assert not isinstance(answers, list) and list(answers) == pipe([TEXT] * 3)
    assert "torch" in sys.modules


def test_a_classifiers_own_function_counts():
    classifier = wgbert.Classifier(str(BERT), function_to_apply="none", truncation="refuse")
    own = wgbert.pipeline(model=classifier)
    scores = {entry["label"]: entry["score"] for entry in own("good", top_k=None)}
    assert [scores[label] for label in classifier.labels] == pytest.approx(classifier.classify("good", logits=True)[0]["logits"])
    with pytest.raises(wgbert.TextError):
        own("good " * 600)
    assert own("good " * 600, truncation=True)[0]["label"] in classifier.labels


def test_what_a_pipeline_is_given_is_loaded_once():
    pipe = wgbert.pipeline(model=str(BERT), max_length=8, function_to_apply="sigmoid")
    assert pipe.classifier.max_length == 8 and pipe.classifier.function_to_apply == "sigmoid"
    assert pipe._with(pipe._kwargs) is pipe.classifier
    other = pipe._with({**pipe._kwargs, "max_length": 5})
    assert other.max_length == 5 and pipe._with({**pipe._kwargs, "max_length": 5}) is other


def test_texts_of_a_stream_are_counted_from_its_beginning():
    texts = (text for text in ["good"] * 70 + [7])
    with pytest.raises(wgbert.DataError, match="text 70 is int"):
        list(wgbert.pipeline(model=str(BERT))(texts))
    long = (text for text in ["good"] * 70 + ["good " * 600])
    with pytest.raises(wgbert.TextError, match="text 70") as error:
        list(wgbert.pipeline(model=str(BERT), truncation=False)(long))
    assert error.value.index == 70
