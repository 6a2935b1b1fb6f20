//! A small model of the same parts as a whole: what one step hands the next, and where tensors share memory.

use super::{Problem, Progress};
use crate::checkpoint::Scoring;
use crate::error::Result;
use crate::gpu::{Gpu, Plan, WeightBuffers};
use crate::ir::{BatchLimits, BatchSize, Output, Random, Run, Storage, Values, Weight, WeightSource};
use crate::models::{Buckets, DistanceTable, Layer, Model, Score, encoder, encoder::OutputSpec};
use crate::options::Precision;
use crate::reference::Reference;
use half::f16;
use std::ops::Range;
use std::sync::Arc;

/// Words, positions and distances of it.
const ROWS: usize = 32;
/// Tokens of its texts.
const LENGTHS: [u32; 3] = [3, 7, 2];

/// The model with each kind of layer once, but at least two, few words and short texts: its twin takes a tenth of a second.
pub(super) fn shrunk(model: &Model) -> Model {
    let mut small = model.clone();
    let mut kinds: Vec<String> = Vec::new();
    small.layers.retain(|layer| {
        let kind = kind(layer);
        let new = !kinds.contains(&kind);
        kinds.push(kind);
        new
    });
    if let [_] = small.layers[..] {
        small.layers.extend(model.layers.get(1).cloned());
    }
    let longest = model.max_length.min(ROWS);
    for layer in &mut small.layers {
        let layer = Arc::make_mut(layer);
        let shorter = |buckets: &Buckets, rows: usize| {
            let all = &buckets.0;
            let middle = model.max_length as i64 - 1;
            Buckets::new(longest, |distance| {
                let bucket = all.get((middle + distance) as usize).copied().unwrap_or(0);
                bucket % rows.max(1) as u32
            })
        };
        match &mut layer.attention.score {
            Score::Plain => {}
            Score::Bias { table, buckets } => *buckets = shorter(buckets, table.rows),
            Score::Relative { query_table, key_table, buckets } => {
                let mut rows = ROWS;
                for table in [query_table.as_mut(), key_table.as_mut()].into_iter().flatten() {
                    match table {
                        DistanceTable::Shared(weight) => rows = rows.min(weight.rows),
                        DistanceTable::Projected(projected) => {
                            projected.embeddings.rows = projected.embeddings.rows.min(ROWS);
                            rows = rows.min(projected.embeddings.rows);
                        }
                    }
                }
                *buckets = shorter(buckets, rows);
            }
        }
    }
    small.max_length = longest;
    small.embeddings.words.rows = small.embeddings.words.rows.min(ROWS);
    small
}

/// What tells a layer from others, but for its weights.
fn kind(layer: &Layer) -> String {
    let Layer { order, attention, attention_norm, feed_forward, convolution, .. } = layer;
    let score = match attention.score {
        Score::Plain => 0,
        Score::Relative { .. } => 1,
        Score::Bias { .. } => 2,
    };
    format!(
        "{order:?} {} {:?} {:?} {score} {} {:?} {:?} {}",
        attention.heads,
        attention.window,
        attention.rotary,
        attention_norm.is_some(),
        feed_forward.activation,
        feed_forward.gate,
        convolution.is_some(),
    )
}

/// Weights by their names, of the sizes that trained ones have, so that no layer overflows or dies out; f16 holds them all.
struct ByName(Vec<f32>);

impl ByName {
    fn new() -> ByName {
        // A prime number of them, of which no row is a multiple.
        ByName(Random(3).numbers(65_537).into_iter().map(|x| f16::from_f32(x).to_f32()).collect())
    }
}

impl WeightSource for ByName {
    fn rows(&self, weight: &Weight, rows: Range<usize>) -> Result<Vec<f32>> {
        let [inputs, columns] = weight.shape();
        let vector = weight.rows == 1 && !weight.transposed;
        let gain = vector && weight.names.iter().all(|name| !name.ends_with("bias"));
        let (middle, scale) = match (vector, gain) {
            (true, true) => (1.0, 0.25),
            (true, false) => (0.0, 0.1),
            // Sums of as many products keep about the size of what is summed; powers of two round nothing.
            (false, _) if weight.transposed => (0.0, (3.0 / inputs as f32).sqrt().log2().round().exp2()),
            (false, _) => (0.0, 1.0),
        };
        let bytes = weight.names.iter().flat_map(|name| name.bytes());
        let first = bytes.fold(7u64, |hash, byte| Random(hash ^ u64::from(byte)).next()) as usize % self.0.len();
        let (start, count) = ((first + rows.start * columns) % self.0.len(), rows.len() * columns);
        let numbers = self.0.iter().cycle().skip(start).take(count);
        let near = |x: &f32| f16::from_f32(middle + scale * x).to_f32();
        Ok(if vector { numbers.map(near).collect() } else { numbers.map(|x| scale * x).collect() })
    }
}

/// Texts of those lengths, of which the numbers say which.
fn tokens(model: &Model, texts: &[u32]) -> (Vec<[u32; 4]>, Vec<u32>) {
    let words = model.embeddings.words.rows as u32;
    let types = model.embeddings.types.as_ref().map_or(1, |types| types.rows as u32);
    let first = model.position_padding().map_or(0, |padding| padding + 1);
    let last = model.embeddings.positions.as_ref().map_or(u32::MAX, |positions| positions.table.rows as u32 - 1);
    let (mut tokens, mut cu_seqlens) = (Vec::new(), vec![0]);
    for (place, &text) in (0u32..).zip(texts) {
        let length = LENGTHS[text as usize].min(model.max_length as u32);
        tokens.extend((0..length).map(|position| {
            let id = (7 * text + 5 * position + 1) % words.max(1);
            [id, (text + position) % types.max(1), (first + position).min(last), place]
        }));
        cu_seqlens.push(tokens.len() as u32);
    }
    (tokens, cu_seqlens)
}

/// Runs the small model on the device, by the variants of a batch of that size, and on the twins: its texts together, twice,
/// and each alone.
pub(super) async fn check(
    gpu: &Arc<Gpu>,
    model: &Model,
    scoring: Scoring,
    precision: Precision,
    size: &BatchSize,
    progress: Progress<'_>,
) -> Result<(), Problem> {
    const WHAT: &str = "a small model of the same parts";
    let small = shrunk(model);
    let storage = precision.storage(&gpu.capabilities);
    // Of a logit, by its size where that is above 1.
    let tolerance = if storage == Storage::F16 { 5e-2 } else { 2e-3 };
    let wanted = OutputSpec::scores(scoring);
    let record = || encoder::record(&small, wanted, gpu.capabilities.max_binding, storage);
    let failed = |error: crate::Error| Problem::new(WHAT, error);
    let source = ByName::new();
    let all: Vec<u32> = (0..LENGTHS.len() as u32).collect();
    let mut reference = Reference::new(record(), &source).map_err(failed)?;
    let limits = BatchLimits { tokens: LENGTHS.iter().sum::<u32>() as usize, texts: LENGTHS.len() };
    let mut weights = WeightBuffers::default();
    let plan = Plan::new(gpu.clone(), record(), limits, &mut weights, &source).await;
    let mut plan = plan.map_err(failed)?.choosing_for(size.clone());
    plan.poison().await.map_err(failed)?;

    let (batch, starts) = tokens(&small, &all);
    let together = Run { tokens: &batch, cu_seqlens: &starts, ..Run::default() };
    let expected = reference.run(together);
    let logits = |outputs: &[(Output, Values)]| {
        let logits = outputs.iter().find(|(output, _)| *output == Output::Logits);
        logits.map_or(Vec::new(), |(_, values)| values.f32().to_vec())
    };
    let expected = logits(&expected);
    let labels = small.labels();
    let compare = |texts: &[u32], actual: &[f32]| {
        let rows: Vec<usize> = match small.head.pool {
            Some(_) => texts.iter().map(|&text| text as usize).collect(),
            None => texts.iter().flat_map(|&t| starts[t as usize] as usize..starts[t as usize + 1] as usize).collect(),
        };
        let expected: Vec<f32> =
            rows.iter().flat_map(|row| &expected[row * labels..(row + 1) * labels]).copied().collect();
        if expected.len() != actual.len() {
            return Err(Problem::new(WHAT, format!("{} logits, and there should be {}", actual.len(), expected.len())));
        }
        for (place, (&is, &should)) in actual.iter().zip(&expected).enumerate() {
            let error = f64::from(is - should).abs();
            if error.is_nan() || error > tolerance * f64::from(should).abs().max(1.0) {
                let message = format!("of texts {texts:?} logit {place} is {is:?}, and should be {should:?}");
                return Err(Problem::new(WHAT, message));
            }
        }
        Ok(())
    };
    progress();
    let first = plan.run(together).await.map_err(failed)?;
    compare(&all, &logits(&first))?;
    let second = plan.run(together).await.map_err(failed)?;
    let bits = |outputs: &[(Output, Values)]| outputs.iter().flat_map(|(_, v)| v.bytes().to_vec()).collect::<Vec<u8>>();
    if bits(&first) != bits(&second) {
        return Err(Problem::new(WHAT, "the same texts give other numbers when they are computed again"));
    }
    for text in all {
        progress();
        let (tokens, starts) = tokens(&small, &[text]);
        let alone = plan.run(Run { tokens: &tokens, cu_seqlens: &starts, ..Run::default() }).await.map_err(failed)?;
        compare(&[text], &logits(&alone))?;
    }
    Ok(())
}
