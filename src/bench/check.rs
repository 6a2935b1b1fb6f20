//! A kernel's answer against its CPU twin's, before its time is believed: a sample of the texts, so that large shapes
//! take no minutes. No kernel lets a text's answer depend on its neighbours, which is what makes a sample one.

use super::cases::Case;
use crate::ir::{Access, BatchSize, Element, Rows, Run, Source, Tensor, Values};

/// Multiplications and additions that the twin may take, unless one text needs more.
const BUDGET: u64 = 200_000_000;
/// Of an answer, by its size where that is above 1.
const TOLERANCE: f64 = 1e-4;

/// The largest error of the last step's outputs, read back as `actual`.
///
/// # Errors
/// A message naming the first element that is off by more than the tolerance.
pub(super) fn check(case: &Case, actual: &[Values]) -> Result<f64, String> {
    let step = case.recording.steps.last().expect("a case has a step");
    let sample = sample(&case.size, |size| step.kernel.operations(size));
    let size = BatchSize::new(sample.iter().map(|&text| case.size.lengths[text]));

    let gathered = |tensor: &Tensor, values: &Values| gather(values, tensor, &case.size, &sample);
    let mut operands: Vec<Values> = Vec::new();
    for tensor in &step.operands {
        let Some(tensor) = tensor else {
            operands.push(Values::default());
            continue;
        };
        let (_, source) = &case.recording.tensors[tensor.id];
        operands.push(match (source, case.before.get(&tensor.id)) {
            (Source::Constant(values), _) | (_, Some(values)) => gathered(tensor, values),
            (Source::Input(input), _) => {
                let (tokens, cu_seqlens) = sub_run(&case.run(), &size, &sample);
                let classes: Vec<u32> = sample.iter().map(|&text| case.run().classes[text]).collect();
                Run { tokens: &tokens, cu_seqlens: &cu_seqlens, classes: &classes, targets: &[] }
                    .input(*input, &size, 1)
            }
            _ => {
                let elements = size.rows(tensor.rows) as usize * tensor.columns;
                match tensor.element {
                    Element::U32 => Values::U32(vec![u32::MAX; elements]),
                    _ => Values::F32(vec![f32::NAN; elements]),
                }
            }
        });
    }
    step.kernel.reference(&size, &mut operands);

    let bindings = step.kernel.bindings().iter().zip(&step.operands).zip(&operands);
    let written = bindings.filter(|((binding, tensor), _)| binding.access != Access::Read && tensor.is_some());
    let mut worst = 0.0f64;
    for (((binding, tensor), expected), actual) in written.zip(actual) {
        let tensor = tensor.expect("only those that are there");
        let stored = if tensor.element == Element::F16 { 0.5f64.powi(11) } else { 0.0 };
        let error = compare(expected, &gathered(&tensor, actual), TOLERANCE + stored);
        worst = worst.max(error.map_err(|message| format!("{}: {message}", binding.name))?);
    }
    Ok(worst)
}

/// The first, the last, and as many between as the budget allows, evenly spread.
fn sample(size: &BatchSize, operations: impl Fn(&BatchSize) -> u64) -> Vec<usize> {
    let texts = size.lengths.len();
    let each = (operations(size) / texts as u64).max(1);
    let count = (BUDGET / each).clamp(1, texts as u64) as usize;
    match count {
        1 => vec![texts - 1],
        _ => (0..count).map(|index| index * (texts - 1) / (count - 1)).collect(),
    }
}

/// The rows of the sampled texts.
fn gather(values: &Values, tensor: &Tensor, size: &BatchSize, sample: &[usize]) -> Values {
    let mut cu_seqlens = vec![0usize];
    size.lengths.iter().for_each(|length| cu_seqlens.push(cu_seqlens[cu_seqlens.len() - 1] + *length as usize));
    let columns = tensor.columns;
    let range = |&text: &usize| match tensor.rows {
        Rows::Tokens => cu_seqlens[text] * columns..cu_seqlens[text + 1] * columns,
        _ => text * columns..(text + 1) * columns,
    };
    match (tensor.rows, values) {
        (Rows::Fixed(_), _) => values.clone(),
        (_, Values::F32(values)) => Values::F32(sample.iter().flat_map(|text| &values[range(text)]).copied().collect()),
        (_, Values::U32(values)) => Values::U32(sample.iter().flat_map(|text| &values[range(text)]).copied().collect()),
    }
}

/// Tokens and starts of the sampled texts alone.
fn sub_run(run: &Run<'_>, size: &BatchSize, sample: &[usize]) -> (Vec<[u32; 4]>, Vec<u32>) {
    let mut tokens = Vec::with_capacity(size.tokens as usize);
    let mut cu_seqlens = vec![0];
    for (place, &text) in (0u32..).zip(sample) {
        let own = &run.tokens[run.cu_seqlens[text] as usize..run.cu_seqlens[text + 1] as usize];
        tokens.extend(own.iter().map(|&[id, kind, position, _]| [id, kind, position, place]));
        cu_seqlens.push(tokens.len() as u32);
    }
    (tokens, cu_seqlens)
}

fn compare(expected: &Values, actual: &Values, tolerance: f64) -> Result<f64, String> {
    let (expected, actual) = match (expected, actual) {
        (Values::U32(expected), Values::U32(actual)) => {
            let wrong = expected.iter().zip(actual).position(|(e, a)| e != a);
            let said = |index: usize| format!("element {index} is {}, its twin {}", actual[index], expected[index]);
            return wrong.map_or(Ok(0.0), |index| Err(said(index)));
        }
        _ => (expected.f32(), actual.f32()),
    };
    if expected.len() != actual.len() {
        return Err(format!("{} elements, its twin has {}", actual.len(), expected.len()));
    }
    let mut worst = 0.0f64;
    for (index, (&e, &a)) in expected.iter().zip(actual).enumerate() {
        // Written by neither, such as attention weights beyond a text's end.
        if e == a || e.is_nan() && a.is_nan() {
            continue;
        }
        let error = f64::from(e - a).abs() / f64::from(e).abs().max(1.0);
        if error.is_nan() || error > tolerance {
            return Err(format!("element {index} is {a}, its twin {e}"));
        }
        worst = worst.max(error);
    }
    Ok(worst)
}
