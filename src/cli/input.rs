//! Rows to classify, from the arguments, files or standard input, read as they are wanted.

use super::arguments::{ClassifyArguments, InputFormat, NullText};
use super::{Failure, say};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wgbert::Error;
use wgbert::rows::{Columns, Content, Format, Null, Place, Row, RowOptions, Rows};

/// Where rows come from.
pub enum Input {
    Arguments { texts: Vec<String>, next: usize },
    Rows { rows: Box<Rows>, names: Places },
}

/// What rows are called in messages.
#[derive(Clone)]
pub struct Places {
    /// The inputs, where rows are not arguments.
    paths: Arc<[PathBuf]>,
}

impl Places {
    /// Names a row for people, who count from 1.
    pub fn name(&self, place: Place) -> String {
        match self.paths.get(place.input) {
            None => format!("text {}", place.number),
            Some(path) => format!("{}, line {}", path.display(), place.number),
        }
    }
}

impl Input {
    /// What the arguments name: texts, files, or standard input.
    pub fn open(arguments: &ClassifyArguments) -> Result<Input, Failure> {
        let dash = |path: &Path| path.as_os_str() == "-";
        let rows = match (arguments.input.as_slice(), arguments.texts.as_slice()) {
            ([first, rest @ ..], _) if !dash(first) || !rest.is_empty() => {
                if arguments.input.iter().any(|path| dash(path)) {
                    let message = "--input - is standard input alone, without files beside it";
                    return Err(Failure::Message(message.into()));
                }
                Rows::of_files(&arguments.input, options(arguments))?
            }
            ([], texts @ [first, ..]) if texts.len() > 1 || first != "-" => {
                return Ok(Input::Arguments { texts: texts.to_vec(), next: 0 });
            }
            ([], []) if io::stdin().is_terminal() => {
                return Err(Failure::Message(
                    "no text: write one after classify, name a file with --input FILE, or pipe lines into standard input \
                     (--input - reads what is typed); wgbert classify --help shows examples"
                        .into(),
                ));
            }
            _ => Rows::of_stream("standard input", io::stdin(), options(arguments)),
        };
        let names = Places { paths: rows.names().into() };
        Ok(Input::Rows { rows: Box::new(rows), names })
    }

    /// The next rows: at most `most`, none at the end of the input, and no more than are there already.
    pub fn chunk(&mut self, most: usize) -> Result<Vec<Row>, Error> {
        match self {
            Input::Arguments { texts, next } => {
                let first = *next;
                *next = texts.len().min(first + most);
                let row = |index: usize| Row {
                    index,
                    place: argument(index),
                    content: Ok(Content { text: texts[index].clone(), ..Content::default() }),
                };
                Ok((first..*next).map(row).collect())
            }
            Input::Rows { rows, .. } => {
                let chunk = rows.chunk(most);
                for note in rows.notes() {
                    say(format_args!("note: {note}"));
                }
                chunk
            }
        }
    }

    /// Index of the row that comes next, and where it is.
    pub fn next(&self) -> (usize, Place) {
        match self {
            Input::Arguments { next, .. } => (*next, argument(*next)),
            Input::Rows { rows, .. } => (rows.next_index(), rows.next_place()),
        }
    }

    /// The names of its rows.
    pub fn places(&self) -> Places {
        match self {
            Input::Arguments { .. } => Places { paths: Arc::default() },
            Input::Rows { names, .. } => names.clone(),
        }
    }

    /// Whether the rows are the texts of the command line, and so few.
    pub fn is_arguments(&self) -> bool {
        matches!(self, Input::Arguments { .. })
    }

    /// Bytes of the whole input, where that is known.
    pub fn length(&self) -> Option<u64> {
        match self {
            Input::Arguments { .. } => None,
            Input::Rows { rows, .. } => rows.length(),
        }
    }

    /// Bytes that were read.
    pub fn position(&self) -> u64 {
        match self {
            Input::Arguments { .. } => 0,
            Input::Rows { rows, .. } => rows.position(),
        }
    }
}

fn argument(index: usize) -> Place {
    Place { input: 0, number: index as u64 + 1 }
}

fn options(arguments: &ClassifyArguments) -> RowOptions {
    let mut columns = Columns::default();
    columns.text = arguments.text_column.clone();
    columns.pair = arguments.pair_column.clone();
    columns.label = arguments.label_column.clone();
    columns.id = arguments.id_column.clone();
    let mut options = RowOptions::default();
    options.columns = columns;
    options.no_header = arguments.no_header;
    options.format = match arguments.input_format {
        InputFormat::Auto => None,
        InputFormat::Lines => Some(Format::Lines),
        InputFormat::Jsonl => Some(Format::Jsonl),
        InputFormat::Json => Some(Format::Json),
        InputFormat::Csv => Some(Format::Csv),
        InputFormat::Tsv => Some(Format::Tsv),
    };
    options.null = match arguments.null {
        NullText::Error => Null::Error,
        NullText::Skip => Null::Skip,
        NullText::Empty => Null::Empty,
    };
    options
}
