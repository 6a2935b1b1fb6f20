//! burn as an engine of `benches/peers/run`, which says what is written and read here.
//!
//!     wgbert-peer-burn FOLDER
//!
//! First a line about itself; then, for each line {"workload": FILE, "calls": N}, that workload's ids are run N times, and a
//! line has each call's milliseconds, from ids to logits on the host, and the last call's logits.

mod bert;

use bert::Bert;
use burn::tensor::{Bool, Device, DeviceKind, Int, Tensor, TensorData};
use serde_json::{Value, json};
use std::error::Error;
use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

/// What Cargo.toml asks for beside burn's defaults.
const FEATURES: &str = "default features (fusion, autotune) and wgpu (WGSL)";

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("the folder of a checkpoint is missing")?;
    let device = Device::wgpu(DeviceKind::DefaultDevice);
    let bert = Bert::load(Path::new(&folder), &device)?;
    let name = device.identity().ok_or("the device does not say what it is")?.name;
    say(&json!({"version": "0.22.1", "adapter": name, "settings": FEATURES}))?;
    for line in io::stdin().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let (workload, calls) = (request["workload"].as_str(), request["calls"].as_u64());
        let texts: Vec<Vec<i32>> = serde_json::from_slice(&std::fs::read(workload.ok_or("no workload")?)?)?;
        let mut times = Vec::new();
        let mut logits = Vec::new();
        for _ in 0..calls.ok_or("no calls")? {
            let start = Instant::now();
            logits = call(&bert, &texts, &device)?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        let logits: Vec<&[f32]> = logits.chunks(logits.len() / texts.len()).collect();
        say(&json!({"times_ms": times, "logits": logits}))?;
    }
    Ok(())
}

/// One batch, padded to its longest text; the logits row by row.
fn call(bert: &Bert, texts: &[Vec<i32>], device: &Device) -> Result<Vec<f32>, Box<dyn Error>> {
    let tokens = texts.iter().map(Vec::len).max().unwrap_or(0);
    let shape = [texts.len(), tokens];
    let padded = |text: &Vec<i32>| text.iter().copied().chain(std::iter::repeat(0)).take(tokens).collect::<Vec<_>>();
    let ids = Tensor::<2, Int>::from_data(TensorData::new(texts.iter().flat_map(padded).collect(), shape), device);
    let padding = texts.iter().any(|text| text.len() < tokens).then(|| {
        let beyond = |text: &Vec<i32>| (0..tokens).map(|token| token >= text.len()).collect::<Vec<_>>();
        Tensor::<2, Bool>::from_data(TensorData::new(texts.iter().flat_map(beyond).collect::<Vec<_>>(), shape), device)
    });
    let logits = bert.logits(ids, padding).into_data();
    Ok(logits.try_to_vec().map_err(|error| format!("the logits are not f32: {error:?}"))?)
}

fn say(line: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
