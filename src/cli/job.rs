//! What every command does that answers rows: rows in, answers out, some rows at a time. Three stages run at once, each on other chunks: reading and tokenizing ([`super::prepare`]), the device ([`super::compute`]), and writing, here.

use super::answer_writer::{AnswerWriter, Style};
use super::arguments::OutputFormat;
use super::asked::{Asked, Labels};
use super::compute::{Answered, Answers, Computing};
use super::entities::Answered as Row;
use super::input::{Input, Places};
use super::model;
use super::moved::Moved;
use super::output::{Claim, Done, Mark, Output, Partial};
use super::prepare::{Chunks, Stop};
use super::progress::Progress;
use super::resume::{fingerprint, other_rows, pass};
use super::row_arguments::JobArguments;
use super::tensors::Tensors;
use super::{Failure, Outcome, dry_run, say, signals};
use crate::rows::Row as InputRow;
use crate::rows::write::{Answer, Document};
use crate::{Aggregation, Classifier, Task};
use serde_json::Value;
use std::time::Instant;

/// What a command asks of rows, and where the answers go.
pub struct Job<'a> {
    pub input: Input,
    pub arguments: &'a JobArguments,
    pub fields: &'a [String],
    pub top_k: Option<usize>,
    pub threshold: &'a [String],
    pub labels: Labels,
    pub tensors: Tensors,
    /// What the answers depend on beside these, by name.
    pub own: Vec<(&'static str, Value)>,
    /// What parts of rows moved, where that is asked for; rows are then written into a file alone.
    pub moved: Option<&'a mut Moved>,
}

/// An option for [`Job::own`].
pub fn debug(value: &dyn std::fmt::Debug) -> Value {
    Value::String(format!("{value:?}"))
}

impl<'a> Job<'a> {
    /// A job of which nothing is asked but its answers.
    pub fn new(input: Input, arguments: &'a JobArguments) -> Job<'a> {
        Job {
            input,
            arguments,
            fields: &[],
            top_k: None,
            threshold: &[],
            labels: Labels::Ignored,
            tensors: Tensors::default(),
            own: Vec::new(),
            moved: None,
        }
    }

    /// Whether nobody wants the rows: what parts of them moved is said instead.
    fn silent(&self) -> bool {
        let format = self.arguments.table.format;
        let of_rows = format.is_some_and(|format| !matches!(format, OutputFormat::Text | OutputFormat::Json));
        self.moved.is_some() && self.arguments.output.output.is_none() && !of_rows
    }

    /// Answers the rows; `ask` says what is asked of them, once there is a model.
    pub fn run(mut self, ask: impl FnOnce(&Classifier) -> Result<Asked, Failure>) -> Result<Outcome, Failure> {
        let JobArguments { model, output, table, device, .. } = self.arguments;
        let (quiet, few) = (output.quiet, self.input.is_arguments());
        let load = || model::load(model, device, quiet, output.times);
        if table.dry_run {
            let classifier = load()?;
            let asked = ask(&classifier)?;
            dry_run::run(self.input, &classifier, &asked, self.labels, quiet)?;
            return Ok(Outcome::Complete);
        }
        self.input.refuse_as_output(output.output.as_deref())?;
        let (partial, started) = (Partial::claim(output)?, Instant::now());
        let mut straight = None;
        let mut partial = match partial {
            Some(Claim::Whole) => {
                say(format_args!("note: the output is whole already: there is nothing to go on with"));
                return Ok(Outcome::Complete);
            }
            Some(Claim::Write(partial)) => Some(partial),
            Some(Claim::Straight(out)) => {
                straight = Some(out);
                None
            }
            None => None,
        };
        self.tensors.claim(output.overwrite || partial.as_ref().is_some_and(|partial| partial.goes_on()))?;
        signals::listen();
        let classifier = load()?;
        let asked = ask(&classifier)?;
        let style = Style::new(&self, &classifier, &asked)?;
        let out = match &mut partial {
            Some(partial) => partial.begin(fingerprint(&self, &classifier, &style)?)?,
            None => straight.unwrap_or_else(|| if self.silent() { Output::Nowhere } else { Output::stdout() }),
        };
        let (mut done, mut again, mut begun, mut rows) = (Done::default(), None, None, Vec::new());
        if let Some((earlier, how, marks)) = partial.as_ref().and_then(|partial| partial.resumed()) {
            let from = self.tensors.resume(&marks).unwrap_or_else(|| earlier.clone());
            rows = pass(&mut self.input, &from)?;
            begun = Some(how);
            (done, again) = if from.next < earlier.next { (from, Some(earlier)) } else { (earlier, None) };
        }
        let progress = Progress::new(&self.input, partial.is_some(), quiet);
        let before = again.as_ref().unwrap_or(&done).clone();
        if before.rows > 0 {
            let more =
                if again.is_some() { ", and tensors that were not written yet are computed once more" } else { "" };
            progress.note(&format!("{} rows were answered before; going on{more}", before.rows));
        }

        let places = self.input.places();
        let pooled = asked.is_labels() && self.fields.iter().any(|field| field == "pooled_output");
        let wanted = self.tensors.request();
        let request = wanted.clone().pooled_output(wanted.pooled_output || pooled);
        if request.pooled_output && classifier.task() == Task::TokenClassification {
            return Err(Failure::Message(
                "the model classifies tokens, and pools none: it has no pooled output; --hidden-states with --layers -1 is what its \
                 head reads"
                    .into(),
            ));
        }
        let chunks = Chunks::of(self.input, classifier.clone(), asked.clone(), self.labels);
        let computing = Computing { classifier: classifier.clone(), asked: asked.clone(), request };
        let mut answers = computing.start(chunks);
        // A first chunk decides which columns there are.
        let first = answers.next();
        if let (Some(Ok(Answered { chunk, .. })), true) = (&first, rows.is_empty()) {
            asked.refuse_first(&chunk.rows)?;
            rows.clone_from(&chunk.rows);
            // A table without rows has columns all the same.
            if rows.is_empty() && !chunk.columns.is_alone() {
                let content = Err("it is none".into());
                rows.push(InputRow { index: 0, place: chunk.first.1, content, fields: chunk.columns.clone() });
            }
        }
        let writer = style.begin(&classifier, out, &rows, begun)?;
        let few = few || quiet;
        let aggregation = asked.aggregation();
        let tensors = self.tensors;
        let writing = Writing {
            writer,
            partial,
            aggregation,
            progress,
            places,
            tensors,
            done,
            whole: None,
            again,
            before,
            started,
            moved: self.moved,
        };
        writing.run(first, answers, &classifier, few)
    }
}

/// Where answers go, and what is counted of them.
struct Writing<'a> {
    writer: AnswerWriter,
    partial: Option<Box<Partial>>,
    aggregation: Aggregation,
    progress: Progress,
    places: Places,
    tensors: Tensors,
    done: Done,
    /// That at the end of the last chunk, the bytes that were written then, and the files of tensors.
    whole: Option<(Done, u64, Vec<Mark>)>,
    /// Where the rows end that are answered once more, as their tensors were in memory when the run was stopped.
    again: Option<Done>,
    /// What an earlier run had done.
    before: Done,
    started: Instant,
    moved: Option<&'a mut Moved>,
}

impl Writing<'_> {
    fn run(
        mut self,
        first: Option<Result<Answered, Stop>>,
        mut answers: Answers,
        classifier: &Classifier,
        few: bool,
    ) -> Result<Outcome, Failure> {
        // Ends with the answers, or at the first failure, after which the workers find that nobody wants more.
        let result = first.into_iter().chain(&mut answers).try_for_each(|answered| self.write(answered));
        drop(answers);
        self.finish(result, classifier, few)
    }

    /// Writes the answers of a chunk out, or says where they stop.
    fn write(&mut self, answered: Result<Answered, Stop>) -> Result<(), Failure> {
        let Answered { chunk, mut output, failures } = answered.map_err(|Stop { row, failure }| match row {
            (0, _) => failure,
            (_, place) => {
                let place = self.places.name(place);
                Failure::Message(format!("stopped before {place} (the rows before it are answered): {failure}"))
            }
        })?;
        chunk.notes.iter().for_each(|note| self.progress.note(note));
        let mut tensors = output.tensors();
        let mut answers = output.answers(self.aggregation);
        for (row, failure) in chunk.rows.iter().zip(failures) {
            self.end_again(row.index)?;
            let (answer, own) = match failure {
                Some(message) => (Row::Failed(message), [None, None]),
                None => {
                    let answer = answers.next().expect("every row that has not failed has an answer");
                    (answer, tensors.next().expect("it has no end"))
                }
            };
            if let (Some(moved), Row::Parts(effects)) = (&mut self.moved, &answer) {
                moved.see(effects);
            }
            let (answers, mut name) = (answer.each(), String::new());
            let pooled = match answers.first() {
                Some(Answer::Text(answer)) => answer.pooled_output(),
                _ => None,
            };
            self.tensors.take(row.index, &self.done, own, pooled)?;
            if self.again.is_some() {
                self.done.see(row);
                continue;
            }
            for answer in &answers {
                if let Some(message) = failed_by(answer) {
                    name = self.places.name_of(row);
                    let document = document(answer).map_or(String::new(), |place| format!(", document {place}"));
                    self.progress.warn(&(name.clone() + &document), message);
                }
                let written = self.writer.write(row, &name, answer);
                written.map_err(|source| self.failed(source))?;
            }
            self.done.count(row, &answers);
        }
        self.end_again(chunk.next)?;
        if self.again.is_none() {
            self.done.next = chunk.next;
            let length = self.writer.flush().map_err(|source| self.failed(source))?;
            let whole = self.whole.insert((self.done.clone(), length, self.tensors.marks()));
            if let Some(partial) = &mut self.partial {
                partial.note(whole, self.writer.begun(), false)?;
            }
        }
        self.writer.notes().iter().for_each(|note| self.progress.note(note));
        self.progress.advance(chunk.rows.len(), chunk.position);
        Ok(())
    }

    /// Goes on with the answers where rows up to `next` were seen and those that are answered once more end before it: they have to
    /// be the same.
    fn end_again(&mut self, next: usize) -> Result<(), Failure> {
        let Some(earlier) = self.again.as_ref().filter(|earlier| earlier.next <= next) else { return Ok(()) };
        if (self.done.rows, self.done.texts) != (earlier.rows, earlier.texts) {
            return Err(other_rows(earlier));
        }
        self.done = earlier.clone();
        self.again = None;
        Ok(())
    }

    /// Names the file, where it is one, that could not be written.
    fn failed(&self, source: std::io::Error) -> Failure {
        match &self.partial {
            Some(partial) => partial.failed(source),
            None => self.writer.failed(source),
        }
    }

    /// Ends the output, whole or not, and says what came of it.
    fn finish(mut self, result: Result<(), Failure>, classifier: &Classifier, few: bool) -> Result<Outcome, Failure> {
        self.progress.finish();
        if let Err(Failure::Output(error)) = result {
            return Err(Failure::Output(error));
        }
        let signal = signals::caught().filter(|_| result.is_ok());
        let result = if signal.is_none() { result.and_then(|()| self.end_again(usize::MAX)) } else { result };
        let again = self.again.take();
        // What was computed before a failure is worth keeping, but not of rows that are none of this run, or that nobody goes on behind.
        let begins_again = self.whole.is_none() && self.partial.is_some() && (result.is_err() || signal.is_some());
        let keep = result.is_ok() || (self.done.rows > 0 && again.is_none());
        let kept = match &self.partial {
            Some(partial) if begins_again && !partial.goes_on() => self.tensors.discard(),
            _ if keep && !begins_again => self.tensors.finish(),
            _ => Ok(()),
        };
        let result = result.and(kept);
        let loss = (self.done.losses > 0).then(|| (self.done.loss / self.done.losses as f64) as f32);
        let error = result.as_ref().err().map(ToString::to_string);
        let error = error.or(signal.map(|_| "stopped by a signal".into()));
        let stopped = error.is_some();
        let mut hint = None;
        match self.partial.take() {
            // It goes on behind the last chunk that is whole, without an end: what is behind that does not count.
            Some(mut partial) if stopped => {
                self.done = self.before.clone();
                if let Some(whole) = self.whole.take() {
                    let noted = partial.note(&whole, self.writer.begun(), true);
                    // Where something cannot be written already, that was said.
                    noted.or_else(|error| if result.is_ok() { Err(error) } else { Ok(()) })?;
                    self.done = whole.0;
                }
                hint = Some(partial.how_to_go_on());
            }
            Some(partial) => {
                let length = self.writer.finish(loss, None).map_err(|source| partial.failed(source))?;
                let path = partial.path().to_path_buf();
                if self.writer.is_journal() {
                    let (journal, new) = partial.convert()?;
                    let notes = self.writer.convert(journal, new).map_err(|source| partial.failed(source))?;
                    notes.iter().for_each(|note| self.progress.note(note));
                }
                partial.finish(&self.done, length, self.writer.is_journal())?;
                if !few {
                    self.summarize(classifier, Some(&path.display().to_string()));
                }
            }
            None => {
                let finished = self.writer.finish(loss, error.as_deref());
                finished.map_err(|source| self.writer.failed(source))?;
                self.writer.notes().iter().for_each(|note| self.progress.note(note));
                if !few && !stopped {
                    self.summarize(classifier, None);
                }
            }
        }
        self.done = again.unwrap_or(self.done);
        if let Some(hint) = hint.filter(|_| self.done.rows > 0) {
            say(format_args!("note: {} rows are answered; {hint}", self.done.rows));
        }
        result?;
        if let Some(signal) = signal {
            say(format_args!("error: stopped by a signal behind row {}", self.done.next));
            return Ok(Outcome::Signal(signal));
        }
        if self.done.failed == 0 {
            return Ok(Outcome::Complete);
        }
        say(format_args!("error: {} of {} rows failed", self.done.failed, self.done.rows));
        Ok(Outcome::SomeRowsFailed)
    }

    fn summarize(&self, classifier: &Classifier, path: Option<&str>) {
        let Done { rows, failed, truncated, tokens, loss, losses, .. } = &self.done;
        let seconds = self.started.elapsed().as_secs_f64();
        let rate = |count: f64| if seconds > 0.0 { count / seconds } else { 0.0 };
        let here = (rows - self.before.rows) as f64;
        let mut parts = vec![format!(
            "{rows} rows in {seconds:.1} s ({:.0} rows and {:.0} tokens a second) on {}",
            rate(here),
            rate((tokens - self.before.tokens) as f64),
            classifier.adapter()
        )];
        parts.extend((*truncated > 0).then(|| format!("{truncated} cut to {} tokens", classifier.max_length())));
        parts.extend((*failed > 0).then(|| format!("{failed} failed")));
        parts.extend((*losses > 0).then(|| format!("mean loss {}", (loss / *losses as f64) as f32)));
        if let Some(busy) = classifier.busy() {
            let (busy, share) = (busy.as_secs_f64(), 100.0 * busy.as_secs_f64() / seconds);
            parts.push(format!("the adapter computed for {busy:.1} s of them, {share:.0} %"));
        }
        parts.extend(path.map(|path| format!("written to {path}")));
        say(format_args!("{}", parts.join("; ")));
    }
}

impl Done {
    /// Counts a row and what is answered to it.
    fn count(&mut self, row: &InputRow, answers: &[Answer<'_>]) {
        self.see(row);
        self.failed += usize::from(answers.iter().any(|answer| failed_by(answer).is_some()));
        for answer in answers {
            let (tokens, truncated) = match answer {
                Answer::Text(answer) => {
                    if let Some(loss) = answer.loss() {
                        self.loss += f64::from(loss);
                        self.losses += 1;
                    }
                    (answer.tokens(), answer.truncated())
                }
                Answer::Tokens(answer, _) => (answer.ids().len(), answer.truncated()),
                Answer::ZeroShot(answer) => (answer.tokens(), answer.truncated()),
                Answer::Pair(pair) | Answer::Document(Document { score: Ok(pair), .. }) => {
                    (pair.tokens, pair.truncated)
                }
                // Of the row, whose parts follow each other.
                Answer::Part(left_out) if left_out.part.is_none_or(|part| part.rank == 1) => {
                    (left_out.tokens, left_out.truncated)
                }
                Answer::Part(_) => continue,
                Answer::Document(Document { score: Err(_), .. }) | Answer::Failed(_) => continue,
            };
            self.tokens += tokens as u64;
            self.truncated += usize::from(truncated);
        }
    }
}

/// Why a row, or a document of it, has no answer.
fn failed_by<'a>(answer: &Answer<'a>) -> Option<&'a str> {
    match answer {
        Answer::Failed(message) | Answer::Document(Document { score: Err(message), .. }) => Some(message),
        _ => None,
    }
}

/// Which document it is about, for people, who count from 1.
fn document(answer: &Answer<'_>) -> Option<usize> {
    match answer {
        Answer::Document(document) => Some(document.corpus_id + 1),
        _ => None,
    }
}
