//! Tables: small valid ones of every format, damaged; any bytes; and tables of odd strings, which have to be the same when they were
//! written in each format and read again.

use super::bytes::damage;
use super::random::Random;
use arrow_array::builder::{Int32Builder, ListBuilder};
use arrow_array::types::Int8Type;
use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Decimal128Array, DictionaryArray, Float64Array, Int64Array, NullArray,
    RecordBatch, StringArray, StringViewArray, StructArray, TimestampMicrosecondArray,
};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding};
use parquet::file::properties::{WriterProperties, WriterVersion};
use serde_json::{Map, Value};
use std::io::{Cursor, ErrorKind, Write};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use wgbert::rows::write::{Answer, Layout, OutputFormat, Selection, Writer};
use wgbert::rows::{Format, Quoting, Row, RowOptions, Rows};
use wgbert::{Adapter, Classifier, Options, Result};

/// Rows that an input may have before nobody waits for more.
const MOST_ROWS: usize = 20_000;

const FORMATS: [Option<Format>; 8] = [
    None,
    Some(Format::Lines),
    Some(Format::Jsonl),
    Some(Format::Json),
    Some(Format::Csv),
    Some(Format::Tsv),
    Some(Format::Parquet),
    Some(Format::Arrow),
];

const TEXT: [&str; 10] = [
    "{\"text\": \"a\", \"n\": 1.10, \"more\": [1, null, {\"x\": \"\\ud83d\\ude00\"}]}\n{\"text\": \"b\", \"n\": NaN}\n",
    "[{\"text\": \"a\", \"text_pair\": \"b\"}, \"c\", null, {\"text\": \"d, ] }\"}]",
    "{\n  \"text\": \"a\",\n  \"label\": 1\n}\n",
    "text,n\n\"a, \"\"b\"\"\nc\",1\nplain,2\n\n,\n",
    "id;text;x\r\n1;\"a;b\";c\r\n2;d;\"e\r\nf\"\r\n",
    "n\ttext\n1\t\"a\nb\"\n2\t\"no\n3\tyes\" she said\n",
    "\u{feff}text\na\nb\n",
    "some text\n\nmore\r\nand \0 more\n",
    "text,text,,\na,b,c,d\n",
    "{\"text\": \"a\\ud83d\", \"text\": \"b\"}\n[]\n{\"text\": null}\n",
];

/// The tables that are damaged.
pub struct Tables(Vec<Vec<u8>>);

impl Tables {
    pub fn new() -> Tables {
        let mut all: Vec<Vec<u8>> = TEXT.iter().map(|text| text.as_bytes().to_vec()).collect();
        let batch = batch();
        let codecs = [
            Compression::UNCOMPRESSED,
            Compression::SNAPPY,
            Compression::LZ4_RAW,
            Compression::ZSTD(Default::default()),
        ];
        for codec in codecs {
            for version in [WriterVersion::PARQUET_1_0, WriterVersion::PARQUET_2_0] {
                let properties = WriterProperties::builder().set_compression(codec).set_writer_version(version);
                all.push(parquet(&batch, properties.set_max_row_group_row_count(Some(3)).build()));
            }
        }
        let gzip = WriterProperties::builder().set_compression(Compression::GZIP(Default::default())).build();
        all.push(parquet(&batch, gzip));
        let strings = batch.project(&[0]).expect("it has a column");
        for encoding in [Encoding::PLAIN, Encoding::DELTA_BYTE_ARRAY, Encoding::DELTA_LENGTH_BYTE_ARRAY] {
            let properties = WriterProperties::builder().set_dictionary_enabled(false).set_encoding(encoding).build();
            all.push(parquet(&strings, properties));
        }
        for codec in [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)] {
            let options = IpcWriteOptions::default().try_with_compression(codec).expect("arrow has these");
            let mut stream =
                StreamWriter::try_new_with_options(Vec::new(), batch.schema_ref(), options.clone()).unwrap();
            let mut file = FileWriter::try_new_with_options(Vec::new(), batch.schema_ref(), options).unwrap();
            for part in [batch.slice(0, 2), batch.slice(2, 4)] {
                stream.write(&part).unwrap();
                file.write(&part).unwrap();
            }
            all.push(stream.into_inner().unwrap());
            all.push(file.into_inner().unwrap());
        }
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(TEXT[0].repeat(9).as_bytes()).unwrap();
        all.push(gzip.finish().unwrap());
        all.push(zstd::encode_all(TEXT[3].repeat(9).as_bytes(), 1).unwrap());
        for (text, mark) in TEXT.iter().zip([true, false].into_iter().cycle()) {
            let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
            all.push(
                units
                    .flat_map(|unit| if text.len().is_multiple_of(2) { unit.to_le_bytes() } else { unit.to_be_bytes() })
                    .collect(),
            );
        }
        Tables(all)
    }

    /// A table that is no longer the one that was written, or never was one.
    pub fn input(&self, random: &mut Random) -> Vec<u8> {
        let mut bytes = match random.below(8) {
            0 => (0..random.size(400)).map(|_| random.number() as u8).collect(),
            _ => random.pick(&self.0).clone(),
        };
        match random.below(8) {
            0 => {}
            // Sizes, which are numbers of 32 and 64 bits in Arrow.
            1 | 2 => {
                for _ in 0..1 + random.size(4) {
                    let width = *random.pick(&[4, 8]);
                    let number = (random.number() >> random.below(64)).to_le_bytes();
                    let place = random.below(bytes.len() + 1) / width * width;
                    bytes.iter_mut().skip(place).zip(&number[..width]).for_each(|(byte, new)| *byte = *new);
                }
            }
            // Metadata at the end.
            3 | 4 => {
                let end = bytes.len().saturating_sub(random.size(1500));
                let mut tail = bytes.split_off(end);
                damage(&mut tail, random);
                bytes.extend(tail);
            }
            _ => damage(&mut bytes, random),
        }
        bytes
    }
}

/// A column of most types.
fn batch() -> RecordBatch {
    let texts = ["good", "bad", "", "a \"b\"\n", "東京", "good"];
    let mut list = ListBuilder::new(Int32Builder::new());
    for row in 0..6 {
        (0..row).for_each(|value| list.values().append_value(value));
        list.append(row != 2);
    }
    let kinds: DictionaryArray<Int8Type> = ["a", "b", "a", "c", "c", "a"].into_iter().collect();
    let times = (0..6).map(|row| (row % 2 == 0).then_some(row * 1_000_000_007));
    let columns: [(&str, ArrayRef); 11] = [
        ("text", Arc::new(StringArray::from_iter(texts.map(|text| (text != "bad").then_some(text))))),
        ("n", Arc::new(Int64Array::from_iter_values(0..6))),
        ("x", Arc::new(Float64Array::from_iter((0..6).map(|row| (row > 1).then_some(f64::from(row) / 3.0))))),
        ("flag", Arc::new(BooleanArray::from_iter((0..6).map(|row| Some(row % 2 == 0))))),
        ("view", Arc::new(StringViewArray::from_iter_values(texts))),
        ("bytes", Arc::new(BinaryArray::from_iter_values(texts))),
        ("kind", Arc::new(kinds)),
        ("list", Arc::new(list.finish())),
        ("price", Arc::new(Decimal128Array::from_iter_values(0..6).with_precision_and_scale(9, 2).unwrap())),
        ("when", Arc::new(TimestampMicrosecondArray::from_iter(times))),
        ("null", Arc::new(NullArray::new(6))),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true))).unwrap();
    let (schema, mut columns, _) = batch.into_parts();
    let inner = StructArray::from(batch_of(&schema, &columns));
    let mut fields = schema.fields().to_vec();
    fields.push(Arc::new(arrow_schema::Field::new(
        "struct",
        arrow_schema::DataType::Struct(inner.fields().clone()),
        true,
    )));
    columns.push(Arc::new(inner));
    RecordBatch::try_new(Arc::new(arrow_schema::Schema::new(fields)), columns).unwrap()
}

fn batch_of(schema: &arrow_schema::SchemaRef, columns: &[ArrayRef]) -> RecordBatch {
    RecordBatch::try_new(schema.clone(), columns.to_vec()).and_then(|batch| batch.project(&[0, 1])).unwrap()
}

fn parquet(batch: &RecordBatch, properties: WriterProperties) -> Vec<u8> {
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.into_inner().unwrap()
}

/// All rows of a stream, up to some, and what ended them.
fn read(bytes: &[u8], options: RowOptions) -> (Vec<Row>, Result<()>) {
    let (mut rows, mut all) = (Rows::of_stream("table", Cursor::new(bytes.to_vec()), options), Vec::new());
    while all.len() < MOST_ROWS {
        match rows.chunk(64) {
            Ok(chunk) if chunk.is_empty() => return (all, Ok(())),
            Ok(chunk) => all.extend(chunk),
            Err(error) => {
                assert!(rows.chunk(64).is_ok_and(|rest| rest.is_empty()), "an error ends the rows");
                return (all, Err(error));
            }
        }
        let _ = (rows.position(), rows.next_place(), rows.notes());
    }
    (all, Ok(()))
}

/// A model, whose answers nobody asks for.
fn classifier() -> &'static Classifier {
    static CLASSIFIER: OnceLock<Classifier> = OnceLock::new();
    CLASSIFIER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/bert");
        Options::default().adapter(Adapter::Reference).load(folder).expect("the fixture loads")
    })
}

/// Loads what inputs share, which is of no input.
pub fn prepare() {
    classifier();
}

/// The columns of rows, written in a format.
fn written(rows: &[Row], format: OutputFormat) -> Vec<u8> {
    let mut selection = Selection::default();
    selection.fields = Some(vec!["*".into()]);
    let layout = Layout::new(&selection, classifier(), rows).expect("all columns can be asked for");
    let is_journal = layout.is_journal(format);
    let writer = Writer::new(Vec::new(), format, &selection, classifier(), layout, false);
    // Parquet has no type for some columns of Arrow, which is said before the first row.
    if writer.as_ref().is_err_and(|error| error.kind() == ErrorKind::InvalidInput) {
        return Vec::new();
    }
    let mut writer = writer.expect("memory takes it");
    for row in rows {
        writer.write(row, &Answer::Failed("no answer")).expect("memory takes it");
    }
    writer.finish().expect("memory takes it");
    if !is_journal {
        return writer.get_ref().clone();
    }
    let mut out = Vec::new();
    writer.convert(Cursor::new(writer.get_ref()), &mut out, format).expect("what was written is made a file of");
    out
}

/// Reads bytes as every format, and writes what is read of them.
pub fn run(bytes: &[u8], choice: u64) -> Result<()> {
    let format = FORMATS[choice as usize % FORMATS.len()];
    let mut options = RowOptions::default();
    options.format = format;
    options.no_header = choice.is_multiple_of(7);
    options.quoting = [Quoting::Auto, Quoting::Csv, Quoting::None][(choice >> 16) as usize % 3];
    if (choice >> 24).is_multiple_of(5) {
        options.column_names = vec!["a".into(), "text".into()];
    }
    if (choice >> 32).is_multiple_of(5) {
        options.max_row_size = 10;
    }
    let (rows, result) = read(bytes, options);
    for row in &rows {
        let names = row.fields.names();
        let mut once = names.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), names.len(), "{names:?}");
        assert!(row.content.as_ref().map_or_else(|message| !message.is_empty(), |_| true));
    }
    let few = &rows[..rows.len().min(100)];
    if !few.is_empty() {
        let outputs = [OutputFormat::Jsonl, OutputFormat::Csv, OutputFormat::Arrow, OutputFormat::Parquet];
        written(few, outputs[(choice >> 8) as usize % outputs.len()]);
    }
    result
}

/// Strings that are odd somewhere.
fn odd(random: &mut Random) -> String {
    let parts = [
        "\"",
        "\n",
        "\t",
        "\r\n",
        ",",
        ";",
        "\\",
        "\0",
        " ",
        "a",
        "word",
        "ü",
        "東",
        "👩‍👩‍👧",
        "{",
        "[",
        "null",
        "1",
        "'",
        "\u{feff}",
    ];
    (0..random.size(8)).map(|_| *random.pick(&parts)).collect()
}

/// JSON lines of odd strings under odd names.
pub fn strings(random: &mut Random) -> Vec<u8> {
    let mut names = vec!["text".to_string()];
    for _ in 0..1 + random.size(4) {
        let name = odd(random).replace(['\t', ';', ','], "_") + if random.once_in(2) { "x" } else { "" };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.len() == 1 {
        names.push("other".into());
    }
    let mut lines = Vec::new();
    for _ in 0..1 + random.size(8) {
        // serde_json's objects are sorted, and so are the columns of all rows.
        let row: Map<String, Value> = names.iter().map(|name| (name.clone(), odd(random).into())).collect();
        serde_json::to_writer(&mut lines, &row).expect("memory takes it");
        lines.push(b'\n');
    }
    lines
}

/// Writes rows of strings in every format, and reads them again.
pub fn round_trip(lines: &[u8]) -> Result<()> {
    let options = |format| {
        let mut options = RowOptions::default();
        options.format = Some(format);
        options.columns.text = Some("text".into());
        options
    };
    let (rows, result) = read(lines, options(Format::Jsonl));
    result?;
    let wanted = String::from_utf8(written(&rows, OutputFormat::Jsonl)).expect("JSON is UTF-8");
    for (output, format) in [
        (OutputFormat::Jsonl, Format::Jsonl),
        (OutputFormat::Csv, Format::Csv),
        (OutputFormat::Tsv, Format::Tsv),
        (OutputFormat::Parquet, Format::Parquet),
        (OutputFormat::Arrow, Format::Arrow),
    ] {
        let bytes = written(&rows, output);
        // In TSV a quote may be a letter, unless somebody says that it is none.
        let (again, result) = read(&bytes, options(format).quoting(Quoting::Csv));
        assert!(result.is_ok(), "as {}: {result:?} of {wanted}", format.name());
        let found = String::from_utf8(written(&again, OutputFormat::Jsonl)).expect("JSON is UTF-8");
        assert!(found == wanted, "as {}: {found}\nnot {wanted}", format.name());
    }
    Ok(())
}
