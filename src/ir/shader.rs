//! Linking: a shader is the concatenation of whole WGSL files, and a variant is which file provides a function or type.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};

/// One WGSL file, compiled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Part {
    /// File stem.
    pub name: &'static str,
    pub source: &'static str,
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
        let swappable = self.parts.iter().map(|part| part.name).filter(|name| name.contains('_') && *name != self.name);
        swappable.collect::<Vec<_>>().join(" ")
    }

    fn key(&self) -> (&'static str, &[Part], impl Iterator<Item = (&'static str, u64)> + '_) {
        (self.name, &self.parts, self.constants.iter().map(|(name, value)| (*name, value.to_bits())))
    }
}

impl PartialEq for Shader {
    fn eq(&self, other: &Shader) -> bool {
        let ((name, parts, constants), (other_name, other_parts, other_constants)) = (self.key(), other.key());
        // Part names are unique, so there is no need to compare the sources.
        name == other_name
            && parts.iter().map(|part| part.name).eq(other_parts.iter().map(|part| part.name))
            && constants.eq(other_constants)
    }
}

impl Eq for Shader {}

impl Hash for Shader {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (name, parts, constants) = self.key();
        name.hash(state);
        parts.iter().for_each(|part| part.name.hash(state));
        constants.for_each(|constant| constant.hash(state));
    }
}
