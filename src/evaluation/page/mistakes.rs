//! The most confident mistakes of a page, with their texts.

use super::Section;
use super::html::{escaped, name, number};
use crate::evaluation::mistakes::cut;
use crate::evaluation::{Answer, Evaluation, Figures, Mistake};

/// Characters of a text that are seen at first.
const SEEN: usize = 280;

pub(super) fn section(evaluation: &Evaluation) -> Option<Section> {
    if evaluation.mistakes.is_empty() {
        return None;
    }
    let (title, order) = match evaluation.figures {
        Some(Figures::Regression(_)) => ("Largest errors", "The rows whose answer is the farthest from what is right."),
        Some(Figures::MultiLabel(_)) => {
            ("Most confident mistakes", "The rows with a label whose score is the farthest on the wrong side.")
        }
        _ => (
            "Most confident mistakes",
            "The rows with a wrong label of the highest score. Some may be mislabelled in the data.",
        ),
    };
    let mut body = format!("<p class=\"note\">{order}</p>\n<ol class=\"mistakes\">\n");
    evaluation.mistakes.iter().for_each(|mistake| body += &item(mistake));
    body += "</ol>\n";
    Some(Section { id: "mistakes", title, body })
}

fn item(mistake: &Mistake) -> String {
    let entry = |term: &str, class: &str, value: &str| {
        format!("<div><dt>{term}</dt><dd class=\"{class}\">{value}</dd></div>\n")
    };
    let mut html = "<li><dl>\n".to_string();
    html += &entry("right", "right", &answer(&mistake.expected));
    html += &entry("predicted", "wrong", &answer(&mistake.predicted));
    if let Some(label) = &mistake.label {
        html += &entry("farthest off", "", &name(label));
    }
    let is_value = matches!(mistake.expected, Answer::Values(_));
    match mistake.error {
        Some(error) if is_value => html += &entry("error", "", &number(Some(error))),
        _ => html += &entry("score", "", &number(Some(mistake.score))),
    }
    let place = if mistake.name.is_empty() { mistake.index.to_string() } else { mistake.name.clone() };
    html += &entry("row", "place", &name(&place));
    html += "</dl>\n";
    html += &text(&mistake.text);
    html + "</li>\n"
}

/// The text, its rest behind a button where it is long.
fn text(text: &str) -> String {
    let quote = |text: &str| format!("<blockquote dir=\"auto\">{}</blockquote>\n", escaped(text));
    let start = cut(text, SEEN);
    match (text.trim(), start == text) {
        ("", _) => "<p class=\"note\">(the text is empty)</p>\n".into(),
        (_, true) => quote(text),
        (_, false) => {
            format!("{}<details><summary>More of the text</summary>\n{}</details>\n", quote(&start), quote(text))
        }
    }
}

fn answer(answer: &Answer) -> String {
    let none = |list: String| if list.is_empty() { "no label".into() } else { list };
    match answer {
        Answer::Label(label) => name(label),
        Answer::Labels(labels) => none(labels.iter().map(|label| name(label)).collect::<Vec<_>>().join(", ")),
        Answer::Values(values) => values.iter().map(|value| number(Some(*value))).collect::<Vec<_>>().join(", "),
    }
}
