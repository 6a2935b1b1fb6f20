//! Where a model runs: the options of all commands that take one.

use super::seen_as::SeenAs;
use super::self_check;
use crate::gpu::Backend;
use crate::ir::Capabilities;
use crate::{Adapter, Options, Precision, SelfCheck, TensorCores};
use clap::{Args, ValueEnum};

/// Where a model runs, and how.
#[derive(Args, Debug)]
pub struct DeviceArguments {
    /// Adapter by (part of its) name, index or bus id as `wgbert adapters` lists it, or reference: the CPU, slow, without any
    /// driver; several with commas, or all, share the work; by default the best there is
    #[arg(long, value_name = "NAME|INDEX|all|reference", env = "WGBERT_ADAPTER", help_heading = "Device")]
    pub adapter: Option<Adapter>,

    /// Look for adapters on this backend only
    #[arg(long, help_heading = "Device")]
    pub backend: Option<BackendName>,

    /// Refuse to compute on the CPU, by a software adapter or the reference
    #[arg(long, help_heading = "Device")]
    pub require_gpu: bool,

    /// What weights and activations are stored as: f16 is half the memory, and logits to about three digits; on adapters
    /// without 16-bit floats in shaders it is for weights only
    #[arg(long, value_enum, default_value = "f32", help_heading = "Device")]
    pub precision: PrecisionName,

    /// Multiply on the adapter's tensor cores (cooperative matrices, on Apple simdgroup matrices; experimental)
    #[arg(
        long,
        alias = "matrix-units",
        value_name = "WHEN",
        value_enum,
        default_value = "auto",
        help_heading = "Device"
    )]
    pub tensor_cores: TensorCoresName,

    #[command(flatten)]
    pub seen: SeenArguments,

    #[command(flatten)]
    pub check: CheckArguments,

    /// Most tokens of one batch on the device: fewer take less memory
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..), help_heading = "Device")]
    pub batch_tokens: Option<u32>,
}

/// As which adapter the kernels are chosen.
#[derive(Args, Debug)]
pub struct SeenArguments {
    /// Choose kernels as for another adapter: a file that `wgbert adapters --format json` wrote there, with # and an index or a
    /// part of a name behind it if it lists several. What this adapter lacks is refused by name
    #[arg(long = "as", value_name = "FILE[#ADAPTER]", help_heading = "Device")]
    pub seen_as: Option<SeenAs>,
}

impl SeenArguments {
    pub fn capabilities(&self) -> Option<Capabilities> {
        self.seen_as.as_ref().map(|other| other.0.clone())
    }
}

/// Whether what the adapter computes is checked.
#[derive(Args, Debug)]
pub struct CheckArguments {
    /// Check that the adapter computes right: auto, before a batch first needs a kernel there and in a hundredth of the work;
    /// always; never
    #[arg(
        long,
        value_name = "auto|always|never",
        env = "WGBERT_SELF_CHECK",
        default_value = "auto",
        hide_env_values = true,
        help_heading = "Device"
    )]
    pub self_check: SelfCheck,
}

impl DeviceArguments {
    /// These choices, and the default for the others.
    pub fn options(&self) -> Options {
        Options::default()
            .adapter(self.adapter.clone().unwrap_or_default())
            .backend(self.backend.map(Into::into))
            .precision(self.precision.into())
            .tensor_cores(self.tensor_cores.into())
            .seen_as(self.seen.capabilities())
            .self_check(self.check.self_check)
            .self_check_program(self_check::program())
            .batch_tokens(self.batch_tokens.map(|tokens| tokens as usize))
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PrecisionName {
    F32,
    F16,
    /// f16 where shaders have it, else f32
    Auto,
}

impl From<PrecisionName> for Precision {
    fn from(name: PrecisionName) -> Precision {
        match name {
            PrecisionName::F32 => Precision::F32,
            PrecisionName::F16 => Precision::F16,
            PrecisionName::Auto => Precision::Auto,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum TensorCoresName {
    /// Where wgbert tune found here that the answers are right, and come faster; where it was not run, on a GPU that is
    /// checked (f32 on matrices of 16 x 16 alone)
    Auto,
    /// On an adapter that has any, and refused on others
    Always,
    /// On no adapter
    Never,
}

impl From<TensorCoresName> for TensorCores {
    fn from(name: TensorCoresName) -> TensorCores {
        match name {
            TensorCoresName::Auto => TensorCores::Auto,
            TensorCoresName::Always => TensorCores::Always,
            TensorCoresName::Never => TensorCores::Never,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum BackendName {
    Vulkan,
    Metal,
    Dx12,
}

impl From<BackendName> for Backend {
    fn from(name: BackendName) -> Backend {
        match name {
            BackendName::Vulkan => Backend::Vulkan,
            BackendName::Metal => Backend::Metal,
            BackendName::Dx12 => Backend::Dx12,
        }
    }
}
