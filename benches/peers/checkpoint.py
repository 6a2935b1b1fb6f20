"""Checkpoints of BertForSequenceClassification with generated weights, which every engine loads."""

import json
import math
import random
import struct
import sys
from array import array

from workloads import VOCABULARY

SIZES = {  # layers, hidden, heads: those of src/bench/generated.rs
    "tiny": (2, 128, 2),
    "minilm": (6, 384, 12),
    "bert-base": (12, 768, 12),
    "bert-large": (24, 1024, 16),
}
POSITIONS = 512
# How many numbers there are before they repeat: a prime, so that no two rows of a matrix are alike.
PERIOD = 1048573


def config(layers, hidden, heads):
    return {
        "architectures": ["BertForSequenceClassification"],
        "model_type": "bert",
        "num_labels": 2,
        "vocab_size": VOCABULARY,
        "max_position_embeddings": POSITIONS,
        "type_vocab_size": 2,
        "num_hidden_layers": layers,
        "hidden_size": hidden,
        "num_attention_heads": heads,
        "intermediate_size": 4 * hidden,
        "hidden_act": "gelu",
        "layer_norm_eps": 1e-12,
        "pad_token_id": 0,
    }


def tensors(layers, hidden, labels):
    """Names, as transformers writes them, and shapes."""

    def linear(name, inner, columns):
        yield f"{name}.weight", (columns, inner)
        yield f"{name}.bias", (columns,)

    def norm(name):
        yield f"{name}.weight", (hidden,)
        yield f"{name}.bias", (hidden,)

    for table, rows in ("word", VOCABULARY), ("position", POSITIONS), ("token_type", 2):
        yield f"bert.embeddings.{table}_embeddings.weight", (rows, hidden)
    yield from norm("bert.embeddings.LayerNorm")
    for layer in range(layers):
        prefix = f"bert.encoder.layer.{layer}"
        for part in "self.query", "self.key", "self.value", "output.dense":
            yield from linear(f"{prefix}.attention.{part}", hidden, hidden)
        yield from norm(f"{prefix}.attention.output.LayerNorm")
        yield from linear(f"{prefix}.intermediate.dense", hidden, 4 * hidden)
        yield from linear(f"{prefix}.output.dense", 4 * hidden, hidden)
        yield from norm(f"{prefix}.output.LayerNorm")
    yield from linear("bert.pooler.dense", hidden, hidden)
    yield from linear("classifier", hidden, labels)


def write(folder, size, labels=2):
    """A folder as `save_pretrained` writes it; complete if it has its config.json, which comes last.

    The tokenizer knows the ids by the words w0, w1 and so on, so that a text can be given to what takes texts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    layers, hidden, heads = SIZES[size]
    # transformers loads no file that does not say for which framework it is.
    header, end = {"__metadata__": {"format": "pt"}}, 0
    for name, shape in tensors(layers, hidden, labels):
        start, end = end, end + 4 * math.prod(shape)
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}
    with open(folder / "model.safetensors", "wb") as file:
        text = json.dumps(header).encode()
        text += b" " * (-len(text) % 8)
        file.write(struct.pack("<Q", len(text)) + text)
        numbers = Numbers()
        for name, shape in tensors(layers, hidden, labels):
            numbers.write(file, kind(name), math.prod(shape))

    vocabulary = {f"w{id}": id for id in range(VOCABULARY)}
    tokenizer = {
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "w0"},
    }
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    # Else a BERT's would be that of its class, which needs what this one lacks.
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"}))
    (folder / "config.json").write_text(json.dumps(config(layers, hidden, heads), indent=2))


def kind(name):
    """Mean and deviation: what trained weights have, so that the logits of different texts differ."""
    if name.endswith("LayerNorm.weight"):
        return 1.0, 0.1
    return 0.0, 0.05 if name.endswith(".bias") or name.startswith("classifier") else 0.04


class Numbers:
    """Normally distributed, little-endian f32."""

    def __init__(self):
        generator = random.Random(1)
        self.normal = [generator.gauss(0.0, 1.0) for _ in range(PERIOD)]
        self.scaled = {}
        self.position = 0

    def write(self, file, kind, count):
        if kind not in self.scaled:
            mean, deviation = kind
            values = array("f", (mean + deviation * number for number in self.normal))
            if sys.byteorder == "big":
                values.byteswap()
            self.scaled[kind] = memoryview(values)
        while count:
            chunk = self.scaled[kind][self.position : self.position + count]
            file.write(chunk)
            count -= len(chunk)
            self.position = (self.position + len(chunk)) % PERIOD
