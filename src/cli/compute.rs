//! Chunks of tokens -> answers, on a thread of its own: while one chunk is computed, the answers of the one before are
//! written.

use super::Failure;
use super::entities::Output;
use super::labels::LabelReader;
use super::prepare::{Chunk, Chunks, Stop};
use super::tensors::Tensors;
use serde_json::Value;
use std::sync::mpsc::SyncSender;
use std::time::Instant;
use wgbert::{Classifier, Error, Label, Request, Task};

/// A chunk with its answers.
pub struct Answered {
    pub chunk: Chunk,
    /// For the rows that could be answered, in their order.
    pub output: Output,
    /// For each row why it could not.
    pub failures: Vec<Option<String>>,
}

/// What chunks are computed with.
pub struct Computing {
    pub classifier: Classifier,
    pub labels: LabelReader,
    pub tensors: Tensors,
}

impl Computing {
    /// Answers the chunks until they end, one fails or nobody wants more, and gives what was collected of their tensors.
    pub fn run(mut self, mut chunks: Chunks, answers: &SyncSender<Result<Answered, Stop>>) -> Tensors {
        while let Some(chunk) = chunks.next() {
            let started = Instant::now();
            let answered = chunk.and_then(|mut chunk| {
                let row = chunk.first;
                let (output, failures) = self.answer(&mut chunk).map_err(|failure| Stop { row, failure })?;
                chunks.adapt(&chunk, started.elapsed());
                Ok(Answered { chunk, output, failures })
            });
            let stopped = answered.is_err();
            if answers.send(answered).is_err() || stopped {
                break;
            }
        }
        self.tensors
    }

    /// Takes the encodings out of the chunk.
    fn answer(&mut self, chunk: &mut Chunk) -> Result<(Output, Vec<Option<String>>), Failure> {
        let Chunk { rows, encodings: prepared, .. } = chunk;
        let mut failures = vec![None; rows.len()];
        let (mut places, mut encodings, mut labels) = (Vec::new(), Vec::new(), Vec::new());
        for (place, (row, encoding)) in rows.iter().zip(std::mem::take(prepared)).enumerate() {
            let label = row.content.as_ref().ok().and_then(|content| content.label.as_ref());
            let label = label.map(|label| self.label(label)).transpose();
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
        let mut request = Request::default().hidden_states(hidden_states).attentions(attentions).labels(labels);
        let mut output = loop {
            if encodings.is_empty() {
                break Output::default();
            }
            match Output::run(&self.classifier, &encodings, &request) {
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
        self.tensors.take(output.tensors(), &indices);
        Ok((output, failures))
    }

    /// What a row's loss is measured against.
    fn label(&mut self, label: &Value) -> Result<Label, String> {
        match self.classifier.task() {
            Task::SequenceClassification => self.labels.read(self.classifier.config(), label),
            Task::TokenClassification => Err("it has a label, but the loss of tokens is not computed".into()),
        }
    }
}
