"""`wgbert.pipeline` beside transformers' own, on every golden checkpoint that the installed version reads, and `wgbert.CrossEncoder`
beside sentence-transformers' own."""

import json
import math

import pytest
import wgbert
from conftest import GOLDEN, ROOT, TOKENS, changed, need

TEXT_CALLS = [{}, {"top_k": 1}, {"top_k": None}, {"top_k": 2}, {"function_to_apply": "none"}, {"function_to_apply": "sigmoid", "top_k": None}]
TOKEN_CALLS = [{}, {"aggregation_strategy": "simple"}, {"aggregation_strategy": "first"}, {"ignore_labels": []}]


# Architectures that are refused by name: their folders are there for those who are going to describe them.
REFUSED = {"deberta", "eurobert", "mobilebert"}


def checkpoints(folder):
    paths = [path for path in folder.iterdir() if (path / "config.json").exists() and (path / "model.safetensors").exists()]
    return sorted(path.name for path in paths if json.loads((path / "config.json").read_text())["model_type"] not in REFUSED)


def same(ours, theirs):
    """The same structure, and scores within 1e-5."""
    if isinstance(theirs, dict):
        assert isinstance(ours, dict) and list(ours) == list(theirs)
        for key, value in theirs.items():
            same(ours[key], value)
    elif isinstance(theirs, list):
        assert isinstance(ours, list) and len(ours) == len(theirs)
        for one, other in zip(ours, theirs):
            same(one, other)
    elif isinstance(theirs, (str, int)) or theirs is None:
        assert ours == theirs
    else:
        assert math.isclose(ours, float(theirs), abs_tol=1e-5), (ours, theirs)


def theirs(task, folder):
    """transformers' pipeline in float32 on the CPU, if this version has the model."""
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    try:
        return transformers.pipeline(task, model=str(folder), dtype=torch.float32, device="cpu")
    except Exception as error:  # Which models there are, and how it says so, is its own.
        pytest.skip(f"transformers {transformers.__version__} does not read it: {error}"[:200])


@pytest.mark.parametrize("name", checkpoints(GOLDEN))
def test_texts(name):
    need("transformers", "transformers", "torch")
    import transformers

    if "relative_key" in name and not transformers.__version__.startswith("4."):
        # Which of the two versions wrote a model's files decides, and only the older one computes these.
        pytest.skip("relative_key is transformers 4's")
    expected = json.loads((GOLDEN / name / "expected.json").read_text())
    pairs = [text for text in expected["texts"] if not isinstance(text, str)]
    texts = [text for text in expected["texts"] if isinstance(text, str)]
    inputs = [*texts, *({"text": first, "text_pair": second} for first, second in pairs)]
    one, other = wgbert.pipeline("text-classification", model=GOLDEN / name), theirs("text-classification", GOLDEN / name)
    for call in TEXT_CALLS:
        same(one(inputs, **call), other(inputs, truncation=True, **call))
        same(one(inputs[0], **call), other(inputs[0], truncation=True, **call))
    same(list(one(text for text in texts)), list(other((text for text in texts), truncation=True)))
    for pair in inputs[len(texts) :][:1]:
        same(one(pair), other(pair, truncation=True))


@pytest.mark.parametrize("name", checkpoints(TOKENS))
def test_tokens(name):
    need("transformers", "transformers", "torch")
    expected = json.loads((TOKENS / name / "expected.json").read_text())
    texts = [text for text, cut in zip(expected["texts"], expected["truncated"]) if not cut]
    one, other = wgbert.pipeline("token-classification", model=TOKENS / name), theirs("token-classification", TOKENS / name)
    for call in TOKEN_CALLS:
        try:
            answer = other(texts, **call)
        except ValueError as error:
            # A tokenizer that does not say where its tokens stand has no words.
            with pytest.raises(wgbert.Error):
                one(texts, **call)
            assert "Slow tokenizers" in str(error)
            continue
        same(one(texts, **call), answer)
        same(one(texts[-1], **call), other(texts[-1], **call))


LABELS = ["good", "was it bad", "a dog"]
ZERO_SHOT_CALLS = [
    {"candidate_labels": LABELS},
    {"candidate_labels": "good, a dog,"},
    {"candidate_labels": LABELS, "multi_label": True, "hypothesis_template": "it was {}!"},
    {"candidate_labels": ["good"]},
    {"candidate_labels": LABELS[:2] * 2},
]


@pytest.mark.parametrize("name", ["bert", "roberta", "deberta-v2", "modernbert", "albert", "xlm-roberta", "distilbert"])
def test_labels_that_were_never_trained(name):
    need("transformers", "transformers", "torch")
    expected = json.loads((GOLDEN / name / "expected.json").read_text())
    texts = [text for text in expected["texts"] if isinstance(text, str) and text]
    one, other = (make("zero-shot-classification", GOLDEN / name) for make in (ours, theirs))
    for call in ZERO_SHOT_CALLS:
        same(one(texts, **call), other(texts, **call))
        same(one(texts[0], **call), other(texts[0], **call))
        same(list(one((text for text in texts), **call)), list(other((text for text in texts), **call)))
    same(one(texts[0], LABELS), other(texts[0], LABELS))
    # What one refuses the other does.
    for inputs, call in [("", {"candidate_labels": LABELS}), ("a", {"candidate_labels": []}), ("a", {"candidate_labels": LABELS, "hypothesis_template": "x"})]:
        for pipe in (one, other):
            with pytest.raises(ValueError):
                pipe(inputs, **call)


def ours(task, folder):
    return wgbert.pipeline(task, model=folder)


PAIRS = json.loads((ROOT / "tests" / "pairs.json").read_text())


@pytest.mark.parametrize("place", [*range(len(PAIRS["rerank"])), "several labels"])
def test_cross_encoders(place, tmp_path):
    need("transformers", "sentence_transformers")
    import torch
    from sentence_transformers import CrossEncoder

    case = PAIRS["rerank"][place] if isinstance(place, int) else {"folder": "golden/bert", "changes": {}}
    folder = changed(case, tmp_path)
    one, other = wgbert.CrossEncoder(folder), CrossEncoder(str(folder), device="cpu")
    assert (one.num_labels, one.max_seq_length) == (other.num_labels, other.max_seq_length)
    for query, documents in PAIRS["queries"].values():
        pairs = [[query, document] for document in documents]
        calls = [{}, {"apply_softmax": True}, {"activation_fn": torch.nn.Tanh()}, {"activation_fn": torch.nn.Identity(), "convert_to_tensor": True}]
        for call in calls:
            scores, expected = one.predict(pairs, **call), other.predict(pairs, **call)
            assert type(scores) is type(expected) and scores.shape == expected.shape and scores.dtype == expected.dtype
            same(scores.tolist(), expected.tolist())
            same(one.predict(pairs[0], **call).tolist(), other.predict(pairs[0], **call).tolist())
        if one.num_labels == 1:
            for call in [{}, {"top_k": 2, "return_documents": True}, {"activation_fn": torch.nn.Identity()}]:
                ranked, expected = one.rank(query, documents, **call), other.rank(query, documents, **call)
                # Of equal documents, which theirs are not to the last bit, any may be the first.
                scores = one.predict(pairs, activation_fn=call.get("activation_fn"))
                for document, theirs in zip(ranked, expected, strict=True):
                    assert list(document) == list(theirs)
                    same(document["score"], theirs["score"])
                    same(scores[document["corpus_id"]].item(), theirs["score"])
                    assert document.get("text", documents[document["corpus_id"]]) == documents[document["corpus_id"]]
        else:
            for encoder in (one, other):
                with pytest.raises(ValueError):
                    encoder.rank(query, documents)
    assert one.predict([]).shape == other.predict([]).shape
