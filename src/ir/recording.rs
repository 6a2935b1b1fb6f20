//! Steps over handles. A recording touches no device: the plan runs it on one, [`crate::reference`] on the CPU.

use super::{Access, Binding, Element, Kernel, Rows, Storage, Tensor, Values, Weight};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

/// What a run writes before its first step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// `[tokens, 4]`: id, type, position in the text, text in the batch.
    Tokens,
    /// `[texts + 1]`: first token of each text, and the number of tokens.
    CuSeqlens,
    /// `[tiles, 2]`: text and first position of each query tile.
    Tiles,
    /// `[texts]`: class of each text.
    Classes,
    /// `[texts, labels]`: target of each label.
    Targets { labels: u32 },
}

/// Where a tensor's contents come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Rows of a matrix of the checkpoint, in device layout.
    Weight(Weight, Range<usize>),
    Input(Input),
    /// Written by a step.
    Computed,
    /// Given with the recording.
    Constant(Values),
}

/// One kernel with its operands, in the order of its bindings.
#[derive(Clone, Debug)]
pub struct Step {
    pub kernel: Arc<dyn Kernel>,
    pub operands: Vec<Option<Tensor>>,
}

impl Step {
    /// The operands that the step has, with their bindings.
    pub fn bound(&self) -> impl Iterator<Item = (Binding, Tensor)> + '_ {
        let operands = self.kernel.bindings().iter().zip(&self.operands);
        operands.filter_map(|(binding, tensor)| tensor.map(|tensor| (*binding, tensor)))
    }
}

/// What a recording's outputs are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    Logits,
    Probabilities,
    /// Index of the largest logit.
    Argmax,
    Loss,
    /// 0 is the input of the first layer, `n` the output of layer `n`.
    HiddenState(usize),
    Attention(usize),
    /// What the classifier reads of each text, behind the head's other layers.
    PooledOutput,
}

/// Steps, the tensors they name, and which of those are read back.
#[derive(Clone, Debug)]
pub struct Recording {
    pub tensors: Vec<(Tensor, Source)>,
    pub steps: Vec<Step>,
    pub outputs: Vec<(Output, Tensor)>,
    /// The steps of each layer.
    pub layers: Vec<Range<usize>>,
    weights: HashMap<(Weight, usize, Element), Tensor>,
    max_binding: u64,
    storage: Storage,
}

impl Recording {
    /// `max_binding`: bytes that one binding may span; a table that is larger is split by rows.
    pub fn new(max_binding: u64) -> Recording {
        Recording {
            tensors: Vec::new(),
            steps: Vec::new(),
            outputs: Vec::new(),
            layers: Vec::new(),
            weights: HashMap::new(),
            max_binding,
            storage: Storage::F32,
        }
    }

    /// What weights and activations are stored as.
    pub fn with_storage(self, storage: Storage) -> Recording {
        assert!(self.tensors.is_empty(), "what is recorded is stored as {:?} already", self.storage);
        Recording { storage, ..self }
    }

    pub fn storage(&self) -> Storage {
        self.storage
    }

    fn add(&mut self, rows: Rows, columns: usize, element: Element, source: Source) -> Tensor {
        let tensor = Tensor { id: self.tensors.len(), rows, columns, element };
        self.tensors.push((tensor, source));
        tensor
    }

    /// A new matrix that a step will write.
    pub fn computed(&mut self, rows: Rows, columns: usize, element: Element) -> Tensor {
        self.add(rows, columns, element, Source::Computed)
    }

    /// A new matrix that a step will write, stored as activations are.
    pub fn activation(&mut self, rows: Rows, columns: usize) -> Tensor {
        self.computed(rows, columns, self.storage.activations())
    }

    /// A new f32 matrix that a step will write.
    pub fn tensor(&mut self, rows: Rows, columns: usize) -> Tensor {
        self.computed(rows, columns, Element::F32)
    }

    /// A new u32 matrix that a step will write.
    pub fn indices(&mut self, rows: Rows, columns: usize) -> Tensor {
        self.computed(rows, columns, Element::U32)
    }

    /// A matrix whose contents are known now.
    pub fn constant(&mut self, rows: Rows, columns: usize, values: Values) -> Tensor {
        let element = match values {
            Values::F32(_) => Element::F32,
            Values::U32(_) => Element::U32,
        };
        self.add(rows, columns, element, Source::Constant(values))
    }

    /// Numbers known now, stored as `element`.
    pub fn constant_as(&mut self, element: Element, rows: Rows, columns: usize, numbers: Vec<f32>) -> Tensor {
        self.add(rows, columns, element, Source::Constant(Values::F32(numbers)))
    }

    /// The tensor of an input; the same handle each time.
    pub fn input(&mut self, input: Input) -> Tensor {
        let known = self.tensors.iter().find(|(_, source)| matches!(source, Source::Input(known) if *known == input));
        if let Some((tensor, _)) = known {
            return *tensor;
        }
        let (rows, columns, element) = match input {
            Input::Tokens => (Rows::Tokens, 4, Element::U32),
            Input::CuSeqlens => (Rows::Texts, 1, Element::U32),
            Input::Tiles => (Rows::Tokens, 4, Element::U32),
            Input::Classes => (Rows::Texts, 1, Element::U32),
            Input::Targets { labels } => (Rows::Texts, labels as usize, Element::F32),
        };
        self.add(rows, columns, element, Source::Input(input))
    }

    /// The whole of a product's weight, which must fit one binding; the same handle for equal weights.
    pub fn weight(&mut self, weight: &Weight) -> Tensor {
        let [rows, _] = weight.shape();
        self.weight_rows(weight, 0..rows, self.storage.weights())
    }

    /// The whole of a small table, stored as activations are: some are a product's input.
    pub fn table(&mut self, weight: &Weight) -> Tensor {
        let [rows, _] = weight.shape();
        self.weight_rows(weight, 0..rows, self.storage.activations())
    }

    /// A bias or a norm's gain: f32 whatever is stored. They are few, and what they are added to is f32 too.
    pub fn vector(&mut self, weight: &Weight) -> Tensor {
        assert_eq!(weight.shape()[0], 1, "a vector: {:?}", weight.names);
        self.weight_rows(weight, 0..1, Element::F32)
    }

    /// A weight in as few parts as fit a binding each, with the first row of each.
    pub fn weight_parts(&mut self, weight: &Weight) -> Vec<(u32, Tensor)> {
        let [rows, columns] = weight.shape();
        let element = self.storage.weights();
        let part = (self.max_binding as usize / (columns * element.bytes() as usize)).clamp(1, rows.max(1));
        (0..rows)
            .step_by(part)
            .map(|first| (first as u32, self.weight_rows(weight, first..rows.min(first + part), element)))
            .collect()
    }

    fn weight_rows(&mut self, weight: &Weight, range: Range<usize>, element: Element) -> Tensor {
        let key = (weight.clone(), range.start, element);
        if let Some(tensor) = self.weights.get(&key) {
            return *tensor;
        }
        let rows = Rows::Fixed(range.len() as u32);
        let tensor = self.add(rows, weight.shape()[1], element, Source::Weight(weight.clone(), range.clone()));
        self.weights.insert(key, tensor);
        tensor
    }

    /// For each step, whether it depends on weights and constants alone: it is run once, not once a batch.
    pub fn constant_steps(&self) -> Vec<bool> {
        let mut known: Vec<bool> =
            self.tensors.iter().map(|(_, source)| matches!(source, Source::Weight(..) | Source::Constant(_))).collect();
        let mut constant = Vec::new();
        for step in &self.steps {
            let all = step.bound().all(|(binding, tensor)| match binding.access {
                Access::Read => known[tensor.id],
                Access::Write => matches!(tensor.rows, Rows::Fixed(_)),
                Access::ReadWrite => false,
            });
            if all {
                step.bound().for_each(|(_, tensor)| known[tensor.id] = true);
            }
            constant.push(all);
        }
        constant
    }

    /// Bytes of one row of the widest tensor with that many rows.
    pub fn widest(&self, rows: Rows) -> u64 {
        let tensors = self.tensors.iter().filter(|(tensor, _)| tensor.rows == rows);
        tensors.map(|(tensor, _)| tensor.row_bytes()).max().unwrap_or(1).max(1)
    }

    /// Bytes that are read back for each token, where every token is a text.
    pub fn read_back(&self) -> u64 {
        self.outputs.iter().map(|(_, tensor)| tensor.row_bytes()).sum::<u64>().max(1)
    }

    /// Appends a step; an operand a kernel does without is `None`.
    pub fn step(&mut self, kernel: impl Kernel + 'static, operands: &[Option<Tensor>]) {
        self.push(Arc::new(kernel), operands.to_vec());
    }

    /// [`Recording::step`] with a kernel that others hold too.
    pub fn push(&mut self, kernel: Arc<dyn Kernel>, operands: Vec<Option<Tensor>>) {
        assert_eq!(operands.len(), kernel.bindings().len(), "{}: number of operands", kernel.name());
        self.steps.push(Step { kernel, operands });
    }

    /// Marks a tensor to be read back after each run.
    pub fn output(&mut self, output: Output, tensor: Tensor) {
        self.outputs.push((output, tensor));
    }
}
