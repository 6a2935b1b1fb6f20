//! Where the bytes of an input come from, and what reads them.

#[cfg(feature = "parquet")]
use super::columnar::{self, Columnar};
use super::columns::Keys;
use super::json_array::Elements;
use super::table::Table;
use super::{Fault, Fields, Format, Line, RowOptions, Unit, failed, format, lines, utf16};
use crate::error::{Error, Result};
use flate2::bufread::MultiGzDecoder;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that are read ahead. A chunk of rows ends where more would have to be read, so this also bounds what is in memory at a
/// time.
const BUFFER: usize = 1 << 20;
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// An input that nobody has read of.
pub(super) struct Raw {
    pub path: PathBuf,
    /// Bytes of a file.
    pub length: Option<u64>,
    bytes: Option<Box<dyn Read + Send>>,
    read: Arc<AtomicU64>,
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Raw").field("path", &self.path).field("length", &self.length).finish_non_exhaustive()
    }
}

/// Counts what goes through it.
struct Counted {
    bytes: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.bytes.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Raw {
    pub(super) fn file(path: PathBuf) -> Result<Raw> {
        let failed = |source: io::Error| failed(&path, source.into());
        let file = File::open(&path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let length = metadata.is_file().then_some(metadata.len());
        Ok(Raw { length, ..Raw::stream(path, Box::new(file)) })
    }

    pub(super) fn stream(path: PathBuf, bytes: Box<dyn Read + Send>) -> Raw {
        Raw { path, length: None, bytes: Some(bytes), read: Arc::default() }
    }

    /// Bytes that were read of it.
    pub(super) fn position(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    pub(super) fn error(&self, fault: Fault) -> Error {
        failed(&self.path, fault)
    }
}

/// An input with what reads its rows.
pub(super) struct Opened {
    reader: BufReader<Box<dyn Read + Send>>,
    rows: Reader,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("rows", &self.rows).finish_non_exhaustive()
    }
}

#[derive(Debug)]
enum Reader {
    Lines {
        line: Vec<u8>,
        keys: Option<Keys>,
        next: u64,
    },
    Json {
        elements: Box<Elements>,
        next: u64,
    },
    Table(Table),
    #[cfg(feature = "parquet")]
    Columnar(Box<Columnar>),
}

impl Opened {
    /// Finds out what it is, which may have to wait for its first bytes.
    pub(super) fn new(raw: &mut Raw, options: &RowOptions, notes: &mut Vec<String>) -> Result<Opened> {
        let path = raw.path.clone();
        let bytes = raw.bytes.take().expect("an input is opened once");
        let counted = Counted { bytes, read: raw.read.clone() };
        let mut reader = buffered(Box::new(counted));
        let mut start = reader.fill_buf().map_err(|error| raw.error(error.into()))?;
        #[cfg(feature = "parquet")]
        let packed = start.starts_with(&[0x1f, 0x8b]) || start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]);
        if start.starts_with(&[0x1f, 0x8b]) {
            reader = buffered(Box::new(MultiGzDecoder::new(reader)));
            start = reader.fill_buf().map_err(|error| raw.error(error.into()))?;
        } else if start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            reader = unpacked(reader, raw)?;
            start = reader.fill_buf().map_err(|error| {
                // zstd's own limit, 128 MiB, for files that do not come from friends.
                let hint = match error.to_string().contains("too much memory") {
                    true => "; if that is meant, decompress it first, by zstd with its option long=31",
                    false => "",
                };
                raw.error(io::Error::new(error.kind(), format!("{error}{hint}")).into())
            })?;
        }
        if let Some((order, mark)) = utf16::seen(start) {
            if mark == 0 {
                notes.push(format!("{} is read as UTF-16, though it has no byte order mark", path.display()));
            }
            reader.consume(mark);
            reader = buffered(Box::new(utf16::Decoded::new(reader, order)));
            start = reader.fill_buf().map_err(|error| raw.error(error.into()))?;
        }
        if let Some(what) = format::unreadable(start) {
            return Err(raw.error(Fault::Malformed(what.into())));
        }
        let mark = if start.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        let start = &start[mark..];
        let format = format_of(&path, start, options.format, notes).map_err(|fault| raw.error(fault))?;
        reader.consume(mark);
        #[cfg(feature = "parquet")]
        if let Format::Parquet | Format::Arrow = format {
            let opened = Opened::columnar(reader, format, raw, packed, notes);
            return opened.map_err(|fault| raw.error(fault));
        }
        let rows = match format {
            #[cfg(feature = "parquet")]
            Format::Parquet | Format::Arrow => unreachable!("they have returned"),
            Format::Lines => Reader::Lines { line: Vec::new(), keys: None, next: 1 },
            Format::Jsonl => Reader::Lines { line: Vec::new(), keys: Some(Keys::default()), next: 1 },
            Format::Json => Reader::Json { elements: Box::new(Elements::new(options.max_row_size)), next: 1 },
            Format::Csv => Reader::Table(Table::csv(options)),
            Format::Tsv => Reader::Table(Table::tsv(options)),
        };
        Ok(Opened { reader, rows })
    }

    /// What has typed columns. Where one has to seek in it, and the input is no file, it is copied to one.
    #[cfg(feature = "parquet")]
    fn columnar(
        mut reader: BufReader<Box<dyn Read + Send>>,
        format: Format,
        raw: &Raw,
        packed: bool,
        notes: &mut Vec<String>,
    ) -> Result<Opened, Fault> {
        let stream = format == Format::Arrow && !format::is_arrow_file(reader.fill_buf()?);
        let rows = if stream {
            Columnar::arrow_stream(reader, notes)?
        } else {
            let file = match raw.length {
                Some(_) if !packed => File::open(&raw.path)?,
                _ => columnar::spool(reader, packed.then_some(&*raw.read), columnar::MOST_SPOOLED)?,
            };
            match format {
                Format::Parquet => Columnar::parquet(file, notes)?,
                _ => Columnar::arrow_file(file, notes)?,
            }
        };
        Ok(Opened { reader: buffered(Box::new(io::empty())), rows: Reader::Columnar(Box::new(rows)) })
    }

    pub(super) fn next(&mut self, options: &RowOptions, notes: &mut Vec<String>) -> Result<Line, Fault> {
        let columns = &options.columns;
        match &mut self.rows {
            Reader::Lines { line, keys, next } => {
                let (bytes, whole) = lines::read(&mut self.reader, line, options.max_row_size)?;
                if bytes == 0 {
                    return Ok(Line::End);
                }
                *next += 1;
                let text = match lines::text(line, whole, options.max_row_size) {
                    Ok(text) => text,
                    Err(message) => return Ok(Line::wrong(message)),
                };
                Ok(match keys {
                    None => Line::text(text),
                    Some(keys) => lines::object(text, keys, columns, notes),
                })
            }
            Reader::Json { elements, next } => {
                *next += 1;
                elements.next(&mut self.reader, columns, notes)
            }
            Reader::Table(table) => table.next(&mut self.reader, options, notes),
            #[cfg(feature = "parquet")]
            Reader::Columnar(columnar) => columnar.next(columns, notes),
        }
    }

    /// The number of the line or element that the last row began with.
    pub(super) fn began(&self) -> u64 {
        match &self.rows {
            Reader::Lines { next, .. } | Reader::Json { next, .. } => next - 1,
            Reader::Table(table) => table.began,
            #[cfg(feature = "parquet")]
            Reader::Columnar(columnar) => columnar.next - 1,
        }
    }

    /// Its columns, where it has some whatever its rows are.
    pub(super) fn columns(&self) -> Fields {
        match &self.rows {
            Reader::Table(table) => table.columns(),
            #[cfg(feature = "parquet")]
            Reader::Columnar(columnar) => columnar.columns(),
            Reader::Lines { .. } | Reader::Json { .. } => Fields::default(),
        }
    }

    /// What its rows are counted in.
    pub(super) fn unit(&self) -> Unit {
        match &self.rows {
            Reader::Json { .. } => Unit::Element,
            Reader::Lines { .. } | Reader::Table(_) => Unit::Line,
            #[cfg(feature = "parquet")]
            Reader::Columnar(_) => Unit::Row,
        }
    }

    /// How much of it was read, where its bytes do not tell.
    pub(super) fn share(&self) -> Option<f64> {
        match &self.rows {
            #[cfg(feature = "parquet")]
            Reader::Columnar(columnar) => {
                columnar.total.filter(|total| *total > 0).map(|total| (columnar.next - 1) as f64 / total as f64)
            }
            _ => None,
        }
    }

    /// The number of what comes next.
    pub(super) fn number(&self) -> u64 {
        match &self.rows {
            Reader::Lines { next, .. } | Reader::Json { next, .. } => *next,
            Reader::Table(table) => table.next,
            #[cfg(feature = "parquet")]
            Reader::Columnar(columnar) => columnar.next,
        }
    }

    /// Whether the next row can be had without waiting.
    pub(super) fn is_ready(&self) -> bool {
        #[cfg(feature = "parquet")]
        if let Reader::Columnar(columnar) = &self.rows {
            return columnar.is_ready();
        }
        matches!(&self.rows, Reader::Table(table) if table.is_ready()) || self.reader.buffer().contains(&b'\n')
    }
}

type Buffered = BufReader<Box<dyn Read + Send>>;

fn buffered(bytes: Box<dyn Read + Send>) -> Buffered {
    BufReader::with_capacity(BUFFER, bytes)
}

/// What was asked for, else what the name says, else the first bytes; what they say and is not done is noted.
fn format_of(path: &Path, start: &[u8], asked: Option<Format>, notes: &mut Vec<String>) -> Result<Format, Fault> {
    let (named, seen) = (Format::of_name(path), Format::of_bytes(start));
    let name = path.display();
    // These begin as no text does, whatever they are called.
    let typed = seen.filter(|seen| seen.has_types());
    if let Some(asked) = asked {
        match (asked, typed, seen.or(named)) {
            (_, Some(typed), _) if typed != asked => {
                let (is, asked) = (typed.name(), asked.name());
                return Err(Fault::Malformed(format!("is {is}, and cannot be read as {asked}")));
            }
            (Format::Lines, _, Some(other)) => {
                notes.push(format!("{name} looks like {}, and each line of it is read as a text", other.name()));
            }
            _ => {}
        }
        return Ok(asked);
    }
    Ok(match typed.or(named).or(seen) {
        // JSON's extension is used for both.
        Some(Format::Json) if seen == Some(Format::Jsonl) => Format::Jsonl,
        Some(format) => format,
        None => {
            if format::looks_tabular(start) {
                notes.push(format!("{name} looks like tsv, and each line of it is read as a text"));
            }
            Format::Lines
        }
    })
}

/// The files that a path means.
pub(super) fn expand(path: &Path) -> Result<Vec<PathBuf>> {
    let none = |message: &str| Err(Error::Malformed { path: path.into(), message: message.into() });
    if path.is_dir() {
        let failed = |source: io::Error| failed(path, source.into());
        let mut files = Vec::new();
        for entry in fs::read_dir(path).map_err(failed)? {
            let file = entry.map_err(failed)?.path();
            if file.is_file() && Format::of_name(&file).is_some() {
                files.push(file);
            }
        }
        files.sort();
        return if files.is_empty() {
            none("has no file of a known name: .jsonl, .json, .csv, .tsv, .parquet, .arrow")
        } else {
            Ok(files)
        };
    }
    let pattern = path.to_str().filter(|text| text.contains(['*', '?']) && !path.exists());
    let Some(pattern) = pattern else { return Ok(vec![path.into()]) };
    match glob::glob(pattern) {
        Err(error) => none(&format!("is no pattern of files: {error}")),
        Ok(found) => {
            let files: Vec<PathBuf> = found.flatten().filter(|file| file.is_file()).collect();
            if files.is_empty() { none("no file has such a name") } else { Ok(files) }
        }
    }
}

/// What zstd packed.
#[cfg(not(target_arch = "wasm32"))]
fn unpacked(reader: Buffered, raw: &Raw) -> Result<Buffered> {
    let decoder = zstd::stream::read::Decoder::with_buffer(reader).map_err(|error| raw.error(error.into()))?;
    Ok(buffered(Box::new(decoder)))
}

/// Its library is C, for which a browser's target has no compiler everywhere.
#[cfg(target_arch = "wasm32")]
fn unpacked(_: Buffered, raw: &Raw) -> Result<Buffered> {
    let message = "is compressed by zstd, which is not read in a browser: decompress it, or compress it by gzip";
    Err(raw.error(Fault::Malformed(message.into())))
}
