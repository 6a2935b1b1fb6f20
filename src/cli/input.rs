//! Rows to classify, from the arguments, a file or standard input, read as they are wanted.

use super::Failure;
use super::arguments::{ClassifyArguments, InputFormat};
use serde::Deserialize;
use serde_json::Value;
use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::{Path, PathBuf};
use wgbert::{Error, json};

/// Bytes that are read ahead. A [`Input::chunk`] ends where more would have to be read, so this also bounds what is in
/// memory at a time.
const BUFFER: usize = 1 << 20;
/// A longer line is no text, and must not be held in memory.
const LONGEST_LINE: usize = 64 << 20;
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// One row of the input.
#[derive(Debug)]
pub struct Row {
    /// Position in the input: the number of its argument or line, counted from 0.
    pub index: usize,
    /// What to classify, or why the row says nothing that can be.
    pub content: Result<Content, String>,
}

/// A text with what belongs to it; as JSON, a row of JSONL input.
#[derive(Debug, Deserialize, PartialEq)]
pub struct Content {
    pub text: String,
    #[serde(default)]
    pub text_pair: Option<String>,
    #[serde(default)]
    pub label: Option<Value>,
}

impl Content {
    fn new(text: String) -> Content {
        Content { text, text_pair: None, label: None }
    }

    /// The second text, if there is anything to show of it.
    pub fn pair(&self) -> Option<&str> {
        self.text_pair.as_deref().filter(|pair| !pair.is_empty())
    }
}

/// Where rows come from.
pub struct Input {
    source: Source,
    /// Index of the next row.
    next: usize,
}

enum Source {
    Arguments(Vec<String>),
    Stream {
        path: PathBuf,
        reader: BufReader<Box<dyn Read + Send>>,
        format: InputFormat,
        length: Option<u64>,
        read: u64,
    },
}

/// What rows are called in messages.
pub struct Places {
    /// Where they are lines.
    path: Option<PathBuf>,
}

impl Places {
    /// Names a row for people, who count from 1.
    pub fn name(&self, index: usize) -> String {
        match &self.path {
            None => format!("text {}", index + 1),
            Some(path) => format!("{}, line {}", path.display(), index + 1),
        }
    }
}

impl Input {
    /// What the arguments name: texts, a file, or standard input.
    pub fn open(arguments: &ClassifyArguments) -> Result<Input, Failure> {
        let dash = |path: &Path| path.as_os_str() == "-";
        let source = match (&arguments.input, arguments.texts.as_slice()) {
            (Some(path), _) if !dash(path) => Source::file(path, arguments.input_format)?,
            (None, texts @ [first, ..]) if texts.len() > 1 || first != "-" => Source::Arguments(texts.to_vec()),
            (None, []) if io::stdin().is_terminal() => {
                return Err(Failure::Message(
                    "no text: write one after classify, name a file with --input FILE, or pipe lines into standard input \
                     (--input - reads what is typed); wgbert classify --help shows examples"
                        .into(),
                ));
            }
            _ => {
                let format = arguments.input_format.unwrap_or(InputFormat::Lines);
                Source::stream("standard input".into(), Box::new(io::stdin()), format, None)
            }
        };
        Ok(Input { source, next: 0 })
    }

    /// The next rows: at most `most`, none at the end of the input, and no more than are there already. Who writes into
    /// a pipe line by line is answered line by line.
    pub fn chunk(&mut self, most: usize) -> Result<Vec<Row>, Error> {
        let mut rows = Vec::new();
        while rows.len() < most && (rows.is_empty() || self.source.is_ready()) {
            match self.source.next(self.next)? {
                Line::End => break,
                Line::Blank => {}
                Line::Row(content) => rows.push(Row { index: self.next, content }),
            }
            self.next += 1;
        }
        Ok(rows)
    }

    /// Index of the row that comes next.
    pub fn next_index(&self) -> usize {
        self.next
    }

    /// The names of its rows.
    pub fn places(&self) -> Places {
        let path = match &self.source {
            Source::Arguments(_) => None,
            Source::Stream { path, .. } => Some(path.clone()),
        };
        Places { path }
    }

    /// Whether the rows are the texts of the command line, and so few.
    pub fn is_arguments(&self) -> bool {
        matches!(self.source, Source::Arguments(_))
    }

    /// Bytes of the whole input, where that is known.
    pub fn length(&self) -> Option<u64> {
        match &self.source {
            Source::Arguments(_) => None,
            Source::Stream { length, .. } => *length,
        }
    }

    /// Bytes of the rows so far.
    pub fn position(&self) -> u64 {
        match &self.source {
            Source::Arguments(_) => 0,
            Source::Stream { read, .. } => *read,
        }
    }
}

/// What a line holds.
enum Line {
    End,
    /// Nothing, where a row would have to be something.
    Blank,
    Row(Result<Content, String>),
}

impl Source {
    fn file(path: &Path, format: Option<InputFormat>) -> Result<Source, Error> {
        let failed = |source: io::Error| Error::File { action: "read", path: path.into(), source: source.into() };
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let extension = path.extension().unwrap_or_default();
        let is_jsonl = ["jsonl", "ndjson"].iter().any(|name| extension.eq_ignore_ascii_case(name));
        let format = format.unwrap_or(if is_jsonl { InputFormat::Jsonl } else { InputFormat::Lines });
        Ok(Source::stream(path.into(), Box::new(file), format, metadata.is_file().then_some(metadata.len())))
    }

    fn stream(path: PathBuf, reader: Box<dyn Read + Send>, format: InputFormat, length: Option<u64>) -> Source {
        Source::Stream { path, reader: BufReader::with_capacity(BUFFER, reader), format, length, read: 0 }
    }

    /// Whether the next row can be had without waiting.
    fn is_ready(&self) -> bool {
        match self {
            Source::Arguments(_) => true,
            Source::Stream { reader, .. } => reader.buffer().contains(&b'\n'),
        }
    }

    fn next(&mut self, index: usize) -> Result<Line, Error> {
        let (path, reader, format, read) = match self {
            Source::Arguments(texts) => {
                return Ok(texts.get(index).map_or(Line::End, |text| Line::Row(Ok(Content::new(text.clone())))));
            }
            Source::Stream { path, reader, format, read, .. } => (path, reader, *format, read),
        };
        let mut line = Vec::new();
        let failed = |source: io::Error| Error::File { action: "read", path: path.clone(), source: source.into() };
        let (bytes, whole) = read_line(reader, &mut line).map_err(failed)?;
        *read += bytes;
        if bytes == 0 {
            return Ok(Line::End);
        }
        if !whole {
            return Ok(Line::Row(Err(format!("the line is longer than {} MiB", LONGEST_LINE >> 20))));
        }
        let mut line = line.as_slice();
        if index == 0 {
            if line.starts_with(&[0xff, 0xfe]) || line.starts_with(&[0xfe, 0xff]) {
                let message = "is UTF-16; convert it first: iconv -f UTF-16 -t UTF-8".into();
                return Err(Error::Malformed { path: path.clone(), message });
            }
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        let text = match std::str::from_utf8(line) {
            Ok(text) => text,
            Err(error) => {
                return Ok(Line::Row(Err(format!("byte {} of the line is not UTF-8", error.valid_up_to() + 1))));
            }
        };
        Ok(match format {
            InputFormat::Lines => Line::Row(Ok(Content::new(text.into()))),
            InputFormat::Jsonl if text.trim().is_empty() => Line::Blank,
            InputFormat::Jsonl => Line::Row(object(text)),
        })
    }
}

/// Reads one line without its end. Gives the bytes read, and whether `line` holds all of it.
fn read_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<(u64, bool)> {
    let mut bytes = reader.by_ref().take(LONGEST_LINE as u64).read_until(b'\n', line)? as u64;
    let whole = line.ends_with(b"\n") || bytes < LONGEST_LINE as u64;
    if !whole {
        bytes += reader.skip_until(b'\n')? as u64;
    }
    for end in [b'\n', b'\r'] {
        line.pop_if(|last| *last == end);
    }
    Ok((bytes, whole))
}

fn object(line: &str) -> Result<Content, String> {
    if !line.trim_start().starts_with('{') {
        return Err("not a JSON object like {\"text\": \"...\"}".into());
    }
    // serde_json counts lines too, and here there is only one.
    let content: Content = json::from_slice(line.as_bytes())
        .map_err(|error| error.to_string().replace("at line 1 column", "at column"))?;
    match content.label.as_ref().and_then(json::unreadable_within) {
        // pandas writes a missing one so.
        Some("NaN") if content.label.as_ref().and_then(json::unreadable).is_some() => {
            Ok(Content { label: None, ..content })
        }
        Some(what) => Err(format!("label: {what} is no label")),
        None => Ok(content),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(bytes: &[u8], format: InputFormat) -> Vec<(usize, Result<String, String>)> {
        let source = Source::stream("test".into(), Box::new(io::Cursor::new(bytes.to_vec())), format, None);
        let mut input = Input { source, next: 0 };
        let mut rows = Vec::new();
        loop {
            let chunk = input.chunk(2).expect("memory can be read");
            if chunk.is_empty() {
                assert_eq!(input.position(), bytes.len() as u64);
                return rows;
            }
            rows.extend(chunk.into_iter().map(|row| (row.index, row.content.map(|content| content.text))));
        }
    }

    #[test]
    fn every_line_is_a_row() {
        let expected = ["a", "", "b", "\r", "c"].map(|text| Ok(text.to_string()));
        let expected: Vec<_> = (0..).zip(expected).collect();
        assert_eq!(rows(b"\xef\xbb\xbfa\r\n\nb\n\r\r\nc", InputFormat::Lines), expected);
        assert_eq!(rows(b"\xef\xbb\xbfa\r\n\nb\n\r\r\nc\n", InputFormat::Lines), expected);
        assert_eq!(rows(b"", InputFormat::Lines), []);
        assert_eq!(rows(b"\n", InputFormat::Lines), [(0, Ok(String::new()))]);
    }

    #[test]
    fn a_bad_line_fails_alone() {
        let rows = rows(b"a\nb\xff\nc", InputFormat::Lines);
        assert_eq!(rows[1], (1, Err("byte 2 of the line is not UTF-8".into())));
        assert_eq!(rows[2], (2, Ok("c".into())));
    }

    #[test]
    fn objects_are_numbered_by_their_lines() {
        let rows =
            rows(b"{\"text\": \"a\"}\n \n[1]\n{\"text\": 1}\n{\"text\": \"b\", \"more\": 1}\n", InputFormat::Jsonl);
        assert_eq!(rows.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0, 2, 3, 4]);
        assert_eq!(rows.iter().map(|(_, text)| text.is_ok()).collect::<Vec<_>>(), [true, false, false, true]);
    }

    #[test]
    fn rows_are_those_of_python() {
        let label = |line: &str| object(line).map(|content| content.label);
        assert_eq!(label(r#"{"text": "a", "label": NaN, "more": [-Infinity, "\ud83d"]}"#), Ok(None));
        assert_eq!(label(r#"{"text": "a", "label": 1.0, "more": NaN}"#), Ok(Some(1.0.into())));
        for (line, expected) in [
            (r#"{"text": NaN}"#, "text: invalid type: NaN, expected a string"),
            (r#"{"text": "a", "text_pair": -Infinity}"#, "text_pair: invalid type: -Infinity, expected a string"),
            (r#"{"text": "a", "label": Infinity}"#, "label: Infinity is no label"),
            (r#"{"text": "a", "label": [0.5, NaN]}"#, "label: NaN is no label"),
            (r#"{"text": "a", "label": "\ud83d"}"#, r"label: half a surrogate pair (\ud83d) is no label"),
            (r#"{"text": "a \ude00"}"#, r"text: invalid value: half a surrogate pair (\ude00), expected a string"),
            (r#"{"text": "a", "more": NaN"#, "EOF while parsing an object at column 25"),
        ] {
            assert_eq!(object(line), Err(expected.to_string()), "{line}");
        }
    }

    #[test]
    fn an_endless_line_fails_alone() {
        let mut bytes = vec![b'x'; LONGEST_LINE + 5];
        bytes.extend(b"\nshort\n");
        let rows = rows(&bytes, InputFormat::Lines);
        assert!(rows[0].1.as_ref().is_err_and(|message| message.contains("64 MiB")));
        assert_eq!(rows[1], (1, Ok("short".into())));
    }

    #[test]
    fn utf_16_is_named() {
        let source = Source::stream("test".into(), Box::new(&b"\xff\xfea\0"[..]), InputFormat::Lines, None);
        let error = Input { source, next: 0 }.chunk(1).expect_err("it is not UTF-8");
        assert!(error.to_string().contains("UTF-16"), "{error}");
    }
}
