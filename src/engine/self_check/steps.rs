//! A variant of one step of a model at the edge sizes of batches, against its CPU twin.

use super::{Problem, Progress};
use crate::error::Result;
use crate::gpu::{Gpu, Plan, WeightBuffers};
use crate::ir::{BatchSize, Recording, Shader, Step, Values, Weight, WeightSource};
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

/// Checks a step in a shader that a batch of `size` runs of it, of texts of at most `longest` tokens.
pub(super) async fn check(
    gpu: &Arc<Gpu>,
    recording: &Recording,
    (step, shader): (&Step, &Shader),
    size: &BatchSize,
    longest: u32,
    progress: Progress<'_>,
) -> Result<(), Problem> {
    let Some(probe) = Probe::new(recording, step, longest, &gpu.capabilities, shader) else { return Ok(()) };
    let batches = probe.batches(&gpu.capabilities, shader);
    let words = probe.words(shader);
    let failed = |error: crate::Error| Problem::new(&words, error);
    let most = batches.iter().copied().max().unwrap_or(1);
    let limits = probe.batch(most).size().limits();
    let mut none = WeightBuffers::default();
    let plan = Plan::new(gpu.clone(), probe.recording(most), limits, &mut none, &NoWeights).await;
    let mut plan = plan.map_err(failed)?.choosing_for(probe.sized(step, size));
    for texts in batches {
        progress();
        let batch = probe.batch(texts);
        let outputs = outputs(&mut plan, &batch.run()).await.map_err(failed)?;
        probe.check(texts, &outputs, TOLERANCE).map_err(|wrong| Problem::new(&words, wrong))?;
        // What differs from run to run lacks a barrier, or is a card that is too hot.
        if texts == most {
            let again = self::outputs(&mut plan, &batch.run()).await.map_err(failed)?;
            if !same(&outputs, &again) {
                let message = format!("the same {texts} texts give other numbers when they are computed again");
                return Err(Problem::new(&words, message));
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
