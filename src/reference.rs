//! Runs a recording on the CPU, kernel by kernel, with the twins: slow, exact about what each kernel means, and in need
//! of no driver.

use crate::error::Result;
use crate::ir::{Access, BatchSize, Output, Recording, Run, Source, Step, Values, WeightSource};
use std::collections::{HashMap, HashSet};

/// A recording with its weights on the host, and what depends on them alone computed.
#[derive(Debug)]
pub struct Reference {
    recording: Recording,
    /// Contents of tensors by their ids: between runs, of those that no batch changes.
    values: HashMap<usize, Values>,
    /// Steps of every batch.
    each: Vec<usize>,
}

impl Reference {
    /// Reads every weight of the recording.
    ///
    /// # Errors
    /// What `source` answers.
    pub fn new(recording: Recording, source: &dyn WeightSource) -> Result<Reference> {
        let mut values = HashMap::new();
        for (tensor, from) in &recording.tensors {
            match from {
                Source::Weight(weight, rows) => {
                    values.insert(tensor.id, Values::F32(source.rows(weight, rows.clone())?));
                }
                Source::Constant(constant) => {
                    values.insert(tensor.id, constant.clone());
                }
                Source::Input(_) | Source::Computed => {}
            }
        }
        let constant = recording.constant_steps();
        let (once, each): (Vec<usize>, Vec<usize>) = (0..recording.steps.len()).partition(|&step| constant[step]);
        for step in once {
            execute(&recording.steps[step], &BatchSize::default(), &mut values);
        }
        Ok(Reference { recording, values, each })
    }

    /// The recording, for another executor.
    pub fn into_recording(self) -> Recording {
        self.recording
    }

    /// The outputs of one batch, in the recording's order.
    pub fn run(&mut self, run: Run<'_>) -> Vec<(Output, Values)> {
        let size = run.size();
        let lasting: HashSet<usize> = self.values.keys().copied().collect();
        for (tensor, source) in &self.recording.tensors {
            if let Source::Input(input) = source {
                self.values.insert(tensor.id, run.input(*input));
            }
        }
        for &step in &self.each {
            execute(&self.recording.steps[step], &size, &mut self.values);
        }
        let outputs = self.recording.outputs.iter().map(|(output, tensor)| (*output, self.values[&tensor.id].clone()));
        let outputs = outputs.collect();
        self.values.retain(|tensor, _| lasting.contains(tensor));
        outputs
    }
}

fn execute(step: &Step, size: &BatchSize, values: &mut HashMap<usize, Values>) {
    let mut operands: Vec<Values> = Vec::new();
    for (index, (binding, tensor)) in step.kernel.bindings().iter().zip(&step.operands).enumerate() {
        // Queries and keys may lie in one tensor; only an operand that is read can be there twice.
        let twin = step.operands[..index].iter().position(|other| tensor.is_some() && other == tensor);
        operands.push(match (tensor, twin) {
            (None, _) => Values::default(),
            (Some(_), Some(twin)) => operands[twin].clone(),
            // An output may be there already: several steps may write a share each.
            (Some(tensor), None) => values.remove(&tensor.id).unwrap_or_else(|| {
                assert_eq!(binding.access, Access::Write, "{}: {} unwritten", step.kernel.name(), binding.name);
                let elements = size.rows(tensor.rows) as usize * tensor.columns;
                Values::unwritten(tensor.element, elements)
            }),
        });
    }
    step.kernel.reference(size, &mut operands);
    for (tensor, operand) in step.operands.iter().zip(operands) {
        if let Some(tensor) = tensor {
            values.insert(tensor.id, operand);
        }
    }
}
