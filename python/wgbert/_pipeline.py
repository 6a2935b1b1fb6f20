"""`pipeline()` in the form of transformers': the same calls, the same answers.

What transformers takes and this does not is refused in words; what makes no difference here, because it can change no
answer (batch sizes, padding, workers), is taken and has no effect.
"""

from __future__ import annotations

import itertools
import sys
import types
import warnings
from collections.abc import Iterable

from wgbert._errors import ArgumentError, DataError, TaskError
from wgbert._wgbert import Classifier

# Importing `typing` takes longer than all the rest.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_TASKS = {
    "text-classification": "text-classification",
    "sentiment-analysis": "text-classification",
    "token-classification": "token-classification",
    "ner": "token-classification",
}

# Texts that are taken of a generator at a time, where the caller does not say.
_READ_AHEAD = 64

# They change how transformers computes, and no answer.
_WITHOUT_EFFECT = ("batch_size", "num_workers", "padding", "pad_to_multiple_of", "use_fast", "framework")

_PRECISIONS = {"float32": "f32", "float": "f32", "float16": "f16", "half": "f16", "auto": "auto"}


def pipeline(
    task: str | None = None,
    model: Any = None,
    *,
    revision: str | None = None,
    device: Any = None,
    dtype: Any = None,
    torch_dtype: Any = None,
    trust_remote_code: bool | None = None,
    tokenizer: Any = None,
    adapter: Any = None,
    precision: str | None = None,
    **kwargs: Any,
) -> TextClassificationPipeline | TokenClassificationPipeline:
    """A pipeline of transformers' form.

    Args:
        task: "text-classification" (or "sentiment-analysis"), "token-classification" (or "ner"); None: what the model is
            for.
        model: a folder, a name on the Hugging Face hub, or a `Classifier`; None: the English sentiment model that is
            compiled in.
        revision: which of the hub's versions.
        device: transformers' number of a GPU (0, "cuda:1"), of which `adapter` chooses more freely.
        dtype, torch_dtype: "float32" or "float16", which `precision` says too ("f32", "f16", "auto").
        adapter: a name, an index or a bus id, as for `Classifier`.
        kwargs: what a call takes too (`top_k`, `function_to_apply`, `aggregation_strategy`, `max_length`...), and the
            other arguments of `Classifier`.

    Raises:
        ArgumentError: what cannot be had, by name.
        TaskError: the model is for another task.
    """
    if task is not None and task not in _TASKS:
        raise ArgumentError(f"there is no task {task!r} here; there are {', '.join(_TASKS)}")
    if trust_remote_code:
        raise ArgumentError("trust_remote_code=True: code of a checkpoint's own is not run")
    if tokenizer is not None and tokenizer != model:
        raise ArgumentError("tokenizer=: the tokenizer is that of the model's folder; put its files there")
    if isinstance(model, Classifier):
        given = {"revision": revision, "device": device, "adapter": adapter, "precision": precision}
        for name, value in {**given, "dtype": dtype, "torch_dtype": torch_dtype}.items():
            if value is not None:
                raise ArgumentError(f"{name}=: the model is a Classifier, which was made with its own")
        made = dict(model.arguments)
    else:
        if revision is not None:
            if model is None:
                raise ArgumentError("revision=: the model that is compiled in has none")
            model = f"{model}@{revision}"
        made = {"model": model, "adapter": _adapter(adapter, device)}
        made["precision"] = _precision(precision, dtype if dtype is not None else torch_dtype)
    for name in ("backend", "tensor_cores", "self_check", "batch_tokens", "batch_texts", "random_head", "windows"):
        if name in kwargs:
            made[name] = kwargs.pop(name)
    # What decides how texts are read, and scored, is the model's from the beginning: it is loaded once.
    made.update(_of_model(kwargs))
    classifier = Classifier(**made)
    found = classifier.task
    if task is not None and _TASKS[task] != found:
        raise TaskError(f"the model is for {found}, not for {task}")
    kind = TextClassificationPipeline if found == "text-classification" else TokenClassificationPipeline
    return kind(classifier, **kwargs)


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


class _Pipeline:
    """What both kinds share: what may be given, and in which form."""

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
        if _is_stream(inputs):
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


def _is_stream(inputs: Any) -> bool:
    """Whether transformers answers with an iterator: a generator, or a torch data set."""
    if isinstance(inputs, types.GeneratorType):
        return True
    torch = sys.modules.get("torch.utils.data")
    return torch is not None and isinstance(inputs, torch.Dataset)


def _is_column(inputs: Any) -> bool:
    return hasattr(inputs, "__arrow_c_stream__") or hasattr(inputs, "__arrow_c_array__")


class TextClassificationPipeline(_Pipeline):
    """Texts, or pairs of them, to labels with scores; made by `pipeline`."""

    task = "text-classification"
    _calls = ("top_k", "return_all_scores", "function_to_apply", "truncation", "max_length", "stride")

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        """The labels of a text, of a list of them, or of whatever gives them one by one.

        Args:
            inputs: a str; a dict with `text` and perhaps `text_pair`; a list of either; a column by Arrow's C interface; a
                generator or a torch data set, which are answered by an iterator.
            top_k: how many labels, the best first; None: all.
            function_to_apply: "softmax", "sigmoid" or "none"; by default what the model's kind of problem asks for.
            truncation: False refuses texts beyond the limit; True, and where nothing is said, they are cut.
            max_length: tokens to which texts are cut.

        Returns:
            What transformers returns: for a str a list with one dict `{"label", "score"}`; for a dict the dict; for a list a
            list of them; with `top_k` lists of dicts in their place.

        Raises:
            TextError: a text cannot be classified.
            ArgumentError: an argument that there is not.
        """
        return super().__call__(inputs, **kwargs)

    def _answer(self, inputs: Any, given: dict[str, Any], of_call: dict[str, Any]) -> Any:
        if isinstance(inputs, str) or isinstance(inputs, dict):
            answer = self._rows([inputs], given)[0]
            return [answer] if isinstance(inputs, str) and "top_k" not in of_call else answer
        if _is_column(inputs):
            return self._of_columns(inputs, None, given)
        if not isinstance(inputs, Iterable) or isinstance(inputs, bytes):
            raise DataError(f"a str, a dict with text and text_pair, or a list of them is wanted, not {type(inputs).__name__}")
        return self._rows(list(inputs), given)

    def _rows(self, inputs: list[Any], given: dict[str, Any], first: int = 0) -> list[Any]:
        texts, pairs = [], []
        for index, item in enumerate(inputs, first):
            text, pair = _text_and_pair(item, index)
            texts.append(text)
            pairs.append(pair)
        return self._of_columns(texts, pairs if any(pair is not None for pair in pairs) else None, given, first)

    def _of_columns(self, texts: Any, pairs: Any, given: dict[str, Any], first: int = 0) -> list[Any]:
        top_k: Any = given.get("top_k", "")
        legacy = not (top_k is None or isinstance(top_k, int))
        if not legacy and top_k is not None and top_k < 0:
            raise ArgumentError(f"top_k={top_k}: it is a number of labels, or None for all")
        everything = given.get("return_all_scores")
        if everything is not None and legacy:
            warnings.warn("return_all_scores is deprecated: use top_k=None, or top_k=1", DeprecationWarning, stacklevel=4)
        classifier = self._with(given)
        if legacy and not everything:
            return [row[0] for row in classifier._label_scores(texts, pairs, 1, True, first)]
        return classifier._label_scores(texts, pairs, None if legacy else top_k, not legacy, first)

    def _with(self, given: dict[str, Any]) -> Classifier:
        """The classifier for the arguments of a call; those of the same arguments share an engine."""
        base = self._classifier
        made = base.arguments
        wanted = _of_model(given)
        if given.get("truncation") is True and made["truncation"] == "refuse":
            wanted["truncation"] = "cut"
        if "function_to_apply" not in wanted and made["function_to_apply"] is None:
            # What sentence-transformers would apply, which the configuration may name, its pipeline does not know.
            function = _default_function(base.problem_type, len(base.labels))
            if function != base.function_to_apply:
                wanted["function_to_apply"] = function
        wanted = {name: value for name, value in wanted.items() if made[name] != value}
        if not wanted:
            return base
        if self._other is None or self._other[0] != wanted:
            self._other = (wanted, Classifier(**{**made, **wanted}))
        return self._other[1]


def _text_and_pair(item: Any, index: int) -> tuple[str, str | None]:
    if isinstance(item, str):
        return item, None
    if isinstance(item, dict):
        unknown = set(item) - {"text", "text_pair"}
        if unknown or not isinstance(item.get("text"), str):
            raise DataError(f"text {index}: a dict has text, and perhaps text_pair, not {', '.join(map(str, item))}")
        pair = item.get("text_pair")
        if pair is not None and not isinstance(pair, str):
            raise DataError(f"text {index}: text_pair is {type(pair).__name__}, not str")
        return item["text"], pair
    # Of old, [["text", "pair"]] was a pair.
    if isinstance(item, list) and len(item) == 1 and isinstance(item[0], list) and len(item[0]) == 2:
        return item[0][0], item[0][1]
    raise DataError(
        f"text {index} is {type(item).__name__}: a str is wanted, or for a pair a dict "
        '{"text": "my text", "text_pair": "my pair"}'
    )


def _default_function(problem_type: str | None, labels: int) -> str:
    if problem_type == "regression":
        return "none"
    if problem_type == "multi_label_classification" or labels == 1:
        return "sigmoid"
    return "softmax"


def _of_model(given: dict[str, Any]) -> dict[str, Any]:
    """transformers' `truncation`, `max_length` and `function_to_apply`, as `Classifier` has them."""
    wanted: dict[str, Any] = {}
    function = given.get("function_to_apply")
    if function is not None:
        # transformers takes an enumeration, too.
        wanted["function_to_apply"] = str(getattr(function, "value", function)).lower()
    truncation = given.get("truncation")
    if truncation is False or truncation == "do_not_truncate":
        wanted["truncation"] = "refuse"
    elif truncation in ("longest_first", "only_first", "only_second"):
        wanted["pair_truncation"] = truncation.replace("_", "-")
    elif truncation in ("cut", "cut-left", "refuse", "windows"):
        wanted["truncation"] = truncation
    elif truncation not in (None, True):
        raise ArgumentError(f"truncation={truncation!r}: there are True, False, longest_first, only_first and only_second")
    for name in ("max_length", "stride"):
        if given.get(name) is not None:
            wanted[name] = given[name]
    return wanted


class TokenClassificationPipeline(_Pipeline):
    """Texts to the entities in them; made by `pipeline`."""

    task = "token-classification"
    _calls = ("aggregation_strategy", "ignore_labels")

    def __call__(self, inputs: Any, **kwargs: Any) -> Any:
        """The entities of a text, of a list of them, or of whatever gives them one by one.

        Args:
            inputs: a str; a list or a tuple of them; a column by Arrow's C interface; a generator or a torch data set, which
                are answered by an iterator.
            aggregation_strategy: "none" (every token), "simple", "first", "average" or "max".
            ignore_labels: labels to leave out; by default `["O"]`.

        Returns:
            What transformers returns: for a str a list of dicts (`entity` and `index`, or `entity_group`; `score`, `word`,
            `start`, `end`), for a list a list of such lists. Scores are floats, where transformers has NumPy's.

        Raises:
            TextError: a text cannot be classified.
            ArgumentError: an argument that there is not.
        """
        return super().__call__(inputs, **kwargs)

    def _checked(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        # What transformers does where nothing is said.
        defaults = {"is_split_into_words": False, "offset_mapping": None, "stride": None, "delimiter": None}
        for name in [name for name, value in defaults.items() if name in kwargs and kwargs[name] == value]:
            kwargs = {key: value for key, value in kwargs.items() if key != name}
        return super()._checked(kwargs)

    def _answer(self, inputs: Any, given: dict[str, Any], of_call: dict[str, Any]) -> Any:
        if isinstance(inputs, str):
            return self._rows([inputs], given)[0]
        return self._rows(inputs, given)

    def _rows(self, inputs: Any, given: dict[str, Any], first: int = 0) -> list[Any]:
        strategy = given.get("aggregation_strategy") or "none"
        # transformers takes an enumeration, too.
        strategy = str(getattr(strategy, "value", strategy)).lower()
        return self._classifier._entities(inputs, strategy, given.get("ignore_labels"), first)
