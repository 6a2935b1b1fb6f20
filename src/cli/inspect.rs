//! `wgbert inspect`: what a checkpoint is made of, and what an adapter would run for it.

use super::{
    Failure, Outcome,
    arguments::{InspectArguments, ListFormat},
    download::Downloads,
    in_flags,
    inspect_text::write_text,
    say,
};
use crate::checkpoint::{Scoring, hub};
use crate::gpu::{AdapterDescription, block_on};
use crate::ir::{Capabilities, Recording, Storage};
use crate::models::{
    Model, Part,
    encoder::{self, OutputSpec},
    scoring,
};
use crate::{Error, Inspection, Options, Precision, Task};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::PathBuf;

/// Names, or faults for people, that are listed before it is only said how many more there are.
pub const FEW: usize = 8;

/// Everything that is said, in its order.
#[derive(Serialize)]
pub struct Description<'a> {
    pub model: String,
    pub model_type: &'a str,
    /// The transformers class whose checkpoints load, else those that the file names.
    pub class: String,
    /// Known where the whole config is understood.
    pub task: Option<&'static str>,
    pub labels: &'a [String],
    /// Of texts: what the file says, or what follows from the number of labels.
    pub problem_type: Option<&'static str>,
    pub scoring: Option<&'static str>,
    pub tokens: Tokens,
    pub tokenizer: Option<Words>,
    pub files: Files<'a>,
    /// Of the model; absent where it is not understood.
    pub parameters: Option<Parts>,
    /// As `--precision` has it.
    pub precision: String,
    /// On the device, at that precision.
    pub weight_bytes: Option<Parts>,
    pub device: Option<Device>,
    /// Why there is no device.
    pub no_device: Option<String>,
    /// Why the model cannot classify.
    pub faults: Vec<String>,
}

/// Longest text, special tokens included.
#[derive(Serialize)]
pub struct Tokens {
    pub limit: Option<usize>,
    /// By the model's positions.
    pub positions: Option<usize>,
    /// By the tokenizer's configuration.
    pub tokenizer: Option<usize>,
}

#[derive(Serialize)]
pub struct Words {
    pub kind: &'static str,
    pub vocabulary: usize,
    /// The class of transformers whose rules hold.
    pub class: &'static str,
    /// The version that is meant where they differ.
    pub transformers: String,
}

#[derive(Serialize)]
pub struct Files<'a> {
    pub bytes: u64,
    /// By element type.
    pub elements: BTreeMap<String, Stored>,
    /// Tensors that the model does not read.
    pub unused: Vec<&'a str>,
}

#[derive(Default, Serialize)]
pub struct Stored {
    pub tensors: u64,
    pub parameters: u64,
    pub bytes: u64,
}

#[derive(Serialize)]
pub struct Parts {
    pub total: u64,
    pub embeddings: u64,
    pub layers: u64,
    pub head: u64,
}

#[derive(Serialize)]
pub struct Device {
    pub adapter: String,
    /// What weights and activations are stored as there.
    pub storage: Storage,
    pub kernels: Vec<Kernel>,
    pub launches: Counts,
    /// Of each layer, in every batch.
    pub layer_launches: Vec<usize>,
    pub batch: Batch,
}

#[derive(Serialize)]
pub struct Kernel {
    pub name: &'static str,
    pub variant: String,
    pub constants: BTreeMap<&'static str, u32>,
    #[serde(flatten)]
    pub launches: Counts,
}

#[derive(Serialize)]
pub struct Counts {
    pub every_batch: usize,
    /// Before the first batch: what depends on weights alone.
    pub once: usize,
}

/// The largest batch.
#[derive(Serialize)]
pub struct Batch {
    pub tokens: usize,
    pub texts: usize,
    pub activation_bytes: u64,
    /// Of what is made of weights alone.
    pub table_bytes: u64,
}

impl InspectArguments {
    fn model(&self) -> Option<&PathBuf> {
        self.model.as_ref().or(self.named.as_ref())
    }
}

pub fn run(arguments: &InspectArguments) -> Result<Outcome, Failure> {
    let inspection = match arguments.model() {
        Some(model) => {
            let mut downloads = Downloads::default();
            Inspection::open(hub::locate(model, &mut |progress| downloads.advance(progress))?)?
        }
        None => Inspection::sentiment()?,
    };
    let options = arguments.device.options();
    let (adapter, no_device) = match block_on(options.choose()) {
        Ok(adapter) => {
            options.precision.check(adapter.as_ref())?;
            options.tensor_cores.check(adapter.as_ref())?;
            let reference = adapter.is_none().then(|| "the reference runs on the CPU, without kernels".to_string());
            (adapter, reference)
        }
        Err(error @ Error::NoAdapter { .. }) => (None, Some(error.to_string())),
        Err(error) => return Err(error.into()),
    };
    let mut description = describe(arguments, &inspection);
    // What a broken checkpoint claims is not worth recording: nothing confirms its sizes.
    if let Some(model) = inspection.model.as_ref().filter(|_| inspection.faults.is_empty()) {
        let anything = || Capabilities { max_binding: u64::MAX, ..Capabilities::minimum() };
        let capabilities = adapter.as_ref().map_or_else(anything, |adapter| adapter.capabilities.clone());
        let storage = options.precision.storage(&capabilities);
        let scoring = scoring(&inspection.config, model)?;
        let wanted = OutputSpec::scores(scoring);
        let recording = encoder::record(model, wanted, capabilities.max_binding, storage);
        description.weight_bytes = Some(parts(model, |weight| recording.weight_bytes(weight)));
        let max_length = description.tokens.limit.unwrap_or(model.max_length);
        description.device = adapter.map(|adapter| device(&adapter, &recording, &options, max_length));
        description.no_device = no_device;
    }

    let mut out = io::stdout().lock();
    match arguments.format {
        ListFormat::Json => {
            serde_json::to_writer_pretty(&mut out, &description).map_err(io::Error::from)?;
            writeln!(out)?;
        }
        ListFormat::Text => write_text(&mut out, &description)?,
    }
    out.flush()?;
    let faults = &description.faults;
    faults.iter().take(FEW).for_each(|fault| say(format_args!("error: {fault}")));
    if faults.len() > FEW {
        say(format_args!("error: and {} more like these", faults.len() - FEW));
    }
    Ok(if description.faults.is_empty() { Outcome::Complete } else { Outcome::Unusable })
}

fn describe<'a>(arguments: &InspectArguments, inspection: &'a Inspection) -> Description<'a> {
    let Inspection { config, architecture, model, weights, tokenizer, faults } = inspection;
    let [positions, limit] = inspection.max_lengths();
    let task = model.as_ref().map(Model::task);
    let mut elements: BTreeMap<String, Stored> = BTreeMap::new();
    for tensor in weights.tensors() {
        let stored = elements.entry(tensor.element.to_string()).or_default();
        stored.tensors += 1;
        stored.parameters += tensor.len() as u64;
        stored.bytes += tensor.bytes() as u64;
    }
    Description {
        model: arguments.model().map_or("sentiment (compiled in)".into(), |folder| folder.display().to_string()),
        model_type: &config.model_type,
        class: architecture.map_or_else(
            || config.architectures.join(", "),
            |architecture| architecture.class_of(task.unwrap_or(Task::SequenceClassification)),
        ),
        task: task.map(Task::name),
        labels: &config.labels,
        problem_type: (task != Some(Task::TokenClassification)).then(|| config.effective_problem_type(false).name()),
        scoring: model
            .as_ref()
            .map_or_else(|| config.scoring(), |model| scoring(config, model))
            .ok()
            .map(Scoring::name),
        tokens: Tokens { limit: positions.into_iter().chain(limit).min(), positions, tokenizer: limit },
        tokenizer: tokenizer.as_ref().map(|words| Words {
            kind: words.kind(),
            vocabulary: words.vocabulary(),
            class: words.class(),
            transformers: words.transformers().to_string(),
        }),
        files: Files { bytes: weights.bytes(), elements, unused: inspection.unused() },
        parameters: model.as_ref().map(|model| parts(model, |weight| weight.rows as u64 * weight.columns as u64)),
        precision: format!("{:?}", Precision::from(arguments.device.precision)).to_lowercase(),
        weight_bytes: None,
        device: None,
        no_device: None,
        faults: faults.iter().map(|fault| in_flags(fault.to_string())).collect(),
    }
}

fn parts(model: &Model, count: impl Fn(&crate::ir::Weight) -> u64) -> Parts {
    let mut parts = Parts { total: 0, embeddings: 0, layers: 0, head: 0 };
    for part in model.parts() {
        let sum = part.weights.into_iter().map(&count).sum();
        parts.total += sum;
        match part.part {
            Part::Embeddings => parts.embeddings = sum,
            Part::Layers => parts.layers = sum,
            Part::Head => parts.head = sum,
        }
    }
    parts
}

fn device(adapter: &AdapterDescription, recording: &Recording, options: &Options, max_length: usize) -> Device {
    let capacity = options.capacity(&adapter.capabilities, recording, max_length);
    let kernel = |launches: crate::ir::Launches| Kernel {
        name: launches.shader.name,
        variant: launches.shader.variant(),
        constants: launches.shader.constants.into_iter().collect(),
        launches: Counts { every_batch: launches.each, once: launches.once },
    };
    let kernels: Vec<Kernel> = recording.launches(&adapter.capabilities).into_iter().map(kernel).collect();
    let sum = |count: fn(&Counts) -> usize| kernels.iter().map(|kernel| count(&kernel.launches)).sum();
    Device {
        adapter: adapter.name.clone(),
        storage: recording.storage(),
        launches: Counts { every_batch: sum(|counts| counts.every_batch), once: sum(|counts| counts.once) },
        kernels,
        layer_launches: recording.layer_launches(),
        batch: Batch {
            tokens: capacity.tokens,
            texts: capacity.texts,
            activation_bytes: capacity.activation_bytes(recording),
            table_bytes: recording.table_bytes(),
        },
    }
}
