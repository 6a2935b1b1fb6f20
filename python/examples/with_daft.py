"""Daft: a class whose instances live in workers, over batches, its struct unnested."""

import sys

import daft
import pyarrow.parquet as pq
import wgbert
from daft import DataType

source, target, *model = sys.argv[1:]
ANSWER = {"label": DataType.string(), "score": DataType.float32(), "error": DataType.string()}


@daft.cls
class Classify:
    def __init__(self, *model: str):
        self.classifier = wgbert.Classifier(*model)

    @daft.method.batch(return_dtype=DataType.struct(ANSWER), unnest=True)
    def answer(self, texts: daft.Series):
        answers = self.classifier.classify(texts.to_arrow()).to_pyarrow()
        return answers.select(list(ANSWER)).to_struct_array().combine_chunks()


classify = Classify(*model)
table = daft.read_parquet(source)
pq.write_table(table.select("id", "text", classify.answer(table["text"])).to_arrow(), target)
