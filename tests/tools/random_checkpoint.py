"""Checkpoints as people have them, drawn by a random number generator; differential.py runs them.

`make` writes one: a tiny model that transformers' save_pretrained saved, a tokenizer (random_tokenizer.py), and a few of
`CHANGES` and of the tokenizer's, each a way in which files of the same model differ. Nothing here knows what the right
answer is, but for the prefixes that a wrapper adds to the tensors' names, which transformers does not take off again.
"""
import json, pathlib, random, shutil

import torch
import transformers as tr
from safetensors.torch import load_file, save_file

import golden
import random_tokenizer
from random_tokenizer import edit, put, read

FIVE = int(tr.__version__.split(".")[0]) >= 5
ARCHITECTURES = ["bert", "roberta", "xlm-roberta", "camembert", "distilbert", "electra", "albert", "mpnet", "deberta-v2", "modernbert"]
ROTARY = ["nomic_bert", "gte", "jina_embeddings_v3"]
# The attribute that holds the encoder.
BASE = {"deberta-v2": "deberta", "modernbert": "model", "xlm-roberta": "roberta", "camembert": "roberta",
        "jina_embeddings_v3": "roberta"}
# So many changes, so often.
HOW_MANY = [(0, 3), (1, 6), (2, 5), (3, 3), (5, 2), (8, 1)]
LABELS = ["negative", "neutral", "positive", "mixed", "none"]
# Of tokens.
ENTITIES = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "MISC", "LOC"]
AGGREGATIONS = ["none", "simple", "first", "average", "max"]


class Case:
    """A checkpoint under way: what was drawn so far, and what was done, in words."""

    def __init__(self, number, folder, five=FIVE):
        # Strings seed alike on every machine and in every order of the cases.
        self.number, self.folder, self.five = number, pathlib.Path(folder), five
        self.rng = random.Random(f"wgbert {number}")
        self.notes, self.tokens = [], []
        # From numbers of their own, so that what was drawn before there were any is drawn still.
        other = random.Random(f"wgbert {number}, tokens")
        self.of_tokens, self.aggregation = other.random() < 0.15, other.choice(AGGREGATIONS)
        # Where what transformers shall load differs from what wgbert shall load: with the tensors' plain names.
        self.plain = None

    def note(self, words):
        self.notes.append(words)

    def added(self, tokens):
        self.tokens.extend(tokens)


def make(number, folder):
    shutil.rmtree(folder, ignore_errors=True)
    case = Case(number, folder)
    case.folder.mkdir(parents=True)
    rng = case.rng
    case.model_type = rng.choice(ARCHITECTURES + ROTARY if FIVE else ARCHITECTURES)
    case.note(f"{case.model_type} of transformers {tr.__version__}")
    case.limit = rng.randint(9, 30)
    random_tokenizer.write(case)
    model(case)
    changes = CHANGES + random_tokenizer.CHANGES
    chances = [weight for weight, _ in changes]
    for _ in range(rng.choices(*zip(*HOW_MANY))[0]):
        words = rng.choices([function for _, function in changes], chances)[0](case)
        if words:
            case.note(words)
    if FIVE:
        mark(case)
    case.rows = random_tokenizer.rows(case)
    label(case)
    if classifies_tokens(case.folder):
        for row in case.rows:
            row.pop("label", None)
    else:
        case.aggregation = None
    return case


def classifies_tokens(folder):
    """Whether the class in config.json is one of token classification, and not the architecture's own of texts."""
    config = read(folder / "config.json")
    classes = config.get("architectures") or []
    classes = classes if isinstance(classes, list) else [classes]
    names = lambda task: getattr(tr.models.auto.modeling_auto, f"MODEL_FOR_{task}_CLASSIFICATION_MAPPING_NAMES")
    tokens = [names("TOKEN").get(kind) for kind in ARCHITECTURES + ROTARY]
    return names("SEQUENCE").get(config.get("model_type")) not in classes and any(name in tokens for name in classes if name)


def mark(case):
    """Files of transformers 5 are known by what they say; something must."""
    config, tokenizer = read(case.folder / "config.json"), read(case.folder / "tokenizer_config.json")
    if tokenizer.get("backend") == "tokenizers" or tokenizer.get("tokenizer_class") == "TokenizersBackend":
        return
    if not str(config.get("transformers_version", "")).startswith("5."):
        edit(case.folder / "config.json", lambda c: c.update(transformers_version=tr.__version__))
        case.note("marked as of transformers 5")


# ------------------------------------------------------------------------------------------------------------ models


def model(case):
    rng, kind = case.rng, case.model_type
    fields = sizes(case)
    fields["vocab_size"] = case.kind.size() + random_tokenizer.SPARE
    # Its default lies beyond a small vocabulary.
    if rng.random() < 0.85 or kind == "modernbert":
        fields["pad_token_id"] = case.kind.pad()
    labels(case, fields)
    auto = tr.AutoModelForSequenceClassification
    if case.of_tokens:
        case.labels = rng.choice([3, 5, 7])
        fields = {k: v for k, v in fields.items() if k not in ("num_labels", "problem_type")}
        fields.update(id2label=dict(enumerate(ENTITIES[:case.labels])), label2id={v: k for k, v in enumerate(ENTITIES[:case.labels])})
        auto = tr.AutoModelForTokenClassification
        case.note(f"{case.labels} labels of tokens")
    config = tr.AutoConfig.for_model(kind, **fields)
    network = auto.from_config(config, attn_implementation="eager")
    embeddings = rng.choice([None, None, 1.0, 0.02])
    # Harsh, but not so that every product amplifies what is rounded.
    spread = rng.choice([0.15, 0.25, 0.4]) * min(1.0, (32 / network.config.hidden_size) ** 0.5)
    golden.init_weights(network, spread, head_std=0.6, embed_std=embeddings, seed=case.number)
    if not FIVE and kind in ("bert", "roberta", "electra", "distilbert") and config.num_attention_heads > 1 and rng.random() < 0.04:
        network.prune_heads({0: [0]})
        case.note("a head cut out")
    if rng.random() < 0.15:
        network.save_pretrained(case.folder, max_shard_size=rng.choice(["3KB", "20KB"]))
        case.note("in shards")
    else:
        network.save_pretrained(case.folder)
    case.problem = config.problem_type
    (case.folder / "generation_config.json").unlink(missing_ok=True)


def sizes(case):
    rng, kind = case.rng, case.model_type
    heads, width = rng.choice([(2, 8), (2, 16), (4, 4), (4, 8), (1, 16)])
    hidden = heads * width
    activation = rng.choice(["gelu"] * 4 + ["gelu_new", "relu", "silu", "gelu_pytorch_tanh", "gelu_python", "gelu_fast", "swish"])
    positions = case.limit
    fields = dict(hidden_size=hidden, num_hidden_layers=rng.randint(1, 2), num_attention_heads=heads, intermediate_size=rng.choice([16, 40]),
                  hidden_act=activation, max_position_embeddings=positions, type_vocab_size=rng.choice([2, 2, 2, 1, 3]))
    if kind in ("roberta", "xlm-roberta", "camembert", "mpnet"):
        fields.update(max_position_embeddings=positions + 2, type_vocab_size=rng.choice([1, 1, 1, 2]))
    if kind in ("gte", "jina_embeddings_v3"):
        fields["type_vocab_size"] = rng.choice([1, 1, 1, 2])
    if kind != "modernbert":
        fields["layer_norm_eps"] = rng.choice([1e-12, 1e-5, 1e-5, 1e-7, 1e-2])
    if kind == "distilbert":
        fields = dict(dim=hidden, n_layers=fields["num_hidden_layers"], n_heads=heads, hidden_dim=fields["intermediate_size"],
                      activation=activation, max_position_embeddings=positions, sinusoidal_pos_embds=rng.random() < 0.2)
    if kind == "electra":
        fields["embedding_size"] = rng.choice([hidden, 8, 12])
    if kind == "albert":
        layers = rng.choice([1, 2, 3, 4])
        groups = rng.randint(1, min(layers, 2))
        # With more inner layers than a group has layers, 4.57 crashes.
        inner = rng.choice([1, 1, 1, 2]) if FIVE or layers >= 2 * groups else 1
        fields.update(embedding_size=rng.choice([8, 12, hidden]), num_hidden_layers=layers, num_hidden_groups=groups, inner_group_num=inner,
                      hidden_act=rng.choice(["gelu_new", "gelu_new", "gelu", "relu"]))
    if kind == "mpnet":
        del fields["type_vocab_size"]
        fields["relative_attention_num_buckets"] = rng.choice([32, 32, 32, 40])
    if kind == "deberta-v2":
        fields.update(relative_attention=rng.random() < 0.85, pos_att_type=rng.choice([["p2c", "c2p"], "p2c|c2p", ["c2p"], ["p2c"], "c2p", []]),
                      position_buckets=rng.choice([4, 8, 8, 16, -1, 256]), max_relative_positions=rng.choice([-1, -1, positions, 40]),
                      position_biased_input=rng.random() < 0.3, type_vocab_size=rng.choice([0, 0, 2]), share_att_key=rng.random() < 0.7,
                      norm_rel_ebd=rng.choice(["layer_norm", "layer_norm", "none"]), layer_norm_eps=1e-7)
        if rng.random() < 0.15:
            fields.update(conv_kernel_size=3, conv_act=rng.choice(["gelu", "tanh"]))
        if rng.random() < 0.15:
            fields["embedding_size"] = 8
    if kind == "modernbert":
        for name in ("hidden_act", "type_vocab_size"):
            del fields[name]
        fields.update(hidden_activation=activation, local_attention=rng.choice([2, 4, 8, 128]), norm_eps=rng.choice([1e-5, 1e-3]),
                      num_hidden_layers=rng.randint(1, 4), global_attn_every_n_layers=rng.choice([1, 2, 3]),
                      classifier_pooling=rng.choice(["cls", "mean"]), classifier_activation=rng.choice(["gelu", "gelu", "relu", "silu"]))
        for name in ("attention_bias", "mlp_bias", "norm_bias", "classifier_bias"):
            fields[name] = rng.random() < 0.15
        if not FIVE:
            fields.update(global_rope_theta=rng.choice([160000.0, 80000.0]), local_rope_theta=rng.choice([10000.0, 500.0]), reference_compile=False)
    if kind == "nomic_bert" and rng.random() < 0.7:
        fields["head_dim"] = width
    if rng.random() < 0.2 and kind in ("bert", "roberta", "xlm-roberta", "camembert", "electra", "albert") and not FIVE:
        fields["position_embedding_type"] = rng.choice(["relative_key", "relative_key_query"])
        case.note(fields["position_embedding_type"])
    if rng.random() < 0.25 and kind in ROTARY + ["modernbert"] and FIVE:
        rope = scaled(case)
        fields["rope_parameters"] = {"full_attention": rope, "sliding_attention": scaled(case)} if kind == "modernbert" else rope
        case.note(f"rope_parameters {json.dumps(fields['rope_parameters'])}")
    for name, usual in (("hidden_size", 768), ("num_attention_heads", 12), ("max_position_embeddings", 512)):
        if name == "num_attention_heads" and name in fields and rng.random() < 0.05:
            fields.update(num_attention_heads={"electra": 4, "albert": 64, "jina_embeddings_v3": 16, "deberta-v2": 24}.get(kind, 12))
            # transformers divides by the width less 2 where rotary positions are dynamic.
            fields["hidden_size"] = fields["num_attention_heads"] * (4 if kind in ROTARY + ["modernbert"] else 2)
            fields.pop("head_dim", None)
    return fields


def scaled(case):
    """Rotary positions as long-context variants have them."""
    rng = case.rng
    rope = {"rope_type": rng.choice(["default", "linear", "dynamic", "yarn"]), "rope_theta": rng.choice([1000.0, 10000.0, 160000.0])}
    if rope["rope_type"] != "default":
        rope["factor"] = rng.choice([2.0, 4.0, 1.5])
    if rope["rope_type"] == "yarn":
        rope["original_max_position_embeddings"] = max(4, case.limit // 2)
        for name, value in (("beta_fast", 16.0), ("beta_slow", 2.0), ("attention_factor", 1.2), ("mscale", 0.7), ("truncate", False)):
            if rng.random() < 0.2:
                rope[name] = value
    return rope


def labels(case, fields):
    rng = case.rng
    case.labels = rng.choice([1, 2, 2, 3, 3, 4])
    if rng.random() < 0.6:
        fields.update(id2label=dict(enumerate(LABELS[:case.labels])), label2id={n: i for i, n in enumerate(LABELS[:case.labels])})
    else:
        fields["num_labels"] = case.labels
    problem = rng.choice([None] * 5 + ["single_label_classification", "multi_label_classification", "regression"])
    # transformers 5 does not make a model of one right label of one.
    if problem and (case.labels > 1 or problem != "single_label_classification"):
        fields["problem_type"] = problem


def label(case):
    """What the rows should get, so that there is a loss."""
    rng = case.rng
    if rng.random() < 0.5:
        return
    config = read(case.folder / "config.json")
    problem, count = config.get("problem_type"), case.labels
    if problem == "single_label_classification" or not problem and count > 1 and rng.random() < 0.7:
        draw = lambda: rng.randrange(count)
    elif problem == "regression" or count == 1:
        draw = lambda: [round(rng.uniform(-2, 2), 3) for _ in range(count)]
    else:
        draw = lambda: [float(rng.random() < 0.5) for _ in range(count)]
    for row in case.rows:
        row["label"] = draw()
        if isinstance(row["label"], list) and count == 1:
            row["label"] = row["label"][0]
    case.note("with labels")


# ---------------------------------------------------------------------------------------------- changes to the config

CHANGES = []


def change(weight):
    def add(function):
        CHANGES.append((weight, function))
        return function
    return add


def set_config(case, **fields):
    edit(case.folder / "config.json", lambda c: [c.pop(k, None) if v is ... else c.update({k: v}) for k, v in fields.items()])
    return ", ".join(f"config {k} " + ("absent" if v is ... else json.dumps(v)) for k, v in fields.items())


# Fields whose absence would ask for tensors of other shapes; those that the default fits are drawn in `sizes`.
SIZES = {"vocab_size", "hidden_size", "dim", "num_hidden_layers", "n_layers", "intermediate_size", "hidden_dim", "embedding_size", "model_type",
         "pooler_hidden_size"}


def removable(case):
    held = read(case.folder / "config.json")
    # Those of DeBERTa's size a table, which is there even where nothing reads it.
    sizes = {name for name in ("position_buckets", "max_relative_positions") if held.get(name, -1) != -1}
    # Rotary positions need heads of even width.
    if case.model_type in ROTARY + ["modernbert"]:
        sizes |= {"num_attention_heads"} if held.get("num_attention_heads") not in (12, 16) else set()
    return sorted(set(held) - SIZES - sizes)


@change(6)
def absent(case):
    names = removable(case)
    names = case.rng.sample(names, min(len(names), case.rng.choice([1, 1, 2, 4])))
    return set_config(case, **{name: ... for name in names})


@change(2)
def null(case):
    # No layer can be made with a dropout of null.
    names = [n for n in removable(case) if "dropout" not in n]
    return set_config(case, **{case.rng.choice(names): None})


@change(2)
def version(case):
    if case.five:
        return set_config(case, transformers_version=case.rng.choice(["5.0.0", "5.1.0.dev0", "5.24.0", ..., "4.57.6"]))
    return set_config(case, transformers_version=case.rng.choice([..., "4.57.6", "4.6.0.dev0", "2.3.0", None]))


@change(3)
def architectures(case):
    stored = read(case.folder / "config.json").get("architectures") or ["X"]
    stem = stored[0].split("For")[0] if isinstance(stored, list) else "Bert"
    return set_config(case, architectures=case.rng.choice([
        ..., None, [], stored[0], [stem + "Model"], [stem + "ForMaskedLM"], [stem + "ForTokenClassification"], ["MyClassifier"],
        [stem + "ForMultiLabelSequenceClassification"], [stem + "ForSequenceClassification", "X"]]))


@change(4)
def label_names(case):
    names, rng = (ENTITIES if case.of_tokens else LABELS)[:case.labels], case.rng
    return rng.choice([
        lambda: set_config(case, id2label=..., label2id=..., num_labels=case.labels),
        lambda: set_config(case, id2label=..., num_labels=float(case.labels)),
        lambda: set_config(case, id2label=None, num_labels=case.labels),
        lambda: set_config(case, id2label={str(i): None for i in range(case.labels)}),
        lambda: set_config(case, id2label={str(i): i % 2 == 0 for i in range(case.labels)}),
        lambda: set_config(case, id2label={str(i): i for i in range(case.labels)}),
        lambda: set_config(case, id2label={str(i): float(i) for i in range(case.labels)}),
        lambda: set_config(case, id2label={str(i): (names + ["more"])[i] for i in range(case.labels + 1)}, num_labels=case.labels),
        lambda: set_config(case, id2label={str(case.labels - 1 - i): names[i] for i in range(case.labels)}),
        lambda: set_config(case, id2label={str(i): "same" for i in range(case.labels)}),
        lambda: set_config(case, label2id=rng.choice([..., None, {n: str(i) for i, n in enumerate(names)}, {}])),
        lambda: set_config(case, _num_labels=case.labels),
        lambda: set_config(case, id2label={str(i): "ü 東" + n for i, n in enumerate(names)}),
    ])()


@change(2)
def problem(case):
    return set_config(case, problem_type=case.rng.choice(["", None, ..., "single_label_classification", "multi_label_classification", "regression"]))


@change(2)
def not_finite(case):
    return set_config(case, **{case.rng.choice(["best_metric", "clip_range", "initializer_range", "summary_last_dropout"]):
                               case.rng.choice([float("nan"), float("inf"), [-float("inf"), 0.0]])})


@change(2)
def position_type(case):
    values = ["absolute", None, "absolute", "rotary"] if not case.five else ["absolute", None, "relative_key", "relative_key_query"]
    return set_config(case, position_embedding_type=case.rng.choice(values))


@change(4)
def rope(case):
    """Rotary positions in an older spelling, which overrides what was saved."""
    if case.model_type not in ROTARY + ["modernbert"]:
        return None
    rng, rope = case.rng, scaled(case)
    theta = rope.pop("rope_theta")
    if rng.random() < 0.4:
        rope["type"] = rope.pop("rope_type")
    if rng.random() < 0.2:
        rope["rope_theta"] = theta
    fields = {"rope_scaling": rng.choice([rope, rope, rope, None])}
    if case.model_type == "modernbert":
        fields.update(global_rope_theta=rng.choice([160000.0, 5000.0]), local_rope_theta=rng.choice([10000.0, 300.0, ...] + [None] * (not FIVE)))
    else:
        fields["rope_theta"] = rng.choice([theta, theta, ...])
    if rng.random() < 0.6:
        fields["rope_parameters"] = ...
    return set_config(case, **fields)


@change(2)
def rope_by_type(case):
    held = read(case.folder / "config.json").get("rope_parameters")
    if not isinstance(held, dict):
        return None
    def older(config):
        entries = [v for v in config["rope_parameters"].values() if isinstance(v, dict)] or [config["rope_parameters"]]
        for entry in entries:
            choice = case.rng.choice(["type", "theta", "both"])
            if choice != "theta" and "rope_type" in entry:
                entry["type"] = entry.pop("rope_type")
            if choice != "type":
                entry.pop("rope_theta", None)
    edit(case.folder / "config.json", older)
    return "rope_parameters " + json.dumps(read(case.folder / "config.json")["rope_parameters"])


@change(2)
def modernbert_layers(case):
    if case.model_type != "modernbert":
        return None
    layers = int(read(case.folder / "config.json").get("num_hidden_layers", 22))
    choices = [{"local_attention": -1}, {"local_attention": 3}, {"local_attention": 0}, {"global_attn_every_n_layers": 2}, {"head_pred_act": "relu"}]
    if case.five:
        choices += [{"layer_types": ..., "global_attn_every_n_layers": case.rng.choice([1, 2, 3])}, {"layer_types": None},
                    {"layer_types": [case.rng.choice(["full_attention", "sliding_attention"]) for _ in range(layers)]}]
    return set_config(case, **case.rng.choice(choices))


@change(2)
def dtype(case):
    return set_config(case, **{case.rng.choice(["dtype", "torch_dtype"]): case.rng.choice(["float32", "float16", "bfloat16", "float64", None])})


@change(2)
def padding(case):
    return set_config(case, pad_token_id=case.rng.choice([-1, None, ..., 0, 1]))


@change(2)
def activation(case):
    name = next((n for n in ("hidden_act", "activation", "hidden_activation") if n in read(case.folder / "config.json")), None)
    names = ["gelu_python_tanh", "gelu_accurate", "quick_gelu", "mish", "tanh", "relu6", "leaky_relu", "linear", "sigmoid", "relu2", "gelu_10", "elu"]
    return name and set_config(case, **{name: case.rng.choice(names)})


@change(3)
def harmless(case):
    fields = {"hidden_dropout_prob": 0.5, "attention_probs_dropout_prob": 0.3, "classifier_dropout": 0.9, "classifier_dropout_prob": 0.2,
              "use_cache": False, "output_hidden_states": True, "output_attentions": True, "return_dict": False, "function_to_apply": "none",
              "_name_or_path": "OWNER/NAME", "gradient_checkpointing": True, "finetuning_task": "mnli", "language": "english", "name": "Bert",
              "tie_word_embeddings": False, "torchscript": True, "model_max_length": 3, "max_length": 5, "custom": {"a": [1, None]},
              "directionality": "bidi", "pooler_type": "first_token_transform", "auto_map": {"AutoModel": "code.Model"}, "num_beams": 4,
              "attn_implementation": "sdpa", "summary_type": "last", "loss_function": "x",
              "layer_norm_epsilon": 0.5, "rotary_emb_base": 77, "scale_attn_by_inverse_layer_idx": True, "reference_compile": False,
              "train_batch_size": 8, "vocab_type": "x", "bos_token_id": 7, "eos_token_id": [1, 2], "cross_attention_hidden_size": None,
              "initializer_cutoff_factor": 1.0, "sinusoidal_pos_embds": True, "tf_legacy_loss": True, "ignored": [[]], "legacy": False}
    names = case.rng.sample(sorted(fields), case.rng.choice([1, 1, 3]))
    return set_config(case, **{name: fields[name] for name in names})


@change(1)
def not_an_encoder(case):
    # 4.57 cuts these heads out, which takes tensors without them: see `model`.
    pruned = {"pruned_heads": {"0": [0]} if case.five else {}}
    return set_config(case, **case.rng.choice([{"is_decoder": True}, pruned, {"is_decoder": False}, {"add_cross_attention": False}]))


@change(2)
def other_name(case):
    """A field under the name that transformers gives it too."""
    names = {"dim": "hidden_size", "n_layers": "num_hidden_layers", "n_heads": "num_attention_heads", "hidden_dim": "intermediate_size",
             "norm_eps": "layer_norm_eps", "hidden_activation": "hidden_act", "activation": "hidden_act", "pad_token_id": "padding_idx"}
    held = read(case.folder / "config.json")
    old = [name for name in names if name in held]
    if not old:
        return None
    old = case.rng.choice(old)
    return set_config(case, **{old: ..., names[old]: held[old]})


@change(1)
def number_as_float(case):
    held = read(case.folder / "config.json")
    names = [n for n in ("num_hidden_layers", "max_position_embeddings", "type_vocab_size", "layer_norm_eps") if n in held]
    name = case.rng.choice(names) if names else None
    if name == "layer_norm_eps":
        return set_config(case, layer_norm_eps=case.rng.choice([0, "1e-05", 1]))
    return name and set_config(case, **{name: float(held[name])})


# --------------------------------------------------------------------------------------------- changes to the weights


def rewrite(case, function, into=None):
    """The tensors of each file through `function`, which maps a dict of them to another."""
    for path in sorted(case.folder.glob("*.safetensors")):
        save_file({n: t.contiguous() for n, t in function(load_file(path)).items()}, path, metadata={"format": "pt"})
    index = case.folder / "model.safetensors.index.json"
    if index.exists():
        places = {name: path.name for path in sorted(case.folder.glob("*.safetensors")) for name in load_file(path)}
        edit(index, lambda i: i.update(weight_map=places))


@change(3)
def wrapped(case):
    prefix = case.rng.choice(["module.", "_orig_mod.", "model.", "_orig_mod.module.", "module._orig_mod."])
    if case.plain is not None or prefix == "model." and case.model_type == "modernbert":
        return None
    case.plain = plain(case)
    rewrite(case, lambda tensors: {prefix + n: t for n, t in tensors.items()})
    return f"tensors behind {prefix}"


def plain(case):
    return {path.name: path.read_bytes() for path in case.folder.glob("*.safetensors*")}


def named(case, function):
    """As `rewrite`, of names alone, and not where a wrapper's prefix was put before them: what is plain must stay plain."""
    if case.plain is not None:
        return False
    rewrite(case, lambda tensors: {function(n): t for n, t in tensors.items()})
    return True


@change(2)
def no_base_prefix(case):
    base = BASE.get(case.model_type, case.model_type) + "."
    before = plain(case)
    if not named(case, lambda n: n.removeprefix(base)):
        return None
    # 4.57 reads a bare encoder, but not one with a head; 5 does.
    case.plain = None if case.five else before
    return f"tensors without {base}"


@change(2)
def gamma(case):
    rename = lambda n: n.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
    return "LayerNorm.gamma" if named(case, rename) else None


@change(2)
def new_prefix(case):
    if case.model_type != "gte":
        return None
    return "tensors of new." if named(case, lambda n: "new." + n.removeprefix("gte.") if n.startswith("gte.") else n) else None


@change(4)
def stored_as(case):
    kinds = [torch.float16, torch.bfloat16, torch.float64]
    kind, mixed = case.rng.choice(kinds), case.rng.random() < 0.2
    # A wrapper's plain twin would have to be rounded too.
    if case.plain is not None:
        return None
    draw = random.Random(case.number)
    rewrite(case, lambda ts: {n: t.to(kind) if t.is_floating_point() and (not mixed or draw.random() < 0.5) else t for n, t in ts.items()})
    return f"stored as {kind}" + (" in part" if mixed else "")


@change(3)
def more_tensors(case):
    base = BASE.get(case.model_type, case.model_type) + "."
    more = case.rng.choice([
        {base + "embeddings.position_ids": torch.arange(case.limit)[None]},
        {"cls.predictions.bias": torch.zeros(8), "cls.seq_relationship.weight": torch.zeros(2, 8)},
        {base + "encoder.layer.0.attention.self.query.lora_A.default.weight": torch.ones(2, 8)},
        {"lm_head.weight": torch.ones(4, 4)}, {"loss_fct.weight": torch.ones(3)}, {"classifier.more": torch.ones(3)},
        {"dropout.mask": torch.ones(3, dtype=torch.uint8)}, {base + "embeddings.token_type_ids": torch.zeros(1, 9, dtype=torch.int64)},
        {"empty": torch.zeros(0, 4)}])
    if case.plain is not None:
        return None
    path = sorted(case.folder.glob("*.safetensors"))[0]
    save_file({**load_file(path), **more}, path, metadata={"format": "pt"})
    rewrite(case, lambda tensors: tensors)
    return f"more tensors: {', '.join(more)}"


@change(2)
def no_head(case):
    if case.plain is not None or case.rng.random() < 0.6:
        return None
    head = ("classifier", "pre_classifier", "head.", "pooler")
    rewrite(case, lambda tensors: {n: t for n, t in tensors.items() if not n.startswith(head)})
    return "no head"


@change(2)
def index(case):
    """A sharded checkpoint's index that says more, or twice, what the shards hold."""
    path = case.folder / "model.safetensors.index.json"
    shards = sorted(case.folder.glob("model-*.safetensors"))
    if case.plain is not None or len(shards) < 2:
        return None
    if case.rng.random() < 0.5:
        edit(path, lambda i: i["weight_map"].update({"cls.unused.weight": shards[0].name}))
        return "an index that lists an absent tensor"
    name, tensor = next(iter(load_file(shards[0]).items()))
    save_file({**load_file(shards[1]), name: tensor}, shards[1], metadata={"format": "pt"})
    return "a tensor in two shards"


@change(1)
def row_of_nan(case):
    """In a row of words that nothing uses: the last of the spare ones."""
    if case.plain is not None:
        return None
    def spoil(tensors):
        for name, tensor in tensors.items():
            if name.endswith(("word_embeddings.weight", "tok_embeddings.weight")):
                tensor[-1] = float("nan")
        return tensors
    rewrite(case, spoil)
    return "a row of NaN"


@change(1)
def no_metadata(case):
    for path in case.folder.glob("*.safetensors"):
        save_file(load_file(path), path)
    return "no metadata in the weights"


@change(1)
def other_files(case):
    name = case.rng.choice(["pytorch_model.bin", "README.md", "tf_model.h5", "training_args.bin", "model.onnx"])
    (case.folder / name).write_bytes(b"not read")
    return f"{name} beside it"
