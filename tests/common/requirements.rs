//! No test passes unrun: what a machine lacks is a failure where WGBERT_REQUIRE names it, and is said and counted elsewhere.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write};

/// What some tests need and not every machine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// 16-bit floats in shaders.
    F16,
    /// Cooperative matrices, f16 in and f32 out.
    TensorCores,
    /// Queries of the time that the device computes.
    Timestamps,
    /// Compiled pipelines that can be kept, which Vulkan has.
    PipelineCache,
    /// An adapter without tensor cores.
    NoTensorCores,
    /// `python3`.
    Python,
    /// Mesa's software adapter as the system's packages install it.
    SoftwareDriver,
    /// script(1), which gives a program a terminal.
    Script,
    /// A folder that WGBERT_MINILM names.
    Minilm,
    /// Microsoft's HLSL compiler, by `.ci/dxc`.
    Dxc,
    /// Chrome's WGSL compiler, by `.ci/tint`.
    Tint,
    /// The SPIR-V validator, by `.ci/spirv-val`.
    SpirvVal,
    /// A headless Chromium.
    Browser,
    /// Python with pandas, pyarrow, polars and duckdb: WGBERT_TABLES_PYTHON, else python3.
    Tables,
    /// Ray, Daft, Spark and DataFusion, for `.ci/python`.
    Engines,
    /// transformers and PyTorch, for `.ci/python`.
    Transformers,
}

impl Need {
    const ALL: [Need; 16] = [
        Need::F16,
        Need::TensorCores,
        Need::Timestamps,
        Need::PipelineCache,
        Need::NoTensorCores,
        Need::Python,
        Need::SoftwareDriver,
        Need::Script,
        Need::Minilm,
        Need::Dxc,
        Need::Tint,
        Need::SpirvVal,
        Need::Browser,
        Need::Tables,
        Need::Engines,
        Need::Transformers,
    ];

    fn name(self) -> &'static str {
        match self {
            Need::F16 => "f16",
            Need::TensorCores => "tensor-cores",
            Need::Timestamps => "timestamps",
            Need::PipelineCache => "pipeline-cache",
            Need::NoTensorCores => "no-tensor-cores",
            Need::Python => "python",
            Need::SoftwareDriver => "software-driver",
            Need::Script => "script",
            Need::Minilm => "minilm",
            Need::Dxc => "dxc",
            Need::Tint => "tint",
            Need::SpirvVal => "spirv-val",
            Need::Browser => "browser",
            Need::Tables => "tables",
            Need::Engines => "engines",
            Need::Transformers => "transformers",
        }
    }

    /// The needs that WGBERT_REQUIRE names, with commas between them.
    fn required() -> Vec<Need> {
        let names = std::env::var("WGBERT_REQUIRE").unwrap_or_default();
        let named = |name: &str| {
            let found = Need::ALL.into_iter().find(|need| need.name() == name);
            found.unwrap_or_else(|| {
                panic!("WGBERT_REQUIRE names {name:?}; there are {}", Need::ALL.map(Need::name).join(", "))
            })
        };
        names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(named).collect()
    }
}

/// Says that something was not tested because the machine lacks what it needs.
///
/// # Panics
/// If WGBERT_REQUIRE names it.
pub fn not_run(need: Need, why: impl fmt::Display) {
    assert!(!Need::required().contains(&need), "WGBERT_REQUIRE names {}, but {why}", need.name());
    let thread = std::thread::current();
    let line = format!("NOT RUN, {}: {}: {why}\n", need.name(), thread.name().unwrap_or("a test"));
    // Not by `println!`, which the harness keeps to itself where a test passes.
    let _ = io::stderr().write_all(line.as_bytes());
    // `.ci/run` ends with how many lines there are.
    let list = OpenOptions::new().create(true).append(true).open(concat!(env!("CARGO_TARGET_TMPDIR"), "/not-run"));
    let _ = list.and_then(|mut list| list.write_all(line.as_bytes()));
}
