//! One `.safetensors` file: eight bytes of header length, a JSON header, and the tensors' bytes without gaps
//! (<https://github.com/huggingface/safetensors>, "Format").
//!
//! The header is read into the safetensors crate's own `TensorInfo`, but checked here: the crate's check does not name
//! the tensor, lets the last of two tensors of one name win, and can overflow while it adds sizes up.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memmap2::Mmap;
use safetensors::tensor::TensorInfo;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use crate::folder::Folder;
use crate::{Error, Result};

/// Bytes of the header's length at the start of the file.
const LENGTH_BYTES: usize = 8;
/// The format's own limit (safetensors, `MAX_HEADER_SIZE`).
const MAX_HEADER_BYTES: usize = 100_000_000;

/// The tensors of a file by name; their offsets count from the first byte after the header and lie inside the file.
pub(super) type Header = BTreeMap<String, TensorInfo>;

/// The bytes of an opened file whose header was checked.
pub(super) struct SafetensorsFile {
    pub(super) path: PathBuf,
    bytes: Bytes,
    data_start: usize,
}

enum Bytes {
    Mapped(Mmap),
    Given(Cow<'static, [u8]>),
    Shared(Arc<Vec<u8>>),
}

impl SafetensorsFile {
    /// Maps a file, or shares it where it is in memory, and reads its header.
    pub(super) fn of(folder: Folder<'_>, name: &str) -> Result<(SafetensorsFile, Header)> {
        let path = folder.join(name);
        match folder.memory().map(|files| files.get(name)) {
            None => SafetensorsFile::open(path),
            Some(Some(bytes)) => SafetensorsFile::new(path, Bytes::Shared(bytes.clone())),
            Some(None) => Err(Error::malformed(&path, "is absent")),
        }
    }

    /// Maps the file and reads its header.
    pub(super) fn open(path: PathBuf) -> Result<(SafetensorsFile, Header)> {
        let file = File::open(&path).map_err(Error::file("open", &path))?;
        let metadata = file.metadata().map_err(Error::file("read", &path))?;
        if !metadata.is_file() {
            return Err(Error::malformed(&path, "is not a regular file"));
        }
        if metadata.len() == 0 {
            // Some systems refuse to map nothing.
            return SafetensorsFile::new(path, Bytes::Given(Cow::Borrowed(&[])));
        }
        // SAFETY: the map is read-only and private to this value. That no one writes to or shortens the file meanwhile
        // cannot be enforced; like every reader of mapped checkpoints we rely on files being replaced, not rewritten.
        #[allow(unsafe_code, reason = "a file that is mapped may change")]
        let map = unsafe { Mmap::map(&file) }.map_err(|source: io::Error| Error::File {
            action: "map",
            path: path.clone(),
            source: source.into(),
        })?;
        SafetensorsFile::new(path, Bytes::Mapped(map))
    }

    /// Reads the header of a file that is already in memory.
    pub(super) fn from_bytes(path: PathBuf, bytes: Cow<'static, [u8]>) -> Result<(SafetensorsFile, Header)> {
        SafetensorsFile::new(path, Bytes::Given(bytes))
    }

    fn new(path: PathBuf, bytes: Bytes) -> Result<(SafetensorsFile, Header)> {
        let (data_start, header) = read_header(&path, bytes.as_slice())?;
        let file = SafetensorsFile { path, bytes, data_start };
        Ok((file, header))
    }

    /// Bytes of the whole file.
    pub(super) fn len(&self) -> u64 {
        self.bytes.as_slice().len() as u64
    }

    /// The bytes of a tensor of this file's header.
    pub(super) fn data(&self, tensor: &TensorInfo) -> &[u8] {
        let (start, end) = tensor.data_offsets;
        &self.bytes.as_slice()[self.data_start..][start..end]
    }
}

impl Bytes {
    fn as_slice(&self) -> &[u8] {
        match self {
            Bytes::Mapped(map) => map,
            Bytes::Given(bytes) => bytes,
            Bytes::Shared(bytes) => bytes,
        }
    }
}

impl fmt::Debug for SafetensorsFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({} bytes)", self.path.display(), self.len())
    }
}

fn read_header(path: &Path, bytes: &[u8]) -> Result<(usize, Header)> {
    if bytes.starts_with(b"version https://git-lfs") {
        return Err(Error::malformed(path, "is a Git LFS pointer, not the weights; fetch them with: git lfs pull"));
    }
    let Some((length, rest)) = bytes.split_first_chunk::<LENGTH_BYTES>() else {
        let message = format!("is truncated: {} bytes are not even the length of a header", bytes.len());
        return Err(Error::malformed(path, message));
    };
    let length = u64::from_le_bytes(*length);
    let header: Range<usize> = match usize::try_from(length) {
        Ok(length) if length <= rest.len().min(MAX_HEADER_BYTES) => 0..length,
        _ => {
            let message = format!(
                "is truncated, or not a safetensors file: its first bytes announce a header of {length} bytes (at most \
                 {MAX_HEADER_BYTES} are allowed) and {} follow",
                rest.len()
            );
            return Err(Error::malformed(path, message));
        }
    };
    let (header, data) = rest.split_at(header.end);
    let Tensors(tensors) = serde_json::from_slice(header)
        .map_err(|error| Error::malformed(path, format!("the safetensors header is broken: {error}")))?;
    check(path, &tensors, data.len())?;
    Ok((LENGTH_BYTES + header.len(), tensors))
}

/// Whether the tensors, in the order of their offsets, fill `data_bytes` bytes without gap or overlap, each with as many
/// bytes as its shape and type need.
fn check(path: &Path, tensors: &Header, data_bytes: usize) -> Result<()> {
    let mut by_offset: Vec<(&String, &TensorInfo)> = tensors.iter().collect();
    by_offset.sort_by_key(|(_, tensor)| tensor.data_offsets);
    let mut filled = 0;
    for (name, tensor) in by_offset {
        let (start, end) = tensor.data_offsets;
        let fail = |message: String| Err(Error::tensor(path, name, message));
        if end > data_bytes {
            return fail(format!(
                "ends at byte {end} of the data, of which the file has {data_bytes}: the file is truncated, download it again"
            ));
        }
        if start != filled {
            return fail(format!(
                "starts at byte {start} of the data, where {filled} was expected: the header is corrupt"
            ));
        }
        let (shape, element) = (&tensor.shape, tensor.dtype);
        let bits = shape.iter().try_fold(element.bitsize(), |bits, &size| bits.checked_mul(size));
        // The offsets are inside the file, so eight times their distance does not overflow on a 64-bit machine; on a
        // 32-bit one it might, and no tensor of that size can be used there.
        if bits.is_none() || bits != end.checked_sub(start).and_then(|bytes| bytes.checked_mul(8)) {
            return fail(format!("shape {shape:?} of {element} does not fit bytes {start} to {end} of the data"));
        }
        filled = end;
    }
    if filled != data_bytes {
        let message = format!("{} bytes of data belong to no tensor: the header is corrupt", data_bytes - filled);
        return Err(Error::malformed(path, message));
    }
    Ok(())
}

/// The header as JSON: a map from names to tensors, each name once, and `__metadata__`, which says nothing we need.
struct Tensors(Header);

impl<'de> Deserialize<'de> for Tensors {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tensors, D::Error> {
        deserializer.deserialize_map(TensorsVisitor)
    }
}

struct TensorsVisitor;

impl<'de> Visitor<'de> for TensorsVisitor {
    type Value = Tensors;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map from tensor names to their types, shapes and offsets")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tensors, A::Error> {
        let mut tensors = Header::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == "__metadata__" {
                map.next_value::<IgnoredAny>()?;
                continue;
            }
            let tensor = map.next_value().map_err(|error| A::Error::custom(format!("tensor {name}: {error}")))?;
            if tensors.contains_key(&name) {
                return Err(A::Error::custom(format!("tensor {name} is listed twice")));
            }
            tensors.insert(name, tensor);
        }
        Ok(Tensors(tensors))
    }
}
