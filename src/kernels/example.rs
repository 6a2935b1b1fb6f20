//! Examples: a kernel with operands by rule. A kernel's module lists its own, and everybody who needs a kernel at some size
//! takes them from there: the shader tests translate each for every kind of adapter, the kernel tests run each against its
//! CPU twin, and benchmarks time the one of a size.

use super::unfold::Unfold;
use crate::ir::{
    Access, BatchSize, Element, Input, Kernel, Output, Random, Recording, Rows, Run, Storage, Tensor, Values,
};
use half::f16;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// A kernel as its module describes it to those that go through all kernels.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// Shader folder, module, pipeline label and bench.
    pub name: &'static str,
    /// What its tensors may be stored as: [`WEIGHTS`], [`ROWS`] or [`LOGITS`].
    pub storages: &'static [Storage],
    /// Every option that changes the shader, and the sizes around its edges.
    pub examples: fn(Storage) -> Vec<Example>,
    /// One example of a size.
    pub sized: fn(&Shape) -> Example,
    /// The sizes that benchmarks take where nothing else is asked for.
    pub sizes: Sizes,
}

/// Kernels that have large weights.
pub const WEIGHTS: &[Storage] = &[Storage::F32, Storage::PackedWeights, Storage::F16];
/// Kernels of activations.
pub const ROWS: &[Storage] = &[Storage::F32, Storage::F16];
/// Kernels of logits, which are f32 whatever else is stored.
pub const LOGITS: &[Storage] = &[Storage::F32];

/// The size of an example.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Of its matrix: tokens, or texts where the kernel works on logits.
    pub rows: u32,
    /// Length of the sums of a product.
    pub inner: Option<u32>,
    pub columns: u32,
    /// Tokens of each text, where they meet each other.
    pub length: Option<u32>,
    pub storage: Storage,
}

/// What there is of each part of a [`Shape`].
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    pub rows: &'static [u32],
    /// Lengths of sums, and columns.
    pub widths: &'static [(Option<u32>, u32)],
    /// Tokens of each text; none where they do not meet.
    pub lengths: &'static [u32],
}

impl Sizes {
    /// Activations of the layers of MiniLM and BERT-base.
    pub const ROWS: Sizes = Sizes { rows: &[1024], widths: &[(None, 384), (None, 768)], lengths: &[] };
    /// Logits of three classes.
    pub const LOGITS: Sizes = Sizes { widths: &[(None, 3)], ..Sizes::ROWS };
}

impl Entry {
    /// The first of the sizes.
    pub fn first(&self) -> Shape {
        let (inner, columns) = self.sizes.widths[0];
        let length = self.sizes.lengths.first().copied();
        Shape { rows: self.sizes.rows[0], inner, columns, length, storage: Storage::F32 }
    }
}

impl Shape {
    /// Texts of short, equal lengths, a few of which are a sample of rows; where tokens meet, as long as is asked for.
    pub(super) fn lengths(&self) -> Vec<u32> {
        let length = self.length.unwrap_or(32);
        (0..self.rows.div_ceil(length)).map(|text| length.min(self.rows - text * length)).collect()
    }

    /// The same, of texts of one token.
    pub(super) fn texts(&self) -> Vec<u32> {
        vec![1; self.rows as usize]
    }
}

/// Lengths of texts whose sum is `tokens`, of no regular shape.
pub fn ragged(tokens: u32) -> Vec<u32> {
    let mut left = tokens;
    let all = [1, 33, 5, 64, 2].into_iter().cycle().map_while(|length: u32| {
        let length = length.min(left);
        left -= length;
        (length > 0).then_some(length)
    });
    all.collect()
}

/// What an operand is made of.
#[derive(Clone, Debug)]
pub enum Operand {
    /// The batch's tokens, with ids in that range.
    Tokens(Range<u32>),
    CuSeqlens,
    Tiles,
    /// A class for each text, of so many.
    Classes(u32),
    /// A number in 0..1 for each text and each of so many labels.
    Targets(u32),
    /// The tensor of the operand with that number.
    Same(usize),
    Matrix {
        rows: Rows,
        columns: u32,
        element: Element,
        contents: Contents,
    },
}

/// What a matrix holds.
#[derive(Clone, Debug)]
pub enum Contents {
    /// Uniform in -scale..scale. The first rows do not depend on how many there are.
    Random {
        scale: f32,
    },
    /// The same, changed in place by the kernel.
    InPlace,
    Given(Values),
    /// Written by the kernel; where it has a column for each token of the longest text, of every so many columns as many
    /// as the row's text has tokens.
    Written {
        longest: Option<u32>,
    },
}

/// Random numbers in -1..1.
pub fn random(rows: Rows, columns: u32, element: Element) -> Operand {
    scaled(rows, columns, element, 1.0)
}

/// Random numbers in -scale..scale.
pub fn scaled(rows: Rows, columns: u32, element: Element, scale: f32) -> Operand {
    Operand::Matrix { rows, columns, element, contents: Contents::Random { scale } }
}

/// A bias or gain: f32 whatever is stored.
pub fn vector(columns: u32) -> Operand {
    random(Rows::Fixed(1), columns, Element::F32)
}

pub fn given(rows: Rows, columns: u32, element: Element, values: Values) -> Operand {
    Operand::Matrix { rows, columns, element, contents: Contents::Given(values) }
}

pub fn in_place(rows: Rows, columns: u32, element: Element) -> Operand {
    Operand::Matrix { rows, columns, element, contents: Contents::InPlace }
}

pub fn written(rows: Rows, columns: u32, element: Element) -> Operand {
    Operand::Matrix { rows, columns, element, contents: Contents::Written { longest: None } }
}

/// A kernel, its operands, and the batch to run it on.
#[derive(Clone, Debug)]
pub struct Example {
    pub kernel: Arc<dyn Kernel>,
    /// In the order of the bindings; `None`: the kernel does without.
    pub operands: Vec<Option<Operand>>,
    pub lengths: Vec<u32>,
    /// Of an output, by its size where that is above 1; what is stored as f16 may be off by its rounding too.
    pub tolerance: f64,
    /// Whether the kernel tests run it. Of options that do not meet in the shader there are more combinations than a
    /// software adapter compiles in minutes: the shader tests alone go through these.
    pub runs: bool,
}

impl Example {
    pub fn new(kernel: impl Kernel, lengths: Vec<u32>, operands: impl Into<Vec<Option<Operand>>>) -> Example {
        Example { kernel: Arc::new(kernel), operands: operands.into(), lengths, tolerance: 1e-6, runs: true }
    }

    #[must_use]
    pub fn within(self, tolerance: f64) -> Example {
        Example { tolerance, ..self }
    }

    /// An example that is translated, not run.
    #[must_use]
    pub fn translated(self) -> Example {
        Example { runs: false, ..self }
    }

    /// The example as a recording and a batch.
    pub fn case(&self) -> Case {
        Case::new(self)
    }
}

/// A recording whose last step is an example's kernel, all that it writes read back, and the batch to run it on.
#[derive(Clone, Debug)]
pub struct Case {
    pub recording: Recording,
    pub size: BatchSize,
    pub tolerance: f64,
    tokens: Vec<[u32; 4]>,
    cu_seqlens: Vec<u32>,
    classes: Vec<u32>,
    targets: Vec<f32>,
    /// What operands that are changed in place hold before, by their tensors.
    pub(super) before: HashMap<usize, Values>,
    /// `longest` of [`Contents::Written`], by the tensors.
    pub(super) longest: HashMap<usize, u32>,
}

impl Case {
    fn new(example: &Example) -> Case {
        let size = BatchSize::new(example.lengths.iter().copied());
        let ids = example.operands.iter().flatten().find_map(|operand| match operand {
            Operand::Tokens(ids) => Some(ids.clone()),
            _ => None,
        });
        let ids = ids.unwrap_or(0..1);
        let (mut tokens, mut cu_seqlens, mut numbers) = (Vec::new(), vec![0], Random(7));
        for (text, &length) in (0u32..).zip(&size.lengths) {
            tokens.extend((0..length).map(|position| {
                let id = ids.start + (numbers.next() % ids.len() as u64) as u32;
                [id, position % 2, position, text]
            }));
            cu_seqlens.push(tokens.len() as u32);
        }
        let mut case = Case {
            recording: Recording::new(u64::MAX),
            size,
            tolerance: example.tolerance,
            tokens,
            cu_seqlens,
            classes: Vec::new(),
            targets: Vec::new(),
            before: HashMap::new(),
            longest: HashMap::new(),
        };
        let mut operands: Vec<Option<Tensor>> = Vec::new();
        for (seed, operand) in (0u64..).zip(&example.operands) {
            let tensor = operand.as_ref().map(|operand| case.operand(operand, &operands, seed));
            operands.push(tensor);
        }
        let written = example.kernel.bindings().iter().zip(&operands);
        let written = written.filter(|(binding, _)| binding.access != Access::Read).filter_map(|(_, tensor)| *tensor);
        for (index, tensor) in written.enumerate() {
            case.recording.output(Output::HiddenState(index), tensor);
        }
        case.recording.push(example.kernel.clone(), operands);
        case
    }

    pub fn run(&self) -> Run<'_> {
        let Case { tokens, cu_seqlens, classes, targets, .. } = self;
        Run { tokens, cu_seqlens, classes, targets }
    }

    fn operand(&mut self, operand: &Operand, others: &[Option<Tensor>], seed: u64) -> Tensor {
        let texts = self.size.texts();
        match operand {
            Operand::Tokens(_) => self.recording.input(Input::Tokens),
            Operand::CuSeqlens => self.recording.input(Input::CuSeqlens),
            Operand::Tiles => self.recording.input(Input::Tiles),
            Operand::Classes(count) => {
                self.classes = (0..texts).map(|text| text * 389 % count).collect();
                self.recording.input(Input::Classes)
            }
            Operand::Targets(labels) => {
                self.targets = Random(seed).numbers((texts * labels) as usize).iter().map(|x| x.abs()).collect();
                self.recording.input(Input::Targets { labels: *labels })
            }
            Operand::Same(number) => others[*number].expect("an operand that is there"),
            Operand::Matrix { rows, columns, element, contents } => {
                self.matrix(*rows, *columns as usize, *element, contents, seed)
            }
        }
    }

    fn matrix(&mut self, rows: Rows, columns: usize, element: Element, contents: &Contents, seed: u64) -> Tensor {
        let count = self.size.rows(rows) as usize * columns;
        let random = |scale: f32| Random(seed).numbers(count).into_iter().map(|x| x * scale).collect();
        let numbers = match contents {
            Contents::Written { longest } => {
                let tensor = self.recording.computed(rows, columns, element);
                self.longest.extend(longest.map(|longest| (tensor.id, longest)));
                return tensor;
            }
            Contents::Given(Values::U32(values)) => {
                return self.recording.constant(rows, columns, Values::U32(values.clone()));
            }
            Contents::Given(Values::F32(values)) => values.clone(),
            Contents::Random { scale } => random(*scale),
            Contents::InPlace => random(1.0),
        };
        assert_eq!(numbers.len(), count, "numbers of {rows:?} x {columns}");
        // What is stored in f16 holds only such numbers, and the twin gets the same.
        let rounded = |x: f32| if element == Element::F16 { f16::from_f32(x).to_f32() } else { x };
        let numbers: Vec<f32> = numbers.into_iter().map(rounded).collect();
        let tensor = self.recording.constant_as(element, rows, columns, numbers.clone());
        if !matches!(contents, Contents::InPlace) {
            return tensor;
        }
        // Each run starts from a copy.
        let copy = self.recording.computed(rows, columns, element);
        let inputs = [Input::Tokens, Input::CuSeqlens].map(|input| Some(self.recording.input(input)));
        let kernel = Unfold { columns: columns as u32, taps: 1, element };
        self.recording.step(kernel, &[Some(tensor), inputs[0], inputs[1], Some(copy)]);
        self.before.insert(copy.id, Values::F32(numbers));
        copy
    }
}
