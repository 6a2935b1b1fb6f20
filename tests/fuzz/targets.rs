//! What is done with an input: everything that a classifier would do, short of a device.

use super::corpus::{Corpus, Folder, Input, Target};
use super::tables;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use wgbert::checkpoint::{Checkpoint, Config, Scoring, Weights};
use wgbert::ir::{BatchSize, Capabilities, Storage};
use wgbert::kernels::loss::LossKind;
use wgbert::models::{
    self, Model,
    encoder::{self, OutputSpec},
};
use wgbert::text::{Limits, Tokenizer};
use wgbert::{PairTruncation, Result, Text, Truncation};

/// Texts that every tokenizer has to split.
const TEXTS: [&str; 5] = [
    "",
    "Hello world, it's 2024!",
    " \u{feff}Über naïve  e\u{301}\0ﷺ 東京 👩‍👩‍👧 \u{200d}<s>[MASK]▁Ġ##a",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\
     aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "word word word word word word word word word word word word word word word word word word word word word word word",
];

/// Longest recorded text: tables of angles and buckets are made for it, and the config alone says how long.
const RECORDED_LENGTH: usize = 4096;
/// Most recorded layers, for the same reason.
const RECORDED_LAYERS: usize = 8;

/// A folder for inputs that are read from files; made anew for each thread.
pub struct Workplace(TempDir);

impl Workplace {
    pub fn new() -> Workplace {
        let folder = tempfile::tempdir().expect("a folder can be made");
        fs::create_dir(folder.path().join("folder")).expect("and another in it");
        Workplace(folder)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Lays the files of an input, and the config of its checkpoint, into the folder.
    pub fn lay_out(&self, input: &Input) -> Result<(), std::io::Error> {
        for entry in fs::read_dir(self.path())? {
            let path = entry?.path();
            if path.is_file() {
                fs::remove_file(path)?;
            }
        }
        fs::write(self.path().join("config.json"), br#"{"model_type": "bert"}"#)?;
        input.files.iter().try_for_each(|(name, bytes)| fs::write(self.path().join(name), bytes))
    }
}

/// Whether the input is accepted; an error is as good an answer.
pub fn run(corpus: &Corpus, input: &Input, workplace: &Workplace) -> Result<()> {
    let folder = &corpus.folders[input.folder];
    let file = |name| input.file(name).unwrap_or_default();
    match input.target {
        Target::Config => config(file("config.json"), folder),
        Target::Weights => {
            let (model, prefix) = folder.model.as_ref().expect("chosen for its model");
            read(file("model.safetensors").to_vec(), model, prefix)
        }
        Target::Tokenizer => {
            let settings: Option<Value> =
                input.file("tokenizer_config.json").and_then(|bytes| serde_json::from_slice(bytes).ok());
            let path = PathBuf::from("tokenizer.json");
            encode(&Tokenizer::from_json(&path, file("tokenizer.json"), settings.as_ref())?);
            Ok(())
        }
        Target::Vocabulary => {
            let tokenizer = match input.file("vocab.txt") {
                Some(vocabulary) => Tokenizer::from_vocab(Path::new("vocab.txt"), vocabulary, None)?,
                None => {
                    let (vocabulary, merges) = (file("vocab.json"), file("merges.txt"));
                    Tokenizer::from_vocab_merges(Path::new("vocab.json"), vocabulary, merges, None)?
                }
            };
            encode(&tokenizer);
            Ok(())
        }
        Target::Folder => {
            encode(&Tokenizer::from_folder(workplace.path())?);
            Ok(())
        }
        Target::Table => tables::run(file("table"), input.choice),
        Target::Strings => tables::round_trip(file("strings.jsonl")),
        Target::Shards => {
            let Checkpoint { weights, .. } = Checkpoint::open(workplace.path())?;
            match &folder.model {
                Some((model, prefix)) => read_all(weights, model, prefix),
                None => Ok(()),
            }
        }
    }
}

fn config(bytes: &[u8], folder: &Folder) -> Result<()> {
    let config = Config::new(bytes, "config.json")?;
    let _ = (config.num_labels(), config.label_index("1"), config.effective_problem_type(false), config.scoring());
    let architecture = models::architecture(&config)?;
    let model = (architecture.describe)(&config)?;
    if model.max_length <= RECORDED_LENGTH && model.layers.len() <= RECORDED_LAYERS {
        record(&model);
    }
    let weights = Weights::from_bytes("model.safetensors", folder.weights.clone())?;
    let weights = weights.with_base_prefix(architecture.base_prefix);
    let _ = weights.unused(model.weights());
    model.weights().into_iter().try_for_each(|weight| weights.check(weight))
}

/// Records all outputs and asks for every step's variant and grid.
fn record(model: &Model) {
    let all = OutputSpec {
        scoring: Scoring::Softmax,
        hidden_states: true,
        attentions: Some(model.max_length as u32),
        pooled_output: true,
        loss: Some(LossKind::BinaryCrossEntropy),
    };
    let few = OutputSpec::scores(Scoring::None);
    let (device, batch) = (Capabilities::minimum(), BatchSize::new([1, 16]));
    for (wanted, storage) in [(all, Storage::F32), (few, Storage::PackedWeights)] {
        let recording = encoder::record(model, wanted, device.max_binding, storage);
        assert_eq!(recording.constant_steps().len(), recording.steps.len());
        for step in &recording.steps {
            let launches = step.kernel.launches(&device, &batch);
            assert!(launches.iter().any(|launch| !launch.is_idle(&batch)), "{}", step.kernel.name());
            let _ = (step.kernel.params(), step.kernel.operations(&batch));
        }
    }
}

fn read(bytes: Vec<u8>, model: &Model, prefix: &str) -> Result<()> {
    read_all(Weights::from_bytes("model.safetensors", bytes)?, model, prefix)
}

fn read_all(weights: Weights, model: &Model, prefix: &str) -> Result<()> {
    let weights = weights.with_base_prefix(prefix);
    let _ = weights.unused(model.weights());
    let mut result = Ok(());
    // One that fails must not hide the others.
    for weight in model.weights() {
        let checked = weights.check(weight);
        let values = weights.read(weight);
        let [rows, columns] = weight.shape();
        let half = weights.read_rows(weight, rows / 2..rows);
        if let Ok(values) = &values {
            assert_eq!(values.len(), rows * columns, "{:?}", weight.names);
            assert_eq!(half.expect("the whole can be read"), values[rows / 2 * columns..], "{:?}", weight.names);
        }
        result = result.and(checked).and(values.map(drop));
    }
    result
}

/// Encodes texts; some have an error to expect, such as one without room for the special tokens.
fn encode(tokenizer: &Tokenizer) {
    let windows = [(8, Truncation::Windows { stride: 3 }), (5, Truncation::CutLeft)];
    for (max_length, truncation) in
        [(64, Truncation::Cut), (512, Truncation::Refuse), (2, Truncation::Cut)].into_iter().chain(windows)
    {
        let limits = Limits { max_length, vocabulary: 1 << 16, types: 2 };
        let pair = [Text::Pair(TEXTS[1], TEXTS[4]), Text::Pair("", "")];
        for (index, text) in TEXTS.map(Text::Single).into_iter().chain(pair).enumerate() {
            let encode = || tokenizer.encode_windows(index, text, &limits, truncation, PairTruncation::LongestFirst);
            if let Ok(encodings) = encode() {
                for encoding in &encodings {
                    assert_eq!(encoding.ids.len(), encoding.type_ids.len());
                    assert!((1..=max_length).contains(&encoding.ids.len()));
                    assert!(encoding.type_ids.iter().all(|&id| id < 2));
                }
                assert_eq!(encode().ok(), Some(encodings), "a text has the same encodings whenever it is asked");
            }
        }
    }
    let _ = tokenizer.token(u32::MAX);
}
