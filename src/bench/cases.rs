//! One kernel at a size, with made-up operands.

use super::workload::Random;
use crate::ir::{Access, BatchSize, Element, Input, Output, Recording, Rows, Run, Source, Storage, Tensor, Values};
use crate::kernels::{
    Activation, Half, argmax,
    attention::{self, Attention, Heads, Term},
    attention_weights::{self, AttentionWeights},
    elementwise,
    embed::{self, Embed},
    gate::{self, Gate},
    layernorm::{self, LayerNorm},
    loss::{self, Loss, LossKind},
    matmul::{self, MatMul},
    pool::{self, Pool},
    rotary::{self, Rotary},
    softmax::{self, Softmax},
    unfold,
};
use half::f16;
use std::collections::HashMap;

const VOCABULARY: u32 = 30522;
const POSITIONS: u32 = 512;

/// The size of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub kernel: &'static str,
    /// Of its matrix: tokens, or texts where the kernel works on logits.
    pub rows: u32,
    /// Length of the sums of a matmul.
    pub inner: Option<u32>,
    pub columns: u32,
    /// Tokens of each text, where they meet each other.
    pub length: Option<u32>,
    pub storage: Storage,
}

/// A recording whose last step is the kernel, and the batch to run it on.
#[derive(Debug)]
pub(super) struct Case {
    pub recording: Recording,
    pub size: BatchSize,
    tokens: Vec<[u32; 4]>,
    cu_seqlens: Vec<u32>,
    classes: Vec<u32>,
    /// Contents that an operand has before the kernel works on it in place.
    pub before: HashMap<usize, Values>,
    random: Random,
}

impl Case {
    pub fn empty(lengths: impl IntoIterator<Item = u32>, storage: Storage) -> Case {
        let size = BatchSize::new(lengths);
        let mut random = Random(7);
        let mut cu_seqlens = vec![0];
        let mut tokens = Vec::new();
        for (text, &length) in (0u32..).zip(&size.lengths) {
            tokens.extend((0..length).map(|position| {
                let id = (random.next() % u64::from(VOCABULARY)) as u32;
                [id, position % 2, position % POSITIONS, text]
            }));
            cu_seqlens.push(tokens.len() as u32);
        }
        let classes = vec![0; size.lengths.len()];
        let recording = Recording::new(u64::MAX).with_storage(storage);
        Case { recording, size, tokens, cu_seqlens, classes, before: HashMap::new(), random }
    }

    pub fn new(shape: &Shape) -> Case {
        let Shape { kernel, rows, columns, storage, .. } = *shape;
        let mut case = Case::empty(lengths(shape), storage);
        let element = storage.activations();
        match kernel {
            embed::NAME => case.embed(columns, storage),
            layernorm::NAME => case.layernorm(columns, element),
            matmul::NAME => case.matmul(shape.inner.unwrap_or(columns), columns, storage),
            rotary::NAME => case.rotary(columns, element),
            attention::NAME => {
                let (heads, operands) = case.heads(columns, element);
                let tiles = case.recording.input(Input::Tiles);
                let output = case.recording.stored(Rows::Tokens, columns as usize);
                let [qkv, cu_seqlens] = operands;
                let operands = [Some(qkv), Some(qkv), Some(output), Some(cu_seqlens), Some(tiles), None, None, None];
                case.recording.step(Attention(heads), &operands);
            }
            attention_weights::NAME => {
                let (heads, [qkv, cu_seqlens]) = case.heads(columns, element);
                let tokens = case.recording.input(Input::Tokens);
                let longest = heads.max_length;
                let output = case.recording.tensor(Rows::Tokens, (heads.heads * longest) as usize);
                let operands = [Some(qkv), Some(qkv), Some(output), Some(cu_seqlens), Some(tokens), None, None, None];
                case.recording.step(AttentionWeights { heads, longest }, &operands);
            }
            gate::NAME => {
                let input = case.rows(Rows::Tokens, 2 * columns);
                let output = case.recording.stored(Rows::Tokens, columns as usize);
                let (rows, activation, half) = (Rows::Tokens, Activation::Gelu, Half::First);
                case.recording.step(Gate { rows, columns, activation, half, element }, &[Some(input), Some(output)]);
            }
            unfold::NAME => {
                let input = case.rows(Rows::Tokens, columns);
                unfold::record(&mut case.recording, input, 3);
            }
            pool::NAME => {
                let input = case.rows(Rows::Tokens, columns);
                let cu_seqlens = case.recording.input(Input::CuSeqlens);
                let output = case.recording.stored(Rows::Texts, columns as usize);
                // The other way, the first token, copies a row a text.
                let kernel = Pool { columns, pool: pool::Pooling::Mean, element };
                case.recording.step(kernel, &[Some(input), Some(cu_seqlens), Some(output)]);
            }
            _ => case.of_logits(kernel, rows, columns),
        }
        case.mark_outputs();
        case
    }

    /// Everything that the last step writes is read back, to be checked.
    pub fn mark_outputs(&mut self) {
        let step = self.recording.steps.last().expect("a case has a step");
        let written = step.bound().filter(|(binding, _)| binding.access != Access::Read);
        for (index, tensor) in written.map(|(_, tensor)| tensor).collect::<Vec<_>>().into_iter().enumerate() {
            self.recording.output(Output::HiddenState(index), tensor);
        }
    }

    pub fn run(&self) -> Run<'_> {
        Run { tokens: &self.tokens, cu_seqlens: &self.cu_seqlens, classes: &self.classes, targets: &[] }
    }

    /// Random activations.
    pub fn rows(&mut self, rows: Rows, columns: u32) -> Tensor {
        self.numbers(rows, columns, self.recording.storage().activations())
    }

    fn weight(&mut self, rows: u32, columns: u32) -> Tensor {
        self.numbers(Rows::Fixed(rows), columns, self.recording.storage().weights())
    }

    /// Random numbers, and such as the element holds.
    fn numbers(&mut self, rows: Rows, columns: u32, element: Element) -> Tensor {
        let mut numbers = self.random.numbers(self.size.rows(rows) as usize * columns as usize);
        if element == Element::F16 {
            numbers.iter_mut().for_each(|number| *number = f16::from_f32(*number).to_f32());
        }
        self.recording.stored_constant(rows, columns as usize, element, numbers)
    }

    fn vector(&mut self, columns: u32) -> Tensor {
        let numbers = self.random.numbers(columns as usize);
        self.recording.constant(Rows::Fixed(1), columns as usize, Values::F32(numbers))
    }

    fn embed(&mut self, columns: u32, storage: Storage) {
        let tokens = self.recording.input(Input::Tokens);
        let words = self.weight(VOCABULARY, columns);
        let [positions, types] = [POSITIONS, 2].map(|rows| self.rows(Rows::Fixed(rows), columns));
        let output = self.recording.stored(Rows::Tokens, columns as usize);
        let kernel = Embed { columns, first_id: 0, ids: VOCABULARY, positions: true, types: true, storage };
        self.recording.step(kernel, &[Some(tokens), Some(words), Some(output), Some(positions), Some(types)]);
    }

    fn layernorm(&mut self, columns: u32, element: Element) {
        let [input, residual] = [(); 2].map(|()| self.rows(Rows::Tokens, columns));
        let [weight, bias] = [(); 2].map(|()| self.vector(columns));
        let output = self.recording.stored(Rows::Tokens, columns as usize);
        let rows = Rows::Tokens;
        let kernel = LayerNorm { rows, columns, epsilon: 1e-12, bias: true, residual: true, element };
        self.recording.step(kernel, &[Some(input), Some(weight), Some(output), Some(bias), Some(residual)]);
    }

    fn matmul(&mut self, inner: u32, columns: u32, storage: Storage) {
        let input = self.rows(Rows::Tokens, inner);
        let weight = self.weight(inner, columns);
        let bias = self.vector(columns);
        let output = self.recording.stored(Rows::Tokens, columns as usize);
        let kernel = MatMul {
            rows: Rows::Tokens,
            inner,
            columns,
            weight_columns: columns,
            first: 0,
            activation: Activation::Identity,
            bias: true,
            residual: false,
            storage,
            output: output.element,
        };
        self.recording.step(kernel, &[Some(input), Some(weight), Some(output), Some(bias), None]);
    }

    /// Queries and keys of the layers' `[tokens, 3 * columns]`, in place: each run starts from a copy.
    fn rotary(&mut self, columns: u32, element: Element) {
        let given = self.rows(Rows::Tokens, 3 * columns);
        let rows = unfold::record(&mut self.recording, given, 1);
        let Source::Constant(values) = &self.recording.tensors[given.id].1 else { unreachable!("they were given") };
        self.before.insert(rows.id, values.clone());
        let tokens = self.recording.input(Input::Tokens);
        let width = head_width(columns);
        let frequencies: Vec<f64> =
            (0..width / 2).map(|pair| 10_000f64.powf(-2.0 * f64::from(pair) / f64::from(width))).collect();
        let angles = rotary::angles(&mut self.recording, POSITIONS as usize, &frequencies);
        let kernel = Rotary { columns: 3 * columns, heads: 2 * columns / width, half: width / 2, element };
        self.recording.step(kernel, &[Some(tokens), Some(angles), Some(rows)]);
    }

    /// Attention of a layer, and its `[tokens, 3 * columns]` with the starts.
    fn heads(&mut self, columns: u32, element: Element) -> (Heads, [Tensor; 2]) {
        let qkv = self.rows(Rows::Tokens, 3 * columns);
        let width = head_width(columns);
        let heads = Heads {
            queries: Rows::Tokens,
            heads: columns / width,
            head_width: width,
            query_stride: 3 * columns,
            key_stride: 3 * columns,
            first_key: columns,
            first_value: 2 * columns,
            window: u32::MAX,
            max_length: self.size.lengths.iter().copied().max().unwrap_or(1),
            scale: 1.0 / (width as f32).sqrt(),
            score: Term::None,
            element,
        };
        (heads, [qkv, self.recording.input(Input::CuSeqlens)])
    }

    fn of_logits(&mut self, kernel: &str, rows: u32, columns: u32) {
        let numbers = Values::F32(self.random.numbers(rows as usize * columns as usize));
        let logits = self.recording.constant(Rows::Texts, columns as usize, numbers);
        let rows = Rows::Texts;
        let output = |recording: &mut Recording| recording.tensor(rows, columns as usize);
        let r = &mut self.recording;
        match kernel {
            softmax::NAME => {
                let operands = [Some(logits), Some(output(r))];
                r.step(Softmax { rows, columns }, &operands);
            }
            elementwise::NAME => {
                elementwise::record(r, logits, Activation::Sigmoid);
            }
            argmax::NAME => {
                argmax::record(r, logits);
            }
            loss::NAME => {
                let operands = [Some(logits), Some(r.input(Input::Classes)), Some(r.tensor(rows, 1))];
                r.step(Loss { rows, columns, kind: LossKind::CrossEntropy }, &operands);
            }
            other => unreachable!("no case for {other}"),
        }
    }
}

/// Heads of 64 columns, as BERT-base's, from its width on; narrower models have heads of 32.
fn head_width(columns: u32) -> u32 {
    let wanted = if columns >= 768 { 64 } else { 32 };
    if columns.is_multiple_of(wanted) { wanted } else { columns }
}

/// Short texts, so that a few of them are a sample of rows; where tokens meet, as long as asked for.
fn lengths(shape: &Shape) -> Vec<u32> {
    let Shape { kernel, rows, .. } = *shape;
    let of_logits = [softmax::NAME, elementwise::NAME, argmax::NAME, loss::NAME].contains(&kernel);
    let length = if of_logits { 1 } else { shape.length.unwrap_or(32) };
    (0..rows.div_ceil(length)).map(|text| length.min(rows - text * length)).collect()
}
