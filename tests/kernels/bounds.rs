//! What wgpu does not check on a GPU: that every index lies within what it indexes, that no divisor is 0, and that no kernel
//! reads workgroup memory that it did not write.
//!
//! Each shader is rewritten so that it checks itself: behind every index and divisor stands a comparison that raises a flag of
//! the workgroup, workgroup memory is NaN before it starts, and where the flag is raised at the end all outputs are. So an index
//! that a clamp makes harmless, or whose value nobody uses, still shows.

use naga::back::pipeline_constants::process_overrides;
use naga::valid::{Capabilities as Naga, FunctionInfo, ModuleInfo, ValidationFlags, Validator};
use naga::{
    AddressSpace, ArraySize, BinaryOperator, Binding, Block, BuiltIn, CooperativeData, Expression, Function,
    GlobalVariable, Handle, Literal, Module, Range, ScalarKind, Span, Statement, StorageAccess, Type, TypeInner,
};
use std::cell::Cell;
use wgbert::gpu::Fault;
use wgbert::ir::Shader;

const FLAG: &str = "out_of_bounds";

/// A device whose shaders check themselves.
#[derive(Debug, Default)]
pub struct Bounds {
    /// What stands in the WGSL, and what is to stand there instead.
    pub edit: Option<[&'static str; 2]>,
}

impl Fault for Bounds {
    fn source(&self, shader: &Shader, source: String) -> String {
        let source = match self.edit {
            Some([from, to]) => {
                assert!(source.contains(from), "{from} is not in {}", shader.name);
                source.replace(from, to)
            }
            None => source,
        };
        instrument(&source, &shader.constants)
            .unwrap_or_else(|error| panic!("{} [{}]: {error}", shader.name, shader.variant()))
    }
}

/// A shader that checks itself, whose overrides have these values and are still to be given.
pub fn instrument(source: &str, constants: &[(&str, u32)]) -> Result<String, String> {
    let module = naga::front::wgsl::parse_str(source).map_err(|error| error.emit_to_string(source))?;
    let info = validate(&module)?;
    let values = constants.iter().map(|(name, value)| (name.to_string(), f64::from(*value))).collect();
    let entry = (naga::ShaderStage::Compute, module.entry_points[0].name.as_str());
    let resolved = process_overrides(&module, &info, Some(entry), &values).map_err(|error| error.to_string())?;
    let mut module = resolved.0.into_owned();
    for (_, constant) in module.constants.iter_mut() {
        constant.name = constant.name.take().map(|name| format!("value_of_{name}"));
    }
    // naga writes no length that is an override.
    let lengths: Vec<_> =
        module.types.iter().filter_map(|(handle, own)| length(&module, own).map(|own| (handle, own))).collect();
    lengths.into_iter().for_each(|(handle, own)| module.types.replace(handle, own));
    let atomic = Type { name: None, inner: TypeInner::Atomic(naga::Scalar::U32) };
    let flag = GlobalVariable {
        name: Some(FLAG.into()),
        space: AddressSpace::WorkGroup,
        binding: None,
        ty: module.types.insert(atomic, Span::UNDEFINED),
        init: None,
        memory_decorations: naga::MemoryDecorations::empty(),
    };
    let flag = module.global_variables.append(flag, Span::UNDEFINED);
    let info = validate(&module)?;

    let (types, count) = (module.types.clone(), Cell::new(0));
    let handles: Vec<Handle<Function>> = module.functions.iter().map(|(handle, _)| handle).collect();
    for handle in handles {
        Checks { types: &types, info: &info[handle], flag, count: &count }.add(&mut module.functions[handle]);
    }
    let mut entry = module.entry_points.pop().ok_or("no entry point")?;
    Checks { types: &types, info: info.get_entry_point(0), flag, count: &count }.add(&mut entry.function);

    // The entry point is called by one around it.
    let mut arguments = Vec::new();
    for (place, argument) in entry.function.arguments.iter_mut().enumerate() {
        let Some(Binding::BuiltIn(builtin)) = argument.binding.take() else {
            return Err("an argument that is no builtin".into());
        };
        let (name, of) = match builtin {
            BuiltIn::WorkGroupId => ("workgroup_id", "vec3<u32>"),
            BuiltIn::NumWorkGroups => ("num_workgroups", "vec3<u32>"),
            BuiltIn::LocalInvocationId => ("local_invocation_id", "vec3<u32>"),
            BuiltIn::LocalInvocationIndex => ("local_invocation_index", "u32"),
            BuiltIn::GlobalInvocationId => ("global_invocation_id", "vec3<u32>"),
            BuiltIn::SubgroupId => ("subgroup_id", "u32"),
            BuiltIn::SubgroupSize => ("subgroup_size", "u32"),
            BuiltIn::SubgroupInvocationId => ("subgroup_invocation_id", "u32"),
            BuiltIn::NumSubgroups => ("num_subgroups", "u32"),
            other => return Err(format!("an argument of {other:?}")),
        };
        arguments.push(format!("@builtin({name}) argument_{place}: {of}"));
    }
    let passed: Vec<String> = (0..arguments.len()).map(|place| format!("argument_{place}")).collect();
    entry.function.name = Some("checked_body".into());
    module.functions.append(entry.function, Span::UNDEFINED);

    let (mut poison, mut report) = (String::new(), String::new());
    // Names that no function has too, which naga would change.
    for (place, (handle, variable)) in module.global_variables.iter_mut().enumerate() {
        variable.name = Some(if handle == flag { FLAG.into() } else { format!("global_{place}x") });
    }
    for (handle, variable) in module.global_variables.iter() {
        let name = variable.name.as_deref().unwrap_or_default();
        match variable.space {
            AddressSpace::WorkGroup if handle != flag => {
                if let (TypeInner::Array { size: ArraySize::Constant(length), .. }, Some(value)) =
                    (&types[variable.ty].inner, nan(&module, variable.ty))
                {
                    poison += &format!("    for (var i = 0u; i < {length}u; i += 1u) {{ {name}[i] = {value}; }}\n");
                }
            }
            AddressSpace::Storage { access } if access.contains(StorageAccess::STORE) => {
                let value = nan(&module, variable.ty).ok_or("an output of other elements")?;
                report += &format!(
                    "        for (var i = 0u; i < arrayLength(&{name}); i += 1u) {{ {name}[i] = {value}; }}\n"
                );
            }
            _ => {}
        }
    }
    let info = validate(&module)?;
    let text = naga::back::wgsl::write_string(&module, &info, naga::back::wgsl::WriterFlags::empty());
    let text = text.map_err(|error| error.to_string())?;
    let [x, y, z] = entry.workgroup_size;
    // Those that nothing uses are gone, but will be given.
    let unused = constants.iter().filter(|(name, _)| !text.contains(&format!("override {name}: ")));
    let unused =
        unused.filter_map(|(name, _)| source.lines().find(|line| line.starts_with(&format!("override {name}: "))));
    let unused = unused.collect::<Vec<_>>().join("\n");
    let all = format!(
        "{text}
{unused}
@compute @workgroup_size({x}, {y}, {z})
fn checked({}) {{
    var bits = 0x7fc00000u;
    let nan = bitcast<f32>(bits);
    atomicStore(&{FLAG}, 0u);
{poison}    workgroupBarrier();
    checked_body({});
    workgroupBarrier();
    if atomicLoad(&{FLAG}) != 0u {{
        bits |= atomicLoad(&{FLAG});
        let nan = bitcast<f32>(bits);
{report}    }}
}}
",
        arguments.join(", "),
        passed.join(", "),
    );
    Ok(all)
}

/// A type of arrays whose length is an override, with what that came to.
fn length(module: &Module, own: &Type) -> Option<Type> {
    let TypeInner::Array { base, size: ArraySize::Pending(length), stride } = own.inner else { return None };
    let Expression::Literal(Literal::U32(count)) = module.global_expressions[module.overrides[length].init?] else {
        return None;
    };
    let size = ArraySize::Constant(std::num::NonZeroU32::new(count)?);
    // Two types of one length would be one, were they not named.
    Some(Type { name: Some(format!("array_{length:?}")), inner: TypeInner::Array { base, size, stride } })
}

/// A value of an array's elements that is no number, or as large as an integer can be; none of arrays of arrays.
fn nan(module: &Module, array: Handle<Type>) -> Option<String> {
    let TypeInner::Array { base, .. } = module.types[array].inner else { return None };
    let scalar = |scalar: naga::Scalar| match (scalar.kind, scalar.width) {
        (ScalarKind::Float, 4) => "nan",
        (ScalarKind::Float, 2) => "f16(nan)",
        (ScalarKind::Uint, 4) => "0xffffffffu",
        (ScalarKind::Uint, 8) => "u64(0xffffffffu)",
        other => panic!("{other:?} has no NaN here"),
    };
    Some(match module.types[base].inner {
        TypeInner::Scalar(one) => scalar(one).into(),
        TypeInner::Vector { size, scalar: one } => {
            let name = match (one.kind, one.width) {
                (ScalarKind::Float, 4) => "f32",
                (ScalarKind::Float, 2) => "f16",
                (ScalarKind::Uint, 8) => "u64",
                _ => "u32",
            };
            format!("vec{}<{name}>({})", size as u8, scalar(one))
        }
        _ => return None,
    })
}

fn validate(module: &Module) -> Result<ModuleInfo, String> {
    let mut validator = Validator::new(ValidationFlags::all(), Naga::all());
    validator
        .subgroup_stages(naga::valid::ShaderStages::all())
        .subgroup_operations(naga::valid::SubgroupOperationSet::all());
    validator.validate(module).map_err(|error| format!("{:?}", error.into_inner()))
}

/// Puts the comparisons into a function.
struct Checks<'a> {
    types: &'a naga::UniqueArena<Type>,
    info: &'a FunctionInfo,
    flag: Handle<GlobalVariable>,
    /// Comparisons so far: what the flag is raised to, and the NaNs of the outputs carry.
    count: &'a Cell<u32>,
}

impl Checks<'_> {
    fn add(&self, function: &mut Function) {
        let mut body = std::mem::take(&mut function.body);
        self.block(function, &mut body);
        function.body = body;
    }

    fn block(&self, function: &mut Function, block: &mut Block) {
        let mut place = 0;
        while place < block.len() {
            let checks = match &mut block[place] {
                Statement::Emit(range) => {
                    let emitted: Vec<_> = range.clone().collect();
                    emitted.into_iter().flat_map(|expression| self.checks(function, expression)).collect()
                }
                Statement::CooperativeStore { target, data } => {
                    let (target, data) = (*target, *data);
                    let edge = self.edge(target);
                    self.matrix(function, data, edge)
                }
                Statement::Block(inner) => {
                    self.block(function, inner);
                    Vec::new()
                }
                Statement::If { accept, reject, .. } => {
                    self.block(function, accept);
                    self.block(function, reject);
                    Vec::new()
                }
                Statement::Switch { cases, .. } => {
                    cases.iter_mut().for_each(|case| self.block(function, &mut case.body));
                    Vec::new()
                }
                Statement::Loop { body, continuing, .. } => {
                    self.block(function, body);
                    self.block(function, continuing);
                    Vec::new()
                }
                _ => Vec::new(),
            };
            let count = checks.len();
            block.splice(place + 1..place + 1, Block::from_vec(checks));
            place += 1 + count;
        }
    }

    /// What is to be looked at behind an expression.
    fn checks(&self, function: &mut Function, expression: Handle<Expression>) -> Vec<Statement> {
        match function.expressions[expression] {
            Expression::Access { base, index } => {
                let length = self.length(function, base);
                self.compare(function, index, BinaryOperator::GreaterEqual, length)
            }
            Expression::Binary { op: BinaryOperator::Divide | BinaryOperator::Modulo, right, .. } => {
                match self.info[right].ty.inner_with(self.types) {
                    TypeInner::Scalar(scalar) if scalar.kind == ScalarKind::Uint && scalar.width == 4 => {
                        let zero = append(function, Expression::Literal(Literal::U32(0)));
                        self.compare(function, right, BinaryOperator::Equal, Length::Known(zero))
                    }
                    TypeInner::Scalar(scalar) if scalar.kind == ScalarKind::Float => Vec::new(),
                    TypeInner::Vector { scalar, .. } if scalar.kind == ScalarKind::Float => Vec::new(),
                    other => panic!("a divisor of {other:?}"),
                }
            }
            Expression::CooperativeLoad { rows, data, .. } => self.matrix(function, data, rows as u32),
            _ => Vec::new(),
        }
    }

    /// Edge of a cooperative matrix.
    fn edge(&self, matrix: Handle<Expression>) -> u32 {
        match self.info[matrix].ty.inner_with(self.types) {
            TypeInner::CooperativeMatrix { rows, .. } => *rows as u32,
            other => panic!("a matrix that is {other:?}"),
        }
    }

    /// Whether the last element of a square matrix that is loaded or stored, whose rows are `stride` apart, is there too; an
    /// element of the array may be a vector of the matrix's.
    fn matrix(&self, function: &mut Function, data: CooperativeData, edge: u32) -> Vec<Statement> {
        let Expression::Access { base, index } = function.expressions[data.pointer] else {
            panic!("a matrix at no index of an array");
        };
        let width = match self.info[data.pointer].ty.inner_with(self.types) {
            TypeInner::Pointer { base, .. } => match self.types[*base].inner {
                TypeInner::Vector { size, .. } => size as u32,
                _ => 1,
            },
            TypeInner::ValuePointer { size, .. } => size.map_or(1, |size| size as u32),
            other => panic!("a matrix at {other:?}"),
        };
        let last = append(function, Expression::Literal(Literal::U32(edge - 1)));
        let last_across = append(function, Expression::Literal(Literal::U32((edge - 1) / width)));
        let length = self.length(function, base);
        let Length::Known(length) = length else { panic!("a matrix of no workgroup memory") };
        let add = |function: &mut Function, op, left, right| append(function, Expression::Binary { op, left, right });
        let flag = append(function, Expression::GlobalVariable(self.flag));
        self.count.set(self.count.get() + 1);
        let number = append(function, Expression::Literal(Literal::U32(self.count.get())));
        let rows = add(function, BinaryOperator::Multiply, last, data.stride);
        let row = add(function, BinaryOperator::Add, rows, last_across);
        let place = add(function, BinaryOperator::Add, row, index);
        let condition = add(function, BinaryOperator::GreaterEqual, place, length);
        let raise = Statement::Store { pointer: flag, value: number };
        vec![
            Statement::Emit(Range::new_from_bounds(rows, condition)),
            Statement::If { condition, accept: Block::from_vec(vec![raise]), reject: Block::new() },
        ]
    }

    fn length(&self, function: &mut Function, base: Handle<Expression>) -> Length {
        let inner = match self.info[base].ty.inner_with(self.types) {
            TypeInner::Pointer { base, .. } => &self.types[*base].inner,
            TypeInner::ValuePointer { size: Some(size), .. } => {
                return Length::Known(append(function, Expression::Literal(Literal::U32(*size as u32))));
            }
            other => other,
        };
        let known = match inner {
            TypeInner::Array { size: ArraySize::Constant(count), .. } => Expression::Literal(Literal::U32(count.get())),
            TypeInner::Array { size: ArraySize::Dynamic, .. } => return Length::Of(base),
            TypeInner::Vector { size, .. } => Expression::Literal(Literal::U32(*size as u32)),
            TypeInner::Matrix { columns, .. } => Expression::Literal(Literal::U32(*columns as u32)),
            other => panic!("an index into {other:?}"),
        };
        Length::Known(append(function, known))
    }

    /// `if value OPERATOR length { flag = 1; }`
    fn compare(
        &self,
        function: &mut Function,
        value: Handle<Expression>,
        operator: BinaryOperator,
        length: Length,
    ) -> Vec<Statement> {
        let signed = match self.info[value].ty.inner_with(self.types) {
            TypeInner::Scalar(scalar) => scalar.kind == ScalarKind::Sint,
            other => panic!("an index that is {other:?}"),
        };
        let flag = append(function, Expression::GlobalVariable(self.flag));
        self.count.set(self.count.get() + 1);
        let one = append(function, Expression::Literal(Literal::U32(self.count.get())));
        let mut emitted = Vec::new();
        let mut emit = |function: &mut Function, expression| {
            let handle = append(function, expression);
            emitted.push(handle);
            handle
        };
        let right = match length {
            Length::Known(length) => length,
            Length::Of(array) => emit(function, Expression::ArrayLength(array)),
        };
        // Below 0 is beyond all lengths.
        let left = match signed {
            true => emit(function, Expression::As { expr: value, kind: ScalarKind::Uint, convert: None }),
            false => value,
        };
        let condition = emit(function, Expression::Binary { op: operator, left, right });
        let range = Range::new_from_bounds(emitted[0], condition);
        let raise = Statement::Store { pointer: flag, value: one };
        vec![
            Statement::Emit(range),
            Statement::If { condition, accept: Block::from_vec(vec![raise]), reject: Block::new() },
        ]
    }
}

enum Length {
    Known(Handle<Expression>),
    /// Of an array whose length only the binding tells.
    Of(Handle<Expression>),
}

fn append(function: &mut Function, expression: Expression) -> Handle<Expression> {
    function.expressions.append(expression, Span::UNDEFINED)
}
