"""Ray Data: actors, each with an engine of its own; with num_gpus=1 each on the card that Ray gives it."""

import sys

import pyarrow as pa
import pyarrow.parquet as pq
import ray
import wgbert

source, target, *model = sys.argv[1:]


class Classify:
    def __init__(self, *model: str):
        self.classifier = wgbert.Classifier(*model)

    def __call__(self, table: pa.Table) -> pa.Table:
        return self.classifier.classify_batches(table, "text").to_pyarrow().read_all()


texts = ray.data.read_parquet(source)
answers = texts.map_batches(
    Classify, fn_constructor_args=model, batch_format="pyarrow", batch_size=1_000, concurrency=1, num_gpus=0
)
pq.write_table(pa.concat_tables(ray.get(answers.to_arrow_refs())), target)
