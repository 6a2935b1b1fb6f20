//! `wgbert classify`: rows in, answers out, some rows at a time. Three stages run at once, each on other chunks: reading and
//! tokenizing ([`super::prepare`]), the device ([`super::compute`]), and writing, here.

use super::arguments::ClassifyArguments;
use super::compute::{Answered, Answers, Computing};
use super::entities::{self, Answered as Row};
use super::input::{Input, Places};
use super::model;
use super::output::{Claim, Done, Output, Partial};
use super::prepare::{Chunks, Labels, Stop};
use super::progress::Progress;
use super::report::{Report, Style};
use super::resume::{fingerprint, other_rows, pass};
use super::tensors::Tensors;
use super::{Failure, Outcome, dry_run, say, signals};
use crate::rows::Row as InputRow;
use crate::rows::write::Answer;
use crate::{Aggregation, Classifier, Error, Task};
use std::time::Instant;

pub fn run(arguments: &ClassifyArguments) -> Result<Outcome, Failure> {
    // What can be refused at once is, before a model is loaded.
    let mut input = Input::open(&arguments.texts, arguments.pair.as_ref(), &arguments.input)?;
    if arguments.dry_run {
        let classifier =
            model::load(&arguments.model, &arguments.device, arguments.output.quiet, arguments.output.times)?;
        dry_run::run(input, &classifier, arguments.output.quiet)?;
        return Ok(Outcome::Complete);
    }
    let mut tensors = Tensors::new(arguments)?;
    input.refuse_as_output(arguments.output.output.as_deref())?;
    let (partial, started) = (Partial::claim(&arguments.output)?, Instant::now());
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
    signals::listen();
    let few = input.is_arguments();
    let classifier = model::load(&arguments.model, &arguments.device, arguments.output.quiet, arguments.output.times)?;
    let aggregation = entities::aggregation(arguments, &classifier)?;
    let style = Style::new(arguments, &classifier, few)?;
    let out = match &mut partial {
        Some(partial) => partial.begin(fingerprint(arguments, &classifier, &style)?)?,
        None => straight.unwrap_or_else(Output::stdout),
    };
    let (mut done, mut again, mut begun, mut rows) = (Done::default(), None, None, Vec::new());
    if let Some((earlier, how, marks)) = partial.as_ref().and_then(|partial| partial.resumed()) {
        let from = tensors.resume(&marks).unwrap_or_else(|| earlier.clone());
        rows = pass(&mut input, &from)?;
        begun = Some(how);
        (done, again) = if from.next < earlier.next { (from, Some(earlier)) } else { (earlier, None) };
    }
    let progress = Progress::new(&input, partial.is_some(), arguments.output.quiet);
    let before = again.as_ref().unwrap_or(&done).clone();
    if before.rows > 0 {
        let more = if again.is_some() { ", and tensors that were not written yet are computed once more" } else { "" };
        progress.note(&format!("{} rows were answered before; going on{more}", before.rows));
    }

    let places = input.places();
    let pooled = arguments.fields.iter().any(|field| field == "pooled_output");
    let wanted = tensors.request();
    let request = wanted.clone().pooled_output(wanted.pooled_output || pooled);
    if request.pooled_output && classifier.task() == Task::TokenClassification {
        return Err(Failure::Message(
            "the model classifies tokens, and pools none: it has no pooled output; --hidden-states with --layers -1 is what its \
             head reads"
                .into(),
        ));
    }
    let chunks = Chunks::of(input, classifier.clone(), Labels::Loss);
    let mut answers = Computing { classifier: classifier.clone(), request }.start(chunks);
    // A first chunk decides which columns there are.
    let first = answers.next();
    if let (Some(Ok(Answered { chunk, .. })), true) = (&first, rows.is_empty()) {
        rows.clone_from(&chunk.rows);
        // A table without rows has columns all the same.
        if rows.is_empty() && !chunk.columns.is_alone() {
            let content = Err("it is none".into());
            rows.push(InputRow { index: 0, place: chunk.first.1, content, fields: chunk.columns.clone() });
        }
    }
    let report = style.begin(&classifier, out, &rows, begun)?;
    let few = few || arguments.output.quiet;
    let writing = Writing { report, partial, aggregation, progress, places, tensors, done, again, before, started };
    writing.run(first, answers, &classifier, few)
}

/// Where answers go, and what is counted of them.
struct Writing {
    report: Report,
    partial: Option<Box<Partial>>,
    aggregation: Aggregation,
    progress: Progress,
    places: Places,
    tensors: Tensors,
    done: Done,
    /// Where the rows end that are answered once more, as their tensors were in memory when the run was stopped.
    again: Option<Done>,
    /// What an earlier run had done.
    before: Done,
    started: Instant,
}

impl Writing {
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
            let answer = answer.get();
            let pooled = match &answer {
                Answer::Text(answer) => answer.pooled_output(),
                Answer::Tokens(..) | Answer::Failed(_) => None,
            };
            self.tensors.take(row.index, &self.done, own, pooled)?;
            if self.again.is_some() {
                self.done.see(row);
                continue;
            }
            let name = match &answer {
                Answer::Failed(message) => {
                    let name = self.places.name_of(row);
                    self.progress.warn(&name, message);
                    name
                }
                _ => String::new(),
            };
            self.done.count(row, &answer);
            let written = self.report.write(row, &name, &answer);
            written.map_err(|source| self.failed(source))?;
        }
        self.end_again(chunk.next)?;
        if self.again.is_none() {
            self.done.next = chunk.next;
            let length = self.report.flush().map_err(|source| self.failed(source))?;
            if let Some(partial) = &mut self.partial {
                partial.note(&self.done, self.report.begun(), length, self.tensors.marks(), false)?;
            }
        }
        self.report.notes().iter().for_each(|note| self.progress.note(note));
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
            None => self.report.failed(source),
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
        let loss = (self.done.losses > 0).then(|| (self.done.loss / self.done.losses as f64) as f32);
        let error = result.as_ref().err().map(ToString::to_string);
        let error = error.or(signal.map(|_| "stopped by a signal".into()));
        let stopped = error.is_some();
        let (marks, again) = (self.tensors.marks(), self.again.take());
        // What was computed before a failure is worth keeping, but not of rows that are none of this run.
        let keep = result.is_ok() || (self.done.rows > 0 && again.is_none());
        let kept = if keep { self.tensors.finish() } else { Ok(()) };
        let mut hint = None;
        match self.partial.take() {
            // It goes on where it is, without an end.
            Some(mut partial) if stopped => {
                let length = self.report.flush().map_err(|source| partial.failed(source));
                match length {
                    // Half a row may be behind what was noted.
                    Ok(length) if again.is_none() && !matches!(result, Err(Failure::Library(Error::File { .. }))) => {
                        partial.note(&self.done, self.report.begun(), length, marks, true)?;
                    }
                    _ => {}
                }
                hint = Some(partial.how_to_go_on());
            }
            Some(partial) => {
                let length = self.report.finish(loss, None).map_err(|source| partial.failed(source))?;
                let path = partial.path().to_path_buf();
                if self.report.is_journal() {
                    let (journal, new) = partial.convert()?;
                    let notes = self.report.convert(journal, new).map_err(|source| partial.failed(source))?;
                    notes.iter().for_each(|note| self.progress.note(note));
                }
                partial.finish(&self.done, length, self.report.is_journal())?;
                if !few {
                    self.summarize(classifier, Some(&path.display().to_string()));
                }
            }
            None => {
                let finished = self.report.finish(loss, error.as_deref());
                finished.map_err(|source| self.report.failed(source))?;
                self.report.notes().iter().for_each(|note| self.progress.note(note));
                if !few && !stopped {
                    self.summarize(classifier, None);
                }
            }
        }
        self.done = again.unwrap_or(self.done);
        if let Some(hint) = hint.filter(|_| self.done.rows > 0) {
            say(format_args!("note: {} rows are answered; {hint}", self.done.rows));
        }
        result.and(kept)?;
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
    /// Counts a row and its answer.
    fn count(&mut self, row: &InputRow, answer: &Answer<'_>) {
        self.see(row);
        let (tokens, truncated) = match answer {
            Answer::Text(answer) => {
                if let Some(loss) = answer.loss() {
                    self.loss += f64::from(loss);
                    self.losses += 1;
                }
                (answer.tokens(), answer.truncated())
            }
            Answer::Tokens(answer, _) => (answer.ids().len(), answer.truncated()),
            Answer::Failed(_) => {
                self.failed += 1;
                return;
            }
        };
        self.tokens += tokens as u64;
        self.truncated += usize::from(truncated);
    }
}
