//! Hidden states and attentions -> safetensors files, each of which is written when it is full: a file of this format begins with
//! the list of all that it holds.

use super::Failure;
use super::arguments::ClassifyArguments;
use crate::{Array, Error};
use safetensors::tensor::{Dtype, View};
use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

/// Bytes of a file from which on another is begun; [`ClassifyArguments::hidden_states`] tells the user.
const FULL: usize = 1 << 30;

/// The tensors that were asked for.
pub struct Tensors {
    hidden_states: bool,
    attentions: bool,
    /// One for each kind, or one for both.
    files: Vec<Growing>,
    layers: Vec<i64>,
}

/// A file, or as many as it takes.
struct Growing {
    path: PathBuf,
    /// Files that are written.
    written: usize,
    collected: Vec<(String, Tensor)>,
    bytes: usize,
}

impl Tensors {
    /// Refuses a file that could not be written before anything is computed for it.
    pub fn new(arguments: &ClassifyArguments) -> Result<Tensors, Failure> {
        let mut paths: Vec<PathBuf> = arguments.hidden_states.iter().chain(&arguments.attentions).cloned().collect();
        paths.dedup();
        for path in &paths {
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
        if paths.is_empty() && !arguments.layers.is_empty() {
            return Err(Failure::Message("--layers is for --hidden-states and --attentions".into()));
        }
        let file = |path| Growing { path, written: 0, collected: Vec::new(), bytes: 0 };
        Ok(Tensors {
            hidden_states: arguments.hidden_states.is_some(),
            attentions: arguments.attentions.is_some(),
            files: paths.into_iter().map(file).collect(),
            layers: arguments.layers.clone(),
        })
    }

    /// Of which none is wanted.
    pub fn none() -> Tensors {
        Tensors { hidden_states: false, attentions: false, files: Vec::new(), layers: Vec::new() }
    }

    /// Whether hidden states and attentions are wanted.
    pub fn wanted(&self) -> (bool, bool) {
        (self.hidden_states, self.attentions)
    }

    /// Takes the hidden states and attentions of an output; `rows` are the indices of its texts.
    pub fn take(
        &mut self,
        [hidden_states, attentions]: [Option<Vec<Array>>; 2],
        rows: &[usize],
    ) -> Result<(), Failure> {
        let Some(last) = self.files.len().checked_sub(1) else { return Ok(()) };
        for (file, name, arrays) in [(0, "hidden_states", hidden_states), (last, "attentions", attentions)] {
            for (row, array) in rows.iter().zip(arrays.into_iter().flatten()) {
                let array = if self.layers.is_empty() { array } else { pick(&array, &self.layers)? };
                self.files[file].add(format!("{name}.{row}"), array)?;
            }
        }
        Ok(())
    }

    /// Writes what is left.
    pub fn finish(self) -> Result<(), Failure> {
        self.files.into_iter().try_for_each(|mut file| match file.written == 0 || !file.collected.is_empty() {
            true => file.write(),
            false => Ok(()),
        })
    }
}

impl Growing {
    fn add(&mut self, name: String, array: Array) -> Result<(), Failure> {
        let bytes = size_of_val(array.values.as_slice());
        if !self.collected.is_empty() && self.bytes + bytes > FULL {
            self.write()?;
        }
        self.bytes += bytes;
        self.collected.push((name, Tensor(array)));
        Ok(())
    }

    fn write(&mut self) -> Result<(), Failure> {
        self.written += 1;
        self.bytes = 0;
        let path = match self.written {
            1 => self.path.clone(),
            number => {
                let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
                let extension = self.path.extension().map_or("".into(), |end| format!(".{}", end.to_string_lossy()));
                self.path.with_file_name(format!("{stem}-{number}{extension}"))
            }
        };
        safetensors::serialize_to_file(std::mem::take(&mut self.collected), None, &path)
            .map_err(|error| Failure::Message(format!("cannot write {}: {error}", path.display())))
    }
}

/// The layers of an array whose first axis they are, counted from 0, or from the last where they are negative.
fn pick(array: &Array, layers: &[i64]) -> Result<Array, Failure> {
    let count = array.shape[0];
    let mut picked = Array { shape: array.shape.clone(), values: Vec::new() };
    picked.shape[0] = layers.len();
    for &layer in layers {
        let place = if layer < 0 { layer + count as i64 } else { layer };
        let place = usize::try_from(place).ok().filter(|place| *place < count);
        let place =
            place.ok_or_else(|| Failure::Message(format!("--layers: there is no layer {layer}, of {count}")))?;
        picked.values.extend(array.row(place));
    }
    Ok(picked)
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
