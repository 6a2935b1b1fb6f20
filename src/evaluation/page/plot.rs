//! The reliability diagram, as a drawing and as a table.

use super::html::{Table, count, head, number};
use crate::evaluation::Calibration;

/// The drawing's places: the diagram above, and how many rows a bin has below.
const WIDTH: f64 = 420.0;
const LEFT: f64 = 48.0;
const TOP: f64 = 10.0;
const SIDE: f64 = 300.0;
const RIGHT: f64 = WIDTH - 12.0;
const COUNTS_TOP: f64 = TOP + SIDE + 18.0;
const COUNTS_HEIGHT: f64 = 56.0;
const COUNTS_BOTTOM: f64 = COUNTS_TOP + COUNTS_HEIGHT;
const HEIGHT: f64 = COUNTS_BOTTOM + 44.0;

pub(super) fn reliability(calibration: &Calibration) -> String {
    let error = number(Some(calibration.expected_calibration_error));
    format!(
        "<p>Of the rows with a score near 0.8, about 80 % should be right. The calibration error, {error}, \
         is the mean distance between score and accuracy.</p>\n\
         <figure>\n{}<figcaption class=\"note\">Bars: the share of rows that are right, by the score of the predicted \
         label. Marks across them: the mean score, where each bar should end. Below: how many \
         rows there are.</figcaption>\n</figure>\n\
         <details>\n<summary>The same as a table</summary>\n{}</details>\n",
        drawing(calibration),
        table(calibration)
    )
}

fn across(share: f64) -> f64 {
    LEFT + share * (RIGHT - LEFT)
}

fn up(share: f64) -> f64 {
    TOP + (1.0 - share) * SIDE
}

fn drawing(calibration: &Calibration) -> String {
    let error = calibration.expected_calibration_error;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-labelledby=\"plot-title\">\n\
         <title id=\"plot-title\">Reliability diagram of {} bins; the expected calibration error is {error:.4}</title>\n",
        calibration.bins.len()
    );
    let line = |class: &str, from: [f64; 2], to: [f64; 2]| {
        let ([x1, y1], [x2, y2]) = (from, to);
        format!("<line class=\"{class}\" x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\"/>\n")
    };
    let text = |x: f64, y: f64, anchor: &str, text: &str| {
        format!("<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>\n")
    };
    for tenth in [0, 2, 4, 6, 8, 10] {
        let share = f64::from(tenth) / 10.0;
        svg += &line("grid", [LEFT, up(share)], [RIGHT, up(share)]);
        svg += &text(LEFT - 6.0, up(share) + 4.0, "end", &format!("{share:.1}"));
        svg += &text(across(share), COUNTS_BOTTOM + 16.0, "middle", &format!("{share:.1}"));
    }
    let most = calibration.bins.iter().map(|bin| bin.rows).max().unwrap_or(0).max(1) as f64;
    for bin in &calibration.bins {
        let (Some(accuracy), Some(score)) = (bin.accuracy, bin.mean_score) else { continue };
        let (x, width) = (across(bin.from), across(bin.to) - across(bin.from));
        let title = format!(
            "scores from {:.3} to {:.3}: {} rows, mean score {score:.4}, accuracy {accuracy:.4}",
            bin.from,
            bin.to,
            count(bin.rows)
        );
        let bar = |class: &str, top: f64, bottom: f64| {
            let height = bottom - top;
            format!(
                "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{height:.1}\">\
                 <title>{title}</title></rect>\n"
            )
        };
        svg += &bar("bar", up(accuracy), up(0.0));
        svg += &line("gap", [x + 1.0, up(score)], [x + width - 1.0, up(score)]);
        // A bin with few rows is still seen.
        let height = (bin.rows as f64 / most * COUNTS_HEIGHT).max(1.0);
        svg += &bar("count", COUNTS_BOTTOM - height, COUNTS_BOTTOM);
    }
    svg += &line("ideal", [across(0.0), up(0.0)], [across(1.0), up(1.0)]);
    svg += &line("axis", [LEFT, up(0.0)], [RIGHT, up(0.0)]);
    svg += &line("axis", [LEFT, COUNTS_BOTTOM], [RIGHT, COUNTS_BOTTOM]);
    svg += &text(across(0.5), HEIGHT - 8.0, "middle", "score of the predicted label");
    svg += &text(LEFT - 6.0, COUNTS_BOTTOM - 2.0, "end", "rows");
    let middle = up(0.5);
    svg += &format!(
        "<text x=\"12\" y=\"{middle:.1}\" text-anchor=\"middle\" transform=\"rotate(-90 12 {middle:.1})\">accuracy</text>\n"
    );
    svg + "</svg>\n"
}

fn table(calibration: &Calibration) -> String {
    let columns = head(["Score", "Rows", "Mean score", "Accuracy"]);
    let caption = "Rows by the score of the predicted label: more than the first number, and at most the second";
    let mut table = Table::new("calibration-table", "", caption, &columns);
    for bin in &calibration.bins {
        let bounds = format!("{:.3} to {:.3}", bin.from, bin.to);
        table.row(&bounds, [count(bin.rows), number(bin.mean_score), number(bin.accuracy)]);
    }
    table.finish()
}
