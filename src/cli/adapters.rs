//! `wgbert adapters`: what there is to run on, and which variant of each kernel would run there.

use super::arguments::{AdaptersArguments, ListFormat};
use super::{Failure, Outcome};
use serde::Serialize;
use std::io::{self, Write};
use wgbert::gpu::{AdapterDescription, block_on, cache, verified, verified::Verified};
use wgbert::ir::{BatchSize, Capabilities, Kernel};
use wgbert::{Adapter, Options, kernels};

#[derive(Serialize)]
struct Listed<'a> {
    index: usize,
    name: &'a str,
    kind: &'a str,
    backend: &'a str,
    driver: &'a str,
    /// Whether it runs where no adapter is named.
    default: bool,
    f16: bool,
    subgroup: Option<(u32, u32)>,
    cooperative: Option<u32>,
    /// Whether kernels can use them.
    tensor_cores: bool,
    timestamps: bool,
    tuned_products: usize,
    /// What it was checked for, with this driver and these versions, the last first.
    verified: Vec<Verified>,
    limits: Limits,
    kernels: Vec<Variant>,
}

#[derive(Serialize)]
struct Limits {
    binding_bytes: u64,
    buffer_bytes: u64,
    workgroups: u32,
    workgroup_memory_bytes: u32,
    workgroup_invocations: u32,
}

#[derive(Serialize)]
struct Variant {
    name: &'static str,
    variant: String,
}

pub fn run(arguments: &AdaptersArguments) -> Result<Outcome, Failure> {
    let adapters = block_on(Adapter::list(arguments.backend.map(Into::into)))?;
    let default = Adapter::Best.position(&adapters);
    let listed = adapters.iter().enumerate().map(|(index, adapter)| list(index, adapter, default == Some(index)));
    let listed: Vec<_> = listed.collect();
    let mut out = io::stdout().lock();
    match arguments.format {
        ListFormat::Json => {
            serde_json::to_writer_pretty(&mut out, &listed).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        ListFormat::Text => listed.iter().try_for_each(|adapter| write_text(&mut out, adapter))?,
    }
    out.flush()?;
    Ok(Outcome::Complete)
}

fn list(index: usize, adapter: &AdapterDescription, default: bool) -> Listed<'_> {
    let AdapterDescription { name, backend, kind, driver, capabilities, .. } = adapter;
    let checked = cache::default_folder().map(|folder| verified::read(&folder, adapter)).unwrap_or_default();
    let mut verified: Vec<Verified> = checked.into_values().collect();
    verified.sort_by_key(|check| std::cmp::Reverse(check.at));
    let seen = Options::default().effective_capabilities(adapter.clone()).capabilities;
    Listed {
        index,
        name,
        kind,
        backend,
        driver,
        default,
        f16: capabilities.f16,
        subgroup: capabilities.subgroup,
        cooperative: capabilities.cooperative_matrix_size,
        tensor_cores: capabilities.tensor_cores(),
        timestamps: capabilities.timestamps,
        tuned_products: seen.tuning.products(),
        verified,
        limits: Limits {
            binding_bytes: capabilities.max_binding,
            buffer_bytes: capabilities.max_buffer,
            workgroups: capabilities.max_workgroups,
            workgroup_memory_bytes: capabilities.workgroup_memory,
            workgroup_invocations: capabilities.workgroup_size,
        },
        kernels: variants(&seen),
    }
}

/// What each kernel would be linked from where nothing else is asked for, for eight texts of 128 tokens.
fn variants(capabilities: &Capabilities) -> Vec<Variant> {
    let batch = BatchSize::new([128; 8]);
    let variant = |kernel: &dyn Kernel| kernel.launch(capabilities, &batch).shader.variant();
    kernels::catalogue().iter().map(|kernel| Variant { name: kernel.name(), variant: variant(&**kernel) }).collect()
}

fn write_text(out: &mut impl Write, adapter: &Listed<'_>) -> io::Result<()> {
    if adapter.index > 0 {
        writeln!(out)?;
    }
    let Listed { index, name, kind, backend, driver, limits, .. } = adapter;
    let default = if adapter.default { "  (the default)" } else { "" };
    let yes = |offered| if offered { "yes" } else { "no" }.to_string();
    let subgroups = adapter.subgroup.map_or("no".into(), |(least, most)| match least == most {
        true => format!("of {least}"),
        false => format!("of {least} to {most}"),
    });
    let cooperative = adapter.cooperative.map_or("no".into(), |edge| match adapter.tensor_cores {
        true => format!("{edge} x {edge}, used if wgbert tune finds them faster, or with --tensor-cores always"),
        false => format!("{edge} x {edge}, not used: kernels need a GPU with 16-bit floats"),
    });
    let tuned = match adapter.tuned_products {
        0 => "no: wgbert tune".into(),
        products => format!("for {products} products"),
    };
    writeln!(out, "{index}: {name}{default}")?;
    let facts = [
        ("kind", format!("{kind}, {backend}")),
        ("driver", driver.to_string()),
        ("16-bit floats", if adapter.f16 { "yes" } else { "no: --precision f16 is for weights only" }.into()),
        ("subgroups", subgroups),
        ("cooperative matrices", cooperative),
        ("timestamps", yes(adapter.timestamps)),
        ("tuned", tuned),
        ("verified", checked(&adapter.verified)),
        ("largest buffer", bytes(limits.buffer_bytes)),
        ("largest binding", bytes(limits.binding_bytes)),
        ("workgroup", format!("{} invocations", limits.workgroup_invocations)),
        ("workgroup memory", bytes(limits.workgroup_memory_bytes.into())),
    ];
    for (fact, value) in facts {
        writeln!(out, "   {fact:<20}  {value}")?;
    }
    writeln!(out, "   kernels")?;
    for Variant { name, variant } in &adapter.kernels {
        writeln!(out, "     {name:<18}  {variant}")?;
    }
    Ok(())
}

/// What it was checked for last; what was wrong comes first.
fn checked(verified: &[Verified]) -> String {
    let found = verified.iter().find(|check| check.problem.is_some()).or(verified.first());
    let Some(check) = found else { return "no: at its first use, or by wgbert verify".into() };
    let Verified { what, problem, .. } = check;
    let more = match verified.len() {
        1 => String::new(),
        checks => format!("; {} other checks", checks - 1),
    };
    let result = problem.as_ref().map_or("right".into(), |problem| format!("WRONG, {problem}"));
    format!("{}, {what}: {result}{more}", check.day())
}

/// In the largest unit that leaves at least one; limits are often one byte, or a few, below a power of two.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let unit = (count.saturating_add(4).ilog2() as usize / 10).min(UNITS.len() - 1);
    let value = count as f64 / (1u64 << (10 * unit)) as f64;
    let precision = if unit == 0 || value.fract() < 0.05 || value.fract() > 0.95 { 0 } else { 1 };
    format!("{value:.precision$} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn bytes_are_rounded_for_people() {
        let cases = [
            (0, "0 bytes"),
            (1000, "1000 bytes"),
            (49152, "48 KiB"),
            (2_147_483_644, "2 GiB"),
            (1_610_612_736, "1.5 GiB"),
            (u64::MAX, "16777216 TiB"),
        ];
        for (count, expected) in cases {
            assert_eq!(bytes(count), expected);
        }
    }
}
