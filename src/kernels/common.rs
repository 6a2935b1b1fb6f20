//! The files of `shaders/common/` that several kernels link; those with the same prefix are interchangeable.

use crate::ir::{Element, Part, Storage, part};

pub(crate) const BATCH: Part = part!("common/batch");
pub(crate) const MATH: Part = part!("common/math");
pub(crate) const CHUNK_1: Part = part!("common/chunk_1");
pub(crate) const CHUNK_4: Part = part!("common/chunk_4");
pub(crate) const ENABLE_COOPERATIVE: Part = part!("common/enable_cooperative");
pub(crate) const ENABLE_F16: Part = part!("common/enable_f16");
pub(crate) const ELEMENT_F16: Part = part!("common/element_f16");
pub(crate) const ELEMENT_F32: Part = part!("common/element_f32");
pub(crate) const BIAS_NONE: Part = part!("common/bias_none");
pub(crate) const BIAS_VECTOR: Part = part!("common/bias_vector");
pub(crate) const RESIDUAL_NONE: Part = part!("common/residual_none");
pub(crate) const RESIDUAL_ROWS: Part = part!("common/residual_rows");
pub(crate) const WEIGHT_STORED: Part = part!("common/weight_stored");
pub(crate) const WEIGHT_PACKED_1: Part = part!("common/weight_packed_1");
pub(crate) const WEIGHT_PACKED_4: Part = part!("common/weight_packed_4");
pub(crate) const COOPERATIVE_8: Part = part!("common/cooperative_8");
pub(crate) const COOPERATIVE_16: Part = part!("common/cooperative_16");
pub(crate) const WIDE_F16: Part = part!("cpu/wide_f16");
pub(crate) const WIDE_F32: Part = part!("cpu/wide_f32");

/// How activations are stored. First of all parts: WGSL wants `enable` before any declaration.
pub(crate) fn storage(element: Element) -> Vec<Part> {
    match element {
        Element::F32 => vec![ELEMENT_F32],
        Element::F16 => vec![ENABLE_F16, ELEMENT_F16],
        Element::U32 => panic!("activations are not integers"),
    }
}

/// [`storage`] for a kernel with cooperative matrices.
pub(crate) fn cooperative_storage(element: Element) -> Vec<Part> {
    vec![ENABLE_COOPERATIVE, if matches!(element, Element::F16) { ELEMENT_F16 } else { ELEMENT_F32 }]
}

/// Matrices of that edge.
pub(crate) const fn cooperative(edge: u32) -> Part {
    if edge == 8 { COOPERATIVE_8 } else { COOPERATIVE_16 }
}

/// How a large weight is stored whose rows are read in such chunks.
pub(crate) fn weight(storage: Storage, chunk: Part) -> Part {
    match storage {
        Storage::F32 | Storage::F16 => WEIGHT_STORED,
        Storage::PackedWeights if chunk == CHUNK_4 => WEIGHT_PACKED_4,
        Storage::PackedWeights => WEIGHT_PACKED_1,
    }
}

/// How eight numbers are loaded at once.
pub(crate) const fn wide(element: Element) -> Part {
    if matches!(element, Element::F16) { WIDE_F16 } else { WIDE_F32 }
}

/// Rows of this many columns are read four elements at a time where they can be.
pub(crate) const fn chunk(columns: u32) -> Part {
    if columns.is_multiple_of(4) { CHUNK_4 } else { CHUNK_1 }
}

pub(crate) const fn bias(present: bool) -> Part {
    if present { BIAS_VECTOR } else { BIAS_NONE }
}

pub(crate) const fn residual(present: bool) -> Part {
    if present { RESIDUAL_ROWS } else { RESIDUAL_NONE }
}
