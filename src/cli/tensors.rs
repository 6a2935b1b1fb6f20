//! Hidden states, attentions and pooled outputs -> safetensors files, each of which is written when it is full: a file of this format
//! begins with the list of all that it holds.

use super::Failure;
use super::arguments::ClassifyArguments;
use super::output::{Done, Mark};
use crate::{Array, Error, Request};
use safetensors::tensor::{Dtype, View};
use std::borrow::Cow;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Tensors of a file: readers of the format take a list of 100 MB at most.
const MOST: usize = 1 << 18;

/// The tensors that were asked for; by default none.
#[derive(Default)]
pub struct Tensors {
    /// Which of the files has each kind.
    hidden_states: Option<usize>,
    attentions: Option<usize>,
    pooled_output: Option<usize>,
    files: Vec<Growing>,
    layers: Vec<i64>,
}

/// A file, or as many as it takes.
struct Growing {
    path: PathBuf,
    /// Bytes from which on another is begun.
    full: u64,
    /// Whether what is there may be replaced.
    replace: bool,
    mark: Mark,
    collected: Vec<(String, Tensor)>,
    /// Rows with pooled outputs, and those.
    index: Vec<i64>,
    pooled: Array,
    bytes: u64,
}

impl Tensors {
    /// Refuses a file that could not be written before anything is computed for it.
    pub fn new(arguments: &ClassifyArguments) -> Result<Tensors, Failure> {
        let asked = [&arguments.hidden_states, &arguments.attentions, &arguments.pooled_output];
        let mut paths: Vec<&PathBuf> = Vec::new();
        let mut places = [None; 3];
        for (place, path) in places.iter_mut().zip(asked) {
            let Some(path) = path else { continue };
            let folder = folder(path)?;
            // A file has several names.
            let is_same = |known: &PathBuf| {
                known.file_name() == path.file_name() && self::folder(known).is_ok_and(|known| known == folder)
            };
            *place = Some(paths.iter().position(|known| is_same(known)).unwrap_or_else(|| {
                paths.push(path);
                paths.len() - 1
            }));
        }
        let [hidden_states, attentions, pooled_output] = places;
        if hidden_states.or(attentions).is_none() && !arguments.layers.is_empty() {
            return Err(Failure::Message("--layers is for --hidden-states and --attentions".into()));
        }
        let full = arguments.max_shard_size;
        let file = |path: &PathBuf| Growing {
            path: path.clone(),
            full,
            replace: false,
            mark: Mark::default(),
            collected: Vec::new(),
            index: Vec::new(),
            pooled: Array::default(),
            bytes: 0,
        };
        Ok(Tensors {
            hidden_states,
            attentions,
            pooled_output,
            files: paths.into_iter().map(file).collect(),
            layers: arguments.layers.clone(),
        })
    }

    /// Refuses files that are there, unless the run may `replace` them: where that was said, or where it goes on with them.
    pub fn claim(&mut self, replace: bool) -> Result<(), Failure> {
        for file in &mut self.files {
            file.replace = replace;
            (1..=2).try_for_each(|number| file.refuse_there(&file.numbered(number)))?;
        }
        Ok(())
    }

    /// What answers must have for them.
    pub fn request(&self) -> Request {
        Request::default()
            .hidden_states(self.hidden_states.is_some())
            .attentions(self.attentions.is_some())
            .pooled_output(self.pooled_output.is_some())
    }

    /// Goes on with the files of a run that was stopped, and gives what was answered before the first row of which a tensor may be
    /// missing: those of a file that was not whole were in memory.
    pub fn resume(&mut self, marks: &[Mark]) -> Option<Done> {
        self.files.iter_mut().zip(marks).for_each(|(file, mark)| file.mark = mark.clone());
        let first = self.files.iter().map(|file| &file.mark.before).min_by_key(|before| before.next);
        first.cloned()
    }

    /// How far each file is.
    pub fn marks(&self) -> Vec<Mark> {
        self.files.iter().map(|file| file.mark.clone()).collect()
    }

    /// Takes what there is of a row; `before` is what was answered before it.
    pub fn take(
        &mut self,
        row: usize,
        before: &Done,
        [hidden_states, attentions]: [Option<Array>; 2],
        pooled_output: Option<&[f32]>,
    ) -> Result<(), Failure> {
        let layers = |array: Option<Array>| match array {
            Some(array) if !self.layers.is_empty() => pick(&array, &self.layers).map(Some),
            array => Ok(array),
        };
        let kinds = [
            (self.hidden_states, "hidden_states", layers(hidden_states)?),
            (self.attentions, "attentions", layers(attentions)?),
        ];
        let pooled = self.pooled_output.zip(pooled_output);
        for (place, file) in self.files.iter_mut().enumerate() {
            let arrays =
                kinds.iter().filter(|(file, ..)| *file == Some(place)).filter_map(|(.., array)| array.as_ref());
            let bytes: usize = arrays.map(|array| size_of_val(array.values.as_slice())).sum();
            let own = pooled.filter(|(file, _)| *file == place).map(|(_, pooled)| pooled);
            // All that a file has of a row is in one: the next may begin with any row, and not within one.
            file.make_room(row, before, bytes + own.map_or(0, |pooled| size_of_val(pooled) + size_of::<i64>()))?;
            if let Some(pooled) = own.filter(|_| file.wants(row)) {
                file.index.push(row as i64);
                file.pooled.values.extend(pooled);
                file.pooled.shape = vec![file.index.len(), pooled.len()];
            }
        }
        for (file, name, array) in kinds {
            let (Some(file), Some(array)) = (file.map(|file| &mut self.files[file]), array) else { continue };
            if file.wants(row) {
                file.collected.push((format!("{name}.{row}"), Tensor::Floats(array)));
            }
        }
        Ok(())
    }

    /// Removes what was written, of a run of which nothing counts.
    pub fn discard(&mut self) -> Result<(), Failure> {
        for file in &mut self.files {
            (1..=file.mark.written).try_for_each(|number| remove(&file.numbered(number)))?;
            file.mark = Mark::default();
        }
        Ok(())
    }

    /// Writes what is left; it is not whole where the run goes on later.
    pub fn finish(&mut self) -> Result<(), Failure> {
        for file in &mut self.files {
            if file.mark.written == 0 || file.bytes > 0 {
                file.write()?;
            }
            // What is replaced may have had more files, which are none of this run.
            let more = (file.mark.written + 1..).map(|number| file.numbered(number));
            for stale in more.take_while(|path| file.replace && path.is_file()) {
                remove(&stale)?;
            }
        }
        Ok(())
    }
}

impl Growing {
    /// Whether no file that is whole has a row's tensors.
    fn wants(&self, row: usize) -> bool {
        row >= self.mark.before.next
    }

    /// Makes room for so many bytes of a row: a file that they would overfill is written first.
    fn make_room(&mut self, row: usize, before: &Done, bytes: usize) -> Result<(), Failure> {
        if !self.wants(row) {
            return Ok(());
        }
        if self.bytes > 0 && (self.bytes + bytes as u64 > self.full || self.collected.len() >= MOST) {
            self.write()?;
            self.mark.before = Done { next: row, ..before.clone() };
        }
        self.bytes += bytes as u64;
        Ok(())
    }

    fn numbered(&self, number: usize) -> PathBuf {
        if number == 1 {
            return self.path.clone();
        }
        let mut name = self.path.file_stem().map_or_else(OsString::new, OsString::from);
        name.push(format!("-{number}"));
        if let Some(extension) = self.path.extension() {
            name.push(".");
            name.push(extension);
        }
        self.path.with_file_name(name)
    }

    fn refuse_there(&self, path: &Path) -> Result<(), Failure> {
        if path.is_file() && !self.replace {
            return Err(Failure::Message(format!("{}: is there already; --overwrite replaces it", path.display())));
        }
        Ok(())
    }

    /// Writes a file that is whole or not there; where it cannot be, what it was to hold stays.
    fn write(&mut self) -> Result<(), Failure> {
        let path = self.numbered(self.mark.written + 1);
        self.refuse_there(&path)?;
        if !self.index.is_empty() {
            let index = std::mem::take(&mut self.index);
            self.collected.push(("index".into(), Tensor::Index([index.len()], index)));
            self.collected.push(("pooled_output".into(), Tensor::Floats(std::mem::take(&mut self.pooled))));
        }
        let tensors = self.collected.iter().map(|(name, tensor)| (name, tensor));
        let mut partial = path.clone().into_os_string();
        partial.push(".partial");
        let written = safetensors::serialize_to_file(tensors, None, Path::new(&partial))
            .map_err(|error| error.to_string())
            .and_then(|()| fs::rename(&partial, &path).map_err(|error| error.to_string()));
        written.map_err(|error| {
            // Half of it would only be in the way; what is wrong is said already.
            let _ = fs::remove_file(&partial);
            Failure::Message(format!("cannot write {}: {error}", path.display()))
        })?;
        self.mark.written += 1;
        self.collected.clear();
        self.bytes = 0;
        Ok(())
    }
}

fn remove(path: &Path) -> Result<(), Failure> {
    let failed = |source: io::Error| Error::File { action: "remove", path: path.into(), source: source.into() };
    Ok(fs::remove_file(path).map_err(failed)?)
}

/// The folder that a file can be written to.
fn folder(path: &Path) -> Result<PathBuf, Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let problem = if path.is_dir() {
        Some(io::ErrorKind::IsADirectory.into())
    } else {
        folder.metadata().err().or_else(|| (!folder.is_dir()).then(|| io::ErrorKind::NotADirectory.into()))
    };
    let failed = |source: io::Error| Error::File { action: "write", path: path.into(), source: source.into() };
    match problem {
        Some(source) => Err(failed(source).into()),
        None => Ok(folder.canonicalize().map_err(failed)?),
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

enum Tensor {
    Floats(Array),
    Index([usize; 1], Vec<i64>),
}

impl View for &Tensor {
    fn dtype(&self) -> Dtype {
        match self {
            Tensor::Floats(_) => Dtype::F32,
            Tensor::Index(..) => Dtype::I64,
        }
    }

    fn shape(&self) -> &[usize] {
        match self {
            Tensor::Floats(array) => &array.shape,
            Tensor::Index(shape, _) => shape,
        }
    }

    fn data(&self) -> Cow<'_, [u8]> {
        // The format is little-endian, as is every machine that wgpu runs on.
        Cow::Borrowed(match self {
            Tensor::Floats(array) => bytemuck::cast_slice(&array.values),
            Tensor::Index(_, index) => bytemuck::cast_slice(index),
        })
    }

    fn data_len(&self) -> usize {
        self.data().len()
    }
}
