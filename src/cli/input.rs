//! Rows to classify, from the arguments, files or standard input, read as they are wanted.

use super::Failure;
use super::row_arguments::InputArguments;
use crate::Error;
use crate::rows::{Content, Fields, Place, Row, Rows};
use std::io::{self, IsTerminal};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Rows that are passed over at a time.
const STEP: usize = 4096;

/// Where rows come from, and which of them count.
pub struct Input {
    source: Source,
    /// Indices of the rows that count.
    range: Range<usize>,
    /// Those of the whole input where this is a shard of it, which may have no rows.
    columns: Fields,
    /// Rows that may still come, where there is a limit.
    limit: Option<usize>,
}

enum Source {
    Arguments { texts: Vec<String>, pair: Option<String>, next: usize },
    Rows { rows: Box<Rows>, names: Places },
}

/// What rows are called in messages.
#[derive(Clone)]
pub struct Places {
    /// The inputs, where rows are not arguments.
    paths: Arc<[PathBuf]>,
}

impl Places {
    pub fn of(rows: &Rows) -> Places {
        Places { paths: rows.names().into() }
    }

    /// Names a row for people, who count from 1.
    pub fn name(&self, place: Place) -> String {
        match self.paths.get(place.input) {
            None => format!("text {}", place.number),
            Some(path) => format!("{}, {} {}", path.display(), place.unit.name(), place.number),
        }
    }
}

impl Places {
    /// As [`Places::name`], with what the row is called in another table.
    pub fn name_of(&self, row: &Row) -> String {
        let id = row.content.as_ref().ok().and_then(|content| content.id.as_ref());
        self.name(row.place) + &id.map_or(String::new(), |id| format!(" ({id})"))
    }
}

impl Input {
    /// What the arguments name: texts, files, or standard input.
    pub fn open(texts: &[String], pair: Option<&String>, arguments: &InputArguments) -> Result<Input, Failure> {
        let refused = |message: &str| Err(Failure::Message(message.into()));
        let dash = |path: &Path| path.as_os_str() == "-";
        let (mut range, mut columns) = (0..usize::MAX, Fields::default());
        let rows = match (arguments.input.as_slice(), texts) {
            ([first, rest @ ..], _) if !dash(first) || !rest.is_empty() => {
                if arguments.input.iter().any(|path| dash(path)) {
                    return refused("--input - is standard input alone, without files beside it");
                }
                if let Some((index, count)) = arguments.shard {
                    let all;
                    (all, columns) = count_rows(arguments)?;
                    // 128 bits hold any product.
                    let border = |index: usize| (all as u128 * index as u128 / count as u128) as usize;
                    range = border(index)..border(index + 1);
                }
                Rows::of_files(&arguments.input, arguments.options())?
            }
            _ if arguments.shard.is_some() => {
                return refused("--shard needs files (--input FILE): it has to know how many rows there are");
            }
            ([], [first, ..]) if texts.len() > 1 || first != "-" => {
                let source = Source::Arguments { texts: texts.to_vec(), pair: pair.cloned(), next: 0 };
                return Ok(Input { source, range, columns, limit: arguments.limit });
            }
            ([], []) if io::stdin().is_terminal() => {
                return refused(
                    "no text: write one after the command, name a file with --input FILE, or pipe lines into standard input \
                     (--input - reads what is typed); wgbert help classify shows examples",
                );
            }
            _ => Rows::of_stream("standard input", io::stdin(), arguments.options()),
        };
        let names = Places::of(&rows);
        Ok(Input { source: Source::Rows { rows: Box::new(rows), names }, range, columns, limit: arguments.limit })
    }

    /// The next rows: at most `most`, none at the end of the input, and no more than are there already.
    pub fn chunk(&mut self, most: usize) -> Result<Vec<Row>, Error> {
        self.chunk_before(self.range.end, most)
    }

    fn chunk_before(&mut self, end: usize, most: usize) -> Result<Vec<Row>, Error> {
        let most = most.min(self.limit.unwrap_or(usize::MAX));
        loop {
            if self.next().0 >= end || most == 0 {
                return Ok(Vec::new());
            }
            let mut rows = self.source.chunk_before(end, most)?;
            if rows.is_empty() {
                return Ok(rows);
            }
            rows.retain(|row| self.range.contains(&row.index));
            if !rows.is_empty() {
                self.limit = self.limit.map(|limit| limit - rows.len());
                return Ok(rows);
            }
        }
    }

    /// Refuses to write into what is read: it would be gone when it is asked for again.
    pub fn refuse_as_output(&self, output: Option<&Path>) -> Result<(), Failure> {
        let Some(output) = output.and_then(|output| output.canonicalize().ok()).filter(|output| output.is_file())
        else {
            return Ok(());
        };
        let is_output = |path: &&PathBuf| path.canonicalize().is_ok_and(|path| path == output);
        match self.places().paths.iter().find(is_output) {
            None => Ok(()),
            Some(path) => {
                let message = format!("{}: is the input and the output; write to another file", path.display());
                Err(Failure::Message(message))
            }
        }
    }

    /// Passes over the rows before `index`, each of which `see` gets to see.
    pub fn pass(&mut self, index: usize, mut see: impl FnMut(&Row)) -> Result<(), Error> {
        while self.next().0 < index {
            // What is blank has an index, and is no row.
            let rows = self.chunk_before(index, STEP)?;
            if rows.is_empty() {
                break;
            }
            rows.iter().for_each(&mut see);
        }
        Ok(())
    }

    /// The columns of the first input that was read to its end and has any.
    pub fn columns(&self) -> Fields {
        match &self.source {
            Source::Arguments { .. } => Fields::default(),
            Source::Rows { rows, .. } if rows.columns().is_alone() => self.columns.clone(),
            Source::Rows { rows, .. } => rows.columns().clone(),
        }
    }

    /// What was found by itself and its user may want to know, since this was asked last.
    pub fn notes(&mut self) -> Vec<String> {
        match &mut self.source {
            Source::Arguments { .. } => Vec::new(),
            Source::Rows { rows, .. } => rows.notes(),
        }
    }

    /// Index of the row that comes next, and where it is.
    pub fn next(&self) -> (usize, Place) {
        match &self.source {
            Source::Arguments { next, .. } => (*next, argument(*next)),
            Source::Rows { rows, .. } => (rows.next_index(), rows.next_place()),
        }
    }

    /// The names of its rows.
    pub fn places(&self) -> Places {
        match &self.source {
            Source::Arguments { .. } => Places { paths: Arc::default() },
            Source::Rows { names, .. } => names.clone(),
        }
    }

    /// Whether the rows are the texts of the command line, and so few.
    pub fn is_arguments(&self) -> bool {
        matches!(self.source, Source::Arguments { .. })
    }

    /// Bytes of the whole input, where that is known.
    pub fn length(&self) -> Option<u64> {
        match &self.source {
            Source::Arguments { .. } => None,
            Source::Rows { rows, .. } => rows.length(),
        }
    }

    /// Bytes that were read.
    pub fn position(&self) -> u64 {
        match &self.source {
            Source::Arguments { .. } => 0,
            Source::Rows { rows, .. } => rows.position(),
        }
    }
}

impl Source {
    fn chunk_before(&mut self, end: usize, most: usize) -> Result<Vec<Row>, Error> {
        match self {
            Source::Arguments { texts, pair, next } => {
                let first = *next;
                *next = texts.len().min(end).min(first.saturating_add(most));
                let row = |index: usize| {
                    let (text, text_pair) = (texts[index].clone(), pair.clone());
                    let fields = pair.as_ref().map_or(Fields::default(), |pair| Fields::of_pair(&text, pair));
                    let content = Ok(Content { text, text_pair, ..Content::default() });
                    Row { index, place: argument(index), content, fields }
                };
                Ok((first..*next).map(row).collect())
            }
            Source::Rows { rows, .. } => rows.chunk_before(end, most),
        }
    }
}

fn argument(index: usize) -> Place {
    Place { number: index as u64 + 1, ..Place::default() }
}

/// How many rows there are, blank lines included, and their columns: files are read once more to be cut into shards.
fn count_rows(arguments: &InputArguments) -> Result<(usize, Fields), Error> {
    let mut rows = Rows::of_files(&arguments.input, arguments.options())?;
    while !rows.chunk(STEP)?.is_empty() {}
    Ok((rows.next_index(), rows.columns().clone()))
}
