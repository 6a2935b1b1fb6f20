//! CSV and TSV: records of columns, which a header names.

use super::fields::{Fields, Kept};
use super::lines::too_long;
use super::tsv::Tsv;
use super::{Columns, Content, Fault, Found, Line, Quoting, RowOptions, columns};
use csv_core::ReadRecordResult;
use serde_json::Value;
use std::io::BufRead;
use std::sync::Arc;

/// Bytes of a record that there is room for at first.
const FIELDS: usize = 4096;

/// Reads the records of a table.
#[derive(Debug)]
pub(super) struct Table {
    records: Records,
    /// The columns, and which count; known behind the header.
    header: Option<(Arc<[String]>, columns::Found)>,
    /// The line that the last record began in, counted from 1, and the one behind it.
    pub began: u64,
    pub next: u64,
}

#[derive(Debug)]
enum Records {
    Csv {
        parser: Box<csv_core::Reader>,
        quoting: Quoting,
        longest: usize,
        sniffed: bool,
        fields: Vec<u8>,
        ends: Vec<usize>,
    },
    Tsv(Tsv),
}

/// A record's columns.
enum Record {
    End,
    Columns(Vec<String>),
    Wrong(String),
}

impl Table {
    /// Columns between commas, or between semicolons.
    pub(super) fn csv(options: &RowOptions) -> Table {
        Table::of_records(b',', options, false)
    }

    /// Columns between tabs.
    pub(super) fn tsv(options: &RowOptions) -> Table {
        match options.quoting {
            Quoting::Csv => Table::of_records(b'\t', options, true),
            Quoting::Auto | Quoting::None => Table {
                records: Records::Tsv(Tsv::new(options.quoting == Quoting::Auto, options.max_row_size)),
                header: None,
                began: 1,
                next: 1,
            },
        }
    }

    fn of_records(delimiter: u8, options: &RowOptions, sniffed: bool) -> Table {
        let (quoting, longest) = (options.quoting, options.max_row_size);
        let parser = Box::new(parser(delimiter, quoting));
        let records = Records::Csv { parser, quoting, longest, sniffed, fields: vec![0; FIELDS], ends: vec![0; 64] };
        Table { records, header: None, began: 1, next: 1 }
    }

    /// The columns, without a row.
    pub(super) fn columns(&self) -> Fields {
        let strings = |(names, _): &(Arc<[String]>, _)| Kept::Strings { names: names.clone(), values: Vec::new() };
        Fields(self.header.as_ref().map_or(Kept::Alone, strings))
    }

    pub(super) fn next(
        &mut self,
        reader: &mut impl BufRead,
        options: &RowOptions,
        notes: &mut Vec<String>,
    ) -> Result<Line, Fault> {
        let mut record = self.record(reader)?;
        if self.header.is_none() {
            let (columns, called) = (&options.columns, &options.column_names);
            let no_header = options.no_header || !called.is_empty();
            let names: Vec<String> = match &record {
                Record::End => return Ok(Line::End),
                Record::Wrong(message) => return Err(Fault::Malformed(format!("its first row: {message}"))),
                Record::Columns(first) if !called.is_empty() && called.len() != first.len() => {
                    let (columns, names) = (first.len(), called.len());
                    return Err(Fault::Malformed(format!(
                        "its first row has {columns} columns, and there are {names} names for them"
                    )));
                }
                Record::Columns(_) if !called.is_empty() => called.clone(),
                Record::Columns(first) if no_header => (1..=first.len()).map(|number| number.to_string()).collect(),
                Record::Columns(first) => first.clone(),
            };
            // Of one column there is no doubt.
            let alone = columns.text.is_none() && names.len() == 1;
            let text = if alone { Some(names[0].clone()) } else { columns.text.clone() };
            let found = Columns { text, ..columns.clone() }.find(&names, notes).map_err(|message| {
                let hint = if no_header { "" } else { ", if its first row names them" };
                Fault::Malformed(format!("{message}{hint}"))
            })?;
            self.header = Some((columns::distinct(names, notes).into(), found));
            if !no_header {
                record = self.record(reader)?;
            }
        }
        let (names, found) = self.header.as_ref().expect("it was read");
        let content = match record {
            Record::End => return Ok(Line::End),
            Record::Columns(values) if values.len() == names.len() => {
                let content = content(&values, found);
                let fields = Fields(Kept::Strings { names: names.clone(), values });
                return Ok(Line::Row(Box::new(Found { content: Ok(Some(content)), fields })));
            }
            Record::Wrong(message) => message,
            Record::Columns(values) => {
                format!("the row has {} columns where the first row has {}", values.len(), names.len())
            }
        };
        // What cannot be told apart is not kept, but the row has the columns.
        let fields = Fields(Kept::Strings { names: names.clone(), values: Vec::new() });
        Ok(Line::Row(Box::new(Found { content: Err(content), fields })))
    }

    /// Whether the next record can be had without reading.
    pub(super) fn is_ready(&self) -> bool {
        matches!(&self.records, Records::Tsv(tsv) if tsv.is_ready())
    }

    fn record(&mut self, reader: &mut impl BufRead) -> Result<Record, Fault> {
        self.began = self.next;
        match &mut self.records {
            Records::Tsv(tsv) => {
                let wanted = self.header.as_ref().map(|(names, _)| names.len());
                let Some(record) = tsv.record(reader, wanted)? else { return Ok(Record::End) };
                self.began += record.skipped;
                self.next = self.began + record.lines;
                Ok(record.columns.map_or_else(Record::Wrong, Record::Columns))
            }
            Records::Csv { parser, quoting, longest, sniffed, fields, ends } => {
                if !*sniffed {
                    *sniffed = true;
                    if has_semicolons(reader.fill_buf()?) {
                        **parser = self::parser(b';', *quoting);
                    }
                }
                let (began, record) = read_csv(parser, reader, fields, ends, *longest)?;
                (self.began, self.next) = (began, parser.line());
                Ok(record)
            }
        }
    }
}

fn parser(delimiter: u8, quoting: Quoting) -> csv_core::Reader {
    csv_core::ReaderBuilder::new().delimiter(delimiter).quoting(quoting != Quoting::None).build()
}

/// A record, and the line that it begins in.
fn read_csv(
    parser: &mut csv_core::Reader,
    reader: &mut impl BufRead,
    fields: &mut Vec<u8>,
    ends: &mut Vec<usize>,
    longest: usize,
) -> Result<(u64, Record), Fault> {
    let (mut written, mut count, mut long) = (0, 0, false);
    let mut began = parser.line();
    let (mut blank, mut closing) = (true, false);
    loop {
        let input = reader.fill_buf()?;
        if blank && !input.is_empty() {
            // Blank lines before a record are no records.
            let lines = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
            began += lines.filter(|byte| **byte == b'\n').count() as u64;
            blank = input.iter().all(|byte| matches!(byte, b'\r' | b'\n'));
        }
        // Where there is nothing more, a line break ends every record but one with an open quote, which would have taken the rest of
        // the table for its last column.
        let at_end = input.is_empty() && !blank && !closing;
        closing |= at_end;
        let input = if at_end { b"\n" } else { input };
        let (result, read, more, ended) = parser.read_record(input, &mut fields[written..], &mut ends[count..]);
        reader.consume(if at_end { 0 } else { read });
        (written, count) = (written + more, count + ended);
        match result {
            ReadRecordResult::InputEmpty if at_end => {
                return Err(Fault::Malformed(format!(
                    "the row that begins in line {began} has a quote that is never closed"
                )));
            }
            ReadRecordResult::InputEmpty => {}
            ReadRecordResult::OutputFull if fields.len() < longest => {
                fields.resize((fields.len() * 2).min(longest.max(FIELDS)), 0);
            }
            // The rest of the record takes the place of its beginning.
            ReadRecordResult::OutputFull => (long, written) = (true, 0),
            ReadRecordResult::OutputEndsFull if ends.len() < longest / 64 => ends.resize(ends.len() * 2, 0),
            ReadRecordResult::OutputEndsFull => (long, count) = (true, 0),
            ReadRecordResult::End => return Ok((began, Record::End)),
            ReadRecordResult::Record => break,
        }
    }
    if long {
        return Ok((began, Record::Wrong(too_long("row", longest))));
    }
    let starts = std::iter::once(0).chain(ends[..count].iter().copied());
    let mut columns = Vec::with_capacity(count);
    for (number, (start, &end)) in starts.zip(&ends[..count]).enumerate() {
        match std::str::from_utf8(&fields[start..end]) {
            Ok(column) => columns.push(column.to_string()),
            Err(_) => return Ok((began, Record::Wrong(format!("column {} of the row is not UTF-8", number + 1)))),
        }
    }
    Ok((began, Record::Columns(columns)))
}

/// Whether the first row has semicolons between its columns: more of them than commas, those within quotes aside, and no name of
/// texts between commas.
fn has_semicolons(start: &[u8]) -> bool {
    let header = start.split(|byte| matches!(byte, b'\n' | b'\r')).next().unwrap_or_default();
    if header.split(|byte| *byte == b',').any(|name| std::str::from_utf8(name).is_ok_and(columns::has_texts)) {
        return false;
    }
    let (mut semicolons, mut commas, mut quoted) = (0, 0, false);
    for byte in start {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted && semicolons + commas > 0 => break,
            b';' if !quoted => semicolons += 1,
            b',' if !quoted => commas += 1,
            _ => {}
        }
    }
    semicolons > commas
}

fn content(values: &[String], found: &columns::Found) -> Content {
    let of = |place: Option<usize>| place.map(|place| values[place].clone());
    Content {
        text: values[found.text].clone(),
        text_pair: of(found.pair),
        label: of(found.label).filter(|label| !label.is_empty()).map(|label| value(&label)),
        id: of(found.id).map(Value::String),
    }
}

/// A label as JSON would have it: a number, a list, or a name.
fn value(label: &str) -> Value {
    match serde_json::from_str(label.trim()) {
        Ok(value @ (Value::Number(_) | Value::Array(_))) => value,
        _ => Value::String(label.into()),
    }
}
