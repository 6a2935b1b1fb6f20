"""DuckDB: a function of SQL over Arrow columns."""

import sys

import duckdb
import pyarrow as pa
import wgbert
from duckdb.sqltypes import VARCHAR

source, target, *model = sys.argv[1:]
classifier = wgbert.Classifier(*model)


def classify(texts: pa.ChunkedArray) -> pa.Array:
    return classifier.classify(texts).to_pyarrow().select(["label", "score", "error"]).to_struct_array()


connection = duckdb.connect()
answer = duckdb.struct_type({"label": "VARCHAR", "score": "FLOAT", "error": "VARCHAR"})
# A null, too, is a row with an answer: its error says that there is no text.
connection.create_function("classify", classify, [VARCHAR], answer, type="arrow", null_handling="special")
connection.read_parquet(source).query(
    "texts", "select * exclude answer, answer.* from (select *, classify(text) as answer from texts)"
).write_parquet(target)
