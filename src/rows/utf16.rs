//! UTF-16, which PowerShell writes and spreadsheets call Unicode text, as the UTF-8 that everything else here reads.

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_16BE, UTF_16LE};
use std::io::{self, BufRead, Read};

/// Bytes that are decoded at a time.
const STEP: usize = 1 << 16;
/// Units that are looked at where there is no byte order mark.
const LOOKED_AT: usize = 32;
/// What no UTF-8 has: it stands for half of a surrogate pair, so that the row which has one fails by itself.
const WRONG: u8 = 0xff;

/// Which UTF-16 an input begins as, and the bytes of its byte order mark; without one it is known by letters of ASCII alone.
pub(super) fn seen(start: &[u8]) -> Option<(&'static Encoding, usize)> {
    match start {
        [0xff, 0xfe, 0, 0, ..] => return None,
        [0xff, 0xfe, ..] => return Some((UTF_16LE, 2)),
        [0xfe, 0xff, ..] => return Some((UTF_16BE, 2)),
        _ => {}
    }
    let units = || start.chunks_exact(2).take(LOOKED_AT);
    let ascii = |letter: u8, other: u8| other == 0 && letter != 0 && letter.is_ascii();
    match units().len() {
        0 | 1 => None,
        _ if units().all(|unit| ascii(unit[0], unit[1])) => Some((UTF_16LE, 0)),
        _ if units().all(|unit| ascii(unit[1], unit[0])) => Some((UTF_16BE, 0)),
        _ => None,
    }
}

/// Reads UTF-8 of UTF-16.
pub(super) struct Decoded<R> {
    bytes: R,
    decoder: Decoder,
    text: Vec<u8>,
    served: usize,
    ended: bool,
}

impl<R: BufRead> Decoded<R> {
    /// Of what stands behind the byte order mark.
    pub(super) fn new(bytes: R, encoding: &'static Encoding) -> Decoded<R> {
        let decoder = encoding.new_decoder_without_bom_handling();
        Decoded { bytes, decoder, text: Vec::new(), served: 0, ended: false }
    }

    fn decode(&mut self) -> io::Result<()> {
        let bytes = self.bytes.fill_buf()?;
        let last = bytes.is_empty();
        self.served = 0;
        self.text.resize(STEP, 0);
        let (result, read, written) = self.decoder.decode_to_utf8_without_replacement(bytes, &mut self.text, last);
        self.bytes.consume(read);
        self.text.truncate(written);
        match result {
            DecoderResult::Malformed(..) => self.text.push(WRONG),
            DecoderResult::InputEmpty => self.ended = last,
            DecoderResult::OutputFull => {}
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
            let encoding = if little { UTF_16LE } else { UTF_16BE };
            assert_eq!(seen(&utf16("\u{feff}東京", little)), Some((encoding, 2)));
            assert_eq!(seen(&utf16("text\tlabel\n", little)), Some((encoding, 0)));
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
        Decoded::new(io::BufReader::with_capacity(1, bytes.as_slice()), UTF_16LE).read_to_end(&mut text).unwrap();
        assert_eq!(text, ["a😀\n".as_bytes(), &[WRONG], b"b\n", &[WRONG]].concat());
    }
}
