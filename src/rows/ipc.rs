//! What a file of Arrow's says of its sizes, compared with what it has, before arrow's own reader takes memory for it: memory that
//! is not there ends the process. A stream that ends early is told from one that is whole.

use arrow_ipc::{
    BodyCompression, CompressionType, Message, MessageHeader, RecordBatch, root_as_footer, root_as_message,
};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What stands before a message's length.
const MARK: [u8; 4] = [0xff; 4];
/// Rows that a batch may have without bytes for them: columns in which everything is null have none.
const ROWS: u64 = 1 << 24;
/// How many bytes compression may make of one: LZ4 makes up to 255, and zstd's runs 32,768.
const MOST_TIMES: u64 = 1 << 16;
/// Bytes of one compressed buffer of a column.
const MOST_BYTES: u64 = 1 << 32;

/// A stream of messages, each of which is whole and says nothing that cannot be.
pub(super) struct Messages<R> {
    stream: R,
    message: Vec<u8>,
    served: usize,
    /// Whether there are no more of them.
    ended: bool,
    /// Whether the stream ended without saying so.
    unmarked: Arc<AtomicBool>,
}

impl<R: Read> Messages<R> {
    pub(super) fn new(stream: R, unmarked: Arc<AtomicBool>) -> Messages<R> {
        Messages { stream, message: Vec::new(), served: 0, ended: false, unmarked }
    }

    /// Reads so many bytes, memory for which is taken as they come.
    fn take(&mut self, bytes: u64) -> io::Result<()> {
        let before = self.message.len() as u64;
        // An end of the bytes within a compressed file is none of the messages.
        self.stream.by_ref().take(bytes).read_to_end(&mut self.message).map_err(no_end)?;
        if self.message.len() as u64 - before < bytes {
            return Err(wrong("it ends within a message: it was cut short"));
        }
        Ok(())
    }

    fn read_message(&mut self) -> io::Result<()> {
        self.message.clear();
        self.served = 0;
        self.stream.by_ref().take(4).read_to_end(&mut self.message).map_err(no_end)?;
        if self.message.is_empty() {
            self.ended = true;
            self.unmarked.store(true, Ordering::Relaxed);
            return Ok(());
        }
        self.take(4 - self.message.len() as u64)?;
        if self.message == MARK {
            self.take(4)?;
        }
        let start = self.message.len();
        let length = i32::from_le_bytes(self.message[start - 4..].try_into().expect("four bytes"));
        if length == 0 {
            self.ended = true;
            return Ok(());
        }
        let length = u64::try_from(length).map_err(|_| wrong("the length of a message is negative"))?;
        self.take(length)?;
        let message = root_as_message(&self.message[start..]).map_err(|error| wrong(&format!("a message: {error}")))?;
        let length = u64::try_from(message.bodyLength()).map_err(|_| wrong("the length of a message is negative"))?;
        let body = self.message.len();
        self.take(length)?;
        let message = root_as_message(&self.message[start..body]).map_err(|error| wrong(&error.to_string()))?;
        let body = &self.message[body..];
        check(&message, length, |place| Ok(body[place as usize..][..8].try_into().expect("eight bytes")))
    }
}

impl<R: Read> Read for Messages<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.served == self.message.len() {
            if self.ended {
                return Ok(0);
            }
            self.read_message()?;
        }
        let read = (&self.message[self.served..]).read(buffer)?;
        self.served += read;
        Ok(read)
    }
}

/// Looks through a file in the format that has an index at its end.
pub(super) fn check_file(file: &mut File) -> io::Result<()> {
    let length = file.metadata()?.len();
    let cut = || wrong("it does not end as an Arrow file does: it was cut short");
    let mut end = [0; 10];
    file.seek(SeekFrom::Start(length.checked_sub(10).ok_or_else(cut)?))?;
    file.read_exact(&mut end)?;
    let footer = u64::from(u32::from_le_bytes(end[..4].try_into().expect("four bytes")));
    if end[4..] != *b"ARROW1" || footer + 10 > length {
        return Err(cut());
    }
    file.seek(SeekFrom::Start(length - 10 - footer))?;
    let mut bytes = Vec::new();
    file.by_ref().take(footer).read_to_end(&mut bytes)?;
    let footer = root_as_footer(&bytes).map_err(|error| wrong(&format!("its footer: {error}")))?;
    for block in footer.dictionaries().into_iter().chain(footer.recordBatches()).flatten() {
        let sizes = [block.offset(), block.metaDataLength().into(), block.bodyLength()].map(u64::try_from);
        let [Ok(offset), Ok(header), Ok(body)] = sizes else { return Err(wrong("a place in its footer is negative")) };
        let end = offset.checked_add(header).and_then(|end| end.checked_add(body));
        if end.is_none_or(|end| end > length) {
            return Err(wrong("its footer names a batch behind its end"));
        }
        file.seek(SeekFrom::Start(offset))?;
        let mut message = Vec::new();
        file.by_ref().take(header).read_to_end(&mut message)?;
        let start = if message.starts_with(&MARK) { 8 } else { 4 };
        let message = message.get(start..).ok_or_else(|| wrong("a message has no length"))?;
        let message = root_as_message(message).map_err(|error| wrong(&format!("a message: {error}")))?;
        check(&message, body, |place| {
            let mut bytes = [0; 8];
            file.seek(SeekFrom::Start(offset + header + place))?;
            file.read_exact(&mut bytes)?;
            Ok(bytes)
        })?;
    }
    file.rewind()
}

/// Looks at what a message with a body of so many bytes says of them; `at` gives eight of them.
fn check(message: &Message<'_>, length: u64, at: impl FnMut(u64) -> io::Result<[u8; 8]>) -> io::Result<()> {
    let dictionary = message.header_as_dictionary_batch();
    match message.header_type() {
        MessageHeader::RecordBatch => message.header_as_record_batch(),
        MessageHeader::DictionaryBatch => dictionary.and_then(|dictionary| dictionary.data()),
        _ => None,
    }
    .map_or(Ok(()), |batch| check_batch(batch, length, at))
}

fn check_batch(batch: RecordBatch<'_>, length: u64, mut at: impl FnMut(u64) -> io::Result<[u8; 8]>) -> io::Result<()> {
    let codec = batch.compression().map(|compression: BodyCompression<'_>| compression.codec());
    let mut bytes = 0u64;
    for buffer in batch.buffers().into_iter().flatten() {
        let (Ok(offset), Ok(size)) = (u64::try_from(buffer.offset()), u64::try_from(buffer.length())) else {
            return Err(wrong("a place in a batch is negative"));
        };
        if offset.checked_add(size).is_none_or(|end| end > length) {
            return Err(wrong("a column goes on behind the end of its batch"));
        }
        let mut unpacked = size;
        if codec.is_some() && size > 0 {
            let packed = size.checked_sub(8).ok_or_else(|| wrong("a compressed column has no length"))?;
            let declared = i64::from_le_bytes(at(offset)?);
            // Stored as it is where compression gave nothing.
            if declared != -1 {
                let times = if codec == Some(CompressionType::LZ4_FRAME) { 256 } else { MOST_TIMES };
                unpacked = u64::try_from(declared).map_err(|_| wrong("a compressed column has a negative length"))?;
                if unpacked > MOST_BYTES.min(packed.saturating_mul(times)) {
                    return Err(wrong(&format!("a column of {packed} compressed bytes is said to have {unpacked}")));
                }
            }
        }
        bytes = bytes.saturating_add(unpacked);
    }
    let most = ROWS.max(bytes.saturating_mul(8));
    let rows = std::iter::once(batch.length()).chain(batch.nodes().into_iter().flatten().map(|node| node.length()));
    for rows in rows {
        if u64::try_from(rows).is_ok_and(|rows| rows <= most) {
            continue;
        }
        return Err(wrong(&format!("a batch of {bytes} bytes is said to have {rows} rows")));
    }
    Ok(())
}

fn wrong(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// Arrow's reader takes this kind of error for the end of the stream.
fn no_end(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => wrong(&error.to_string()),
        _ => error,
    }
}
