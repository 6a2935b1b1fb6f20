//! `wgbert classify`: rows in, answers out, some rows at a time. Three stages run at once, each on another chunk: reading
//! and tokenizing ([`super::prepare`]), the device ([`super::compute`]), and writing, here.

use super::arguments::ClassifyArguments;
use super::compute::{Answered, Computing};
use super::download::Downloads;
use super::entities;
use super::input::{Input, Places};
use super::labels::LabelReader;
use super::prepare::{Chunks, Stop};
use super::progress::Progress;
use super::report::Report;
use super::tensors::Tensors;
use super::{Failure, Outcome, say};
use std::panic::resume_unwind;
use std::sync::mpsc::sync_channel;
use std::thread;
use wgbert::checkpoint::hub;
use wgbert::{Aggregation, Classifier, Error};

pub fn run(arguments: &ClassifyArguments) -> Result<Outcome, Failure> {
    // What can be refused at once is, before a model is loaded.
    let input = Input::open(arguments)?;
    let tensors = Tensors::new(arguments)?;
    let classifier = load(arguments)?;
    let aggregation = entities::aggregation(arguments, &classifier)?;
    let report = Report::new(arguments, &classifier, input.is_arguments())?;
    let (progress, places) = (Progress::new(&input), input.places());
    let mut writing = Writing { report, aggregation, progress, places, losses: Losses::default(), rows: 0, failed: 0 };

    let chunks = Chunks::of(input, classifier.encoder());
    let computing = Computing { classifier, labels: LabelReader::default(), tensors };
    let (sender, answers) = sync_channel(0);
    let device = thread::spawn(move || computing.run(chunks, &sender));
    // Ends with the answers, or at the first failure, after which the device finds that nobody wants more.
    let result = answers.into_iter().try_for_each(|answered| writing.write(answered));
    let tensors = device.join().unwrap_or_else(|panic| resume_unwind(panic));
    writing.finish(tensors, result)
}

fn load(arguments: &ClassifyArguments) -> Result<Classifier, Error> {
    let options = arguments
        .device
        .options()
        .truncation(arguments.truncation.into())
        .random_head(arguments.random_head)
        .scoring(arguments.scoring.map(Into::into));
    match &arguments.model {
        Some(model) => {
            let mut downloads = Downloads::default();
            options.load(hub::locate(model, &mut |progress| downloads.advance(progress))?)
        }
        None => options.sentiment(),
    }
}

/// Where answers go, and what is counted of them.
struct Writing {
    report: Report,
    aggregation: Aggregation,
    progress: Progress,
    places: Places,
    losses: Losses,
    rows: usize,
    failed: usize,
}

#[derive(Default)]
struct Losses {
    sum: f64,
    count: usize,
}

impl Writing {
    /// Writes the answers of a chunk out, or says where they stop.
    fn write(&mut self, answered: Result<Answered, Stop>) -> Result<(), Failure> {
        let Answered { chunk, output, failures } = answered.map_err(|Stop { row, failure }| match row {
            (0, _) => failure,
            (_, place) => {
                let place = self.places.name(place);
                Failure::Message(format!("stopped before {place} (the rows before it are answered): {failure}"))
            }
        })?;
        let mut answers = output.answers(self.aggregation);
        for (row, failure) in chunk.rows.iter().zip(failures) {
            let answer = match (&row.content, failure) {
                (Ok(content), None) => {
                    let answer = answers.next().expect("every row that has not failed has an answer");
                    answer.map(|answer| (content, answer))
                }
                (_, Some(message)) => Err(message),
                (Err(message), None) => Err(message.clone()),
            };
            match answer {
                Ok((content, answer)) => {
                    if let Some(loss) = answer.loss() {
                        self.losses.sum += f64::from(loss);
                        self.losses.count += 1;
                    }
                    self.report.answer(row.index, content, &answer)?;
                }
                Err(message) => {
                    self.failed += 1;
                    let place = self.places.name(row.place);
                    self.progress.say(format_args!("warning: {place}: {message}"));
                    self.report.failure(row.index, &place, row.content.as_ref().ok(), &message)?;
                }
            }
        }
        self.rows += chunk.rows.len();
        self.report.flush()?;
        self.progress.advance(chunk.rows.len(), chunk.position);
        Ok(())
    }

    /// Ends the output, whole or not, and says what came of it.
    fn finish(self, tensors: Tensors, result: Result<(), Failure>) -> Result<Outcome, Failure> {
        let Writing { mut report, progress, losses: Losses { sum, count }, rows, failed, .. } = self;
        drop(progress);
        if let Err(Failure::Output(error)) = result {
            return Err(Failure::Output(error));
        }
        let loss = (count > 0).then(|| (sum / count as f64) as f32);
        let error = result.as_ref().err().map(ToString::to_string);
        report.finish(loss, error.as_deref())?;
        // What was computed before a failure is worth keeping.
        let written = if result.is_ok() || rows > 0 { tensors.write() } else { Ok(()) };
        result.and(written)?;
        if failed == 0 {
            return Ok(Outcome::Complete);
        }
        say(format_args!("error: {failed} of {rows} rows failed"));
        Ok(Outcome::SomeRowsFailed)
    }
}
