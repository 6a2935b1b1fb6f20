"""Labels that a model was not trained for, in the form of transformers' zero-shot-classification pipeline."""

from __future__ import annotations

from wgbert._base import Pipeline, is_column
from wgbert._errors import ArgumentError, DataError

# Importing `typing` takes longer than all the rest.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TEMPLATE = "This example is {}."


class ZeroShotClassificationPipeline(Pipeline):
    """Texts to how likely labels are that the model was not trained for; made by `pipeline`.

    The model is one of natural language inference: it says whether a label's hypothesis follows from a text.
    """

    task = "zero-shot-classification"
    _calls = ("candidate_labels", "hypothesis_template", "multi_label")

    def __call__(self, sequences: Any, *args: Any, **kwargs: Any) -> Any:
        """The labels of a text, of a list of them, or of whatever gives them one by one.

        Args:
            sequences: a str; a list of them; a column by Arrow's C interface; a generator or a torch data set, which are
                answered by an iterator.
            candidate_labels: a list of labels, or a str of them between commas; also the second argument without a name.
            hypothesis_template: what a label becomes, `{}` stands for it; by default "This example is {}."
            multi_label: whether each label holds on its own; otherwise, and by default, the scores are shares of one.

        Returns:
            What transformers returns: for a str a dict with `sequence`, `labels` (the best first) and `scores`, otherwise a
            list of such dicts.

        Raises:
            ArgumentError: there is no label, the template has no place for one, or there is no such argument.
            TextError: a text is empty, or cannot be classified.
        """
        if args:
            if len(args) > 1 or "candidate_labels" in kwargs:
                raise ArgumentError(f"behind the texts and candidate_labels there is no argument without a name, and no {args[-1]!r}")
            kwargs["candidate_labels"] = args[0]
        return super().__call__(sequences, **kwargs)

    def _answer(self, inputs: Any, given: dict[str, Any], of_call: dict[str, Any]) -> Any:
        if isinstance(inputs, str):
            return self._rows([inputs], given)[0]
        if not isinstance(inputs, (list, tuple)) and not is_column(inputs):
            raise DataError(f"a str, a list of them or a column is wanted, not {type(inputs).__name__}")
        return self._rows(inputs, given)

    def _rows(self, inputs: Any, given: dict[str, Any], first: int = 0) -> list[Any]:
        labels = _labels(given.get("candidate_labels"))
        template = given.get("hypothesis_template", _TEMPLATE)
        if not isinstance(template, str):
            raise ArgumentError(f"hypothesis_template= is a str with {{}} where the label goes, not {type(template).__name__}")
        return self._classifier._zero_shot(inputs, labels, template, bool(given.get("multi_label")), first)


def _labels(labels: Any) -> list[str]:
    if isinstance(labels, str):
        labels = [label.strip() for label in labels.split(",") if label.strip()]
    labels = [] if labels is None else list(labels)
    if not labels:
        raise ArgumentError("candidate_labels=: name one label or more, as a list, or as a str of them between commas")
    for label in labels:
        if not isinstance(label, str):
            raise ArgumentError(f"candidate_labels=: a label is a str, not {type(label).__name__}")
    return labels
