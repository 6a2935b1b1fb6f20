//! Record batches with the columns that were chosen: the input's as they are, whatever their types, and the answer's.

use super::typed::{Builder, field};
use super::{Answer, Answers, Layout, Planned, Selection, Subject};
use crate::classifier::Classifier;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{ArrowError, FieldRef, Schema, SchemaRef};
use std::sync::Arc;

/// The columns of an output, for an input with these.
#[derive(Debug)]
pub(in super::super) struct Columns {
    columns: Vec<Planned>,
    answers: Answers,
    labels: usize,
    pub schema: SchemaRef,
}

impl Columns {
    /// # Errors
    /// Which name is neither one of the answer's columns nor one of the input's.
    pub(in super::super) fn new(
        selection: &Selection,
        classifier: &Classifier,
        input: &Schema,
    ) -> Result<Columns, String> {
        let names = input.fields().iter().map(|field| field.name().clone()).collect();
        let layout = Layout::again(selection, classifier, names, &[])?;
        let answers = Answers::new(selection, &Subject::of(classifier), &layout);
        let labels = classifier.labels().len();
        let fields = |planned: &Planned| -> Vec<FieldRef> {
            match planned {
                Planned::All => input.fields().to_vec(),
                Planned::Input(name) => input.fields().find(name).map(|(_, field)| field.clone()).into_iter().collect(),
                Planned::Answer { name, column } => vec![Arc::new(field(name, column, labels))],
            }
        };
        let fields: Vec<FieldRef> = layout.columns.iter().flat_map(fields).collect();
        let schema = Arc::new(Schema::new_with_metadata(fields, input.metadata().clone()));
        Ok(Columns { columns: layout.columns, answers, labels, schema })
    }

    /// The rows of a batch with their answers; `first` is the index of the first.
    pub(in super::super) fn batch(
        &self,
        first: usize,
        input: &RecordBatch,
        answers: &[Answer<'_>],
    ) -> Result<RecordBatch, ArrowError> {
        let top: Vec<_> = answers.iter().map(|answer| self.answers.top(answer)).collect();
        let mut columns: Vec<ArrayRef> = Vec::new();
        for planned in &self.columns {
            match planned {
                Planned::All => columns.extend_from_slice(input.columns()),
                Planned::Input(name) => columns.extend(input.column_by_name(name).cloned()),
                Planned::Answer { column, .. } => {
                    let mut builder = Builder::new(column.kind(self.labels));
                    for ((index, answer), top) in (first..).zip(answers).zip(&top) {
                        builder.append(&column.cell(index, None, answer, top, &self.answers.holding));
                    }
                    columns.push(builder.finish());
                }
            }
        }
        let rows = RecordBatchOptions::new().with_row_count(Some(input.num_rows()));
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &rows)
    }
}
