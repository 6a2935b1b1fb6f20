#!/usr/bin/env python3
"""What transformers takes an absent field of a config.json to be, for tests/models.rs.

    python defaults.py tests/models/defaults.json

Run it once with transformers 4.57 and once with 5.x: the second adds the fields that the first does not have, and fails
where the two disagree.  For each architecture the file has

    fields       field -> default: of the configuration class, and of what the model's code asks the configuration for
                 with a default of its own (`getattr(config, "conv_act", "tanh")`); "config.hidden_size" stands for the
                 value of another field
    aliases      other name of a field -> its name (`attribute_map`)
    transformers the versions that it was made with
"""
import ast, dataclasses, inspect, json, os, pathlib, re, sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import transformers as tr
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING

ARCHITECTURES = ["bert", "roberta", "xlm-roberta", "camembert", "distilbert", "electra", "albert", "mpnet", "deberta-v2",
                 "modernbert", "nomic_bert", "gte", "jina_embeddings_v3"]
# Asked for in two places; the first decides whether the second is reached.
DECIDED = {("deberta-v2", "conv_kernel_size"): 0}


def of_class(cls):
    """The defaults of the class's own arguments."""
    if dataclasses.is_dataclass(cls):
        base = {field.name for field in dataclasses.fields(tr.PretrainedConfig)}
        return {field.name: field.default for field in dataclasses.fields(cls) if field.name not in base}
    parameters = inspect.signature(cls.__init__).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not inspect.Parameter.empty}


def asked_for(model_type, source):
    """The defaults of `getattr(config, "name", default)` and of `kwargs.get("name", default)`, as far as they are written out."""
    found = {}
    pattern = r"""(?:getattr\((?:self\.)?config, |kwargs\.(?:get|pop)\()"(\w+)", ([^()]+)\)"""
    for name, default in re.findall(pattern, source):
        if re.fullmatch(r"(config|self)\.\w+", default):
            value = "config." + default.split(".")[1]
        else:
            try:
                value = ast.literal_eval(default)
            except (ValueError, SyntaxError):
                continue
        value = DECIDED.get((model_type, name), value)
        if found.setdefault(name, value) != value:
            raise SystemExit(f"{model_type}: {name} is {found[name]!r} here and {value!r} there")
    return found


def own_source(cls):
    """The module's source without the base class's."""
    return inspect.getsource(sys.modules[cls.__module__])


def read(model_type):
    cls = type(tr.AutoConfig.for_model(model_type))
    model = MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING[cls]
    fields = asked_for(model_type, own_source(cls)) | asked_for(model_type, own_source(model)) | of_class(cls)
    theta = getattr(cls, "default_theta", None)
    if hasattr(cls, "rope_parameters") and isinstance(theta, dict):
        fields |= {f"{name}_rope_theta": value for name, value in theta.items()}
    elif hasattr(cls, "rope_parameters"):
        fields["rope_theta"] = theta
    # Not fields of a file, or of every model's.
    for name in ("num_labels", "id2label", "rope_scaling", "pruned_heads", "attn_implementation", "reference_compile"):
        fields.pop(name, None)
    return fields, dict(cls.attribute_map)


def main():
    path = pathlib.Path(sys.argv[1])
    table = json.loads(path.read_text()) if path.exists() else {}
    for model_type in ARCHITECTURES:
        if model_type not in tr.CONFIG_MAPPING:
            continue
        entry = table.setdefault(model_type, {"transformers": [], "fields": {}, "aliases": {}})
        fields, aliases = read(model_type)
        for known, new in ((entry["fields"], fields), (entry["aliases"], aliases)):
            for name, value in new.items():
                if known.setdefault(name, value) != value:
                    raise SystemExit(f"{model_type}: {name} is {known[name]!r} in {entry['transformers']} and {value!r} now")
        entry["fields"] = dict(sorted(entry["fields"].items()))
        entry["transformers"] = sorted({*entry["transformers"], tr.__version__})
        if not fields or any(isinstance(value, type) for value in fields.values()):
            raise SystemExit(f"{model_type}: {fields}")
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
