//! A kernel's answer against its CPU twin's: all of it where that is cheap, else a sample of the texts, so that large shapes
//! take no minutes. No kernel lets a text's answer depend on its neighbours, which is what makes a sample one.

use super::example::Case;
use crate::ir::{Access, BatchSize, Element, Rows, Run, Source, Tensor, UNWRITTEN, Values};

/// Multiplications and additions that the twin may take, unless one text needs more.
const BUDGET: u64 = 200_000_000;

impl Case {
    /// The largest error of what the kernel wrote, read back as `actual`, relative to what is right where that is above 1.
    ///
    /// # Errors
    /// A message naming the first element that is off by more than the tolerance, that nobody wrote or that is no number
    /// though all were that the kernel was given.
    pub fn check(&self, actual: &[Values], tolerance: f64) -> Result<f64, String> {
        let step = self.recording.steps.last().expect("a case has a step");
        let sample = sample(&self.size, |size| step.kernel.operations(size));
        let size = BatchSize::new(sample.iter().map(|&text| self.size.lengths[text]));
        let mut operands: Vec<Values> = Vec::new();
        for tensor in &step.operands {
            operands.push(tensor.map_or_else(Values::default, |tensor| self.sampled(&tensor, &size, &sample)));
        }
        let given = |values: &Values| matches!(values, Values::F32(x) if x.iter().any(|x| x.is_nan() && x.to_bits() != UNWRITTEN));
        let nan = operands.iter().any(given);
        step.kernel.reference(&size, &mut operands);

        let bindings = step.kernel.bindings().iter().zip(&step.operands).zip(&operands);
        let written = bindings.filter_map(|((binding, tensor), expected)| {
            tensor.filter(|_| binding.access != Access::Read).map(|tensor| (binding, tensor, expected))
        });
        let mut worst = 0.0f64;
        for ((binding, tensor, expected), actual) in written.zip(actual) {
            let left = |index: usize| self.is_left(&tensor, &size, index);
            let tolerance = tolerance + if tensor.element == Element::F16 { 0.5f64.powi(11) } else { 0.0 };
            let actual = gather(actual, &tensor, &self.size, &sample);
            let comparison = Comparison { element: tensor.element, nan, tolerance, left: &left };
            let error = comparison.worst(expected, &actual);
            worst = worst.max(error.map_err(|message| format!("{}: {message}", binding.name))?);
        }
        Ok(worst)
    }

    /// An operand as the sampled texts alone have it.
    fn sampled(&self, tensor: &Tensor, size: &BatchSize, sample: &[usize]) -> Values {
        let (_, source) = &self.recording.tensors[tensor.id];
        match (source, self.before.get(&tensor.id)) {
            (Source::Constant(values), _) | (_, Some(values)) => gather(values, tensor, &self.size, sample),
            (Source::Input(input), _) => {
                let run = self.run();
                let (tokens, cu_seqlens) = sub_run(&run, size, sample);
                let of_texts =
                    |columns: usize| sample.iter().flat_map(move |text| text * columns..(text + 1) * columns);
                let classes: Vec<u32> = of_texts(1).filter_map(|text| run.classes.get(text)).copied().collect();
                let targets: Vec<f32> =
                    of_texts(tensor.columns).filter_map(|place| run.targets.get(place)).copied().collect();
                Run { tokens: &tokens, cu_seqlens: &cu_seqlens, classes: &classes, targets: &targets }.input(*input)
            }
            _ => Values::unwritten(tensor.element, size.rows(tensor.rows) as usize * tensor.columns),
        }
    }

    /// Whether the kernel leaves an element as it is: that of a token which the row's text does not have.
    fn is_left(&self, tensor: &Tensor, size: &BatchSize, index: usize) -> bool {
        self.longest.get(&tensor.id).is_some_and(|longest| {
            let mut end = 0;
            let text = size.lengths.iter().find(|&&length| {
                end += length as usize;
                index / tensor.columns < end
            });
            (index % tensor.columns) as u32 % longest >= *text.expect("a row of some text")
        })
    }
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

/// What an answer is held to.
struct Comparison<'a> {
    element: Element,
    /// Whether a NaN may come out, because one went in.
    nan: bool,
    tolerance: f64,
    /// Which elements must stay unwritten.
    left: &'a dyn Fn(usize) -> bool,
}

impl Comparison<'_> {
    fn worst(&self, expected: &Values, actual: &Values) -> Result<f64, String> {
        let (expected, actual) = match (expected, actual) {
            (Values::U32(expected), Values::U32(actual)) => {
                let wrong = expected.iter().zip(actual).position(|(e, a)| e != a || *a == UNWRITTEN);
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
            let unwritten = [e, a].map(|number| self.element.is_unwritten(number));
            let error = match unwritten {
                [true, true] if (self.left)(index) => 0.0,
                [true, _] | [_, true] => {
                    let who = |unwritten| if unwritten { "does not write" } else { "writes" };
                    let [twin, kernel] = unwritten.map(who);
                    return Err(format!("the kernel {kernel} element {index}, its twin {twin} it"));
                }
                _ if e == a || self.nan && e.is_nan() && a.is_nan() => 0.0,
                _ => f64::from(e - a).abs() / f64::from(e).abs().max(1.0),
            };
            if error.is_nan() || error > self.tolerance {
                return Err(format!(
                    "element {index} is {a}, its twin {e}: off by {error:.1e} over {:.1e}",
                    self.tolerance
                ));
            }
            worst = worst.max(error);
        }
        Ok(worst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Rows;
    use crate::kernels::attention_weights;
    use crate::kernels::example::{Example, given, written};
    use crate::kernels::softmax::Softmax;

    /// Two rows of two columns, one after the other, held against the twin.
    fn checked(input: [f32; 4], output: [f32; 4]) -> Result<f64, String> {
        let (rows, columns, element) = (Rows::Texts, 2, Element::F32);
        let operands =
            [Some(given(rows, columns, element, Values::F32(input.to_vec()))), Some(written(rows, columns, element))];
        let example = Example::new(Softmax { rows, columns }, vec![1, 1], operands);
        example.case().check(&[Values::F32(output.to_vec())], example.tolerance)
    }

    #[test]
    fn what_is_wrong_unwritten_or_no_number_is_found() {
        let nobody = f32::from_bits(UNWRITTEN);
        assert_eq!(checked([1.0; 4], [0.5; 4]), Ok(0.0));
        for (input, output, said) in [
            ([1.0; 4], [0.5, 0.5, 0.5, 0.51], "element 3 is 0.51, its twin 0.5"),
            ([1.0; 4], [0.5, nobody, 0.5, 0.5], "the kernel does not write element 1, its twin writes it"),
            ([1.0; 4], [0.5, f32::NAN, 0.5, 0.5], "element 1 is NaN, its twin 0.5"),
            // Infinity less itself: both sides answer NaN, and neither was given one.
            ([f32::INFINITY, 1.0, 1.0, 1.0], [f32::NAN, f32::NAN, 0.5, 0.5], "element 0 is NaN, its twin NaN"),
        ] {
            let message = checked(input, output).expect_err(said);
            assert!(message.contains(said), "{message}");
        }
        assert_eq!(checked([f32::NAN, 1.0, 1.0, 1.0], [f32::NAN, f32::NAN, 0.5, 0.5]), Ok(0.0), "one was given");
    }

    /// A row of attention weights has as many columns as its text has tokens, and the rest stay as they are.
    #[test]
    fn what_a_kernel_must_leave_is_left() {
        let entry = attention_weights::ENTRY;
        let shape = crate::kernels::Shape { rows: 3, columns: 1, length: Some(2), ..entry.first() };
        let case = (entry.sized)(&shape).case();
        let size = case.size.clone();
        assert_eq!(size.lengths, [2, 1]);
        let tensor = case.recording.outputs[0].1;
        let left: Vec<usize> = (0..3 * tensor.columns).filter(|&index| case.is_left(&tensor, &size, index)).collect();
        assert_eq!((tensor.columns, left), (2, vec![5]));
    }
}
