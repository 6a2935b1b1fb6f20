//! `wgbert evaluate`: rows with what is right, answered and compared. The stages are those of [`super::classify`].

use super::arguments::{EvaluateArguments, EvaluationFormat};
use super::asked::{Asked, Labels};
use super::compute::{Answered, Computing};
use super::entities::Output;
use super::input::{Input, Places};
use super::prepare::{Chunks, Stop};
use super::progress::Progress;
use super::{Failure, Outcome, model, result_file, say, signals};
use crate::evaluation::{
    Evaluation, EvaluationError, EvaluationOptions, Evaluator, Example, Expected, LabelMap, Subject,
};
use crate::rows::Row;
use crate::{Aggregation, Classifier, ProblemType, Request, Task};
use serde_json::Value;
use std::io::{self, IsTerminal, Write};
use std::time::Instant;
use terminal_size::{Width, terminal_size_of};

/// Rows that are looked at at a time before anything is computed.
const STEP: usize = 4096;
/// Columns of a terminal that does not say how many it has.
const WIDTH: usize = 80;

pub fn run(arguments: &EvaluateArguments) -> Result<Outcome, Failure> {
    if arguments.resume {
        return Err(Failure::Message(
            "an evaluation is not gone on with: its figures are of all rows together, and nothing of it is kept. What was stopped has \
             written the figures of the rows before; to go on, answer the rows with wgbert classify --output FILE, which --resume \
             goes on with, or evaluate slices of them (--shard I/N)"
                .into(),
        ));
    }
    let mut rows = arguments.input.clone();
    // Labels are what this is about: a table that has none says which columns it has.
    rows.label_column.get_or_insert_with(|| "label".into());
    let mut input = Input::open(&[], None, &rows)?;
    for path in arguments.output.iter().chain(&arguments.html) {
        result_file::refuse(path, arguments.overwrite)?;
    }
    let format = format(arguments)?;
    signals::listen();
    let started = Instant::now();
    let classifier = model::load(&arguments.model, &arguments.device, arguments.quiet, false)?;
    let mut comparing = Comparing::new(arguments, &classifier)?;
    if input.length().is_some() {
        // Files can be read twice: what is wrong with labels is said before anything is computed.
        comparing.look(&mut Input::open(&[], None, &rows)?)?;
    }
    let mut progress = Progress::new(&input, arguments.output.is_some(), arguments.quiet);
    let places = input.places();
    input.notes().iter().for_each(|note| progress.note(note));
    let asked = Asked::Labels(Aggregation::default());
    let chunks = Chunks::of(input, classifier.clone(), asked.clone(), Labels::Ignored);
    let answers = Computing { classifier: classifier.clone(), asked, request: Request::default() }.start(chunks);
    let mut result = Ok(());
    for answered in answers {
        result = comparing.take(answered, &places, &mut progress);
        if result.is_err() {
            break;
        }
    }
    progress.finish();
    let rows = comparing.evaluator.rows();
    // What was compared before a failure is worth knowing.
    if rows.scored == 0 {
        result?;
        result = Ok(());
        if rows.failed + rows.not_finite == 0 && signals::caught().is_none() {
            comparing.refuse_unlabelled()?;
        }
    }
    comparing.say_apart(&progress);
    let (seconds, failed) = (started.elapsed().as_secs_f64(), rows.failed + rows.not_finite);
    let evaluation = comparing.evaluator.finish(subject(arguments, &classifier));
    write(arguments, format, &evaluation)?;
    if !arguments.quiet {
        let total = rows.total();
        let (rate, adapter) = (total as f64 / seconds, classifier.adapter());
        say(format_args!("{total} rows in {seconds:.1} s ({rate:.0} rows a second) on {adapter}"));
    }
    result?;
    if let Some(signal) = signals::caught() {
        say(format_args!("error: stopped by a signal: the figures are of the rows before it"));
        return Ok(Outcome::Signal(signal));
    }
    if failed > 0 {
        say(format_args!("error: {failed} of {} rows failed", rows.total()));
        return Ok(Outcome::SomeRowsFailed);
    }
    Ok(Outcome::Complete)
}

/// Compares answers with what is right.
struct Comparing {
    evaluator: Evaluator,
    map: LabelMap,
    problem: ProblemType,
    separator: Option<String>,
    /// Rows for which several labels are right, of a model that knows one.
    several: usize,
    /// Rows with a label that is none of the model's.
    none: usize,
    /// Columns of the first row that has any, for messages.
    columns: Vec<String>,
}

impl Comparing {
    fn new(arguments: &EvaluateArguments, classifier: &Classifier) -> Result<Comparing, Failure> {
        if classifier.task() != Task::SequenceClassification {
            return Err(Failure::Message(
                "the model classifies tokens; evaluate is for models that classify texts".into(),
            ));
        }
        let (labels, config) = (classifier.labels(), classifier.config());
        // Where the configuration does not say it, the scores do: each label on its own, or shares of one.
        let problem = config.problem_type.unwrap_or_else(|| {
            config.effective_problem_type(classifier.scoring() == crate::Scoring::Sigmoid && labels.len() > 1)
        });
        let mut options = EvaluationOptions::default();
        if !arguments.threshold.is_empty() {
            options.thresholds = {
                let multi_label = crate::rows::write::Subject::of(classifier).is_multi_label();
                super::answer_writer::thresholds(&arguments.threshold, labels, multi_label)?
            };
        }
        let mut map = LabelMap::new(labels, problem);
        for mapping in &arguments.label_map {
            map.add(mapping).map_err(|error| Failure::Message(format!("--label-map {error}")))?;
        }
        let evaluator = Evaluator::new(labels, problem, options).map_err(failure)?;
        let separator = arguments.label_separator.clone();
        Ok(Comparing { evaluator, map, problem, separator, several: 0, none: 0, columns: Vec::new() })
    }

    /// Finds labels that the model has not before anything is computed.
    fn look(&mut self, input: &mut Input) -> Result<(), Failure> {
        let mut labelled = 0;
        loop {
            let rows = match input.chunk(STEP) {
                Ok(rows) => rows,
                Err(error) if labelled == 0 => return Err(error.into()),
                // What is before it is compared first.
                Err(_) => break,
            };
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                labelled += usize::from(matches!(self.expected(row), Some(Some(Ok(_)))));
            }
        }
        self.map.check().map_err(failure)?;
        for unused in self.map.unused() {
            say(format_args!("warning: --label-map: no row has the label {unused:?}"));
        }
        (self.several, self.none) = (0, 0);
        if labelled == 0 { self.refuse_unlabelled() } else { Ok(()) }
    }

    fn refuse_unlabelled(&self) -> Result<(), Failure> {
        let columns = match self.columns.as_slice() {
            [] => String::new(),
            columns => format!("; the columns are {}", columns.join(", ")),
        };
        Err(Failure::Message(format!(
            "no row has a label to compare with: name its column with --label-column{columns}"
        )))
    }

    /// What is right for a row: none where it has no content, or no label, or several where the model knows one.
    fn expected(&mut self, row: &Row) -> Option<Option<Result<Expected, String>>> {
        if self.columns.is_empty() {
            self.columns = row.fields.names();
        }
        let content = row.content.as_ref().ok()?;
        let Some(label) = &content.label else { return Some(None) };
        let label = match (label, self.separator.as_deref()) {
            (Value::String(labels), Some(separator)) => {
                let parts = labels.split(separator).map(str::trim).filter(|label| !label.is_empty());
                Value::Array(parts.map(|label| Value::String(label.into())).collect())
            }
            (label, _) => label.clone(),
        };
        if self.map.leaves_out(&label) {
            self.none += 1;
            return Some(None);
        }
        let message = |error: EvaluationError| error.to_string();
        let (Value::Array(labels), ProblemType::SingleLabel) = (&label, self.problem) else {
            return Some(Some(self.map.expected(&label).map_err(message)));
        };
        let labels: Result<Vec<Expected>, _> = labels.iter().map(|label| self.map.expected(label)).collect();
        match labels.map_err(message) {
            Err(message) => Some(Some(Err(message))),
            Ok(labels) => match labels.first() {
                Some(first) if labels.iter().all(|label| label == first) => Some(Some(Ok(first.clone()))),
                first => {
                    self.several += usize::from(first.is_some());
                    Some(None)
                }
            },
        }
    }

    /// Takes the answers of a chunk.
    fn take(
        &mut self,
        answered: Result<Answered, Stop>,
        places: &Places,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let Answered { chunk, output, failures } = answered.map_err(|Stop { row, failure }| match row {
            (0, _) => failure,
            (_, place) => {
                let place = places.name(place);
                Failure::Message(format!("stopped before {place} (the rows before it are compared): {failure}"))
            }
        })?;
        chunk.notes.iter().for_each(|note| progress.note(note));
        let Output::Texts(output) = &output else { unreachable!("models of another task were refused") };
        let mut answers = output.texts();
        for (row, failure) in chunk.rows.iter().zip(failures) {
            let expected = self.expected(row);
            let name = places.name_of(row);
            let answer = match failure {
                Some(message) => Err(message),
                None => Ok(answers.next().expect("every row that has not failed has an answer")),
            };
            match (answer, expected) {
                (Ok(answer), Some(Some(Ok(expected)))) => {
                    let text = row.content.as_ref().map_or("", |content| content.text.as_str());
                    let example = Example {
                        index: row.index,
                        name: &name,
                        text,
                        expected: &expected,
                        logits: answer.logits(),
                        probabilities: answer.probabilities(),
                    };
                    self.evaluator.add(example).map_err(self::failure)?;
                }
                (Err(message), _) | (_, Some(Some(Err(message)))) => {
                    progress.warn(&name, &message);
                    self.evaluator.failed();
                }
                (Ok(_), _) => self.evaluator.unlabelled(),
            }
        }
        progress.advance(chunk.rows.len(), chunk.position);
        Ok(())
    }

    fn say_apart(&self, progress: &Progress) {
        let apart = [
            (self.several, "several labels are right, and the model answers one"),
            (self.none, "a label is right that is none of the model's, as --label-map says"),
        ];
        for (rows, why) in apart.into_iter().filter(|(rows, _)| *rows > 0) {
            progress.note(&format!("for {rows} rows {why}: they are not scored"));
        }
    }
}

/// In the command line's words.
fn failure(error: EvaluationError) -> Failure {
    Failure::Message(match error {
        EvaluationError::Labels { .. } => format!("{error} (--label-map DATA=MODEL)"),
        error => error.to_string(),
    })
}

fn subject(arguments: &EvaluateArguments, classifier: &Classifier) -> Subject {
    let model = arguments.model.model.as_ref().map(|folder| folder.display().to_string());
    let data: Vec<String> = arguments.input.input.iter().map(|path| path.display().to_string()).collect();
    Subject {
        model: model.unwrap_or_else(|| "sentiment (compiled in)".into()),
        data: if data.is_empty() { "standard input".into() } else { data.join(", ") },
        adapter: classifier.adapter().into(),
        details: vec![
            ("precision".into(), crate::bench::precision_name(classifier.precision()).into()),
            ("wgbert".into(), env!("CARGO_PKG_VERSION").into()),
        ],
    }
}

fn format(arguments: &EvaluateArguments) -> Result<EvaluationFormat, Failure> {
    let extension = arguments.output.as_ref().and_then(|path| path.extension()).and_then(|end| end.to_str());
    let named = match extension {
        Some("json") => Some(EvaluationFormat::Json),
        Some("html" | "htm") => Some(EvaluationFormat::Html),
        Some("txt") => Some(EvaluationFormat::Text),
        _ => None,
    };
    match (arguments.format, named, &arguments.output) {
        (Some(format), ..) | (None, Some(format), _) => Ok(format),
        (None, None, None) => Ok(EvaluationFormat::Text),
        (None, None, Some(path)) => Err(Failure::Message(format!(
            "{}: the name does not tell the format: end it in .txt, .json or .html, or choose --format",
            path.display()
        ))),
    }
}

fn write(arguments: &EvaluateArguments, format: EvaluationFormat, evaluation: &Evaluation) -> Result<(), Failure> {
    if let Some(path) = &arguments.html {
        result_file::write(path, &evaluation.html())?;
    }
    let text = match format {
        EvaluationFormat::Json => {
            serde_json::to_string_pretty(evaluation).expect("it has string keys and finite numbers") + "\n"
        }
        EvaluationFormat::Html => evaluation.html(),
        EvaluationFormat::Text => {
            let terminal = arguments.output.is_none() && io::stdout().is_terminal();
            let width = terminal.then(|| terminal_size_of(io::stdout())).flatten();
            evaluation.text(width.map_or(WIDTH, |(Width(columns), _)| usize::from(columns)))
        }
    };
    match &arguments.output {
        Some(path) => result_file::write(path, &text),
        None => {
            let mut out = io::stdout().lock();
            out.write_all(text.as_bytes())?;
            Ok(out.flush()?)
        }
    }
}
