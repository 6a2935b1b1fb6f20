"""`pipeline()` in the form of transformers': the same calls, the same answers.

What transformers takes and this does not is refused in words; what makes no difference here, because it can change no
answer (batch sizes, padding, workers), is taken and has no effect.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable

from wgbert._base import Pipeline, arguments_of, is_column
from wgbert._errors import ArgumentError, DataError, TaskError
from wgbert._wgbert import Classifier
from wgbert._zero_shot import ZeroShotClassificationPipeline

# Importing `typing` takes longer than all the rest.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What a model has to be for.
_TASKS = {
    "text-classification": "text-classification",
    "sentiment-analysis": "text-classification",
    "zero-shot-classification": "text-classification",
    "token-classification": "token-classification",
    "ner": "token-classification",
}


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
) -> TextClassificationPipeline | TokenClassificationPipeline | ZeroShotClassificationPipeline:
    """A pipeline of transformers' form.

    Args:
        task: "text-classification" (or "sentiment-analysis"), "zero-shot-classification", "token-classification" (or "ner");
            None: what the model is for.
        model: a folder, a name on the Hugging Face hub, or a `Classifier`; None: the English sentiment model that is
            compiled in.
        revision: which of the hub's versions.
        device: transformers' number of a GPU (0, "cuda:1"), of which `adapter` chooses more freely.
        dtype, torch_dtype: "float32" or "float16", which `precision` says too ("f32", "f16", "auto").
        adapter: a name, an index or a bus id, as for `Classifier`.
        kwargs: what a call takes too (`top_k`, `candidate_labels`, `aggregation_strategy`, `max_length`...), and the
            other arguments of `Classifier`.

    Raises:
        ArgumentError: what cannot be had, by name.
        TaskError: the model is for another task.
    """
    if task is not None and task not in _TASKS:
        raise ArgumentError(f"there is no task {task!r} here; there are {', '.join(_TASKS)}")
    if tokenizer is not None and tokenizer != model:
        raise ArgumentError("tokenizer=: the tokenizer is that of the model's folder; put its files there")
    zero_shot = task == "zero-shot-classification"
    if zero_shot and model is None:
        raise ArgumentError("model=: name a model of natural language inference; the one that is compiled in is none")
    made = arguments_of(
        model,
        revision=revision,
        device=device,
        dtype=dtype if dtype is not None else torch_dtype,
        adapter=adapter,
        precision=precision,
        trust_remote_code=trust_remote_code,
        more=kwargs,
    )
    # What decides how texts are read, and scored, is the model's from the beginning: it is loaded once.
    made.update(_of_model(kwargs))
    if zero_shot:
        # transformers' has none of them, and calls of it take none.
        kwargs = {name: value for name, value in kwargs.items() if name not in ("truncation", "max_length", "stride")}
    classifier = Classifier(**made)
    found = classifier.task
    if task is not None and _TASKS[task] != found:
        raise TaskError(f"the model is for {found}, not for {task}")
    if zero_shot:
        return ZeroShotClassificationPipeline(classifier, **kwargs)
    kind = TextClassificationPipeline if found == "text-classification" else TokenClassificationPipeline
    return kind(classifier, **kwargs)


class TextClassificationPipeline(Pipeline):
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
        if is_column(inputs):
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
            function = base._pipeline_function
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


class TokenClassificationPipeline(Pipeline):
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
