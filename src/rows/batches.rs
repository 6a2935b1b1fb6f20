//! Arrow's record batches in, the same with answers out, in their order and in constant memory: for tables that somebody else reads
//! and writes, by Arrow's C interface in another language.

use super::answered::as_answer;
use super::columnar::{as_text, is_text};
use super::columns::Found;
use super::write::{Columns as Written, Selection};
use super::{Columns, NULL};
use crate::classifier::{Classifier, Request};
use crate::error::{Error, Result};
use crate::label::Label;
use crate::models::Task;
use crate::output::OwnedClassification;
use crate::panics::guarded;
use crate::stream;
use crate::text::{Encoding, Text, TextEncoder};
use arrow_array::{Array, ArrayRef, RecordBatch, RecordBatchReader, StringArray};
use arrow_schema::{ArrowError, DataType, SchemaRef};
use std::fmt;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long a caller waits for a batch, so that one who wants to stop is heard this often.
const BATCH_TIME: Duration = Duration::from_millis(500);
/// Rows of the first batch, on a CPU and on a GPU.
const FIRST: [usize; 2] = [128, 4096];
/// Rows of the smallest, and of the largest.
const LEAST: usize = 16;
const MOST: usize = 16384;

/// Rows of a table with their answers.
#[derive(Clone, Debug)]
pub struct AnsweredBatch {
    /// The columns that were chosen.
    pub batch: RecordBatch,
    /// Of each row its answer, or why it has none.
    pub answers: Vec<Result<OwnedClassification, String>>,
}

/// Rows that are read, and what tokenises them.
struct Chunk {
    batch: RecordBatch,
    labels: Option<Vec<Option<Label>>>,
    encoding: JoinHandle<Result<Encoded, String>>,
}

/// Of each row its tokens, or why there is nothing to classify.
type Encoded = Vec<Result<Vec<Encoding>>>;

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
    /// Rows that are tokenised while those before are computed.
    next: Option<Chunk>,
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
        let is_gpu = self.gpu().is_some_and(|gpu| !gpu.capabilities.cpu);
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
            next: None,
            most: FIRST[usize::from(is_gpu)],
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

    /// Reads rows, and has them tokenised.
    fn read(&mut self) -> Result<()> {
        let batch = match self.rest.take() {
            Some(rest) => rest,
            // A reader that panicked is not asked again: an error ends it.
            None => match guarded("arrow", || self.batches.next().transpose()).map_err(unreadable(&self.name))? {
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
        // A row behind the last label has none.
        let labels = self.labels.as_mut().map(|labels| (0..rows).map(|_| labels.next().flatten()).collect());
        let text = batch.column(self.found.text).clone();
        let pair = self.found.pair.map(|pair| batch.column(pair).clone());
        let encoder = self.classifier.encoder();
        let encoding = thread::spawn(move || guarded("arrow", || encode(&encoder, &text, pair.as_ref())));
        self.next = Some(Chunk { batch, labels, encoding });
        Ok(())
    }

    /// The answers to rows that were read.
    fn answered(&mut self, Chunk { batch, labels, encoding }: Chunk) -> Result<AnsweredBatch> {
        let encoded = encoding.join().unwrap_or_else(|panic| resume_unwind(panic)).map_err(unreadable(&self.name))?;
        let request = Request { labels: labels.unwrap_or_default(), ..self.request.clone() };
        let started = Instant::now();
        // To its end: a call that is left in the middle of something may have what others wait for.
        let answers = self.classifier.block_on(stream::answer(self.classifier.clone(), encoded, request, 0));
        self.most = match started.elapsed() {
            took if took < BATCH_TIME / 2 => (self.most * 2).min(MOST),
            took if took > BATCH_TIME => (self.most / 2).max(LEAST),
            _ => self.most,
        };
        let of_row = |answer| match answer {
            Ok(answer) => Ok(Ok(answer)),
            Err(Error::Text { message, .. }) => Ok(Err(message)),
            Err(error) => Err(error),
        };
        let answers: Vec<_> = answers.into_iter().map(of_row).collect::<Result<_>>()?;
        let written = self.columns.batch(self.index, &batch, &answers.iter().map(as_answer).collect::<Vec<_>>());
        let batch = written.map_err(|error| unreadable(&self.name)(error.to_string()))?;
        self.index += batch.num_rows();
        Ok(AnsweredBatch { batch, answers })
    }
}

impl Iterator for AnsweredBatches {
    type Item = Result<AnsweredBatch>;

    fn next(&mut self) -> Option<Result<AnsweredBatch>> {
        let read = |this: &mut Self| {
            if this.next.is_none()
                && this.ended.is_none()
                && let Err(error) = this.read()
            {
                this.ended = Some(Some(error));
            }
        };
        read(self);
        let Some(chunk) = self.next.take() else {
            return self.ended.as_mut().and_then(Option::take).map(Err);
        };
        read(self);
        let answered = self.answered(chunk);
        if answered.is_err() {
            self.next = None;
            self.ended = Some(None);
        }
        Some(answered)
    }
}

fn encode(encoder: &TextEncoder, text: &ArrayRef, pair: Option<&ArrayRef>) -> Result<Encoded, ArrowError> {
    let text = as_text(text)?;
    let pair = pair.map(as_text).transpose()?;
    let row = |row: usize| -> Result<Text<'_>, String> {
        let first = string(&text, row)?.ok_or(NULL)?;
        let second = pair.as_ref().map_or(Ok(None), |pair| string(pair, row))?;
        Ok(encoder.row(first, second))
    };
    let rows: Vec<_> = (0..text.len()).map(row).collect();
    let texts: Vec<Text<'_>> = rows.iter().flatten().copied().collect();
    let mut encoded = encoder.encode_windows_all(&texts).into_iter();
    let of_row = |(index, row): (usize, Result<Text<'_>, String>)| match row {
        Ok(_) => encoded.next().expect("every text has an encoding or an error"),
        Err(message) => Err(Error::Text { index, message }),
    };
    Ok(rows.into_iter().enumerate().map(of_row).collect())
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
