#!/usr/bin/env python3
"""Writes tests/cross_encoders.json: what CrossEncoder.predict answers for the cross-encoders of tests/reports, changed in one
file or more: python tests/tools/cross_encoders.py

Needs torch, transformers 5.24, sentence-transformers 6.2, safetensors. A case is a folder of tests, changes (file -> fields,
of which null removes one where the value of the field is "absent"; or file -> list, which is the whole file) and the scores, or the
words of a refusal where sentence-transformers answers what is not computed here, or refuses too.
"""
import json, os, pathlib, shutil, tempfile

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TRANSFORMERS_VERBOSITY="error")
from sentence_transformers import CrossEncoder

ROOT = pathlib.Path(__file__).resolve().parents[2] / "tests"
PAIRS = [["was it good", "it was great"], ["the film", "very dull and not good but great"]]
PLAIN, MODULAR = "cross-encoder-activation", "modular-reranker"
MODEL, ENCODER, CONFIG = "config_sentence_transformers.json", "sentence_bert_config.json", "config.json"
DENSE, LAST, POOLING = "2_Dense/config.json", "4_Dense/config.json", "1_Pooling/config.json"
ABSENT = "absent"


def module(index, folder, kind):
    return {"idx": index, "name": str(index), "path": folder, "type": f"sentence_transformers.models.{kind}"}


def torch(name):
    return f"torch.nn.modules.activation.{name}"


CASES = [
    (PLAIN, {}),
    # Where the activation is named.
    *[(PLAIN, {MODEL: {"activation_fn": name}}) for name in
      [torch("Sigmoid"), torch("Tanh"), torch("Softmax"), "torch.nn.Tanh", "torch.nn.Identity", None, ABSENT]],
    (PLAIN, {CONFIG: {"sentence_transformers": {"activation_fn": torch("Tanh")}}}),
    (PLAIN, {MODEL: {"activation_fn": None}, CONFIG: {"sentence_transformers": {"activation_fn": torch("Tanh")}}}),
    (PLAIN, {MODEL: {"activation_fn": ABSENT}, CONFIG: {"sbert_ce_default_activation_function": torch("Tanh")}}),
    (PLAIN, {MODEL: {"activation_fn": None}, CONFIG: {"sentence_transformers": {"activation_fn": None},
                                                     "sbert_ce_default_activation_function": torch("Tanh")}}),
    (PLAIN, {"modules.json": None, CONFIG: {"sentence_transformers": {"activation_fn": torch("Tanh")}}}),
    (PLAIN, {MODEL: {"model_type": "SentenceTransformer", "activation_fn": torch("Tanh")},
             CONFIG: {"sentence_transformers": {"activation_fn": "torch.nn.Identity"}}}),
    # Prompts.
    (PLAIN, {MODEL: {"prompts": {"query": "the plot: "}}}),
    (PLAIN, {MODEL: {"prompts": {"query": "the plot: ", "x": "no"}, "default_prompt_name": "query"}}),
    (PLAIN, {MODEL: {"prompts": {"query": ""}, "default_prompt_name": "query"}}),
    # The longest text.
    (PLAIN, {ENCODER: {"max_seq_length": 6}}),
    (PLAIN, {ENCODER: {"max_seq_length": 6, "processor_kwargs": {"model_max_length": 7}}}),
    (PLAIN, {ENCODER: {"max_seq_length": 6, "tokenizer_args": {"model_max_length": 8}}}),
    (PLAIN, {ENCODER: {"max_seq_length": 6, "processing_kwargs": {"text": {"max_length": 9}}}}),
    (PLAIN, {"tokenizer_config.json": {"model_max_length": 6}}),
    (PLAIN, {"tokenizer_config.json": {"model_max_length": 6}, ENCODER: {"max_seq_length": 9}}),
    (PLAIN, {"modules.json": None, MODEL: {"activation_fn": None}, ENCODER: {"max_seq_length": 6}}),
    # Modules.
    (MODULAR, {}),
    (MODULAR, {POOLING: {"pooling_mode": "mean"}}),
    (MODULAR, {POOLING: {"pooling_mode": ABSENT, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}}),
    (MODULAR, {POOLING: {"pooling_mode": ["cls"]}}),
    *[(MODULAR, {DENSE: {"activation_function": name}}) for name in
      [torch("ReLU"), torch("Tanh"), torch("SiLU"), torch("Mish"), torch("LeakyReLU"), "torch.nn.Identity", ABSENT]],
    (MODULAR, {MODEL: {"activation_fn": "torch.nn.Identity"}}),
    (MODULAR, {MODEL: {"activation_fn": None}}),
    (MODULAR, {"modules.json": [module(0, "", "Transformer"), module(1, "1_Pooling", "Pooling"), module(2, "4_Dense", "Dense")]}),
    (MODULAR, {"modules.json": [module(0, "", "Transformer"), module(1, "1_Pooling", "Pooling"), module(2, "2_Dense", "Dense"),
                                module(3, "4_Dense", "Dense")]}),
    (MODULAR, {MODEL: {"prompts": {"query": "the plot: "}, "default_prompt_name": "query"}}),
    (MODULAR, {ENCODER: {"max_seq_length": 6}}),
]

# What is refused, with words that name it.
REFUSED = [
    (PLAIN, {MODEL: {"activation_fn": torch("ReLU")}}, [MODEL, "ReLU", "Options::scoring"]),
    (PLAIN, {MODEL: {"activation_fn": "mine.Activation"}}, [MODEL, "mine.Activation", "Options::scoring"]),
    (PLAIN, {MODEL: {"default_prompt_name": "query"}}, [MODEL, "default_prompt_name", "query"]),
    (PLAIN, {ENCODER: {"do_lower_case": True}}, [ENCODER, "do_lower_case"]),
    (PLAIN, {ENCODER: {"processing_kwargs": {"text": {"add_special_tokens": False}}}}, [ENCODER, "add_special_tokens"]),
    (MODULAR, {POOLING: {"pooling_mode": "max"}}, ["modules.json", "1_Pooling", "max"]),
    (MODULAR, {DENSE: {"activation_function": torch("Softplus")}}, ["modules.json", "2_Dense", "Softplus"]),
    (MODULAR, {DENSE: {"use_residual": True}}, ["modules.json", "2_Dense", "residual"]),
    (MODULAR, {LAST: {"activation_function": torch("Tanh")}}, ["modules.json", "4_Dense"]),
    (MODULAR, {DENSE: {"in_features": 9}}, ["modules.json", "in_features"]),
    (MODULAR, {"modules.json": [module(0, "", "Transformer"), module(1, "1_Pooling", "Pooling"), module(2, "2_Normalize", "Normalize"),
                                module(3, "4_Dense", "Dense")]}, ["modules.json", "2_Normalize"]),
    (MODULAR, {"modules.json": [module(0, "", "Transformer"), module(1, "1_Pooling", "Pooling"), module(2, "../2_Dense", "Dense")]},
     ["modules.json", "../2_Dense"]),
]


def change(folder, changes):
    for name, fields in changes.items():
        path = folder / name
        if fields is None:
            path.unlink()
        elif isinstance(fields, list):
            path.write_text(json.dumps(fields))
        else:
            value = json.loads(path.read_text())
            for field, new in fields.items():
                value.pop(field, None) if new == ABSENT else value.update({field: new})
            path.write_text(json.dumps(value))


def main():
    rows = []
    for case, changes in CASES:
        with tempfile.TemporaryDirectory() as place:
            folder = pathlib.Path(place) / "model"
            shutil.copytree(ROOT / "reports" / case, folder)
            change(folder, changes)
            scores = CrossEncoder(str(folder), device="cpu").predict(PAIRS)
        scores = [round(float(score), 6) for score in scores]
        print(case, json.dumps(changes), scores)
        rows.append({"folder": f"reports/{case}", "changes": changes, "scores": scores})
    rows += [{"folder": f"reports/{case}", "changes": changes, "refused": words} for case, changes, words in REFUSED]
    table = ",\n  ".join(json.dumps(row) for row in rows)
    (ROOT / "cross_encoders.json").write_text(f'{{"pairs": {json.dumps(PAIRS)}, "cases": [\n  {table}\n]}}\n')


main()
