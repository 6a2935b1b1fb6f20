//! What to say when a folder, on this machine or on the hub, is not a checkpoint this engine reads, but something else.

use std::fs;
use std::path::Path;

use crate::Error;

/// Saves a checkpoint again as safetensors, which is `save_pretrained`'s only format since transformers 5 and its
/// default since 4.35.
const CONVERT: &str = "from transformers import AutoModelForSequenceClassification as M, AutoTokenizer as T; \
                       M.from_pretrained('IN').save_pretrained('OUT'); T.from_pretrained('IN').save_pretrained('OUT')";

/// What is not where a checkpoint is looked for.
pub(super) struct Source<'a> {
    /// The folder, or the model's name on the hub: what `from_pretrained` takes.
    pub place: &'a Path,
    /// The hub's revision, where it is not the one that is taken by default.
    pub revision: Option<&'a str>,
    /// Names of the files that are there.
    pub files: &'a [String],
}

impl Source<'_> {
    fn has(&self, name: &str) -> bool {
        self.files.iter().any(|file| file == name)
    }

    fn error(&self, missing: &'static str, hint: String) -> Error {
        Error::MissingFile { folder: self.place.into(), missing, hint }
    }
}

/// Names of the files of a folder, as far as it can be read.
pub(super) fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect()
}

/// There is no `config.json`.
pub(super) fn config(source: &Source) -> Error {
    let hint = if source.has("adapter_config.json") {
        adapter()
    } else {
        "pass the folder in which transformers' save_pretrained wrote config.json and model.safetensors".into()
    };
    source.error("config.json", hint)
}

/// There is neither `model.safetensors` nor its index.
pub(super) fn weights(source: &Source) -> Error {
    let has = |name: &str| source.has(name);
    let hint = if has("adapter_config.json") {
        adapter()
    } else if has("pytorch_model.bin") {
        pickle("pytorch_model.bin", source)
    } else if has("pytorch_model.bin.index.json") {
        pickle("pytorch_model.bin.index.json", source)
    } else if has("tf_model.h5") {
        foreign("tf_model.h5", "TensorFlow", "from_tf=True", source)
    } else if has("flax_model.msgpack") {
        foreign("flax_model.msgpack", "Flax", "from_flax=True", source)
    } else if let Some(name) = other_weights(source.files) {
        if name.ends_with(".safetensors") {
            format!("there is {name}: if it holds the whole model, rename it to model.safetensors")
        } else {
            format!("there is {name}, a format this engine does not read; save the model with transformers instead")
        }
    } else {
        "the folder holds no weights at all; was the download complete?".into()
    };
    source.error("model.safetensors", hint)
}

fn adapter() -> String {
    "the folder holds a PEFT adapter (adapter_config.json), which is only the change to a base model; merge it first, with \
     peft: model.merge_and_unload().save_pretrained(FOLDER)"
        .into()
}

fn pickle(file: &str, source: &Source) -> String {
    let script = conversion(source, "");
    format!(
        "there is {file}, a Python pickle, which can run code when it is read; convert it once with: python -c \"{script}\""
    )
}

fn foreign(file: &str, framework: &str, argument: &str, source: &Source) -> String {
    let script = conversion(source, &format!(", {argument}"));
    format!(
        "there is {file}, weights of {framework}; convert it once, with transformers 4 and {framework} installed: \
         python -c \"{script}\""
    )
}

fn conversion(source: &Source, argument: &str) -> String {
    let place = source.place.display().to_string();
    let revision = source.revision.map(|revision| format!(", revision='{revision}'")).unwrap_or_default();
    CONVERT
        .replacen("'IN')", &format!("'IN'{revision}{argument})"), 1)
        .replacen("'IN')", &format!("'IN'{revision})"), 1)
        .replace("OUT", &format!("{place}-safetensors"))
        .replace("'IN'", &format!("'{place}'"))
}

/// A file that looks like weights under another name; the first in alphabetical order.
fn other_weights(files: &[String]) -> Option<&String> {
    let ends = [".safetensors", ".onnx", ".gguf", ".ot", ".pt", ".bin"];
    let weights = files.iter().filter(|name| ends.iter().any(|end| name.ends_with(end)));
    weights.min_by_key(|name| (!name.ends_with(".safetensors"), *name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_conversion_is_a_line_that_can_be_pasted() {
        let source = Source { place: Path::new("a/b"), revision: None, files: &[] };
        assert_eq!(
            conversion(&source, ", from_tf=True"),
            "from transformers import AutoModelForSequenceClassification as M, AutoTokenizer as T; \
             M.from_pretrained('a/b', from_tf=True).save_pretrained('a/b-safetensors'); \
             T.from_pretrained('a/b').save_pretrained('a/b-safetensors')"
        );
        let source = Source { revision: Some("v1"), ..source };
        assert_eq!(
            conversion(&source, ""),
            "from transformers import AutoModelForSequenceClassification as M, AutoTokenizer as T; \
             M.from_pretrained('a/b', revision='v1').save_pretrained('a/b-safetensors'); \
             T.from_pretrained('a/b', revision='v1').save_pretrained('a/b-safetensors')"
        );
    }
}
