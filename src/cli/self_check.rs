//! `wgbert self-check`, which the library starts: a request on standard input, its answer on standard output.

use super::{Failure, Outcome};
use std::io::{self, Read, Write};
use wgbert::answer_self_check;

pub fn run() -> Result<Outcome, Failure> {
    let mut request = Vec::new();
    io::stdin().lock().read_to_end(&mut request).map_err(|error| Failure::Message(error.to_string()))?;
    // Who closed the other end has given up, and ends this process.
    let progress = || drop(writeln!(io::stdout(), "."));
    let answer = answer_self_check(&request, &progress).map_err(Failure::Message)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{answer}")?;
    out.flush()?;
    Ok(Outcome::Complete)
}
