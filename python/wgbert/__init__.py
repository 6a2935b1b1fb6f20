"""BERT-family text classification on any GPU, with the answers of transformers.

    >>> import wgbert
    >>> wgbert.Classifier().classify(["This movie was absolutely fantastic."])[0]["label"]
    'positive'

`Classifier` takes texts, and gives answers, by Arrow's C interface: columns and tables of pyarrow, polars, pandas,
duckdb, datafusion, daft and others, none of which it needs. `pipeline` has the form and the answers of transformers'
own, `CrossEncoder` those of sentence-transformers'.
"""

from wgbert._cross_encoder import CrossEncoder
from wgbert._errors import (
    AdapterError,
    ArgumentError,
    DataError,
    DeviceLostError,
    Error,
    FileError,
    HubError,
    ModelError,
    OutOfMemoryError,
    TaskError,
    TextError,
    WrongAnswersError,
)
from wgbert._pipeline import TextClassificationPipeline, TokenClassificationPipeline, pipeline
from wgbert._wgbert import Answers, Batches, Classifier, __version__
from wgbert._zero_shot import ZeroShotClassificationPipeline

__all__ = [
    "AdapterError",
    "Answers",
    "ArgumentError",
    "Batches",
    "Classifier",
    "CrossEncoder",
    "DataError",
    "DeviceLostError",
    "Error",
    "FileError",
    "HubError",
    "ModelError",
    "OutOfMemoryError",
    "TaskError",
    "TextClassificationPipeline",
    "TextError",
    "TokenClassificationPipeline",
    "WrongAnswersError",
    "ZeroShotClassificationPipeline",
    "__version__",
    "pipeline",
]
