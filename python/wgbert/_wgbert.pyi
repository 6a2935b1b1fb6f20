from collections.abc import Iterator, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    import numpy
    import pandas
    import polars
    import pyarrow

__version__: str

class _ArrowStream(Protocol):
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...

class _ArrowArray(Protocol):
    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]: ...

_Texts = str | Sequence[str | None] | _ArrowStream | _ArrowArray

def run_command(arguments: Sequence[str], program: str | None = None) -> int:
    """Runs the command line with these arguments, the first of which is the program's name, and gives the exit code."""

def _texts_of(texts: _Texts) -> list[str]: ...
def _columns_of(object: _ArrowStream | _ArrowArray) -> list[list[str]]: ...

class Classifier:
    """A fine-tuned BERT-family classifier, on the best adapter or on the one that is named.

    Threads may share one, and calls that wait at the same time are answered from the same batches, which changes no bit
    of an answer. It is pickled by its arguments. In a process there is one engine for the same arguments; after a fork it
    is opened anew.
    """

    def __new__(
        cls,
        model: str | PathLike[str] | None = None,
        *,
        adapter: str | int | None = None,
        backend: Literal["vulkan", "metal", "dx12"] | None = None,
        precision: Literal["f32", "f16", "auto"] = "f32",
        tensor_cores: Literal["auto", "always", "never"] = "auto",
        max_length: int | None = None,
        truncation: Literal["cut", "cut-left", "refuse", "windows"] = "cut",
        stride: int = 0,
        windows: Literal["mean", "max", "first"] = "mean",
        pair_truncation: Literal["longest-first", "only-first", "only-second"] = "longest-first",
        function_to_apply: Literal["softmax", "sigmoid", "none"] | None = None,
        random_head: int | None = None,
        self_check: Literal["auto", "always", "never"] | None = None,
        batch_tokens: int | None = None,
        batch_texts: int | None = None,
        open: bool = True,
    ) -> Classifier:
        """Opens a model.

        Args:
            model: a folder as `save_pretrained` writes it, or a name on the Hugging Face hub (`OWNER/NAME[@REVISION]`);
                None: the English sentiment model that is compiled in.
            adapter: an adapter by (part of) its name, its index or its bus id, as `wgbert adapters` lists it; several with
                commas, or "all"; "cuda:1" is the second card of NVIDIA's; "reference" is the CPU, slow, without a driver.
                None: what `WGBERT_ADAPTER` names, else the cards that `CUDA_VISIBLE_DEVICES` gives this process, else the
                best.
            backend: looks for adapters on this one only.
            precision: what weights and activations are stored as; "auto" is f16 where shaders have it.
            tensor_cores: when to multiply on them.
            max_length: the most tokens of a text, special tokens included.
            truncation: what becomes of longer ones: they are cut, at their end or beginning, refused, or read in windows.
            stride: tokens that two neighbouring windows share.
            windows: what the logits of windows become: their mean or maximum by label, or those of the first.
            pair_truncation: which text of a pair is cut.
            function_to_apply: what makes scores of logits; None: what the checkpoint's configuration says.
            random_head: fills a head that is absent from this seed, instead of refusing.
            self_check: when the adapter has to show that it computes right; None: what `WGBERT_SELF_CHECK` says, else "auto".
            batch_tokens, batch_texts: the most of a batch on the device.
            open: whether the model is opened now, or when it is first used.

        Raises:
            ArgumentError, FileError, HubError, ModelError, AdapterError.
        """

    @property
    def arguments(self) -> dict[str, Any]:
        """What it was made by."""
    @property
    def task(self) -> Literal["text-classification", "token-classification"]:
        """What it classifies, by the class that the checkpoint's configuration names."""
    @property
    def labels(self) -> list[str]:
        """The name of each label."""
    @property
    def adapter(self) -> str:
        """The adapter's name, the first where there are several, or "reference"."""
    @property
    def precision(self) -> Literal["f32", "f16"]:
        """What weights and activations are stored as."""
    @property
    def max_length(self) -> int:
        """The most tokens of a text, special tokens included."""
    @property
    def function_to_apply(self) -> Literal["softmax", "sigmoid", "tanh", "none"]:
        """What makes scores of logits."""
    @property
    def problem_type(self) -> str | None:
        """The configuration's `problem_type`, if it has one."""
    @property
    def _pipeline_function(self) -> str: ...
    @property
    def _cross_encoder_function(self) -> str: ...
    def close(self) -> None:
        """Closes the engine, once the calls that run in other threads are done; a later call opens it again."""
    def classify(
        self,
        column: _Texts,
        pair: _Texts | None = None,
        *,
        top_k: int = 1,
        scores: bool = False,
        logits: bool = False,
        hidden_states: bool = False,
        attentions: bool = False,
        labels: Sequence[Any] | None = None,
    ) -> Answers:
        """Classifies texts, or pairs of texts, and gives a table with a row for each.

        Columns: `index` (u64, from 0), `label` (utf8), `score` (f32), `tokens` (u32), `truncated` (bool), `error` (utf8:
        why a row has no answer, else null).

        Args:
            column: a str, a list of them, or a column by Arrow's C interface: utf8, large_utf8, string views, or a
                dictionary of them; in pieces or not. Null rows have an error.
            pair: the second text of each pair.
            top_k: also `label_2`, `score_2`, up to so many of the best.
            scores, logits: also fixed-size lists of f32, one a label.
            hidden_states: also `Answers.hidden_states`, `[layers + 1, tokens, hidden]` a text.
            attentions: also `Answers.attentions`, `[layers, heads, tokens, tokens]` a text.
            labels: what is right of each text: a name or an index, for several labels a list of names or numbers, for
                regression a number, or None. Also a column `loss`, and its mean, `Answers.loss`.

        Raises:
            DataError: the column has no texts. TaskError: the model classifies tokens. AdapterError and its kinds.
        """
    def classify_batches(
        self,
        stream: _ArrowStream | _ArrowArray,
        text_column: str,
        pair_column: str | None = None,
        *,
        top_k: int = 1,
        scores: bool = False,
        logits: bool = False,
    ) -> Batches:
        """Classifies the rows of a table, or of a stream of record batches, as they are asked for, in constant memory.

        The table's columns are carried through, in their types; those of `classify` are behind them, called
        `predicted_label` and so on where the table has one of the name.

        Raises:
            DataError: a column is absent or has no texts, or the stream cannot be read. TaskError, AdapterError.
        """
    def entities(
        self, texts: _Texts, aggregation_strategy: str = "none", ignore_labels: Sequence[str] | None = None
    ) -> list[list[dict[str, Any]]]:
        """The entities of each text, with a checkpoint of token classification, as transformers' pipeline has them.

        Raises:
            TextError: a text is null or cannot be classified. TaskError: the model classifies texts.
        """
    def _label_scores(
        self, texts: _Texts, pairs: _Texts | None, top_k: int | None, best_first: bool, first: int = 0
    ) -> list[list[dict[str, Any]]]: ...
    def _pair_scores(self, firsts: _Texts, seconds: _Texts, logits: bool) -> list[list[float]]: ...
    def _zero_shot(
        self, texts: _Texts, labels: Sequence[str], hypothesis_template: str, multi_label: bool, first: int
    ) -> list[dict[str, Any]]: ...
    def _entities(
        self, texts: _Texts, aggregation_strategy: str, ignore_labels: Sequence[str] | None, first: int
    ) -> list[list[dict[str, Any]]]: ...

class Answers:
    """The answers to texts: a table with a row for each, in their order.

    It has `__arrow_c_stream__`, and so is taken by whatever speaks Arrow's C interface. `answers[i]` is a row, as a dict.
    """

    def __len__(self) -> int: ...
    def __getitem__(self, row: int) -> dict[str, Any]: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def __arrow_c_schema__(self) -> object: ...
    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
    @property
    def loss(self) -> float | None:
        """The mean loss of the texts that had a label."""
    @property
    def hidden_states(self) -> list[numpy.ndarray | None] | None:
        """For each row an array `[layers + 1, tokens, hidden]` of f32, which is not copied and cannot be written to."""
    @property
    def attentions(self) -> list[numpy.ndarray | None] | None:
        """For each row an array `[layers, heads, tokens, tokens]` of f32, as `hidden_states`."""
    def to_pyarrow(self) -> pyarrow.Table: ...
    def to_polars(self) -> polars.DataFrame: ...
    def to_pandas(self) -> pandas.DataFrame:
        """By pyarrow."""

class Batches:
    """The answers to a stream of record batches, in its order, as they are asked for.

    It has `__arrow_c_stream__`, which hands it over to another library, or is iterated over.
    """

    def __iter__(self) -> Batches: ...
    def __next__(self) -> Answers: ...
    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object: ...
    def __arrow_c_schema__(self) -> object: ...
    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
    def to_pyarrow(self) -> pyarrow.RecordBatchReader: ...
    def to_polars(self) -> polars.DataFrame:
        """The rest of it."""
    def to_pandas(self) -> pandas.DataFrame:
        """The rest of it, by pyarrow."""
