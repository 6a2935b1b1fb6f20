"""DataFusion: a scalar function over Arrow arrays."""

import sys

import pyarrow as pa
import wgbert
from datafusion import SessionContext, col, udf

source, target, *model = sys.argv[1:]
classifier = wgbert.Classifier(*model)
ANSWER = pa.struct({"label": pa.string(), "score": pa.float32(), "error": pa.string()})


def classify(texts: pa.Array) -> pa.Array:
    answers = classifier.classify(texts).to_pyarrow().select(ANSWER.names)
    return answers.to_struct_array().combine_chunks().cast(ANSWER)


answer = udf(classify, [pa.string_view()], ANSWER, "volatile", name="classify")
table = SessionContext().read_parquet(source)
table = table.with_column("answer", answer(col("text")))
table = table.select("id", "text", *(col("answer")[name].alias(name) for name in ANSWER.names))
table.write_parquet(target)
