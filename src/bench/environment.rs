//! What a measurement was made on.

use crate::gpu::AdapterDescription;
use serde_json::{Value, json};
use std::fmt;

/// The program, the adapter and the machine; part of every row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// Of this crate.
    pub version: &'static str,
    pub adapter: String,
    /// `DiscreteGpu`, ... or `Reference`.
    pub kind: String,
    pub backend: String,
    pub driver: String,
    pub cpus: usize,
    pub system: String,
    /// Products whose tile was chosen by `wgbert tune`.
    pub tuned: usize,
}

impl Environment {
    /// With `None` it is the reference.
    pub fn new(adapter: Option<&AdapterDescription>) -> Environment {
        let text = |field: fn(&AdapterDescription) -> &String| adapter.map(|adapter| field(adapter).clone());
        let none = || "none".to_string();
        Environment {
            version: env!("CARGO_PKG_VERSION"),
            adapter: text(|adapter| &adapter.name).unwrap_or_else(|| "reference".into()),
            kind: text(|adapter| &adapter.kind).unwrap_or_else(|| "Reference".into()),
            backend: text(|adapter| &adapter.backend).unwrap_or_else(none),
            driver: text(|adapter| &adapter.driver).unwrap_or_else(none),
            cpus: std::thread::available_parallelism().map_or(0, usize::from),
            system: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
            tuned: adapter.map_or(0, |adapter| adapter.capabilities.tuning.products()),
        }
    }

    /// For rows.
    pub fn fields(&self) -> Vec<(&'static str, Value)> {
        let Environment { version, adapter, kind, backend, driver, cpus, system, tuned } = self;
        vec![
            ("version", json!(version)),
            ("adapter", json!(adapter)),
            ("adapter_kind", json!(kind)),
            ("backend", json!(backend)),
            ("driver", json!(driver)),
            ("cpus", json!(cpus)),
            ("system", json!(system)),
            ("tuned_products", json!(tuned)),
            ("debug_build", json!(cfg!(debug_assertions))),
            // What else the machine was doing: a median of a busy one is not the adapter's.
            ("load_average", load_average().map_or(Value::Null, |load| json!(load))),
        ]
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Environment { version, adapter, kind, backend, driver, cpus, system, tuned } = self;
        write!(f, "wgbert {version} on {adapter} ({kind}, {backend}, {driver}), {cpus} CPUs, {system}")?;
        if *tuned > 0 {
            write!(f, ", tuned for {tuned} products")?;
        }
        if cfg!(debug_assertions) {
            f.write_str(", built without --release")?;
        }
        match load_average() {
            Some(load) => write!(f, ", load average {load}"),
            None => Ok(()),
        }
    }
}

/// Processes that wanted to run during the last minute, on average; only Linux says so in a file.
fn load_average() -> Option<f64> {
    std::fs::read_to_string("/proc/loadavg").ok()?.split_whitespace().next()?.parse().ok()
}
