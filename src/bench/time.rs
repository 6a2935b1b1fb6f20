//! A kernel's example on the device: checked, then timed by the device's own clock.

use super::{BUSY, Repeats, Summary};
use crate::error::{Error, Result};
use crate::gpu::{Gpu, Plan, WeightBuffers, block_on};
use crate::ir::{Access, BatchSize, Rows, Shader, Step, Values, Weight, WeightSource};
use crate::kernels::{Case, Example, embed};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A kernel's example, timed.
#[derive(Debug)]
pub(super) struct Timed {
    pub times: Summary,
    /// Largest difference from the CPU twin.
    pub error: f64,
    /// Until the first answer: mostly compiling, if nothing of that shader was run on this device before.
    pub prepare: Duration,
    /// Multiplications and additions.
    pub operations: u64,
    pub bytes: u64,
    /// Which parts the shader was linked from.
    pub parts: String,
}

/// Everything in a case is a constant.
struct NoWeights;

impl WeightSource for NoWeights {
    fn rows(&self, weight: &Weight, _: Range<usize>) -> Result<Vec<f32>> {
        unreachable!("a case has no weight {:?}", weight.names)
    }
}

/// What is right on any device may be off by, whatever the tests demand of those at hand: of an answer, by its size where that
/// is above 1. It is for sums of `TERMS`, and grows with longer ones, whose roundings add up though the sum may be near 0: of
/// 128 x 3072 x 768 the worst on llvmpipe is off by 8e-5 in one order of adding, and by 1.008e-4 in another.
const TOLERANCE: f64 = 1e-4;
const TERMS: f64 = 1024.0;

/// A case on the device.
#[derive(Debug)]
pub(super) struct Prepared {
    case: Case,
    plan: Plan,
    /// Runs ahead of each that is timed.
    lead: usize,
    /// Which parts the shader was linked from.
    pub parts: String,
}

/// What a GPU is kept busy with ahead of each run that is timed, and the most runs of that.
const LEAD: Duration = Duration::from_millis(2);
const MOST_LEAD: f64 = 10_000.0;

impl Prepared {
    pub(super) fn new(gpu: &Arc<Gpu>, example: &Example) -> Result<Prepared> {
        let case = example.case();
        let shaders = step(&case).kernel.shaders(&gpu.capabilities, &case.size);
        let parts = shaders.iter().map(Shader::variant).collect::<Vec<_>>().join("; ");
        let capacity = case.size.limits();
        let mut none = WeightBuffers::default();
        let plan = block_on(Plan::new(gpu.clone(), case.recording.clone(), capacity, &mut none, &NoWeights))?;
        Ok(Prepared { case, plan, lead: 0, parts })
    }

    /// What the kernel computes.
    pub(super) fn outputs(&mut self) -> Result<Vec<Values>> {
        // What a kernel leaves unwritten must not happen to be right.
        block_on(self.plan.poison())?;
        Ok(block_on(self.plan.run(self.case.run()))?.into_iter().map(|(_, values)| values).collect())
    }

    /// The largest difference of the outputs from those of the CPU twin.
    ///
    /// # Errors
    /// [`Error::Adapter`] where it is no rounding.
    pub(super) fn check(&self, gpu: &Gpu, outputs: &[Values]) -> Result<f64> {
        let step = step(&self.case);
        let numbers: usize = outputs.iter().map(|values| values.bytes().len() / 4).sum();
        // A multiplication and an addition each.
        let terms = step.kernel.operations(&self.case.size) as f64 / 2.0 / numbers.max(1) as f64;
        let tolerance = self.case.tolerance.max(TOLERANCE * (terms / TERMS).max(1.0));
        self.case.check(outputs, tolerance).map_err(|message| Error::Adapter {
            adapter: gpu.name.clone(),
            message: format!(
                "{} [{}] computes something else than its CPU twin: {message}",
                step.kernel.name(),
                self.parts
            ),
        })
    }

    /// Runs it once, by the device's clock.
    pub(super) fn time(&mut self) -> Result<Duration> {
        self.time_behind(self.lead)
    }

    fn time_behind(&mut self, lead: usize) -> Result<Duration> {
        let timings = block_on(self.plan.profile(self.case.run(), lead))?;
        Ok(timings.last().expect("a case has a step").time)
    }

    /// The runs before those that count: a GPU is kept busy for so long.
    pub(super) fn warm_up(&mut self, gpu: &Gpu, repeats: Repeats, busy: Duration) -> Result<()> {
        let mut time = Duration::MAX;
        for _ in 0..repeats.warmup {
            time = time.min(self.time()?);
        }
        if !gpu.capabilities.cpu && repeats.warmup > 0 {
            let runs = |duration: Duration, time| duration.div_duration_f64(time).min(MOST_LEAD) as usize;
            time = time.min(self.time_behind(runs(busy, time))?);
            self.lead = runs(LEAD, time);
        }
        Ok(())
    }
}

fn step(case: &Case) -> &Step {
    case.recording.steps.last().expect("a case has a step")
}

/// Checks and times the example.
pub(super) fn time(gpu: &Arc<Gpu>, example: &Example, repeats: Repeats) -> Result<Timed> {
    let start = Instant::now();
    let mut prepared = Prepared::new(gpu, example)?;
    let outputs = prepared.outputs()?;
    let prepare = start.elapsed();
    let error = prepared.check(gpu, &outputs)?;
    prepared.warm_up(gpu, repeats, BUSY)?;
    let times = (0..repeats.repetitions.max(1)).map(|_| prepared.time()).collect::<Result<Vec<_>>>()?;
    let (step, size) = (step(&prepared.case), &prepared.case.size);
    let (operations, bytes) = (step.kernel.operations(size), traffic(step, size));
    Ok(Timed { times: Summary::new(&times), error, prepare, operations, bytes, parts: prepared.parts })
}

/// Bytes that a step has to move: each tensor it is bound to, once, or twice where it is changed in place. Of a table
/// that is looked up in, no more rows than are looked up.
fn traffic(step: &Step, size: &BatchSize) -> u64 {
    let bytes = |(binding, tensor): (crate::ir::Binding, crate::ir::Tensor)| {
        let rows = match tensor.rows {
            Rows::Fixed(rows) if step.kernel.name() == embed::NAME => rows.min(size.tokens),
            rows => size.rows(rows),
        };
        let times = if binding.access == Access::ReadWrite { 2 } else { 1 };
        times * u64::from(rows) * tensor.row_bytes()
    };
    let mut seen = Vec::new();
    let distinct = step.bound().filter(|(_, tensor)| {
        let new = !seen.contains(tensor);
        seen.push(*tensor);
        new
    });
    distinct.map(bytes).sum()
}
