//! Reading tests/golden: its format is described in tests/tools/golden.py.

use safetensors::SafeTensors;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use wgbert::models::{ARCHITECTURES, Architecture};
use wgbert::text::Encoding;
use wgbert::{Classifier, Label, SequenceClassifierOutput, Text};

/// One checkpoint with its expectations.
pub struct Golden {
    pub name: String,
    pub folder: PathBuf,
    expected: Value,
    tensors: Vec<u8>,
}

/// Largest absolute errors.
#[derive(Clone, Copy, Debug, Default)]
pub struct Worst {
    pub logits: f64,
    pub probabilities: f64,
    pub loss: f64,
    pub hidden_states: f64,
    pub attentions: f64,
}

impl fmt::Display for Worst {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Worst { logits, probabilities, loss, hidden_states, attentions } = self;
        write!(
            f,
            "logits {logits:.1e}  probabilities {probabilities:.1e}  loss {loss:.1e}  hidden states {hidden_states:.1e}  \
             attentions {attentions:.1e}"
        )
    }
}

/// Every golden checkpoint whose architecture the crate lists as supported; each must load.
pub fn supported() -> Vec<Golden> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut cases = Vec::new();
    let mut folders: Vec<_> = std::fs::read_dir(&root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    for folder in folders.into_iter().filter(|folder| folder.join("expected.json").exists()) {
        let golden = Golden::open(&folder);
        let known = |architecture: &Architecture| architecture.model_type == golden.model_type();
        if ARCHITECTURES.iter().any(known) {
            cases.push(golden);
        }
    }
    assert!(!cases.is_empty(), "no golden checkpoint was found in {}", root.display());
    cases
}

/// The first of each architecture, where running all would take minutes.
pub fn one_of_each() -> Vec<Golden> {
    let mut seen = BTreeSet::new();
    let mut cases = supported();
    cases.retain(|golden| seen.insert(golden.model_type().to_string()));
    cases
}

impl Golden {
    fn model_type(&self) -> &str {
        self.expected["model_type"].as_str().unwrap()
    }

    pub fn open(folder: &Path) -> Golden {
        let expected = std::fs::read(folder.join("expected.json")).unwrap();
        Golden {
            name: folder.file_name().unwrap().to_string_lossy().into_owned(),
            folder: folder.into(),
            expected: serde_json::from_slice(&expected).unwrap(),
            tensors: std::fs::read(folder.join("expected.safetensors")).unwrap(),
        }
    }

    fn tensors(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.tensors).unwrap()
    }

    /// Shape and numbers of an expected tensor, if there is one.
    fn tensor(&self, name: &str) -> Option<(Vec<usize>, Vec<f32>)> {
        let tensors = self.tensors();
        let tensor = tensors.tensor(name).ok()?;
        let numbers = |bytes: &[u8]| bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        Some((tensor.shape().to_vec(), numbers(tensor.data())))
    }

    pub fn has_attentions(&self) -> bool {
        self.tensors().tensor("attentions.0").is_ok()
    }

    /// transformers' own f32 error of this case: no tolerance below it makes sense.
    pub fn floor(&self) -> f64 {
        let floor = &self.expected["pytorch_floor"]["float32"];
        2.0 * floor["hidden_states"].as_f64().unwrap().max(floor["logits"].as_f64().unwrap())
    }

    /// The texts, tokenized by the classifier and checked against the recorded ids.
    pub fn encode(&self, classifier: &Classifier) -> Vec<Encoding> {
        let texts = self.expected["texts"].as_array().unwrap();
        let ids = self.expected["input_ids"].as_array().unwrap();
        let masks = self.expected["attention_mask"].as_array().unwrap();
        let string = |value: &Value| value.as_str().unwrap().to_string();
        let mut encodings = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let encoding = match text.as_array() {
                Some(pair) => {
                    let (first, second) = (string(&pair[0]), string(&pair[1]));
                    classifier.encode(index, Text::Pair(&first, &second))
                }
                None => classifier.encode(index, Text::Single(&string(text))),
            };
            let encoding = encoding.unwrap_or_else(|error| panic!("{}: {error}", self.name));
            let valid = masks[index].as_array().unwrap().iter().filter(|bit| bit.as_u64() == Some(1)).count();
            let recorded = ids[index].as_array().unwrap()[..valid].iter().map(|id| id.as_u64().unwrap() as u32);
            assert_eq!(encoding.ids, recorded.collect::<Vec<_>>(), "{}: ids of text {index}", self.name);
            encodings.push(encoding);
        }
        encodings
    }

    /// The labels that the recorded loss was measured against.
    pub fn labels(&self) -> Vec<Option<Label>> {
        let label = |value: &Value| match (value, self.expected["problem_type"].as_str()) {
            (Value::Array(values), _) => Label::Values(values.iter().map(|v| v.as_f64().unwrap() as f32).collect()),
            (value, Some("regression")) => Label::Values(vec![value.as_f64().unwrap() as f32]),
            (value, _) => Label::Class(value.as_u64().unwrap() as usize),
        };
        self.expected["labels"].as_array().unwrap().iter().map(|value| Some(label(value))).collect()
    }

    /// Compares everything recorded with everything answered, within the texts' own lengths.
    pub fn compare(&self, output: &SequenceClassifierOutput) -> Worst {
        let mut worst = Worst::default();
        let texts = output.len();
        let rows = |value: &Value| -> Vec<Vec<f64>> {
            let row = |row: &Value| row.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
            value.as_array().unwrap().iter().map(row).collect()
        };
        let logits = rows(&self.expected["logits_each_text_alone"]);
        for (text, expected) in logits.iter().enumerate() {
            worst.logits = worst.logits.max(difference(output.logits.row(text), expected));
        }
        match (&output.probabilities, &self.expected["probabilities"]) {
            (None, Value::Null) => {}
            (Some(probabilities), value @ Value::Array(_)) => {
                for (text, expected) in rows(value).iter().enumerate() {
                    worst.probabilities = worst.probabilities.max(difference(probabilities.row(text), expected));
                }
            }
            // One label without problem_type: the pipeline's sigmoid is not what golden.py recorded.
            (_, expected) => panic!("{}: probabilities {:?}, expected {expected}", self.name, output.probabilities),
        }
        if let Some(argmax) = self.expected["argmax"].as_array() {
            let expected: Vec<_> = argmax.iter().map(|index| index.as_u64().map(|index| index as usize)).collect();
            assert_eq!(output.argmax, expected, "{}: argmax", self.name);
        }
        worst.loss =
            (f64::from(output.loss.expect("labels were given")) - self.expected["loss"].as_f64().unwrap()).abs();

        let states = output.hidden_states.as_ref().expect("hidden states were requested");
        let picked = self.tensors().tensor("rows").ok().map(|rows| {
            let index = |b: &[u8]| i64::from_le_bytes(b.try_into().unwrap()) as usize;
            rows.data().chunks_exact(8).map(index).collect::<Vec<_>>()
        });
        let mut compared = 0;
        for layer in 0.. {
            let Some((shape, expected)) = self.tensor(&format!("hidden_states.{layer}")) else { break };
            let [recorded, hidden] = [shape[1], shape[2]];
            for text in 0..texts {
                let length = output.tokens[text];
                let actual = states[text].row(layer);
                for place in 0..recorded {
                    let position = picked.as_ref().map_or(place, |rows| rows[place]);
                    if position >= length {
                        continue;
                    }
                    let expected = &expected[(text * recorded + place) * hidden..][..hidden];
                    let actual = &actual[position * hidden..][..hidden];
                    worst.hidden_states = worst.hidden_states.max(difference(actual, &widen(expected)));
                    compared += 1;
                }
            }
            assert!(layer < states[0].shape[0], "{}: hidden state {layer} is missing", self.name);
        }
        assert!(compared > 0, "{}: no hidden state was compared", self.name);

        for layer in 0.. {
            let Some((shape, expected)) = self.tensor(&format!("attentions.{layer}")) else { break };
            let attentions = output.attentions.as_ref().expect("attentions were requested");
            let [heads, padded] = [shape[1], shape[2]];
            for text in 0..texts {
                let length = output.tokens[text];
                let actual = attentions[text].row(layer);
                for head in 0..heads {
                    for i in 0..length {
                        let expected = &expected[((text * heads + head) * padded + i) * padded..][..length];
                        let actual = &actual[(head * length + i) * length..][..length];
                        worst.attentions = worst.attentions.max(difference(actual, &widen(expected)));
                    }
                }
            }
        }
        worst
    }
}

fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| f64::from(value)).collect()
}

/// Largest absolute difference; a NaN is infinitely far from anything.
fn difference(actual: &[f32], expected: &[f64]) -> f64 {
    assert_eq!(actual.len(), expected.len());
    let pairs = actual.iter().zip(expected);
    let distance = |(&a, &e): (&f32, &f64)| if a.is_nan() { f64::INFINITY } else { (f64::from(a) - e).abs() };
    pairs.map(distance).fold(0.0, f64::max)
}
