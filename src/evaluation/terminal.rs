//! An evaluation as text for a terminal: figures, a table of labels, what was confused.

use super::{Averages, Evaluation, Figures, LabelFigures, MultiLabel, PerLabel, Regression, Scores, SingleLabel};
use std::fmt;

/// Columns where nobody says how many there are.
const WIDTH: usize = 80;
/// The narrowest terminal that lines are fitted to.
const NARROWEST: usize = 32;
/// The widest label.
const WIDEST_LABEL: usize = 32;
/// Labels up to which the confusion matrix is shown; of more, the pairs that are confused most.
const WIDEST_MATRIX: usize = 12;
/// How many of these.
const PAIRS: usize = 12;

impl fmt::Display for Evaluation {
    /// As [`Evaluation::text`], for 80 columns.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(WIDTH))
    }
}

impl Evaluation {
    /// The figures as lines of at most `width` columns, or 32 where that is less: labels are shortened and columns left out to
    /// fit. Signs that would steer a terminal are taken out of labels.
    pub fn text(&self, width: usize) -> String {
        let width = width.max(NARROWEST);
        let mut text = String::new();
        let rows = self.rows;
        let counted = match rows.scored {
            1 => "1 row was scored".into(),
            scored => format!("{scored} rows were scored"),
        };
        paragraph(&mut text, &[vec![counted], rows.not_scored()].concat().join(", "), width);
        match &self.figures {
            None => {}
            Some(Figures::SingleLabel(figures)) => single_label(&mut text, figures, width),
            Some(Figures::MultiLabel(figures)) => multi_label(&mut text, figures, width),
            Some(Figures::Regression(figures)) => regression(&mut text, figures, width),
        }
        text
    }
}

fn single_label(text: &mut String, figures: &SingleLabel, width: usize) {
    let ece = figures.calibration.as_ref().map(|calibration| calibration.expected_calibration_error);
    let headline = [
        ("accuracy", Some(figures.accuracy)),
        ("macro F1", Some(figures.averages.macro_.f1_score)),
        ("weighted F1", Some(figures.averages.weighted.f1_score)),
        ("Matthews correlation", Some(figures.matthews_corrcoef)),
        ("log loss", figures.log_loss),
        ("Brier score", figures.brier_score_loss),
        ("calibration error", ece),
    ];
    list(text, &headline);
    labels(text, &figures.per_label, &figures.averages, width);
    if figures.confusions.is_empty() {
        return;
    }
    let matrix = figures.confusion_matrix.as_ref().filter(|matrix| matrix.len() <= WIDEST_MATRIX);
    let names: Vec<&str> = figures.per_label.iter().map(|label| label.label.as_str()).collect();
    if let Some(lines) = matrix.and_then(|matrix| confusion_matrix(&names, matrix, width)) {
        text.push('\n');
        paragraph(text, "Confusion matrix: a row is the right label, a column the predicted one", width);
        text.push_str(&lines);
        return;
    }
    text.push('\n');
    paragraph(
        text,
        "Most confused: the right label, the predicted one, rows, and their share of the right label's",
        width,
    );
    let rows = figures.confusions.iter().take(PAIRS).map(|pair| {
        vec![
            clean(&pair.expected),
            clean(&pair.predicted),
            pair.rows.to_string(),
            format!("{:.1} %", 100.0 * pair.share),
        ]
    });
    table(text, &[], &rows.collect::<Vec<_>>(), 2, width);
}

fn multi_label(text: &mut String, figures: &MultiLabel, width: usize) {
    let averages = &figures.averages;
    let headline = [
        ("micro F1", Some(averages.micro.f1_score)),
        ("macro F1", Some(averages.macro_.f1_score)),
        ("weighted F1", Some(averages.weighted.f1_score)),
        ("samples F1", averages.samples.map(|scores| scores.f1_score)),
        ("subset accuracy", Some(figures.subset_accuracy)),
        ("Hamming loss", Some(figures.hamming_loss)),
        ("log loss", figures.log_loss),
        ("Brier score", figures.brier_score_loss),
        ("mean average precision", figures.mean_average_precision),
    ];
    list(text, &headline);
    let per_label: Vec<PerLabel> = figures.per_label.iter().map(|label| label.per_label.clone()).collect();
    labels(text, &per_label, averages, width);
    text.push('\n');
    let best = figures.best_threshold_averages;
    paragraph(
        text,
        &format!(
            "Thresholds: with the best of each label on these rows, micro F1 would be {:.4} and macro F1 {:.4}",
            best.micro.f1_score, best.macro_.f1_score
        ),
        width,
    );
    let row = |label: &LabelFigures| {
        let [average_precision, best_f1] = [label.average_precision, label.best_f1_score].map(figure);
        let best = label.best_threshold.map_or("-".into(), |threshold| format!("{threshold:.4}"));
        vec![clean(&label.per_label.label), format!("{:.4}", label.threshold), best, best_f1, average_precision]
    };
    let rows: Vec<Vec<String>> = figures.per_label.iter().map(row).collect();
    table(text, &["", "given", "best", "best F1", "AP"], &rows, 1, width);
}

fn regression(text: &mut String, figures: &Regression, width: usize) {
    let mean = &figures.mean;
    let headline = [
        ("Pearson", mean.pearson),
        ("Spearman", mean.spearman),
        ("MSE", mean.mean_squared_error),
        ("RMSE", mean.root_mean_squared_error),
        ("MAE", mean.mean_absolute_error),
        ("R²", mean.r2_score),
    ];
    list(text, &headline);
    if figures.per_output.len() > 1 {
        text.push('\n');
        let rows = figures.per_output.iter().map(|output| {
            let of = &output.figures;
            let numbers = [of.pearson, of.spearman, of.root_mean_squared_error, of.mean_absolute_error, of.r2_score];
            std::iter::once(clean(&output.label)).chain(numbers.map(figure)).collect()
        });
        table(text, &["", "Pearson", "Spearman", "RMSE", "MAE", "R²"], &rows.collect::<Vec<_>>(), 1, width);
    }
}

/// Names with figures, and nothing of figures that there are not.
fn list(text: &mut String, figures: &[(&str, Option<f64>)]) {
    text.push('\n');
    let widest = figures.iter().map(|(name, _)| columns(name)).max().unwrap_or(0);
    let present: Vec<_> = figures.iter().filter_map(|(name, value)| Some((name, figure(Some((*value)?))))).collect();
    let number = present.iter().map(|(_, number)| number.len()).max().unwrap_or(0);
    for (name, value) in present {
        text.push_str(&format!("{}  {value:>number$}\n", padded(name, widest)));
    }
}

fn labels(text: &mut String, labels: &[PerLabel], averages: &Averages, width: usize) {
    text.push('\n');
    let row = |name: String, scores: &Scores, support: String| {
        let numbers = [scores.precision, scores.recall, scores.f1_score].map(|number| format!("{number:.4}"));
        let [precision, recall, f1] = numbers;
        vec![name, precision, recall, f1, support]
    };
    let mut rows: Vec<_> =
        labels.iter().map(|label| row(clean(&label.label), &label.scores, label.support.to_string())).collect();
    if labels.len() > 1 {
        let kinds = [
            ("micro average", Some(averages.micro)),
            ("macro average", Some(averages.macro_)),
            ("weighted average", Some(averages.weighted)),
            ("samples average", averages.samples),
        ];
        let present = kinds.iter().filter_map(|(name, scores)| Some((name, (*scores)?)));
        rows.extend(present.map(|(name, scores)| row((*name).into(), &scores, String::new())));
    }
    table(text, &["", "precision", "recall", "F1", "support"], &rows, 1, width);
}

/// The matrix with shortened labels; `None` where the terminal is too narrow for it.
fn confusion_matrix(labels: &[&str], matrix: &[Vec<u64>], width: usize) -> Option<String> {
    let widest = matrix.iter().flatten().max().map_or(1, |rows| rows.to_string().len());
    let names: Vec<String> = labels.iter().map(|label| clean(label)).collect();
    let longest = names.iter().map(|name| columns(name)).max()?.min(WIDEST_LABEL);
    // Columns get what their numbers need, and more for their labels where there is room.
    let room = width.checked_sub(longest.min(width / 3))? / matrix.len();
    let column = longest.min(room.checked_sub(2)?);
    if column < widest.max(3.min(longest)) {
        return None;
    }
    let head: Vec<&str> = std::iter::once("").chain(names.iter().map(String::as_str)).collect();
    let head: Vec<String> = head.iter().map(|name| shortened(name, column)).collect();
    let head: Vec<&str> = head.iter().map(String::as_str).collect();
    let rows: Vec<Vec<String>> = names
        .iter()
        .zip(matrix)
        .map(|(name, row)| std::iter::once(name.clone()).chain(row.iter().map(u64::to_string)).collect())
        .collect();
    let mut text = String::new();
    table(&mut text, &head, &rows, 1, width);
    Some(text)
}

/// Rows whose first `names` columns stand left and are shortened, and whose others stand right; where even that is too wide,
/// the last columns are left out.
fn table(text: &mut String, head: &[&str], rows: &[Vec<String>], names: usize, width: usize) {
    let count = rows.first().map_or(0, Vec::len);
    let widest = |column: usize| {
        let cells = rows.iter().map(|row| columns(&row[column]));
        cells.chain(head.get(column).map(|name| columns(name))).max().unwrap_or(0)
    };
    let mut widths: Vec<usize> = (0..count).map(widest).collect();
    widths[..names.min(count)].iter_mut().for_each(|width| *width = (*width).min(WIDEST_LABEL));
    let least: Vec<usize> = widths[..names.min(count)].iter().map(|width| (*width).min(8)).collect();
    let sum = |widths: &[usize]| widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1);
    while sum(&widths) > width {
        let excess = sum(&widths) - width;
        let spare = |name: &usize| widths[*name] > least[*name];
        match (0..least.len()).filter(spare).max_by_key(|name| widths[*name]) {
            Some(name) => widths[name] -= excess.min(widths[name] - least[name]).min(1.max(excess / names)),
            None if widths.len() > names + 1 => drop(widths.pop()),
            None => break,
        }
    }
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        let cells = cells.zip(&widths).enumerate().map(|(column, (cell, &width))| {
            let cell = shortened(cell, width);
            let space = " ".repeat(width - columns(&cell));
            if column < names { cell + &space } else { space + &cell }
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    };
    if !head.is_empty() {
        line(&mut head.iter().copied());
    }
    rows.iter().for_each(|row| line(&mut row.iter().map(String::as_str)));
}

/// Words in lines.
fn paragraph(text: &mut String, words: &str, width: usize) {
    let mut line = String::new();
    for word in words.split(' ') {
        if !line.is_empty() && columns(&line) + 1 + columns(word) > width {
            text.push_str(&line);
            text.push('\n');
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    text.push_str(&line);
    text.push('\n');
}

/// A figure with four digits behind the point, or as many digits as one can read where it is large.
pub(super) fn figure(value: Option<f64>) -> String {
    match value {
        None => "-".into(),
        Some(value) if value.abs() >= 1e6 => format!("{value:.3e}"),
        Some(value) => format!("{value:.4}"),
    }
}

/// Without what steers a terminal or turns the direction of what follows.
fn clean(text: &str) -> String {
    let turns =
        |letter: char| matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let breaks = |letter: char| letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}');
    text.chars().filter(|letter| !turns(*letter)).map(|letter| if breaks(letter) { ' ' } else { letter }).collect()
}

/// Columns of a terminal that a text takes. The crate that knows every letter is only the command line's; these are the blocks
/// of wide letters, and of marks above others.
fn columns(text: &str) -> usize {
    let letter = |letter: char| match u32::from(letter) {
        0x0300..=0x036f | 0x200b..=0x200d | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f => 2,
        0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd => 2,
        _ => 1,
    };
    text.chars().map(letter).sum()
}

fn shortened(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.into();
    }
    let mut short = String::new();
    for letter in text.chars() {
        if columns(&short) + columns(letter.encode_utf8(&mut [0; 4])) + 1 > width {
            break;
        }
        short.push(letter);
    }
    short + if width > 0 { "…" } else { "" }
}

fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

#[cfg(test)]
#[path = "terminal_tests.rs"]
mod tests;
