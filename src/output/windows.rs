//! The answers to the windows of a text -> the answer to the text.

use super::{Array, SequenceClassifierOutput, answer::mean};
use crate::checkpoint::Scoring;
use crate::ir::{BatchSize, Element, Kernel, Rows, Values};
use crate::kernels::{
    Activation,
    argmax::{self, Argmax},
    elementwise::Elementwise,
    loss::{Loss, LossKind},
    softmax::Softmax,
};
use crate::label::Label;
use crate::text::Windows;

/// How logits are joined, and what is made of them.
pub(crate) struct Joining<'a> {
    pub how: Windows,
    pub scoring: Scoring,
    pub loss: Option<LossKind>,
    /// One a text, or none at all.
    pub labels: &'a [Option<Label>],
}

impl SequenceClassifierOutput {
    /// The answer to texts of so many encodings each, at least one; this is the answer to the encodings. A text of one keeps
    /// what it has, to the bit.
    pub(crate) fn joined(self, windows: &[usize], joining: &Joining<'_>) -> SequenceClassifierOutput {
        if windows.iter().all(|count| *count == 1) {
            return self;
        }
        let shape = [windows.len(), self.labels.len()];
        let mut joined = SequenceClassifierOutput {
            labels: self.labels.clone(),
            windows: windows.to_vec(),
            ..SequenceClassifierOutput::default()
        };
        let (mut logits, mut probabilities) = (Vec::new(), Vec::new());
        let mut next = 0;
        for (index, &count) in windows.iter().enumerate() {
            let (first, rows) = (next, next..next + count);
            next += count;
            joined.tokens.push(self.tokens[rows.clone()].iter().sum());
            joined.untruncated.push(self.untruncated[rows.clone()].iter().copied().max().unwrap_or(0));
            joined.truncated.push(self.truncated[rows.clone()].contains(&true));
            if count == 1 {
                logits.extend(self.logits.row(first));
                probabilities.extend(self.probabilities.iter().flat_map(|scores| scores.row(first)));
                joined.argmax.push(self.argmax[first]);
                joined.losses.push(self.losses[first]);
                continue;
            }
            let own = join(&rows.map(|row| self.logits.row(row)).collect::<Vec<_>>(), joining.how);
            probabilities.extend(scores(&own, joining.scoring));
            joined.argmax.push(best(&own));
            let label = joining.labels.get(index).and_then(Option::as_ref);
            joined.losses.push(joining.loss.zip(label).map(|(kind, label)| loss(&own, kind, label)));
            logits.extend(own);
        }
        joined.loss = mean(&joined.losses);
        joined.logits = Array { shape: shape.to_vec(), values: logits };
        joined.probabilities = self.probabilities.map(|_| Array { shape: shape.to_vec(), values: probabilities });
        joined
    }
}

/// One row of the rows of a text, whatever the texts beside it. What is NaN in one stays NaN.
fn join(rows: &[&[f32]], how: Windows) -> Vec<f32> {
    let column = |label: usize| rows.iter().map(move |row| row[label]);
    let one = |label| match how {
        Windows::Mean => (column(label).map(f64::from).sum::<f64>() / rows.len() as f64) as f32,
        Windows::Max => column(label).fold(f32::NEG_INFINITY, |most, x| if x > most || x.is_nan() { x } else { most }),
        Windows::First => rows[0][label],
    };
    (0..rows[0].len()).map(one).collect()
}

/// What a kernel's twin makes of one text; its output is the last operand.
fn twin(kernel: &dyn Kernel, inputs: impl IntoIterator<Item = Values>, element: Element, columns: u32) -> Values {
    let mut operands: Vec<Values> = inputs.into_iter().collect();
    operands.push(Values::unwritten(element, columns as usize));
    kernel.reference(&BatchSize::new([1]), &mut operands);
    operands.pop().unwrap_or_default()
}

fn scores(logits: &[f32], scoring: Scoring) -> Vec<f32> {
    let (rows, columns) = (Rows::Texts, logits.len() as u32);
    let of = |kernel: &dyn Kernel| twin(kernel, [Values::F32(logits.to_vec())], Element::F32, columns).f32().to_vec();
    match scoring {
        Scoring::None => Vec::new(),
        Scoring::Sigmoid => of(&Elementwise { rows, columns, activation: Activation::Sigmoid }),
        Scoring::Tanh => of(&Elementwise { rows, columns, activation: Activation::Tanh }),
        Scoring::Softmax => of(&Softmax { rows, columns }),
    }
}

fn best(logits: &[f32]) -> Option<usize> {
    let kernel = Argmax { rows: Rows::Texts, columns: logits.len() as u32 };
    let index = twin(&kernel, [Values::F32(logits.to_vec())], Element::U32, 1).u32()[0];
    (index != argmax::NONE).then_some(index as usize)
}

fn loss(logits: &[f32], kind: LossKind, label: &Label) -> f32 {
    let target = match label {
        Label::Class(class) => Values::U32(vec![*class as u32]),
        Label::Values(values) => Values::F32(values.clone()),
    };
    let kernel = Loss { rows: Rows::Texts, columns: logits.len() as u32, kind };
    twin(&kernel, [Values::F32(logits.to_vec()), target], Element::F32, 1).f32()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer to three encodings with the losses of a device, which the twins would round otherwise.
    fn encodings() -> SequenceClassifierOutput {
        let array = |values: [f32; 6]| Array { shape: vec![3, 2], values: values.to_vec() };
        SequenceClassifierOutput {
            loss: Some(7.0),
            logits: array([1.0, 3.0, 4.0, 0.0, 0.5, -0.5]),
            probabilities: Some(array([0.1, 0.9, 0.9, 0.1, 0.7, 0.3])),
            argmax: vec![Some(1), Some(0), Some(0)],
            losses: vec![None, None, Some(7.0)],
            labels: ["no".into(), "yes".into()].into(),
            tokens: vec![8, 5, 4],
            untruncated: vec![11, 11, 4],
            truncated: vec![false; 3],
            windows: vec![1; 3],
            ..SequenceClassifierOutput::default()
        }
    }

    fn joined(how: Windows, scoring: Scoring, loss: LossKind, label: Label) -> SequenceClassifierOutput {
        let labels = [Some(label), Some(Label::Class(0))];
        encodings().joined(&[2, 1], &Joining { how, scoring, loss: Some(loss), labels: &labels })
    }

    fn near(one: &[f32], other: &[f32]) {
        let apart = one.iter().zip(other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(one.len() == other.len() && apart < 1e-6, "{one:?} {other:?}");
    }

    #[test]
    fn every_field_is_of_the_joined_logits() {
        let mean = joined(Windows::Mean, Scoring::Softmax, LossKind::CrossEntropy, Label::Class(1));
        let text = mean.text(0).unwrap();
        assert_eq!((text.logits(), text.label()), (&[2.5, 1.5][..], Some("no")));
        // 1 / (1 + e^-1), and its logarithms.
        near(text.probabilities().unwrap(), &[0.731_058_6, 0.268_941_4]);
        near(&[text.loss().unwrap()], &[1.313_261_7]);
        assert_eq!((text.tokens(), text.untruncated(), text.windows(), text.truncated()), (13, 11, 2, false));

        let max = joined(Windows::Max, Scoring::Sigmoid, LossKind::BinaryCrossEntropy, Label::Values(vec![1.0, 0.0]));
        let text = max.text(0).unwrap();
        assert_eq!((text.logits(), text.label()), (&[4.0, 3.0][..], Some("no")));
        near(text.probabilities().unwrap(), &[0.982_013_8, 0.952_574_1]);
        // (ln(1 + e^-4) + 3 + ln(1 + e^-3)) / 2
        near(&[text.loss().unwrap()], &[1.533_368_6]);
        near(&[max.loss.unwrap()], &[(1.533_368_6 + 7.0) / 2.0]);
    }

    #[test]
    fn a_text_of_one_encoding_keeps_its_answer() {
        for how in [Windows::Mean, Windows::Max] {
            let output = joined(how, Scoring::Softmax, LossKind::CrossEntropy, Label::Class(1));
            let text = output.text(1).unwrap();
            assert_eq!((text.logits(), text.probabilities()), (&[0.5, -0.5][..], Some(&[0.7, 0.3][..])));
            assert_eq!((text.argmax(), text.loss(), text.tokens(), text.windows()), (Some(0), Some(7.0), 4, 1));
        }
    }

    #[test]
    fn what_is_no_number_has_no_label() {
        for how in [Windows::Mean, Windows::Max] {
            let mut output = encodings();
            output.logits.values[3] = f32::NAN;
            let joining = Joining { how, scoring: Scoring::None, loss: None, labels: &[] };
            let output = SequenceClassifierOutput { probabilities: None, ..output }.joined(&[2, 1], &joining);
            assert!(output.logits.values[1].is_nan() && !output.logits.values[0].is_nan());
            assert_eq!((output.argmax, output.probabilities), (vec![None, Some(0)], None));
        }
    }
}
