//! GPU time of each kernel, and its share of one encoder layer.
//!
//! `cargo bench --bench kernels -- [word ...]`: only the lines that contain every word. `WGBERT_ADAPTER` names the adapter,
//! `WGBERT_BENCH_SECONDS` says how long to time each line (1).
//! Every result is compared with the CPU twin before it is timed. Times are medians; beside them, because machines are
//! shared, the best.

#[path = "../tests/common/mod.rs"]
mod common;

use common::{Case, Random};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wgbert::gpu::{Element, Gpu, Input, Rows, Run, Tensor, block_on};
use wgbert::kernels::attention::{Attention, Heads, Term};
use wgbert::kernels::embed::Embed;
use wgbert::kernels::layernorm::LayerNorm;
use wgbert::kernels::matmul::MatMul;
use wgbert::models::Activation;

/// Inner and columns of the layers of BERT-tiny, MiniLM and BERT-base.
const WEIGHTS: &[(u32, u32)] =
    &[(128, 384), (128, 512), (512, 128), (384, 1152), (384, 1536), (1536, 384), (768, 2304), (768, 3072), (3072, 768)];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let gpu = common::gpu();
    println!("{}, {} CPUs", gpu.name, std::thread::available_parallelism().map_or(0, usize::from));
    println!("{:60} {:>10} {:>10} {:>9} {:>9}", "kernel", "median ms", "best ms", "GFLOP/s", "first ms");
    let bench = |name: &str, gpu: &Arc<Gpu>, case: &dyn Fn() -> Case| {
        if words.iter().all(|word| name.contains(word.as_str())) {
            time(name, gpu, case);
        }
    };

    let plain = common::plain_gpu();
    bench("matmul 512 x 768 x 768 plain", &plain, &|| matmul(512, 768, 768, Activation::Identity));
    for rows in [512, 16, 1] {
        bench(&format!("matmul {rows} x 768 x 768"), &gpu, &|| matmul(rows, 768, 768, Activation::Identity));
    }
    for &(inner, columns) in WEIGHTS {
        for rows in [8, 128, 1024] {
            let name = format!("matmul {rows} x {inner} x {columns}");
            bench(&name, &gpu, &|| matmul(rows, inner, columns, Activation::Identity));
        }
    }
    for (rows, inner, columns) in [(8, 768, 2), (8, 768, 28), (64, 384, 3), (65, 770, 770)] {
        let name = format!("matmul {rows} x {inner} x {columns}");
        bench(&name, &gpu, &|| matmul(rows, inner, columns, Activation::Identity));
    }
    bench("matmul 1024 x 384 x 1536 gelu", &gpu, &|| matmul(1024, 384, 1536, Activation::Gelu));
    for (texts, length) in [(8, 128), (1, 512), (64, 16)] {
        for head_width in [32, 64] {
            let name = format!("attention {texts} texts of {length}, 12 heads of {head_width}");
            bench(&name, &gpu, &|| {
                let mut case = Case::new(vec![length; texts]);
                let mut random = Random::new(1);
                let qkv = case.rows(Rows::Tokens, 36 * head_width, &mut random);
                let output = attention(&mut case, qkv, 12, head_width);
                case.output(output);
                case
            });
        }
    }
    for (name, hidden, heads) in [("minilm", 384, 12), ("bert-base", 768, 12)] {
        for (texts, length) in [(8, 128), (1, 16)] {
            let name = format!("layer {name}, {texts} texts of {length}");
            bench(&name, &gpu, &|| layer(vec![length; texts], hidden, heads));
        }
    }
}

/// Checks a case, then prints the GPU time of all its steps, and of each kernel if there are several.
fn time(name: &str, gpu: &Arc<Gpu>, case: &dyn Fn() -> Case) {
    let start = Instant::now();
    let Case { recording, size, .. } = case();
    let variant = recording.steps[0].kernel.launch(&gpu.capabilities, &size).shader.variant();
    let (tokens, starts) = common::texts(&size);
    let run = Run { tokens: &tokens, starts: &starts, ..Run::default() };
    let plan = common::plan(gpu.clone(), recording, &size);
    let profile = || block_on(plan.profile(run)).expect("the adapter has timestamps");
    profile();
    let first = start.elapsed();
    if case().recording.steps.len() == 1 {
        // A layer's kernels are each checked on their own; the twin of a whole one takes minutes.
        common::compare(name, gpu.clone(), case(), 1e-4);
    }

    let seconds = std::env::var("WGBERT_BENCH_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(1.0);
    let seconds = Duration::from_secs_f64(seconds);
    let mut rounds = Vec::new();
    let start = Instant::now();
    while rounds.len() < 5 || start.elapsed() < seconds {
        rounds.push(profile());
    }
    let step = |step: usize| {
        let mut times: Vec<f64> = rounds.iter().map(|round| round[step].time.as_secs_f64()).collect();
        times.sort_by(f64::total_cmp);
        (times[times.len() / 2], times[0])
    };
    let mut kernels: BTreeMap<&str, (f64, f64, u64)> = BTreeMap::new();
    let mut all = (0.0, 0.0, 0);
    for timing in &rounds[0] {
        let (median, best) = step(timing.step);
        for total in [kernels.entry(timing.kernel).or_default(), &mut all] {
            *total = (total.0 + median, total.1 + best, total.2 + timing.operations);
        }
    }
    let line = |name: &str, (median, best, operations): (f64, f64, u64), note: &str| {
        let rate = operations as f64 * 1e-9 / median;
        println!("{name:60} {:10.3} {:10.3} {rate:9.1} {note}", median * 1e3, best * 1e3);
    };
    line(name, all, &format!("{:9.0} {}", first.as_secs_f64() * 1e3, if kernels.len() == 1 { &variant } else { "" }));
    if kernels.len() > 1 {
        for (kernel, times) in kernels {
            line(&format!("  {kernel}"), times, &format!("{:8.1}%", 100.0 * times.0 / all.0));
        }
    }
}

fn matmul(rows: u32, inner: u32, columns: u32, activation: Activation) -> Case {
    let mut case = Case::new(vec![rows]);
    let input = case.rows(Rows::Tokens, inner, &mut Random::new(1));
    let output = linear(&mut case, input, columns, activation);
    case.output(output);
    case
}

fn linear(case: &mut Case, input: Tensor, columns: u32, activation: Activation) -> Tensor {
    let inner = input.columns as u32;
    let mut random = Random::new(2);
    let weight = case.constant(inner, columns, random.numbers(inner * columns));
    let bias = case.constant(1, columns, random.numbers(columns));
    let output = case.recording.tensor(input.rows, columns as usize);
    let kernel = MatMul {
        rows: input.rows,
        inner,
        columns,
        weight_columns: columns,
        first: 0,
        activation,
        bias: true,
        residual: false,
        element: Element::F32,
        output: Element::F32,
    };
    case.recording.step(kernel, &[Some(input), Some(weight), Some(output), Some(bias), None]);
    output
}

fn attention(case: &mut Case, qkv: Tensor, heads: u32, head_width: u32) -> Tensor {
    let hidden = heads * head_width;
    let kernel = Attention(Heads {
        queries: Rows::Tokens,
        heads,
        head_width,
        query_stride: 3 * hidden,
        key_stride: 3 * hidden,
        first_key: hidden,
        first_value: 2 * hidden,
        window: u32::MAX,
        max_length: 512,
        scale: 1.0 / (head_width as f32).sqrt(),
        score: Term::None,
        element: Element::F32,
    });
    let [starts, tiles] = [Input::Starts, Input::Tiles].map(|input| case.recording.input(input));
    let output = case.recording.tensor(Rows::Tokens, hidden as usize);
    case.recording.step(kernel, &[Some(qkv), Some(qkv), Some(output), Some(starts), Some(tiles), None]);
    output
}

fn layernorm(case: &mut Case, input: Tensor, residual: Option<Tensor>) -> Tensor {
    let columns = input.columns as u32;
    let mut random = Random::new(3);
    let [weight, bias] = [(); 2].map(|()| case.constant(1, columns, random.numbers(columns)));
    let output = case.recording.tensor(input.rows, input.columns);
    let kernel = LayerNorm {
        rows: input.rows,
        columns,
        epsilon: 1e-12,
        bias: true,
        residual: residual.is_some(),
        element: Element::F32,
    };
    case.recording.step(kernel, &[Some(input), Some(weight), Some(output), Some(bias), residual]);
    output
}

/// The embeddings and one layer of BERT.
fn layer(lengths: Vec<u32>, hidden: u32, heads: u32) -> Case {
    let mut case = Case::new(lengths);
    let mut random = Random::new(4);
    let tokens = case.recording.input(Input::Tokens);
    let [words, positions, types] = [50, 512, 2].map(|rows| case.constant(rows, hidden, random.numbers(rows * hidden)));
    let embedded = case.recording.tensor(Rows::Tokens, hidden as usize);
    let embed = Embed { columns: hidden, first_id: 0, ids: 50, positions: true, types: true, element: Element::F32 };
    case.recording.step(embed, &[Some(tokens), Some(words), Some(embedded), Some(positions), Some(types)]);
    let input = layernorm(&mut case, embedded, None);

    let qkv = linear(&mut case, input, 3 * hidden, Activation::Identity);
    let attended = attention(&mut case, qkv, heads, hidden / heads);
    let projected = linear(&mut case, attended, hidden, Activation::Identity);
    let middle = layernorm(&mut case, projected, Some(input));
    let inner = linear(&mut case, middle, 4 * hidden, Activation::Gelu);
    let outer = linear(&mut case, inner, hidden, Activation::Identity);
    let output = layernorm(&mut case, outer, Some(middle));
    case.output(output);
    case
}
