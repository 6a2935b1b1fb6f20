//! What the tests that need an adapter share.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod edited;
pub mod environment;
pub mod golden;
pub mod requirements;

use requirements::{Need, not_run};
use std::ops::Range;
use std::sync::{Arc, LazyLock, OnceLock};
use wgbert::gpu;
use wgbert::gpu::{Gpu, Plan, WeightBuffers};
use wgbert::ir::{Capabilities, Element, Recording, Run, Storage, Values, Weight, WeightSource};

/// naga's version, of Cargo.lock, as a word: where texts are compared, numbers do not tell them apart.
pub fn naga() -> &'static str {
    static NAGA: LazyLock<String> = LazyLock::new(|| {
        let lock = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.lock")).unwrap_or_default();
        let version = lock.split("name = \"naga\"\nversion = \"").nth(1).and_then(|rest| rest.split('"').next());
        format!("naga_{}", version.unwrap_or_default())
    });
    &NAGA
}

/// The adapter that the tests run on: the one that WGBERT_ADAPTER names, else the first. Its absence is a failure.
pub fn gpu() -> Arc<Gpu> {
    static GPU: OnceLock<Arc<Gpu>> = OnceLock::new();
    GPU.get_or_init(|| Arc::new(open())).clone()
}

/// That adapter as one with the least capabilities: kernels choose the variants that run everywhere, unchecked as on a card.
pub fn plain_gpu() -> Arc<Gpu> {
    static GPU: OnceLock<Arc<Gpu>> = OnceLock::new();
    let open_plain = || {
        let mut gpu = open().with_checks(false);
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
    Capabilities { cpu: false, cooperative_matrix_size: None, subgroup, ..device.clone() }
}

/// The adapter of [`gpu`] as such a card.
pub fn card_gpu() -> Arc<Gpu> {
    static GPU: OnceLock<Arc<Gpu>> = OnceLock::new();
    let open_card = || {
        let mut gpu = open().with_checks(false);
        gpu.capabilities = card(&gpu.capabilities);
        Arc::new(gpu)
    };
    GPU.get_or_init(open_card).clone()
}

/// That adapter with its tensor cores in use, also where it is a software adapter that has a faster way; says so where
/// it has none.
pub fn tensor_gpu() -> Option<Arc<Gpu>> {
    static GPU: OnceLock<Option<Arc<Gpu>>> = OnceLock::new();
    let open_tensor = || {
        // Checked, which compiles sooner: unchecked, these took longer than five minutes.
        let mut gpu = open().with_checks(true);
        if gpu.capabilities.cooperative_matrix_size.is_none() {
            not_run(Need::TensorCores, format_args!("{} has no square cooperative matrices", gpu.name));
            return None;
        }
        gpu.capabilities.cpu = false;
        Some(Arc::new(gpu))
    };
    GPU.get_or_init(open_tensor).clone()
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

/// No weights: everything in a case is a constant.
pub struct NoWeights;

impl WeightSource for NoWeights {
    fn rows(&self, weight: &Weight, _: Range<usize>) -> wgbert::Result<Vec<f32>> {
        panic!("the case has no weight {:?}", weight.names)
    }
}

/// The outputs of a recording, whose buffers held nothing before.
pub fn run(gpu: Arc<Gpu>, recording: Recording, run: Run<'_>) -> Vec<Values> {
    let mut weights = WeightBuffers::default();
    let outputs = gpu::block_on(async {
        let mut plan = Plan::new(gpu, recording, run.size().limits(), &mut weights, &NoWeights).await?;
        plan.poison().await?;
        plan.run(run).await
    });
    outputs.unwrap_or_else(|error| panic!("{error}")).into_iter().map(|(_, values)| values).collect()
}
