//! Compilers that are not naga: what they are given, which of it they took before, and asking them about the rest.
//!
//! `tests/shaders/accepted/NAME` has a hash of each text that the compiler took. A text that is not there is compiled, by
//! `.ci/NAME`; a machine that cannot says so.

use super::common::requirements::{Need, not_run};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// A text or module, known by the hash of what the compiler is told.
pub struct Input {
    /// Of the file that the compiler reads: `HASH.` and what else it is told, `cs_6_2.matmul.hlsl`.
    extension: String,
    contents: Vec<u8>,
    /// Of a shader that has it, for people.
    shader: String,
}

/// One of the compilers, and what it is to take.
pub struct Compiler {
    name: &'static str,
    need: Need,
    inputs: BTreeMap<String, Input>,
}

impl Compiler {
    /// Microsoft's, of HLSL.
    pub fn dxc() -> Compiler {
        Compiler { name: "dxc", need: Need::Dxc, inputs: BTreeMap::new() }
    }

    /// Chrome's, of WGSL.
    pub fn tint() -> Compiler {
        Compiler { name: "tint", need: Need::Tint, inputs: BTreeMap::new() }
    }

    /// Khronos' validator of SPIR-V.
    pub fn spirv_val() -> Compiler {
        Compiler { name: "spirv-val", need: Need::SpirvVal, inputs: BTreeMap::new() }
    }

    /// Of texts that differ in their numbers alone the first stands for all.
    pub fn add(&mut self, shader: &str, extension: String, text: String) {
        self.add_translation(shader, extension, &text.clone(), text.into_bytes());
    }

    /// What the same naga makes of one `text`, its numbers aside, is one.
    pub fn add_translation(&mut self, shader: &str, extension: String, text: &str, contents: Vec<u8>) {
        let digest =
            Sha256::new().chain_update(&extension).chain_update([0]).chain_update(without_numbers(text.as_bytes()));
        let digest = digest.finalize();
        let hash = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        self.inputs.entry(hash).or_insert_with(|| Input { extension, contents, shader: shader.into() });
    }

    /// Has the compiler take every input that it did not take before.
    ///
    /// # Panics
    /// If it refuses one, and if WGBERT_REQUIRE names it but it is not here.
    pub fn accepts_all(&self) {
        let list = root().join("tests/shaders/accepted").join(self.name);
        let accepted = fs::read_to_string(&list).unwrap_or_default();
        let accepted: BTreeSet<&str> = accepted.lines().collect();
        let rewrite = std::env::var("WGBERT_ACCEPT").is_ok();
        let fresh = self.inputs.iter().filter(|(hash, _)| !accepted.contains(hash.as_str()));
        let fresh: Vec<(&String, &Input)> = fresh.collect();
        println!("{}: {} inputs, {} of them new", self.name, self.inputs.len(), fresh.len());
        if !fresh.is_empty() {
            let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(self.name);
            let _ = fs::remove_dir_all(&folder);
            fs::create_dir_all(&folder).unwrap();
            for (hash, input) in &fresh {
                fs::write(folder.join(format!("{hash}.{}", input.extension)), &input.contents).unwrap();
            }
            let script = root().join(".ci").join(self.name);
            let output = match Command::new("bash").arg(&script).arg("check").arg(&folder).output() {
                Ok(output) if script.is_file() && output.status.code() != Some(77) => output,
                // 77: the compiler is not here.
                _ => {
                    let setup = format!("`.ci/{} setup` fetches it", self.name);
                    let first = fresh[0].1.shader.as_str();
                    let count = fresh.len();
                    return not_run(
                        self.need,
                        format!("it has not seen {count} of our shaders ({first}...), and is not here: {setup}"),
                    );
                }
            };
            let said = String::from_utf8_lossy(&output.stdout);
            let refused: Vec<_> = fresh.iter().filter(|(hash, _)| said.contains(hash.as_str())).collect();
            let first = refused.first().map_or("", |(_, input)| &input.shader);
            let errors: String = said.chars().take(2000).collect();
            assert!(
                output.status.success(),
                "{} refuses {} of {} in {}, first {first}:\n{errors}\n{}",
                self.name,
                refused.len(),
                fresh.len(),
                folder.display(),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        if rewrite {
            let lines: String = self.inputs.keys().map(|hash| format!("{hash}\n")).collect();
            fs::create_dir_all(list.parent().unwrap()).unwrap();
            fs::write(&list, lines).unwrap();
        }
    }
}

/// The text with 0 for each number.
fn without_numbers(text: &[u8]) -> Vec<u8> {
    let in_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    let words = text.chunk_by(|a, b| in_word(a) == in_word(b));
    words.flat_map(|word| if word[0].is_ascii_digit() { b"0" } else { word }).copied().collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
