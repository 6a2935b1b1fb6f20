//! A small good checkpoint of tests/golden to be changed, mostly for the worse.

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use wgbert::{Classifier, Options};

pub struct Edited {
    pub config: Value,
    pub tokenizer: Vec<u8>,
    /// By name: element type, shape and little-endian bytes.
    pub tensors: BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>,
    folder: TempDir,
}

impl Edited {
    pub fn new() -> Edited {
        Edited::of("bert")
    }

    pub fn of(name: &str) -> Edited {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
        let read = |name: &str| fs::read(golden.join(name)).unwrap();
        let weights = read("model.safetensors");
        let tensors = SafeTensors::deserialize(&weights).unwrap().tensors().into_iter();
        Edited {
            config: serde_json::from_slice(&read("config.json")).unwrap(),
            tokenizer: read("tokenizer.json"),
            tensors: tensors.map(|(name, t)| (name, (t.dtype(), t.shape().to_vec(), t.data().to_vec()))).collect(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn config(mut self, field: &str, value: Value) -> Edited {
        self.config[field] = value;
        self
    }

    pub fn tensor(mut self, name: &str, shape: &[usize], numbers: &[f32]) -> Edited {
        assert_eq!(shape.iter().product::<usize>(), numbers.len(), "{name}");
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.tensors.insert(name.into(), (Dtype::F32, shape.to_vec(), bytes));
        self
    }

    pub fn without(mut self, prefix: &str) -> Edited {
        self.tensors.retain(|name, _| !name.starts_with(prefix));
        self
    }

    pub fn numbers(&self, name: &str) -> Vec<f32> {
        self.tensors[name].2.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
    }

    /// The files' folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn load(&self, options: Options) -> wgbert::Result<Classifier> {
        let views = self.tensors.iter().map(|(name, (element, shape, bytes))| {
            (name.clone(), TensorView::new(*element, shape.clone(), bytes).expect("the sizes agree"))
        });
        let write = |name: &str, contents: &[u8]| fs::write(self.path().join(name), contents).unwrap();
        write("config.json", &serde_json::to_vec(&self.config).unwrap());
        write("tokenizer.json", &self.tokenizer);
        write("model.safetensors", &safetensors::serialize(views, None).unwrap());
        options.load(self.path())
    }
}
