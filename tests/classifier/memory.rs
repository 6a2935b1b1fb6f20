//! Checkpoints whose files are in memory, as a page has them.

use super::{bits, golden};
use std::fs;
use std::path::Path;
use wgbert::{Adapter, Classifier, Options, Result, gpu};

/// The files of a folder and of the folders in it, by the names that files in memory have.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        match entry.path().is_dir() {
            true => files.extend(
                self::files(&entry.path()).into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes)),
            ),
            false => files.push((name, fs::read(entry.path()).unwrap())),
        }
    }
    files
}

/// What is made of a folder, and of its files in memory.
fn both(folder: &Path) -> [Result<Classifier>; 2] {
    let options = || Options::default().adapter(Adapter::Reference);
    [options().load(folder), gpu::block_on(options().load_files_async(folder, files(folder)))]
}

#[test]
fn files_in_memory_are_read_as_those_of_a_folder() {
    for name in ["bert", "roberta", "deberta-v2"] {
        let [folder, memory] = both(&golden(name)).map(Result::unwrap);
        let texts = ["good", "it was not bad at all."];
        let [folder, memory] = [folder, memory].map(|classifier| classifier.classify(texts).unwrap());
        assert_eq!(bits(&memory.logits.values), bits(&folder.logits.values), "{name}");
    }
}

#[test]
fn weights_in_shards_and_a_vocabulary_are_found_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    for name in ["config.json", "tokenizer.json", "tokenizer_config.json"] {
        write(name, &fs::read(golden("bert").join(name)).unwrap());
    }
    write("model-00001-of-00001.safetensors", &fs::read(golden("bert").join("model.safetensors")).unwrap());
    let index = r#"{"weight_map": {"classifier.bias": "model-00001-of-00001.safetensors"}}"#;
    write("model.safetensors.index.json", index.as_bytes());
    let [folder, memory] = both(folder.path()).map(|classifier| classifier.unwrap().classify(["good"]).unwrap().logits);
    assert_eq!(bits(&memory.values), bits(&folder.values));
}

/// What is wrong with files is said in the same words, wherever they are.
#[test]
fn errors_are_those_of_a_folder() {
    let bert = |name: &str| fs::read(golden("bert").join(name)).unwrap();
    type Files = Vec<(&'static str, Vec<u8>)>;
    let cases: [(&str, Files); 6] = [
        ("no config.json", vec![("model.safetensors", Vec::new())]),
        ("pytorch_model.bin", vec![("config.json", bert("config.json")), ("pytorch_model.bin", b"x".to_vec())]),
        ("is truncated", vec![("config.json", bert("config.json")), ("model.safetensors", b"x".to_vec())]),
        (
            "no tokenizer.json",
            vec![("config.json", bert("config.json")), ("model.safetensors", bert("model.safetensors"))],
        ),
        (
            "shard of the weights",
            vec![
                ("config.json", bert("config.json")),
                ("model.safetensors.index.json", br#"{"weight_map": {"a": "other.safetensors"}}"#.to_vec()),
            ],
        ),
        (
            "there is one in inner",
            vec![("inner/config.json", bert("config.json")), ("inner/model.safetensors", Vec::new())],
        ),
    ];
    for (words, files) in cases {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let [folder, memory] = both(folder.path()).map(|classifier| classifier.unwrap_err().to_string());
        assert_eq!(memory, folder);
        assert!(folder.contains(words), "{folder}");
    }
}
