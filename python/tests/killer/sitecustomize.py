"""Kills one process that classifies, at the third call of all processes, for test_engines.py: Python imports this at its start."""

import importlib.machinery
import os
import sys

PATH = os.environ.get("WGBERT_TEST_KILL")


class Killed:
    """A classifier whose process ends once."""

    def __init__(self, inner):
        self.inner = inner

    def __getattr__(self, name):
        if name.startswith("classify"):
            kill_once()
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.inner, name)


def kill_once():
    with open(PATH + ".calls", "ab") as calls:
        calls.write(b".")
        calls.flush()
        third = os.fstat(calls.fileno()).st_size >= 3
    if third:
        try:
            os.close(os.open(PATH, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        os.kill(os.getpid(), 9)


class Finder:
    """Finds the package as others do, and puts another class into it."""

    def find_spec(self, name, path=None, target=None):
        if name != "wgbert":
            return None
        sys.meta_path.remove(self)
        spec = importlib.machinery.PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            original = module.Classifier
            module.Classifier = lambda *arguments, **named: Killed(original(*arguments, **named))

        spec.loader.exec_module = exec_module
        return spec


if PATH:
    sys.meta_path.insert(0, Finder())
