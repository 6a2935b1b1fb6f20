//! Runs a recording on the CPU, kernel by kernel, with the twins: slow, exact about what each kernel means, and in need
//! of no driver.

use crate::error::Result;
use crate::gpu::{Element, Output, Recording, Run, Source, WeightSource};
use crate::kernels::{Access, Values};
use std::collections::HashMap;

/// A recording with its weights on the host.
#[derive(Debug)]
pub struct Reference {
    recording: Recording,
    /// By tensor.
    constants: HashMap<usize, Values>,
}

impl Reference {
    /// Reads every weight of the recording.
    pub fn new(recording: Recording, source: &dyn WeightSource) -> Result<Reference> {
        let mut constants = HashMap::new();
        for (tensor, from) in &recording.tensors {
            match from {
                Source::Weight(weight, rows) => {
                    constants.insert(tensor.id, Values::F32(source.rows(weight, rows.clone())?));
                }
                Source::Constant(values) => drop(constants.insert(tensor.id, values.clone())),
                Source::Input(_) | Source::Computed => {}
            }
        }
        Ok(Reference { recording, constants })
    }

    /// The recording, for another executor.
    pub fn into_recording(self) -> Recording {
        self.recording
    }

    /// The outputs of one batch, in the recording's order.
    pub fn run(&mut self, run: Run<'_>) -> Vec<(Output, Values)> {
        let size = run.size();
        let values = &mut self.constants;
        for (tensor, source) in &self.recording.tensors {
            if let Source::Input(input) = source {
                values.insert(tensor.id, run.input(*input, &size, 1));
            }
        }
        for step in &self.recording.steps {
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
                        match tensor.element {
                            Element::F32 => Values::F32(vec![f32::NAN; elements]),
                            Element::U32 => Values::U32(vec![u32::MAX; elements]),
                        }
                    }),
                });
            }
            step.kernel.reference(&size, &mut operands);
            for (tensor, operand) in step.operands.iter().zip(operands) {
                if let Some(tensor) = tensor {
                    values.insert(tensor.id, operand);
                }
            }
        }
        let outputs = self.recording.outputs.iter().map(|(output, tensor)| (*output, values[&tensor.id].clone()));
        let outputs = outputs.collect();
        for (tensor, source) in &self.recording.tensors {
            if matches!(source, Source::Computed) {
                values.remove(&tensor.id);
            }
        }
        outputs
    }
}
