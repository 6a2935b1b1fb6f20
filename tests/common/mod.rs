//! What the tests that need an adapter share.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod edited;
pub mod environment;
pub mod golden;
pub mod requirements;

use half::f16;
use requirements::{Need, not_run};
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use wgbert::gpu;
use wgbert::gpu::{Gpu, Plan, WeightBuffers};
use wgbert::ir::{
    BatchLimits, BatchSize, Capabilities, Element, Input, Output, Recording, Rows, Run, Storage, Tensor, Values,
    Weight, WeightSource,
};
use wgbert::kernels::unfold::Unfold;
use wgbert::reference::Reference;

/// The adapter that the tests run on: the one that WGBERT_ADAPTER names, else the first. Its absence is a failure.
pub fn gpu() -> Arc<Gpu> {
    static GPU: OnceLock<Arc<Gpu>> = OnceLock::new();
    GPU.get_or_init(|| Arc::new(open())).clone()
}

/// That adapter as one with the least capabilities: kernels choose the variants that run everywhere.
pub fn plain_gpu() -> Arc<Gpu> {
    static GPU: OnceLock<Arc<Gpu>> = OnceLock::new();
    let open_plain = || {
        let mut gpu = open();
        gpu.capabilities = Capabilities {
            f16: gpu.capabilities.f16,
            timestamps: gpu.capabilities.timestamps,
            ..Capabilities::minimum()
        };
        Arc::new(gpu)
    };
    GPU.get_or_init(open_plain).clone()
}

/// What an adapter offers, as a graphics card that may choose among several sizes of subgroups: kernels choose what cards
/// run.
pub fn card(device: &Capabilities) -> Capabilities {
    let subgroup = device.subgroup.map(|(least, most)| (least.min(most / 2).max(1), most));
    Capabilities { cpu: false, cooperative: None, subgroup, ..device.clone() }
}

/// The adapter of [`gpu`] as such a card.
pub fn card_gpu() -> Arc<Gpu> {
    static GPU: OnceLock<Arc<Gpu>> = OnceLock::new();
    let open_card = || {
        let mut gpu = open();
        gpu.capabilities = card(&gpu.capabilities);
        Arc::new(gpu)
    };
    GPU.get_or_init(open_card).clone()
}

/// That adapter with its tensor cores in use, also where it is a software adapter that has a faster way; says so where
/// it has none.
pub fn matrix_gpu() -> Option<Arc<Gpu>> {
    static GPU: OnceLock<Option<Arc<Gpu>>> = OnceLock::new();
    let open_matrix = || {
        let mut gpu = open();
        if gpu.capabilities.cooperative.is_none() {
            not_run(Need::TensorCores, format_args!("{} has no square cooperative matrices", gpu.name));
            return None;
        }
        gpu.capabilities.cpu = false;
        Some(Arc::new(gpu))
    };
    GPU.get_or_init(open_matrix).clone()
}

fn open() -> Gpu {
    gpu::block_on(async {
        let wanted = std::env::var("WGBERT_ADAPTER").unwrap_or_default();
        let adapters = gpu::adapters(None).await;
        let found = adapters.iter().find(|adapter| adapter.name.contains(&wanted));
        let adapter = found.unwrap_or_else(|| {
            panic!("no adapter named {wanted:?}: install a Vulkan driver (mesa-vulkan-drivers runs on the CPU)")
        });
        Gpu::open(adapter, None).await.expect("the adapter opens")
    })
}

/// What kernels' rows are tested as: f32, and f16 where the adapter has it.
pub fn elements() -> Vec<Element> {
    if gpu().capabilities.f16 {
        return vec![Element::F32, Element::F16];
    }
    not_run(Need::F16, format_args!("{} has no 16-bit floats in shaders", gpu().name));
    vec![Element::F32]
}

/// What weights are tested as, and activations with them: as [`elements`], and weights in f16 with activations in f32.
pub fn storages() -> Vec<Storage> {
    let mut all = vec![Storage::F32, Storage::PackedWeights];
    if gpu().capabilities.f16 {
        all.push(Storage::F16);
    }
    all
}

/// splitmix64: the same numbers on every machine.
pub struct Random {
    state: u64,
    scale: f32,
}

impl Random {
    pub fn new(seed: u64) -> Random {
        Random { state: seed, scale: 1.0 }
    }

    pub fn scaled(self, scale: f32) -> Random {
        Random { scale, ..self }
    }

    /// Uniform in -scale..scale.
    pub fn numbers(&mut self, count: u32) -> Vec<f32> {
        let next = |_| {
            self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = self.state;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^= z >> 31;
            ((z >> 40) as f32 / (1u64 << 23) as f32 - 1.0) * self.scale
        };
        (0..count).map(next).collect()
    }
}

/// A recording of a few steps and the batch to run it on.
pub struct Case {
    pub recording: Recording,
    pub size: BatchSize,
    pub classes: Vec<u32>,
    pub targets: Vec<f32>,
}

impl Case {
    pub fn new(lengths: Vec<u32>) -> Case {
        Case::stored_as(Storage::F32, lengths)
    }

    /// Where kernels have no weights.
    pub fn of_rows(element: Element, lengths: Vec<u32>) -> Case {
        Case::stored_as(if element == Element::F16 { Storage::F16 } else { Storage::F32 }, lengths)
    }

    pub fn stored_as(storage: Storage, lengths: Vec<u32>) -> Case {
        let recording = Recording::new(u64::MAX).with_storage(storage);
        Case { recording, size: BatchSize::new(lengths), classes: Vec::new(), targets: Vec::new() }
    }

    pub fn constant(&mut self, rows: u32, columns: u32, values: Vec<f32>) -> Tensor {
        self.given(Rows::Fixed(rows), columns, values)
    }

    /// A bias or gain: f32 whatever is stored.
    pub fn vector(&mut self, columns: u32, values: Vec<f32>) -> Tensor {
        self.recording.constant(Rows::Fixed(1), columns as usize, Values::F32(values))
    }

    /// The weight of a product, or a table of words.
    pub fn weight(&mut self, rows: u32, columns: u32, values: Vec<f32>) -> Tensor {
        self.constant_as(self.recording.storage().weights(), Rows::Fixed(rows), columns, values)
    }

    /// Given contents for a matrix whose rows depend on the batch.
    pub fn given(&mut self, rows: Rows, columns: u32, values: Vec<f32>) -> Tensor {
        self.constant_as(self.recording.storage().activations(), rows, columns, values)
    }

    /// What is stored in f16 holds only such numbers: the twin gets them too.
    fn constant_as(&mut self, element: Element, rows: Rows, columns: u32, mut values: Vec<f32>) -> Tensor {
        if element == Element::F16 {
            values.iter_mut().for_each(|value| *value = f16::from_f32(*value).to_f32());
        }
        self.recording.stored_constant(rows, columns as usize, element, values)
    }

    pub fn rows(&mut self, rows: Rows, columns: u32, random: &mut Random) -> Tensor {
        let values = random.numbers(self.size.rows(rows) * columns);
        self.given(rows, columns, values)
    }

    /// A computed copy of a matrix, for a kernel that works in place.
    pub fn copy(&mut self, given: Tensor) -> Tensor {
        let copy = self.recording.stored(given.rows, given.columns);
        let tokens = self.recording.input(Input::Tokens);
        let cu_seqlens = self.recording.input(Input::CuSeqlens);
        let kernel = Unfold { columns: given.columns as u32, taps: 1, element: given.element };
        self.recording.step(kernel, &[Some(given), Some(tokens), Some(cu_seqlens), Some(copy)]);
        copy
    }

    pub fn output(&mut self, tensor: Tensor) {
        let index = self.recording.outputs.len();
        self.recording.output(Output::HiddenState(index), tensor);
    }
}

/// No weights: everything in a case is a constant.
pub struct NoWeights;

impl WeightSource for NoWeights {
    fn rows(&self, weight: &Weight, _: Range<usize>) -> wgbert::Result<Vec<f32>> {
        panic!("the case has no weight {:?}", weight.names)
    }
}

/// The tokens and starts of a batch of texts of these lengths.
pub fn texts(size: &BatchSize) -> (Vec<[u32; 4]>, Vec<u32>) {
    let cu_seqlens = std::iter::once(0)
        .chain(size.lengths.iter().scan(0, |start, length| {
            *start += length;
            Some(*start)
        }))
        .collect();
    let texts = (0u32..).zip(&size.lengths);
    let tokens = texts
        .flat_map(|(text, &length)| {
            (0..length).map(move |position| [(text * 17 + position * 7) % 50, position % 2, position, text])
        })
        .collect();
    (tokens, cu_seqlens)
}

/// A plan for exactly this batch, its intermediates and outputs poisoned.
pub fn plan(gpu: Arc<Gpu>, recording: Recording, size: &BatchSize) -> Plan {
    let capacity = BatchLimits { tokens: size.tokens as usize, texts: size.lengths.len() };
    let mut weights = WeightBuffers::default();
    let plan = gpu::block_on(Plan::new(gpu, recording, capacity, &mut weights, &NoWeights));
    let mut plan = plan.unwrap_or_else(|error| panic!("{error}"));
    gpu::block_on(plan.poison()).unwrap();
    plan
}

/// The outputs of a case on an adapter.
pub fn run(gpu: Arc<Gpu>, case: Case) -> Vec<Values> {
    let Case { recording, size, classes, targets, .. } = case;
    let (tokens, cu_seqlens) = texts(&size);
    let run = Run { tokens: &tokens, cu_seqlens: &cu_seqlens, classes: &classes, targets: &targets };
    let outputs = gpu::block_on(plan(gpu, recording, &size).run(run));
    outputs.unwrap_or_else(|error| panic!("{error}")).into_iter().map(|(_, values)| values).collect()
}

/// Runs a case on the adapter, its outputs poisoned, and on the CPU twins, and compares.
pub fn check(name: &str, case: Case, tolerance: f64) {
    check_on(&gpu(), name, case, tolerance);
}

/// [`check`] with the kernels that `gpu` says it would run.
pub fn check_on(gpu: &Arc<Gpu>, name: &str, case: Case, tolerance: f64) {
    let worst = compare(name, gpu.clone(), case, tolerance);
    println!("{name}: {worst:.1e}");
}

/// The largest error of a case's outputs on `gpu`, relative to its CPU twins; panics over `tolerance`.
pub fn compare(name: &str, gpu: Arc<Gpu>, case: Case, tolerance: f64) -> f64 {
    let Case { recording, size, classes, targets } = case;
    let element = recording.storage().activations();
    let (tokens, cu_seqlens) = texts(&size);
    let run = Run { tokens: &tokens, cu_seqlens: &cu_seqlens, classes: &classes, targets: &targets };
    // The answer's own rounding; the twin's is exact to many more digits.
    let tolerance = tolerance + if element == Element::F16 { 0.5f64.powi(11) } else { 0.0 };

    // The reference runs first: a plan takes the recording.
    let mut reference = Reference::new(recording, &NoWeights).expect("the reference needs nothing");
    let expected = reference.run(run);
    let actual = gpu::block_on(plan(gpu, reference.into_recording(), &size).run(run));
    let actual = actual.unwrap_or_else(|error| panic!("{name}: {error}"));

    let mut worst = 0.0f64;
    for ((_, expected), (_, actual)) in expected.iter().zip(&actual) {
        if let (Values::U32(expected), Values::U32(actual)) = (expected, actual) {
            assert_eq!(expected, actual, "{name}");
            continue;
        }
        assert_eq!(expected.f32().len(), actual.f32().len(), "{name}");
        for (index, (&e, &a)) in expected.f32().iter().zip(actual.f32()).enumerate() {
            // Unwritten in both: beyond a text's length, say. A NaN that the twin computes is expected too.
            if e.is_nan() && a.is_nan() || e == a {
                continue;
            }
            let error = f64::from(e - a).abs() / f64::from(e).abs().max(1.0);
            assert!(
                error <= tolerance,
                "{name}: element {index} is {a}, its twin {e}, error {error:e} over {tolerance:e}"
            );
            worst = worst.max(error);
        }
    }
    worst
}
