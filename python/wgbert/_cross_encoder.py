"""`CrossEncoder` in the form of sentence-transformers': how well the second text of a pair belongs to its first."""

from __future__ import annotations

import math
import sys

from wgbert._base import arguments_of
from wgbert._errors import ArgumentError, DataError, ModelError, TaskError
from wgbert._wgbert import Classifier, _columns_of, _texts_of

# Importing `typing` takes longer than all the rest.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


class CrossEncoder:
    """A model that scores pairs of texts: `predict` gives the scores, `rank` the order of documents for a query.

    The scores are those of sentence-transformers' `CrossEncoder`, by the activation that the checkpoint names.
    """

    def __init__(
        self,
        model_name_or_path: Any,
        *,
        num_labels: int | None = None,
        max_length: int | None = None,
        activation_fn: str | Callable[[Any], Any] | None = None,
        device: Any = None,
        revision: str | None = None,
        trust_remote_code: bool | None = None,
        model_kwargs: dict[str, Any] | None = None,
        adapter: Any = None,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Opens a model.

        Args:
            model_name_or_path: a folder, a name on the Hugging Face hub, or a `Classifier`.
            num_labels: how many labels the model has to have.
            max_length: tokens to which pairs are cut.
            activation_fn: what makes scores of logits: "sigmoid", "tanh", "softmax", "none" (or "identity"), or a function as
                torch's are, which gets the logits of some pairs, `[pairs, labels]`, as a tensor where torch is imported, else
                as a NumPy array. None: what the checkpoint names, else a sigmoid for one label, and for several nothing.
            device: transformers' number of a GPU (0, "cuda:1"), of which `adapter` chooses more freely.
            model_kwargs: `{"dtype": "float16"}`, which `precision="f16"` says too.
            adapter: a name, an index or a bus id, as for `Classifier`.
            kwargs: other arguments of `Classifier`.

        Raises:
            ArgumentError: what cannot be had, by name.
            TaskError: the model classifies tokens.
        """
        if model_name_or_path is None:
            raise ArgumentError("name a cross-encoder: the model that is compiled in is none")
        loading = dict(model_kwargs or {})
        dtypes = [loading.pop(name) for name in ("dtype", "torch_dtype") if name in loading]
        if loading:
            raise ArgumentError(f"model_kwargs={loading!r}: of these there is dtype alone")
        made = arguments_of(
            model_name_or_path,
            revision=revision,
            device=device,
            dtype=dtypes[0] if dtypes else None,
            adapter=adapter,
            precision=precision,
            trust_remote_code=trust_remote_code,
            more=kwargs,
        )
        for name in ("truncation", "stride", "pair_truncation"):
            if name in kwargs:
                made[name] = kwargs.pop(name)
        if kwargs:
            raise ArgumentError(f"{next(iter(kwargs))}=: a CrossEncoder has no such argument here")
        if max_length is not None:
            made["max_length"] = max_length
        self._activation = _activation(activation_fn)
        if self._activation is not None:
            # One that the checkpoint names is not looked at, and may be none that is known.
            made["function_to_apply"] = "none"
        self._classifier = Classifier(**made)
        if self._classifier.task != "text-classification":
            raise TaskError(f"the model is for {self._classifier.task}, and scores no pairs")
        if num_labels is not None and num_labels != self.num_labels:
            raise ArgumentError(f"num_labels={num_labels}: the model has {self.num_labels}, and no head is made anew")

    @property
    def classifier(self) -> Classifier:
        """What answers."""
        return self._classifier

    @property
    def num_labels(self) -> int:
        """How many scores a pair has."""
        return len(self._classifier.labels)

    @property
    def max_length(self) -> int:
        """The most tokens of a pair, special tokens included."""
        return self._classifier.max_length

    @property
    def max_seq_length(self) -> int:
        """The same, by its newer name."""
        return self.max_length

    @property
    def activation_fn(self) -> str | Callable[[Any], Any]:
        """What makes scores of logits: "sigmoid", "tanh", "softmax" or "none", or the function that was given."""
        return self._activation or self._classifier._cross_encoder_function

    def predict(
        self,
        inputs: Any,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        activation_fn: str | Callable[[Any], Any] | None = None,
        apply_softmax: bool | None = False,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: Any = None,
        pool: Any = None,
        chunk_size: int | None = None,
    ) -> Any:
        """The scores of pairs, in their order. The tokens of a first text that follows itself are made once.

        Args:
            inputs: a list of pairs, `[first, second]` each; one pair; or a table of two columns by Arrow's C interface.
            activation_fn: as of the class, for this call.
            apply_softmax: of several labels, whether shares of one are made of what the activation gives.
            convert_to_numpy: whether an array is wanted, `[pairs]` or `[pairs, labels]` of f32; otherwise a list.
            convert_to_tensor: whether a torch tensor is wanted, whatever `convert_to_numpy` is.
            batch_size, show_progress_bar, chunk_size: have no effect.
            prompt_name, prompt, device, pool: are refused but for None.

        Returns:
            Of one pair its score, or the scores of its labels.

        Raises:
            DataError: the inputs are no pairs. TextError: a pair cannot be scored.
        """
        _refuse(prompt_name=prompt_name, prompt=prompt, device=device, pool=pool)
        firsts, seconds, alone = _pairs(inputs)
        scores = self._scores(firsts, seconds, activation_fn)
        several = self.num_labels > 1
        if apply_softmax and several:
            scores = _by_name("softmax", scores)
        if not several:
            scores = [row[0] for row in scores]
        converted = _converted(scores, convert_to_numpy, convert_to_tensor)
        return converted[0] if alone else converted

    def rank(
        self,
        query: str,
        documents: Any,
        top_k: int | None = None,
        return_documents: bool = False,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        activation_fn: str | Callable[[Any], Any] | None = None,
        device: Any = None,
        pool: Any = None,
        chunk_size: int | None = None,
    ) -> list[dict[str, Any]]:
        """Documents by how well they answer a query, the best first; of equals the first, and what is no number last.

        Args:
            query: a str, whose tokens are made once.
            documents: a list of str, or a column by Arrow's C interface.
            top_k: how many of the best; None: all.
            return_documents: whether the dicts have the documents, too.
            activation_fn: as of the class, for this call.
            batch_size, show_progress_bar, chunk_size: have no effect.
            prompt_name, prompt, device, pool: are refused but for None.

        Returns:
            For each document a dict with `corpus_id` (its place among the documents, from 0), `score` and perhaps `text`.

        Raises:
            ModelError: the model has more than one label. TextError: a document, by `index`, cannot be scored.
        """
        _refuse(prompt_name=prompt_name, prompt=prompt, device=device, pool=pool)
        if self.num_labels != 1:
            raise ModelError(
                f"the model has {self.num_labels} labels, and documents are ranked by one: predict() scores pairs by each"
            )
        if not isinstance(query, str):
            raise DataError(f"the query is a str, not {type(query).__name__}")
        if isinstance(documents, str):
            raise DataError("documents are a list of them, or a column, and no str")
        texts = _texts_of(documents)
        scores = [row[0] for row in self._scores([query] * len(texts), texts, activation_fn)]
        order = sorted(range(len(texts)), key=lambda place: _key(scores[place]), reverse=True)
        ranked = [{"corpus_id": place, "score": scores[place]} for place in order[:top_k]]
        if return_documents:
            for document in ranked:
                document["text"] = texts[document["corpus_id"]]
        return ranked

    def _scores(self, firsts: list[str], seconds: list[str], activation_fn: Any) -> list[list[float]]:
        """Of each pair its scores, one a label."""
        activation = _activation(activation_fn) or self._activation
        if activation is None:
            # Of several labels the classifier's own scores are those of a pipeline, where the checkpoint names no activation.
            logits = self._classifier._cross_encoder_function == "none"
            return self._classifier._pair_scores(firsts, seconds, logits)
        logits = self._classifier._pair_scores(firsts, seconds, True)
        if isinstance(activation, str):
            return _by_name(activation, logits)
        return _by_function(activation, logits)

    def __repr__(self) -> str:
        return f"wgbert.CrossEncoder({self._classifier!r})"


def _refuse(**given: Any) -> None:
    for name, value in given.items():
        if value is not None:
            raise ArgumentError(f"{name}=: a CrossEncoder here has the checkpoint's own prompt, and the device that it was made with")


def _activation(given: Any) -> Any:
    if given is None or callable(given):
        return given
    name = {"identity": "none"}.get(given, given)
    if name not in ("sigmoid", "tanh", "softmax", "none"):
        raise ArgumentError(f'activation_fn={given!r}: there are "sigmoid", "tanh", "softmax" and "none", and functions')
    return name


def _by_name(name: str, rows: list[list[float]]) -> list[list[float]]:
    if name == "none":
        return rows
    if name == "softmax":
        return [_softmax(row) for row in rows]
    function = math.tanh if name == "tanh" else _sigmoid
    return [[function(logit) for logit in row] for row in rows]


def _sigmoid(logit: float) -> float:
    # Neither exponential is of a large number.
    if logit >= 0:
        return 1 / (1 + math.exp(-logit))
    share = math.exp(logit)
    return share / (1 + share)


def _softmax(row: list[float]) -> list[float]:
    largest = max(row)
    shares = [math.exp(logit - largest) for logit in row]
    total = sum(shares)
    return [share / total for share in shares]


def _by_function(function: Callable[[Any], Any], rows: list[list[float]]) -> list[list[float]]:
    if not rows:
        return rows
    torch = sys.modules.get("torch")
    if torch is not None:
        given = torch.tensor(rows, dtype=torch.float32)
    else:
        import numpy

        given = numpy.asarray(rows, dtype=numpy.float32)
    scores = function(given).tolist()
    if len(scores) != len(rows):
        raise ArgumentError(f"activation_fn= made {len(scores)} scores of {len(rows)} pairs")
    return [row if isinstance(row, list) else [row] for row in scores]


def _pairs(inputs: Any) -> tuple[list[str], list[str], bool]:
    """The first texts, the second ones, and whether it is one pair alone."""
    if hasattr(inputs, "__arrow_c_stream__") or hasattr(inputs, "__arrow_c_array__"):
        columns = _columns_of(inputs)
        if len(columns) != 2:
            raise DataError(f"a table of pairs has two columns, and not {len(columns)}: select them")
        return columns[0], columns[1], False
    if hasattr(inputs, "tolist"):
        inputs = inputs.tolist()
    if isinstance(inputs, (str, bytes, dict)) or not hasattr(inputs, "__iter__"):
        raise DataError(f"pairs are lists of two texts each, not {type(inputs).__name__}")
    inputs = list(inputs)
    alone = bool(inputs) and isinstance(inputs[0], str)
    firsts, seconds = [], []
    for place, pair in enumerate([inputs] if alone else inputs):
        pair = pair.tolist() if hasattr(pair, "tolist") else pair
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
            raise DataError(f"pair {place} is not two texts: [first, second], both of them str, is wanted")
        firsts.append(pair[0])
        seconds.append(pair[1])
    return firsts, seconds, alone


def _converted(scores: Sequence[Any], convert_to_numpy: bool, convert_to_tensor: bool) -> Any:
    if convert_to_tensor:
        try:
            import torch
        except ImportError as error:
            raise ArgumentError("convert_to_tensor=True: torch is not installed") from error
        return torch.tensor(scores, dtype=torch.float32)
    if not convert_to_numpy:
        return scores
    try:
        import numpy
    except ImportError as error:
        raise ArgumentError("convert_to_numpy=True: NumPy is not installed; convert_to_numpy=False gives a list") from error
    return numpy.asarray(scores, dtype=numpy.float32)


def _key(score: float) -> tuple[bool, float]:
    return (False, 0.0) if math.isnan(score) else (True, score)
