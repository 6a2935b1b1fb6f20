//! Parameters shared with WGSL: a `repr(C)` struct whose fields are also known by name and offset, so that a test
//! compares them with the shader's `Params` by reflection instead of trusting a comment.

/// The scalar types a uniform may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalar {
    U32,
    F32,
}

/// A field of a uniform: its name in Rust and WGSL, byte offset and type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    pub name: &'static str,
    pub offset: usize,
    pub scalar: Scalar,
}

/// The bytes of a kernel's parameters and what they mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uniform {
    pub bytes: Vec<u8>,
    pub fields: &'static [Field],
}

pub(crate) trait UniformScalar {
    const SCALAR: Scalar;
}

impl UniformScalar for u32 {
    const SCALAR: Scalar = Scalar::U32;
}

impl UniformScalar for f32 {
    const SCALAR: Scalar = Scalar::F32;
}

/// Declares the struct a shader calls `Params`.
macro_rules! uniform {
    (struct $name:ident { $($field:ident: $type:ty),* $(,)? }) => {
        #[repr(C)]
        #[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
        struct $name {
            $($field: $type),*
        }

        impl From<$name> for $crate::ir::Uniform {
            fn from(params: $name) -> $crate::ir::Uniform {
                use $crate::ir::uniform::UniformScalar;
                const FIELDS: &[$crate::ir::Field] = &[$($crate::ir::Field {
                    name: stringify!($field),
                    offset: std::mem::offset_of!($name, $field),
                    scalar: <$type as UniformScalar>::SCALAR,
                }),*];
                $crate::ir::Uniform { bytes: bytemuck::bytes_of(&params).to_vec(), fields: FIELDS }
            }
        }
    };
}
pub(crate) use uniform;
