"""Spark: `mapInArrow`, record batches in and out of every task's worker."""

import sys

import wgbert
from pyspark.sql import SparkSession

source, target, *model = sys.argv[1:]
# It is pickled by its arguments, and opened where it is used: one engine a worker, whose tasks share it.
classifier = wgbert.Classifier(*model, open=False)


def classify(batches):
    for batch in batches:
        for answers in classifier.classify_batches(batch, "text"):
            yield from answers.to_pyarrow().select(["id", "text", "label", "score", "error"]).to_batches()


spark = SparkSession.builder.master("local[2]").config("spark.pyspark.python", sys.executable).getOrCreate()
texts = spark.read.parquet(source).repartition(4)
answers = texts.mapInArrow(classify, "id long, text string, label string, score float, error string")
answers.write.parquet(target)
