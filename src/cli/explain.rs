//! `wgbert explain`: what moved an answer.

use super::arguments::ListFormat;
use super::asked::message;
use super::entities::NAN;
use super::explain_arguments::{ExplainArguments, PartName};
use super::text::{one_line, shorten};
use super::{Failure, Outcome, model, say};
use crate::{Classifier, Error, Explanation, Task, Text};
use serde_json::json;
use std::fs;
use std::io::{self, IsTerminal, Write};
use terminal_size::{Width, terminal_size_of};
use unicode_width::UnicodeWidthStr;

/// Parts that are listed where nobody says how many.
const FEW: usize = 10;
/// Columns of a terminal that does not say how many it has, and of a part in the list.
const WIDTH: usize = 80;
const WIDEST_PART: usize = 40;

pub fn run(arguments: &ExplainArguments) -> Result<Outcome, Failure> {
    if let Some(path) = arguments.html.as_deref().filter(|path| path.exists() && !arguments.overwrite) {
        return Err(Failure::Message(format!("{}: is there already; --overwrite replaces it", path.display())));
    }
    let classifier = model::load(&arguments.model, &arguments.device, arguments.quiet, false)?;
    if classifier.task() != Task::SequenceClassification {
        return Err(Failure::Message("the model classifies tokens; explain is for models that classify texts".into()));
    }
    let label = arguments.label.as_deref().map(|name| label(name, &classifier)).transpose()?;
    let (mut explanations, mut failed) = (Vec::new(), 0);
    for (place, text) in (1..).zip(&arguments.texts) {
        let text = arguments.pair.as_deref().map_or(Text::Single(text), |pair| Text::Pair(text, pair));
        let failure = match classifier.explain(text, arguments.attentions || arguments.html.is_some()) {
            Ok(explanation) if explanation.argmax.is_some() => {
                explanations.push(explanation);
                continue;
            }
            Ok(_) => NAN.into(),
            Err(error @ Error::Text { .. }) => message(error),
            Err(error) => return Err(error.into()),
        };
        say(format_args!("error: text {place}: {failure}"));
        failed += 1;
    }
    let mut out = io::stdout().lock();
    match arguments.format {
        ListFormat::Json => writeln!(out, "{}", json!(explanations))?,
        ListFormat::Text => {
            let sheet = Sheet::new(arguments);
            for (place, explanation) in explanations.iter().enumerate() {
                if place > 0 {
                    writeln!(out)?;
                }
                sheet.write(&mut out, explanation, label)?;
            }
        }
    }
    out.flush()?;
    if let Some(path) = &arguments.html {
        let model = arguments.model.model.as_ref().map(|model| model.display().to_string());
        let model = model.unwrap_or_else(|| "the sentiment model that is compiled in".into());
        let page = Explanation::page(&explanations, label, &model, classifier.adapter());
        let failed = |source: io::Error| Error::File { action: "write", path: path.clone(), source: source.into() };
        fs::write(path, page).map_err(failed)?;
    }
    if failed > 0 {
        say(format_args!("error: {failed} of {} texts failed", arguments.texts.len()));
        return Ok(Outcome::SomeRowsFailed);
    }
    Ok(Outcome::Complete)
}

fn label(name: &str, classifier: &Classifier) -> Result<usize, Failure> {
    super::labels::index(classifier.config(), name).map_err(|message| Failure::Message(format!("--label: {message}")))
}

/// How explanations are shown to people.
struct Sheet {
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
    fn new(arguments: &ExplainArguments) -> Sheet {
        let terminal = io::stdout().is_terminal();
        // no-color.org
        let colours = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let width = terminal_size_of(io::stdout()).map_or(WIDTH, |(Width(columns), _)| usize::from(columns));
        Sheet { by: arguments.by, top: arguments.top_k.unwrap_or(FEW), width, colours }
    }

    /// The text with its parts coloured, and those that moved the answer most.
    fn write(&self, out: &mut impl Write, explanation: &Explanation, label: Option<usize>) -> io::Result<()> {
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
