//! Answers -> where they go: for eyes, as a table, or as one JSON document.

use super::Failure;
use super::arguments::OutputFormat;
use super::asked::{Asked, Labels};
use super::job::Job;
use super::output::{Begun, Output};
use super::text::{Layout as Eyes, Lines};
use crate::bench::precision_name;
use crate::rows::Row;
use crate::rows::write::{Answer, Layout, OutputFormat as Table, Selection, Writer};
use crate::{Classifier, Error};
use serde_json::json;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use terminal_size::{Width, terminal_size_of};

/// Labels that a text of the command line is shown with at most, where nobody says how many.
const FEW_LABELS: usize = 5;
/// Columns of a terminal that does not say how many it has.
const WIDTH: usize = 80;

/// How answers are written, before anything is known of the rows.
pub struct Style {
    pub format: OutputFormat,
    selection: Selection,
    top: usize,
    /// Whether the rows are the texts of the command line, and so few.
    few: bool,
    /// Whether labels were asked for, and so a loss.
    labelled: bool,
    /// What the model is called.
    model: String,
    asked: Asked,
}

/// Writes the answers in their order.
pub struct AnswerWriter {
    classifier: Classifier,
    kind: Kind,
    begun: Begun,
    /// What making the output of what was written found.
    found: Vec<String>,
    /// What it is written into, where that has a name and is no file that could be whole or not.
    straight: Option<PathBuf>,
}

enum Kind {
    /// Nobody wants them.
    Nothing,
    Eyes(Eyes, Output),
    Lines(Lines, Output),
    Table(Box<Writer<Output>>),
    Document(Box<Writer<Output>>),
    /// A table with types; what it is made of at the end, and where it goes, where that is a stream.
    Typed(Box<Writer<Output>>, Table, Option<(File, Output)>),
}

impl Style {
    pub fn new(job: &Job<'_>, classifier: &Classifier, asked: &Asked) -> Result<Style, Failure> {
        let format = format(job)?;
        let text = format == OutputFormat::Text;
        if text && !job.fields.is_empty() {
            let message =
                "--fields are columns of a table, and text is for eyes: choose --format jsonl, csv, tsv or json";
            return Err(Failure::Message(message.into()));
        }
        let mut selection = Selection {
            fields: (!job.fields.is_empty()).then(|| job.fields.to_vec()),
            top: job.top_k.unwrap_or(1),
            id: job.arguments.input.id_column.is_some(),
            everything: format == OutputFormat::Json,
            prefix: job.arguments.table.prefix.clone(),
            ..Selection::default()
        };
        let (labels, _) = asked.shown(classifier);
        if !job.threshold.is_empty() {
            let multi_label = asked.subject(classifier).is_multi_label();
            selection.thresholds = thresholds(job.threshold, labels, multi_label)?;
        }
        let model = job.arguments.model.model.as_ref().map(|folder| folder.display().to_string());
        let model = model.unwrap_or_else(|| "sentiment (compiled in)".into());
        let few = job.input.is_arguments();
        let top = job.top_k.unwrap_or(if few { FEW_LABELS } else { 1 });
        let labelled = job.arguments.input.label_column.is_some() && job.labels == Labels::Loss;
        Ok(Style { format, selection, top, few, labelled, model, asked: asked.clone() })
    }

    /// Begins an output for an input that begins with these rows, or goes on with one.
    pub fn begin(
        &self,
        classifier: &Classifier,
        mut out: Output,
        rows: &[Row],
        again: Option<Begun>,
    ) -> Result<AnswerWriter, Failure> {
        if let Output::Nowhere = out {
            let (begun, found) = (Begun::default(), Vec::new());
            return Ok(AnswerWriter {
                classifier: classifier.clone(),
                kind: Kind::Nothing,
                begun,
                found,
                straight: None,
            });
        }
        let is_again = again.is_some();
        let straight = out.path().map(PathBuf::from);
        let has_label = |row: &Row| row.content.as_ref().is_ok_and(|content| content.label.is_some());
        let loss = again.as_ref().map_or_else(|| self.labelled || rows.iter().any(has_label), |begun| begun.loss);
        let mut selection = self.selection.clone();
        selection.loss = loss;
        let table = match self.format {
            OutputFormat::Text => None,
            OutputFormat::Json => Some(Table::Json),
            OutputFormat::Jsonl => Some(Table::Jsonl),
            OutputFormat::Csv => Some(Table::Csv),
            OutputFormat::Tsv => Some(Table::Tsv),
            OutputFormat::Parquet => Some(Table::Parquet),
            OutputFormat::Arrow => Some(Table::Arrow),
        };
        let Some(table) = table else {
            // What a file or another program gets must not depend on the window that the command was typed in.
            let terminal = matches!(out, Output::Stdout(_)) && io::stdout().is_terminal();
            let kind = if terminal {
                let width = terminal_size_of(io::stdout()).map_or(WIDTH, |(Width(columns), _)| usize::from(columns));
                let (labels, scoring) = self.asked.shown(classifier);
                Kind::Eyes(Eyes::new(labels, scoring, self.top, !self.few, width), out)
            } else {
                let labels = self.asked.shown(classifier).0.len();
                Kind::Lines(Lines { top: self.selection.top.clamp(1, labels.max(1)), asked: self.asked.clone() }, out)
            };
            let begun = Begun { columns: Vec::new(), loss };
            return Ok(AnswerWriter { classifier: classifier.clone(), kind, begun, found: Vec::new(), straight });
        };
        let subject = self.asked.subject(classifier);
        let layout = match again {
            Some(begun) => Layout::again(&selection, subject.clone(), begun.columns, rows),
            None => Layout::new(&selection, subject.clone(), rows),
        };
        let layout = layout.map_err(|message| Failure::Message(format!("--fields: {message}")))?;
        let begun = Begun { columns: layout.input().to_vec(), loss };
        if let Table::Parquet | Table::Arrow = table {
            let stdout = matches!(out, Output::Stdout(_));
            if stdout && io::stdout().is_terminal() {
                let message = "the output is binary, and a terminal shows letters: name a file with --output FILE";
                return Err(Failure::Message(message.into()));
            }
            let mut spool = None;
            if out.is_stream() && layout.is_journal(table) {
                let (file, same) =
                    Output::spool().map_err(|error| Failure::Message(format!("no temporary file: {error}")))?;
                spool = Some((same, std::mem::replace(&mut out, file)));
            }
            let writer = Box::new(Writer::new(out, table, &selection, subject, layout, is_again)?);
            let kind = Kind::Typed(writer, table, spool);
            return Ok(AnswerWriter { classifier: classifier.clone(), kind, begun, found: Vec::new(), straight });
        }
        if table == Table::Json && !is_again {
            let labels = match self.asked.shown(classifier).0 {
                [] => String::new(),
                labels => format!("\"labels\":{},\n", json!(labels)),
            };
            write!(out, "{{\"model\":{},\n{labels}\"results\":[", json!(self.model))?;
        }
        // Behind the first chunk an array has an element.
        let writer = Box::new(Writer::new(out, table, &selection, subject, layout, is_again)?);
        let kind = if table == Table::Json { Kind::Document(writer) } else { Kind::Table(writer) };
        Ok(AnswerWriter { classifier: classifier.clone(), kind, begun, found: Vec::new(), straight })
    }
}

impl AnswerWriter {
    /// A row with its answer; `place` is what the row is called in messages.
    pub fn write(&mut self, row: &Row, place: &str, answer: &Answer<'_>) -> io::Result<()> {
        match &mut self.kind {
            Kind::Nothing => Ok(()),
            Kind::Table(writer) | Kind::Document(writer) | Kind::Typed(writer, ..) => writer.write(row, answer),
            Kind::Lines(lines, out) => lines.write(out, row, answer),
            Kind::Eyes(eyes, out) => match (&row.content, answer) {
                (Ok(content), Answer::Text(answer)) => eyes.write(out, content, *answer),
                (Ok(content), Answer::ZeroShot(answer)) => eyes.write_candidates(out, content, answer),
                (Ok(content), Answer::Pair(pair)) => eyes.write_pair(out, content, pair),
                (Ok(content), Answer::Document(document)) => eyes.write_document(out, row.index, content, document),
                (Ok(content), Answer::Part(left_out)) => eyes.write_part(out, row.index, content, left_out),
                (Ok(content), Answer::Tokens(answer, entities)) => eyes.write_entities(out, content, *answer, entities),
                (content, Answer::Failed(message)) => eyes.write_failure(out, place, content.as_ref().ok(), message),
                (Err(_), _) => unreachable!("what has no content fails"),
            },
        }
    }

    /// Lets everything so far be seen, and gives its bytes where it is a file.
    pub fn flush(&mut self) -> io::Result<u64> {
        match &mut self.kind {
            Kind::Nothing => Ok(0),
            Kind::Table(writer) | Kind::Document(writer) | Kind::Typed(writer, ..) => {
                writer.flush()?;
                Ok(writer.get_ref().length())
            }
            Kind::Lines(_, out) | Kind::Eyes(_, out) => {
                out.flush()?;
                Ok(out.length())
            }
        }
    }

    /// What the first rows decided.
    pub fn begun(&self) -> &Begun {
        &self.begun
    }

    /// What was left out of the input's columns, or is written otherwise, since this was asked last.
    pub fn notes(&mut self) -> Vec<String> {
        let mut notes = match &mut self.kind {
            Kind::Table(writer) | Kind::Document(writer) | Kind::Typed(writer, ..) => writer.notes(),
            Kind::Nothing | Kind::Lines(..) | Kind::Eyes(..) => Vec::new(),
        };
        notes.append(&mut self.found);
        notes
    }

    /// Ends the output, and gives its bytes where it is a file. `loss` is the mean over the rows that had a label; `error` is why
    /// there are no more rows.
    pub fn finish(&mut self, loss: Option<f32>, error: Option<&str>) -> io::Result<u64> {
        if let Kind::Document(writer) = &mut self.kind
            && let Some(out) = writer.get_mut()
        {
            // What answered in the end, as it may be another than the one that was asked.
            let (adapter, precision) = (self.classifier.adapter(), precision_name(self.classifier.precision()));
            write!(out, "\n],\n\"adapter\":{},\n\"precision\":\"{precision}\"", json!(adapter))?;
            out.write_all(b",\n\"loss\":")?;
            serde_json::to_writer(&mut *out, &loss)?;
            if let Some(error) = error {
                write!(out, ",\n\"error\":{}", json!(error))?;
            }
            out.write_all(b"}\n")?;
        }
        if let Kind::Typed(writer, format, spool) = &mut self.kind {
            writer.finish()?;
            if let Some((spool, out)) = spool {
                self.found = writer.convert(spool, &mut *out, *format)?;
                out.flush()?;
            }
        }
        self.flush()
    }

    /// Names what could not be written, where it is no file with a partial one beside it.
    pub fn failed(&self, source: io::Error) -> Failure {
        match &self.straight {
            // Who reads a pipe may have seen enough.
            Some(path) if source.kind() != io::ErrorKind::BrokenPipe => {
                Error::File { action: "write", path: path.clone(), source: source.into() }.into()
            }
            _ => Failure::Output(source),
        }
    }

    /// Whether the file that was written is made into another at the end.
    pub fn is_journal(&self) -> bool {
        matches!(self.kind, Kind::Typed(..))
    }

    /// Makes it; see [`Writer::convert`].
    pub fn convert(&self, journal: File, out: File) -> io::Result<Vec<String>> {
        match &self.kind {
            Kind::Typed(writer, format, _) => writer.convert(journal, out, *format),
            _ => Ok(Vec::new()),
        }
    }
}

/// What was asked for, else what the name of the file says, else text.
fn format(job: &Job<'_>) -> Result<OutputFormat, Failure> {
    let Some(path) = job.arguments.output.output.as_ref().filter(|path| path.as_os_str() != "-") else {
        return Ok(job.arguments.table.format.unwrap_or(OutputFormat::Text));
    };
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or("").to_ascii_lowercase();
    let named = match extension.as_str() {
        "txt" => Some(OutputFormat::Text),
        "json" => Some(OutputFormat::Json),
        "jsonl" | "ndjson" => Some(OutputFormat::Jsonl),
        "csv" => Some(OutputFormat::Csv),
        "tsv" | "tab" => Some(OutputFormat::Tsv),
        "parquet" | "pq" => Some(OutputFormat::Parquet),
        "arrow" | "arrows" | "ipc" => Some(OutputFormat::Arrow),
        _ => None,
    };
    job.arguments.table.format.or(named).ok_or_else(|| {
        Failure::Message(format!(
            "{}: the name does not tell the format: end it in .txt, .json, .jsonl, .csv, .tsv, .parquet or .arrow, or \
             choose --format",
            path.display()
        ))
    })
}

/// A threshold a label: one number for all, and LABEL=SCORE for one.
///
/// # Errors
/// Of labels that do not hold each on its own, and of what is no score or no label.
pub fn thresholds(asked: &[String], labels: &[String], multi_label: bool) -> Result<Vec<f32>, Failure> {
    let refused = |message: String| Failure::Message(format!("--threshold: {message}"));
    if !multi_label {
        return Err(refused("only labels that hold each on its own have one, and of these one is the best".into()));
    }
    let mut thresholds = vec![0.5; labels.len()];
    for asked in asked {
        let (label, score) =
            asked.rsplit_once('=').map_or((None, asked.as_str()), |(label, score)| (Some(label), score));
        let score = score.trim().parse::<f32>().ok().filter(|score| (0.0..=1.0).contains(score));
        let score =
            score.ok_or_else(|| refused(format!("{asked:?} is neither a score from 0 to 1 nor LABEL=SCORE")))?;
        match label {
            None => thresholds.fill(score),
            Some(name) => {
                let place = labels.iter().position(|label| label == name);
                let place = place.ok_or_else(|| refused(format!("no label is called {name:?}")))?;
                thresholds[place] = score;
            }
        }
    }
    Ok(thresholds)
}
