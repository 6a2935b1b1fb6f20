"""PyTorch or ONNX Runtime as an engine of `run`; burn/src/main.rs is another.

    python worker.py ENGINE FOLDER

First a line about itself, {"missing": REASON} if it cannot run here; then, for each line {"workload": FILE, "calls": N}, that
workload's ids are run N times, and a line has each call's milliseconds, from ids to logits on the host, and the last call's
logits.
"""

import json
import os
import pathlib
import sys
import time

try:
    import numpy
except ImportError:
    numpy = None


def main(engine, folder):
    try:
        about, call = ENGINES[engine](pathlib.Path(folder)) if numpy else missing("No module named 'numpy'")
    except ImportError as error:
        about, call = missing(str(error))
    say(about)
    if call is None:
        return
    for line in sys.stdin:
        request = json.loads(line)
        texts = [numpy.array(ids) for ids in json.loads(pathlib.Path(request["workload"]).read_text())]
        times = []
        for _ in range(request["calls"]):
            start = time.perf_counter()
            logits = call(*padded(texts))
            times.append((time.perf_counter() - start) * 1e3)
        say({"times_ms": times, "logits": logits.tolist()})


def padded(texts):
    """One batch, padded to its longest text, and its attention mask; both `[texts, tokens]`."""
    shape = len(texts), max(map(len, texts))
    ids, mask = numpy.zeros(shape, numpy.int64), numpy.zeros(shape, numpy.int64)
    for row, text in enumerate(texts):
        ids[row, : len(text)] = text
        mask[row, : len(text)] = 1
    return ids, mask


def say(line):
    print(json.dumps(line), flush=True)


def missing(reason):
    return {"missing": reason}, None


def torch_engine(attention, device, dtype):
    def load(folder):
        import torch
        import transformers

        if device == "cuda" and not torch.cuda.is_available():
            return missing("torch.cuda.is_available() is false")
        # No TF32: f32 is f32 for all.
        torch.set_float32_matmul_precision("highest")
        model = transformers.BertForSequenceClassification.from_pretrained(
            folder, attn_implementation=attention, dtype=getattr(torch, dtype)
        )
        model = model.to(device).eval()
        settings = [f"transformers {transformers.__version__}", attention]
        if device == "cpu":
            policy = os.environ.get("OMP_WAIT_POLICY", "default")
            settings += [f"{torch.get_num_threads()} threads", f"OMP_WAIT_POLICY {policy}"]
        about = {
            "version": torch.__version__,
            "adapter": torch.cuda.get_device_name() if device == "cuda" else "CPU",
            "settings": ", ".join(settings),
        }

        @torch.inference_mode()
        def call(ids, mask):
            batch = (torch.from_numpy(array).to(device) for array in (ids, mask))
            return model(**dict(zip(("input_ids", "attention_mask"), batch))).logits.float().cpu().numpy()

        return about, call

    return load


def onnxruntime_engine(folder):
    import onnxruntime

    path = folder / "model.onnx"
    if not path.exists():
        export(folder, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    about = {
        "version": onnxruntime.__version__,
        "adapter": "CPU",
        "settings": "CPUExecutionProvider, default options, exported by torch.onnx (dynamo)",
    }
    return about, lambda ids, mask: session.run(None, {"input_ids": ids, "attention_mask": mask})[0]


def export(folder, path):
    import torch
    import transformers

    model = transformers.BertForSequenceClassification.from_pretrained(folder).eval()
    example = torch.randint(1000, 2000, (2, 16))
    sizes = {0: torch.export.Dim("texts"), 1: torch.export.Dim("tokens")}
    program = torch.onnx.export(
        model,
        kwargs={"input_ids": example, "attention_mask": torch.ones_like(example)},
        dynamo=True,
        dynamic_shapes={"input_ids": sizes, "attention_mask": sizes},
        output_names=["logits"],
        verbose=False,
    )
    program.save(path)


ENGINES = {
    "onnxruntime": onnxruntime_engine,
    "torch-eager": torch_engine("eager", "cpu", "float32"),
    "torch-sdpa": torch_engine("sdpa", "cpu", "float32"),
    "torch-cuda-f32": torch_engine("sdpa", "cuda", "float32"),
    "torch-cuda-f32-eager": torch_engine("eager", "cuda", "float32"),
    "torch-cuda-f16": torch_engine("sdpa", "cuda", "float16"),
    "torch-cuda-f16-eager": torch_engine("eager", "cuda", "float16"),
}

if __name__ == "__main__":
    main(*sys.argv[1:])
