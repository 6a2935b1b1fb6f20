//! `--dry-run`: what a run would do, and about how long.

use super::Failure;
use super::asked::{Asked, Labels};
use super::compute::Computing;
use super::input::Input;
use super::prepare::{Chunk, Chunks};
use super::progress::Progress;
use crate::{Classifier, Request};
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// Rows that are answered to learn how fast that is.
const SAMPLE: usize = 512;

/// Reads and tokenises all rows, and answers the first ones twice: the first time kernels are compiled.
pub fn run(input: Input, classifier: &Classifier, asked: &Asked, labels: Labels, quiet: bool) -> Result<(), Failure> {
    let (started, places) = (Instant::now(), input.places());
    let mut progress = Progress::new(&input, false, quiet);
    let mut lengths: Vec<u32> = Vec::new();
    let (mut rows, mut failed, mut cut, mut sample): (usize, usize, usize, Option<Chunk>) = (0, 0, 0, None);
    for chunk in Chunks::of(input, classifier.clone(), asked.clone(), labels) {
        let chunk = chunk.map_err(|stop| {
            let place = places.name(stop.row.1);
            Failure::Message(format!("nothing can be read from {place} on: {}", stop.failure))
        })?;
        chunk.notes.iter().for_each(|note| progress.note(note));
        for (row, prepared) in chunk.rows.iter().zip(&chunk.prepared) {
            rows += 1;
            match prepared {
                Ok(prepared) => {
                    let limit = classifier.max_length();
                    for windows in &prepared.texts {
                        lengths.push(windows.iter().map(|window| window.ids.len() as u32).sum());
                        cut += usize::from(windows.len() == 1 && windows[0].untruncated > limit);
                    }
                    // As in a run, a row fails of which a document does.
                    for (document, message) in &prepared.refused {
                        progress.warn(&format!("{}, document {}", places.name_of(row), document + 1), message);
                    }
                    failed += usize::from(!prepared.refused.is_empty());
                }
                Err(message) => {
                    progress.warn(&places.name_of(row), message);
                    failed += 1;
                }
            }
        }
        progress.advance(chunk.rows.len(), chunk.position);
        let better = |sample: &Chunk| sample.rows.len() < SAMPLE && sample.rows.len() < chunk.rows.len();
        if !chunk.rows.is_empty() && sample.as_ref().is_none_or(better) {
            sample = Some(chunk);
        }
    }
    progress.finish();
    let read = started.elapsed();
    let tokens: u64 = lengths.iter().map(|length| u64::from(*length)).sum();
    let time = sample.map(|sample| time(sample, classifier, asked)).transpose()?;
    lengths.sort_unstable();
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "rows     {rows}{}",
        if failed > 0 { format!(", of which {failed} would fail") } else { String::new() }
    )?;
    if let (Some(shortest), Some(longest)) = (lengths.first(), lengths.last()) {
        let at = |share: usize| lengths[(lengths.len() - 1) * share / 100];
        let (median, most) = (at(50), at(95));
        writeln!(
            out,
            "tokens   {tokens}; a text has {shortest} to {longest}, half of them {median}, 95 % at most {most}"
        )?;
        writeln!(out, "cut      {cut} texts, to {} tokens", classifier.max_length())?;
    }
    if let Some((sampled, time)) = time {
        let seconds = tokens as f64 / sampled.max(1) as f64 * time.as_secs_f64();
        let whole = Duration::from_secs_f64(seconds.max(read.as_secs_f64()));
        let adapter = classifier.adapter();
        writeln!(out, "time     about {} on {adapter}, by the first rows", indicatif::HumanDuration(whole))?;
    }
    Ok(out.flush()?)
}

/// Tokens of a chunk, and how long their answers take.
fn time(chunk: Chunk, classifier: &Classifier, asked: &Asked) -> Result<(u64, Duration), Failure> {
    let windows = chunk.prepared.into_iter().flatten().flat_map(|prepared| prepared.texts);
    let windows: Vec<_> = windows.take(SAMPLE).collect();
    let tokens = windows.iter().flatten().map(|window| window.ids.len() as u64).sum();
    let computing = Computing { classifier: classifier.clone(), asked: asked.clone(), request: Request::default() };
    computing.run_once(&windows)?;
    let started = Instant::now();
    computing.run_once(&windows)?;
    Ok((tokens, started.elapsed()))
}
