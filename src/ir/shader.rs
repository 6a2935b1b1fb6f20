//! Linking: a shader is the concatenation of whole WGSL files, and a variant is which file provides a function or type.

use super::unroll::unroll;
use std::collections::BTreeSet;
use std::fmt;
use std::hash::{Hash, Hasher};

/// One WGSL file, compiled in. Its path is what it is known by.
#[derive(Clone, Copy)]
pub struct Part {
    /// In `shaders/`, without the extension.
    pub path: &'static str,
    pub source: &'static str,
    /// What the file needs of the language beyond WebGPU's minimum; WGSL wants an `enable` before any declaration.
    pub enables: &'static [&'static str],
}

/// The file `shaders/$path.wgsl` as a [`Part`].
macro_rules! part {
    ($path:literal $(enable $($extension:ident),+)?) => {
        $crate::ir::Part {
            path: $path,
            source: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/", $path, ".wgsl")),
            enables: &[$($(stringify!($extension)),+)?],
        }
    };
}
pub(crate) use part;

impl Part {
    /// The file's stem, which no other file has.
    pub fn name(&self) -> &'static str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.path)
    }
}

impl PartialEq for Part {
    fn eq(&self, other: &Part) -> bool {
        self.path == other.path
    }
}

impl Eq for Part {}

impl Hash for Part {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.path.hash(state);
    }
}

/// A linked shader: the key of the pipeline cache.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Shader {
    /// The kernel's name. A linked shader has one entry point, of this name or `reduce_rows`.
    pub name: &'static str,
    pub parts: Vec<Part>,
    /// Values of the `const` declarations that stand before the files: of what WGSL takes no `override` for, such as the
    /// length of an array in registers.
    pub sizes: Vec<(&'static str, u32)>,
    /// Values of the `override` declarations.
    pub constants: Vec<(&'static str, u32)>,
}

impl Shader {
    pub fn link(name: &'static str, parts: impl Into<Vec<Part>>) -> Shader {
        Shader { name, parts: parts.into(), sizes: Vec::new(), constants: Vec::new() }
    }

    /// Puts `const name: u32 = value;` before the files.
    pub fn size(mut self, name: &'static str, value: u32) -> Shader {
        self.sizes.push((name, value));
        self
    }

    /// Gives the files' `override name` this value.
    pub fn constant(mut self, name: &'static str, value: u32) -> Shader {
        self.constants.push((name, value));
        self
    }

    /// The WGSL that a GPU's driver compiles, with the loops written out that are marked so.
    pub fn source(&self) -> String {
        unroll(&self.linked())
    }

    /// The files one after the other, with their loops: a CPU's compiler takes minutes for what is written out, and gains nothing.
    pub fn linked(&self) -> String {
        let extensions: BTreeSet<_> = self.parts.iter().flat_map(|part| part.enables).collect();
        let enables = extensions.into_iter().map(|extension| format!("enable {extension};\n"));
        let sizes = self.sizes.iter().map(|(name, value)| format!("const {name}: u32 = {value}u;\n"));
        let files = self.parts.iter().map(|part| format!("{}\n", part.source));
        enables.chain(sizes).chain(files).collect()
    }

    /// The variant in words, for people: the files that have alternatives, and the sizes.
    pub fn variant(&self) -> String {
        let swappable = self.parts.iter().map(Part::name).filter(|name| name.contains('_') && *name != self.name);
        let sizes = self.sizes.iter().map(|(name, value)| format!("{name}={value}"));
        swappable.map(String::from).chain(sizes).collect::<Vec<_>>().join(" ")
    }
}
