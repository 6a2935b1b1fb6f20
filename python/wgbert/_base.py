"""What `pipeline()` and `CrossEncoder` share: what a classifier is made by in the words of transformers, and forms of inputs.

What changes no answer here (batch sizes, padding, workers) is taken and has no effect; what cannot be had is refused by name.
"""

from __future__ import annotations

import itertools
import sys
import types

from wgbert._errors import ArgumentError
from wgbert._wgbert import Classifier

# Importing `typing` takes longer than all the rest.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

# Texts that are taken of a generator at a time, where the caller does not say.
_READ_AHEAD = 64

# They change how transformers computes, and no answer.
_WITHOUT_EFFECT = ("batch_size", "num_workers", "padding", "pad_to_multiple_of", "use_fast", "framework")

_PRECISIONS = {"float32": "f32", "float": "f32", "float16": "f16", "half": "f16", "auto": "auto"}

# What a Classifier is made by that transformers has no word for, or the same.
_OWN = ("backend", "tensor_cores", "self_check", "batch_tokens", "batch_texts", "random_head", "windows")


def arguments_of(
    model: Any,
    *,
    revision: str | None,
    device: Any,
    dtype: Any,
    adapter: Any,
    precision: str | None,
    trust_remote_code: bool | None,
    more: dict[str, Any],
) -> dict[str, Any]:
    """What a classifier is made by; what of `more` is a Classifier's own argument is taken out of it."""
    if trust_remote_code:
        raise ArgumentError("trust_remote_code=True: code of a checkpoint's own is not run")
    if isinstance(model, Classifier):
        given = {"revision": revision, "device": device, "adapter": adapter, "precision": precision, "dtype": dtype}
        for name, value in given.items():
            if value is not None:
                raise ArgumentError(f"{name}=: the model is a Classifier, which was made with its own")
        made = dict(model.arguments)
    else:
        if revision is not None:
            if model is None:
                raise ArgumentError("revision=: the model that is compiled in has none")
            model = f"{model}@{revision}"
        made = {"model": model, "adapter": _adapter(adapter, device), "precision": _precision(precision, dtype)}
    for name in _OWN:
        if name in more:
            made[name] = more.pop(name)
    return made


def _adapter(adapter: Any, device: Any) -> Any:
    if device is None:
        return adapter
    if adapter is not None:
        raise ArgumentError("device= and adapter= both say where to compute: give one of them")
    # A torch.device says its name so, too.
    kind, _, index = str(device).partition(":")
    if kind.lstrip("-").isdigit():
        kind, index = "cuda", kind
    if kind in ("cuda", "mps") and not index.startswith("-"):
        return f"cuda:{index or 0}"
    if kind == "auto":
        return None
    raise ArgumentError(
        f'device={device!r}: name an adapter as `wgbert adapters` lists it (adapter=), or "reference" for the CPU, slowly'
    )


def _precision(precision: str | None, dtype: Any) -> str:
    if dtype is None:
        return precision or "f32"
    name = str(dtype).removeprefix("torch.")
    if name not in _PRECISIONS:
        raise ArgumentError(f"dtype={name}: there are float32 and float16, and auto")
    if precision not in (None, _PRECISIONS[name]):
        raise ArgumentError(f"precision={precision!r} and dtype={name} differ: give one of them")
    return _PRECISIONS[name]


class Pipeline:
    """What all kinds share: what may be given, and in which form."""

    task: str
    _calls: tuple[str, ...]
    # The classifier for the arguments of the last call that had others than the pipeline, and those.
    _other: tuple[dict[str, Any], Classifier] | None = None

    def __init__(self, classifier: Classifier, **kwargs: Any) -> None:
        self._classifier = classifier
        self._kwargs = self._checked(kwargs)

    @property
    def classifier(self) -> Classifier:
        """What answers."""
        return self._classifier

    def _checked(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        for name in kwargs:
            if name not in self._calls and name not in _WITHOUT_EFFECT:
                raise ArgumentError(f"{name}=: a {self.task} pipeline has no such argument here; it has {', '.join(self._calls)}")
        return kwargs

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        given = {**self._kwargs, **self._checked(kwargs)}
        if is_stream(inputs):
            size = given.get("batch_size") or _READ_AHEAD
            return self._stream(iter(inputs), max(int(size), _READ_AHEAD), given)
        return self._answer(inputs, given, kwargs)

    def _stream(self, inputs: Iterator[Any], size: int, given: dict[str, Any]) -> Iterator[Any]:
        first = 0
        while chunk := list(itertools.islice(inputs, size)):
            yield from self._rows(chunk, given, first)
            first += len(chunk)

    def _rows(self, inputs: list[Any], given: dict[str, Any], first: int = 0) -> list[Any]:
        """The answers to inputs, of which the first has this index in errors."""
        raise NotImplementedError

    def _answer(self, inputs: Any, given: dict[str, Any], of_call: dict[str, Any]) -> Any:
        raise NotImplementedError


def is_stream(inputs: Any) -> bool:
    """Whether transformers answers with an iterator: a generator, or a torch data set."""
    if isinstance(inputs, types.GeneratorType):
        return True
    torch = sys.modules.get("torch.utils.data")
    return torch is not None and isinstance(inputs, torch.Dataset)


def is_column(inputs: Any) -> bool:
    return hasattr(inputs, "__arrow_c_stream__") or hasattr(inputs, "__arrow_c_array__")
