//! Arrow's record batches in, the same with answers out, in their order and in constant memory: for tables that somebody else reads
//! and writes, by Arrow's C interface in another language.

use super::columnar::{as_text, is_text};
use super::columns::Found;
use super::stream::as_answer;
use super::write::{Columns as Written, Selection};
use super::{Columns, NULL};
use crate::classifier::{Classifier, Request};
use crate::error::{Error, Result};
use crate::label::Label;
use crate::models::Task;
use crate::output::OwnedClassification;
use crate::panics::guarded;
use crate::stream::{self, Running};
use crate::text::Text;
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchReader, StringArray};
use arrow_schema::{ArrowError, DataType, SchemaRef};
use std::collections::VecDeque;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long a caller waits for a batch, so that one who wants to stop is heard this often.
const BATCH_TIME: Duration = Duration::from_millis(500);
/// Rows of the first batch, of the smallest, and of the largest.
const ROWS: (usize, usize, usize) = (64, 16, 16384);

/// Rows of a table with their answers.
#[derive(Clone, Debug)]
pub struct AnsweredBatch {
    /// The columns that were chosen.
    pub batch: RecordBatch,
    /// Of each row its answer, or why it has none.
    pub answers: Vec<Result<OwnedClassification, String>>,
}

/// Rows that are under way.
struct Chunk {
    batch: RecordBatch,
    /// Of each, why there is nothing to classify.
    failures: Vec<Option<String>>,
    running: Running<OwnedClassification>,
}

/// The answers to record batches; made by [`Classifier::answer_batches`].
pub struct AnsweredBatches {
    classifier: Classifier,
    name: PathBuf,
    batches: Box<dyn RecordBatchReader + Send>,
    found: Found,
    columns: Written,
    request: Request,
    /// One a row, where there are any; those of rows that were read are gone.
    labels: Option<std::vec::IntoIter<Option<Label>>>,
    /// What is left of a batch that is larger than the rows that are wanted at a time.
    rest: Option<RecordBatch>,
    running: VecDeque<Chunk>,
    /// Rows at a time.
    most: usize,
    /// Index of the row that is answered next.
    index: usize,
    /// Why there are no more rows, once those that were read are answered.
    ended: Option<Option<Error>>,
}

impl fmt::Debug for AnsweredBatches {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = formatter.debug_struct("AnsweredBatches");
        debug.field("name", &self.name).field("schema", &self.columns.schema).finish_non_exhaustive()
    }
}

impl Classifier {
    /// Answers the rows of record batches as they are read. Errors call them by `name`; `columns` says where the texts are,
    /// `selection` what is given of a row and its answer. Labels of `request` are one a row.
    ///
    /// A batch of the output has the rows of one of the input, or of a part of it. A row whose text is null or cannot be answered
    /// has its place, and says why; what the input cannot be read further for, and what the device says, is the last item.
    ///
    /// # Errors
    /// [`Error::WrongTask`] if the model classifies tokens, [`Error::Malformed`] where a column is absent or has no texts.
    pub fn answer_batches(
        &self,
        name: impl Into<PathBuf>,
        batches: Box<dyn RecordBatchReader + Send>,
        columns: &Columns,
        selection: &Selection,
        mut request: Request,
    ) -> Result<AnsweredBatches> {
        if self.task() == Task::TokenClassification {
            return Err(Error::WrongTask { tokens: true });
        }
        let (name, schema) = (name.into(), batches.schema());
        let malformed = |message: String| Error::malformed(&name, message);
        let names: Vec<String> = schema.fields().iter().map(|field| field.name().clone()).collect();
        let found = columns.find(&names, &mut Vec::new()).map_err(malformed)?;
        for place in std::iter::once(found.text).chain(found.pair) {
            let field = schema.field(place);
            if !is_text(field.data_type()) {
                return Err(malformed(format!("the column {:?} {}", field.name(), no_texts(field.data_type()))));
            }
        }
        let columns = Written::new(selection, self, &schema).map_err(malformed)?;
        let labels = (!request.labels.is_empty()).then(|| std::mem::take(&mut request.labels).into_iter());
        Ok(AnsweredBatches {
            classifier: self.clone(),
            name,
            batches,
            found,
            columns,
            request,
            labels,
            rest: None,
            running: VecDeque::new(),
            most: ROWS.0,
            index: 0,
            ended: None,
        })
    }
}

impl AnsweredBatches {
    /// The columns of the batches that come.
    pub fn schema(&self) -> SchemaRef {
        self.columns.schema.clone()
    }

    /// Reads rows, and gives them to the device.
    fn read(&mut self) -> Result<()> {
        let name = self.name.clone();
        let batch = match self.rest.take() {
            Some(rest) => rest,
            // A reader that panicked is not asked again: an error ends it.
            None => match guarded("arrow", || self.batches.next().transpose()).map_err(unreadable(&name))? {
                Some(batch) => batch,
                None => {
                    self.ended = Some(None);
                    return Ok(());
                }
            },
        };
        let rows = batch.num_rows().min(self.most);
        self.rest = (rows < batch.num_rows()).then(|| batch.slice(rows, batch.num_rows() - rows));
        let batch = batch.slice(0, rows);
        let chunk = guarded("arrow", || self.start(batch)).map_err(unreadable(&name))?;
        self.running.push_back(chunk);
        Ok(())
    }

    fn start(&mut self, batch: RecordBatch) -> Result<Chunk, ArrowError> {
        let text = as_text(batch.column(self.found.text))?;
        let pair: Option<StringArray> = self.found.pair.map(|pair| as_text(batch.column(pair))).transpose()?;
        let encoder = self.classifier.encoder();
        let row = |row: usize| {
            let first = string(&text, row)?.ok_or(NULL)?;
            let second = pair.as_ref().map_or(Ok(None), |pair| string(pair, row))?;
            Ok(encoder.row(first, second))
        };
        let rows: Vec<Result<Text<'_>, String>> = (0..batch.num_rows()).map(row).collect();
        let mut request = self.request.clone();
        if let Some(labels) = &mut self.labels {
            // A row behind the last label has none.
            let labels = rows.iter().map(|row| (row, labels.next().flatten()));
            request.labels = labels.filter(|(row, _)| row.is_ok()).map(|(_, label)| label).collect();
        }
        let failures = rows.iter().map(|row| row.as_ref().err().cloned()).collect();
        let texts: Vec<Text<'_>> = rows.into_iter().flatten().collect();
        let running = stream::start(&self.classifier, &texts, request, 0);
        Ok(Chunk { batch, failures, running })
    }

    /// The answers of the rows that were read first, when they are there.
    fn answered(&mut self, chunk: Chunk) -> Result<AnsweredBatch> {
        let started = Instant::now();
        let mut answered = self.classifier.block_on(chunk.running).into_iter();
        self.most = match started.elapsed() {
            waited if waited < BATCH_TIME / 2 => (self.most * 2).min(ROWS.2),
            waited if waited > BATCH_TIME => (self.most / 2).max(ROWS.1),
            _ => self.most,
        };
        let answer = |failure: Option<String>| {
            if let Some(message) = failure {
                return Ok(Err(message));
            }
            match answered.next().expect("every text has an answer, or why it has none") {
                Ok(answer) => Ok(Ok(answer)),
                Err(Error::Text { message, .. }) => Ok(Err(message)),
                Err(error) => Err(error),
            }
        };
        let answers: Vec<_> = chunk.failures.into_iter().map(answer).collect::<Result<_>>()?;
        let written = self.columns.batch(self.index, &chunk.batch, &answers.iter().map(as_answer).collect::<Vec<_>>());
        let batch = written.map_err(|error| unreadable(&self.name)(error.to_string()))?;
        self.index += batch.num_rows();
        Ok(AnsweredBatch { batch, answers })
    }
}

impl Iterator for AnsweredBatches {
    type Item = Result<AnsweredBatch>;

    fn next(&mut self) -> Option<Result<AnsweredBatch>> {
        // As many rows again are read while the device computes; an empty batch counts, too, or an endless row of them would fill
        // the memory.
        let under_way = |this: &Self| this.running.iter().map(|chunk| chunk.failures.len().max(1)).sum::<usize>();
        while self.ended.is_none() && under_way(self) < 2 * self.most {
            if let Err(error) = self.read() {
                self.ended = Some(Some(error));
            }
        }
        let Some(chunk) = self.running.pop_front() else {
            return self.ended.as_mut().and_then(Option::take).map(Err);
        };
        let answered = self.answered(chunk);
        if answered.is_err() {
            self.running.clear();
            self.ended = Some(None);
        }
        Some(answered)
    }
}

/// The texts of a column, none where it is null, or why one cannot be read.
///
/// # Errors
/// A message where the column has no texts.
pub fn texts_of(column: &ArrayRef) -> Result<Vec<Result<Option<String>, String>>, String> {
    if !is_text(column.data_type()) {
        return Err(no_texts(column.data_type()));
    }
    let column = guarded("arrow", || as_text(column))?;
    Ok((0..column.len()).map(|row| string(&column, row).map(|text| text.map(Into::into))).collect())
}

fn no_texts(kind: &DataType) -> String {
    format!("has no texts: it is {kind}")
}

/// A row's text, or that it has none. What another language hands over was not looked at by anybody.
fn string(column: &StringArray, row: usize) -> Result<Option<&str>, String> {
    if column.is_null(row) {
        return Ok(None);
    }
    let offsets = column.value_offsets();
    let bytes = &column.value_data()[offsets[row] as usize..offsets[row + 1] as usize];
    str::from_utf8(bytes).map(Some).map_err(|_| "its text is not UTF-8".into())
}

fn unreadable(name: &Path) -> impl Fn(String) -> Error {
    move |message| Error::malformed(name, format!("cannot be read: {message}"))
}
