//! Linking: a shader is the concatenation of whole WGSL files, and a variant is which file provides a function or type.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

/// One WGSL file, compiled in. Its path is what it is known by.
#[derive(Clone, Copy)]
pub struct Part {
    /// In `shaders/`, without the extension.
    pub path: &'static str,
    pub source: &'static str,
}

/// The file `shaders/$path.wgsl` as a [`Part`].
macro_rules! part {
    ($path:literal) => {
        $crate::ir::Part {
            path: $path,
            source: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/shaders/", $path, ".wgsl")),
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
#[derive(Clone, Debug)]
pub struct Shader {
    /// The kernel's name, which is its entry point.
    pub name: &'static str,
    pub parts: Vec<Part>,
    /// Values of the `override` declarations.
    pub constants: Vec<(&'static str, f64)>,
}

impl Shader {
    pub fn link(name: &'static str, parts: &[Part]) -> Shader {
        Shader { name, parts: parts.to_vec(), constants: Vec::new() }
    }

    pub fn constant(mut self, name: &'static str, value: u32) -> Shader {
        self.constants.push((name, f64::from(value)));
        self
    }

    /// The WGSL that is compiled.
    pub fn source(&self) -> Cow<'static, str> {
        match self.parts.as_slice() {
            [part] => Cow::Borrowed(part.source),
            parts => Cow::Owned(parts.iter().map(|part| part.source).collect::<Vec<_>>().join("\n")),
        }
    }

    /// The variant in words: the parts that have alternatives, for people.
    pub fn variant(&self) -> String {
        let swappable = self.parts.iter().map(Part::name).filter(|name| name.contains('_') && *name != self.name);
        swappable.collect::<Vec<_>>().join(" ")
    }

    fn key(&self) -> (&'static str, &[Part], impl Iterator<Item = (&'static str, u64)> + '_) {
        (self.name, &self.parts, self.constants.iter().map(|(name, value)| (*name, value.to_bits())))
    }
}

impl PartialEq for Shader {
    fn eq(&self, other: &Shader) -> bool {
        let ((name, parts, constants), (other_name, other_parts, other_constants)) = (self.key(), other.key());
        name == other_name && parts == other_parts && constants.eq(other_constants)
    }
}

impl Eq for Shader {}

impl Hash for Shader {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (name, parts, constants) = self.key();
        name.hash(state);
        parts.hash(state);
        constants.for_each(|constant| constant.hash(state));
    }
}
