//! The golden checkpoints, and the inputs that are made of them.

use super::bytes::{SHARDS, Safetensors, damage};
use super::fragments::Fragments;
use super::json::{self, Node};
use super::random::Random;
use super::tables::{self, Tables};
use std::fs;
use std::path::Path;
use wgbert::checkpoint::Config;
use wgbert::models::{self, Model};

/// What is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A `config.json`, described as a model, recorded, and compared with the weights that it was saved with.
    Config,
    /// A `model.safetensors`, read as the model of its `config.json`.
    Weights,
    /// A `tokenizer.json` and `tokenizer_config.json`, and texts encoded by them.
    Tokenizer,
    /// A `vocab.txt`, or `vocab.json` and `merges.txt`.
    Vocabulary,
    /// A folder with an index and shards.
    Shards,
    /// A folder of a tokenizer: a vocabulary, and the small files that name its class and tokens.
    Folder,
    /// Rows of a format, or of whatever it looks like.
    Table,
    /// Rows of strings, which are written and read again.
    Strings,
}

impl Target {
    pub const ALL: [Target; 8] = [
        Target::Config,
        Target::Weights,
        Target::Tokenizer,
        Target::Vocabulary,
        Target::Shards,
        Target::Folder,
        Target::Table,
        Target::Strings,
    ];

    fn named(name: &str) -> Target {
        let found = Target::ALL.into_iter().find(|target| format!("{target:?}").eq_ignore_ascii_case(name));
        found.unwrap_or_else(|| panic!("WGBERT_FUZZ_TARGET is {name:?}; there are {:?}", Target::ALL))
    }

    fn of(random: &mut Random) -> Target {
        match random.below(140) {
            0..40 => Target::Config,
            40..62 => Target::Weights,
            62..86 => Target::Tokenizer,
            86..94 => Target::Folder,
            94..97 => Target::Vocabulary,
            97..100 => Target::Shards,
            100..134 => Target::Table,
            _ => Target::Strings,
        }
    }
}

/// One input: what it is for, the checkpoint it was made of, and its files by name.
#[derive(Debug)]
pub struct Input {
    pub target: Target,
    pub folder: usize,
    /// What else there is to choose.
    pub choice: u64,
    pub files: Vec<(&'static str, Vec<u8>)>,
}

impl Input {
    pub fn bytes(&self) -> usize {
        self.files.iter().map(|(_, bytes)| bytes.len()).sum()
    }

    pub fn file(&self, name: &str) -> Option<&[u8]> {
        self.files.iter().find(|(file, _)| *file == name).map(|(_, bytes)| bytes.as_slice())
    }
}

/// A checkpoint.
pub struct Folder {
    pub name: String,
    /// What its config describes, with the prefix of its tensors; none where the architecture is not computed.
    pub model: Option<(Model, &'static str)>,
    pub weights: Vec<u8>,
    config: Node,
    tokenizer: Node,
    tokenizer_config: Node,
    tensors: Safetensors,
}

/// All checkpoints.
pub struct Corpus {
    pub folders: Vec<Folder>,
    fragments: Fragments,
    vocabulary: Vec<u8>,
    tables: Tables,
    only: Option<Target>,
}

/// The most bytes that mutations may make of a JSON file: longer ones only take longer.
const MOST_BYTES: usize = 1 << 18;

impl Corpus {
    pub fn load() -> Corpus {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
        let entries = fs::read_dir(&golden).expect("tests/golden is there");
        let mut paths: Vec<_> = entries.map(|entry| entry.expect("it can be listed").path()).collect();
        // A seed is the same input on every machine.
        paths.sort();
        let folders =
            paths.iter().filter(|path| path.join("model.safetensors").exists()).map(|path| Folder::load(path));
        let vocabulary =
            fs::read_to_string(golden.join("bert-base-uncased/vocab.txt")).expect("the vocabulary is there");
        let lines = vocabulary.lines();
        // The special tokens and some words: a whole vocabulary would take most of the time.
        let few = lines.enumerate().filter(|(line, _)| matches!(line, 0 | 100..=103 | 1996..2100));
        Corpus {
            folders: folders.collect(),
            fragments: Fragments::new(),
            tables: Tables::new(),
            only: std::env::var("WGBERT_FUZZ_TARGET").ok().map(|name| Target::named(&name)),
            vocabulary: few.flat_map(|(_, token)| [token, "\n"]).collect::<String>().into_bytes(),
        }
    }

    /// The input of a seed.
    pub fn input(&self, seed: u64) -> Input {
        let mut random = Random::new(seed);
        let mut target = Target::of(&mut random);
        // Of one kind alone where that is asked for.
        if let Some(only) = self.only {
            target = only;
        }
        let folder = loop {
            let folder = random.below(self.folders.len());
            if target != Target::Weights || self.folders[folder].model.is_some() {
                break folder;
            }
        };
        let files = match target {
            Target::Config => vec![("config.json", self.config(folder, &mut random))],
            Target::Weights => vec![("model.safetensors", self.folders[folder].tensors.mutated(&mut random))],
            Target::Tokenizer => self.tokenizer(folder, &mut random),
            Target::Vocabulary => self.vocabulary(&mut random),
            Target::Shards => self.shards(folder, &mut random),
            Target::Folder => self.small_files(folder, &mut random),
            Target::Table => vec![("table", self.tables.input(&mut random))],
            Target::Strings => vec![("strings.jsonl", tables::strings(&mut random))],
        };
        Input { target, folder, choice: random.number(), files }
    }

    fn config(&self, folder: usize, random: &mut Random) -> Vec<u8> {
        let mut config = self.folders[folder].config.clone();
        if let Node::Object(entries) = &mut config
            && random.once_in(3)
        {
            for _ in 0..random.size(4) {
                let (name, value) = random.pick(&self.fragments.config_fields).clone();
                entries.retain(|(other, _)| *other != name);
                entries.push((name, value));
            }
        }
        document(config, random, &self.fragments.config)
    }

    fn tokenizer(&self, folder: usize, random: &mut Random) -> Vec<(&'static str, Vec<u8>)> {
        let Folder { tokenizer, tokenizer_config, .. } = &self.folders[folder];
        let fragments = &self.fragments.tokenizer;
        let mut tokenizer = tokenizer.clone();
        // A step at the right place: elsewhere it would only be refused.
        if let Node::Object(entries) = &mut tokenizer
            && random.once_in(2)
        {
            let places = ["normalizer", "pre_tokenizer", "post_processor", "model", "truncation", "padding"];
            let place = *random.pick(&places);
            let step = random.pick(fragments).clone();
            entries.iter_mut().filter(|(name, _)| name == place).for_each(|(_, value)| *value = step.clone());
        }
        let mut files = vec![("tokenizer.json", document(tokenizer, random, fragments))];
        if random.once_in(3) {
            files.push(("tokenizer_config.json", document(tokenizer_config.clone(), random, &[])));
        }
        files
    }

    fn vocabulary(&self, random: &mut Random) -> Vec<(&'static str, Vec<u8>)> {
        if random.once_in(2) {
            let mut vocabulary = self.vocabulary.clone();
            damage(&mut vocabulary, random);
            return vec![("vocab.txt", vocabulary)];
        }
        let tokens = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "a", "b", "ab", "aa", "Ġ", "Ġa"];
        let entry = |(id, token): (usize, &&str)| (token.to_string(), Node::Raw(id.to_string()));
        let vocabulary = Node::Object(tokens.iter().enumerate().map(entry).collect());
        let mut merges = b"#version: 0.2\na b\na a\n\xc4\xa0 a\n".to_vec();
        damage(&mut merges, random);
        vec![("vocab.json", document(vocabulary, random, &[])), ("merges.txt", merges)]
    }

    fn small_files(&self, folder: usize, random: &mut Random) -> Vec<(&'static str, Vec<u8>)> {
        let fragments = &self.fragments.tokens;
        let mut files = match random.below(4) {
            0 => self.vocabulary(random),
            1 => {
                let mut pieces = b"good 100\nba@@ 50\nd 40\n@USER 9\n".to_vec();
                let mut codes = b"g o 10\ngo o 9\ngoo d</w> 8\nb a 4\n".to_vec();
                damage(&mut pieces, random);
                damage(&mut codes, random);
                vec![("vocab.txt", pieces), ("bpe.codes", codes)]
            }
            _ => {
                let tokenizer = self.folders[folder].tokenizer.clone();
                vec![("tokenizer.json", document(tokenizer, random, &self.fragments.tokenizer))]
            }
        };
        for (name, most) in [("tokenizer_config.json", 1), ("special_tokens_map.json", 3), ("added_tokens.json", 3)] {
            if random.once_in(most) {
                let mut fields = Vec::new();
                for _ in 0..random.size(6) {
                    let name = random.pick(&self.fragments.token_fields).clone();
                    fields.push((name, random.pick(fragments).clone()));
                }
                if name == "tokenizer_config.json" {
                    fields.push(("tokenizer_class".into(), random.pick(&self.fragments.classes).clone()));
                    fields.push(("normalization".into(), Node::Raw("true".into())));
                }
                files.push((name, document(Node::Object(fields), random, fragments)));
            }
        }
        let version = if random.once_in(2) { "5.24.0" } else { "4.57.6" };
        let config = format!(r#"{{"model_type": "bert", "transformers_version": "{version}"}}"#);
        files.push(("config.json", config.into_bytes()));
        files
    }

    fn shards(&self, folder: usize, random: &mut Random) -> Vec<(&'static str, Vec<u8>)> {
        let (mut index, mut shards) = self.folders[folder].tensors.shards();
        let paths = [
            "../model.safetensors",
            "/etc/passwd",
            "/dev/zero",
            ".",
            "..",
            "",
            "sub/x",
            "a\\b",
            "C:x",
            "NUL",
            "config.json",
            "model.safetensors.index.json",
            SHARDS[0],
            SHARDS[1],
            "x\0y",
            "~",
            "file:///etc/passwd",
            "$HOME",
            "folder",
        ];
        let paths = paths.map(Node::string);
        for _ in 0..random.size(4) {
            json::mutate(&mut index, random, &paths);
        }
        for shard in &mut shards {
            if random.once_in(4) {
                damage(shard, random);
            }
        }
        let [one, other] = shards;
        let mut files = vec![("model.safetensors.index.json", document(index, random, &paths)), (SHARDS[0], one)];
        if !random.once_in(8) {
            files.push((SHARDS[1], other));
        }
        files
    }
}

impl Folder {
    fn load(path: &Path) -> Folder {
        let read =
            |name: &str| fs::read(path.join(name)).unwrap_or_else(|error| panic!("{}/{name}: {error}", path.display()));
        let (config, weights) = (read("config.json"), read("model.safetensors"));
        let described = Config::new(&config, "config.json").and_then(|config| {
            let architecture = models::architecture(&config)?;
            Ok(((architecture.describe)(&config)?, architecture.base_prefix))
        });
        Folder {
            name: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
            model: described.ok(),
            config: Node::parse(&config),
            tokenizer: Node::parse(&read("tokenizer.json")),
            tokenizer_config: Node::parse(&read("tokenizer_config.json")),
            tensors: Safetensors::parse(&weights),
            weights,
        }
    }
}

/// The text of a tree after some mutations, at times damaged as text too.
fn document(mut tree: Node, random: &mut Random, fragments: &[Node]) -> Vec<u8> {
    for _ in 0..random.size(8) {
        json::mutate(&mut tree, random, fragments);
    }
    let mut text = tree.text().into_bytes();
    if random.once_in(8) {
        damage(&mut text, random);
    }
    text.truncate(MOST_BYTES);
    text
}
