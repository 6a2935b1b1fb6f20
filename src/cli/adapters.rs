//! `wgbert adapters`: what there is to run on, and which variant of each kernel would run there.

use super::arguments::{AdaptersArguments, ListFormat};
use super::{Failure, Outcome};
use crate::gpu::{AdapterDescription, block_on, cache, verified, verified::Verified};
use crate::ir::{BatchSize, Capabilities, Kernel};
use crate::{Adapter, Options, Precision, kernels};
use serde::Serialize;
use std::io::{self, Write};

/// What `--format json` writes of an adapter, and `--as` reads of it: `capabilities`, whose fields stay what they are.
#[derive(Serialize)]
struct Listed<'a> {
    index: usize,
    name: &'a str,
    kind: &'a str,
    backend: &'a str,
    driver: &'a str,
    /// On the PCI bus, where the driver says it.
    bus_id: Option<&'a str>,
    /// Of this program.
    version: &'static str,
    /// Whether it runs where no adapter is named.
    default: bool,
    /// All that kernels are chosen by.
    capabilities: &'a Capabilities,
    /// Whether kernels can use its cooperative matrices.
    tensor_cores: bool,
    /// Whether they do where nothing else is asked for: weights stored as f32, and as f16.
    #[serde(skip)]
    used: [bool; 2],
    tuned_products: usize,
    /// What it was checked for, with this driver and these versions, the last first.
    verified: Vec<Verified>,
    kernels: Vec<Variant>,
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
    let AdapterDescription { name, backend, kind, driver, bus, capabilities, .. } = adapter;
    let checked = cache::default_folder().map(|folder| verified::read(&folder, adapter)).unwrap_or_default();
    let mut verified: Vec<Verified> = checked.into_values().collect();
    verified.sort_by_key(|check| std::cmp::Reverse(check.at));
    let seen = |precision| Options::default().precision(precision).effective_capabilities(adapter.clone()).capabilities;
    let used = [Precision::F32, Precision::F16].map(|precision| seen(precision).tensor_cores());
    let seen = seen(Precision::F32);
    Listed {
        index,
        name,
        kind,
        backend,
        driver,
        bus_id: Some(bus.as_str()).filter(|bus| !bus.is_empty()),
        version: env!("CARGO_PKG_VERSION"),
        default,
        capabilities,
        tensor_cores: capabilities.tensor_cores(),
        used,
        tuned_products: seen.tuning.products(),
        verified,
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
    let Listed { index, name, kind, backend, driver, capabilities, .. } = adapter;
    let default = if adapter.default { "  (the default)" } else { "" };
    let yes = |offered| if offered { "yes" } else { "no" }.to_string();
    let subgroups = capabilities.subgroup.map_or("no".into(), |(least, most)| match least == most {
        true => format!("of {least}"),
        false => format!("of {least} to {most}"),
    });
    let cooperative = capabilities.cooperative_matrix_size.map_or("no".into(), |edge| {
        let used = match (adapter.tensor_cores, adapter.used) {
            (false, _) => "not used: kernels need a GPU with 16-bit floats",
            (true, [true, true]) => "used",
            (true, [false, true]) => "used for f16; for f32 with --tensor-cores always",
            (true, [true, false]) => "used for f32; for f16 with --tensor-cores always",
            (true, [false, false]) => "used with --tensor-cores always",
        };
        format!("{edge} x {edge}, {used}")
    });
    let tuned = match adapter.tuned_products {
        0 => "no: wgbert tune".into(),
        products => format!("for {products} products"),
    };
    writeln!(out, "{index}: {name}{default}")?;
    let facts = [
        ("kind", format!("{kind}, {backend}")),
        ("driver", driver.to_string()),
        ("bus id", adapter.bus_id.unwrap_or("none").to_string()),
        ("16-bit floats", if capabilities.f16 { "yes" } else { "no: --precision f16 is for weights only" }.into()),
        ("subgroups", subgroups),
        ("cooperative matrices", cooperative),
        ("timestamps", yes(capabilities.timestamps)),
        ("tuned", tuned),
        ("verified", checked(&adapter.verified)),
        ("largest buffer", bytes(capabilities.max_buffer)),
        ("largest binding", bytes(capabilities.max_binding)),
        ("workgroup", format!("{} invocations", capabilities.workgroup_size)),
        ("workgroup memory", bytes(capabilities.workgroup_memory.into())),
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
    let Some(check) = found else { return "no: when a batch first needs it, or by wgbert verify".into() };
    let Verified { what, steps, problem, .. } = check;
    let what = if steps.is_empty() { what.clone() } else { format!("{} {what}", steps.len()) };
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
