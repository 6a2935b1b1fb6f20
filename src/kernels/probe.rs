//! One step of a model on numbers by rule, in batches of any size: what an adapter is checked with before it answers.
//!
//! Texts repeat after a period that no tile divides. So the CPU twin computes one period, however large the batches are, and
//! every row of every batch is held against it: also those of a tile that a sample would miss.

mod wrong;

pub use wrong::Wrong;

use super::{embed::Embed, layernorm::LayerNorm, matmul::MatMul, unfold::Unfold};
use crate::ir::{
    Access, BatchSize, Capabilities, Element, Input, Kernel, Output, Random, Recording, Rows, Run, Shader, Source,
    Step, Tensor, Values,
};
use half::f16;
use std::any::Any;
use std::sync::Arc;

/// Rows of a period, each a text of one token, where tokens do not meet.
const ROWS: u32 = 7;

/// Tokens of the texts of a period, where they do: one below, at and above the edges of tiles of queries and keys.
const LENGTHS: &[u32] = &[3, 1, 8, 33, 9, 65, 2, 129, 16];

/// Texts of the batches that are checked: few, which have kernels of their own, and one below, at and above the edges of
/// subgroups and tiles. Those that most faults show in come first.
const EDGES: &[u32] = &[129, 1, 9, 65, 33, 8, 64, 17, 2, 3, 4, 5, 6, 7, 16, 63, 127, 128, 257];

/// The same where texts have many tokens.
const TEXTS: &[u32] = &[17, 1, 9, 2, 3, 4, 5, 6, 7, 8, 16, 33];

/// Multiplications and additions of a variant that a software adapter, which computes some ten billion a second, is checked
/// with: of a large product it is asked for the first of the edges alone.
const SOFTWARE_BUDGET: u64 = 1 << 29;

/// Words of the table that is looked up in: of a large one these stand for all.
const WORDS: u32 = 1024;

/// A step with its operands.
#[derive(Clone, Debug)]
pub struct Probe {
    kernel: Arc<dyn Kernel>,
    operands: Vec<Option<(Tensor, Given)>>,
    /// Tokens of each text of a period, and the tokens.
    period: Vec<u32>,
    tokens: Vec<[u32; 4]>,
    /// Classes and targets of a period's texts.
    classes: Vec<u32>,
    targets: Vec<f32>,
    /// What the twin writes for a period, by the operands.
    expected: Vec<Option<Values>>,
}

/// What an operand holds.
#[derive(Clone, Debug)]
enum Given {
    Input(Input),
    /// The same in every batch.
    Fixed(Values),
    /// The rows of a period.
    Rows(Values),
    /// The same, changed in place.
    InPlace(Values),
    Written,
}

/// A batch of a probe.
#[derive(Clone, Debug)]
pub struct ProbeBatch {
    tokens: Vec<[u32; 4]>,
    cu_seqlens: Vec<u32>,
    classes: Vec<u32>,
    targets: Vec<f32>,
}

impl ProbeBatch {
    pub fn run(&self) -> Run<'_> {
        let ProbeBatch { tokens, cu_seqlens, classes, targets } = self;
        Run { tokens, cu_seqlens, classes, targets }
    }

    pub fn size(&self) -> BatchSize {
        self.run().size()
    }
}

impl Probe {
    /// Of a step of a recording, whose texts have at most `longest` tokens, and of a shader that it has on a device; none for a step
    /// that no batch is part of and that no batch can stand for.
    pub fn new(
        recording: &Recording,
        step: &Step,
        longest: u32,
        device: &Capabilities,
        shader: &Shader,
    ) -> Option<Probe> {
        let kernel = of_batches(&step.kernel);
        let words = (&*kernel as &dyn Any).downcast_ref::<Embed>().map(|embed| (embed.first_id, embed.ids));
        let meets = step.bound().any(|(_, tensor)| {
            let source = &recording.tensors[tensor.id].1;
            matches!(source, Source::Input(Input::Tokens | Input::CuSeqlens | Input::Tiles))
        });
        let mut period: Vec<u32> = match meets {
            true => LENGTHS.iter().map(|&length| length.min(longest.max(1))).collect(),
            false => vec![1; ROWS as usize],
        };
        // Of a kernel that has a shader for short texts each is checked by the texts that it is for.
        if kernel.short_texts(device).is_some() {
            period.retain(|&length| kernel.shaders(device, &BatchSize::new([length])).contains(shader));
        }
        let converted = step
            .bound()
            .any(|(binding, tensor)| binding.access != Access::Read && matches!(tensor.rows, Rows::Fixed(_)));
        let known: &dyn Any = &*kernel;
        if converted && !known.is::<MatMul>() && !known.is::<LayerNorm>() {
            return None;
        }
        let mut probe = Probe {
            kernel,
            operands: Vec::new(),
            tokens: Vec::new(),
            classes: Vec::new(),
            targets: Vec::new(),
            expected: Vec::new(),
            period,
        };
        let size = BatchSize::new(probe.period.iter().copied());
        for (seed, (binding, tensor)) in (1u64..).zip(step.kernel.bindings().iter().zip(&step.operands)) {
            let Some(mut tensor) = *tensor else {
                probe.operands.push(None);
                continue;
            };
            if converted && binding.name != "weight" && binding.name != "bias" {
                tensor.rows = Rows::Tokens;
            }
            if let (Some((_, ids)), "words") = (words, binding.name) {
                tensor.rows = Rows::Fixed(ids);
            }
            let same = probe.operands.iter().flatten().find(|(other, _)| other.id == tensor.id);
            let given = match (same, &recording.tensors[tensor.id].1, binding.access) {
                (Some((_, given)), ..) => given.clone(),
                (_, _, Access::Write) => Given::Written,
                (_, Source::Input(input), _) => Given::Input(*input),
                (_, Source::Constant(values), _) if !converted => Given::Fixed(values.clone()),
                (_, _, access) => {
                    let values = numbers(&tensor, size.rows(tensor.rows) as usize * tensor.columns, seed);
                    match (access, tensor.rows) {
                        (Access::ReadWrite, _) => Given::InPlace(values),
                        (_, Rows::Fixed(_)) => Given::Fixed(values),
                        _ => Given::Rows(values),
                    }
                }
            };
            probe.operands.push(Some((tensor, given)));
        }
        probe.inputs(words, &size);
        probe.expect(&size);
        Some(probe)
    }

    /// What a period's texts are.
    fn inputs(&mut self, words: Option<(u32, u32)>, size: &BatchSize) {
        let (first, ids) = words.unwrap_or((0, 1));
        let named = |name: &str| {
            let operands = self.kernel.bindings().iter().zip(&self.operands);
            operands.filter_map(|(binding, operand)| operand.as_ref().filter(|_| binding.name == name)).next()
        };
        let types = match named("types") {
            Some((Tensor { rows: Rows::Fixed(rows), .. }, _)) => *rows,
            _ => 2,
        };
        let of_texts = |tensor: &&Tensor| tensor.rows == Rows::Texts && tensor.element == Element::F32;
        let labels = self.operands.iter().flatten().map(|(tensor, _)| tensor).filter(of_texts);
        let labels = labels.map(|tensor| tensor.columns).max().unwrap_or(1) as u32;
        let mut random = Random(99);
        for (text, &length) in (0u32..).zip(&size.lengths) {
            for position in 0..length {
                let id = first + (random.next() % u64::from(ids.max(1))) as u32;
                self.tokens.push([id, position % types.max(1), position, text]);
            }
            self.classes.push(text % labels);
            self.targets.extend((0..labels).map(|label| ((text + label) % 5) as f32 / 4.0));
        }
    }

    /// Lets the twin compute a period.
    fn expect(&mut self, size: &BatchSize) {
        let batch = self.batch(size.texts());
        let mut operands: Vec<Values> = Vec::new();
        for operand in &self.operands {
            operands.push(match operand {
                None => Values::default(),
                Some((tensor, Given::Written)) => {
                    Values::unwritten(tensor.element, size.rows(tensor.rows) as usize * tensor.columns)
                }
                Some((_, Given::Input(input))) => batch.run().input(*input),
                Some((_, Given::Fixed(values) | Given::Rows(values) | Given::InPlace(values))) => values.clone(),
            });
        }
        self.kernel.reference(size, &mut operands);
        let written = self.kernel.bindings().iter().map(|binding| binding.access != Access::Read);
        self.expected = operands.into_iter().zip(written).map(|(values, written)| written.then_some(values)).collect();
    }

    pub fn kernel(&self) -> &dyn Kernel {
        &*self.kernel
    }

    /// What tells the probe of a step from others: all that the shader, its uniform and its operands depend on. Where each row
    /// is computed by itself, whether rows are tokens or texts makes no difference but for the number that is read.
    pub fn identity(step: &Step) -> String {
        let alone = |rows: Rows| if matches!(rows, Rows::Texts) { Rows::Tokens } else { rows };
        let shape = |tensor: Tensor, alone: fn(Rows) -> Rows| (alone(tensor.rows), tensor.columns, tensor.element);
        let shapes = |alone: fn(Rows) -> Rows| -> Vec<_> {
            step.operands.iter().map(|tensor| tensor.map(|tensor| shape(tensor, alone))).collect()
        };
        let any: &dyn Any = &*step.kernel;
        if let Some(product) = any.downcast_ref::<MatMul>() {
            return format!("{:?} {:?}", MatMul { rows: alone(product.rows), ..product.clone() }, shapes(alone));
        }
        if let Some(norm) = any.downcast_ref::<LayerNorm>() {
            return format!("{:?} {:?}", LayerNorm { rows: alone(norm.rows), ..norm.clone() }, shapes(alone));
        }
        format!("{:?} {:?}", step.kernel, shapes(|rows| rows))
    }

    /// The kernel and its operands, for people.
    pub fn words(&self, shader: &Shader) -> String {
        let bound = self.kernel.bindings().iter().zip(&self.operands);
        let shapes = bound.filter_map(|(binding, operand)| {
            let (tensor, _) = operand.as_ref()?;
            let rows = match tensor.rows {
                Rows::Fixed(rows) => rows.to_string(),
                Rows::Tokens => "tokens".into(),
                Rows::Texts => "texts".into(),
            };
            Some(format!("{} [{rows}, {}] {:?}", binding.name, tensor.columns, tensor.element))
        });
        format!("{} [{}] of {}", shader.name, shader.variant(), shapes.collect::<Vec<_>>().join(", "))
    }

    /// Texts of the batches to check a variant with: those of the edges that run it, else the fewest that do.
    pub fn batches(&self, device: &Capabilities, shader: &Shader) -> Vec<u32> {
        let edges = if self.period[..] == [1; ROWS as usize] { EDGES } else { TEXTS };
        let runs = |texts: &u32| self.kernel.shaders(device, &self.batch_size(*texts)).contains(shader);
        let mut all: Vec<u32> = edges.iter().copied().filter(runs).collect();
        if all.is_empty() {
            // Of each power of two one, as variants depend on it. A variant that only texts of other lengths run is run by these.
            let least = (9..31).map(|power| (1u32 << power) + 1).find(runs);
            all = least.map_or(edges.to_vec(), |texts| vec![texts]);
        }
        let mut left = if device.cpu { SOFTWARE_BUDGET } else { u64::MAX };
        let first = all[0];
        all.retain(|texts| {
            let cost = self.kernel.operations(&self.batch_size(*texts));
            let fits = cost <= left;
            left -= if fits { cost } else { 0 };
            fits
        });
        if all.is_empty() { vec![first] } else { all }
    }

    /// A batch for which the probe's kernel has the variant that the step's has for one of `size`: rows that are none of a
    /// batch's, those of a table, are tokens here.
    pub fn sized(&self, step: &Step, size: &BatchSize) -> BatchSize {
        match step.kernel.varies_with() {
            Some(Rows::Fixed(rows)) => BatchSize::new(vec![1; rows as usize]),
            _ => size.clone(),
        }
    }

    fn batch_size(&self, texts: u32) -> BatchSize {
        BatchSize::new(self.period.iter().copied().cycle().take(texts as usize))
    }

    /// The first so many texts.
    pub fn batch(&self, texts: u32) -> ProbeBatch {
        let (period, targets) = (self.period.len(), self.targets.len() / self.period.len().max(1));
        let mut starts = vec![0usize];
        self.period.iter().for_each(|&length| starts.push(starts[starts.len() - 1] + length as usize));
        let mut batch = ProbeBatch { tokens: vec![], cu_seqlens: vec![0], classes: vec![], targets: vec![] };
        for text in 0..texts {
            let own = text as usize % period;
            let Some(tokens) = self.tokens.get(starts[own]..starts[own + 1]) else { continue };
            batch.tokens.extend(tokens.iter().map(|&[id, kind, position, _]| [id, kind, position, text]));
            batch.cu_seqlens.push(batch.tokens.len() as u32);
            batch.classes.push(self.classes[own]);
            batch.targets.extend_from_slice(&self.targets[own * targets..(own + 1) * targets]);
        }
        batch
    }

    /// The step alone, for batches of at most so many texts; what it writes is read back.
    pub fn recording(&self, texts: u32) -> Recording {
        let mut recording = Recording::new(u64::MAX);
        let mut made: Vec<(usize, Tensor)> = Vec::new();
        let mut operands = Vec::new();
        for (binding, operand) in self.kernel.bindings().iter().zip(&self.operands) {
            let Some((tensor, given)) = operand else {
                operands.push(None);
                continue;
            };
            let known = made.iter().find(|(id, _)| *id == tensor.id).map(|(_, own)| *own);
            let own = known.unwrap_or_else(|| self.operand(&mut recording, tensor, given, texts));
            made.push((tensor.id, own));
            operands.push(Some(own));
            if binding.access != Access::Read {
                let index = recording.outputs.len();
                recording.output(Output::HiddenState(index), own);
            }
        }
        recording.push(self.kernel.clone(), operands);
        recording
    }

    fn operand(&self, recording: &mut Recording, tensor: &Tensor, given: &Given, texts: u32) -> Tensor {
        let &Tensor { rows, columns, element, .. } = tensor;
        let constant = |recording: &mut Recording, values: Values| match values {
            Values::F32(numbers) => recording.constant_as(element, rows, columns, numbers),
            Values::U32(_) => recording.constant(rows, columns, values),
        };
        match given {
            Given::Input(Input::Targets { .. }) => recording.input(Input::Targets { labels: columns as u32 }),
            Given::Input(input) => recording.input(*input),
            Given::Fixed(values) => constant(recording, values.clone()),
            Given::Rows(values) => constant(recording, self.repeated(tensor, values, texts)),
            Given::Written => recording.computed(rows, columns, element),
            Given::InPlace(values) => {
                // Each run starts from a copy.
                let original = constant(recording, self.repeated(tensor, values, texts));
                let copy = recording.computed(rows, columns, element);
                let inputs = [Input::Tokens, Input::CuSeqlens].map(|input| Some(recording.input(input)));
                let kernel = Unfold { columns: columns as u32, taps: 1, element };
                recording.step(kernel, &[Some(original), inputs[0], inputs[1], Some(copy)]);
                copy
            }
        }
    }

    /// The row of the period that a row of a batch repeats.
    fn place(&self, rows: Rows, row: usize) -> usize {
        let tokens: u32 = self.period.iter().sum();
        match rows {
            Rows::Tokens => row % tokens as usize,
            Rows::Texts => row % self.period.len(),
            Rows::Fixed(_) => row,
        }
    }

    fn repeated(&self, tensor: &Tensor, values: &Values, texts: u32) -> Values {
        let rows = self.batch_size(texts).rows(tensor.rows) as usize;
        let row = |row: usize| {
            let place = self.place(tensor.rows, row) * tensor.columns;
            place..place + tensor.columns
        };
        match values {
            Values::F32(values) => Values::F32((0..rows).flat_map(|index| &values[row(index)]).copied().collect()),
            Values::U32(values) => Values::U32((0..rows).flat_map(|index| &values[row(index)]).copied().collect()),
        }
    }
}

/// The kernel as it runs in batches: one that runs on a table, once, runs so on as many tokens; of a large table of words a
/// part stands for all.
fn of_batches(kernel: &Arc<dyn Kernel>) -> Arc<dyn Kernel> {
    let any: &dyn Any = &**kernel;
    if let Some(product) = any.downcast_ref::<MatMul>() {
        let rows = if matches!(product.rows, Rows::Fixed(_)) { Rows::Tokens } else { product.rows };
        return Arc::new(MatMul { rows, ..product.clone() });
    }
    if let Some(norm) = any.downcast_ref::<LayerNorm>() {
        let rows = if matches!(norm.rows, Rows::Fixed(_)) { Rows::Tokens } else { norm.rows };
        return Arc::new(LayerNorm { rows, ..norm.clone() });
    }
    if let Some(embed) = any.downcast_ref::<Embed>() {
        return Arc::new(Embed { ids: embed.ids.min(WORDS), ..embed.clone() });
    }
    kernel.clone()
}

/// Numbers in -1..1 as the tensor stores them, which the twin gets too.
fn numbers(tensor: &Tensor, count: usize, seed: u64) -> Values {
    // A prime number of them, of which no row is a multiple.
    const MADE: usize = 65_537;
    if tensor.element == Element::U32 {
        return Values::U32(vec![0; count]);
    }
    let mut made = Random(seed).numbers(count.min(MADE));
    if tensor.element == Element::F16 {
        made.iter_mut().for_each(|x| *x = f16::from_f32(*x).to_f32());
    }
    Values::F32(made.iter().copied().cycle().take(count).collect())
}
