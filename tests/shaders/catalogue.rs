//! The kernels and adapters that tests/shaders.rs goes through. A new kernel, option or variant needs its line here.

use wgbert::bench::Roof;
use wgbert::ir::{BatchSize, Capabilities, Element, Kernel, Rows, Shader, Storage};
use wgbert::kernels::{
    Activation, Half, Pooling,
    argmax::Argmax,
    attention::{Attention, Heads, Term},
    attention_weights::AttentionWeights,
    elementwise::Elementwise,
    embed::Embed,
    gate::Gate,
    layernorm::LayerNorm,
    loss::{Loss, LossKind},
    matmul::MatMul,
    pool::Pool,
    rotary::Rotary,
    softmax::Softmax,
    unfold::Unfold,
};

/// A kernel with one choice of its options.
pub struct Instance {
    pub kernel: Box<dyn Kernel>,
    /// The bindings that it does without; it must have all others.
    pub without: Vec<&'static str>,
    /// The same, where it is a matrix product that stands for others with all its tiles.
    pub matmul: Option<MatMul>,
}

impl Instance {
    /// The shaders that may run on the adapter: that for the batch, and those of all tiles.
    pub fn shaders(&self, device: &Capabilities, batch: &BatchSize) -> Vec<Shader> {
        let mut all = vec![self.kernel.launch(device, batch).shader];
        if let Some(matmul) = &self.matmul {
            all.extend(matmul.tiles(device).iter().map(|tile| matmul.launch_in(tile).shader));
        }
        all
    }
}

fn instance(kernel: impl Kernel + 'static, without: &[(&'static str, bool)]) -> Instance {
    let without = without.iter().filter(|(_, absent)| *absent).map(|(name, _)| *name);
    Instance { kernel: Box::new(kernel), without: without.collect(), matmul: None }
}

/// Every kernel with every option that changes its shader, of those that the adapter can be asked for.
pub fn instances(device: &Capabilities) -> Vec<Instance> {
    let mut all = answers();
    all.extend(of_rows(Element::F32));
    all.extend(of_weights(Storage::F32));
    if device.f16 {
        all.extend(of_rows(Element::F16));
        all.extend(of_weights(Storage::F16));
    } else {
        all.extend(of_weights(Storage::PackedWeights));
    }
    all.extend(Roof::kernels(device).into_iter().map(|kernel| Instance { kernel, without: Vec::new(), matmul: None }));
    all
}

const BOTH: [bool; 2] = [false, true];

/// The kernels that have large weights.
fn of_weights(storage: Storage) -> Vec<Instance> {
    let mut all = Vec::new();
    for (positions, types) in BOTH.into_iter().flat_map(|positions| BOTH.map(|types| (positions, types))) {
        for columns in [64, 63] {
            let kernel = Embed { columns, first_id: 7, ids: 50, positions, types, storage };
            all.push(instance(kernel, &[("positions", !positions), ("types", !types)]));
        }
    }
    for (bias, residual) in BOTH.into_iter().flat_map(|bias| BOTH.map(|residual| (bias, residual))) {
        // Widths that vector loads can and cannot take, few columns and few rows: a tile may be another for each.
        for (inner, columns, first) in [(64, 192, 64), (30, 37, 5), (64, 3, 0), (64, 11, 5)] {
            for rows in [Rows::Tokens, Rows::Texts] {
                for activation in Activation::ALL {
                    let weight_columns = first + columns;
                    // Logits are f32.
                    for output in [storage.activations(), Element::F32] {
                        let kernel = MatMul {
                            rows,
                            inner,
                            columns,
                            weight_columns,
                            first,
                            activation,
                            bias,
                            residual,
                            storage,
                            output,
                        };
                        // A tile does not know the activation: one stands for all.
                        let matmul = (activation == Activation::Gelu).then(|| kernel.clone());
                        let instance = instance(kernel, &[("bias", !bias), ("residual", !residual)]);
                        all.push(Instance { matmul, ..instance });
                    }
                }
            }
        }
    }
    all
}

/// The other kernels, whose rows are stored as f32 or f16.
fn of_rows(element: Element) -> Vec<Instance> {
    let mut all = Vec::new();
    for (bias, residual) in BOTH.into_iter().flat_map(|bias| BOTH.map(|residual| (bias, residual))) {
        for rows in [Rows::Tokens, Rows::Texts, Rows::Fixed(3)] {
            let kernel = LayerNorm { rows, columns: 64, epsilon: 1e-12, bias, residual, element };
            all.push(instance(kernel, &[("bias", !bias), ("residual", !residual)]));
        }
    }
    for heads in heads(element) {
        let (texts, plain) = (heads.queries == Rows::Texts, heads.score == Term::None);
        let no_keys = !matches!(heads.score, Term::Relative { .. });
        let tables = [("query_table", plain), ("key_table", no_keys), ("buckets", plain), ("tiles", texts)];
        if !texts {
            all.push(instance(AttentionWeights { heads: heads.clone(), longest: 128 }, &tables[..3]));
        }
        all.push(instance(Attention(heads), &tables));
    }
    for pool in [Pooling::First, Pooling::Mean] {
        all.push(instance(Pool { columns: 64, pool, element }, &[]));
    }
    all.push(instance(Rotary { columns: 192, heads: 4, half: 16, element }, &[]));
    all.push(instance(Unfold { columns: 64, taps: 3, element }, &[]));
    for half in [Half::First, Half::Second] {
        for activation in Activation::ALL {
            all.push(instance(Gate { rows: Rows::Tokens, columns: 64, activation, half, element }, &[]));
        }
    }
    all
}

/// The kernels of logits, which are f32.
fn answers() -> Vec<Instance> {
    let mut all = Vec::new();
    let (rows, columns) = (Rows::Texts, 3);
    all.push(instance(Softmax { rows, columns }, &[]));
    for activation in [Activation::Sigmoid, Activation::Tanh] {
        all.push(instance(Elementwise { rows, columns, activation }, &[]));
    }
    all.push(instance(Argmax { rows, columns }, &[]));
    for kind in LossKind::ALL {
        all.push(instance(Loss { rows, columns, kind }, &[]));
    }
    all
}

/// Heads of every size of register file, by ones and by fours, with every window, term and kind of query.
fn heads(element: Element) -> Vec<Heads> {
    let mut all = Vec::new();
    for head_width in [1, 7, 15, 30, 63, 4, 8, 16, 32, 64, 80, 128, 256] {
        for queries in [Rows::Tokens, Rows::Texts] {
            for window in [u32::MAX, 64] {
                let relative = |queries, keys, shared| Term::Relative { queries, keys, shared };
                for score in [
                    Term::None,
                    relative(true, false, true),
                    relative(false, true, false),
                    relative(true, true, false),
                    Term::Bias,
                ] {
                    let hidden = 2 * head_width;
                    all.push(Heads {
                        queries,
                        heads: 2,
                        head_width,
                        query_stride: 3 * hidden,
                        key_stride: 3 * hidden,
                        first_key: hidden,
                        first_value: 2 * hidden,
                        window,
                        max_length: 512,
                        scale: 0.125,
                        score,
                        element,
                    });
                }
            }
        }
    }
    all
}

/// What is out there, and the least that may be.
pub fn adapters() -> Vec<(&'static str, Capabilities)> {
    let least = Capabilities::minimum;
    let desktop = || Capabilities {
        f16: true,
        int64: true,
        timestamps: true,
        max_binding: 2 << 30,
        max_buffer: 2 << 30,
        workgroup_memory: 32768,
        workgroup_size: 1024,
        ..least()
    };
    vec![
        ("the least of WebGPU", least()),
        ("the least, with f16", Capabilities { f16: true, ..least() }),
        ("a card without subgroups", desktop()),
        (
            "NVIDIA",
            Capabilities { subgroup: Some((32, 32)), cooperative: Some(16), workgroup_memory: 49152, ..desktop() },
        ),
        ("NVIDIA without f16", Capabilities { subgroup: Some((32, 32)), f16: false, ..desktop() }),
        ("AMD", Capabilities { subgroup: Some((32, 64)), cooperative: Some(16), workgroup_memory: 65536, ..desktop() }),
        ("Intel", Capabilities { subgroup: Some((8, 32)), ..desktop() }),
        ("Apple", Capabilities { subgroup: Some((32, 32)), cooperative: Some(8), ..desktop() }),
        ("a phone", Capabilities { subgroup: Some((64, 64)), f16: true, ..least() }),
        (
            "matrices and subgroups of many sizes",
            Capabilities { subgroup: Some((8, 16)), cooperative: Some(8), ..desktop() },
        ),
        ("lavapipe's matrices", Capabilities { subgroup: Some((8, 8)), cooperative: Some(8), ..desktop() }),
        ("lavapipe", Capabilities { cpu: true, subgroup: Some((8, 8)), ..desktop() }),
        ("lavapipe without f16", Capabilities { cpu: true, subgroup: Some((8, 8)), f16: false, ..desktop() }),
        ("lavapipe without int64", Capabilities { cpu: true, subgroup: Some((8, 8)), int64: false, ..desktop() }),
        ("lavapipe with SSE", Capabilities { cpu: true, subgroup: Some((4, 4)), ..desktop() }),
        ("lavapipe with AVX-512", Capabilities { cpu: true, subgroup: Some((16, 16)), f16: false, ..desktop() }),
        ("a software adapter without subgroups", Capabilities { cpu: true, ..least() }),
    ]
}
