//! Tables out: a row of the output for every row of the input, with the input's columns and the answer's.

mod answer;
#[cfg(all(feature = "parquet", feature = "internals"))]
mod batch;
mod delimited;
mod input;
mod json;
#[cfg(feature = "parquet")]
mod objects;
mod selection;
mod subject;
#[cfg(feature = "parquet")]
mod typed;
#[cfg(feature = "parquet")]
mod typed_file;

pub use answer::{Answer, Document, LeftOut, LeftOutPart};
#[cfg(all(feature = "parquet", feature = "internals"))]
pub(super) use batch::Columns;
pub use selection::Selection;
pub use subject::Subject;

use super::Row;
use answer::{Column, Holding};
use input::Inputs;
use selection::Chosen;
use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, Write};

/// What stands before the name of an input's column that the first rows did not have, where the answer has one of that name.
const ALSO: &str = "input_";

/// What the rows of an output are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputFormat {
    /// A JSON object a line.
    Jsonl,
    /// The elements of a JSON array, between commas: whoever writes the document writes its brackets.
    Json,
    /// Columns between commas, quoted as in RFC 4180, named by the first row.
    Csv,
    /// Columns between tabs, quoted likewise where they have to be.
    Tsv,
    /// A Parquet file. A [`Writer`] writes a stream of Arrow's, of which [`Writer::convert`] makes it.
    #[cfg(feature = "parquet")]
    Parquet,
    /// A stream of Arrow's IPC format.
    #[cfg(feature = "parquet")]
    Arrow,
}

/// The columns of an output, by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    columns: Vec<Planned>,
    /// The columns of the input where the output was begun.
    input: Vec<String>,
    input_names: HashSet<String>,
    #[cfg(feature = "parquet")]
    types: typed::InputTypes,
}

#[derive(Clone, Debug, PartialEq)]
enum Planned {
    /// All of the input's, whichever a row has.
    All,
    Input(String),
    Answer {
        name: String,
        column: Column,
    },
}

/// What the columns of an answer are made of.
#[derive(Clone, Debug)]
struct Answers {
    holding: Holding,
    /// How many of the best labels the columns ask for.
    top: usize,
}

/// Writes rows with their answers.
#[derive(Debug)]
pub struct Writer<W: Write> {
    sink: Sink<W>,
    layout: Layout,
    answers: Answers,
    inputs: Inputs,
}

#[derive(Debug)]
enum Sink<W: Write> {
    Json(json::Objects<W>),
    Delimited(Box<delimited::Records<W>>),
    #[cfg(feature = "parquet")]
    Typed(Box<typed::Typed<W>>),
}

impl Layout {
    /// The columns that were chosen, for an input that begins with these rows.
    ///
    /// # Errors
    /// Which name is neither one of the answer's columns nor one of the input's.
    pub fn new(selection: &Selection, subject: impl Into<Subject>, rows: &[Row]) -> Result<Layout, String> {
        // A row that cannot be read has no columns.
        let columns = rows.iter().map(|row| row.fields.names()).find(|names| !names.is_empty());
        let columns = columns.unwrap_or_else(|| vec![input::TEXT.into()]);
        Layout::again(selection, subject, columns, rows)
    }

    /// [`Layout::new`], of an output that was begun before, with these columns of the input, which begins with these rows.
    ///
    /// # Errors
    /// As [`Layout::new`].
    pub fn again(
        selection: &Selection,
        subject: impl Into<Subject>,
        input: Vec<String>,
        rows: &[Row],
    ) -> Result<Layout, String> {
        let columns = Layout::of(selection, &subject.into(), &input)?;
        // Only tables with types have to know more of them than names.
        #[cfg(not(feature = "parquet"))]
        let _ = rows;
        Ok(Layout {
            columns,
            input_names: input.iter().cloned().collect(),
            input,
            #[cfg(feature = "parquet")]
            types: typed::InputTypes::of(rows),
        })
    }

    fn of(selection: &Selection, subject: &Subject, input: &[String]) -> Result<Vec<Planned>, String> {
        let chosen = selection.columns(subject)?;
        let holding = selection.thresholds.len();
        if holding != 1 && holding != subject.labels.len() {
            return Err(format!("{holding} thresholds, but the model has {} labels", subject.labels.len()));
        }
        let mut taken: Vec<String> = Vec::new();
        for column in &chosen {
            match column {
                Chosen::All => taken.extend(input.iter().cloned()),
                Chosen::Input(name) if input.contains(name) => taken.push(name.clone()),
                Chosen::Input(name) => {
                    let known = subject.columns();
                    let input = input.join(", ");
                    return Err(format!("there is no column {name:?}: an answer has {known}; the input has {input}"));
                }
                Chosen::Answer(_) => {}
            }
        }
        let plan = |column| {
            Ok(match column {
                Chosen::All => Planned::All,
                Chosen::Input(name) => Planned::Input(name),
                Chosen::Answer(column) => {
                    let mut name = column.name(&subject.labels);
                    while taken.contains(&name) {
                        if selection.prefix.is_empty() {
                            return Err(format!(
                                "the input has a column {name:?}, and so has the answer: the latter needs a prefix"
                            ));
                        }
                        name.insert_str(0, &selection.prefix);
                    }
                    Planned::Answer { name, column }
                }
            })
        };
        chosen.into_iter().map(plan).collect()
    }

    /// The columns of the input, from which the same layout can be made again.
    pub fn input(&self) -> &[String] {
        &self.input
    }

    /// Whether what a [`Writer`] writes is not the output yet, but what [`Writer::convert`] makes it of.
    pub fn is_journal(&self, format: OutputFormat) -> bool {
        match format {
            #[cfg(feature = "parquet")]
            OutputFormat::Parquet => true,
            #[cfg(feature = "parquet")]
            OutputFormat::Arrow => self.types == typed::InputTypes::Json,
            _ => false,
        }
    }

    /// Names of the columns, of the input's where they are all wanted those that it began with.
    pub fn names(&self) -> Vec<&str> {
        let names = |column| match column {
            &Planned::All => self.input.iter().map(String::as_str).collect(),
            Planned::Input(name) | Planned::Answer { name, .. } => vec![name.as_str()],
        };
        self.columns.iter().flat_map(names).collect()
    }

    fn is_answer(&self, wanted: &str) -> bool {
        self.columns.iter().any(|column| matches!(column, Planned::Answer { name, .. } if name == wanted))
    }

    /// What a column of the input is called where all of them are written. The first rows' keep their names; one that only a later row
    /// has and the answer too is another, and so is one that this would meet: no two of the input's become the same.
    fn called<'a>(&self, name: &'a str) -> Cow<'a, str> {
        let mut within = std::iter::successors(Some(name), |name| name.strip_prefix(ALSO));
        if self.input_names.contains(name) || !within.any(|name| self.is_answer(name)) {
            return name.into();
        }
        let longer = |name: &String| Some(format!("{ALSO}{name}"));
        let mut names = std::iter::successors(Some(format!("{ALSO}{name}")), longer);
        let free = names.find(|name| !self.input_names.contains(name) && !self.is_answer(name));
        free.expect("there are more names than columns").into()
    }
}

impl Planned {
    /// The names of the input's columns that it is.
    #[cfg(feature = "parquet")]
    fn inputs<'a>(&'a self, layout: &'a Layout) -> Vec<&'a str> {
        match self {
            Planned::All => layout.input.iter().map(String::as_str).collect(),
            Planned::Input(name) => vec![name],
            Planned::Answer { .. } => Vec::new(),
        }
    }
}

impl Answers {
    fn new(selection: &Selection, subject: &Subject, layout: &Layout) -> Answers {
        let place = |column: &Planned| match column {
            Planned::Answer { column: Column::LabelAt(place) | Column::ScoreAt(place), .. } => place + 1,
            _ => 0,
        };
        let top = layout.columns.iter().map(place).max().unwrap_or(0);
        Answers { holding: selection.holding(subject), top }
    }

    /// The best labels, of which columns ask.
    fn top<'a>(&self, answer: &Answer<'a>) -> Vec<(&'a str, f32)> {
        match answer {
            Answer::Text(answer) if self.top > 0 => answer.top(self.top),
            Answer::ZeroShot(answer) if self.top > 0 => answer.top(self.top),
            _ => Vec::new(),
        }
    }
}

impl<W: Write> Writer<W> {
    /// Writes into `out`, from the beginning, or behind what is there already.
    ///
    /// # Errors
    /// What `out` says to the names of the columns, and a column of the input that the format has no type for.
    pub fn new(
        out: W,
        format: OutputFormat,
        selection: &Selection,
        subject: impl Into<Subject>,
        layout: Layout,
        again: bool,
    ) -> io::Result<Writer<W>> {
        let subject = subject.into();
        let answers = Answers::new(selection, &subject, &layout);
        let sink = match format {
            OutputFormat::Jsonl => Sink::Json(json::Objects::lines(out)),
            OutputFormat::Json => Sink::Json(json::Objects::elements(out, again)),
            OutputFormat::Csv => Sink::Delimited(Box::new(delimited::Records::new(out, b',', &layout, again)?)),
            OutputFormat::Tsv => Sink::Delimited(Box::new(delimited::Records::new(out, b'\t', &layout, again)?)),
            #[cfg(feature = "parquet")]
            OutputFormat::Parquet | OutputFormat::Arrow => {
                let typed = typed::Typed::new(out, &layout, subject.labels.len(), again)?;
                if format == OutputFormat::Parquet {
                    typed_file::check_parquet(typed.schema())?;
                }
                Sink::Typed(Box::new(typed))
            }
        };
        Ok(Writer { sink, layout, answers, inputs: Inputs::default() })
    }

    /// A row with its answer.
    ///
    /// # Errors
    /// What `out` says.
    pub fn write(&mut self, row: &Row, answer: &Answer<'_>) -> io::Result<()> {
        let top = self.answers.top(answer);
        let id = row.content.as_ref().ok().and_then(|content| content.id.as_ref());
        let cell = |column: &Column| column.cell(row.index, id, answer, &top, &self.answers.holding);
        match &mut self.sink {
            Sink::Json(objects) => objects.write(&self.layout, &mut self.inputs, row, cell),
            Sink::Delimited(records) => records.write(&self.layout, &mut self.inputs, row, cell),
            #[cfg(feature = "parquet")]
            Sink::Typed(typed) => typed.write(&self.layout, &mut self.inputs, row, cell),
        }
    }

    /// Lets everything so far be seen.
    ///
    /// # Errors
    /// What `out` says.
    pub fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Json(objects) => objects.out.flush(),
            Sink::Delimited(records) => records.out.flush(),
            #[cfg(feature = "parquet")]
            Sink::Typed(typed) => typed.flush(),
        }
    }

    /// What is written into, behind [`Writer::flush`].
    pub fn get_ref(&self) -> &W {
        match &self.sink {
            Sink::Json(objects) => &objects.out,
            Sink::Delimited(records) => records.out.get_ref(),
            #[cfg(feature = "parquet")]
            Sink::Typed(typed) => typed.get_ref(),
        }
    }

    /// As [`Writer::get_ref`], to write what belongs around the rows.
    pub fn get_mut(&mut self) -> Option<&mut W> {
        match &mut self.sink {
            Sink::Json(objects) => Some(&mut objects.out),
            _ => None,
        }
    }

    /// Ends what was written, where it has an end of its own.
    ///
    /// # Errors
    /// What `out` says.
    pub fn finish(&mut self) -> io::Result<()> {
        match &mut self.sink {
            #[cfg(feature = "parquet")]
            Sink::Typed(typed) => typed.finish(),
            _ => self.flush(),
        }
    }

    /// Makes the output of what was written, and says what its user may want to know of it. Two runs that wrote the same rows make the
    /// same bytes.
    ///
    /// # Errors
    /// What either of them says.
    #[cfg(feature = "parquet")]
    pub fn convert<R: io::Read + io::Seek, T: Write + Send>(
        &self,
        journal: R,
        out: T,
        format: OutputFormat,
    ) -> io::Result<Vec<String>> {
        typed_file::convert(journal, out, format, &self.layout)
    }

    /// What was left out, and its user may want to know, since this was asked last.
    pub fn notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.inputs.notes)
    }
}
