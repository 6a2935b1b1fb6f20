//! `wgbert verify`: whether an adapter computes what it should, for people and for reports.

use super::arguments::{ListFormat, VerifyArguments};
use super::{Failure, Outcome};
use crate::bench::{Format, ResultWriter, Verification, VerifyRow};
use crate::gpu::cache;
use std::io;

pub fn run(arguments: &VerifyArguments) -> Result<Outcome, Failure> {
    let VerifyArguments { adapter, backend, all, seen, kernel, models, format } = arguments;
    let verification = Verification {
        adapters: vec![adapter.clone().unwrap_or_default()],
        backend: backend.map(Into::into),
        all: *all,
        kernels: kernel.clone(),
        models: kernel.is_empty(),
        models_alone: *models,
        seen_as: seen.capabilities(),
        cache_dir: cache::default_folder(),
    };
    let format = match format {
        ListFormat::Text => Format::Markdown,
        ListFormat::Json => Format::Json,
    };
    let mut writer = ResultWriter::new(format, io::stdout());
    let right = verification.run(|row: VerifyRow| Ok::<(), Failure>(writer.row(&row)?));
    // Also after an error: what was found before it stays a document that can be read.
    writer.finish()?;
    Ok(if right? { Outcome::Complete } else { Outcome::Unusable })
}
