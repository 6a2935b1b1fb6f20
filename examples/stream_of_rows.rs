//! A table of any size in constant memory: its columns come out again, with a label and a score for every row.
//!
//! `cargo run --release --example stream_of_rows -- reviews.csv > answers.jsonl`, or with a table on standard input.

use std::io::{self, BufWriter};
use wgbert::Classifier;
use wgbert::rows::write::{Layout, OutputFormat, Selection, Writer};
use wgbert::rows::{RowOptions, Rows};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rows = match std::env::args_os().nth(1) {
        Some(path) => Rows::of_files(&[path.into()], RowOptions::default())?,
        None => Rows::of_stream("standard input", io::stdin(), RowOptions::default()),
    };
    let classifier = Classifier::sentiment()?;
    let mut answers = classifier.stream(rows).peekable();
    // The first row says which columns there are.
    let first = answers.peek().and_then(|first| first.as_ref().ok()).map(|first| first.row.clone());
    let (selection, out) = (Selection::default(), BufWriter::new(io::stdout().lock()));
    let layout = Layout::new(&selection, &classifier, first.as_slice())?;
    let mut writer = Writer::new(out, OutputFormat::Jsonl, &selection, &classifier, layout, false)?;
    for answered in answers {
        let answered = answered?;
        writer.write(&answered.row, &answered.as_answer())?;
    }
    writer.finish()?;
    Ok(())
}
