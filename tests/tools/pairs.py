#!/usr/bin/env python3
"""Writes tests/pairs.json: what CrossEncoder.predict and .rank and the zero-shot-classification pipeline answer for checkpoints of
tests/golden and tests/reports, changed in a file or more: python tests/tools/pairs.py

Needs torch, transformers 5.24, sentence-transformers 6.2, safetensors. A case is a folder, changes (file -> fields, of which "absent"
removes one), what was asked and the answers: for a query the scores of its documents by the activation that is named and without
any, and the order of their ranks; for texts labels and scores, best first.
"""
import json, os, pathlib, shutil, tempfile

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TRANSFORMERS_VERBOSITY="error")
import torch
import transformers
from sentence_transformers import CrossEncoder

ROOT = pathlib.Path(__file__).resolve().parents[2] / "tests"
CONFIG, TOKENS, MODEL = "config.json", "tokenizer_config.json", "config_sentence_transformers.json"
ABSENT = "absent"
LONG = "the quick brown fox jumps over the lazy dog, but nobody was impressed by it! " * 2

QUERIES = {
    "short": ("was it good?", ["it was not bad at all.", "", LONG, "Café 東京 zyzzyx 😀!", "good", "it was not bad at all.", " "]),
    "long": (LONG, ["it was good", LONG, "", "lazy"]),
    "empty": ("", ["good", "", "the quick brown fox"]),
}
RERANK = [
    ("golden/bert-regression", {}),
    ("golden/roberta-regression", {}),
    *[(f"golden/{name}", {TOKENS: {"model_max_length": longest}}) for name in ["bert-regression", "roberta-regression"]
      for longest in [5, 12, 13, 17]],
    ("golden/bert-regression", {TOKENS: {"model_max_length": 14, "truncation_side": "left"}}),
    ("golden/bert-regression", {CONFIG: {"sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Tanh"}}}),
    ("golden/bert-regression", {CONFIG: {"sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"}}),
    ("golden/bert-regression", {CONFIG: {"problem_type": ABSENT}}),
    ("reports/cross-encoder-activation", {}),
    ("reports/cross-encoder-activation", {MODEL: {"prompts": {"query": "the plot: "}, "default_prompt_name": "query"}}),
    ("reports/modular-reranker", {}),
]

TEXTS = ["it was not bad at all.", " ", LONG, "Café 東京 zyzzyx 😀!"]
TOPICS = ["good", "was it bad", "Café", "dog"]
DEFAULT = "This example is {}."


def named(*labels):
    return {CONFIG: {"id2label": dict(enumerate(labels)), "label2id": {label: place for place, label in enumerate(labels)}}}


FIRST = named("entailment", "neutral", "contradiction")
MIDDLE = named("contradiction", "ENTAILMENT", "neutral")
LAST = named("contradiction", "neutral", "entailment")
NONE = named("no", "perhaps", "yes")
ZERO_SHOT = [
    *[("golden/bert", names, TOPICS, DEFAULT, several) for names in [FIRST, MIDDLE, LAST, NONE] for several in [False, True]],
    *[(f"golden/{name}", FIRST, TOPICS, DEFAULT, False) for name in ["roberta", "deberta-v2", "xlm-roberta", "modernbert", "albert"]],
    # One label always holds on its own.
    ("golden/bert", FIRST, ["good"], DEFAULT, False),
    ("golden/bert", LAST, ["good"], DEFAULT, False),
    ("golden/bert", NONE, ["good"], DEFAULT, False),
    # Equal labels: of equals the last is the first.
    ("golden/bert", FIRST, ["good", "dog", "good"], DEFAULT, False),
    # Templates of Python's.
    ("golden/bert", FIRST, TOPICS, "{}", False),
    ("golden/bert", FIRST, TOPICS, "it was {0}, {0}! {{}}", True),
    ("golden/bert", FIRST, ["", " ", "good"], "{}", False),
    # label2id counts, and not id2label.
    ("golden/bert", {CONFIG: {"id2label": {"0": "entailment", "1": "neutral", "2": "contradiction"},
                              "label2id": {"contradiction": 0, "neutral": 1, "Entailed": 2}}}, TOPICS, DEFAULT, True),
    ("golden/bert-regression", {}, TOPICS, DEFAULT, False),
    ("golden/bert-regression", {}, TOPICS, DEFAULT, True),
    # Texts are cut, and hypotheses are not. One that leaves no room is refused here; the pipeline then cuts nothing.
    *[(f"golden/{name}", {**FIRST, TOKENS: {"model_max_length": longest}}, TOPICS, DEFAULT, False)
      for name in ["bert", "roberta"] for longest in [24, 30]],
    ("golden/bert", {**FIRST, TOKENS: {"model_max_length": 25, "truncation_side": "left"}}, TOPICS, DEFAULT, True),
    # A cross-encoder's prompt is none of the pipeline's.
    ("reports/cross-encoder-activation", {MODEL: {"prompts": {"query": "the plot: "}, "default_prompt_name": "query"}}, TOPICS, DEFAULT, False),
]


def changed(case, changes, place):
    folder = pathlib.Path(place) / "model"
    shutil.copytree(ROOT / case, folder)
    for name, fields in changes.items():
        value = json.loads((folder / name).read_text())
        for field, new in fields.items():
            value.pop(field, None) if new == ABSENT else value.update({field: new})
        (folder / name).write_text(json.dumps(value))
    return str(folder)


def rounded(scores):
    return [round(float(score), 7) for score in scores]


def rerank(case, changes):
    with tempfile.TemporaryDirectory() as place:
        model = CrossEncoder(changed(case, changes, place), device="cpu")
    answers = {}
    for name, (query, documents) in QUERIES.items():
        pairs = [[query, document] for document in documents]
        ranks = model.rank(query, documents)
        answers[name] = {
            "scores": rounded(model.predict(pairs)),
            "logits": rounded(model.predict(pairs, activation_fn=torch.nn.Identity())),
            "ranks": [rank["corpus_id"] for rank in ranks],
        }
        assert model.rank(query, documents, top_k=2) == ranks[:2]
    return {"folder": case, "changes": changes, "answers": answers}


def zero_shot(case, changes, labels, template, several):
    with tempfile.TemporaryDirectory() as place:
        folder = changed(case, changes, place)
        pipeline = transformers.pipeline("zero-shot-classification", model=folder, tokenizer=folder, device="cpu")
    asked = dict(candidate_labels=labels, hypothesis_template=template, multi_label=several)
    answers = [pipeline(text, **asked) for text in TEXTS]
    answers = [{"labels": answer["labels"], "scores": rounded(answer["scores"])} for answer in answers]
    return {"folder": case, "changes": changes, "labels": labels, "template": template, "multi_label": several, "answers": answers}


def main():
    rows = [rerank(*case) for case in RERANK]
    shots = [zero_shot(*case) for case in ZERO_SHOT]
    lines = lambda rows: ",\n  ".join(json.dumps(row, ensure_ascii=False) for row in rows)
    (ROOT / "pairs.json").write_text(
        f'{{"queries": {json.dumps(QUERIES, ensure_ascii=False)},\n"texts": {json.dumps(TEXTS, ensure_ascii=False)},\n'
        f'"rerank": [\n  {lines(rows)}\n],\n"zero_shot": [\n  {lines(shots)}\n]}}\n')


main()
