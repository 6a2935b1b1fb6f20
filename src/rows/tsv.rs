//! The records of TSV, of which there are two kinds: what tools of text write as it is, where a quote is a letter, and what
//! libraries of tables write, who quote as in CSV what has a tab, a line break or a quote.
//!
//! A line that has as many columns as the header is a record as it stands, with columns unquoted that are quoted from end to end:
//! a text of the first kind may begin with a quote that nothing closes. Only where that gives another number of columns is a quote
//! taken for one that holds tabs and line breaks together, if what it gives has the right number.

use super::lines;
use std::collections::VecDeque;
use std::io::{self, BufRead};

/// How far the end of a quote is looked for.
const MOST_LINES: usize = 100;
const MOST_BYTES: usize = 1 << 16;

/// Reads records.
#[derive(Debug)]
pub(super) struct Tsv {
    /// Whether a quote may be more than a letter.
    quotes: bool,
    /// Bytes of a line.
    longest: usize,
    /// Lines that were looked at already, with their ends.
    ahead: VecDeque<(Vec<u8>, bool)>,
}

/// A record, and how many lines it has, behind those that were blank.
pub(super) struct Record {
    pub skipped: u64,
    pub lines: u64,
    pub columns: Result<Vec<String>, String>,
}

/// What a text is, where a quote at the beginning of a column holds together what is in it.
enum Quoted {
    Columns(Vec<String>),
    /// A quote is not closed.
    Open,
    /// A quote is only a letter.
    Not,
}

impl Tsv {
    /// Of lines of at most `longest` bytes, in which a quote is a letter unless `quotes`.
    pub(super) fn new(quotes: bool, longest: usize) -> Tsv {
        Tsv { quotes, longest, ahead: VecDeque::new() }
    }

    /// The next record, of `wanted` columns where that is known.
    pub(super) fn record(&mut self, reader: &mut impl BufRead, wanted: Option<usize>) -> io::Result<Option<Record>> {
        let mut skipped = 0;
        let (line, whole) = loop {
            let Some((line, whole)) = self.line(reader)? else { return Ok(None) };
            // As in CSV, a blank line is no row, unless it is an empty column that is alone.
            if !lines::without_end(&line).is_empty() || wanted == Some(1) {
                break (line, whole);
            }
            skipped += 1;
        };
        let text = match lines::text(lines::without_end(&line), whole, self.longest) {
            Ok(text) => text,
            Err(message) => return Ok(Some(Record { skipped, lines: 1, columns: Err(message) })),
        };
        let plain = |text: &str| text.split('\t').map(unquoted).collect::<Vec<String>>();
        let single = |columns| Ok(Some(Record { skipped, lines: 1, columns: Ok(columns) }));
        if !self.quotes || !text.contains('"') {
            return single(text.split('\t').map(String::from).collect());
        }
        let columns = plain(text);
        let fits = wanted.is_none_or(|wanted| wanted == columns.len());
        match quoted(text) {
            Quoted::Columns(other) if Some(other.len()) == wanted && !fits => return single(other),
            // A header.
            Quoted::Columns(other) if wanted.is_none() => return single(other),
            Quoted::Open => {}
            Quoted::Columns(_) | Quoted::Not => return single(columns),
        }
        if fits {
            // Two lines that are as they should be are no quote.
            let next = self.peek(reader, 0)?;
            if next.is_none_or(|next| tabs(next) + 1 == columns.len()) {
                return single(columns);
            }
        }
        match self.goes_on(reader, &line, wanted)? {
            Some((lines, columns)) => {
                self.ahead.drain(..lines - 1);
                Ok(Some(Record { skipped, lines: lines as u64, columns: Ok(columns) }))
            }
            None => single(columns),
        }
    }

    /// Whether the next record can be had without reading.
    pub(super) fn is_ready(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// The record that a line with an open quote begins, if there is an end to it, and how many lines it has.
    fn goes_on(
        &mut self,
        reader: &mut impl BufRead,
        first: &[u8],
        wanted: Option<usize>,
    ) -> io::Result<Option<(usize, Vec<String>)>> {
        let mut text = first.to_vec();
        for place in 0..MOST_LINES {
            let Some(line) = self.peek(reader, place)? else { return Ok(None) };
            text.extend_from_slice(line);
            if text.len() > MOST_BYTES {
                return Ok(None);
            }
            // Only a line with a quote can close one.
            if !line.contains(&b'"') {
                continue;
            }
            let Ok(whole) = std::str::from_utf8(lines::without_end(&text)) else { return Ok(None) };
            match quoted(whole) {
                Quoted::Columns(columns) if wanted.is_none_or(|wanted| wanted == columns.len()) => {
                    return Ok(Some((place + 2, columns)));
                }
                Quoted::Open => {}
                Quoted::Columns(_) | Quoted::Not => return Ok(None),
            }
        }
        Ok(None)
    }

    fn line(&mut self, reader: &mut impl BufRead) -> io::Result<Option<(Vec<u8>, bool)>> {
        if let Some(line) = self.ahead.pop_front() {
            return Ok(Some(line));
        }
        let mut line = Vec::new();
        let (bytes, whole) = lines::read_with_end(reader, &mut line, self.longest)?;
        Ok((bytes > 0).then_some((line, whole)))
    }

    /// A line of those that come next.
    fn peek(&mut self, reader: &mut impl BufRead, place: usize) -> io::Result<Option<&[u8]>> {
        while self.ahead.len() <= place {
            let mut line = Vec::new();
            let (bytes, whole) = lines::read_with_end(reader, &mut line, self.longest)?;
            if bytes == 0 {
                return Ok(None);
            }
            self.ahead.push_back((line, whole));
        }
        Ok(self.ahead.get(place).map(|(line, _)| line.as_slice()))
    }
}

fn tabs(line: &[u8]) -> usize {
    line.iter().filter(|byte| **byte == b'\t').count()
}

/// A column that is quoted from end to end, as libraries of tables do, or just what it is.
fn unquoted(column: &str) -> String {
    let inner = column.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match inner {
        Some(inner) if !inner.replace("\"\"", "").contains('"') => inner.replace("\"\"", "\""),
        _ => column.into(),
    }
}

fn quoted(text: &str) -> Quoted {
    let (mut columns, mut rest) = (Vec::new(), text);
    loop {
        let Some(inside) = rest.strip_prefix('"') else {
            let column = rest.split_once('\t');
            columns.push(column.map_or(rest, |(column, _)| column).to_string());
            let Some((_, behind)) = column else { return Quoted::Columns(columns) };
            rest = behind;
            continue;
        };
        let (mut column, mut left) = (String::new(), inside);
        loop {
            let Some((before, behind)) = left.split_once('"') else { return Quoted::Open };
            column += before;
            left = behind;
            let Some(behind) = left.strip_prefix('"') else { break };
            column.push('"');
            left = behind;
        }
        columns.push(column);
        match left.strip_prefix('\t') {
            Some(behind) => rest = behind,
            None if left.is_empty() => return Quoted::Columns(columns),
            None => return Quoted::Not,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str, wanted: Option<usize>) -> Vec<Vec<String>> {
        let (mut tsv, mut reader) = (Tsv::new(true, 1 << 20), text.as_bytes());
        let next = || tsv.record(&mut reader, wanted).unwrap().map(|record| record.columns.unwrap());
        std::iter::from_fn(next).collect()
    }

    /// Texts of pandas' files were cut at their line breaks.
    #[test]
    fn a_quote_holds_lines_together_where_they_are_no_rows() {
        assert_eq!(records("\"a\nb\"\t1\nc\t2\n", Some(2)), [["a\nb", "1"], ["c", "2"]]);
        assert_eq!(records("1\t\"a\n\nb \"\"c\"\"\"\n2\td\n", Some(2)), [["1", "a\n\nb \"c\""], ["2", "d"]]);
        assert_eq!(records("\"a\tb\"\t1\n", Some(2)), [["a\tb", "1"]]);
        assert_eq!(records("\"te\nxt\"\tn\n", None), [["te\nxt", "n"]]);
    }

    #[test]
    fn a_quote_is_a_letter_where_each_line_is_a_row() {
        let rows = [["\"I hate it.", "0"], ["I do\"", "0"], ["\"no\" she said", "1"], ["yes", "1"]];
        let text: String = rows.map(|row| row.join("\t") + "\n").concat();
        assert_eq!(records(&text, Some(2)), rows);
        let other: String = rows.map(|[text, label]| format!("{label}\t{text}\n")).concat();
        assert_eq!(records(&other, Some(2)), rows.map(|[text, label]| [label, text]));
        assert_eq!(records("\"never closed\nb\t1\n", Some(2)), [vec!["\"never closed"], vec!["b", "1"]]);
    }
}
