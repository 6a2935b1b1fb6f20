//! Which files are to be fetched: what the library's own download asks for.

use crate::errors;
use js_sys::{Array, Uint8Array};
use std::path::Path;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wgbert::checkpoint::needed;

/// Files of a checkpoint beside `config.json` and the weights, of which each may be absent.
#[wasm_bindgen(js_name = optionalFiles)]
pub fn optional_files() -> Vec<String> {
    needed::OPTIONAL.map(String::from).to_vec()
}

/// What to fetch of the files that there are at `place`, in this order.
///
/// # Errors
/// What there is instead of a classifier, and what to do about it.
#[wasm_bindgen(js_name = wantedFiles)]
pub fn wanted_files(place: &str, files: Vec<String>) -> Result<Vec<String>, JsValue> {
    let wanted = needed::wanted(Path::new(place), None, &files).map_err(|error| errors::raise(&error))?;
    Ok(wanted.into_iter().map(String::from).collect())
}

/// What else to fetch, by what stands in the small files: shards, and the modules of a cross-encoder.
///
/// # Errors
/// What is wrong with these files.
#[wasm_bindgen(js_name = namedFiles)]
pub fn named_files(place: &str, files: &Array) -> Result<Vec<String>, JsValue> {
    needed::named_by(Path::new(place), self::files(files)?).map_err(|error| errors::raise(&error))
}

/// Files as JavaScript gives them: arrays of a name and a `Uint8Array`.
pub fn files(files: &Array) -> Result<Vec<(String, Vec<u8>)>, JsValue> {
    let file = |entry: JsValue| {
        let entry = Array::from(&entry);
        let name = entry.get(0).as_string().ok_or_else(|| errors::argument("a file has no name"))?;
        Ok((name, Uint8Array::new(&entry.get(1)).to_vec()))
    };
    files.iter().map(file).collect()
}
