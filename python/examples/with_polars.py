"""Polars: a column of a lazy frame, as a struct that is unnested."""

import sys

import polars as pl
import wgbert

source, target, *model = sys.argv[1:]
classifier = wgbert.Classifier(*model)
ANSWER = pl.Struct({"label": pl.String, "score": pl.Float32, "error": pl.String})


def classify(texts: pl.Series) -> pl.Series:
    return classifier.classify(texts).to_polars().select("label", "score", "error").to_struct()


frame = pl.scan_parquet(source)
frame = frame.with_columns(pl.col("text").map_batches(classify, return_dtype=ANSWER).alias("answer"))
frame.unnest("answer").sink_parquet(target)
