//! What a Parquet file says of its sizes, compared with what it has, before parquet's own reader takes memory for it: memory that is
//! not there ends the process. Its metadata, and the head of each page, are structs in Thrift's compact protocol, of which only the
//! sizes are read here.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

/// Structs within structs.
const DEEPEST: u32 = 64;

/// Bytes from which on a page must not be so many times what is stored of it: nothing that one would wait for is.
const MOST_BYTES: u64 = 256 << 20;
const MOST_TIMES: u64 = 1000;
/// Bytes that the head of a page has at most: it may hold the least and the largest value.
const HEAD: u64 = 1 << 20;
/// Bytes of it that are read at first.
const USUAL: u64 = 256;

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

/// Looks through the pages that lie in these bytes of a file, and gives the bytes of the largest dictionary among them.
pub(super) fn check_pages(file: &mut File, start: u64, bytes: u64) -> io::Result<u64> {
    let (mut place, end, mut dictionary) = (start, start + bytes, 0);
    while place < end {
        let mut read = |most: u64| {
            let mut head = Vec::new();
            file.seek(SeekFrom::Start(place))?;
            file.take(most.min(end - place)).read_to_end(&mut head)?;
            let mut thrift = Thrift(&head);
            Ok::<_, io::Error>(thrift.page().map(|page| (page, (head.len() - thrift.0.len()) as u64)))
        };
        let page = match read(USUAL)? {
            None => read(HEAD)?,
            page => page,
        };
        let (Page { kind, packed, unpacked }, head) = match page {
            Some(page) => page,
            // Old writers count fewer bytes than there are, and parquet's reader knows them.
            None if end - place < HEAD => break,
            None => return Err(wrong(&format!("the page at byte {place} has no head that can be read"))),
        };
        if unpacked > MOST_BYTES.max(packed.saturating_mul(MOST_TIMES)) {
            return Err(wrong(&format!(
                "the {packed} bytes of the page at byte {place} are said to become {unpacked}; if that is meant, write the file again \
                 with smaller pages"
            )));
        }
        if kind == DICTIONARY {
            dictionary = dictionary.max(unpacked);
        }
        place = place.saturating_add(head).saturating_add(packed);
    }
    Ok(dictionary)
}

/// The kind of a page that has the values which others name by number.
const DICTIONARY: u64 = 2;

/// What a page's head says of it.
struct Page {
    kind: u64,
    /// Bytes as they are stored, and as they are read.
    packed: u64,
    unpacked: u64,
}

fn wrong(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// A number as its zigzag says it, where it is none below zero.
fn signed(zigzag: u64) -> Option<u64> {
    zigzag.is_multiple_of(2).then_some(zigzag / 2)
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
        while let Some((_, kind)) = self.field(0)? {
            // A truth value is in its type.
            if !matches!(kind, 1 | 2) {
                self.value(kind, deepest)?;
            }
        }
        Some(())
    }

    /// The number and the type of a field, behind the one of number `last`, or that there are no more.
    fn field(&mut self, last: u64) -> Option<Option<(u64, u8)>> {
        let byte = self.byte()?;
        if byte == 0 {
            return Some(None);
        }
        let number = if byte >> 4 == 0 { signed(self.number()?)? } else { last.checked_add(u64::from(byte >> 4))? };
        Some(Some((number, byte & 15)))
    }

    /// The head of a page: its kind and its sizes are the first three fields.
    fn page(&mut self) -> Option<Page> {
        let (mut sizes, mut last) = ([None; 3], 0);
        while let Some((number, kind)) = self.field(last)? {
            last = number;
            match (number, kind) {
                (1..=3, 5) => sizes[number as usize - 1] = Some(signed(self.number()?)?),
                (_, 1 | 2) => {}
                _ => self.value(kind, DEEPEST)?,
            }
        }
        let [Some(kind), Some(unpacked), Some(packed)] = sizes else { return None };
        Some(Page { kind, packed, unpacked })
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// The head of a page: numbers of its first three fields as varints of zigzags, and a statistic that is passed over.
    fn head(kind: u32, unpacked: u32, packed: u32) -> Vec<u8> {
        let mut head = Vec::new();
        for number in [kind, unpacked, packed] {
            head.push(0x15);
            let mut zigzag = u64::from(number) * 2;
            while zigzag > 0x7f {
                head.push(zigzag as u8 | 0x80);
                zigzag >>= 7;
            }
            head.push(zigzag as u8);
        }
        head.extend([0x2c, 0x18, 3, b'a', b'b', b'c', 0, 0]);
        head
    }

    fn check(pages: &[(u32, u32, u32)]) -> Result<u64, String> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"PAR1").unwrap();
        for &(kind, unpacked, packed) in pages {
            file.write_all(&[head(kind, unpacked, packed), vec![0xee; packed as usize]].concat()).unwrap();
        }
        let length = file.metadata().unwrap().len();
        check_pages(&mut file, 4, length - 4).map_err(|error| error.to_string())
    }

    #[test]
    fn a_page_that_becomes_too_much_is_found() {
        assert_eq!(check(&[]), Ok(0));
        assert_eq!(check(&[(2, 5000, 300), (0, 100 << 20, 2000), (3, 7, 0)]), Ok(5000));
        let wrong = check(&[(0, 20, 10), (0, 1 << 30, 1000)]).unwrap_err();
        assert!(wrong.contains("the 1000 bytes of the page at byte 28 are said to become 1073741824"), "{wrong}");
        // What a size is not is left to parquet's reader, which knows old writers.
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&[0xff; 300]).unwrap();
        assert_eq!(check_pages(&mut file, 0, 300).unwrap(), 0);
    }
}
