//! Which shaders passed a test before, where a software adapter takes seconds or minutes to compile each: those for tensor cores.
//!
//! `tests/kernels/passed/TEST` has a hash of each: of its text and constants, and of what it was run on. CI runs what is not there, and
//! of each kernel one all the same. A GPU runs everything.

use super::{Entry, Example, shader};
use crate::common;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::PathBuf;
use wgbert::gpu::Gpu;

/// Those of the examples that are to be run for this test, as that device runs them.
pub fn fresh(test: &str, gpu: &Gpu, mut examples: Vec<(Entry, String, Example)>) -> Vec<(Entry, String, Example)> {
    if !common::gpu().capabilities.cpu || rewrites() {
        return examples;
    }
    let known = fs::read_to_string(list(test)).unwrap_or_default();
    let known: HashSet<&str> = known.lines().collect();
    let (count, mut kernels) = (examples.len(), HashSet::new());
    // The last are the smallest.
    examples.reverse();
    examples.retain(|(entry, name, example)| {
        kernels.insert(entry.name) | !known.contains(hash(gpu, name, example).as_str())
    });
    println!("{test}: {count} examples, of which {} passed before", count - examples.len());
    examples
}

/// Notes that they passed, if WGBERT_ACCEPT says so: CONTRIBUTING.md.
pub fn note<'a>(test: &str, all: impl IntoIterator<Item = (&'a Gpu, &'a [(Entry, String, Example)])>) {
    if !rewrites() {
        return;
    }
    let all = all.into_iter().flat_map(|(gpu, examples)| examples.iter().map(move |example| (gpu, example)));
    let hashes: BTreeSet<String> = all.map(|(gpu, (_, name, example))| hash(gpu, name, example)).collect();
    let list = list(test);
    fs::create_dir_all(list.parent().unwrap()).unwrap();
    fs::write(list, hashes.iter().map(|hash| format!("{hash}\n")).collect::<String>()).unwrap();
}

fn rewrites() -> bool {
    std::env::var("WGBERT_ACCEPT").is_ok()
}

fn list(test: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/kernels/passed", test].iter().collect()
}

fn hash(gpu: &Gpu, name: &str, example: &Example) -> String {
    let shader = shader(gpu, example);
    let mut digest = Sha256::new();
    for line in shader.linked().lines() {
        // A comment changes nothing.
        let code = line.split("//").next().unwrap_or_default().trim();
        if !code.is_empty() {
            digest.update(code);
            digest.update("\n");
        }
    }
    digest.update(format!("{:?} {name} {:?} {:?}", shader.constants, example.lengths, example.tolerance));
    digest.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}
