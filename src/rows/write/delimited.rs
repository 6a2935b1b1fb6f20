//! CSV and TSV.

use super::super::Row;
use super::answer::{self, Cell, Column};
use super::input::{self, Inputs};
use super::{Layout, Planned};
use std::borrow::Cow;
use std::io::{self, Write};

#[derive(Debug)]
pub(super) struct Records<W: Write> {
    pub out: csv::Writer<W>,
}

impl<W: Write> Records<W> {
    pub(super) fn new(out: W, delimiter: u8, layout: &Layout, again: bool) -> io::Result<Records<W>> {
        let mut out = csv::WriterBuilder::new().delimiter(delimiter).flexible(true).from_writer(out);
        if !again {
            out.write_record(layout.names()).map_err(io_error)?;
        }
        Ok(Records { out })
    }

    pub(super) fn write<'a>(
        &mut self,
        layout: &Layout,
        inputs: &mut Inputs,
        row: &Row,
        cell: impl Fn(&Column) -> Cell<'a>,
    ) -> io::Result<()> {
        inputs.say_left_out(layout, row);
        let values = inputs.of(row);
        let value = |place: usize, name: &str| {
            input::value(&values, place, name).map_or(Cow::Borrowed(""), |value| value.plain())
        };
        for column in &layout.columns {
            match column {
                Planned::All => {
                    for (place, name) in layout.input.iter().enumerate() {
                        self.out.write_field(value(place, name).as_bytes()).map_err(io_error)?;
                    }
                }
                Planned::Input(name) => {
                    self.out.write_field(value(usize::MAX, name).as_bytes()).map_err(io_error)?;
                }
                Planned::Answer { column, .. } => {
                    self.out.write_field(plain(&cell(column)).as_bytes()).map_err(io_error)?;
                }
            }
        }
        self.out.write_record(None::<&[u8]>).map_err(io_error)?;
        Ok(())
    }
}

/// What a disk or a pipe says keeps its kind.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// A value as a table without types has it: nothing for null and for what is no number, lists as JSON.
fn plain<'a>(cell: &Cell<'a>) -> Cow<'a, str> {
    match cell {
        Cell::Null => "".into(),
        Cell::Text(text) => Cow::Borrowed(*text),
        Cell::Number(number) if number.is_finite() => answer::json(number).into(),
        Cell::Number(_) => "".into(),
        Cell::Count(count) => count.to_string().into(),
        Cell::Flag(flag) => if *flag { "true" } else { "false" }.into(),
        Cell::Texts(texts) => answer::json(texts).into(),
        Cell::Numbers(numbers) => answer::json(numbers).into(),
        Cell::Json(json) => json.clone().into(),
    }
}
