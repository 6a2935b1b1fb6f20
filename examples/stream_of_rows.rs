//! Any number of rows in constant memory: a label for every line of standard input.
//!
//! `seq 100000 | sed 's/$/ stars out of 100000/' | cargo run --release --example stream_of_rows | sort | uniq -c`

use std::io::{self, BufWriter, Write};
use wgbert::Classifier;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let classifier = Classifier::sentiment()?;
    let mut out = BufWriter::new(io::stdout().lock());
    // A line that cannot be read ends the rows, as the end of the input does.
    let rows = io::stdin().lines().map_while(Result::ok);
    for answer in classifier.classify_iter(rows) {
        match answer {
            Ok(answer) => writeln!(out, "{}", answer.get().label().unwrap_or("NaN"))?,
            Err(error) => writeln!(out, "error: {error}")?,
        }
    }
    out.flush()?;
    Ok(())
}
