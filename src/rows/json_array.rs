//! The elements of a JSON array, each read when it is wanted.

use super::lines::too_long;
use super::{Columns, Fault, Found, Line, columns::Keys, fields::Fields, fields::Object};
use crate::json;
use serde_json::Value;
use std::io::BufRead;

/// Reads an array's elements, or a single object, which is one.
#[derive(Debug)]
pub(super) struct Elements {
    /// Bytes of one.
    longest: usize,
    state: State,
    element: Vec<u8>,
    pub keys: Keys,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    Begin,
    /// Inside of the array; whether an element was there.
    Array {
        any: bool,
    },
    /// Behind all elements.
    End,
}

impl Elements {
    pub(super) fn new(longest: usize) -> Elements {
        Elements { longest, state: State::Begin, element: Vec::new(), keys: Keys::default() }
    }

    pub(super) fn next(
        &mut self,
        reader: &mut impl BufRead,
        columns: &Columns,
        notes: &mut Vec<String>,
    ) -> Result<Line, Fault> {
        let wrong = |message: &str| Err(Fault::Malformed(message.into()));
        let mut first = skip_space(reader)?;
        match (&self.state, first) {
            (State::Begin, None) | (State::End, None) => return Ok(Line::End),
            (State::Begin, Some(b'[')) => {
                reader.consume(1);
                self.state = State::Array { any: false };
                first = skip_space(reader)?;
            }
            (State::Begin, Some(b'{')) => {
                self.state = State::End;
                return self.element(reader, columns, notes);
            }
            (State::Begin, _) => return wrong("is no JSON array of rows: it begins with neither [ nor {"),
            (State::End, Some(b'{')) => return wrong("has more than one JSON object: a row a line is jsonl"),
            (State::End, Some(_)) => return wrong("goes on behind the end of its JSON array"),
            (State::Array { .. }, _) => {}
        }
        let State::Array { any } = self.state else { unreachable!("all others have returned") };
        match first {
            None => return wrong("ends within its JSON array"),
            Some(b']') => {
                reader.consume(1);
                self.state = State::End;
                return match skip_space(reader)? {
                    None => Ok(Line::End),
                    Some(_) => wrong("goes on behind the end of its JSON array"),
                };
            }
            Some(b',') if any => reader.consume(1),
            Some(_) if any => return wrong("has no comma between two elements of its JSON array"),
            Some(_) => {}
        }
        self.state = State::Array { any: true };
        if skip_space(reader)?.is_none() {
            return wrong("ends within its JSON array");
        }
        self.element(reader, columns, notes)
    }

    fn element(
        &mut self,
        reader: &mut impl BufRead,
        columns: &Columns,
        notes: &mut Vec<String>,
    ) -> Result<Line, Fault> {
        let whole = self.read(reader)?;
        if !whole {
            return Ok(Line::wrong(too_long("element", self.longest)));
        }
        // What an element is not, the array is not either, from there on.
        let wrong = |error| Fault::Malformed(format!("is no JSON: {error}, within one of its elements"));
        if self.element.trim_ascii_start().starts_with(b"{") {
            let object = Object::read(&self.element).map_err(wrong)?;
            return Ok(self.keys.row(columns, object, notes));
        }
        Ok(match json::from_slice(&self.element).map_err(wrong)? {
            Value::String(text) => Line::text(&text),
            Value::Null => Line::Row(Box::new(Found { content: Ok(None), fields: Fields::default() })),
            _ => Line::wrong("neither a JSON object like {\"text\": \"...\"} nor a text".into()),
        })
    }

    /// Reads up to the end of an element, which is left out of memory where it is too long: whether it was not.
    fn read(&mut self, reader: &mut impl BufRead) -> Result<bool, Fault> {
        self.element.clear();
        let (mut depth, mut quoted, mut escaped, mut length) = (0u32, false, false, 0usize);
        loop {
            let bytes = reader.fill_buf()?;
            if bytes.is_empty() {
                return match (depth, quoted) {
                    (0, false) => Ok(length <= self.longest),
                    _ => Err(Fault::Malformed("ends within an element of its JSON".into())),
                };
            }
            let mut used = 0;
            let mut ended = false;
            for &byte in bytes {
                if quoted {
                    (quoted, escaped) = (escaped || byte != b'"', !escaped && byte == b'\\');
                    used += 1;
                    // A text is an element of its own.
                    ended = !quoted && depth == 0;
                } else if depth == 0 && matches!(byte, b',' | b']' | b'}') {
                    // The array's own.
                    ended = true;
                } else {
                    match byte {
                        b'"' => quoted = true,
                        b'{' | b'[' => depth += 1,
                        b'}' | b']' => {
                            depth -= 1;
                            ended = depth == 0;
                        }
                        _ => {}
                    }
                    used += 1;
                }
                if ended {
                    break;
                }
            }
            length += used;
            if length <= self.longest {
                self.element.extend_from_slice(&bytes[..used]);
            }
            reader.consume(used);
            if ended {
                return Ok(length <= self.longest);
            }
        }
    }
}

/// The next byte that is no space, which is not consumed.
fn skip_space(reader: &mut impl BufRead) -> Result<Option<u8>, Fault> {
    loop {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let spaces = bytes.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let next = bytes.get(spaces).copied();
        reader.consume(spaces);
        if next.is_some() {
            return Ok(next);
        }
    }
}
