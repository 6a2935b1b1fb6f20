//! `wgbert classify`: rows in, answers out, some rows at a time.

use super::arguments::ClassifyArguments;
use super::download::Downloads;
use super::input::{Input, Row};
use super::labels::LabelReader;
use super::progress::Progress;
use super::report::Report;
use super::tensors::Tensors;
use super::{Failure, Outcome, say};
use std::num::NonZero;
use std::thread;
use std::time::{Duration, Instant};
use wgbert::checkpoint::hub;
use wgbert::text::Encoding;
use wgbert::{Classifier, Error, Options, Request, SequenceClassifierOutput};

/// Rows of the first chunk, and of the largest.
const FIRST_CHUNK: usize = 64;
const LARGEST_CHUNK: usize = 16384;
/// How long a chunk should take: answers appear this often, and an interruption loses no more.
const CHUNK_TIME: Duration = Duration::from_secs(1);
/// Rows that are worth a thread of their own to tokenize.
const ROWS_PER_THREAD: usize = 64;

pub fn run(arguments: &ClassifyArguments) -> Result<Outcome, Failure> {
    // What can be refused at once is, before a model is loaded.
    let mut input = Input::open(arguments)?;
    let tensors = Tensors::new(arguments)?;
    let classifier = load(arguments)?;
    let report = Report::new(arguments, &classifier, input.is_arguments())?;
    let progress = Progress::new(&input);
    let losses = Losses::default();
    let mut answering =
        Answering { classifier, labels: LabelReader::default(), tensors, report, progress, losses, rows: 0, failed: 0 };
    let result = answering.answer_all(&mut input);
    answering.finish(result)
}

fn load(arguments: &ClassifyArguments) -> Result<Classifier, Error> {
    let options = Options {
        truncation: arguments.truncation.into(),
        random_head: arguments.random_head,
        scoring: arguments.scoring.map(Into::into),
        ..arguments.device.options()
    };
    match &arguments.model {
        Some(model) => {
            let mut downloads = Downloads::default();
            options.load(hub::locate(model, &mut |progress| downloads.advance(progress))?)
        }
        None => options.sentiment(),
    }
}

/// A run over all rows.
struct Answering {
    classifier: Classifier,
    labels: LabelReader,
    tensors: Tensors,
    report: Report,
    progress: Progress,
    losses: Losses,
    rows: usize,
    failed: usize,
}

#[derive(Default)]
struct Losses {
    sum: f64,
    count: usize,
}

impl Answering {
    fn answer_all(&mut self, input: &mut Input) -> Result<(), Failure> {
        let mut most = FIRST_CHUNK;
        loop {
            let first = input.next_index();
            let rows = input.chunk(most).map_err(Failure::from);
            // Not before: the rows may have been waited for.
            let started = Instant::now();
            let result = rows.and_then(|rows| {
                self.answer(&rows, input)?;
                Ok(rows.len())
            });
            match result {
                Ok(0) => return Ok(()),
                Ok(rows) => self.progress.advance(rows, input),
                Err(Failure::Output(error)) => return Err(Failure::Output(error)),
                Err(failure) if first == 0 => return Err(failure),
                Err(failure) => {
                    let place = input.place(first);
                    let message = format!("stopped before {place} (the rows before it are answered): {failure}");
                    return Err(Failure::Message(message));
                }
            }
            most = match started.elapsed() {
                time if time < CHUNK_TIME / 2 => (most * 2).min(LARGEST_CHUNK),
                time if time > CHUNK_TIME * 2 => (most / 2).max(1),
                _ => most,
            };
        }
    }

    /// Answers some rows and writes the answers out.
    fn answer(&mut self, rows: &[Row], input: &Input) -> Result<(), Failure> {
        let (output, failures) = self.compute(rows)?;
        let mut answers = output.texts();
        for (row, failure) in rows.iter().zip(failures) {
            let answer = match (&row.content, failure) {
                (Ok(content), None) => {
                    let answer = answers.next().expect("every row that has not failed has an answer");
                    answer.argmax().map(|_| (content, answer)).ok_or("the model's answer is NaN".to_string())
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
                    self.report.answer(row.index, content, answer)?;
                }
                Err(message) => {
                    self.failed += 1;
                    self.progress.say(format_args!("warning: {}: {message}", input.place(row.index)));
                    self.report.failure(row.index, &message)?;
                }
            }
        }
        self.rows += rows.len();
        Ok(self.report.flush()?)
    }

    /// The output for the rows that can be answered, in their order, and for each row why it cannot.
    fn compute(&mut self, rows: &[Row]) -> Result<(SequenceClassifierOutput, Vec<Option<String>>), Failure> {
        let mut failures = vec![None; rows.len()];
        let (mut places, mut encodings, mut labels) = (Vec::new(), Vec::new(), Vec::new());
        let prepared = encode(&self.classifier, rows);
        for (place, (row, encoding)) in rows.iter().zip(prepared).enumerate() {
            let label = row.content.as_ref().ok().and_then(|content| content.label.as_ref());
            let label = label.map(|label| self.labels.read(self.classifier.config(), label)).transpose();
            match encoding.and_then(|encoding| Ok((encoding, label?))) {
                Ok((encoding, label)) => {
                    places.push(place);
                    encodings.push(encoding);
                    labels.push(label);
                }
                Err(message) => failures[place] = Some(message),
            }
        }
        self.tensors.reserve(self.classifier.model(), &encodings)?;
        let (hidden_states, attentions) = self.tensors.wanted();
        let mut request = Request { hidden_states, attentions, labels };
        let mut output = loop {
            if encodings.is_empty() {
                break SequenceClassifierOutput::default();
            }
            match self.classifier.run(&encodings, &request) {
                Ok(output) => break output,
                // One of them cannot be answered, which is found before anything is computed: the others can.
                Err(Error::Text { index, message }) => {
                    encodings.remove(index);
                    request.labels.remove(index);
                    failures[places.remove(index)] = Some(message);
                }
                Err(error) => return Err(error.into()),
            }
        };
        let indices: Vec<usize> = places.iter().map(|&place| rows[place].index).collect();
        self.tensors.take(&mut output, &indices);
        Ok((output, failures))
    }

    /// Ends the output, whole or not, and says what came of it.
    fn finish(self, result: Result<(), Failure>) -> Result<Outcome, Failure> {
        let Answering { tensors, mut report, progress, losses: Losses { sum, count }, rows, failed, .. } = self;
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

/// The tokens of each row, or why there are none.
fn encode(classifier: &Classifier, rows: &[Row]) -> Vec<Result<Encoding, String>> {
    let encode_row = |row: &Row| {
        let text = row.content.as_ref()?.as_text();
        classifier.encode(row.index, text).map_err(|error| match error {
            // Who reports it knows the row.
            Error::Text { message, .. } => message,
            error => error.to_string(),
        })
    };
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(rows.len().div_ceil(ROWS_PER_THREAD));
    let share = rows.len().div_ceil(threads.max(1)).max(1);
    thread::scope(|scope| {
        let encode_share = |rows: &[Row]| rows.iter().map(encode_row).collect::<Vec<_>>();
        let workers: Vec<_> = rows.chunks(share).map(|rows| scope.spawn(move || encode_share(rows))).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("the tokenizer's panics are errors")).collect()
    })
}
