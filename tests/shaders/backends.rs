//! What wgpu gives to the compilers of drivers: naga's translation of a shader, with wgpu-hal's own options.

use naga::back::{hlsl, msl, pipeline_constants::process_overrides, spv};
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::ModuleInfo;
use naga::{AddressSpace, Module, ShaderStage, StorageAccess};
use std::borrow::Cow;
use wgbert::ir::{Capabilities, Shader};

const STAGE: ShaderStage = ShaderStage::Compute;

/// A shader whose overrides have the values that it is launched with.
pub struct Pipeline<'a> {
    pub module: Cow<'a, Module>,
    info: Cow<'a, ModuleInfo>,
    target: Target,
}

/// What of an adapter decides what a shader may use and how its backends are told it: adapters of one target are told the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    subgroups: bool,
    f16: bool,
    int64: bool,
    matrices: bool,
}

impl Target {
    pub fn of(device: &Capabilities) -> Target {
        Target {
            subgroups: device.subgroup.is_some(),
            f16: device.f16,
            int64: device.int64,
            matrices: device.cooperative_matrix_size.is_some(),
        }
    }

    /// What naga is to allow.
    pub fn features(self) -> naga::valid::Capabilities {
        use naga::valid::Capabilities as Naga;
        // unpack2x16float, which is WebGPU's own.
        let mut features = Naga::SHADER_FLOAT16_IN_FLOAT32;
        features.set(Naga::SUBGROUP, self.subgroups);
        features.set(Naga::SHADER_FLOAT16, self.f16);
        features.set(Naga::SHADER_INT64, self.int64);
        features.set(Naga::COOPERATIVE_MATRIX, self.matrices);
        features
    }
}

/// The text that DX12 compiles, and what it is compiled for.
pub struct Hlsl {
    pub text: String,
    pub entry: String,
    /// `cs_6_2`, the least that has what the shader needs. wgpu asks for the most that the driver and DXC have in common, and
    /// gives every version from 6.0 on the same text.
    pub profile: &'static str,
}

impl<'a> Pipeline<'a> {
    pub fn new(module: &'a Module, info: &'a ModuleInfo, shader: &Shader, target: Target) -> Pipeline<'a> {
        let constants = shader.constants.iter().map(|(name, value)| (name.to_string(), f64::from(*value))).collect();
        let entry = &module.entry_points[0].name;
        let (module, info) = process_overrides(module, info, Some((STAGE, entry)), &constants)
            .unwrap_or_else(|error| panic!("{}: {error}", shader.name));
        Pipeline { module, info, target }
    }

    fn entry(&self) -> String {
        self.module.entry_points[0].name.clone()
    }

    /// The Vulkan that it is written for: 1.1 is the first to have subgroups, and cooperative matrices come with 1.3.
    pub fn vulkan(&self) -> &'static str {
        match self.target {
            Target { matrices: true, .. } => "vulkan1.3",
            Target { subgroups: true, .. } => "vulkan1.1",
            _ => "vulkan1.0",
        }
    }

    /// For Vulkan. `checked` modules bound every index and loop and zero the workgroup's memory.
    pub fn spirv(&self, checked: bool) -> Result<Vec<u32>, spv::Error> {
        let bounds = if checked { BoundsCheckPolicy::Restrict } else { BoundsCheckPolicy::Unchecked };
        let options = spv::Options {
            lang_version: match self.vulkan() {
                "vulkan1.3" => (1, 6),
                "vulkan1.1" => (1, 3),
                _ => (1, 0),
            },
            flags: spv::WriterFlags::LABEL_VARYINGS | spv::WriterFlags::FORCE_POINT_SIZE,
            bounds_check_policies: BoundsCheckPolicies {
                index: bounds,
                buffer: bounds,
                image_load: bounds,
                binding_array: BoundsCheckPolicy::Unchecked,
            },
            zero_initialize_workgroup_memory: match checked {
                true => spv::ZeroInitializeWorkgroupMemoryMode::Polyfill,
                false => spv::ZeroInitializeWorkgroupMemoryMode::None,
            },
            force_loop_bounding: checked,
            emit_int_div_checks: checked,
            fake_missing_bindings: true,
            ..spv::Options::default()
        };
        let pipeline = spv::PipelineOptions { shader_stage: STAGE, entry_point: self.entry() };
        spv::write_vec(&self.module, &self.info, &options, Some(&pipeline))
    }

    /// For Metal: 2.1, or 2.3 for matrices.
    pub fn metal(&self) -> Result<String, msl::Error> {
        let options = msl::Options {
            lang_version: if self.target.matrices { (2, 3) } else { (2, 1) },
            fake_missing_bindings: true,
            ..msl::Options::default()
        };
        let pipeline = msl::PipelineOptions { entry_point: Some((STAGE, self.entry())), ..Default::default() };
        let (text, translated) = msl::write_string(&self.module, &self.info, &options, &pipeline)?;
        assert!(translated.entry_point_names.iter().all(Result::is_ok), "{}: no entry point", self.entry());
        Ok(text)
    }

    /// For DX12, unless there are matrices: naga has none for HLSL, and so no DX12 adapter offers them.
    pub fn hlsl(&self, checked: bool) -> Option<Result<Hlsl, hlsl::Error>> {
        let (shader_model, profile) = match self.target {
            Target { matrices: true, .. } => return None,
            Target { f16: true, .. } => (hlsl::ShaderModel::V6_2, "cs_6_2"),
            _ => (hlsl::ShaderModel::V6_0, "cs_6_0"),
        };
        // As wgpu counts them: registers of each kind, through all groups.
        let (mut uniforms, mut read, mut written) = Default::default();
        let next = |register: &mut hlsl::BindTarget| {
            let target = hlsl::BindTarget { restrict_indexing: true, ..*register };
            register.register += 1;
            target
        };
        let variables = self.module.global_variables.iter().map(|(_, variable)| variable);
        let mut bound: Vec<_> = variables.filter_map(|variable| Some((variable.binding?, variable.space))).collect();
        bound.sort_by_key(|(place, _)| *place);
        let place = |(place, space)| match space {
            AddressSpace::Uniform => (place, next(&mut uniforms)),
            AddressSpace::Storage { access } if access == StorageAccess::LOAD => (place, next(&mut read)),
            _ => (place, next(&mut written)),
        };
        let binding_map: hlsl::BindingMap = bound.into_iter().map(place).collect();
        let options = hlsl::Options {
            shader_model,
            binding_map,
            fake_missing_bindings: false,
            special_constants_binding: Some(uniforms),
            zero_initialize_workgroup_memory: checked,
            restrict_indexing: checked,
            force_loop_bounding: checked,
            ..hlsl::Options::default()
        };
        let pipeline = hlsl::PipelineOptions { entry_point: Some((STAGE, self.entry())) };
        let mut text = String::new();
        let written = hlsl::Writer::new(&mut text, &options, &pipeline).write(&self.module, &self.info, None);
        Some(written.map(|mut translated| {
            let entry = translated.entry_point_names.remove(0).unwrap_or_else(|error| panic!("{error}"));
            Hlsl { text, entry, profile }
        }))
    }
}
