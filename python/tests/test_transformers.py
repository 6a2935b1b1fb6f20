"""`wgbert.pipeline` beside transformers' own, on every golden checkpoint that the installed version reads."""

import json
import math

import pytest
import wgbert
from conftest import GOLDEN, TOKENS, need

TEXT_CALLS = [{}, {"top_k": 1}, {"top_k": None}, {"top_k": 2}, {"function_to_apply": "none"}, {"function_to_apply": "sigmoid", "top_k": None}]
TOKEN_CALLS = [{}, {"aggregation_strategy": "simple"}, {"aggregation_strategy": "first"}, {"ignore_labels": []}]


def checkpoints(folder):
    return sorted(path.name for path in folder.iterdir() if (path / "config.json").exists() and (path / "model.safetensors").exists())


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
        same(one(texts[2], **call), other(texts[2], **call))
