//! `wgbert tune`: finds what runs a model the fastest on here, and keeps the choice.

use super::{Failure, Outcome, arguments::TuneArguments, say};
use crate::Options;
use crate::bench::{Repeats, ResultWriter, Tuner};
use crate::gpu::cache;
use crate::ir::Tuning;
use std::io;

pub fn run(arguments: &TuneArguments) -> Result<Outcome, Failure> {
    if cfg!(debug_assertions) {
        log::warn!("this is a debug build: tune with cargo run --release");
    }
    let TuneArguments { model, precision, tensor_cores, workload, rows, dry_run, common } = arguments;
    let folder = match dry_run {
        true => None,
        false => Some(cache::default_folder().ok_or_else(|| {
            Failure::Message("there is no folder for the choices: set WGBERT_CACHE_DIR, or use --dry-run".into())
        })?),
    };
    let mut writer = ResultWriter::new(common.format.into(), io::stdout());
    for adapter in common.adapters() {
        let tuner = Tuner {
            options: Options::default().adapter(adapter).backend(common.backend.map(Into::into)),
            models: model.clone(),
            precisions: precision.iter().map(|name| (*name).into()).collect(),
            rows: rows.clone(),
            tensor_cores: (*tensor_cores).into(),
            workloads: workload.clone(),
            repeats: common.repeats(Repeats { repetitions: 7, ..Repeats::default() }),
        };
        let adapter = tuner.adapter()?;
        let keep = |tuning: &Tuning| folder.as_ref().map_or(Ok(()), |folder| tuning.write(folder, &adapter));
        let mut any = false;
        let measured = tuner.run(|tuning, row| {
            any = true;
            writer.row(&row)?;
            // Each time: whatever stops the rest, a driver or the user.
            Ok::<(), Failure>(keep(tuning)?)
        });
        let kept = measured.and_then(|tuning| Ok(keep(&tuning)?));
        if let Some(folder) = folder.as_ref().filter(|_| any) {
            say(format_args!("kept in {}", Tuning::path(folder, &adapter).display()));
        }
        if kept.is_err() {
            writer.finish()?;
        }
        kept?;
        if !any {
            say(format_args!("{adapter}: nothing to choose: every product has one tile here"));
        }
    }
    writer.finish()?;
    Ok(Outcome::Complete)
}
