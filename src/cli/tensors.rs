//! Hidden states and attentions -> safetensors files.

use super::Failure;
use super::arguments::ClassifyArguments;
use safetensors::tensor::{Dtype, View};
use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use wgbert::models::Model;
use wgbert::text::Encoding;
use wgbert::{Array, Error};

/// Bytes of tensors that are held in memory; [`ClassifyArguments::hidden_states`] tells the user.
const MOST: u64 = 4 << 30;

/// The tensors that were asked for, collected until the end: a safetensors file begins with the list of them all.
pub struct Tensors {
    hidden_states: Option<PathBuf>,
    attentions: Option<PathBuf>,
    /// Name and contents, of each kind.
    collected: [Vec<(String, Array)>; 2],
    bytes: u64,
}

impl Tensors {
    /// Refuses a file that could not be written before anything is computed for it.
    pub fn new(arguments: &ClassifyArguments) -> Result<Tensors, Failure> {
        let (hidden_states, attentions) = (arguments.hidden_states.clone(), arguments.attentions.clone());
        for path in hidden_states.iter().chain(&attentions) {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let problem = if path.is_dir() {
                Some(io::ErrorKind::IsADirectory.into())
            } else {
                folder.metadata().err().or_else(|| (!folder.is_dir()).then(|| io::ErrorKind::NotADirectory.into()))
            };
            if let Some(source) = problem {
                return Err(Error::File { action: "write", path: path.clone(), source: source.into() }.into());
            }
        }
        Ok(Tensors { hidden_states, attentions, collected: Default::default(), bytes: 0 })
    }

    /// Whether hidden states and attentions are wanted.
    pub fn wanted(&self) -> (bool, bool) {
        (self.hidden_states.is_some(), self.attentions.is_some())
    }

    /// Counts what these texts will add, before it is computed.
    pub fn reserve(&mut self, model: &Model, encodings: &[Encoding]) -> Result<(), Failure> {
        let hidden_states = |tokens: u64| (model.layers.len() as u64 + 1) * tokens * model.hidden as u64;
        let heads = model.layers.iter().map(|layer| layer.attention.heads as u64).sum::<u64>();
        for encoding in encodings {
            let tokens = encoding.ids.len() as u64;
            let hidden_states = if self.hidden_states.is_some() { hidden_states(tokens) } else { 0 };
            let attentions = if self.attentions.is_some() { heads * tokens * tokens } else { 0 };
            self.bytes += (hidden_states + attentions) * size_of::<f32>() as u64;
        }
        if self.bytes <= MOST {
            return Ok(());
        }
        let message = format!(
            "the hidden states and attentions exceed {} GiB, which are held in memory until the end; split the input",
            MOST >> 30
        );
        Err(Failure::Message(message))
    }

    /// Takes the hidden states and attentions of an output; `rows` are the indices of its texts.
    pub fn take(&mut self, kinds: [Option<Vec<Array>>; 2], rows: &[usize]) {
        let kinds = ["hidden_states", "attentions"].into_iter().zip(kinds);
        for (collected, (name, arrays)) in self.collected.iter_mut().zip(kinds) {
            collected.extend(
                rows.iter().zip(arrays.into_iter().flatten()).map(|(row, array)| (format!("{name}.{row}"), array)),
            );
        }
    }

    /// Writes the files, one where both kinds go to the same.
    pub fn write(self) -> Result<(), Failure> {
        let [mut hidden_states, attentions] = self.collected;
        match (self.hidden_states, self.attentions) {
            (Some(path), Some(other)) if path == other => {
                hidden_states.extend(attentions);
                write(&path, hidden_states)
            }
            (path, other) => {
                path.map_or(Ok(()), |path| write(&path, hidden_states))?;
                other.map_or(Ok(()), |path| write(&path, attentions))
            }
        }
    }
}

fn write(path: &Path, tensors: Vec<(String, Array)>) -> Result<(), Failure> {
    let tensors = tensors.into_iter().map(|(name, array)| (name, Tensor(array)));
    safetensors::serialize_to_file(tensors, None, path)
        .map_err(|error| Failure::Message(format!("cannot write {}: {error}", path.display())))
}

struct Tensor(Array);

impl View for Tensor {
    fn dtype(&self) -> Dtype {
        Dtype::F32
    }

    fn shape(&self) -> &[usize] {
        &self.0.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        // The format is little-endian, as is every machine that wgpu runs on.
        Cow::Borrowed(bytemuck::cast_slice(&self.0.values))
    }

    fn data_len(&self) -> usize {
        size_of_val(self.0.values.as_slice())
    }
}
