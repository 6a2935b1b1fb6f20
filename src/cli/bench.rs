//! `wgbert bench`: how fast kernels and models are here.

use super::bench_arguments::{BenchArguments, BenchCommand, ModelArguments};
use super::{Failure, Outcome};
use std::io;
use wgbert::bench::{ModelBench, Report};

pub fn run(arguments: &BenchArguments) -> Result<Outcome, Failure> {
    if cfg!(debug_assertions) {
        log::warn!("this is a debug build: measure with cargo run --release");
    }
    match &arguments.command {
        BenchCommand::Model(arguments) => model(arguments),
    }
}

fn model(arguments: &ModelArguments) -> Result<Outcome, Failure> {
    let ModelArguments { model, architecture, workload, batch_tokens, common } = arguments;
    let tokens = batch_tokens.iter().map(|tokens| Some(*tokens as usize));
    let bench = ModelBench {
        models: model.clone(),
        architectures: architecture.iter().flat_map(|several| several.0.clone()).collect(),
        workloads: workload.clone(),
        adapters: common.adapters(),
        backend: common.backend.map(Into::into),
        batch_tokens: if batch_tokens.is_empty() { vec![None] } else { tokens.collect() },
        repeats: common.repeats(),
    };
    let mut report = Report::new(common.output.into(), io::stdout());
    let mut rows = Vec::new();
    let measured = bench.run(|row| {
        report.row(&row)?;
        rows.push(row);
        Ok::<(), Failure>(())
    });
    // Also after an error: what was measured before stays a document that can be read.
    report.finish()?;
    measured?;
    Ok(Outcome::Complete)
}
