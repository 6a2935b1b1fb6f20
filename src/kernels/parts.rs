//! The files of `shaders/`, one constant each; those of `shaders/parts/` with the same prefix are interchangeable.

use crate::ir::{Element, Part, Storage};

macro_rules! parts {
    ($folder:literal: $($constant:ident = $name:literal),* $(,)?) => {
        $(pub const $constant: Part = Part {
            name: $name,
            source: include_str!(concat!("../../shaders/", $folder, $name, ".wgsl")),
        };)*
    };
}

parts!("":
    ARGMAX = "argmax",
    ATTENTION = "attention",
    ATTENTION_WEIGHTS = "attention_weights",
    ELEMENTWISE = "elementwise",
    EMBED = "embed",
    GATE = "gate",
    LAYERNORM = "layernorm",
    LOSS = "loss",
    MATMUL = "matmul",
    POOL = "pool",
    ROTARY = "rotary",
    SOFTMAX = "softmax",
    UNFOLD = "unfold",
);

parts!("parts/":
    ACTIVATE_1 = "activate_1",
    ACTIVATE_4 = "activate_4",
    ACTIVATION = "activation",
    BATCH = "batch",
    BIAS_NONE = "bias_none",
    BIAS_VECTOR = "bias_vector",
    BLOCK_128X128 = "block_128x128",
    BLOCK_32X32 = "block_32x32",
    BLOCK_32X64 = "block_32x64",
    BLOCK_64X128 = "block_64x128",
    BLOCK_64X64 = "block_64x64",
    CHUNK_1 = "chunk_1",
    CHUNK_4 = "chunk_4",
    COLUMNS = "columns",
    COOPERATIVE_16 = "cooperative_16",
    COOPERATIVE_8 = "cooperative_8",
    DISTANCES = "distances",
    EIGHT = "eight",
    ELEMENT_F16 = "element_f16",
    ELEMENT_F32 = "element_f32",
    ENABLE_COOPERATIVE = "enable_cooperative",
    ENABLE_F16 = "enable_f16",
    FETCH = "fetch",
    FOURS_1 = "fours_1",
    FOURS_4 = "fours_4",
    HEAD_8 = "head_8",
    HEAD_16 = "head_16",
    HEAD_32 = "head_32",
    HEAD_64 = "head_64",
    HEADS = "heads",
    KEPT_MEMORY = "kept_memory",
    KEPT_REGISTERS = "kept_registers",
    KEYS_CHUNK = "keys_chunk",
    KEYS_WIDE = "keys_wide",
    LANE_4X4 = "lane_4x4",
    LANE_8X8 = "lane_8x8",
    LOSS_BINARY_CROSS_ENTROPY = "loss_binary_cross_entropy",
    LOSS_CROSS_ENTROPY = "loss_cross_entropy",
    LOSS_MEAN_SQUARED_ERROR = "loss_mean_squared_error",
    LOSS_SOFT_CROSS_ENTROPY = "loss_soft_cross_entropy",
    MATH = "math",
    MATRICES_2X2 = "matrices_2x2",
    MATRICES_2X4 = "matrices_2x4",
    MATRICES_4X4 = "matrices_4x4",
    POSITIONS_NONE = "positions_none",
    POSITIONS_TABLE = "positions_table",
    PRODUCTS_COOPERATIVE = "products_cooperative",
    QUERIES_TEXTS = "queries_texts",
    QUERIES_TOKENS = "queries_tokens",
    REDUCE_LANE = "reduce_lane",
    REDUCE_SUBGROUP = "reduce_subgroup",
    REDUCE_SUBGROUPS = "reduce_subgroups",
    REDUCE_WORKGROUP = "reduce_workgroup",
    RESIDUAL_NONE = "residual_none",
    RESIDUAL_ROWS = "residual_rows",
    ROWS_16 = "rows_16",
    ROWS_32 = "rows_32",
    ROWS_8 = "rows_8",
    SCORE_BIAS = "score_bias",
    SCORE_PLAIN = "score_plain",
    SCORE_RELATIVE = "score_relative",
    SCORES_BIAS = "scores_bias",
    SCORES_PLAIN = "scores_plain",
    SCORES_RELATIVE = "scores_relative",
    SHARE_ROW = "share_row",
    SPLIT_ONE = "split_one",
    SPLIT_TWO = "split_two",
    STAGE_ROWS = "stage_rows",
    STREAM_COOPERATIVE = "stream_cooperative",
    STREAM_KEYS = "stream_keys",
    STREAM_LANE = "stream_lane",
    STREAM_SUBGROUP = "stream_subgroup",
    STREAM_TILE = "stream_tile",
    SUBGROUP_16 = "subgroup_16",
    SUBGROUP_32 = "subgroup_32",
    SUBGROUP_64 = "subgroup_64",
    SUBGROUP_8 = "subgroup_8",
    SUBGROUPS_1X1 = "subgroups_1x1",
    SUBGROUPS_1X2 = "subgroups_1x2",
    SUBGROUPS_2X2 = "subgroups_2x2",
    SUBGROUPS_2X4 = "subgroups_2x4",
    SUBGROUPS_4X2 = "subgroups_4x2",
    TERMS_NONE = "terms_none",
    TERMS_RELATIVE = "terms_relative",
    TILE_COOPERATIVE = "tile_cooperative",
    TILE_LANE = "tile_lane",
    TILE_SPLIT = "tile_split",
    TILE_SUBGROUP = "tile_subgroup",
    TILE_WORKGROUP = "tile_workgroup",
    TYPES_NONE = "types_none",
    TYPES_TABLE = "types_table",
    WEIGHT_PACKED_1 = "weight_packed_1",
    WEIGHT_PACKED_4 = "weight_packed_4",
    WEIGHT_PANELS = "weight_panels",
    WEIGHT_ROWS = "weight_rows",
    WEIGHT_STORED = "weight_stored",
    WIDE_F16 = "wide_f16",
    WIDE_F32 = "wide_f32",
    WRITTEN_F32 = "written_f32",
    WRITTEN_STORED = "written_stored",
);

/// How activations are stored. First of all parts: WGSL wants `enable` before any declaration.
pub fn storage(element: Element) -> Vec<Part> {
    match element {
        Element::F32 => vec![ELEMENT_F32],
        Element::F16 => vec![ENABLE_F16, ELEMENT_F16],
        Element::U32 => panic!("activations are not integers"),
    }
}

/// [`storage`] for a kernel with cooperative matrices.
pub fn cooperative_storage(element: Element) -> Vec<Part> {
    vec![ENABLE_COOPERATIVE, if matches!(element, Element::F16) { ELEMENT_F16 } else { ELEMENT_F32 }]
}

/// Matrices of that edge.
pub const fn cooperative(edge: u32) -> Part {
    if edge == 8 { COOPERATIVE_8 } else { COOPERATIVE_16 }
}

/// How a large weight is stored whose rows are read in such chunks.
pub fn weight(storage: Storage, chunk: Part) -> Part {
    match storage {
        Storage::F32 | Storage::F16 => WEIGHT_STORED,
        Storage::PackedWeights if chunk == CHUNK_4 => WEIGHT_PACKED_4,
        Storage::PackedWeights => WEIGHT_PACKED_1,
    }
}

/// How eight numbers are loaded at once.
pub const fn wide(element: Element) -> Part {
    if matches!(element, Element::F16) { WIDE_F16 } else { WIDE_F32 }
}

/// Rows of this many columns are read four elements at a time where they can be.
pub const fn chunk(columns: u32) -> Part {
    if columns.is_multiple_of(4) { CHUNK_4 } else { CHUNK_1 }
}

pub const fn bias(present: bool) -> Part {
    if present { BIAS_VECTOR } else { BIAS_NONE }
}

pub const fn residual(present: bool) -> Part {
    if present { RESIDUAL_ROWS } else { RESIDUAL_NONE }
}
