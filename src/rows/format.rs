//! What an input is, by its name or by its first bytes.

use crate::error::{Error, Result};
use crate::json;
use serde_json::Value;
use std::path::Path;
use std::str::FromStr;

/// What the rows of an input are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// A line is a text.
    Lines,
    /// A line is a JSON object.
    Jsonl,
    /// A JSON array of objects or texts.
    Json,
    /// Columns between commas (or semicolons, where the header has them and no comma), quoted as in RFC 4180.
    Csv,
    /// Columns between tabs, a row a line; a column that is quoted from end to end as in CSV is unquoted, and may have tabs and line
    /// breaks where its lines alone are no rows.
    Tsv,
    /// A Parquet file.
    #[cfg(feature = "parquet")]
    Parquet,
    /// Arrow's IPC format, as a file (Feather) or as a stream.
    #[cfg(feature = "parquet")]
    Arrow,
}

impl FromStr for Format {
    type Err = Error;

    /// By its usual name.
    fn from_str(name: &str) -> Result<Format> {
        let all = [
            Format::Lines,
            Format::Jsonl,
            Format::Json,
            Format::Csv,
            Format::Tsv,
            #[cfg(feature = "parquet")]
            Format::Parquet,
            #[cfg(feature = "parquet")]
            Format::Arrow,
        ];
        let names = || all.map(Format::name).join(", ");
        let found = all.into_iter().find(|format| format.name() == name);
        found.ok_or_else(|| Error::Malformed {
            path: name.into(),
            message: format!("is no format; there are {}", names()),
        })
    }
}

impl Format {
    /// The format's usual name.
    pub fn name(self) -> &'static str {
        match self {
            Format::Lines => "lines",
            Format::Jsonl => "jsonl",
            Format::Json => "json",
            Format::Csv => "csv",
            Format::Tsv => "tsv",
            #[cfg(feature = "parquet")]
            Format::Parquet => "parquet",
            #[cfg(feature = "parquet")]
            Format::Arrow => "arrow",
        }
    }

    /// Whether it is no text, but columns with types.
    pub(super) fn has_types(self) -> bool {
        match self {
            #[cfg(feature = "parquet")]
            Format::Parquet | Format::Arrow => true,
            _ => false,
        }
    }

    /// By the extension of a file, before that of its compression.
    pub(super) fn of_name(path: &Path) -> Option<Format> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        let name = [".gz", ".zst", ".zstd"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
        match name.rsplit_once('.')?.1 {
            "jsonl" | "ndjson" => Some(Format::Jsonl),
            "json" => Some(Format::Json),
            "csv" => Some(Format::Csv),
            "tsv" | "tab" => Some(Format::Tsv),
            #[cfg(feature = "parquet")]
            "parquet" | "pq" => Some(Format::Parquet),
            #[cfg(feature = "parquet")]
            "arrow" | "arrows" | "feather" | "ipc" => Some(Format::Arrow),
            _ => None,
        }
    }

    /// By the first bytes, behind a byte order mark; nothing where they may be lines of text.
    pub(super) fn of_bytes(bytes: &[u8]) -> Option<Format> {
        #[cfg(feature = "parquet")]
        match bytes {
            [b'P', b'A', b'R', b'1', ..] => return Some(Format::Parquet),
            _ if is_arrow_file(bytes) || is_arrow_stream(bytes) => return Some(Format::Arrow),
            _ => {}
        }
        let text = bytes.trim_ascii_start();
        let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        // What does not end within the first bytes is taken for what it begins as.
        let whole = line.len() < text.len();
        match text.first()? {
            b'{' if line.trim_ascii() == b"{" => Some(Format::Json),
            b'{' if !whole || is_object(line) => Some(Format::Jsonl),
            // "[laughs] no" is a line of text.
            b'[' => match text[1..].trim_ascii_start().first() {
                Some(b'{' | b'"' | b']') => Some(Format::Json),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Whether it is the file of Arrow's IPC format, in which one has to seek.
pub(super) fn is_arrow_file(bytes: &[u8]) -> bool {
    bytes.starts_with(b"ARROW1")
}

/// Whether it begins as the stream does: with the mark before the length of a message, which is a multiple of 8.
#[cfg(feature = "parquet")]
fn is_arrow_stream(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, 0xff, 0xff, 0xff, length, ..] if length.is_multiple_of(8))
}

fn is_object(line: &[u8]) -> bool {
    json::from_slice::<Value>(line.trim_ascii()).is_ok_and(|value| value.is_object())
}

/// What an input is that nothing here reads, and what to do.
pub(super) fn unreadable(bytes: &[u8]) -> Option<&'static str> {
    let known: &[(&[u8], &str)] = &[
        #[cfg(not(feature = "parquet"))]
        (b"PAR1", "is a Parquet file, which only a build with the feature parquet reads"),
        #[cfg(not(feature = "parquet"))]
        (b"ARROW1", "is an Arrow file, which only a build with the feature parquet reads"),
        (b"FEA1", "is a Feather file of the first version; write it again with a newer library"),
        (b"\xff\xfe\0\0", "is UTF-32; convert it first: iconv -f UTF-32 -t UTF-8"),
        (b"\0\0\xfe\xff", "is UTF-32; convert it first: iconv -f UTF-32 -t UTF-8"),
        (b"PK\x03\x04", "is a zip file (or a spreadsheet); extract it first, or save it as CSV"),
        (b"BZh", "is compressed by bzip2; decompress it first: bunzip2"),
        (b"\xfd7zXZ\0", "is compressed by xz; decompress it first: unxz"),
    ];
    known.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, what)| *what)
}

/// Whether lines of text look like a table: each has the same number of tabs.
pub(super) fn looks_tabular(bytes: &[u8]) -> bool {
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').take(20).collect();
    // The last may go on.
    lines.pop();
    let tabs = |line: &&[u8]| line.iter().filter(|byte| **byte == b'\t').count();
    lines.len() > 1 && tabs(&lines[0]) > 0 && lines.iter().all(|line| tabs(line) == tabs(&lines[0]))
}
