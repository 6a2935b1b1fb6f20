//! Files of Arrow and Parquet, made of the stream that `typed.rs` wrote.
//!
//! They do not depend on when the stream's batches ended: Parquet's row groups, and Arrow's batches, have the same rows in every run. Of an
//! input of JSON objects the stream has the objects, and the file columns, whose types are those of all rows.

use super::objects::Objects;
use super::typed::{BATCH, InputTypes, OBJECT, io_error};
use super::{Layout, OutputFormat};
use arrow_array::RecordBatch;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{Schema, SchemaRef};
use arrow_select::coalesce::BatchCoalescer;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

/// Rows of a row group of a Parquet file.
const GROUP: usize = 16 * BATCH;

/// Makes a file of a stream that [`Typed`](super::typed::Typed) wrote.
pub(super) fn convert<R: Read + Seek, W: Write + Send>(
    mut stream: R,
    out: W,
    format: OutputFormat,
    layout: &Layout,
) -> io::Result<Vec<String>> {
    let mut notes = Vec::new();
    let objects = match layout.types {
        InputTypes::Json => {
            stream.seek(SeekFrom::Start(0))?;
            Some(Objects::new(open(&mut stream)?, layout, OBJECT, &mut notes)?)
        }
        _ => None,
    };
    stream.seek(SeekFrom::Start(0))?;
    let batches = open(&mut stream)?;
    let schema = objects.as_ref().map_or_else(|| batches.schema(), Objects::schema);
    let mut file = match format {
        OutputFormat::Parquet => Target::Parquet(Box::new(parquet(out, schema.clone())?)),
        _ => Target::Arrow(Box::new(StreamWriter::try_new(out, &schema).map_err(io_error)?)),
    };
    let mut even = BatchCoalescer::new(schema, BATCH);
    for batch in batches {
        let batch = batch.map_err(io_error)?;
        let batch = objects.as_ref().map_or(Ok(batch.clone()), |objects| objects.typed(&batch))?;
        even.push_batch(batch).map_err(io_error)?;
        while let Some(batch) = even.next_completed_batch() {
            file.write(&batch)?;
        }
    }
    even.finish_buffered_batch().map_err(io_error)?;
    while let Some(batch) = even.next_completed_batch() {
        file.write(&batch)?;
    }
    file.finish()?;
    Ok(notes)
}

enum Target<W: Write + Send> {
    Parquet(Box<ArrowWriter<W>>),
    Arrow(Box<StreamWriter<W>>),
}

impl<W: Write + Send> Target<W> {
    fn write(&mut self, batch: &RecordBatch) -> io::Result<()> {
        match self {
            Target::Parquet(file) => file.write(batch).map_err(parquet_error),
            Target::Arrow(stream) => stream.write(batch).map_err(io_error),
        }
    }

    fn finish(self) -> io::Result<()> {
        match self {
            Target::Parquet(file) => file.into_inner().map_err(parquet_error)?.flush(),
            Target::Arrow(mut stream) => {
                stream.finish().map_err(io_error)?;
                stream.flush().map_err(io_error)
            }
        }
    }
}

/// Whether Parquet has such columns, which its writer says only of the whole file: better before the first row than behind the last.
pub(super) fn check_parquet(schema: &Schema) -> io::Result<()> {
    for field in schema.fields() {
        let alone = Arc::new(Schema::new(vec![field.clone()]));
        if let Err(error) = parquet(io::sink(), alone).and_then(|file| file.close().map_err(parquet_error)) {
            let (name, kind) = (field.name(), field.data_type());
            let message = format!(
                "Parquet has no column like {name:?}, which is {kind}: {error}; write another format, or leave it out"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
    }
    Ok(())
}

fn parquet<W: Write + Send>(out: W, schema: SchemaRef) -> io::Result<ArrowWriter<W>> {
    let properties = WriterProperties::builder()
        .set_max_row_group_row_count(Some(GROUP))
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build();
    ArrowWriter::try_new(out, schema, Some(properties)).map_err(parquet_error)
}

/// A stream without an end, if its writer was stopped, is read as far as it goes.
fn open<R: Read>(stream: R) -> io::Result<StreamReader<BufReader<R>>> {
    StreamReader::try_new_buffered(stream, None).map_err(io_error)
}

fn parquet_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error),
        },
        error => io::Error::other(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_schema::{DataType, Field};

    #[test]
    fn what_parquet_has_no_type_for_is_said_before_the_first_row() {
        let schema =
            |kind| Schema::new(vec![Field::new("text", DataType::Utf8, true), Field::new("price", kind, true)]);
        let refused = check_parquet(&schema(DataType::Decimal128(3, 5))).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
        assert!(refused.to_string().contains("\"price\""), "{refused}");
        for kind in [DataType::Decimal128(5, 3), DataType::Date32, DataType::LargeUtf8] {
            check_parquet(&schema(kind)).unwrap();
        }
    }
}
