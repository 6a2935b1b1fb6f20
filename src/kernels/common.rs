//! The files of `shaders/common/` that several kernels link; those with the same prefix are interchangeable.

use crate::ir::{Element, Part, Storage, part};

pub(crate) const BATCH: Part = part!("common/batch");
pub(crate) const MATH: Part = part!("common/math");

/// How activations are stored.
pub(crate) fn element(element: Element) -> Part {
    match element {
        Element::F32 => part!("common/element_f32"),
        Element::F16 => part!("common/element_f16" enable f16),
        Element::U32 => panic!("activations are not integers"),
    }
}

/// Elements of a row of this many columns that are read at once: four where they can be.
pub(crate) fn chunk(columns: u32) -> u32 {
    if columns.is_multiple_of(4) { 4 } else { 1 }
}

/// Rows that are read in such chunks.
pub(crate) fn row(chunk: u32) -> Part {
    if chunk == 4 { part!("common/row_vec4") } else { part!("common/row_scalar") }
}

/// How a large weight is stored whose rows are read in such chunks.
pub(crate) fn weight(storage: Storage, chunk: u32) -> Part {
    match storage {
        Storage::F32 | Storage::F16 => part!("common/weight_stored"),
        Storage::PackedWeights if chunk == 4 => part!("common/weight_packed_vec4"),
        Storage::PackedWeights => part!("common/weight_packed_scalar"),
    }
}

/// How eight numbers are loaded at once.
pub(crate) fn wide(element: Element) -> Part {
    if element == Element::F16 { part!("cpu/wide_f16") } else { part!("cpu/wide_f32") }
}

/// Cooperative matrices of that edge.
pub(crate) fn cooperative(edge: u32) -> Part {
    match edge {
        8 => part!("common/cooperative_8" enable f16, wgpu_cooperative_matrix),
        _ => part!("common/cooperative_16" enable f16, wgpu_cooperative_matrix),
    }
}

pub(crate) fn bias(present: bool) -> Part {
    if present { part!("common/bias_vector") } else { part!("common/bias_none") }
}

pub(crate) fn residual(present: bool) -> Part {
    if present { part!("common/residual_rows") } else { part!("common/residual_none") }
}
