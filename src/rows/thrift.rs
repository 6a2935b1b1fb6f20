//! What a Parquet file says of its sizes, compared with what it has, before parquet's own reader takes memory for it: memory that is
//! not there ends the process. Its metadata are a struct in Thrift's compact protocol, of which only the sizes are read here.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// Structs within structs.
const DEEPEST: u32 = 64;

/// Looks through the metadata of a file, and gives their length.
pub(super) fn check_file(file: &mut File) -> io::Result<()> {
    let length = file.metadata()?.len();
    let mut end = [0; 8];
    let cut = || wrong("it does not end as a Parquet file does: it was cut short");
    file.seek(SeekFrom::Start(length.checked_sub(8).ok_or_else(cut)?))?;
    file.read_exact(&mut end)?;
    match &end[4..] {
        b"PAR1" => {}
        b"PARE" => return Err(wrong("it is encrypted, and nothing here has its key")),
        _ => return Err(cut()),
    }
    let metadata = u64::from(u32::from_le_bytes(end[..4].try_into().expect("four bytes")));
    if metadata + 8 > length {
        return Err(wrong("its metadata are said to be longer than the file"));
    }
    file.seek(SeekFrom::Start(length - 8 - metadata))?;
    let mut bytes = Vec::new();
    file.by_ref().take(metadata).read_to_end(&mut bytes)?;
    let mut thrift = Thrift(&bytes);
    thrift.fields(DEEPEST).ok_or_else(|| wrong("its metadata name more than there is in them"))?;
    file.rewind()
}

fn wrong(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// The bytes that are left; nothing where they end too soon.
struct Thrift<'a>(&'a [u8]);

impl Thrift<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn skip(&mut self, bytes: u64) -> Option<()> {
        self.0 = self.0.get(usize::try_from(bytes).ok()?..)?;
        Some(())
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn fields(&mut self, deepest: u32) -> Option<()> {
        loop {
            let byte = self.byte()?;
            if byte == 0 {
                return Some(());
            }
            if byte >> 4 == 0 {
                self.number()?;
            }
            // A truth value is in its type.
            if !matches!(byte & 15, 1 | 2) {
                self.value(byte & 15, deepest)?;
            }
        }
    }

    fn value(&mut self, kind: u8, deepest: u32) -> Option<()> {
        match kind {
            1..=3 => self.skip(1),
            4..=6 => self.number().map(drop),
            7 => self.skip(8),
            8 => {
                let length = self.number()?;
                self.skip(length)
            }
            9 | 10 => {
                let head = self.byte()?;
                let count = if head >> 4 == 15 { self.number()? } else { u64::from(head >> 4) };
                // Each has a byte at least.
                (count <= self.0.len() as u64).then_some(())?;
                (0..count).try_for_each(|_| self.value(head & 15, deepest.checked_sub(1)?))
            }
            11 => {
                let count = self.number()?;
                if count == 0 {
                    return Some(());
                }
                let kinds = self.byte()?;
                (count <= self.0.len() as u64).then_some(())?;
                (0..count).try_for_each(|_| {
                    self.value(kinds >> 4, deepest.checked_sub(1)?)?;
                    self.value(kinds & 15, deepest.checked_sub(1)?)
                })
            }
            12 => self.fields(deepest.checked_sub(1)?),
            13 => self.skip(16),
            _ => None,
        }
    }
}
