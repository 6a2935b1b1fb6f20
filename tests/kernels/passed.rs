//! Which shaders passed a test before, where a software adapter takes seconds or minutes to compile each: those for tensor cores.
//!
//! `tests/kernels/passed/TEST` has a hash of each: of all that decides what it computes and what it is held against, the shader, its
//! launch, the Rust of the kernel with its twin and of what kernels share, the example and naga's version. CI runs what is not there, and of each kernel one all
//! the same. A GPU runs everything.

use super::{Entry, Example, launches};
use crate::common;
use sha2::{Digest, Sha256};
use std::collections::{BTreeSet, HashSet};
use std::fs;
use std::path::PathBuf;
use wgbert::gpu::Gpu;

/// Whether shaders are compiled for a CPU, which takes long.
pub fn software() -> bool {
    common::gpu().capabilities.cpu
}

/// Those of the examples that are to be run for this test, as that device runs them.
pub fn fresh(test: &str, gpu: &Gpu, mut examples: Vec<(Entry, String, Example)>) -> Vec<(Entry, String, Example)> {
    if !software() || rewrites() {
        return examples;
    }
    let known = fs::read_to_string(list(test)).unwrap_or_default();
    let known: HashSet<&str> = known.lines().collect();
    let (count, mut kernels) = (examples.len(), HashSet::new());
    // The last are the smallest.
    examples.reverse();
    examples.retain(|(entry, name, example)| {
        kernels.insert(entry.name) | !known.contains(hash(gpu, entry.name, name, example).as_str())
    });
    println!("{test}: {count} examples, of which {} passed before", count - examples.len());
    examples
}

/// Notes that they passed, if WGBERT_ACCEPT says so: CONTRIBUTING.md.
pub fn note<'a>(test: &str, all: impl IntoIterator<Item = (&'a Gpu, &'a [(Entry, String, Example)])>) {
    if !software() || !rewrites() {
        return;
    }
    let all = all.into_iter().flat_map(|(gpu, examples)| examples.iter().map(move |example| (gpu, example)));
    let hashes: BTreeSet<String> =
        all.map(|(gpu, (entry, name, example))| hash(gpu, entry.name, name, example)).collect();
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

fn hash(gpu: &Gpu, kernel: &str, name: &str, example: &Example) -> String {
    let (launches, kernel) = (launches(gpu, example), rust_of(kernel));
    let mut digest = Sha256::new();
    for text in launches.iter().map(|launch| launch.shader.linked()).chain([kernel]) {
        for line in text.lines() {
            // A comment changes nothing.
            let code = line.split("//").next().unwrap_or_default().trim();
            if !code.is_empty() {
                digest.update(code);
                digest.update("\n");
            }
        }
    }
    let layouts = example.kernel.bindings().iter().map(|binding| example.kernel.layout(&gpu.capabilities, binding));
    digest.update(format!(
        "{} {:?} {name} {:?} {:?} {:?} {:?}",
        common::naga(),
        launches.iter().map(|launch| (&launch.shader.constants, launch.grid)).collect::<Vec<_>>(),
        example.kernel.params().bytes,
        layouts.collect::<Vec<_>>(),
        example.lengths,
        example.tolerance
    ));
    digest.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The kernel's module and what kernels share, the files in their order.
fn rust_of(kernel: &str) -> String {
    let all: PathBuf = [env!("CARGO_MANIFEST_DIR"), "src/kernels"].iter().collect();
    let mut files: Vec<PathBuf> =
        [kernel, "activation", "check", "common", "example"].map(|name| all.join(name).with_extension("rs")).into();
    if let Ok(folder) = fs::read_dir(all.join(kernel)) {
        files.extend(folder.map(|entry| entry.unwrap().path()));
    }
    files.sort();
    files.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}
