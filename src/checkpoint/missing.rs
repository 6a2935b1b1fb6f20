//! What to say when a folder, on this machine or on the hub, is not a checkpoint this engine reads, but something else.

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

/// A model of another library that looks like a checkpoint, if it is one.
pub(super) fn other_kind(source: &Source) -> Option<Error> {
    const FILES: [&str; 2] = ["model_head.pkl", "config_setfit.json"];
    let file = FILES.into_iter().find(|name| source.has(name))?;
    Some(Error::Unsupported {
        path: source.place.join(file),
        feature: "a SetFit model, whose head is a pickle of scikit-learn's (model_head.pkl) or of torch's,".into(),
        supported: "heads in model.safetensors; to run it here, train a head that transformers saves \
                    (AutoModelForSequenceClassification)"
            .into(),
    })
}

/// There is no `config.json`.
pub(super) fn config(source: &Source) -> Error {
    let hint = if source.has("adapter_config.json") {
        adapter()
    } else if let Some(folder) = inner_checkpoint(source) {
        format!("there is one in {folder}: if that is the checkpoint, pass this folder")
    } else if let Some(hint) = other_weights(source.files).and_then(|name| exported(name)) {
        hint
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
    } else if let Some(folder) = inner_checkpoint(source) {
        format!("there is one in {folder}: if that is the checkpoint, pass this folder")
    } else if let Some(name) = other_weights(source.files) {
        if name.ends_with(".safetensors") {
            format!("there is {name}: if it holds the whole model, rename it to model.safetensors")
        } else {
            exported(name).unwrap_or_else(|| {
                format!("there is {name}, a format this engine does not read; save the model with transformers instead")
            })
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

/// What to say of weights that were made for another program.
fn exported(name: &str) -> Option<String> {
    let format = match name {
        _ if name.ends_with(".onnx") => "a model exported to ONNX",
        _ if name.ends_with(".gguf") => "a model converted to GGUF, the format of llama.cpp",
        _ if name.starts_with("openvino") => "a model exported to OpenVINO",
        _ => return None,
    };
    Some(format!(
        "there is {name}, {format}, from which nothing is read here; take the model that it was made of, whose folder \
         has config.json and model.safetensors"
    ))
}

/// A folder in the folder that holds a whole checkpoint, as trainings save several.
fn inner_checkpoint<'a>(source: &Source<'a>) -> Option<&'a str> {
    let has = |folder: &str| source.has(&format!("{folder}/config.json"));
    let mut folders = source.files.iter().filter_map(|file| file.strip_suffix("/model.safetensors"));
    folders.find(|folder| has(folder))
}

/// A file that looks like weights under another name; the first in alphabetical order.
fn other_weights(files: &[String]) -> Option<&String> {
    let ends = [".safetensors", ".onnx", ".gguf", ".ot", ".pt", ".bin"];
    let weights = files.iter().filter(|name| ends.iter().any(|end| name.ends_with(end)));
    weights.min_by_key(|name| (name.contains('/'), !name.ends_with(".safetensors"), *name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_for_other_programs_are_named() {
        let hint = |files: &[&str]| {
            let files: Vec<String> = files.iter().map(|file| file.to_string()).collect();
            let source = Source { place: Path::new("DIR"), revision: None, files: &files };
            [config(&source), weights(&source)].map(|error| error.to_string())
        };
        for (files, expected) in [
            (
                &["onnx/model.onnx", "onnx/model_quantized.onnx"][..],
                "there is onnx/model.onnx, a model exported to ONNX",
            ),
            (&["README.md", "model-Q4_K_M.gguf"], "there is model-Q4_K_M.gguf, a model converted to GGUF"),
            (&["openvino/openvino_model.bin"], "exported to OpenVINO"),
            (&["checkpoint-9/config.json", "checkpoint-9/model.safetensors"], "there is one in checkpoint-9"),
        ] {
            for message in hint(files) {
                assert!(message.starts_with("DIR: no ") && message.contains(expected), "{message}");
            }
        }
        assert!(hint(&["a.safetensors", "onnx/a.onnx"])[1].contains("rename it to model.safetensors"));
    }

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
