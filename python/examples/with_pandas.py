"""pandas: a column of a frame."""

import sys

import pandas as pd
import wgbert

source, target, *model = sys.argv[1:]
frame = pd.read_parquet(source)
answers = wgbert.Classifier(*model).classify(frame["text"]).to_pandas()
frame[["label", "score", "error"]] = answers[["label", "score", "error"]]
frame.to_parquet(target)
