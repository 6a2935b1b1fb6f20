//! Answers for people: labels, percentages, bars; ranks.

use super::asked::Asked;
use crate::checkpoint::Scoring;
use crate::rows::write::{Answer, Document, LeftOut};
use crate::rows::{Content, Row};
use crate::{Classification, Entity, PairScore, TokenClassification, ZeroShotAnswer};
use std::io::{self, Write};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns that a text gets at least, however narrow the terminal and wide the labels.
const NARROWEST_TEXT: usize = 20;
const WIDEST_LABEL: usize = 32;
const BAR: usize = 20;

/// What stands behind a text that was cut, where nobody counts the tokens of one.
const CUT: &str = "  [cut]";

/// Where what stands on a line.
pub struct Layout {
    /// Columns of the terminal that texts and labels are shortened for.
    width: usize,
    label_width: usize,
    /// Labels shown of each text.
    top: usize,
    /// Whether each row is one line, however many labels it shows.
    lines: bool,
    scores: Scores,
    /// Whether something was written already.
    any: bool,
    /// The row whose documents are written.
    row: Option<usize>,
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
    /// Lines for these labels, `top` of them for each text; `lines`: one line a row, whatever `top` is. `width`: that of
    /// the terminal.
    pub fn new(labels: &[String], scoring: Scoring, top: usize, lines: bool, width: usize) -> Layout {
        let widest = labels.iter().map(|label| label.width()).max().unwrap_or(0);
        let top = top.min(labels.len());
        Layout {
            width,
            label_width: widest.min(WIDEST_LABEL),
            top,
            lines: lines || top == 1,
            scores: match scoring {
                Scoring::None | Scoring::Tanh => Scores::Values,
                Scoring::Sigmoid if labels.len() > 1 => Scores::Flags,
                Scoring::Sigmoid | Scoring::Softmax => Scores::Shares,
            },
            any: false,
            row: None,
        }
    }

    /// An answer. As one line: labels and scores, the loss if there is one, and the text. Else the text and the loss, and a
    /// line for each label.
    pub fn write(&mut self, out: &mut impl Write, content: &Content, answer: Classification<'_>) -> io::Result<()> {
        let loss = answer.loss().map_or(String::new(), |loss| format!("  loss {loss:<8.4}"));
        let cut = if answer.truncated() { format!("  [cut to {} tokens]", answer.tokens()) } else { String::new() };
        self.write_labels(out, content, answer.top(self.top), &loss, &cut)
    }

    /// As [`Layout::write`], of labels that the model was not trained for.
    pub fn write_candidates(
        &mut self,
        out: &mut impl Write,
        content: &Content,
        answer: &ZeroShotAnswer,
    ) -> io::Result<()> {
        let cut = if answer.truncated() { CUT } else { "" };
        self.write_labels(out, content, answer.top(self.top), "", cut)
    }

    fn write_labels(
        &mut self,
        out: &mut impl Write,
        content: &Content,
        top: Vec<(&str, f32)>,
        loss: &str,
        cut: &str,
    ) -> io::Result<()> {
        if self.lines {
            let labels: Vec<String> = match top[..] {
                [(label, score)] => vec![self.with_bar(label, score)],
                _ => top.into_iter().map(|(label, score)| self.scored(label, score)).collect(),
            };
            let line = labels.join("  ") + loss + "  ";
            let text = self.text(content, line.width() + cut.width()) + cut;
            // Of a text the white space at its end is a part.
            return if text.is_empty() { writeln!(out, "{}", line.trim_end()) } else { writeln!(out, "{line}{text}") };
        }
        self.separate(out)?;
        let text = self.text(content, loss.width() + cut.width());
        writeln!(out, "{}", text + cut + loss.trim_end())?;
        top.into_iter().try_for_each(|(label, score)| writeln!(out, "  {}", self.with_bar(label, score).trim_end()))
    }

    /// The score of a pair, and both of its texts.
    pub fn write_pair(&mut self, out: &mut impl Write, content: &Content, pair: &PairScore) -> io::Result<()> {
        let (score, cut) = (format!("{:>9.4}  ", pair.score), if pair.truncated { CUT } else { "" });
        writeln!(out, "{score}{}{cut}", self.text(content, score.width() + cut.width()))
    }

    /// A document with its rank and its score, below its query; `row` is that of the query.
    pub fn write_document(
        &mut self,
        out: &mut impl Write,
        row: usize,
        query: &Content,
        document: &Document<'_>,
    ) -> io::Result<()> {
        if self.row.replace(row) != Some(row) {
            self.separate(out)?;
            writeln!(out, "{}", self.text(query, 0))?;
        }
        let (place, cut) = match (document.rank, document.score) {
            (Some(rank), Ok(pair)) => {
                (format!("{rank:>5}  {:>9.4}  ", pair.score), if pair.truncated { CUT } else { "" })
            }
            (_, score) => (format!("{:>5}  {:>9}  ", "", format!("✗ {}", score.err().unwrap_or_default())), ""),
        };
        let room = self.width.saturating_sub(place.width() + cut.width()).max(NARROWEST_TEXT);
        writeln!(out, "{place}{}{cut}", shorten(document.text, None, room))
    }

    /// A part with its effect, below the text that it was left out of, which is a row.
    pub fn write_part(
        &mut self,
        out: &mut impl Write,
        row: usize,
        content: &Content,
        left_out: &LeftOut<'_>,
    ) -> io::Result<()> {
        if self.row.replace(row) != Some(row) {
            self.separate(out)?;
            let cut = if left_out.truncated { CUT } else { "" };
            writeln!(out, "{}{cut}", self.text(content, cut.width()))?;
            writeln!(out, "  {}  {:.4}", one_line(left_out.label, None), left_out.score)?;
        }
        let Some(part) = left_out.part else { return Ok(()) };
        let effect = format!("  {:>+8.4}  ", part.effect);
        let room = self.width.saturating_sub(effect.width()).max(NARROWEST_TEXT);
        writeln!(out, "{effect}{}", shorten(part.text, None, room))
    }

    /// A row without an answer: ✗ and why, where an answer has its first score. A score never looks so, whatever labels and
    /// texts may say. `row` names a row whose text is not known.
    pub fn write_failure(
        &mut self,
        out: &mut impl Write,
        row: &str,
        content: Option<&Content>,
        message: &str,
    ) -> io::Result<()> {
        let mark = if self.scores == Scores::Flags { "  " } else { "" };
        let failure = format!("{mark}{}  ✗ {}", " ".repeat(self.label_width), one_line(message, None));
        if self.lines {
            return writeln!(out, "{failure}");
        }
        self.separate(out)?;
        let text = content.map_or_else(|| one_line(row, None), |content| self.text(content, 0));
        writeln!(out, "{text}\n  {failure}")
    }

    /// The entities of a text. As one line: the text, and each as word/label. Else the text, and a line for each.
    pub fn write_entities(
        &mut self,
        out: &mut impl Write,
        content: &Content,
        answer: TokenClassification<'_>,
        entities: &[Entity],
    ) -> io::Result<()> {
        let tokens = answer.ids().len();
        let cut = if answer.truncated() { format!("  [cut to {tokens} tokens]") } else { String::new() };
        if self.lines {
            let named =
                |entity: &Entity| format!("  {}", one_line(&format!("{}/{}", entity.word, entity.label()), None));
            let line = cut + "  →" + &entities.iter().map(named).collect::<String>();
            return writeln!(out, "{}{line}", self.text(content, line.width()));
        }
        self.separate(out)?;
        writeln!(out, "{}{cut}", self.text(content, cut.width()))?;
        entities.iter().try_for_each(|entity| {
            let place = entity.offsets.as_ref().map_or(String::new(), |at| format!("  {}..{}", at.start, at.end));
            let word = one_line(&entity.word, None);
            writeln!(out, "  {}  {word}{place}", self.with_bar(entity.label(), entity.score))
        })
    }

    /// An empty line between the texts of the command line.
    fn separate(&mut self, out: &mut impl Write) -> io::Result<()> {
        if std::mem::replace(&mut self.any, true) { writeln!(out) } else { Ok(()) }
    }

    /// As much of the text as fits beside what takes `used` columns of a line.
    fn text(&self, content: &Content, used: usize) -> String {
        shorten(&content.text, content.pair(), self.width.saturating_sub(used).max(NARROWEST_TEXT))
    }

    fn scored(&self, label: &str, score: f32) -> String {
        let label = shorten(label, None, self.label_width);
        let label = label.clone() + &" ".repeat(self.label_width.saturating_sub(label.width()));
        match self.scores {
            Scores::Values => format!("{label}  {score:>9.4}"),
            Scores::Shares => format!("{label}  {:>5.1} %", score * 100.0),
            Scores::Flags => format!("{} {label}  {:>5.1} %", if score > 0.5 { '✓' } else { ' ' }, score * 100.0),
        }
    }

    fn with_bar(&self, label: &str, score: f32) -> String {
        let scored = self.scored(label, score);
        if self.scores == Scores::Values { scored } else { scored + "  " + &bar(score) }
    }
}

/// Lines for programs and files: the best labels with their scores, and the text, between tabs. A row that fails has none of
/// them but the text, and why.
pub struct Lines {
    /// Labels of each text.
    pub top: usize,
    pub asked: Asked,
}

impl Lines {
    pub fn write(&self, out: &mut impl Write, row: &Row, answer: &Answer<'_>) -> io::Result<()> {
        let text = row.content.as_ref().map_or(String::new(), |content| match self.asked {
            // Both of them are columns.
            Asked::Pair => one_line(&content.text, None) + "\t" + &one_line(content.pair().unwrap_or_default(), None),
            _ => one_line(&content.text, content.pair()),
        });
        let labels = |out: &mut dyn Write, top: Vec<(&str, f32)>| {
            top.into_iter().try_for_each(|(label, score)| write!(out, "{}\t{score}\t", one_line(label, None)))
        };
        match answer {
            Answer::Text(answer) => {
                labels(out, answer.top(self.top))?;
                writeln!(out, "{text}")
            }
            Answer::ZeroShot(answer) => {
                labels(out, answer.top(self.top))?;
                writeln!(out, "{text}")
            }
            Answer::Pair(pair) => writeln!(out, "{}\t{text}", pair.score),
            Answer::Document(document) => {
                let (rank, about) =
                    (document.rank.map_or(String::new(), |rank| rank.to_string()), one_line(document.text, None));
                match document.score {
                    Ok(pair) => writeln!(out, "{rank}\t{}\t{about}\t{text}", pair.score),
                    Err(message) => writeln!(out, "{rank}\t\t{about}\t{text}\t{}", one_line(message, None)),
                }
            }
            Answer::Part(LeftOut { label, part, .. }) => {
                let label = one_line(label, None);
                let (effect, part) =
                    part.map_or_else(Default::default, |part| (part.effect.to_string(), one_line(part.text, None)));
                writeln!(out, "{label}\t{effect}\t{part}\t{text}")
            }
            Answer::Tokens(_, entities) => {
                let named = |entity: &Entity| one_line(&format!("{}/{}", entity.word, entity.label()), None);
                let named: Vec<String> = entities.iter().map(named).collect();
                writeln!(out, "{}\t{text}", named.join("  "))
            }
            Answer::Failed(message) => {
                let columns = match self.asked {
                    Asked::Labels(_) | Asked::ZeroShot(..) => 2 * self.top,
                    Asked::Pair => 1,
                    Asked::Documents(_) | Asked::Parts(_) => 3,
                };
                writeln!(out, "{}{text}\t{}", "\t".repeat(columns), one_line(message, None))
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

/// A text, and its pair if it has one, without what would end the line or command a terminal.
fn letters<'a>(text: &'a str, pair: Option<&'a str>) -> impl Iterator<Item = char> + 'a {
    let pair = pair.into_iter().flat_map(|pair| " | ".chars().chain(pair.chars()));
    let breaks = |letter: char| letter.is_control() || ['\u{2028}', '\u{2029}'].contains(&letter);
    text.chars().chain(pair).map(move |letter| if breaks(letter) { ' ' } else { letter })
}

/// All of a text, on one line.
pub fn one_line(text: &str, pair: Option<&str>) -> String {
    letters(text, pair).collect()
}

/// As much of a text as fits `room` columns, on one line.
pub fn shorten(text: &str, pair: Option<&str>, room: usize) -> String {
    let (mut short, mut used, mut fits) = (String::new(), 0, 0);
    for letter in letters(text, pair) {
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
        assert_eq!(one_line("a\tb\r\n\u{1b}[31mc\u{85}\u{2028}\u{2029}", Some("東京")), "a b   [31mc    | 東京");
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
