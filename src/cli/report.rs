//! Answers -> standard output, as text, as JSON lines or as one JSON document.

use super::arguments::{ClassifyArguments, OutputFormat};
use super::entities::{Answer, Row};
use super::say;
use super::text::Layout;
use serde::Serialize;
use serde_json::{Value, json};
use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};
use terminal_size::{Width, terminal_size_of};
use wgbert::bench::precision_name;
use wgbert::rows::Content;
use wgbert::{Classification, Classifier};

/// Labels that a text of the command line is shown with at most, where nobody says how many.
const FEW_LABELS: usize = 5;
/// Columns of a terminal that does not say how many it has.
const WIDTH: usize = 80;

/// Writes the answers in their order.
pub struct Report {
    out: BufWriter<StdoutLock<'static>>,
    style: Style,
    classifier: Classifier,
    top_k: Option<usize>,
    echo_text: bool,
}

enum Style {
    Text(Layout),
    JsonLines,
    /// One document; whether it has a result yet.
    Json {
        any: bool,
    },
}

/// The answer to one text as JSON.
#[derive(Serialize)]
struct TextRow<'a> {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text_pair: Option<&'a str>,
    label: Option<&'a str>,
    score: Option<f32>,
    argmax: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top: Option<Vec<Scored<'a>>>,
    probabilities: Option<&'a [f32]>,
    logits: &'a [f32],
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<&'a [String]>,
    tokens: usize,
    truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    loss: Option<f32>,
}

#[derive(Serialize)]
struct Scored<'a> {
    label: &'a str,
    score: f32,
}

impl Report {
    /// `few`: the texts are those of the command line.
    pub fn new(arguments: &ClassifyArguments, classifier: &Classifier, few: bool) -> io::Result<Report> {
        let mut out = BufWriter::new(io::stdout().lock());
        let style = match arguments.format {
            OutputFormat::Text => {
                let top = arguments.top_k.unwrap_or(if few { FEW_LABELS } else { 1 });
                // What a file or another program gets must not depend on the window that the command was typed in.
                let width = || terminal_size_of(io::stdout()).map_or(WIDTH, |(Width(columns), _)| usize::from(columns));
                let width = io::stdout().is_terminal().then(width);
                Style::Text(Layout::new(classifier.labels(), classifier.scoring(), top, !few, width))
            }
            OutputFormat::Jsonl => Style::JsonLines,
            OutputFormat::Json => {
                let model = arguments.model.as_ref().map(|folder| folder.display().to_string());
                let model = json!(model.as_deref().unwrap_or("sentiment (compiled in)"));
                let labels = json!(classifier.labels());
                write!(out, "{{\"model\":{model},\n\"labels\":{labels},\n\"results\":[")?;
                Style::Json { any: false }
            }
        };
        let (classifier, top_k) = (classifier.clone(), arguments.top_k);
        Ok(Report { out, style, classifier, top_k, echo_text: arguments.echo_text })
    }

    pub fn answer(&mut self, index: usize, content: &Content, answer: &Answer<'_>) -> io::Result<()> {
        match (&mut self.style, answer) {
            (Style::Text(layout), Answer::Text(answer)) => layout.write(&mut self.out, content, *answer),
            (Style::Text(layout), Answer::Tokens(answer, entities)) => {
                layout.write_entities(&mut self.out, content, *answer, entities)
            }
            (_, Answer::Text(answer)) => self.text_row(index, content, *answer),
            (_, Answer::Tokens(answer, entities)) => {
                let text = self.echo_text.then_some(content.text.as_str());
                write_row(
                    &mut self.out,
                    &mut self.style,
                    &Row::new(index, content.id.as_ref(), text, *answer, entities),
                )
            }
        }
    }

    fn text_row(&mut self, index: usize, content: &Content, answer: Classification<'_>) -> io::Result<()> {
        let scored = |(label, score)| Scored { label, score };
        let row = TextRow {
            index,
            id: content.id.as_ref(),
            text: self.echo_text.then_some(&content.text),
            text_pair: content.text_pair.as_deref().filter(|_| self.echo_text),
            label: answer.label(),
            score: answer.score(),
            argmax: answer.argmax(),
            top: self.top_k.map(|top_k| answer.top(top_k).into_iter().map(scored).collect()),
            probabilities: answer.probabilities(),
            logits: answer.logits(),
            // A document names them once.
            labels: matches!(self.style, Style::JsonLines).then_some(self.classifier.labels()),
            tokens: answer.tokens(),
            truncated: answer.truncated(),
            loss: answer.loss(),
        };
        write_row(&mut self.out, &mut self.style, &row)
    }

    /// A row without an answer, which also has its place in the output. `row` is what it is called in messages; its
    /// content is unknown where the row cannot be read.
    pub fn failure(&mut self, index: usize, row: &str, content: Option<&Content>, message: &str) -> io::Result<()> {
        #[derive(Serialize)]
        struct Failed<'a> {
            index: usize,
            #[serde(skip_serializing_if = "Option::is_none")]
            id: Option<&'a Value>,
            error: &'a str,
        }
        if let Style::Text(layout) = &mut self.style {
            return layout.write_failure(&mut self.out, row, content, message);
        }
        write_row(
            &mut self.out,
            &mut self.style,
            &Failed { index, id: content.and_then(|content| content.id.as_ref()), error: message },
        )
    }

    /// Lets everything so far be seen.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Ends the output. `loss` is the mean over the rows that had a label; `error` is why there are no more rows.
    pub fn finish(&mut self, loss: Option<f32>, error: Option<&str>) -> io::Result<()> {
        match &self.style {
            Style::Json { .. } => {
                // What answered in the end, as it may be another than the one that was asked.
                let (adapter, precision) = (self.classifier.adapter(), precision_name(self.classifier.precision()));
                write!(self.out, "\n],\n\"adapter\":{},\n\"precision\":\"{precision}\"", json!(adapter))?;
                self.out.write_all(b",\n\"loss\":")?;
                serde_json::to_writer(&mut self.out, &loss)?;
                if let Some(error) = error {
                    write!(self.out, ",\n\"error\":{}", json!(error))?;
                }
                self.out.write_all(b"}\n")?;
            }
            Style::Text(_) | Style::JsonLines => {
                if let Some(loss) = loss {
                    say(format_args!("mean loss: {loss}"));
                }
            }
        }
        self.flush()
    }
}

fn write_row(out: &mut impl Write, style: &mut Style, row: &impl Serialize) -> io::Result<()> {
    match style {
        Style::Text(_) => unreachable!("lines of text are the layout's"),
        Style::JsonLines => {}
        Style::Json { any } => out.write_all(if std::mem::replace(any, true) { b",\n" } else { b"\n" })?,
    }
    serde_json::to_writer(&mut *out, row)?;
    if matches!(style, Style::JsonLines) {
        out.write_all(b"\n")?;
    }
    Ok(())
}
