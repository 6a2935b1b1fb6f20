//! `wgbert explain`: what moved an answer, or the answers to many rows.

mod page;
mod rows;
mod sheet;

use super::arguments::OutputFormat;
use super::asked::message;
use super::entities::NAN;
use super::explain_arguments::ExplainArguments;
use super::row_arguments::LongTexts;
use super::{Failure, Outcome, model, result_file, say};
use crate::{Classifier, Error, Explanation, Task, Text};
use sheet::Sheet;
use std::io::{self, Write};

/// Parts that are listed of a text where nobody says how many.
const FEW: usize = 10;
/// Columns of a part in a list.
const WIDEST_PART: usize = 40;

pub fn run(arguments: &ExplainArguments) -> Result<Outcome, Failure> {
    let output = &arguments.job.output;
    if let Some(path) = &arguments.html {
        result_file::refuse(path, output.overwrite)?;
    }
    if arguments.job.model.truncation == LongTexts::Windows {
        let message =
            "--truncation windows: of which window a part is nobody says; cut, cut-left and refuse are explained";
        return Err(Failure::Message(message.into()));
    }
    let format = arguments.job.table.format;
    let is_table = format.is_some_and(|format| !matches!(format, OutputFormat::Text | OutputFormat::Json));
    let is_stdin = arguments.texts.is_empty() || arguments.texts == ["-"];
    if is_stdin || is_table || output.output.is_some() || arguments.job.table.dry_run {
        return rows::run(arguments);
    }
    if !arguments.fields.is_empty() {
        return Err(Failure::Message(
            "--fields are columns of a table: choose --format jsonl, csv or tsv, or --output FILE".into(),
        ));
    }
    texts(arguments)
}

/// Explains the texts of the command line, one by one and with all that is known of each.
fn texts(arguments: &ExplainArguments) -> Result<Outcome, Failure> {
    let classifier = model::load(&arguments.job.model, &arguments.job.device, arguments.job.output.quiet, false)?;
    let label = label(arguments, &classifier)?;
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
    if arguments.job.table.format == Some(OutputFormat::Json) {
        let json = serde_json::to_string(&explanations).expect("its keys are strings");
        writeln!(out, "{json}")?;
    } else {
        let sheet = Sheet::new(arguments);
        for (place, explanation) in explanations.iter().enumerate() {
            if place > 0 {
                writeln!(out)?;
            }
            sheet.write(&mut out, explanation, label)?;
        }
    }
    out.flush()?;
    if let Some(path) = &arguments.html {
        result_file::write(
            path,
            &Explanation::page(&explanations, label, &model_name(arguments), classifier.adapter()),
        )?;
    }
    if failed > 0 {
        say(format_args!("error: {failed} of {} texts failed", arguments.texts.len()));
        return Ok(Outcome::SomeRowsFailed);
    }
    Ok(Outcome::Complete)
}

/// The label whose score is looked at, where one was named; refuses a model that has no answer to a text.
fn label(arguments: &ExplainArguments, classifier: &Classifier) -> Result<Option<usize>, Failure> {
    if classifier.task() != Task::SequenceClassification {
        return Err(Failure::Message("the model classifies tokens; explain is for models that classify texts".into()));
    }
    let index = |name: &String| {
        let index = super::labels::index(classifier.config(), name);
        index.map_err(|message| Failure::Message(format!("--label: {message}")))
    };
    arguments.label.as_ref().map(index).transpose()
}

fn model_name(arguments: &ExplainArguments) -> String {
    let model = arguments.job.model.model.as_ref().map(|model| model.display().to_string());
    model.unwrap_or_else(|| "the sentiment model that is compiled in".into())
}
