//! UTF-16, which PowerShell writes and spreadsheets call Unicode text, as the UTF-8 that everything else here reads.

use std::io::{self, BufRead, Read};

/// Units that are looked at where there is no byte order mark.
const LOOKED_AT: usize = 32;
/// What no UTF-8 has: it stands for half of a surrogate pair, so that the row which has one fails by itself.
const WRONG: u8 = 0xff;

/// Which byte of a unit comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

impl Order {
    fn unit(self, bytes: [u8; 2]) -> u16 {
        match self {
            Order::Little => u16::from_le_bytes(bytes),
            Order::Big => u16::from_be_bytes(bytes),
        }
    }
}

/// Which UTF-16 an input begins as, and the bytes of its byte order mark; without one it is known by letters of ASCII alone.
pub(super) fn seen(start: &[u8]) -> Option<(Order, usize)> {
    match start {
        [0xff, 0xfe, 0, 0, ..] => return None,
        [0xff, 0xfe, ..] => return Some((Order::Little, 2)),
        [0xfe, 0xff, ..] => return Some((Order::Big, 2)),
        _ => {}
    }
    let units = || start.chunks_exact(2).take(LOOKED_AT);
    let ascii = |letter: u8, other: u8| other == 0 && letter != 0 && letter.is_ascii();
    match units().len() {
        0 | 1 => None,
        _ if units().all(|unit| ascii(unit[0], unit[1])) => Some((Order::Little, 0)),
        _ if units().all(|unit| ascii(unit[1], unit[0])) => Some((Order::Big, 0)),
        _ => None,
    }
}

/// Reads UTF-8 of UTF-16.
pub(super) struct Decoded<R> {
    bytes: R,
    order: Order,
    /// Half of a unit whose other half was not read yet.
    half: Option<u8>,
    /// The first of a surrogate pair whose second was not read yet.
    high: Option<u16>,
    text: Vec<u8>,
    served: usize,
    ended: bool,
}

impl<R: BufRead> Decoded<R> {
    /// Of what stands behind the byte order mark.
    pub(super) fn new(bytes: R, order: Order) -> Decoded<R> {
        Decoded { bytes, order, half: None, high: None, text: Vec::new(), served: 0, ended: false }
    }

    /// Decodes what the reader has ready.
    fn decode(&mut self) -> io::Result<()> {
        self.served = 0;
        self.text.clear();
        let bytes = self.bytes.fill_buf()?;
        let read = bytes.len();
        let mut units = Vec::with_capacity(read / 2 + 2);
        units.extend(self.high.take());
        for &byte in bytes {
            match self.half.take() {
                Some(first) => units.push(self.order.unit([first, byte])),
                None => self.half = Some(byte),
            }
        }
        self.bytes.consume(read);
        self.ended = read == 0;
        // The first of a pair waits for the second, as long as there may be one.
        if !self.ended && units.last().is_some_and(|unit| matches!(unit, 0xd800..0xdc00)) {
            self.high = units.pop();
        }
        for letter in char::decode_utf16(units) {
            match letter {
                Ok(letter) => self.text.extend(letter.encode_utf8(&mut [0; 4]).bytes()),
                Err(_) => self.text.push(WRONG),
            }
        }
        if self.ended && self.half.take().is_some() {
            self.text.push(WRONG);
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.served == self.text.len() && !self.ended {
            self.decode()?;
        }
        let read = (&self.text[self.served..]).read(buffer)?;
        self.served += read;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, little: bool) -> Vec<u8> {
        text.encode_utf16().flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
    }

    #[test]
    fn it_is_known_by_its_mark_or_by_ascii() {
        for little in [true, false] {
            let order = if little { Order::Little } else { Order::Big };
            assert_eq!(seen(&utf16("\u{feff}東京", little)), Some((order, 2)));
            assert_eq!(seen(&utf16("text\tlabel\n", little)), Some((order, 0)));
        }
        let others: [&[u8]; 6] = [b"", b"a\0", b"text", b"\xff\xfe\0\0t\0\0\0", b"PAR1\x15\0\x15\0", b"\0\0\0\0"];
        others.iter().for_each(|other| assert_eq!(seen(other), None, "{other:?}"));
    }

    #[test]
    fn what_is_no_text_is_no_utf8() {
        let mut bytes = utf16("a😀\n", true);
        // Half of a pair, and half of a unit at the end.
        bytes.extend([0x3d, 0xd8, b'b', 0, b'\n', 0, b'c']);
        let mut text = Vec::new();
        // A reader that gives a byte at a time must not matter.
        Decoded::new(io::BufReader::with_capacity(1, bytes.as_slice()), Order::Little).read_to_end(&mut text).unwrap();
        assert_eq!(text, ["a😀\n".as_bytes(), &[WRONG], b"b\n", &[WRONG]].concat());
    }
}
