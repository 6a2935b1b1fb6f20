//! Every kernel's shader for every kind of adapter, without an adapter: it compiles with only what the adapter has, and
//! says the same as its Rust twin.

#[path = "shaders/adapters.rs"]
mod adapters;
#[path = "shaders/backends.rs"]
mod backends;
mod common;
#[path = "shaders/compilers.rs"]
mod compilers;
#[path = "shaders/names.rs"]
mod names;

use adapters::adapters;
use backends::{Hlsl, Pipeline, Target};
use compilers::Compiler;
use naga::valid::{ModuleInfo, ValidationFlags, Validator};
use naga::{AddressSpace, GlobalVariable, Module, ScalarKind, ShaderStage, TypeInner};
use names::{Body, Header, Names};
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};
use wgbert::bench::Roof;
use wgbert::ir::{
    Access, BATCH, BatchSize, Binding, Capabilities, Field, Kernel, Launch, PARAMS, Scalar, Shader, Storage,
};
use wgbert::kernels::{self, Activation, KERNELS, matmul::MatMul};

/// Storage buffers that WebGPU's minimum lets one stage have.
const MAX_STORAGE_BUFFERS: usize = 8;
/// Invocations that WebGPU's minimum lets a workgroup have in y and z; in x it is the adapter's `workgroup_size`.
const MAX_WORKGROUP: [u32; 2] = [256, 64];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Name, offset and type of each field.
type Fields = Vec<(String, u32, ScalarKind)>;

/// A linked shader as naga sees it, whatever its overrides are.
struct Reflected {
    name: String,
    source: String,
    module: Module,
    info: ModuleInfo,
}

impl Reflected {
    /// Parses and validates with the adapter's features and no others: once, of the many adapters and tests that see the same.
    fn new(name: &str, shader: &Shader, device: &Capabilities) -> Arc<Reflected> {
        type Cell = Arc<OnceLock<Arc<Reflected>>>;
        static KNOWN: LazyLock<Mutex<HashMap<(Shader, Target), Cell>>> = LazyLock::new(Mutex::default);
        let key = (Shader { constants: Vec::new(), ..shader.clone() }, Target::of(device));
        let cell = KNOWN.lock().unwrap().entry(key).or_default().clone();
        cell.get_or_init(|| Arc::new(Reflected::compiled(name, shader, device))).clone()
    }

    fn compiled(name: &str, shader: &Shader, device: &Capabilities) -> Reflected {
        let source = shader.source();
        let module = naga::front::wgsl::parse_str(&source)
            .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(&source)));
        let info = Validator::new(ValidationFlags::all(), Target::of(device).features())
            .validate(&module)
            .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(&source)));
        Reflected { name: name.into(), source, module, info }
    }

    /// Variables of the only bind group, by number.
    fn bound(&self) -> BTreeMap<u32, &GlobalVariable> {
        let variables = self.module.global_variables.iter().map(|(_, variable)| variable);
        let bound = variables.filter_map(|variable| Some((variable.binding?, variable)));
        bound
            .inspect(|(place, _)| assert_eq!(place.group, 0, "{}: a second bind group", self.name))
            .map(|(place, variable)| (place.binding, variable))
            .collect()
    }

    /// Names, offsets and types of a uniform's fields, and its size.
    fn uniform(&self, number: u32) -> Option<(Fields, u32)> {
        let variable = self.bound().remove(&number)?;
        let TypeInner::Struct { members, span } = &self.module.types[variable.ty].inner else {
            panic!("{}: the uniform {number} is not a struct", self.name);
        };
        assert_eq!(variable.space, AddressSpace::Uniform, "{}: binding {number}", self.name);
        let field = |member: &naga::StructMember| match self.module.types[member.ty].inner {
            TypeInner::Scalar(naga::Scalar { kind, width: 4 }) => (member.name.clone().unwrap(), member.offset, kind),
            ref other => panic!("{}: uniform field {:?} is {other:?}", self.name, member.name),
        };
        Some((members.iter().map(field).collect(), *span))
    }
}

/// A batch of texts of all sizes.
fn batch() -> BatchSize {
    BatchSize::new([1, 512, 33, 2, 128])
}

/// A kernel with one choice of its options.
struct Instance {
    kernel: Arc<dyn Kernel>,
    /// The bindings that it does without; it must have all others.
    without: Vec<&'static str>,
}

impl Instance {
    /// The shaders that may run on the adapter: that for the batch, and of a product those of all tiles.
    fn shaders(&self, device: &Capabilities, batch: &BatchSize) -> Vec<Shader> {
        let launches = self.kernel.launches(device, batch).into_iter();
        let mut all: Vec<Shader> = launches.map(|launch| launch.shader).collect();
        // A tile does not know the activation: one stands for all.
        let matmul = (&*self.kernel as &dyn Any).downcast_ref::<MatMul>();
        if let Some(matmul) = matmul.filter(|matmul| matmul.activation == Activation::Gelu) {
            all.extend(matmul.tiles(device).iter().map(|tile| matmul.launch_in(tile).shader));
        }
        all
    }
}

/// Every example of every kernel, as it may be stored on the adapter, and what the adapter's limits are measured with.
fn instances(device: &Capabilities) -> Vec<Instance> {
    let mut all = Vec::new();
    for entry in KERNELS {
        // Weights in f16 are unpacked where shaders have no f16.
        let missing = if device.f16 { Storage::PackedWeights } else { Storage::F16 };
        for &storage in entry.storages.iter().filter(|storage| **storage != missing) {
            all.extend((entry.examples)(storage).into_iter().map(|example| {
                let operands = example.kernel.bindings().iter().zip(&example.operands);
                let without = operands.filter(|(_, operand)| operand.is_none()).map(|(binding, _)| binding.name);
                Instance { without: without.collect(), kernel: example.kernel }
            }));
        }
    }
    all.extend(Roof::kernels(device).into_iter().map(|kernel| Instance { kernel, without: Vec::new() }));
    all
}

/// Calls `check` with each different shader of the examples, one of the instances that use it, and the adapter.
fn each_shader(mut check: impl FnMut(&str, &Instance, &Shader, &Capabilities)) {
    let mut count = 0;
    for (adapter, device) in adapters() {
        let mut seen = HashSet::new();
        for instance in instances(&device) {
            for shader in instance.shaders(&device, &batch()) {
                if seen.insert(shader.clone()) {
                    let name = format!("{:?} on {adapter}, {}", instance.kernel, shader.variant());
                    check(&name, &instance, &shader, &device);
                }
            }
        }
        count += seen.len();
    }
    println!("{count} shaders on {} adapters", adapters().len());
}

/// The WGSL as browsers take it, below a line that says how it is launched; none if it has what is naga's own.
fn for_browsers(shader: &Shader, source: &str) -> Option<String> {
    if source.contains("enable wgpu_cooperative_matrix;") || source.contains("u64") {
        return None;
    }
    // naga has no such extension: subgroups are there where the device has them.
    let builtin = source.contains("@builtin(subgroup_") || source.contains("@builtin(num_subgroups)");
    let function = source
        .match_indices("subgroup")
        .any(|(place, word)| source[place + word.len()..].starts_with(|next: char| next.is_ascii_uppercase()));
    let enable = if builtin || function { "enable subgroups;\n" } else { "" };
    let constants = shader.constants.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect::<Vec<_>>();
    Some(format!("//{{{}}}\n{enable}{source}", constants.join(",")))
}

/// What a shader takes of a workgroup, its overrides being what they are.
struct Footprint {
    size: [u32; 3],
    memory: u32,
}

impl Footprint {
    fn of(module: &Module) -> Footprint {
        let memory = module.global_variables.iter().filter(|(_, variable)| variable.space == AddressSpace::WorkGroup);
        let memory = memory.map(|(_, variable)| module.types[variable.ty].inner.size(module.to_ctx()));
        let memory = memory.map(|bytes| bytes.next_multiple_of(16)).sum();
        Footprint { size: module.entry_points[0].workgroup_size, memory }
    }
}

#[test]
fn every_shader_compiles_for_every_adapter_and_backend() {
    let [mut dxc, mut tint, mut spirv_val] = [Compiler::dxc(), Compiler::tint(), Compiler::spirv_val()];
    // Adapters that are alike to a backend are told the same.
    let mut translated: HashMap<(Shader, Target), Footprint> = HashMap::new();
    each_shader(|name, _, shader, device| {
        let target = Target::of(device);
        let Footprint { size, memory } = translated.entry((shader.clone(), target)).or_insert_with(|| {
            let reflected = Reflected::new(name, shader, device);
            let pipeline = Pipeline::new(&reflected.module, &reflected.info, shader, target);
            translate(name, &pipeline, [&mut spirv_val, &mut dxc]);
            if let Some(text) = for_browsers(shader, &reflected.source) {
                tint.add(name, "wgsl".into(), text);
            }
            Footprint::of(&pipeline.module)
        });
        let [y, z] = MAX_WORKGROUP;
        for (size, limit) in size.iter().zip([device.workgroup_size, y, z]) {
            assert!((1..=limit).contains(size), "{name}: workgroup of {size:?}");
        }
        let lanes: u32 = size.iter().product();
        assert!(lanes <= device.workgroup_size, "{name}: {lanes} lanes");
        assert!(*memory <= device.workgroup_memory, "{name}: {memory} bytes of workgroup memory");
        if shader.parts.iter().any(|part| part.name() == "reduce_subgroup") {
            assert_eq!(device.uniform_subgroup(), Some(lanes), "{name}: the workgroup must be one subgroup");
        }
    });
    println!("{} translations", translated.len());
    for compiler in [spirv_val, tint, dxc] {
        compiler.accepts_all();
    }
}

/// Has naga write what each backend's compiler is given.
fn translate(name: &str, pipeline: &Pipeline, [spirv_val, dxc]: [&mut Compiler; 2]) {
    let text = pipeline.metal().unwrap_or_else(|error| panic!("{name}: Metal: {error}"));
    assert!(text.contains("kernel void"), "{name}");
    for checked in [true, false] {
        let words = pipeline.spirv(checked).unwrap_or_else(|error| panic!("{name}: SPIR-V: {error}"));
        let told = format!("{} {checked}\n{}", common::naga(), text);
        let bytes = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        spirv_val.add_translation(name, format!("{}.spv", pipeline.vulkan()), &told, bytes);
        if let Some(written) = pipeline.hlsl(checked) {
            let Hlsl { text, entry, profile } = written.unwrap_or_else(|error| panic!("{name}: DX12: {error}"));
            assert!(text.contains("numthreads"), "{name}");
            // What DXC refuses, for those who lack it: naga writes a helper for each handle of a type, an alias and
            // the type itself among them, by one name.
            let mut helpers = HashSet::new();
            for line in text.lines().filter(|line| line.contains(" ZeroValue") || line.contains(" Construct")) {
                let twice = line.ends_with('{') && !line.starts_with(' ') && !helpers.insert(line);
                assert!(!twice, "{name}: naga writes this twice for DX12, of T() or array<T, N>(...): {line}");
            }
            dxc.add(name, format!("{profile}.{entry}.hlsl"), text);
        }
    }
}

#[test]
fn params_are_the_same_in_wgsl_and_rust() {
    each_shader(|name, instance, shader, device| {
        let reflected = Reflected::new(name, shader, device);
        let params = instance.kernel.params();
        let kind = |scalar| match scalar {
            Scalar::U32 => ScalarKind::Uint,
            Scalar::F32 => ScalarKind::Float,
        };
        let field = |field: &Field| (field.name.to_string(), field.offset as u32, kind(field.scalar));
        let (fields, bytes) = reflected.uniform(PARAMS).unwrap_or_else(|| panic!("{name}: no params"));
        assert_eq!(fields, params.fields.iter().map(field).collect::<Vec<_>>(), "{name}");
        assert_eq!(bytes as usize, params.bytes.len(), "{name}: bytes of the params");
        // The plan writes the two sizes of a batch in this order.
        if let Some((fields, bytes)) = reflected.uniform(BATCH) {
            let expected = [("tokens", 0), ("texts", 4)].map(|(name, at)| (name.to_string(), at, ScalarKind::Uint));
            assert_eq!((fields.as_slice(), bytes), (expected.as_slice(), 8), "{name}: the batch");
        }
    });
}

#[test]
fn bindings_are_the_same_in_wgsl_and_rust() {
    let mut without: BTreeMap<(&str, &str), BTreeSet<bool>> = BTreeMap::new();
    each_shader(|name, instance, shader, device| {
        let reflected = Reflected::new(name, shader, device);
        for binding in instance.kernel.bindings() {
            let absent = instance.without.contains(&binding.name);
            without.entry((shader.name, binding.name)).or_default().insert(absent);
        }
        let bindings = instance.kernel.bindings().iter().filter(|binding| !instance.without.contains(&binding.name));
        let expected: BTreeMap<u32, (&str, Access)> =
            bindings.map(|&Binding { number, name, access }| (number, (name, access))).collect();
        let mut variables = reflected.bound();
        variables.retain(|number, _| ![PARAMS, BATCH].contains(number));
        let declared = variables.iter().map(|(number, variable)| {
            let access = match variable.space {
                AddressSpace::Storage { access } if access == naga::StorageAccess::LOAD => Access::Read,
                AddressSpace::Storage { .. } => Access::Write,
                space => panic!("{name}: binding {number} lies in {space:?}"),
            };
            (*number, (variable.name.as_deref().unwrap(), access))
        });
        // WGSL says read_write of both kinds of writing; which it is, the uses below tell.
        let written = |access| if access == Access::ReadWrite { Access::Write } else { access };
        let wanted = expected.iter().map(|(number, (binding, access))| (*number, (*binding, written(*access))));
        assert_eq!(declared.collect::<BTreeMap<_, _>>(), wanted.collect(), "{name}");
        assert!(variables.len() <= MAX_STORAGE_BUFFERS, "{name}: {} storage buffers", variables.len());

        // What is declared is also used, and what is written is not only read.
        let entry = reflected.info.get_entry_point(0);
        for (handle, variable) in reflected.module.global_variables.iter() {
            use naga::valid::GlobalUse;
            let Some(place) = variable.binding else { continue };
            if [PARAMS, BATCH].contains(&place.binding) {
                continue;
            }
            let wanted = match expected[&place.binding].1 {
                Access::Read => GlobalUse::READ,
                Access::Write => GlobalUse::WRITE,
                Access::ReadWrite => GlobalUse::READ | GlobalUse::WRITE,
            };
            assert!(entry[handle].contains(wanted), "{name}: {:?} is only used for {:?}", variable.name, entry[handle]);
        }
    });
    for ((kernel, binding), absent) in &without {
        assert!(absent.contains(&false), "{kernel}: no example has {binding}");
    }
}

#[test]
fn entry_points_and_overrides_are_those_of_the_launch() {
    each_shader(|name, instance, shader, device| {
        let reflected = Reflected::new(name, shader, device);
        assert_eq!(shader.name, instance.kernel.name(), "{name}");
        let entries: Vec<&str> = reflected.module.entry_points.iter().map(|entry| entry.name.as_str()).collect();
        let reduces = shader.parts.iter().any(|part| part.path.starts_with("common/reduce_"));
        assert_eq!(entries, [if reduces { "reduce_rows" } else { shader.name }], "{name}: entry points");
        let entry = &reflected.module.entry_points[0];
        assert_eq!(entry.stage, ShaderStage::Compute, "{name}");
        let structs = entry.function.arguments.iter().filter(|argument| argument.binding.is_none()).count();
        assert_eq!(structs, 0, "{name}: a builtin in a struct, which naga 30 forgets for DX12 if it is a subgroup's");
        let passed: BTreeSet<&str> = shader.constants.iter().map(|(name, _)| *name).collect();
        assert_eq!(passed.len(), shader.constants.len(), "{name}: a constant is passed twice");
        let overrides = || reflected.module.overrides.iter().map(|(_, declared)| declared);
        let declared: BTreeSet<&str> = overrides().filter_map(|declared| declared.name.as_deref()).collect();
        assert!(passed.is_subset(&declared), "{name}: passes {passed:?}, but declared are {declared:?}");
        for missing in overrides().filter(|declared| declared.init.is_none()) {
            let missing = missing.name.as_deref().unwrap();
            assert!(passed.contains(missing), "{name}: {missing} has no value");
        }
    });
}

/// The shader is the key of its pipeline, of which a plan keeps one for each power of two of rows.
#[test]
fn a_batch_decides_the_grid_and_its_rows_the_variant() {
    let mut short_texts: HashMap<u32, BatchSize> = HashMap::new();
    for (adapter, device) in adapters() {
        // The most of each that a batch may have (`Options::capacity`), and the least.
        let most = device.max_workgroups as usize;
        let sizes = [vec![1], vec![512], vec![3; 17], vec![1; most], vec![512; most / 512]].map(BatchSize::new);
        for Instance { kernel, .. } in instances(&device) {
            for size in &sizes {
                let launches = kernel.launches(&device, size);
                let sizes = format!("{kernel:?} on {adapter}, {} tokens, {} texts", size.tokens, size.texts());
                let rows = kernel.varies_with().map_or(1, |rows| size.rows(rows)).next_power_of_two();
                let short_texts = short_texts.entry(rows).or_insert_with(|| BatchSize::new(vec![1; rows as usize]));
                let same_rows = kernel.launches(&device, short_texts);
                assert!(launches == same_rows, "{sizes}: another shader or grid");
                let busy: Vec<&Launch> = launches.iter().filter(|launch| !launch.is_idle(size)).collect();
                assert!(!busy.is_empty(), "{sizes}: nothing is launched");
                for launch in busy {
                    let grid = launch.grid.workgroups(size, device.max_workgroups);
                    assert!(
                        grid.iter().all(|&side| (1..=device.max_workgroups).contains(&side)),
                        "{sizes}: grid {grid:?}"
                    );
                }
            }
        }
    }
}

/// Names in a folder that end with `end`, without it.
fn names_in(folder: &Path, end: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    entries.filter_map(|name| name.strip_suffix(end).map(String::from)).collect()
}

/// The folders of `shaders/`.
fn folders() -> BTreeSet<String> {
    names_in(&root().join("shaders"), "")
}

/// The WGSL files, by their paths in `shaders/`, without the extension.
fn files() -> BTreeSet<String> {
    let within = |folder: &String| {
        let stems = names_in(&root().join("shaders").join(folder), ".wgsl");
        stems.into_iter().map(|stem| format!("{folder}/{stem}")).collect::<Vec<_>>()
    };
    folders().iter().flat_map(within).collect()
}

/// What is forgotten of a new kernel, in the words of CONTRIBUTING.md.
#[test]
fn a_kernel_is_its_folder_its_module_and_one_line() {
    let known: BTreeSet<String> = kernels::NAMES.iter().map(|name| name.to_string()).collect();
    assert_eq!(known.len(), kernels::NAMES.len(), "a name twice in KERNELS of src/kernels/mod.rs");
    // What kernels share, what software adapters run, and what the bench measures an adapter's limits with.
    let without = |mut all: BTreeSet<String>, shared: &[&str]| {
        assert!(shared.iter().all(|shared| all.remove(*shared)), "{shared:?} are not all in {all:?}");
        all
    };
    let shaders = without(folders(), &["common", "cpu", "roof"]);
    let modules = names_in(&root().join("src/kernels"), ".rs");
    let modules = without(modules, &["activation", "check", "common", "example", "mod", "probe", "reduce"]);
    let all: BTreeSet<String> = &(&known | &shaders) | &modules;
    for name in &all {
        assert!(shaders.contains(name), "{name}: shaders/{name}/ is missing");
        assert!(modules.contains(name), "{name}: src/kernels/{name}.rs is missing");
        assert!(known.contains(name), "{name}: KERNELS of src/kernels/mod.rs lacks the line `{name}::ENTRY,`");
    }
    for entry in KERNELS {
        for &storage in entry.storages {
            let examples = (entry.examples)(storage);
            assert!(examples.iter().any(|example| example.runs), "{}: no example in {storage:?} is run", entry.name);
            let sized = (entry.sized)(&entry.first());
            for example in examples.iter().chain([&sized]) {
                assert_eq!(example.kernel.name(), entry.name, "{}: an example of another kernel", entry.name);
                let bindings = example.kernel.bindings().len();
                assert_eq!(example.operands.len(), bindings, "{}: operands of an example", entry.name);
            }
        }
    }
}

#[test]
fn every_wgsl_file_is_linked_and_documented() {
    let mut used = BTreeSet::new();
    each_shader(|_, _, shader, _| used.extend(shader.parts.iter().map(|part| part.path.to_string())));
    assert_eq!(files(), used, "files and what is linked");
    let stems: BTreeSet<&str> = used.iter().filter_map(|path| path.split('/').nth(1)).collect();
    assert_eq!(stems.len(), used.len(), "two files of one name");
    for path in &used {
        let text = fs::read_to_string(root().join("shaders").join(format!("{path}.wgsl"))).unwrap();
        let (folder, stem) = path.split_once('/').unwrap();
        let start = if folder == stem { format!("// {stem}: ") } else { String::new() };
        assert!(text.starts_with(&start), "{path} does not open with its formula");
        for line in text.lines().filter(|line| line.starts_with("@group(0)") && !line.contains("var<uniform>")) {
            assert!(line.contains("; // ["), "{path}: a binding without its shape: {line}");
        }
    }
}

/// Each file opens with the names that it provides to others and needs of others, and every shader has each of them once.
#[test]
fn every_file_says_what_it_provides_and_needs() {
    let source = |path: &str| fs::read_to_string(root().join("shaders").join(format!("{path}.wgsl"))).unwrap();
    let sources: BTreeMap<String, String> = files().into_iter().map(|path| (path.clone(), source(&path))).collect();
    let bodies: BTreeMap<&str, Body> = sources.iter().map(|(path, text)| (path.as_str(), Body::read(text))).collect();
    let mut shaders = BTreeSet::new();
    each_shader(|_, _, shader, _| {
        let sizes: Vec<&str> = shader.sizes.iter().map(|(name, _)| *name).collect();
        shaders.insert((shader.parts.iter().map(|part| part.path).collect::<Vec<_>>(), sizes));
    });

    let mut headers: BTreeMap<&str, [Names; 2]> = BTreeMap::new();
    for (paths, sizes) in &shaders {
        let mut unused: BTreeSet<&str> = sizes.iter().copied().collect();
        for path in paths {
            headers.entry(path).or_default();
            for name in &bodies[path].free {
                let mut given = unused.remove(name.as_str()) || sizes.contains(&name.as_str());
                for other in paths.iter().filter(|other| bodies[*other].declared.contains(name)) {
                    headers.entry(other).or_default()[0].insert(name.clone());
                    given = true;
                }
                if given {
                    headers.entry(path).or_default()[1].insert(name.clone());
                }
            }
            headers.entry(path).or_default()[0].extend(bodies[path].entry.clone());
        }
        assert!(unused.is_empty(), "{paths:?}: no file needs {unused:?}");
    }
    let list = |names: &Names| match names.is_empty() {
        true => "nothing".to_string(),
        false => names.iter().cloned().collect::<Vec<_>>().join(", "),
    };
    let mut wrong = Vec::new();
    for (path, [provides, needs]) in &headers {
        let said = Header::read(&sources[*path]).map(|header| [header.provides, header.needs]);
        if said.as_ref() != Some(&[provides.clone(), needs.clone()]) {
            wrong.push(format!("shaders/{path}.wgsl: provides: {}; needs: {}", list(provides), list(needs)));
        }
    }
    assert!(wrong.is_empty(), "headers that should be:\n{}", wrong.join("\n"));
    for (paths, sizes) in &shaders {
        for path in paths {
            for name in &headers[path][1] {
                let others = paths.iter().filter(|other| *other != path && headers[*other][0].contains(name)).count();
                let count = others + sizes.iter().filter(|size| size == &name).count();
                assert_eq!(count, 1, "{paths:?}: providers of {name}, which {path} needs");
            }
        }
    }
}
