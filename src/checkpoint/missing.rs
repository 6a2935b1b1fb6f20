//! What to say when a folder is not a checkpoint this engine reads, but something else.

use std::fs;
use std::path::Path;

use crate::Error;

/// Saves a checkpoint again as safetensors, which is `save_pretrained`'s only format since transformers 5 and its
/// default since 4.35.
const CONVERT: &str = "from transformers import AutoModelForSequenceClassification as M, AutoTokenizer as T; \
                       M.from_pretrained('IN').save_pretrained('OUT'); T.from_pretrained('IN').save_pretrained('OUT')";

/// There is no `config.json`.
pub(super) fn config(folder: &Path) -> Error {
    let hint = if folder.join("adapter_config.json").exists() {
        adapter()
    } else {
        "pass the folder in which transformers' save_pretrained wrote config.json and model.safetensors".into()
    };
    Error::MissingFile { folder: folder.into(), missing: "config.json", hint }
}

/// There is neither `model.safetensors` nor its index.
pub(super) fn weights(folder: &Path) -> Error {
    let has = |name: &str| folder.join(name).exists();
    let hint = if has("adapter_config.json") {
        adapter()
    } else if has("pytorch_model.bin") {
        pickle("pytorch_model.bin", folder)
    } else if has("pytorch_model.bin.index.json") {
        pickle("pytorch_model.bin.index.json", folder)
    } else if has("tf_model.h5") {
        foreign("tf_model.h5", "TensorFlow", "from_tf=True", folder)
    } else if has("flax_model.msgpack") {
        foreign("flax_model.msgpack", "Flax", "from_flax=True", folder)
    } else if let Some(name) = other_weights(folder) {
        if name.ends_with(".safetensors") {
            format!("there is {name}: if it holds the whole model, rename it to model.safetensors")
        } else {
            format!("there is {name}, a format this engine does not read; save the model with transformers instead")
        }
    } else {
        "the folder holds no weights at all; was the download complete?".into()
    };
    Error::MissingFile { folder: folder.into(), missing: "model.safetensors", hint }
}

fn adapter() -> String {
    "the folder holds a PEFT adapter (adapter_config.json), which is only the change to a base model; merge it first, with \
     peft: model.merge_and_unload().save_pretrained(FOLDER)"
        .into()
}

fn pickle(file: &str, folder: &Path) -> String {
    let script = conversion(folder, "");
    format!(
        "there is {file}, a Python pickle, which can run code when it is read; convert it once with: python -c \"{script}\""
    )
}

fn foreign(file: &str, framework: &str, argument: &str, folder: &Path) -> String {
    let script = conversion(folder, &format!(", {argument}"));
    format!(
        "there is {file}, weights of {framework}; convert it once, with transformers 4 and {framework} installed: \
         python -c \"{script}\""
    )
}

fn conversion(folder: &Path, argument: &str) -> String {
    let folder = folder.display().to_string();
    CONVERT
        .replacen("'IN')", &format!("'IN'{argument})"), 1)
        .replace("OUT", &format!("{folder}-safetensors"))
        .replace("'IN'", &format!("'{folder}'"))
}

/// A file in the folder that looks like weights under another name; the first in alphabetical order.
fn other_weights(folder: &Path) -> Option<String> {
    let names = fs::read_dir(folder).ok()?;
    let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names
        .filter(|name| [".safetensors", ".onnx", ".gguf", ".ot", ".pt", ".bin"].iter().any(|end| name.ends_with(end)))
        .min_by_key(|name| (!name.ends_with(".safetensors"), name.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_conversion_is_a_line_that_can_be_pasted() {
        assert_eq!(
            conversion(Path::new("a/b"), ", from_tf=True"),
            "from transformers import AutoModelForSequenceClassification as M, AutoTokenizer as T; \
             M.from_pretrained('a/b', from_tf=True).save_pretrained('a/b-safetensors'); \
             T.from_pretrained('a/b').save_pretrained('a/b-safetensors')"
        );
    }
}
