//! JSON as Python's json module writes and reads it: NaN, Infinity and -Infinity, strings with half a surrogate pair (Python's
//! strings hold UTF-16's halves, Rust's cannot), a byte order mark. What Python wrote is no fault of its reader, and often
//! stands in a field that nobody reads.
//!
//! Such a value keeps its place: where it is ignored it does not matter, where it is read the error names its field and what
//! stands there. In a [`Value`] it is an object that no file holds, so that it is neither null nor a number nor a string;
//! [`as_f64`] and [`unreadable`] know it. As in Python, a number beyond the range of 64-bit floats is infinite.

use std::borrow::Cow;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess};
use serde::de::{Error as _, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Map, Value};

/// The one key of the object that stands for a value JSON or a Rust string cannot hold; its value says what it was.
const UNREADABLE: &str = "\0unreadable";
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// Reads JSON. Files that are JSON in the strict sense, nearly all, are read by serde_json alone.
///
/// # Errors
///
/// As [`serde_json::from_slice`]; where the file holds what only Python writes, with the names of the fields that lead to
/// the fault.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    serde_json::from_slice(bytes).or_else(|strict| {
        let Some(rewritten) = Rewritten::new(bytes) else { return Err(strict) };
        let value = serde_json::from_slice(&rewritten.text).map_err(|error| rewritten.place(bytes, &error))?;
        T::deserialize(Read(&value))
    })
}

/// Reads the fields of an object that [`from_slice`] gave.
///
/// # Errors
///
/// As [`from_slice`], always with the name of the field.
pub fn from_fields<T: DeserializeOwned>(fields: &Map<String, Value>) -> Result<T, Error> {
    T::deserialize(Fields(fields))
}

/// The number, which may be NaN or infinite.
pub fn as_f64(value: &Value) -> Option<f64> {
    match unreadable(value) {
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        _ => value.as_f64(),
    }
}

/// What stands in the place of the value, in words, if it is one that only Python writes: `NaN`, `Infinity`, `-Infinity`, or
/// `half a surrogate pair (\ud83d)`.
pub fn unreadable(value: &Value) -> Option<&str> {
    match value {
        Value::Object(fields) => fields.get(UNREADABLE)?.as_str(),
        _ => None,
    }
}

/// The value for people: as JSON has it, or as Python wrote it.
pub fn show(value: &Value) -> String {
    unreadable(value).map_or_else(|| value.to_string(), String::from)
}

/// [`unreadable`] of the value or of one inside it.
pub fn unreadable_within(value: &Value) -> Option<&str> {
    unreadable(value).or_else(|| match value {
        Value::Array(values) => values.iter().find_map(unreadable_within),
        Value::Object(fields) => fields.values().find_map(unreadable_within),
        _ => None,
    })
}

/// The value as JSON in the strict sense has it: null where [`unreadable`] knows what only Python writes.
pub fn strict(value: &Value) -> Value {
    match value {
        Value::Object(_) if unreadable(value).is_some() => Value::Null,
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), strict(value))).collect(),
        Value::Array(values) => values.iter().map(strict).collect(),
        other => other.clone(),
    }
}

/// JSON in the strict sense, made of what Python wrote.
struct Rewritten {
    text: Vec<u8>,
    /// Where in `text` something was replaced (its end), and by how many bytes it became longer.
    replaced: Vec<(usize, isize)>,
}

impl Rewritten {
    /// None if there is nothing to replace.
    fn new(bytes: &[u8]) -> Option<Rewritten> {
        let mut new = Rewritten { text: Vec::with_capacity(bytes.len()), replaced: Vec::new() };
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            let length = match first {
                b'"' => string_length(rest),
                b'N' | b'I' | b'-' | b'0'..=b'9' => {
                    rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)).count()
                }
                _ => 1,
            };
            let (token, after) = rest.split_at(length);
            match replacement(token, after) {
                Cow::Borrowed(token) => new.text.extend(token),
                Cow::Owned(longer) => {
                    new.text.extend(&longer);
                    // A long string with half a surrogate pair becomes a shorter one.
                    new.replaced.push((new.text.len(), longer.len() as isize - token.len() as isize));
                }
            }
            rest = after;
        }
        (!new.replaced.is_empty()).then_some(new)
    }

    /// The error with its place in the original `bytes`.
    fn place(&self, bytes: &[u8], error: &Error) -> Error {
        let line_start = |text: &[u8]| {
            let ends = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(index, _)| index + 1);
            std::iter::once(0).chain(ends).nth(error.line().saturating_sub(1)).unwrap_or(0)
        };
        let place = line_start(&self.text) + error.column();
        let longer: isize = self.replaced.iter().filter(|(end, _)| *end <= place).map(|(_, longer)| longer).sum();
        let column = place.saturating_add_signed(-longer).saturating_sub(line_start(bytes));
        let message = error.to_string();
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
        Error::custom(format_args!("{message} at line {} column {column}", error.line()))
    }
}

/// Bytes of the string that `text` starts with, its quotes included.
fn string_length(text: &[u8]) -> usize {
    let mut escaped = false;
    let end = text[1..].iter().position(|&byte| {
        let end = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        end
    });
    end.map_or(text.len(), |end| end + 2)
}

/// The token, or what stands for it if only Python reads it.
fn replacement<'a>(token: &'a [u8], after: &[u8]) -> Cow<'a, [u8]> {
    let marked = |what: &str| {
        let what = what.replace('\\', "\\\\");
        format!(r#"{{"\u0000{}":"{what}"}}"#, UNREADABLE.trim_start_matches('\0')).into_bytes().into()
    };
    let number = || std::str::from_utf8(token).ok()?.parse::<f64>().ok();
    match token {
        b"NaN" => marked("NaN"),
        b"Infinity" => marked("Infinity"),
        b"-Infinity" => marked("-Infinity"),
        [b'-', ..] if number() == Some(f64::NEG_INFINITY) => marked("-Infinity"),
        [b'0'..=b'9', ..] if number() == Some(f64::INFINITY) => marked("Infinity"),
        [b'"', ..] => {
            let halves = lone_surrogates(token);
            let Some(&first) = halves.first() else { return token.into() };
            // A key stays a string, which shows the escape: no field that is read has such a name.
            let is_key = after.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':');
            if !is_key {
                let escape = String::from_utf8_lossy(&token[first..first + 6]);
                return marked(&format!("half a surrogate pair ({escape})"));
            }
            let mut key = token.to_vec();
            for &place in halves.iter().rev() {
                key.insert(place, b'\\');
            }
            key.into()
        }
        _ => token.into(),
    }
}

/// Where in a string the escapes begin that are one half of a surrogate pair without the other.
fn lone_surrogates(string: &[u8]) -> Vec<usize> {
    let unit = |place: usize| {
        let digits = string.get(place..)?.strip_prefix(b"\\u")?.get(..4)?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let (mut places, mut place) = (Vec::new(), 0);
    while place < string.len() {
        place += match (string[place], unit(place)) {
            (b'\\', Some(0xd800..=0xdbff)) if matches!(unit(place + 6), Some(0xdc00..=0xdfff)) => 12,
            (b'\\', Some(0xd800..=0xdfff)) => {
                places.push(place);
                6
            }
            (b'\\', Some(_)) => 6,
            (b'\\', None) => 2,
            _ => 1,
        };
    }
    places
}

/// Reads a value of [`from_slice`]: a value that only Python writes fails whoever asks for a type, and faults are named by
/// the fields that lead to them.
struct Read<'de>(&'de Value);

/// As [`Read`], of an object.
struct Fields<'de>(&'de Map<String, Value>);

impl<'de> Read<'de> {
    fn check(&self, expected: &dyn serde::de::Expected) -> Result<(), Error> {
        match unreadable(self.0) {
            None => Ok(()),
            Some(half) if half.starts_with("half") => Err(Error::invalid_value(Unexpected::Other(half), expected)),
            Some(number) => Err(Error::invalid_type(Unexpected::Other(number), expected)),
        }
    }
}

/// Methods that ask for one type.
macro_rules! typed {
    ($($method:ident)*) => {
        $(fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            self.check(&visitor)?;
            self.0.$method(visitor)
        })*
    };
}

/// Methods that ask for something with values inside, which are read in the same way.
macro_rules! composite {
    ($($method:ident($($argument:ident: $type:ty),*))*) => {
        $(fn $method<V: Visitor<'de>>(self, $($argument: $type,)* visitor: V) -> Result<V::Value, Error> {
            self.check(&visitor)?;
            self.deserialize_any(visitor)
        })*
    };
}

impl<'de> Deserializer<'de> for Read<'de> {
    type Error = Error;

    /// Who takes anything, as [`Value`] does, gets the object that stands for it.
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(values) => {
                let mut elements = Elements(values.iter());
                let read = visitor.visit_seq(&mut elements)?;
                match elements.0.len() {
                    0 => Ok(read),
                    _ => Err(Error::invalid_length(values.len(), &"fewer elements")),
                }
            }
            Value::Object(fields) => Fields(fields).deserialize_any(visitor),
            scalar => scalar.deserialize_any(visitor),
        }
    }

    typed! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128 deserialize_u8
        deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32 deserialize_f64 deserialize_char
        deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf deserialize_unit deserialize_identifier
    }

    composite! {
        deserialize_seq() deserialize_tuple(_length: usize) deserialize_map()
        deserialize_tuple_struct(_name: &'static str, _length: usize)
        deserialize_struct(_name: &'static str, _fields: &'static [&'static str])
        deserialize_unit_struct(_name: &'static str)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.check(&visitor)?;
        self.0.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_unit()
    }
}

impl<'de> Deserializer<'de> for Fields<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(Entries { fields: self.0.iter(), current: None })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

struct Elements<'de>(std::slice::Iter<'de, Value>);

impl<'de> SeqAccess<'de> for &mut Elements<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        self.0.next().map(|value| seed.deserialize(Read(value))).transpose()
    }
}

struct Entries<'de> {
    fields: serde_json::map::Iter<'de>,
    current: Option<(&'de String, &'de Value)>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.current = self.fields.next();
        self.current.map(|(key, _)| seed.deserialize(key.as_str().into_deserializer())).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        let (key, value) = self.current.take().expect("a key comes before its value");
        seed.deserialize(Read(value)).map_err(|error| Error::custom(format_args!("{key}: {error}")))
    }
}

#[cfg(test)]
#[path = "json_tests.rs"]
mod tests;
