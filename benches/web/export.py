"""A checkpoint as ONNX in the layout that transformers.js reads: export.py CHECKPOINT FOLDER."""
import pathlib, shutil, sys

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

source, folder = map(pathlib.Path, sys.argv[1:3])
model = AutoModelForSequenceClassification.from_pretrained(source, dtype=torch.float32, attn_implementation="eager").eval()
inputs = AutoTokenizer.from_pretrained(source)(["It was good.", "It was not so good."], return_tensors="pt", padding=True)
names = ["input_ids", "attention_mask", "token_type_ids"]


class Logits(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.model = model

    def forward(self, *values):
        return self.model(**dict(zip(names, values))).logits


(folder / "onnx").mkdir(parents=True, exist_ok=True)
axes = {**{name: {0: "batch", 1: "tokens"} for name in names}, "logits": {0: "batch"}}
torch.onnx.export(Logits(), tuple(inputs[name] for name in names), str(folder / "onnx/model.onnx"), input_names=names,
                  output_names=["logits"], dynamic_axes=axes, opset_version=17, dynamo=False)
for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
    shutil.copy(source / name, folder / name)
