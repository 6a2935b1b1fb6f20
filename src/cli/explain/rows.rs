//! What moved the answers to many rows.

use super::super::arguments::OutputFormat;
use super::super::asked::Asked;
use super::super::explain_arguments::ExplainArguments;
use super::super::input::Input;
use super::super::job::{Job, debug};
use super::super::moved::{MOST, Moved, Mover};
use super::super::parts::Leaving;
use super::super::text::{one_line, shorten};
use super::super::{Failure, Outcome, result_file, say};
use super::{WIDEST_PART, label, model_name, page};
use crate::Classifier;
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::Path;
use unicode_width::UnicodeWidthStr;

/// Parts that are listed where nobody says how many.
const FEW: usize = 20;

pub fn run(arguments: &ExplainArguments) -> Result<Outcome, Failure> {
    let refused = |message: &str| Err(Failure::Message(message.into()));
    let (output, format) = (&arguments.job.output, arguments.job.table.format);
    arguments.job.input.refuse_labels()?;
    if arguments.attentions {
        return refused(
            "--attentions are shown of a TEXT with --format json; of rows wgbert classify --attentions writes them",
        );
    }
    if output.resume && arguments.html.is_some() {
        return refused(
            "--html has the words of all rows, and --resume sees those that are left: leave out one of them",
        );
    }
    let is_stdout = output.output.as_deref() == Some(Path::new("-"));
    let is_table = format.is_some_and(|format| !matches!(format, OutputFormat::Text | OutputFormat::Json));
    if output.output.is_none() && !is_table && !arguments.fields.is_empty() {
        return refused("--fields are columns of a table: choose --format jsonl, csv or tsv, or --output FILE");
    }
    let input = Input::open(&arguments.texts, arguments.pair.as_ref(), &arguments.job.input)?;
    let (mut moved, mut classifier) = (Moved::new(), None);
    let job = Job {
        fields: &arguments.fields,
        top_k: arguments.top_k,
        own: vec![
            ("texts", debug(&(&arguments.texts, &arguments.pair))),
            ("--by", debug(&arguments.by)),
            ("--label", debug(&arguments.label)),
        ],
        moved: Some(&mut moved),
        ..Job::new(input, &arguments.job)
    };
    let outcome = job.run(|opened| {
        let label = label(arguments, opened)?;
        classifier = Some(opened.clone());
        Ok(Asked::Parts(Leaving { kind: arguments.by.into(), label, top: arguments.top_k.unwrap_or(usize::MAX) }))
    })?;
    // What was whole already, or was only looked at, moved nothing.
    let Some(classifier) = classifier.filter(|_| !arguments.job.table.dry_run) else { return Ok(outcome) };
    let seen = Seen { arguments, moved: &moved, classifier: &classifier };
    if moved.forgotten > 0 && !output.quiet {
        let by = arguments.by.plural();
        say(format_args!(
            "note: there are more than {MOST} {by}: {} that had moved least were forgotten on the way",
            moved.forgotten
        ));
    }
    if !is_stdout && (output.output.is_some() || !is_table) {
        let mut out = io::stdout().lock();
        match format {
            Some(OutputFormat::Json) if output.output.is_none() => writeln!(out, "{}", seen.json())?,
            _ => seen.write(&mut out)?,
        }
        out.flush()?;
    }
    if let Some(path) = &arguments.html {
        result_file::write(
            path,
            &page::of_rows(&moved, arguments.by, classifier.labels(), &model_name(arguments), classifier.adapter()),
        )?;
    }
    Ok(outcome)
}

/// What was seen of rows.
struct Seen<'a> {
    arguments: &'a ExplainArguments,
    moved: &'a Moved,
    classifier: &'a Classifier,
}

impl Seen<'_> {
    /// A table for people.
    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let (by, movers, labels) = (self.arguments.by.plural(), self.moved.movers(), self.classifier.labels());
        if self.moved.rows == 0 {
            return writeln!(out, "no row has an answer");
        }
        writeln!(out, "{} rows, and the {by} that moved their answers most", self.moved.rows)?;
        let few = &movers[..movers.len().min(self.arguments.top_k.unwrap_or(FEW))];
        let part = |mover: &Mover<'_>| shorten(mover.part, None, WIDEST_PART);
        let name = |mover: &Mover<'_>| one_line(&labels[mover.label], None);
        let widest =
            |name: &dyn Fn(&Mover<'_>) -> String| few.iter().map(|mover| name(mover).width()).max().unwrap_or(0);
        let (part_width, label_width) = (widest(&part), widest(&name).max("label".len()));
        let padded = |text: String, width: usize| text.clone() + &" ".repeat(width.saturating_sub(text.width()));
        let (first, second) = (padded(String::new(), part_width), padded("label".into(), label_width));
        if !few.is_empty() {
            writeln!(out, "  {first}  {second}  {:>7}  {:>8}  {:>9}", "rows", "mean", "total")?;
        }
        for mover in few {
            let (part, label) = (padded(part(mover), part_width), padded(name(mover), label_width));
            writeln!(out, "  {part}  {label}  {:>7}  {:>+8.4}  {:>+9.4}", mover.rows, mover.mean(), mover.total)?;
        }
        Ok(())
    }

    /// The same for programs.
    fn json(&self) -> Value {
        let labels = self.classifier.labels();
        let part = |mover: &Mover<'_>| {
            let Mover { part, rows, times, total, .. } = *mover;
            let label = &labels[mover.label];
            json!({ "part": part, "label": label, "rows": rows, "times": times, "mean_effect": mover.mean(), "total_effect": total })
        };
        let most = self.arguments.top_k.unwrap_or(usize::MAX);
        json!({
            "model": model_name(self.arguments), "adapter": self.classifier.adapter(), "by": self.arguments.by.plural(),
            "rows": self.moved.rows, "forgotten": self.moved.forgotten,
            "parts": self.moved.movers().iter().take(most).map(part).collect::<Vec<_>>(),
        })
    }
}
