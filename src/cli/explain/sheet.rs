//! Explanations for people: the text with its parts coloured, and those that moved the answer most.

use super::super::explain_arguments::{ExplainArguments, PartName};
use super::super::text::{one_line, shorten};
use super::{FEW, WIDEST_PART};
use crate::Explanation;
use std::io::{self, IsTerminal, Write};
use terminal_size::{Width, terminal_size_of};
use unicode_width::UnicodeWidthStr;

/// Columns of a terminal that does not say how many it has.
const WIDTH: usize = 80;

/// How explanations are shown to people.
pub struct Sheet {
    by: PartName,
    top: usize,
    width: usize,
    colours: bool,
}

/// A part of a text with its effect.
struct Shown<'a> {
    text: &'a str,
    effect: f32,
    without: f32,
}

impl Sheet {
    pub fn new(arguments: &ExplainArguments) -> Sheet {
        let terminal = io::stdout().is_terminal();
        // no-color.org
        let colours = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let width = terminal_size_of(io::stdout()).map_or(WIDTH, |(Width(columns), _)| usize::from(columns));
        Sheet { by: arguments.by, top: arguments.top_k.unwrap_or(FEW), width, colours }
    }

    /// The text with its parts coloured, and those that moved the answer most.
    pub fn write(&self, out: &mut impl Write, explanation: &Explanation, label: Option<usize>) -> io::Result<()> {
        let label = label.or(explanation.argmax).unwrap_or(0);
        let mut parts: Vec<Shown<'_>> = match self.by {
            PartName::Token => {
                let shown = explanation.tokens.iter().filter_map(|token| {
                    let without = token.without.as_ref()?;
                    let (effect, without) = (without.effects[label], without.scores[label]);
                    Some(Shown { text: &token.token, effect, without })
                });
                shown.collect()
            }
            by => {
                let parts = if by == PartName::Word { &explanation.words } else { &explanation.sentences };
                let shown = parts.iter().map(|part| {
                    let (effect, without) = (part.without.effects[label], part.without.scores[label]);
                    Shown { text: &part.text, effect, without }
                });
                shown.collect()
            }
        };
        let most = parts.iter().map(|part| part.effect.abs()).fold(0.0, f32::max);
        match self.by {
            // Their names are not the text's letters.
            PartName::Token => {
                let line: Vec<String> = parts.iter().map(|part| self.coloured(part.text, part.effect, most)).collect();
                writeln!(out, "{}", line.join(" "))?;
            }
            _ => self.texts(out, explanation, &parts, most)?,
        }
        let cut = if explanation.truncated { "  [cut]" } else { "" };
        writeln!(out, "  {}  {:.4}{cut}", one_line(&explanation.labels[label], None), explanation.scores[label])?;
        parts.sort_by(|a, b| b.effect.abs().total_cmp(&a.effect.abs()));
        let name_width = parts.iter().take(self.top).map(|part| part.text.width().min(WIDEST_PART)).max().unwrap_or(0);
        let room = name_width.min(self.width.saturating_sub(30).max(8));
        for part in parts.iter().take(self.top) {
            let name = shorten(part.text, None, room);
            let name = name.clone() + &" ".repeat(room.saturating_sub(name.width()));
            let name = self.coloured(&name, part.effect, most);
            writeln!(out, "  {name}  {:>+8.4}  {:.4} without", part.effect, part.without)?;
        }
        Ok(())
    }

    fn texts(&self, out: &mut impl Write, explanation: &Explanation, shown: &[Shown<'_>], most: f32) -> io::Result<()> {
        let parts = if self.by == PartName::Word { &explanation.words } else { &explanation.sentences };
        for (index, text) in explanation.texts.iter().enumerate() {
            let letters: Vec<char> = text.chars().collect();
            let (mut line, mut at) = (String::new(), 0);
            for (part, shown) in parts.iter().zip(shown).filter(|(part, _)| part.index == index) {
                line += &one_line(&letters[at..part.place.start].iter().collect::<String>(), None);
                line += &self.coloured(&part.text, shown.effect, most);
                at = part.place.end;
            }
            writeln!(out, "{line}{}", one_line(&letters[at..].iter().collect::<String>(), None))?;
        }
        Ok(())
    }

    /// What supports the label is blue, what speaks against it orange, in three steps; letters stay readable on each.
    fn coloured(&self, text: &str, effect: f32, most: f32) -> String {
        let text = one_line(text, None);
        let step = if most > 0.0 { (effect.abs() / most * 3.0).round() as usize } else { 0 };
        if !self.colours || step == 0 {
            return text;
        }
        // White or black on colours of the cube of 256.
        let (ink, paper) = match (effect < 0.0, step) {
            (false, 1) => (16, 153),
            (false, 2) => (16, 75),
            (false, _) => (231, 25),
            (true, 1) => (16, 223),
            (true, 2) => (16, 215),
            (true, _) => (231, 130),
        };
        format!("\x1b[38;5;{ink};48;5;{paper}m{text}\x1b[0m")
    }
}
