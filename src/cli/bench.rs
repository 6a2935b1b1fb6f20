//! `wgbert bench`: how fast kernels and models are here.

use super::bench_arguments::{
    BenchArguments, BenchCommand, CommonArguments, CompileArguments, KernelArguments, ModelArguments, PlotArguments,
};
use super::{Failure, Outcome};
use crate::Adapter;
use crate::Error;
use crate::bench::{self, CompileBench, CompileRow, KernelBench, ModelBench, ResultWriter, Row};
use crate::gpu::cache;
use crate::kernels::NAMES;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Instant;

pub fn run(arguments: &BenchArguments) -> Result<Outcome, Failure> {
    if cfg!(debug_assertions) {
        log::warn!("this is a debug build: measure with cargo run --release");
    }
    match &arguments.command {
        BenchCommand::Model(arguments) => model(arguments),
        BenchCommand::Kernels(arguments) => kernels(arguments),
        BenchCommand::Compile(arguments) => compile(arguments),
    }
}

fn model(arguments: &ModelArguments) -> Result<Outcome, Failure> {
    let ModelArguments {
        model,
        architecture,
        workload,
        precision,
        tensor_cores,
        batch_tokens,
        seen,
        check,
        common,
        plot,
    } = arguments;
    let tokens = batch_tokens.iter().map(|tokens| Some(*tokens as usize));
    let default = ModelBench::default();
    let bench = ModelBench {
        models: model.clone(),
        architectures: architecture.iter().flat_map(|several| several.0.clone()).collect(),
        workloads: workload.clone(),
        adapters: common.adapters(),
        backend: common.backend.map(Into::into),
        cache_dir: cache::default_folder(),
        batch_tokens: if batch_tokens.is_empty() { default.batch_tokens } else { tokens.collect() },
        precisions: precision.iter().map(|name| (*name).into()).collect(),
        tensor_cores: tensor_cores.iter().map(|when| (*when).into()).collect(),
        seen_as: seen.capabilities(),
        self_check: check.self_check,
        self_check_program: super::self_check::program(),
        repeats: common.repeats(default.repeats),
    };
    report(common, plot, |each| bench.run(each), bench::bars)
}

fn kernels(arguments: &KernelArguments) -> Result<Outcome, Failure> {
    let KernelArguments { kernel, rows, inner, columns, length, variant, precision, seen, common, plot } = arguments;
    let default = KernelBench::default();
    let bench = KernelBench {
        kernels: if kernel.is_empty() { default.kernels } else { kernel.clone() },
        rows: rows.clone(),
        inner: inner.clone(),
        columns: columns.clone(),
        lengths: length.clone(),
        precisions: precision.iter().map(|name| (*name).into()).collect(),
        variants: variant.clone(),
        seen_as: seen.capabilities(),
        adapters: common.adapters(),
        backend: common.backend.map(Into::into),
        cache_dir: cache::default_folder(),
        repeats: common.repeats(default.repeats),
    };
    report(common, plot, |each| bench.run(each), bench::roofline)
}

fn compile(arguments: &CompileArguments) -> Result<Outcome, Failure> {
    let CompileArguments { kernel, every_activation, adapter, backend, format } = arguments;
    let bench = CompileBench {
        kernels: if kernel.is_empty() { NAMES.to_vec() } else { kernel.clone() },
        every_activation: *every_activation,
        adapters: if adapter.is_empty() { vec![Adapter::Best] } else { adapter.clone() },
        backend: backend.map(Into::into),
    };
    let mut writer = ResultWriter::new((*format).into(), io::stdout());
    let (start, mut count, mut failed) = (Instant::now(), 0, 0);
    let all = bench.run(|row: CompileRow| {
        count += 1;
        failed += usize::from(row.failure.is_some());
        Ok::<(), Failure>(writer.row(&row)?)
    });
    writer.finish()?;
    let seconds = start.elapsed().as_secs_f64();
    super::say(format_args!("{count} shaders, of which {failed} do not compile, in {seconds:.1} s"));
    Ok(if all? { Outcome::Complete } else { Outcome::Unusable })
}

/// Writes the rows that `run` hands over, and then their picture.
fn report<R: Row>(
    common: &CommonArguments,
    PlotArguments { plot: path }: &PlotArguments,
    run: impl FnOnce(&mut dyn FnMut(R) -> Result<(), Failure>) -> Result<(), Failure>,
    plot: fn(&[R]) -> String,
) -> Result<Outcome, Failure> {
    if let Some(path) = path {
        // A folder that does not exist is better known before minutes of measuring.
        write_plot(path, "")?;
    }
    let mut writer = ResultWriter::new(common.format.into(), io::stdout());
    let mut rows = Vec::new();
    let measured = run(&mut |row| {
        writer.row(&row)?;
        rows.push(row);
        Ok(())
    });
    // Also after an error: what was measured before it stays a document that can be read.
    writer.finish()?;
    measured?;
    if let Some(path) = path {
        write_plot(path, &plot(&rows))?;
    }
    Ok(Outcome::Complete)
}

fn write_plot(path: &Path, contents: &str) -> Result<(), Failure> {
    let failed = |source: io::Error| Error::File { action: "write", path: path.into(), source: source.into() };
    Ok(fs::write(path, contents).map_err(failed)?)
}
