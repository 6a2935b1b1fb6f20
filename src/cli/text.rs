//! Answers for people: labels, percentages, bars.

use super::input::Content;
use std::io::{self, Write};
use terminal_size::{Width, terminal_size};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};
use wgbert::Classification;
use wgbert::checkpoint::Scoring;

/// Columns where standard output is no terminal.
const WIDTH: usize = 80;
/// Columns that a text gets at least, however narrow the terminal and wide the labels.
const NARROWEST_TEXT: usize = 20;
const WIDEST_LABEL: usize = 32;
const BAR: usize = 20;

/// Where what stands on a line.
pub struct Layout {
    width: usize,
    label_width: usize,
    /// Labels shown of each text.
    top: usize,
    scores: Scores,
    /// Whether something was written already.
    any: bool,
}

/// What a score is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Scores {
    /// Shares of one: the labels exclude each other.
    Shares,
    /// Each label holds or does not; from one half on it does.
    Flags,
    /// Any number.
    Values,
}

impl Layout {
    /// Lines for these labels, `top` of them for each text.
    pub fn new(labels: &[String], scoring: Scoring, top: usize) -> Layout {
        let widest = labels.iter().map(|label| label.width()).max().unwrap_or(0);
        Layout {
            width: terminal_size().map_or(WIDTH, |(Width(columns), _)| usize::from(columns)),
            label_width: widest.min(WIDEST_LABEL),
            top: top.min(labels.len()),
            scores: match scoring {
                Scoring::None | Scoring::Tanh => Scores::Values,
                Scoring::Sigmoid if labels.len() > 1 => Scores::Flags,
                Scoring::Sigmoid | Scoring::Softmax => Scores::Shares,
            },
            any: false,
        }
    }

    /// One label: one line, which ends with the text. Several: the text, and a line for each.
    pub fn write(&mut self, out: &mut impl Write, content: &Content, answer: Classification<'_>) -> io::Result<()> {
        let loss = answer.loss().map_or(String::new(), |loss| format!("  loss {loss:<8.4}"));
        let cut = if answer.truncated() { format!("  [cut to {} tokens]", answer.tokens()) } else { String::new() };
        let text = |used: usize| {
            let room = self.width.saturating_sub(used + cut.width()).max(NARROWEST_TEXT);
            shorten(&content.text, content.text_pair.as_deref(), room) + &cut
        };
        let top = answer.top(self.top);
        if let [(label, score)] = top[..] {
            let line = self.line(label, score) + &loss + "  ";
            let text = text(line.width());
            return writeln!(out, "{}", (line + &text).trim_end());
        }
        if self.any {
            writeln!(out)?;
        }
        writeln!(out, "{}", text(loss.width()) + loss.trim_end())?;
        for (label, score) in top {
            writeln!(out, "  {}", self.line(label, score).trim_end())?;
        }
        self.any = true;
        Ok(())
    }

    fn line(&self, label: &str, score: f32) -> String {
        let label = shorten(label, None, self.label_width);
        let padding = " ".repeat(self.label_width - label.width());
        match self.scores {
            Scores::Values => format!("{label}{padding}  {score:>9.4}"),
            Scores::Shares => format!("{label}{padding}  {:>5.1} %  {}", score * 100.0, bar(score)),
            Scores::Flags => {
                let mark = if score > 0.5 { '✓' } else { ' ' };
                format!("{mark} {label}{padding}  {:>5.1} %  {}", score * 100.0, bar(score))
            }
        }
    }
}

/// A share of one in eighths of a column, padded to the whole.
fn bar(share: f32) -> String {
    const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = (share.clamp(0.0, 1.0) * (8 * BAR) as f32).round() as usize;
    let bar = "█".repeat(eighths / 8) + PARTS[eighths % 8];
    format!("{bar:<BAR$}")
}

/// As much of a text as fits `room` columns, on one line and without what would command the terminal.
pub fn shorten(text: &str, pair: Option<&str>, room: usize) -> String {
    let pair = pair.into_iter().flat_map(|pair| " | ".chars().chain(pair.chars()));
    let (mut short, mut used, mut fits) = (String::new(), 0, 0);
    for letter in text.chars().chain(pair) {
        let letter = if letter.is_control() || letter == '\u{2028}' { ' ' } else { letter };
        used += letter.width().unwrap_or(0);
        if used > room {
            short.truncate(fits);
            short.push('…');
            break;
        }
        short.push(letter);
        if used < room {
            fits = short.len();
        }
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_fit_their_room() {
        assert_eq!(shorten("seven l", None, 7), "seven l");
        assert_eq!(shorten("eight le", None, 7), "eight …");
        assert_eq!(shorten("one", Some("two"), 9), "one | two");
        assert_eq!(shorten("one", Some("two"), 8), "one | t…");
        // Twice as wide, and not cut in the middle.
        assert_eq!(shorten("東京東京", None, 8), "東京東京");
        assert_eq!(shorten("東京東京", None, 7), "東京東…");
        assert_eq!(shorten("東京東京", None, 6), "東京…");
        assert_eq!(shorten("a\tb\n\u{1b}[31mc", None, 80), "a b  [31mc");
        assert_eq!(shorten("", None, 0), "");
        assert_eq!(shorten(&"x".repeat(1_000_000), None, 80).width(), 80);
    }

    #[test]
    fn bars_fill_their_columns() {
        assert_eq!(bar(0.0), " ".repeat(BAR));
        assert_eq!(bar(1.0), "█".repeat(BAR));
        assert_eq!(bar(f32::INFINITY), "█".repeat(BAR));
        assert_eq!(bar(0.5), format!("{:<BAR$}", "█".repeat(BAR / 2)));
        assert_eq!(bar(0.99).trim_end(), format!("{}▊", "█".repeat(BAR - 1)));
    }
}
