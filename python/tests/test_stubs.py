"""The stubs say what there is."""

import ast
import inspect

import wgbert
from conftest import ROOT


def test_stubs_and_the_extension_agree():
    package = ROOT / "python" / "wgbert"
    assert (package / "py.typed").exists()
    for node in ast.parse((package / "_wgbert.pyi").read_text()).body:
        if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
            continue
        kind = getattr(wgbert, node.name)
        stubs = {item.name: item for item in node.body if isinstance(item, ast.FunctionDef)}
        theirs = {name for name in vars(kind) if not name.startswith("__")}
        ours = {name for name in stubs if not name.startswith("__")}
        assert theirs == ours, node.name
        for name in ours | {"__new__"} & set(stubs):
            signature = inspect.signature(kind if name == "__new__" else getattr(kind, name)) if callable(getattr(kind, name)) else None
            if signature is None:
                continue
            arguments = stubs[name].args
            names = [argument.arg for argument in [*arguments.args[1:], *arguments.kwonlyargs]]
            assert [parameter for parameter in signature.parameters if parameter != "self"] == names, (node.name, name)


def test_all_is_there_and_documented():
    for name in wgbert.__all__:
        assert name == "__version__" or inspect.getdoc(getattr(wgbert, name)), name
