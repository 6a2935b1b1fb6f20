"""What is run of each part, what matters most first: time may end before the list does.

A GPU is given models and batches that fill it. An adapter that is the CPU's takes minutes for one of those, and is given what
shows that everything works; tensor cores are not used there.
"""

import dataclasses
import pathlib
import sys

import machine

# What the project wants of a card, so that each is among what is measured: see GOALS in tables.py.
GOAL_SHAPE = ["--rows", "8192", "--inner", "3072", "--columns", "768"]
PARTS = "verify", "tune", "kernels", "model", "peers", "start", "memory"
# Of the time, if no part leaves anything.
WEIGHTS = {"verify": 80, "tune": 60, "kernels": 60, "model": 90, "peers": 130, "start": 30, "memory": 30}
TORCH = "numpy", "torch", "transformers"
ONNX = *TORCH, "onnx", "onnxruntime", "onnxscript"


@dataclasses.dataclass
class Step:
    command: list
    # As somebody types it in the checkout.
    shown: str
    weight: float = 1
    # Where its rows are, if not on standard output.
    rows_file: pathlib.Path = None
    plot: pathlib.Path = None
    environment: dict = dataclasses.field(default_factory=dict)
    # Why it cannot be run.
    missing: str = None

    def judge(self, ended, rows):
        """The state, why, and the rows."""
        if self.shown.startswith("wgbert verify"):
            wrong = [row for row in rows if row["failed"]]
            if wrong:
                return "wrong", f"{len(wrong)} of {len(rows)} rows, first {wrong[0]['name']}: {wrong[0]['failures'][0]}", rows
        if ended.late:
            return "out of time", f"it was ended after {ended.seconds:.0f} s", rows
        absent = [row for row in rows if "missing" in row]
        if absent and ended.said.endswith("no peer runs here"):
            return "not run", "; ".join(f"{row['engine']}: {row['missing']}" for row in absent), rows
        if ended.status != 0:
            return "failed", f"it ended with status {ended.status}\n{ended.said}".strip(), rows
        return "done", None, rows


@dataclasses.dataclass
class Part:
    weight: float
    steps: list


def plan(day, options):
    software = day.adapter["kind"] == "Cpu"
    cores = day.adapter["tensor_cores"] and not day.wrong_tensor_cores()
    half = day.adapter["capabilities"]["f16"]
    steps = {part: [] for part in PARTS}

    def add(part, words, weight=1, plot=None, **more):
        command = words.split()
        if plot:
            plot = day.work / f"{day.path.stem}-{plot}.svg"
            command += ["--plot", plot]
        command = [day.binary if word == "wgbert" else word for word in command]
        if command[0] != day.binary:
            command = [sys.executable, day.root / command[0], *command[1:]]
        step = Step(command, words, weight, plot=plot, **more)
        steps[part].append(step)
        return step

    # Models run what most people do, and matmul has as many cases as all the others.
    add("verify", "wgbert verify --models -f json", 2)
    names = [kernel["name"] for kernel in day.adapter.get("kernels", []) if kernel["name"] != "matmul"]
    add("verify", f"wgbert verify -k {','.join(names)} -f json", 2)
    add("verify", "wgbert verify -k matmul -f json", 3)
    if software:
        for_software(add, half)
    else:
        for_gpus(add, half, cores)
    peers(add, day, software, cores, half)
    processes(add, day, options, software)
    return {part: Part(WEIGHTS[part], steps[part]) for part in PARTS}


def for_gpus(add, half, cores):
    faster = "f16" if half else "f32"
    rows = "--rows 128,1024,4096,8192,16384" + ("" if cores else " --tensor-cores never")
    add("tune", f"wgbert tune -m bert-base --precision f16 {rows} -o jsonl", 2)
    add("tune", f"wgbert tune -m bert-base --precision f32 {rows} -o jsonl", 2)
    add("tune", f"wgbert tune -m minilm --precision f16,f32 {rows} -o jsonl")

    variants = "tensor-cores,adapter" if cores else "adapter"
    shape = " ".join(GOAL_SHAPE)
    add("kernels", f"wgbert bench kernels -k matmul {shape} --precision f16,f32 --variant {variants} -r 20 -o jsonl", 2)
    add("kernels", "wgbert bench kernels --precision f32 -r 10 -o jsonl", 3, plot="kernels-f32")
    best = " --variant tensor-cores" if cores else ""
    add("kernels", f"wgbert bench kernels --precision f16{best} -r 10 -o jsonl", 3, plot="kernels-f16")
    shapes = "--rows 128,1024,16384 --inner 768,3072 --columns 768,3072"
    add("kernels", f"wgbert bench kernels -k matmul {shapes} --precision f16{best} -r 10 -o jsonl", 2)
    add("kernels", f"wgbert bench kernels -k attention --length 128,512 --precision f16,f32 --variant {variants} -r 10 -o jsonl")

    loads = "-w 1x128,8x128,64x128,ragged32,ragged512"
    when = "always,never" if cores else "never"
    add("model", f"wgbert bench model -m bert-base {loads} --precision f16 --tensor-cores {when} -r 20 -o jsonl", 4, plot="models-f16")
    add("model", f"wgbert bench model -m bert-base {loads} --precision f32 -r 20 -o jsonl", 3, plot="models-f32")
    if cores:
        add("model", f"wgbert bench model -m bert-base {loads} --precision f32 --tensor-cores always -r 10 -o jsonl")
    add("model", f"wgbert bench model -m minilm {loads} --precision f16,f32 --tensor-cores {when.split(',')[0]} -r 20 -o jsonl", 2)
    add("model", f"wgbert bench model -m bert-large -w 1x128,64x128,ragged512 --precision f16 --tensor-cores {when.split(',')[0]} -r 10 -o jsonl")
    add("model", f"wgbert bench model -m minilm -a all -w 64x128 --precision {faster} -r 7 -o jsonl", 2)


def for_software(add, half):
    add("tune", "wgbert tune -m minilm --precision f32 --rows 128,1024 --tensor-cores never -r 3 -o jsonl")
    add("kernels", "wgbert bench kernels -r 5 -o jsonl", 3, plot="kernels-f32")
    if half:
        add("kernels", "wgbert bench kernels -k matmul,attention,layernorm --precision f16 --rows 128 -r 3 -o jsonl")
    loads = "-w 1x128,8x128,ragged32"
    add("model", f"wgbert bench model -m minilm {loads} --tensor-cores never -r 5 -o jsonl", 3, plot="models-f32")
    if half:
        add("model", f"wgbert bench model -m minilm {loads} --precision f16 --tensor-cores never -r 3 -o jsonl")
    add("model", "wgbert bench model -m bert-base -w 1x128 --tensor-cores never -r 3 -o jsonl")
    add("model", "wgbert bench model -m minilm -a all -w 8x128 --tensor-cores never -r 3 -o jsonl", 3)


def peers(add, day, software, cores, half):
    python, there = machine.peers_python(sorted({*TORCH, *ONNX}), day.environment)
    rows = day.work / "peers.jsonl"

    def one(words, needs, weight):
        step = add("peers", words, weight, rows_file=rows)
        lacking = [name for name in needs if name not in there]
        if lacking:
            looked = f"in {python}" if python else "in any Python 3.10 or newer"
            step.missing = f"no {', '.join(lacking)} {looked} (WGBERT_PEERS_PYTHON names another)"
        # Where rows and binary are says nothing about what was measured.
        step.command = [python, *step.command[1:], "--binary", day.binary, "--tuned", day.work / "cache", "-o", rows]
        step.environment = {"WGBERT_PEERS_PYTHON": str(python)}

    if software:
        one("benches/peers/run --peers onnxruntime,torch -m minilm -w 1x128,8x128,ragged32 -r 2 --limit 10 --timeout 60", ONNX, 1)
        return
    use = "f16" if cores and half else "never"
    # Each turn of wgbert's is a process, and each engine of PyTorch's takes seconds to begin: no more than the goals need first.
    timing = f"--limit 6 --timeout 60 --tensor-cores {use}"
    one(f"benches/peers/run --peers torch-cuda -m bert-base -w 64x128,ragged512,1x128 -r 2 {timing}", TORCH, 5)
    one(f"benches/peers/run --peers onnxruntime -m minilm -w 8x128,1x128 -r 2 {timing}", ONNX, 2)
    one(f"benches/peers/run --peers torch-cuda -m minilm -w 64x128,ragged512,1x128 -r 2 {timing}", TORCH, 3)


def processes(add, day, options, software):
    """The program as its users start it: `start` of benches/device."""
    timer = "benches/device/start"
    add("start", f"{timer} --start cold --texts 1 -r 3", 2)
    add("start", f"{timer} --start warm --texts 1,100,1000 -r 5", 2)
    add("start", f"{timer} --start warm --texts 10000 -r 1")
    add("memory", f"{timer} --start warm --texts 1,100 -r 1")
    sizes = "minilm" if software else "minilm,bert-base"
    texts = "1" if software else "1,1000"
    add("memory", f"{timer} --model {sizes} --precision f32,f16 --start warm --texts {texts} -r 1", 3)
    if options.shared and (options.shared / "models/minilm-sentiment").exists():
        step = add("memory", f"{timer} --model SHARED/models/minilm-sentiment --precision f32,f16 --start warm --texts {texts} -r 1")
        folder = options.shared.absolute() / "models/minilm-sentiment"
        step.command = [folder if word == "SHARED/models/minilm-sentiment" else word for word in step.command]
