#!/usr/bin/env python3
"""Runs a wgbert binary on random tiny checkpoints beside transformers.

    python differential.py BINARY FIRST COUNT [--keep DIR] [--jobs N] [--adapter NAME]
    python differential.py BINARY FIRST COUNT --list
    python differential.py --self-test [BINARY FIRST COUNT]

Needs: torch (CPU), transformers, tokenizers, safetensors, numpy.  No network.  `WGBERT_CACHE_DIR` is empty for the binary.

Case N is a checkpoint of one of the architectures that wgbert serves, saved by the installed transformers and then changed
as people's files differ (random_checkpoint.py, random_tokenizer.py), and a dozen texts and pairs.  Its number and the version
of transformers determine it, whatever runs before it and wherever.  The version decides which transformers is meant: 5.x
judges files that say they are of 5.x, 4.57 those that do not, so that one run has only files that its own version judges.

The right answer is that of transformers with eager attention in float64, each text alone, without padding, cut to what the
tokenizer and the positions allow, scored as its text-classification pipeline does, or with the entities of its token-classification pipeline where
the class is one of that.  Of a case everything that `classify -f json` says is compared.  A logit may be off by TOLERANCE of the largest in its row (or of 1), or by FLOOR times what
transformers itself loses in float32 in the worst of the case's rows, where that is more.

Verdicts:
    equal     every row is.
    refused   exit 2 with a message that a line of REASONS knows, which stand in the README too; or transformers refuses, too.
    skipped   transformers answers differently from load to load (it fills what is absent with random numbers; then wgbert must
              refuse), or crashes where wgbert has a rule that is written down (LENIENT).
    FAILED    anything else: a wrong answer, a refusal of what transformers answers, an answer where it refuses.

The last lines are the counts, what was refused and why, and one line for each failed case: its number, what was drawn, what
was wrong.  `differential.py BINARY N 1 --keep DIR` runs case N again, and leaves its folder, rows.jsonl and the command in
DIR.  The exit code is 1 if a case failed.
"""
import argparse, collections, contextlib, copy, inspect, json, math, multiprocessing, os, pathlib, re, shutil, subprocess, sys, tempfile, time, types

os.environ.update(TOKENIZERS_PARALLELISM="false", HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="critical", TRANSFORMERS_NO_ADVISORY_WARNINGS="1")
import warnings

warnings.filterwarnings("ignore")
import numpy as np
import torch
import torch.nn.functional as F
import transformers as tr

import random_checkpoint
from safetensors.torch import load_file, save_file

tr.utils.logging.disable_progress_bar()
TOLERANCE = 2e-5
# Another order of summation may lose several times as much in one row as PyTorch's does.
FLOOR = 8.0

# What wgbert computes, and so may not refuse.
COMPUTED = {
    "activations": "gelu|gelu_10|hardswish|laplace|gelu_python|gelu_new|gelu_pytorch_tanh|gelu_python_tanh|gelu_fast|gelu_accurate|quick_gelu|relu|relu2|relu6|leaky_relu|silu|"
                   "swish|mish|tanh|sigmoid|linear",
    "rotary": "default|linear|dynamic|yarn",
    "positions": "absolute|relative_key|relative_key_query",
    "tokenizers": "(Bert|DistilBert|Electra|MobileBert|MPNet|Roberta|XLMRoberta|Camembert|Albert|DebertaV2|Herbert)Tokenizer(Fast)?|"
                  "PreTrainedTokenizerFast|TokenizersBackend",
}


# Of token classification a class that no architecture has.
OTHER_TASKS = ("TokenClassification", "QuestionAnswering", "MultipleChoice", "NextSentencePrediction", "CausalLM", "LMHead",
               "ConditionalGeneration", "ImageClassification")


def other_than(computed):
    return r'"?(?!(?:' + COMPUTED[computed] + r')\b)\w+"?'


# What wgbert does not compute, and says so. Each is a sentence of the README.
REASONS = [
    ("a tokenizer's class with rules of its own", f"tokenizer class {other_than('tokenizers')} .*is not (supported|read from)"),
    ("a tokenizer that is code of the model's own", "code of the model's own"),
    ("an activation with parameters of its own", f"(hidden_act|activation|hidden_activation|_act) {other_than('activations')} is not supported"),
    ("a class of another task", r"architecture \w*(%s)\w* is not supported" % "|".join(OTHER_TASKS)),
    ("causal attention", "is_decoder: true .*is not supported"),
    ("other rotary positions", f"rope_type {other_than('rotary')} is not supported"),
    ("other positions", f"position_embedding_type {other_than('positions')} is not supported"),
    ("heads that were cut out", "pruned_heads"),
    ("a special token that the class needs and the vocabulary lacks", r"the special token .* is not in the vocabulary|needs a \w+_token"),
]
# Where transformers crashes and wgbert has a rule: what the exception, or what was drawn, says, and the rule.
LENIENT = [
    (r"StrictDataclassFieldValidationError.*expected (float|int), got|'float' object cannot be interpreted as an integer|found element of type float",
     "a number's JSON type is not looked at"),
    (r"`problem_type` was not understood: received  but", "an empty problem_type counts as absent"),
    (r'`problem_type="single_label_classification"` requires `num_labels > 1`', "one right label of one is answered as 4.57 does"),
    (r"Padding_idx must be within", "the padding's id is for training, and need not be in a table"),
    (r"drawn: .*config \w+ null", "a field that is null counts as absent"),
]


class Refused(Exception):
    """transformers does not answer."""


@contextlib.contextmanager
def float64():
    """A float64 run loses no digits where the library casts "up" to float32."""
    softmax, to_float = F.softmax, torch.Tensor.float
    F.softmax = lambda x, dim=None, _stacklevel=3, dtype=None: softmax(x, dim=dim, dtype=None if x.dtype == torch.float64 else dtype)
    torch.Tensor.float = lambda self, *a, **k: self.double()
    try:
        yield
    finally:
        F.softmax, torch.Tensor.float = softmax, to_float


# -------------------------------------------------------------------------------------------------- transformers' answer


class Reference:
    """A checkpoint as transformers loads it."""

    def __init__(self, folder, seed=0, aggregation=None):
        torch.manual_seed(seed)
        self.aggregation = aggregation
        auto = tr.AutoModelForTokenClassification if aggregation else tr.AutoModelForSequenceClassification
        try:
            self.tokenizer = tr.AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
            self.model, info = auto.from_pretrained(
                folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
        except Exception as error:
            raise Refused(f"{type(error).__name__}: {error}") from error
        self.random = sorted(info["missing_keys"])
        self.model.eval()
        self.exact = copy.deepcopy(self.model).double()
        self.problem = self.model.config.problem_type
        if aggregation:
            try:
                self.exact.config.id2label = {i: name(label) for i, label in self.exact.config.id2label.items()}
                self.pipeline = tr.TokenClassificationPipeline(
                    model=self.exact, tokenizer=self.tokenizer, aggregation_strategy=aggregation, device=torch.device("cpu"))
            except Exception as error:
                raise Refused(f"{type(error).__name__}: {error}") from error
        self.inputs = inspect.signature(self.model.forward).parameters

    def limit(self):
        """The longest text in tokens."""
        config = self.model.config
        positions = int(config.max_position_embeddings)
        if config.model_type in ("roberta", "xlm-roberta", "camembert"):
            positions -= (config.pad_token_id or 0) + 1
        if config.model_type == "mpnet":
            positions -= 2
        return min(positions, self.tokenizer.model_max_length)

    def forward(self, model, inputs, label=None):
        # The loss remembers the problem type that it guessed, and dynamic rotary positions the longest text.
        model.config.problem_type = self.problem
        if "dynamic" in json.dumps(getattr(model.config, "rope_parameters", None) or getattr(model.config, "rope_scaling", None) or ""):
            model = copy.deepcopy(model)
        with torch.no_grad():
            out = model(**inputs, **({} if label is None else {"labels": label}), return_dict=True)
        model.config.problem_type = self.problem
        return out

    def entities(self, row):
        """The entities of one row, and whether they stay the same where logits differ in their last digits."""
        if row.get("text_pair") or "text_pair" in row and not self.tokenizer.is_fast:
            raise ValueError("the pipeline takes single texts")
        text, fast = row["text"], self.tokenizer.is_fast
        whole = self.tokenizer(text)
        cut = self.tokenizer(text, truncation=True, max_length=self.limit(), return_special_tokens_mask=True, return_offsets_mapping=fast)
        inputs = self.as_inputs(cut)
        rough = self.forward(self.model, inputs).logits[0].double()
        with float64():
            logits = self.forward(self.exact, inputs).logits[0]
        floor = float((rough - logits).abs().max())
        def entities(logits):
            outputs = {"logits": logits[None], "sentence": text, "input_ids": torch.tensor([cut["input_ids"]]),
                       "offset_mapping": torch.tensor([cut["offset_mapping"]]) if fast else None,
                       "special_tokens_mask": torch.tensor([cut["special_tokens_mask"]])}
            found = self.pipeline.postprocess([outputs], aggregation_strategy=self.pipeline._postprocess_params["aggregation_strategy"])
            return [{k: float(v) if k == "score" else int(v) if hasattr(v, "item") else v for k, v in one.items()} for one in found]
        right = entities(logits)
        noise = 2 * allowance(logits.flatten().tolist(), floor)
        generator = torch.Generator().manual_seed(1)
        nudged = [entities(logits + noise * torch.randn(logits.shape, generator=generator)) for _ in range(4)]
        clear = all(list(map(unscored, other)) == list(map(unscored, right)) for other in nudged)
        return {"entities": right, "clear": clear, "logits": logits.flatten().tolist(), "floor": floor, "tokens": len(cut["input_ids"]),
                "truncated": len(whole["input_ids"]) > len(cut["input_ids"])}

    def as_inputs(self, cut):
        inputs = {name: torch.tensor([values]) for name, values in cut.items() if name in self.inputs}
        # A tokenizer may say type 1 where the table has one row, and transformers reads past it.
        if "token_type_ids" in inputs and getattr(self.model.config, "type_vocab_size", 2) <= 1:
            inputs["token_type_ids"] *= 0
        return {n: v.long() if v.numel() == 0 else v for n, v in inputs.items()}

    def row(self, row):
        """One row's answer, in wgbert's words."""
        if self.aggregation:
            return self.entities(row)
        texts = [row["text"]] + ([row["text_pair"]] if "text_pair" in row else [])
        whole = self.tokenizer(*texts)
        cut = self.tokenizer(*texts, truncation=True, max_length=self.limit())
        inputs = self.as_inputs(cut)
        rough = self.forward(self.model, inputs)
        label, loss = row.get("label"), None
        with float64():
            exact = self.forward(self.exact, inputs)
            if label is not None:
                # Of one label, the multi-label loss compares matrices, the others vectors.
                target = torch.tensor([[label]] if self.problem == "multi_label_classification" and not isinstance(label, list) else [label])
                target = target.double() if target.is_floating_point() else target
                loss = self.forward(self.exact, inputs, target).loss
                loss = None if loss is None else float(loss)
        logits = exact.logits[0]
        pipeline = types.SimpleNamespace(model=self.model, framework="pt")
        score = lambda **k: tr.TextClassificationPipeline.postprocess(pipeline, {"logits": exact.logits}, **k)
        return {"logits": logits.tolist(), "floor": float((rough.logits[0].double() - logits).abs().max()), "label": name(score()["label"]),
                "scores": [entry["score"] for entry in score(top_k=None)], "tokens": len(cut["input_ids"]),
                "labels": [name(self.model.config.id2label[i]) for i in range(len(logits))],
                "truncated": len(whole["input_ids"]) > len(cut["input_ids"]), "loss": loss}

    def rows(self, rows):
        answers = [self.attempt(row) for row in rows]
        floor = max((answer["floor"] for answer in answers if "error" not in answer), default=0.0)
        return [{**answer, "floor": floor} for answer in answers]

    def attempt(self, row):
        try:
            return self.row(row)
        except Exception as error:
            return {"error": f"{type(error).__name__}: {error}"}


def allowance(right, floor):
    """What a logit may be off by."""
    return max(TOLERANCE * max(1.0, max(map(abs, right))), FLOOR * floor)


def unscored(entity):
    return {k: v for k, v in entity.items() if k != "score"}


def name(label):
    """A label as text; one that is null, a number or true as JSON has it."""
    return label if isinstance(label, str) else json.dumps(label)


def reference(case):
    """What transformers answers to the rows of a case, and whether it would answer so again; or Refused."""
    folder = case.folder
    with tempfile.TemporaryDirectory() as twin:
        if case.plain is not None:
            shutil.copytree(folder, twin, dirs_exist_ok=True)
            for name, data in case.plain.items():
                pathlib.Path(twin, name).write_bytes(data)
            folder = twin
        first = Reference(folder, aggregation=case.aggregation)
        rows = first.rows(case.rows)
        same = not first.random or close(rows, Reference(folder, 1, case.aggregation).rows(case.rows))
    return rows, same, first.random


def close(rows, again):
    return all("logits" in a and "logits" in b and max(map(abs, np.subtract(a["logits"], b["logits"]))) < 1e-9 for a, b in zip(rows, again))


# ------------------------------------------------------------------------------------------------------- wgbert's answer


class Run:
    """What the binary said: exit code, rows by index, standard error."""

    def __init__(self, code, rows, stderr):
        self.code, self.rows, self.stderr = code, rows, stderr


def command(binary, case, adapter):
    line = [binary, "classify", "-m", str(case.folder), "--input-format", "jsonl", "-i", str(case.folder / "rows.jsonl"), "-q", "-f", "json"]
    line += ["--aggregation", case.aggregation] if case.aggregation else []
    return line + (["--adapter", adapter] if adapter else [])


def run(binary, case, adapter):
    (case.folder / "rows.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in case.rows), encoding="utf-8")
    done = subprocess.run(command(binary, case, adapter), env={**os.environ, "WGBERT_CACHE_DIR": "", "WGBERT_SELF_CHECK": "never"}, capture_output=True, timeout=300)
    # Nothing where the model is refused.
    document = json.loads(done.stdout) if done.stdout.strip() else {"results": [], "labels": []}
    return Run(done.returncode, {row["index"]: answer(row, document["labels"]) for row in document["results"]}, done.stderr.decode())


def answer(row, labels):
    """A row without the input's columns, and with what it has alone."""
    prefix = "predicted_"
    named = {name[len(prefix):]: value for name, value in row.items() if name.startswith(prefix)}
    found = {**row, **named, "labels": labels}
    return {name: value for name, value in found.items() if value is not None or name not in ("error", "loss")}


# ------------------------------------------------------------------------------------------------------------ comparison


def wrong(expected, found):
    """What is wrong in one row, or None."""
    if found is None:
        return "row", "no answer and no error"
    if "error" in expected and "error" in found:
        return None
    if "error" in found:
        return "row refused", found["error"]
    if "error" in expected:
        # As in LENIENT: a number's JSON type is not looked at.
        if re.search("non-int of type 'float'|found element of type float", expected["error"]):
            return None
        return "row answered", f"transformers: {expected['error'][:120]}"
    if found["tokens"] != expected["tokens"] or found["truncated"] != expected["truncated"]:
        return "tokens", f"{found['tokens']}{' cut' * found['truncated']}, not {expected['tokens']}{' cut' * expected['truncated']}"
    if "entities" in expected:
        return wrong_entities(expected, found)
    right, logits = expected["logits"], found["logits"]
    if len(right) != len(logits):
        return "logits", f"{len(logits)} of them, not {len(right)}"
    allowed = allowance(right, expected["floor"])
    error = max(abs(a - b) if b is not None and math.isfinite(b) else math.inf for a, b in zip(right, logits))
    if not error <= allowed:
        show = lambda values: "[" + ", ".join("null" if v is None else f"{v:.6g}" for v in values) + "]"
        return "logits", f"off by {error:.2g}: {show(logits)}, not {show(right)}"
    if found["labels"] != expected["labels"]:
        return "labels", f"{found['labels']}, not {expected['labels']}"
    best = sorted(right)[::-1]
    clear = len(best) == 1 or best[0] - best[1] > 2 * allowed
    if clear and (found["argmax"] != right.index(best[0]) or found["label"] != expected["label"]):
        return "label", f"{found['argmax']} {found['label']!r}, not {right.index(best[0])} {expected['label']!r}"
    scores = found["probabilities"] if found["probabilities"] is not None else logits
    error = max(abs(a - b) for a, b in zip(expected["scores"], scores))
    if not error <= allowed or clear and found["score"] is not None and abs(found["score"] - max(expected["scores"])) > allowed:
        return "scores", f"{scores} {found['score']}, not {expected['scores']}"
    if expected["loss"] is not None:
        loss = found.get("loss")
        if loss is None or not abs(loss - expected["loss"]) <= 8 * allowed * max(1.0, abs(expected["loss"])):
            return "loss", f"{loss}, not {expected['loss']:.7g}"
    return None


def wrong_entities(expected, found):
    """What is wrong in the entities of a row, or None."""
    right, entities = expected["entities"], found["entities"]
    if not expected["clear"]:
        return None
    if list(map(unscored, entities)) != list(map(unscored, right)):
        different = [(a, b) for a, b in zip(entities, right) if unscored(a) != unscored(b)]
        return "entities", f"{len(entities)} of {len(right)}, {different[:1]}"
    error = max((abs(a["score"] - b["score"]) for a, b in zip(entities, right)), default=0.0)
    return ("scores", f"off by {error:.2g}") if not error <= allowance(expected["logits"], expected["floor"]) else None


def reason(message):
    """Why wgbert may refuse."""
    return next((name for name, pattern in REASONS if re.search(pattern, message, re.DOTALL)), None)


def refusal(stderr):
    lines = [line for line in stderr.splitlines() if not line.startswith(("warning", "error: XDG"))]
    return " ".join(lines).strip()


def judge(case, run, answer):
    """(verdict, kind, words): `answer` is what `reference` gave, or Refused."""
    message = refusal(run.stderr)
    if run.code not in (0, 2, 3):
        return "FAILED", "crash", f"exit {run.code}: {run.stderr[-300:]}"
    if run.code == 2 and not re.search(r"\w+: ", message):
        return "FAILED", "refused", f"without a reason: {message}"
    if isinstance(answer, Refused):
        if run.code == 2:
            return "refused", "transformers refuses too", message
        told = f"{answer} drawn: {'; '.join(case.notes)}"
        rule = next((rule for pattern, rule in LENIENT if re.search(pattern, told, re.DOTALL)), None)
        if rule:
            return "skipped", rule, str(answer)
        return "FAILED", "answered", f"transformers refuses: {str(answer)[:300]}"
    rows, same, missing = answer
    if run.code == 2 and reason(message):
        return "refused", reason(message), message
    if not same:
        if run.code == 2:
            return "skipped", "transformers fills in random weights", message
        return "FAILED", "answered", f"transformers fills {missing[:3]} with random numbers"
    if run.code == 2:
        if all("error" in row for row in rows):
            return "refused", "transformers refuses every row", message
        return "FAILED", "refused", message
    for i, expected in enumerate(rows):
        fault = wrong(expected, run.rows.get(i))
        if fault:
            return "FAILED", fault[0], f"row {i} {json.dumps(case.rows[i], ensure_ascii=False)[:160]}: {fault[1]}"
    return "equal", "", ""


def verdict(binary, number, folder, adapter, spoil=None):
    case = random_checkpoint.make(number, folder)
    try:
        answer = reference(case)
    except Refused as error:
        answer = error
    if spoil:
        spoil(case)
    result = judge(case, run(binary, case, adapter), answer)
    return (number, *result, "; ".join(case.notes)), case


# ------------------------------------------------------------------------------------------------------------------ main


def work(task):
    binary, number, keep, adapter = task
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(keep or scratch) / f"case-{number}"
        try:
            result, case = verdict(binary, number, folder, adapter)
            if keep:
                (folder / "command").write_text(" ".join(["WGBERT_CACHE_DIR=", "WGBERT_SELF_CHECK=never"] + command(binary, case, adapter)) + "\n")
                (folder / "verdict").write_text("\n".join(map(str, result)) + "\n")
            return result
        except Exception as error:
            # A case that cannot be made is a fault of this tool, and must not pass for one that was looked at.
            import traceback
            return number, "FAILED", "differential.py", traceback.format_exc()[-600:], f"{type(error).__name__}"


def self_test():
    """Every kind of fault must be found in an answer that is otherwise right."""
    right = {"logits": [1.0, 3.0, -2.0], "floor": 1e-7, "label": "b", "scores": [0.118, 0.876, 0.006], "tokens": 7, "truncated": False,
             "labels": ["a", "b", "c"], "loss": 0.5}
    right["scores"] = torch.tensor(right["logits"]).softmax(0).tolist()
    found = {"index": 0, "logits": right["logits"], "argmax": 1, "label": "b", "score": max(right["scores"]), "probabilities": right["scores"],
             "labels": ["a", "b", "c"], "tokens": 7, "truncated": False, "loss": 0.5}
    case = types.SimpleNamespace(rows=[{"text": "good"}], notes=[])
    answer = ([right], True, [])
    is_verdict = lambda want, got: got[0] == want or sys.exit(f"self-test: {got} is not {want}")
    says = lambda code, rows, stderr="": judge(case, Run(code, rows, stderr), answer)
    is_verdict("equal", says(0, {0: found}))
    faults = {"logits": [1.0, 3.0003, -2.0], "argmax": 0, "label": "a", "score": 0.5, "probabilities": [0.2, 0.7, 0.1], "tokens": 8, "truncated": True,
              "loss": 0.51, "labels": ["a", "b", "d"]}
    for name, value in faults.items():
        is_verdict("FAILED", says(0, {0: {**found, name: value}}))
    is_verdict("FAILED", says(0, {0: {**found, "logits": [None, 3.0, -2.0]}}))
    is_verdict("FAILED", says(0, {0: {**found, "loss": None}}))
    is_verdict("FAILED", says(0, {}))
    is_verdict("FAILED", says(3, {0: {"index": 0, "error": "it failed"}}))
    is_verdict("FAILED", says(2, {}, "error: x/config.json: something of no list"))
    is_verdict("FAILED", says(101, {}, "panicked"))
    is_verdict("FAILED", says(2, {}, ""))
    refused = lambda feature: says(2, {}, f"error: x/config.json: {feature} is not supported; supported are others")
    for feature in ("is_decoder: true (causal attention)", 'hidden_act "prelu"', 'rope_type "longrope"', "the tokenizer class T5Tokenizer (x)"):
        is_verdict("refused", refused(feature))
    for feature in ('hidden_act "gelu"', 'rope_type "yarn"', "the tokenizer class BertTokenizerFast (x)", 'position_embedding_type "relative_key"'):
        is_verdict("FAILED", refused(feature))
    is_verdict("FAILED", judge(case, Run(0, {0: found}, ""), Refused("ValueError: no")))
    is_verdict("FAILED", judge(case, Run(0, {0: found}, ""), ([right], False, ["classifier.weight"])))
    is_verdict("skipped", judge(case, Run(2, {}, "error: x: something"), ([right], False, ["classifier.weight"])))
    entity = {"entity_group": "PER", "score": 0.9, "word": "good", "start": 0, "end": 4}
    right = {"entities": [entity], "clear": True, "logits": right["logits"], "floor": 1e-7, "tokens": 3, "truncated": False}
    found = {"index": 0, "entities": [entity], "tokens": 3, "truncated": False}
    answer = ([right], True, [])
    is_verdict("equal", says(0, {0: found}))
    for name, value in {"entity_group": "LOC", "score": 0.91, "word": "Good", "start": 1, "end": 5}.items():
        is_verdict("FAILED", says(0, {0: {**found, "entities": [{**entity, name: value}]}}))
    is_verdict("FAILED", says(0, {0: {**found, "entities": []}}))
    is_verdict("FAILED", says(0, {0: {**found, "entities": [entity, entity]}}))
    print("self-test: each of the faults is found")


def spoil(case):
    """Moves the first bias of the head by 1e-3, for wgbert alone: all of them together change no softmax."""
    for path in case.folder.glob("*.safetensors"):
        tensors = load_file(path)
        for name, tensor in tensors.items():
            if name.endswith(("classifier.bias", "classifier.out_proj.bias")):
                tensor[0] += 1e-3
        save_file(tensors, path, metadata={"format": "pt"})


def spoiled(binary, first, count, adapter):
    for number in range(first, first + count):
        with tempfile.TemporaryDirectory() as scratch:
            before = verdict(binary, number, pathlib.Path(scratch) / "a", adapter)[0]
            after = verdict(binary, number, pathlib.Path(scratch) / "b", adapter, spoil)[0]
        print(f"{number}: {before[1]}, with a bias moved by 1e-3 {after[1]}")
        if before[1] == "equal" and after[1] != "FAILED":
            sys.exit(f"self-test: case {number} is not failed")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary", nargs="?", help="wgbert")
    parser.add_argument("first", nargs="?", type=int, help="number of the first case")
    parser.add_argument("count", nargs="?", type=int, help="how many cases")
    parser.add_argument("--keep", type=pathlib.Path, help="leave the cases' folders here")
    parser.add_argument("--jobs", type=int, default=2, help="cases at a time (2)")
    parser.add_argument("--adapter", help="wgbert's --adapter")
    parser.add_argument("--list", action="store_true", help="say what the cases are, and run nothing")
    parser.add_argument("--self-test", action="store_true", help="check that faults are found, in made-up answers and, with BINARY, in its")
    a = parser.parse_args()
    torch.set_num_threads(1)
    if a.self_test:
        self_test()
        return spoiled(a.binary, a.first or 0, a.count or 1, a.adapter) if a.binary else None
    if a.count is None:
        parser.error("BINARY, FIRST and COUNT are needed")
    numbers = range(a.first, a.first + a.count)
    if a.list:
        for number in numbers:
            with tempfile.TemporaryDirectory() as scratch:
                print(number, "; ".join(random_checkpoint.make(number, pathlib.Path(scratch) / "case").notes))
        return
    started, results = time.monotonic(), []
    tasks = [(os.path.abspath(a.binary), number, a.keep and a.keep.absolute(), a.adapter) for number in numbers]
    with multiprocessing.get_context("fork").Pool(a.jobs) as pool:
        for result in pool.imap_unordered(work, tasks):
            results.append(result)
            if result[1] == "FAILED":
                print(f"case {result[0]} FAILED, {result[2]}: {result[3]}\n    {result[4]}", file=sys.stderr, flush=True)
    report(results, time.monotonic() - started)
    sys.exit(any(result[1] == "FAILED" for result in results))


def report(results, seconds):
    results.sort()
    counts = collections.Counter(result[1] for result in results)
    kinds = lambda verdict: collections.Counter(result[2] for result in results if result[1] == verdict)
    for name in ("refused", "skipped", "FAILED"):
        for kind, count in kinds(name).most_common():
            print(f"{name:8} {count:5}  {kind}")
    for number, name, kind, words, notes in results:
        if name == "FAILED":
            print(f"case {number} FAILED, {kind}: {words} | {notes}".replace("\n", " "))
    print(f"transformers {tr.__version__}: {len(results)} cases in {seconds:.0f} s: " + ", ".join(
        f"{counts[name]} {name}" for name in ("equal", "refused", "skipped", "FAILED")))


if __name__ == "__main__":
    main()
