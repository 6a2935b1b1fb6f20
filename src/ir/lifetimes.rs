//! Which computed tensors share a buffer.

use super::{BatchLimits, Recording, Source};
use std::collections::HashMap;

/// Buffers for computed tensors, each shared by tensors whose lifetimes do not meet.
#[derive(Debug)]
pub(crate) struct Shared {
    pub bytes: Vec<u64>,
    /// (tensor, buffer)
    pub slots: Vec<(usize, usize)>,
}

pub(crate) fn share(recording: &Recording, constant: &[bool], capacity: &BatchLimits) -> Shared {
    let mut last_use: HashMap<usize, usize> = HashMap::new();
    for (index, step) in recording.steps.iter().enumerate() {
        last_use.extend(step.bound().map(|(_, tensor)| (tensor.id, index)));
    }
    for (_, tensor) in &recording.outputs {
        last_use.insert(tensor.id, usize::MAX);
    }
    let mut shared = Shared { bytes: Vec::new(), slots: Vec::new() };
    let mut slot_of: HashMap<usize, usize> = HashMap::new();
    let mut free: Vec<usize> = Vec::new();
    let mut lasting = vec![false; recording.tensors.len()];
    for (index, step) in recording.steps.iter().enumerate() {
        if constant[index] {
            step.bound().for_each(|(_, tensor)| lasting[tensor.id] = true);
            continue;
        }
        for (_, tensor) in step.bound() {
            let source = &recording.tensors[tensor.id].1;
            let shares = matches!(source, Source::Computed) && !lasting[tensor.id];
            if !shares || slot_of.contains_key(&tensor.id) {
                continue;
            }
            let bytes = capacity.bytes(&tensor, source);
            // The smallest free buffer that is large enough, else the largest one, grown.
            let fitting = free.iter().copied().filter(|&slot| shared.bytes[slot] >= bytes);
            let chosen = fitting.min_by_key(|&slot| shared.bytes[slot]);
            let slot = match chosen.or_else(|| free.iter().copied().max_by_key(|&slot| shared.bytes[slot])) {
                Some(slot) => {
                    free.retain(|&other| other != slot);
                    slot
                }
                None => {
                    shared.bytes.push(0);
                    shared.bytes.len() - 1
                }
            };
            shared.bytes[slot] = shared.bytes[slot].max(bytes);
            slot_of.insert(tensor.id, slot);
            shared.slots.push((tensor.id, slot));
        }
        for (_, tensor) in step.bound() {
            if last_use[&tensor.id] == index
                && let Some(&slot) = slot_of.get(&tensor.id)
                && !free.contains(&slot)
            {
                free.push(slot);
            }
        }
    }
    shared
}
