//! Lines, of which none is held that is too long to be a text.

use super::{Columns, Line, columns::Keys, fields::Object};
use std::io::{self, BufRead, Read};

/// Reads one line without its end. Gives the bytes read, and whether `line` holds all of it: one that is longer than `longest` bytes
/// must not be held in memory.
pub(super) fn read(reader: &mut impl BufRead, line: &mut Vec<u8>, longest: usize) -> io::Result<(u64, bool)> {
    let read = read_with_end(reader, line, longest)?;
    line.truncate(without_end(line).len());
    Ok(read)
}

/// A line without its end.
pub(super) fn without_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// As [`read`], with the line's end.
pub(super) fn read_with_end(reader: &mut impl BufRead, line: &mut Vec<u8>, longest: usize) -> io::Result<(u64, bool)> {
    line.clear();
    let mut bytes = reader.by_ref().take(longest as u64).read_until(b'\n', line)? as u64;
    let whole = line.ends_with(b"\n") || bytes < longest as u64;
    if !whole {
        bytes += reader.skip_until(b'\n')? as u64;
    }
    Ok((bytes, whole))
}

/// The text of a line, or what is wrong with it.
pub(super) fn text(line: &[u8], whole: bool, longest: usize) -> Result<&str, String> {
    if !whole {
        return Err(too_long("line", longest));
    }
    std::str::from_utf8(line).map_err(|error| format!("byte {} of the line is not UTF-8", error.valid_up_to() + 1))
}

/// What there is to say of a row, in words of the option's name, which is the same in the library and on the command line.
pub(super) fn too_long(what: &str, longest: usize) -> String {
    let size =
        if longest.is_multiple_of(1 << 20) { format!("{} MiB", longest >> 20) } else { format!("{longest} bytes") };
    format!("the {what} is longer than {size}, the longest row that is read (max_row_size)")
}

/// The row that a line of JSONL is.
pub(super) fn object(line: &str, keys: &mut Keys, columns: &Columns, notes: &mut Vec<String>) -> Line {
    if line.trim().is_empty() {
        return Line::Blank;
    }
    if !line.trim_start().starts_with('{') {
        return Line::wrong("not a JSON object like {\"text\": \"...\"}".into());
    }
    match Object::read(line.as_bytes()) {
        Ok(object) => keys.row(columns, object, notes),
        // serde_json counts lines too, and here there is only one.
        Err(error) => Line::wrong(error.to_string().replace("at line 1 column", "at column")),
    }
}
