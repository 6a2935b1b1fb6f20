//! CSV and TSV.

use super::super::Row;
use super::answer::{self, Cell, Column};
use super::input::Inputs;
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
            out.write_record(layout.names())?;
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
        // Nearly always where it stands in the layout.
        let value = |place: usize, name: &str| {
            let there = values.get(place).filter(|(other, _)| *other == name);
            let value = there.or_else(|| values.iter().find(|(other, _)| *other == name));
            value.map_or(Cow::Borrowed(""), |(_, value)| value.plain())
        };
        for column in &layout.columns {
            match column {
                Planned::All => {
                    for (place, name) in layout.input.iter().enumerate() {
                        self.out.write_field(value(place, name).as_bytes())?;
                    }
                }
                Planned::Input(name) => self.out.write_field(value(usize::MAX, name).as_bytes())?,
                Planned::Answer { column, .. } => self.out.write_field(plain(&cell(column)).as_bytes())?,
            }
        }
        self.out.write_record(None::<&[u8]>)?;
        Ok(())
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
