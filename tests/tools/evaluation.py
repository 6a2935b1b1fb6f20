#!/usr/bin/env python3
"""Writes tests/evaluation/*.json, rows with their answers and the figures of scikit-learn and scipy: python tests/tools/evaluation.py

Needs numpy 2.4, scikit-learn 1.9 and scipy 1.17, and gives the same files each time. A file is a case: "problem_type", "labels",
"thresholds" where several labels may be right, "rows" of [what is right, logits, probabilities or null], and "expected", which has
the names of `Evaluation` as JSON. Numbers of rows are 32-bit floats, which they are measured as in 64 bits; what is undefined is null.
Calibration is Guo et al.'s, which scikit-learn has not.
"""
import json, pathlib, warnings

import numpy as np
from scipy import stats
from sklearn import metrics

FOLDER = pathlib.Path(__file__).resolve().parents[1] / "evaluation"
BINS = 15
warnings.simplefilter("ignore")


def short(array):
    """32-bit floats that are short in JSON, in 64 bits."""
    return np.round(np.asarray(array, np.float32), 4).astype(np.float32).astype(np.float64)


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32).astype(np.float64)


def sigmoid(logits):
    return (1 / (1 + np.exp(-logits))).astype(np.float32).astype(np.float64)


def number(value):
    return None if value is None or not np.isfinite(value) else float(value)


def text(values):
    """As many digits as a 32-bit float has."""
    return [float(str(np.float32(value))) for value in values]


def averages(right, predicted, kinds):
    names = ["precision", "recall", "f1_score"]
    of = lambda kind: metrics.precision_recall_fscore_support(right, predicted, average=kind)[:3]
    return {kind: dict(zip(names, map(float, of(kind)))) for kind in kinds}


def per_label(labels, right, predicted):
    figures = metrics.precision_recall_fscore_support(right, predicted, labels=range(len(labels)))
    return [{"label": label, "precision": float(p), "recall": float(r), "f1_score": float(f), "support": int(s)}
            for label, p, r, f, s in zip(labels, *figures)]


def calibration(right, predicted, probabilities):
    top = probabilities[np.arange(len(right)), predicted]
    hits = right == predicted
    bins, error = [], 0.0
    for low, high in zip(np.arange(BINS) / BINS, np.arange(1, BINS + 1) / BINS):
        inside = (top > low) & (top <= high) | (top == 0) & (low == 0)
        rows = int(inside.sum())
        bins.append({"from": low, "to": high, "rows": rows, "mean_score": number(top[inside].mean()) if rows else None,
                     "accuracy": number(hits[inside].mean()) if rows else None})
        error += rows / len(right) * abs(top[inside].mean() - hits[inside].mean()) if rows else 0
    return {"expected_calibration_error": float(error), "bins": bins}


def single_label(labels, right, logits, probabilities="softmax"):
    right, logits = np.asarray(right), short(logits)
    predicted, count = logits.argmax(axis=1), len(labels)
    probabilities = None if probabilities is None else softmax(logits)
    expected = {
        "accuracy": metrics.accuracy_score(right, predicted),
        "matthews_corrcoef": metrics.matthews_corrcoef(right, predicted),
        # Without a list of labels those count that occur, which is what most people's macro average is.
        "averages": averages(right, predicted, ["micro", "macro", "weighted"]),
        "per_label": per_label(labels, right, predicted),
        "confusion_matrix": metrics.confusion_matrix(right, predicted, labels=range(count)).tolist(),
    }
    if probabilities is not None:
        expected |= {
            "log_loss": metrics.log_loss(right, probabilities, labels=range(count)),
            "brier_score_loss": metrics.brier_score_loss(right, probabilities, labels=range(count)),
            "calibration": calibration(right, predicted, probabilities),
        }
    else:
        expected |= {"log_loss": None, "brier_score_loss": None, "calibration": None}
    scores = [None] * len(right) if probabilities is None else [text(row) for row in probabilities]
    rows = [[int(label), text(row), score] for label, row, score in zip(right, logits, scores)]
    return {"problem_type": "single_label_classification", "labels": labels, "rows": rows, "expected": expected}


def best_threshold(right, scores):
    """The largest F1 of every threshold that parts the scores, the lowest of equals."""
    distinct = np.unique(scores).astype(np.float32)
    below = np.float32(0) if distinct[0] > 0 else np.nextafter(distinct[0], np.float32(-np.inf))
    halfway = [np.float32(low / 2 + high / 2) for low, high in zip(distinct, distinct[1:])]
    best = None
    for threshold in [below, *halfway]:
        f1 = metrics.f1_score(right, scores > threshold)
        if best is None or f1 > best[1]:
            best = threshold, f1
    return best


def multi_label(labels, right, logits, thresholds=(0.5,), probabilities="sigmoid"):
    right, logits = np.asarray(right), short(logits)
    scores = logits if probabilities is None else sigmoid(logits)
    limits = np.asarray(thresholds, np.float32).astype(np.float64)
    predicted = (scores > limits).astype(int)
    each, best_predicted, precisions = per_label(labels, right, predicted), predicted.copy(), []
    for index, figures in enumerate(each):
        column, score = right[:, index], scores[:, index]
        figures["threshold"] = text([limits[index if len(limits) > 1 else 0]])[0]
        figures |= {"log_loss": None, "brier_score_loss": None}
        if probabilities is not None:
            figures["log_loss"] = metrics.log_loss(column, score, labels=[0, 1])
            figures["brier_score_loss"] = metrics.brier_score_loss(column, score, pos_label=1)
        figures |= {"average_precision": None, "best_threshold": None, "best_f1_score": None}
        if column.any():
            precisions.append(metrics.average_precision_score(column, score))
            threshold, f1 = best_threshold(column, score)
            best_predicted[:, index] = score > threshold
            figures |= {"average_precision": precisions[-1], "best_threshold": text([threshold])[0], "best_f1_score": f1}
    mean = lambda name: None if probabilities is None else float(np.mean([figures[name] for figures in each]))
    expected = {
        "subset_accuracy": metrics.accuracy_score(right, predicted),
        "hamming_loss": metrics.hamming_loss(right, predicted),
        "log_loss": mean("log_loss"),
        "brier_score_loss": mean("brier_score_loss"),
        "mean_average_precision": float(np.mean(precisions)) if precisions else None,
        "averages": averages(right, predicted, ["micro", "macro", "weighted", "samples"]),
        "best_threshold_averages": averages(right, best_predicted, ["micro", "macro", "weighted"]),
        "per_label": each,
    }
    given = [None] * len(right) if probabilities is None else [text(row) for row in scores]
    rows = [[row.tolist(), text(logit), score] for row, logit, score in zip(right, logits, given)]
    return {"problem_type": "multi_label_classification", "labels": labels, "thresholds": list(thresholds), "rows": rows,
            "expected": expected}


def output(right, values):
    varied = len(right) > 1 and len(set(right)) > 1
    both = varied and len(set(values)) > 1
    return {
        "pearson": number(stats.pearsonr(right, values).statistic) if both else None,
        "spearman": number(stats.spearmanr(right, values).statistic) if both else None,
        "mean_squared_error": metrics.mean_squared_error(right, values),
        "root_mean_squared_error": metrics.root_mean_squared_error(right, values),
        "mean_absolute_error": metrics.mean_absolute_error(right, values),
        "r2_score": metrics.r2_score(right, values) if varied else None,
    }


def regression(labels, right, values):
    right, values = np.asarray(right, np.float64), short(values)
    outputs = [output(right[:, index], values[:, index]) for index in range(len(labels))]
    mean = {}
    for name in outputs[0]:
        all_of = [figures[name] for figures in outputs]
        mean[name] = None if None in all_of else float(np.mean(all_of))
    return {"problem_type": "regression", "labels": labels, "rows": [[r.tolist(), text(v), None] for r, v in zip(right, values)],
            "expected": {**mean, "per_output": [{"label": label, **figures} for label, figures in zip(labels, outputs)]}}


def one_hot(right, count, scale):
    return scale * np.eye(count)[right]


def cases():
    random = np.random.default_rng(20)
    normal = lambda *shape: random.normal(size=shape)
    names = lambda count: [f"label {index}" for index in range(count)]
    two, five = ["negative", "positive"], ["1 star", "2 stars", "3 stars", "4 stars", "5 stars"]

    right = random.integers(2, size=200)
    yield "binary", single_label(two, right, 2 * normal(200, 2) + one_hot(right, 2, 2))
    # Label 3 is neither expected nor predicted.
    right = random.choice([0, 1, 2, 4], size=150, p=[0.5, 0.3, 0.15, 0.05])
    logits = normal(150, 5) + one_hot(right, 5, 1.5)
    logits[:, 3] = -9
    yield "missing_label", single_label(five, right, logits)
    # Label 4 is expected and never predicted, label 0 predicted and never expected.
    right = random.choice([1, 2, 3, 4], size=120)
    logits = normal(120, 5) + one_hot(right, 5, 1)
    logits[:, 4] = -5
    yield "never_predicted", single_label(five, right, logits)
    yield "logits_alone", single_label(five, right, logits, probabilities=None)
    # Equal logits: the first is the answer; scores on the bounds of bins.
    right = random.integers(4, size=60)
    yield "ties", single_label(names(4), right, random.integers(2, size=(60, 4)).astype(float))
    right = random.integers(3, size=40)
    yield "perfect", single_label(names(3), right, one_hot(right, 3, 60))
    yield "hopeless", single_label(names(3), right, one_hot((right + 1) % 3, 3, 400))
    yield "one_row", single_label(two, [1], [[0.5, 1.5]])
    yield "one_label_everywhere", single_label(two, [0] * 20, normal(20, 2))

    # As go_emotions: few labels a row, rows without any, labels without any row.
    right = (random.random((150, 28)) < 0.06).astype(int)
    right[:, [5, 20]] = 0
    right[::9] = 0
    logits = 1.5 * normal(150, 28) - 3 + 4 * right
    yield "multi_label", multi_label(names(28), right, logits)
    yield "one_threshold", multi_label(names(28)[:6], right[:, :6], logits[:, :6], thresholds=(0.25,))
    yield "thresholds", multi_label(names(28)[:6], right[:, :6], logits[:, :6], thresholds=(0.1, 0.2, 0.3, 0.5, 0.75, 1.0))
    right = random.integers(2, size=(80, 3))
    yield "multi_label_ties", multi_label(names(3), right, random.integers(-1, 3, size=(80, 3)).astype(float))
    yield "multi_label_logits", multi_label(names(3), right, 2 * normal(80, 3) + right, thresholds=(0.0,), probabilities=None)
    yield "multi_label_perfect", multi_label(names(3), right, 80.0 * right - 40)
    yield "multi_label_hopeless", multi_label(names(3), right, 40 - 80.0 * right)
    yield "multi_label_nothing", multi_label(names(3), np.zeros((10, 3), int), normal(10, 3))

    stars = random.integers(1, 6, size=(100, 1)).astype(float)
    yield "regression", regression(["stars"], stars, stars + normal(100, 1))
    yield "regression_ties", regression(["stars"], stars, np.round(stars + 0.7 * normal(100, 1)))
    targets = np.round(normal(90, 3) * [1, 10, 0.1] + [0, 100, 5], 3)
    yield "outputs", regression(["a", "b", "c"], targets, targets + 0.3 * normal(90, 3))
    yield "regression_perfect", regression(["stars"], stars, stars)
    yield "regression_inverse", regression(["stars"], stars, -2 * stars)
    yield "constant_answers", regression(["stars"], stars, np.full_like(stars, 3))
    yield "constant_targets", regression(["a", "b"], np.column_stack([stars[:, 0], np.full(100, 0.1)]), normal(100, 2))
    yield "regression_row", regression(["stars"], [[4]], [[3.5]])


def main():
    FOLDER.mkdir(exist_ok=True)
    for name, case in cases():
        rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in case.pop("rows"))
        expected = ",\n ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in case.pop("expected").items())
        head = json.dumps(case)[1:-1]
        (FOLDER / f"{name}.json").write_text(f'{{{head},\n"expected": {{{expected}}},\n"rows": [\n{rows}\n]}}\n')


main()
