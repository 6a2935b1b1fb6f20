//! The tables of a page.

use super::html::{Table, count, head, name, number};
use crate::evaluation::{
    Averages, LabelFigures, MultiLabel, PerLabel, Regression, RegressionFigures, Scores, SingleLabel,
};

/// Shades of the confusion matrix, beside none for zero.
const SHADES: f64 = 6.0;
/// Labels of more signs stand upright above a column, as all do of more labels than this.
const LEVEL_LABEL: usize = 12;
const LEVEL_LABELS: usize = 6;

pub(super) fn confusion_matrix(figures: &SingleLabel, matrix: &[Vec<u64>]) -> String {
    let labels: Vec<String> = figures.per_label.iter().map(|label| name(&label.label)).collect();
    let level = figures.per_label.iter().all(|label| label.label.chars().count() <= LEVEL_LABEL);
    let class = if level && labels.len() <= LEVEL_LABELS { "matrix short" } else { "matrix" };
    let caption = "Rows of each right label (down) by predicted label (across). The shade is the share of the right \
                   label’s rows: blue where the answer is right, orange where it is wrong.";
    let columns: Vec<String> = std::iter::once("right \\ predicted".into()).chain(labels.iter().cloned()).collect();
    let mut table = Table::new("confusion-matrix", class, caption, &columns);
    for (right, (label, row)) in labels.iter().zip(matrix).enumerate() {
        let support: u64 = row.iter().sum();
        let cells = row.iter().enumerate().map(|(predicted, &rows)| {
            let kind = if predicted == right { "right" } else { "wrong" };
            let class = match (rows as f64 / support as f64 * SHADES).ceil() as u64 {
                _ if rows == 0 => "zero".into(),
                shade => format!("{kind} s{shade}"),
            };
            (class, count(rows))
        });
        table.classed(label, cells);
    }
    table.finish()
}

pub(super) fn confusions(figures: &SingleLabel) -> String {
    const PAIRS: usize = 20;
    if figures.confusions.is_empty() {
        return "<p>No row got a wrong label.</p>\n".into();
    }
    // A small matrix says it all.
    if figures.confusion_matrix.is_some() && figures.per_label.len() <= 3 {
        return String::new();
    }
    let columns = head(["Right label", "Predicted label", "Rows", "Share of the right label’s"]);
    let shown = figures.confusions.len().min(PAIRS);
    let mut table =
        Table::new("confused-pairs", "pairs", &format!("The {shown} most frequent wrong answers"), &columns);
    for pair in figures.confusions.iter().take(PAIRS) {
        let share = format!("{:.1} %", 100.0 * pair.share);
        let predicted = ("name".into(), name(&pair.predicted));
        table.classed(&name(&pair.expected), [predicted, (String::new(), count(pair.rows)), (String::new(), share)]);
    }
    table.finish()
}

pub(super) fn labels(labels: &[PerLabel], averages: &Averages) -> String {
    let columns = head(["Label", "Precision", "Recall", "F1", "Support", "Predicted"]);
    let caption = "Support is in how many rows a label is right, and predicted in how many it was answered.";
    let mut table = Table::new("label-table", "", caption, &columns);
    let scores = |scores: &Scores| [scores.precision, scores.recall, scores.f1_score].map(|score| number(Some(score)));
    for label in labels {
        let cells = scores(&label.scores).into_iter().chain([count(label.support), count(label.predicted)]);
        table.row(&name(&label.label), cells);
    }
    table.group("averages");
    let kinds = [
        ("micro average", Some(averages.micro)),
        ("macro average", Some(averages.macro_)),
        ("weighted average", Some(averages.weighted)),
        ("samples average", averages.samples),
    ];
    for (kind, average) in kinds {
        if let Some(average) = average {
            table.row(kind, scores(&average).into_iter().chain([String::new(), String::new()]));
        }
    }
    table.finish()
}

pub(super) fn thresholds(figures: &MultiLabel) -> String {
    let best = &figures.best_threshold_averages;
    let mut html = format!(
        "<p>A label is predicted where its score is more than its threshold. With the best threshold of \
         each label, micro F1 would be {} and macro F1 {}: on these rows, on which these thresholds were found, so \
         expect less on others.</p>\n",
        number(Some(best.micro.f1_score)),
        number(Some(best.macro_.f1_score)),
    );
    let columns =
        head(["Label", "Threshold", "F1", "Best threshold", "Best F1", "Average precision", "Log loss", "Brier score"]);
    let caption = "The best threshold has the largest F1 on these rows; of several such, it is the lowest.";
    let mut table = Table::new("threshold-table", "", caption, &columns);
    for label in &figures.per_label {
        let LabelFigures { per_label, threshold, best_threshold, best_f1_score, .. } = label;
        let cells = [
            Some(f64::from(*threshold)),
            Some(per_label.scores.f1_score),
            best_threshold.map(f64::from),
            *best_f1_score,
            label.average_precision,
            label.log_loss,
            label.brier_score_loss,
        ];
        table.row(&name(&per_label.label), cells.map(number));
    }
    html += &table.finish();
    html
}

pub(super) fn outputs(figures: &Regression) -> String {
    let columns = head(["Output", "Pearson", "Spearman", "MSE", "RMSE", "MAE", "R²"]);
    let mut table = Table::new("output-table", "", "The figures of each output, and their means", &columns);
    let cells = |figures: &RegressionFigures| {
        let numbers = [
            figures.pearson,
            figures.spearman,
            figures.mean_squared_error,
            figures.root_mean_squared_error,
            figures.mean_absolute_error,
            figures.r2_score,
        ];
        numbers.map(number)
    };
    for output in &figures.per_output {
        table.row(&name(&output.label), cells(&output.figures));
    }
    table.group("averages");
    table.row("mean", cells(&figures.mean));
    table.finish()
}
