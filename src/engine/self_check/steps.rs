//! One step of a model at the edge sizes of batches, against its CPU twin.

use super::{Problem, Progress};
use crate::error::Result;
use crate::gpu::{Gpu, Plan, WeightBuffers};
use crate::ir::{BatchSize, Kernel, Recording, Rows, Step, Values, Weight, WeightSource};
use crate::kernels::probe::Probe;
use std::ops::Range;
use std::sync::Arc;

/// What is right on any device may be off by, of an answer, by its size where that is above 1: what is stored as f32 and
/// multiplied in 11 bits (TF32) is beyond it, sums in another order are not.
const TOLERANCE: f64 = 3e-4;

/// Everything that a probe reads is a constant.
struct NoWeights;

impl WeightSource for NoWeights {
    fn rows(&self, weight: &Weight, _: Range<usize>) -> Result<Vec<f32>> {
        unreachable!("a probe has no weight {:?}", weight.names)
    }
}

/// A batch for each variant that a kernel may have, up to `most` tokens.
pub(super) fn sizes(kernel: &dyn Kernel, most: u32) -> Vec<BatchSize> {
    let powers = || (0..32).map(|power| 1u32 << power).take_while(move |&rows| rows < 2 * most.max(1));
    match kernel.varies_with() {
        Some(Rows::Tokens) => powers().map(|rows| BatchSize::new([rows])).collect(),
        Some(Rows::Texts) => powers().map(|rows| BatchSize::new(vec![1; rows as usize])).collect(),
        None | Some(Rows::Fixed(_)) => vec![BatchSize::new([128; 8])],
    }
}

/// Checks a step, of texts of at most `longest` tokens and batches of at most `most`.
pub(super) async fn check(
    gpu: &Arc<Gpu>,
    recording: &Recording,
    step: &Step,
    longest: u32,
    most: u32,
    progress: Progress<'_>,
) -> Result<(), Problem> {
    let Some(probe) = Probe::new(recording, step, longest) else { return Ok(()) };
    let (edges, larger) = probe.batches(&gpu.capabilities, most);
    run(gpu, &probe, &edges, progress).await?;
    for texts in larger {
        run(gpu, &probe, &[texts], progress).await?;
    }
    Ok(())
}

/// Batches of so many texts, with one plan.
async fn run(gpu: &Arc<Gpu>, probe: &Probe, batches: &[u32], progress: Progress<'_>) -> Result<(), Problem> {
    let most = batches.iter().copied().max().unwrap_or(1);
    let words = |texts: u32| {
        let size = probe.batch(texts).size();
        probe.words(&probe.kernel().launch(&gpu.capabilities, &size).shader)
    };
    let failed = |error: crate::Error| Problem::new(words(most), error);
    let limits = probe.batch(most).size().limits();
    let mut none = WeightBuffers::default();
    let plan = Plan::new(gpu.clone(), probe.recording(most), limits, &mut none, &NoWeights).await;
    let mut plan = plan.map_err(failed)?;
    for &texts in batches {
        progress();
        let batch = probe.batch(texts);
        let outputs = outputs(&mut plan, &batch.run()).await.map_err(failed)?;
        probe.check(texts, &outputs, TOLERANCE).map_err(|wrong| Problem::new(words(texts), wrong))?;
        // What differs from run to run lacks a barrier, or is a card that is too hot.
        if texts == most {
            let again = self::outputs(&mut plan, &batch.run()).await.map_err(failed)?;
            if !same(&outputs, &again) {
                let message = format!("the same {texts} texts give other numbers when they are computed again");
                return Err(Problem::new(words(texts), message));
            }
        }
    }
    Ok(())
}

async fn outputs(plan: &mut Plan, run: &crate::ir::Run<'_>) -> Result<Vec<Values>> {
    // What a kernel leaves unwritten must not happen to be right.
    plan.poison().await?;
    Ok(plan.run(*run).await?.into_iter().map(|(_, values)| values).collect())
}

/// Bit by bit: a NaN is itself.
fn same(a: &[Values], b: &[Values]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.bytes() == b.bytes())
}
