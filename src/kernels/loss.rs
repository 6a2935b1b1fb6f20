//! One text's loss: cross-entropy, binary cross-entropy with logits, squared error, or cross-entropy with soft labels
//!
//! transformers: `ForSequenceClassificationLoss` in loss/loss_utils.py, before the mean over the texts; soft labels are
//! `DebertaV2ForSequenceClassification`'s.

use super::{
    common,
    example::{self, Entry, Example, Operand, Shape, Sizes, scaled, written},
    reduce::Reduction,
    write_output,
};
use crate::ir::{
    BatchSize, Binding, Capabilities, Element, Input, Kernel, Launch, Part, Recording, Rows, Shader, Storage, Tensor,
    Uniform, Values, part, uniform::uniform,
};
use serde::{Deserialize, Serialize};

pub const NAME: &str = "loss";
const LOG_SUM_EXP: Part = part!("loss/log_sum_exp");

/// Which loss, and so what the targets are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum LossKind {
    /// `log(sum(exp(logits))) - logits[target]`; targets are class indices, one a text.
    CrossEntropy,
    /// Mean over the labels of the binary cross-entropy of `sigmoid(logit)`; targets are `[texts, labels]` in 0..=1.
    BinaryCrossEntropy,
    /// Mean over the labels of `(logit - target)^2`; targets are `[texts, labels]`.
    MeanSquaredError,
    /// `sum over the labels of target (log(sum(exp(logits))) - logit)`; targets are `[texts, labels]`, how much of the text
    /// each label has.
    SoftCrossEntropy,
}

impl LossKind {
    pub const ALL: [LossKind; 4] =
        [LossKind::CrossEntropy, LossKind::BinaryCrossEntropy, LossKind::MeanSquaredError, LossKind::SoftCrossEntropy];
}

impl LossKind {
    /// Whether a label is the index of a class, and not a number for each label.
    pub fn takes_classes(self) -> bool {
        self == LossKind::CrossEntropy
    }
}

#[derive(Clone, Debug)]
pub struct Loss {
    pub rows: Rows,
    pub columns: u32,
    pub kind: LossKind,
}

/// `[texts, 1]`: the loss of each text.
pub fn record(recording: &mut Recording, logits: Tensor, kind: LossKind) -> Tensor {
    let targets = match kind {
        LossKind::CrossEntropy => recording.input(Input::Classes),
        _ => recording.input(Input::Targets { labels: logits.columns as u32 }),
    };
    let output = recording.tensor(logits.rows, 1);
    let kernel = Loss { rows: logits.rows, columns: logits.columns as u32, kind };
    recording.step(kernel, &[Some(logits), Some(targets), Some(output)]);
    output
}

uniform!(
    struct Params {
        rows: u32,
        columns: u32,
    }
);

impl Kernel for Loss {
    fn name(&self) -> &'static str {
        NAME
    }

    fn bindings(&self) -> &'static [Binding] {
        const BINDINGS: &[Binding] =
            &[Binding::read(0, "logits"), Binding::read(1, "targets"), Binding::write(2, "output")];
        BINDINGS
    }

    fn params(&self) -> Uniform {
        Params { rows: self.rows.code(), columns: self.columns }.into()
    }

    fn launch(&self, device: &Capabilities, _batch: &BatchSize) -> Launch {
        let reduction = Reduction::of_columns(device, self.columns);
        let (total, kind) = match self.kind {
            LossKind::CrossEntropy => (Some(LOG_SUM_EXP), part!("loss/loss_cross_entropy")),
            LossKind::SoftCrossEntropy => (Some(LOG_SUM_EXP), part!("loss/loss_soft_cross_entropy")),
            LossKind::BinaryCrossEntropy => (None, part!("loss/loss_binary_cross_entropy")),
            LossKind::MeanSquaredError => (None, part!("loss/loss_mean_squared_error")),
        };
        let parts: Vec<_> =
            [common::BATCH, common::MATH].into_iter().chain(total).chain([kind, part!("loss/loss")]).collect();
        let parts = reduction.parts(&parts);
        Launch { shader: Shader::link(NAME, parts).constant("LANES", reduction.lanes), grid: reduction.grid(self.rows) }
    }

    fn reference(&self, batch: &BatchSize, operands: &mut [Values]) {
        let columns = self.columns as usize;
        write_output(operands, 2, |operands, output| {
            for row in 0..batch.rows(self.rows) as usize {
                let logits = &operands[0].f32()[row * columns..(row + 1) * columns];
                let sum = |term: &dyn Fn(f32, f32) -> f32| {
                    let targets = &operands[1].f32()[row * columns..(row + 1) * columns];
                    logits.iter().zip(targets).map(|(&x, &t)| f64::from(term(x, t))).sum::<f64>() as f32
                };
                let mean = |term: fn(f32, f32) -> f32| sum(&term) / columns as f32;
                let row_max = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let logarithm = logits.iter().map(|x| (x - row_max).exp()).sum::<f32>().ln();
                output[row] = match self.kind {
                    LossKind::CrossEntropy => logarithm + (row_max - logits[operands[1].u32()[row] as usize]),
                    LossKind::SoftCrossEntropy => sum(&|x, t| t * (logarithm + (row_max - x))),
                    LossKind::BinaryCrossEntropy => mean(|x, t| x.max(0.0) - x * t + (-x.abs()).exp().ln_1p()),
                    LossKind::MeanSquaredError => mean(|x, t| (x - t).powi(2)),
                };
            }
        });
    }

    fn operations(&self, batch: &BatchSize) -> u64 {
        5 * u64::from(batch.rows(self.rows)) * u64::from(self.columns)
    }
}

/// What tests and benchmarks run.
pub const ENTRY: Entry = Entry { name: NAME, storages: example::LOGITS, examples, sized, sizes: Sizes::LOGITS };

impl Loss {
    fn example(self, lengths: Vec<u32>, scale: f32) -> Example {
        let Loss { rows, columns, kind } = self;
        let targets = if kind.takes_classes() { Operand::Classes(columns) } else { Operand::Targets(columns) };
        let operands = [scaled(rows, columns, Element::F32, scale), targets, written(rows, 1, Element::F32)];
        Example::new(self, lengths, operands.map(Some))
    }
}

fn sized(shape: &Shape) -> Example {
    let (rows, columns, kind) = (Rows::Texts, shape.columns, LossKind::CrossEntropy);
    Loss { rows, columns, kind }.example(shape.texts(), 1.0)
}

fn examples(_: Storage) -> Vec<Example> {
    let rows = Rows::Texts;
    let of = |kind| [1, 2, 3, 8, 9, 65, 770].map(|columns| Loss { rows, columns, kind }.example(vec![1; 5], 30.0));
    LossKind::ALL.into_iter().flat_map(of).collect()
}
