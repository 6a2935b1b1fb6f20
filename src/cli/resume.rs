//! What a run has to have in common with the one that it goes on with: all that its answers depend on, and the rows.

use super::answer_writer::Style;
use super::input::Input;
use super::job::{Job, debug};
use super::output::Done;
use super::row_arguments::JobArguments;
use super::{Failure, model};
use crate::Classifier;
use crate::rows::Row;

/// What the answers depend on, by name: who goes on with them has to have the same.
pub fn fingerprint(
    job: &Job<'_>,
    classifier: &Classifier,
    style: &Style,
) -> Result<serde_json::Map<String, serde_json::Value>, Failure> {
    let JobArguments { input, model, table, device, .. } = job.arguments;
    let fields: [(&str, serde_json::Value); 22] = [
        ("version of wgbert", env!("CARGO_PKG_VERSION").into()),
        ("model", model::fingerprint(model)?.into()),
        ("adapter", classifier.adapter().into()),
        ("--precision", debug(&classifier.precision())),
        ("--tensor-cores", debug(&device.tensor_cores)),
        ("--input", debug(&input.input)),
        ("--input-format", debug(&input.input_format)),
        ("columns", debug(&(&input.text_column, &input.pair_column, &input.label_column, &input.id_column))),
        ("--no-header", debug(&(input.no_header, &input.column_names))),
        ("--quoting", debug(&input.quoting)),
        ("--null", debug(&input.null)),
        ("--max-row-size", input.max_row_size.into()),
        ("--limit", debug(&input.limit)),
        ("--shard", debug(&input.shard)),
        ("--truncation", debug(&(model.truncation, model.pair_truncation, model.stride, model.windows))),
        ("--max-length", debug(&model.max_length)),
        ("--scoring", debug(&model.scoring)),
        ("--random-head", debug(&model.random_head)),
        ("--format", debug(&style.format)),
        ("--fields", debug(&(&job.fields, &table.prefix))),
        ("--top-k", debug(&job.top_k)),
        ("--threshold", debug(&job.threshold)),
    ];
    Ok(fields.into_iter().chain(job.own.iter().cloned()).map(|(name, value)| (name.to_string(), value)).collect())
}

/// Passes over what was answered before, and refuses another input. Gives the first row that has columns.
pub fn pass(input: &mut Input, earlier: &Done) -> Result<Vec<Row>, Failure> {
    let (mut seen, mut first) = (Done::default(), Vec::new());
    input.pass(earlier.next, |row| {
        seen.see(row);
        if first.is_empty() && !row.fields.is_alone() {
            first.push(row.clone());
        }
    })?;
    if (seen.rows, seen.texts, input.next().0) == (earlier.rows, earlier.texts, earlier.next) {
        return Ok(first);
    }
    Err(other_rows(earlier))
}

/// Why a run with other rows is refused.
pub fn other_rows(earlier: &Done) -> Failure {
    Failure::Message(format!(
        "cannot go on: the first {} rows of the input are not those that were answered; use the same input, or --overwrite to \
         begin again",
        earlier.rows
    ))
}

impl Done {
    /// Counts a row of the input.
    pub fn see(&mut self, row: &Row) {
        let mut hash = crc32fast::Hasher::new_with_initial(self.texts);
        match &row.content {
            Ok(content) => {
                hash.update(content.text.as_bytes());
                hash.update(&[0]);
                hash.update(content.text_pair.as_deref().unwrap_or_default().as_bytes());
                hash.update(&[0]);
            }
            Err(_) => hash.update(&[1]),
        }
        self.texts = hash.finalize();
        self.rows += 1;
    }
}
