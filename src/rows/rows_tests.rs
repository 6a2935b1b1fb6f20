use super::*;
use serde_json::json;
use std::fs;
use std::io::{Cursor, Read, Write};

fn options(format: Option<Format>) -> RowOptions {
    RowOptions { format, ..RowOptions::default() }
}

/// The rows of a stream, two at a time, and what ended them, if something did.
fn read(bytes: &[u8], options: RowOptions) -> (Vec<Row>, Option<String>, Vec<String>) {
    let mut input = Rows::of_stream("test", Cursor::new(bytes.to_vec()), options);
    let (mut rows, mut notes) = (Vec::new(), Vec::new());
    loop {
        let chunk = input.chunk(2);
        notes.extend(input.notes());
        match chunk {
            Err(error) => return (rows, Some(error.to_string()), notes),
            Ok(chunk) if chunk.is_empty() => {
                assert_eq!(input.position(), bytes.len() as u64);
                return (rows, None, notes);
            }
            Ok(chunk) => rows.extend(chunk),
        }
    }
}

/// Index, line or element, and text of each row.
fn texts(bytes: &[u8], options: RowOptions) -> Vec<(usize, u64, Result<String, String>)> {
    let (rows, error, _) = read(bytes, options);
    assert_eq!(error, None);
    rows.into_iter().map(|row| (row.index, row.place.number, row.content.map(|content| content.text))).collect()
}

fn only(bytes: &[u8], format: Option<Format>) -> Vec<String> {
    texts(bytes, options(format)).into_iter().map(|(.., text)| text.unwrap_or_else(|error| error)).collect()
}

fn object(line: &str) -> Result<Content, String> {
    let (mut rows, error, _) = read(line.as_bytes(), options(Some(Format::Jsonl)));
    assert_eq!(error, None);
    rows.remove(0).content
}

#[test]
fn every_line_is_a_row() {
    let expected = ["a", "", "b", "\r", "c"].map(String::from);
    assert_eq!(only(b"\xef\xbb\xbfa\r\n\nb\n\r\r\nc", Some(Format::Lines)), expected);
    assert_eq!(only(b"\xef\xbb\xbfa\r\n\nb\n\r\r\nc\n", None), expected);
    assert_eq!(only(b"", None), [""; 0]);
    assert_eq!(only(b"\n", None), [""]);
}

#[test]
fn a_bad_line_fails_alone() {
    let rows = texts(b"a\nb\xff\nc", options(None));
    assert_eq!(rows[1], (1, 2, Err("byte 2 of the line is not UTF-8".into())));
    assert_eq!(rows[2], (2, 3, Ok("c".into())));
}

#[test]
fn objects_are_numbered_by_their_lines() {
    let rows = texts(b"{\"text\": \"a\"}\n \n[1]\n{\"text\": 1}\n{\"text\": \"b\", \"more\": 1}\n", options(None));
    assert_eq!(rows.iter().map(|(index, ..)| *index).collect::<Vec<_>>(), [0, 2, 3, 4]);
    assert_eq!(rows.iter().map(|(_, line, _)| *line).collect::<Vec<_>>(), [1, 3, 4, 5]);
    assert_eq!(rows.iter().map(|(.., text)| text.is_ok()).collect::<Vec<_>>(), [true, false, false, true]);
}

#[test]
fn rows_are_those_of_python() {
    let label = |line: &str| object(line).map(|content| content.label);
    assert_eq!(label(r#"{"text": "a", "label": NaN, "more": [-Infinity, "\ud83d"]}"#), Ok(None));
    assert_eq!(label(r#"{"text": "a", "label": 1.0, "more": NaN}"#), Ok(Some(1.0.into())));
    for (line, expected) in [
        (r#"{"text": NaN}"#, "text: invalid type: NaN, expected a string"),
        (r#"{"text": "a", "text_pair": -Infinity}"#, "text_pair: invalid type: -Infinity, expected a string"),
        (r#"{"text": "a", "label": Infinity}"#, "label: Infinity is no label"),
        (r#"{"text": "a", "label": [0.5, NaN]}"#, "label: NaN is no label"),
        (r#"{"text": "a", "label": "\ud83d"}"#, r"label: half a surrogate pair (\ud83d) is no label"),
        (r#"{"text": "a \ude00"}"#, r"text: invalid value: half a surrogate pair (\ude00), expected a string"),
        (r#"{"text": "a", "more": NaN"#, "EOF while parsing an object at column 25"),
    ] {
        assert_eq!(object(line), Err(expected.to_string()), "{line}");
    }
}

#[test]
fn an_endless_line_fails_alone() {
    let long = "x".repeat(5000);
    let rows = |format, text: String| {
        let (rows, error, _) = read(text.as_bytes(), options(Some(format)).max_row_size(4096));
        assert_eq!(error, None);
        rows.into_iter().map(|row| row.content.map_or_else(|error| error, |content| content.text)).collect::<Vec<_>>()
    };
    let jsonl = |text: &str| format!("{{\"text\": \"{text}\"}}\n");
    for (format, text) in [
        (Format::Lines, format!("first\n{long}\nshort\n")),
        (Format::Jsonl, ["first", &long, "short"].map(jsonl).concat()),
        (Format::Csv, format!("text,n\nfirst,1\n{long},2\nshort,3\n")),
        (Format::Tsv, format!("text\tn\nfirst\t1\n{long}\t2\nshort\t3\n")),
        (Format::Json, format!("[\"first\", \"{long}\", \"short\"]")),
    ] {
        let rows = rows(format, text);
        assert_eq!([&rows[0], &rows[2]], ["first", "short"], "{format:?}");
        let said = "is longer than 4096 bytes, the longest row that is read (max_row_size)";
        assert!(rows[1].contains(said), "{format:?}: {}", rows[1]);
    }
}

#[test]
fn first_bytes_say_what_it_is() {
    assert_eq!(only(br#"{"text": "a"}"#, None), ["a"], "JSONL, which was read as lines");
    assert_eq!(only(b" \n{\"text\": \"a\"}\n{\"text\": \"b\"}", None), ["a", "b"]);
    assert_eq!(only(br#"[{"text": "a"}, "b", {"text": "c, ] }"}]"#, None), ["a", "b", "c, ] }"]);
    assert_eq!(only(b"{\n  \"text\": \"a\"\n}\n", None), ["a"]);
    // What only begins so is text.
    assert_eq!(only(b"{laughs} no\nyes", None), ["{laughs} no", "yes"]);
    assert_eq!(only(b"[laughs] no\nyes", None), ["[laughs] no", "yes"]);
    for (bytes, word) in [
        (&b"\xff\xfe\0\0a\0\0\0"[..], "UTF-32"),
        (b"PAR1....", "is parquet"),
        (b"ARROW1\0\0", "is arrow"),
        (b"PK\x03\x04", "zip"),
        (b"\xfd7zXZ\0", "unxz"),
    ] {
        // Also where somebody asks for lines.
        let (rows, error, _) = read(bytes, options(Some(Format::Lines)));
        assert!(rows.is_empty() && error.as_ref().is_some_and(|error| error.contains(word)), "{word}: {error:?}");
    }
}

#[test]
fn lines_that_look_like_more_are_noted() {
    let notes = |bytes: &[u8], format| read(bytes, options(format)).2;
    assert!(notes(b"{\"text\": \"a\"}\n", Some(Format::Lines))[0].contains("looks like jsonl"));
    assert!(notes(b"a\t1\nb\t2\nc", None)[0].contains("looks like tsv"));
    assert_eq!(notes(b"a\t1\nb\nc\td", None), [""; 0]);
    assert_eq!(notes(b"a\nb\n", None), [""; 0]);
}

#[test]
fn compressed_or_not_it_is_the_same() {
    let text = b"{\"text\": \"a\"}\n{\"text\": \"b\"}\n".repeat(1000);
    let expected = ["a", "b"].repeat(1000);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&text).unwrap();
    let gzip = gzip.finish().unwrap();
    let zstd = zstd::stream::encode_all(&text[..], 1).unwrap();
    for bytes in [&gzip, &zstd] {
        assert_eq!(only(bytes, None), expected);
        // What ends early gives what it has, and says so.
        let (rows, error, _) = read(&bytes[..bytes.len() - 9], options(None));
        assert!(error.is_some(), "{} rows of a file that ends early", rows.len());
    }
    let two = [gzip.clone(), gzip].concat();
    assert_eq!(only(&two, None).len(), 4000, "as `cat a.gz b.gz` makes it");
}

#[test]
fn tables_have_columns() {
    let csv = b"id,review,stars\n7,\"so, so \"\"good\"\"\nindeed\",5\n\n8,no,1\n";
    let columns = Columns { id: Some("id".into()), label: Some("3".into()), ..Columns::default() };
    let (rows, error, notes) = read(csv, RowOptions { columns, ..options(Some(Format::Csv)) });
    assert_eq!(error, None);
    assert_eq!(notes, ["texts are the column \"review\""]);
    let row = |index, number, id: &str, text: &str, stars: u32| {
        let content = Content { text: text.into(), text_pair: None, label: Some(json!(stars)), id: Some(json!(id)) };
        (index, number, Ok(content))
    };
    let found: Vec<_> = rows.into_iter().map(|row| (row.index, row.place.number, row.content)).collect();
    assert_eq!(found, [row(0, 2, "7", "so, so \"good\"\nindeed", 5), row(1, 5, "8", "no", 1)]);

    // A quote that begins a text is no quoting unless the column ends with one too: it must not swallow rows.
    let tsv = b"sentence1\tsentence2\n\"Yes\" he said\tno\n\"a \"\"b\"\"\"\tc\n";
    let (rows, _, notes) = read(tsv, options(Some(Format::Tsv)));
    assert_eq!(notes, ["texts are the column \"sentence1\"", "second texts are the column \"sentence2\""]);
    let pairs: Vec<_> = rows.into_iter().map(|row| row.content.unwrap()).map(|c| (c.text, c.text_pair)).collect();
    assert_eq!(pairs, [("\"Yes\" he said".into(), Some("no".into())), ("a \"b\"".to_string(), Some("c".to_string()))]);

    assert_eq!(only(b"text;n\na, b;1\n", Some(Format::Csv)), ["a, b"], "semicolons");
    assert_eq!(only(b"whatever\na\nb\n", Some(Format::Csv)), ["a", "b"], "the only column there is");
}

#[test]
fn a_headerless_table_has_numbers() {
    let columns = Columns { text: Some("1".into()), label: Some("2".into()), ..Columns::default() };
    let headless = RowOptions { columns, no_header: true, ..options(Some(Format::Tsv)) };
    let (rows, error, notes) = read(b"fine\t3\tx\nbad\t1,2\ty\n", headless);
    assert_eq!((error, notes), (None, Vec::new()));
    let labels: Vec<_> = rows.iter().map(|row| row.content.as_ref().unwrap().label.clone().unwrap()).collect();
    assert_eq!(labels, [json!(3), json!("1,2")]);
    assert_eq!(rows[0].place.number, 1);
}

#[test]
fn columns_that_are_not_there_are_named() {
    let error = |bytes: &[u8], format, text: Option<&str>| {
        let columns = Columns { text: text.map(String::from), ..Columns::default() };
        read(bytes, RowOptions { columns, ..options(Some(format)) }).1.expect("it has no such column")
    };
    assert!(error(b"a,b\n1,2\n", Format::Csv, Some("c")).contains("no column \"c\"; the columns are a, b"));
    assert!(error(b"a,b\n1,2\n", Format::Csv, None).contains("the columns are a, b"));
    assert!(error(b"body\ttitle\n1\t2\n", Format::Tsv, None).contains("several columns"));
    let wrong = texts(b"text,n\na,1\nb\nc,1,2\nd,4\n", options(Some(Format::Csv)));
    assert_eq!(wrong[1].2, Err("the row has 1 columns where the first row has 2".into()));
    assert_eq!([&wrong[0].2, &wrong[3].2], [&Ok("a".into()), &Ok("d".into())]);
    assert!(wrong[2].2.is_err());
    let missing = object(r#"{"words": "a", "n": 1}"#).unwrap_err();
    assert!(missing.contains("the columns are n, words") || missing.contains("the columns are words, n"), "{missing}");
}

#[test]
fn a_null_is_what_was_asked_for() {
    let jsonl = b"{\"text\": \"a\"}\n{\"text\": null}\n{\"text\": \"b\"}\n";
    let read = |null| texts(jsonl, RowOptions { null, ..options(None) });
    assert_eq!(read(Null::Error)[1].2, Err("its text is null".into()));
    assert_eq!(read(Null::Empty)[1].2, Ok(String::new()));
    assert_eq!(read(Null::Skip).iter().map(|(index, ..)| *index).collect::<Vec<_>>(), [0, 2]);
}

#[test]
fn json_that_breaks_keeps_what_was_before() {
    for (bytes, word) in [
        (&br#"["a", "b""#[..], "ends within"),
        (br#"["a", "b" "c"]"#, "no comma"),
        (br#"["a", "b"] more"#, "goes on"),
        (br#"["a", "b", {"text": x}]"#, "no JSON"),
        (br#"["a", "b",]"#, "no JSON"),
        (br#"["a", "b", {"text": "c]"#, "ends within"),
    ] {
        let (rows, error, _) = read(bytes, options(Some(Format::Json)));
        assert_eq!(rows.len() / 2 * 2, 2, "{}", String::from_utf8_lossy(bytes));
        assert!(error.as_ref().is_some_and(|error| error.contains(word)), "{word}: {error:?}");
    }
    let (rows, error, _) = read(br#"["a", 7, [], null, {"text": "b"}]"#, options(None));
    assert_eq!((rows.len(), error), (5, None));
    assert_eq!(rows.iter().filter(|row| row.content.is_ok()).count(), 2);
}

/// A file that ends within a quote was one row, and an input that failed was asked again.
#[test]
fn an_error_comes_behind_the_rows_before_it_and_once() {
    let csv = &b"text,n\na,1\nb,2\n\"c,3\nd,4\n"[..];
    let mut rows = Rows::of_stream("test", csv, options(Some(Format::Csv)));
    assert_eq!(rows.chunk(10).unwrap().len(), 2);
    assert_eq!(rows.next_place().number, 4);
    let error = rows.chunk(10).unwrap_err().to_string();
    assert!(error.contains("line 4 has a quote that is never closed"), "{error}");
    assert!(rows.chunk(10).unwrap().is_empty());
    assert_eq!(only(b"text,n\na,1\n\"b\",2", Some(Format::Csv)), ["a", "b"]);
    assert_eq!(only(b"text,n\na,1\n\"b\n\",2\n\n\n", Some(Format::Csv)), ["a", "b\n"]);
    let mut broken = Rows::of_stream("test", &b"PAR1"[..], options(None));
    assert!(broken.chunk(1).is_err() && broken.chunk(1).unwrap().is_empty());
}

#[test]
fn semicolons_are_those_between_names() {
    for csv in ["id;text;a, b\n1;good;2\n", "\"a,b,c\";text\n1;good\n", "x;text\r\n1;good\r\n"] {
        assert_eq!(only(csv.as_bytes(), Some(Format::Csv)), ["good"], "{csv}");
    }
    assert_eq!(only(b"text,a;b;c\ngood,1\n", Some(Format::Csv)), ["good"]);
}

/// Which of two columns is meant, nobody knows; one was read for both.
#[test]
fn columns_of_one_name_are_told_apart() {
    let by = |text: Option<&str>, bytes: &[u8], format| {
        let columns = Columns { text: text.map(String::from), ..Columns::default() };
        read(bytes, RowOptions { columns, ..options(Some(format)) })
    };
    let csv = b"text,n,text,n,n.1\na,1,b,2,3\n";
    assert!(by(None, csv, Format::Csv).1.unwrap().contains("several columns are called \"text\""));
    assert!(by(Some("text"), csv, Format::Csv).1.unwrap().contains("they are 1, 3"));
    let (rows, error, notes) = by(Some("3"), csv, Format::Csv);
    assert_eq!((error, rows[0].content.as_ref().unwrap().text.as_str()), (None, "b"));
    assert_eq!(rows[0].fields.names(), ["text", "n", "text.1", "n.2", "n.1"]);
    assert!(notes[0].contains("text.1, n.2"), "{notes:?}");
    // Written exactly so comes before written otherwise.
    assert_eq!(only(b"TEXT,text\na,b\n", Some(Format::Csv)), ["b"]);
    #[cfg(feature = "parquet")]
    {
        use arrow_array::{ArrayRef, RecordBatch, StringArray};
        use arrow_schema::{DataType, Field, Schema};
        use std::sync::Arc;
        let field = || Field::new("text", DataType::Utf8, true);
        let column = |text: &str| Arc::new(StringArray::from_iter_values(vec![text; 3000])) as ArrayRef;
        let schema = Arc::new(Schema::new(vec![field(), field()]));
        let batch = RecordBatch::try_new(schema.clone(), vec![column("a"), column("b")]).unwrap();
        let mut stream = arrow_ipc::writer::StreamWriter::try_new(Vec::new(), &schema).unwrap();
        stream.write(&batch).unwrap();
        let mut file = parquet::arrow::ArrowWriter::try_new(Vec::new(), schema, None).unwrap();
        file.write(&batch).unwrap();
        for (bytes, format) in
            [(stream.into_inner().unwrap(), Format::Arrow), (file.into_inner().unwrap(), Format::Parquet)]
        {
            assert!(by(None, &bytes, format).1.unwrap().contains("several columns"), "{format:?}");
            let (rows, error, _) = by(Some("2"), &bytes, format);
            assert_eq!((rows.len(), error), (3000, None), "{format:?}");
            assert!(rows.iter().all(|row| row.content.as_ref().is_ok_and(|content| content.text == "b")), "{format:?}");
            assert_eq!(rows[2999].fields.names(), ["text", "text.1"], "{format:?}");
        }
    }
}

/// Escapes of emoji are pairs, and cost numbers their digits and columns their order.
#[test]
fn escapes_change_no_other_column() {
    let json = |line: &str| match &object_row(line).fields.0 {
        fields::Kept::Json(fields) => fields.iter().map(|(name, raw)| format!("{name}={raw}")).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let pair = r#"{"text":"\ud83d\ude00","b":12345678901234567890123,"a":1.10}"#;
    assert_eq!(json(pair), [r#"text="\ud83d\ude00""#, "b=12345678901234567890123", "a=1.10"]);
    let half = r#"{"text":"x","b":12345678901234567890123,"a":"\ud83d"}"#;
    assert_eq!(json(half), ["text=\"x\"", "b=12345678901234567890123", "a=null"]);
}

/// A long string became shorter, which was no number.
#[test]
fn half_a_pair_may_stand_in_a_long_string() {
    let line = format!(r#"{{"text": "good", "more": "\ud83d{}"}}"#, "x".repeat(1000));
    assert_eq!(object(&line).map(|content| content.text), Ok("good".into()));
    let broken = line.replace('}', ", }");
    assert_eq!(object(&broken), Err(format!("trailing comma at column {}", broken.len())));
}

fn object_row(line: &str) -> Row {
    read(line.as_bytes(), options(Some(Format::Jsonl))).0.remove(0)
}

#[test]
fn several_files_follow_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    write("b.csv", "text\nthird\n");
    write("a.jsonl", "{\"text\": \"first\"}\n{\"text\": \"second\"}\n");
    write("notes.txt", "not a table");
    let all = |paths: &[PathBuf]| {
        let mut rows = Rows::of_files(paths, RowOptions::default())?;
        let (names, length) = (rows.names(), rows.length());
        let mut all = rows.chunk(10)?;
        // What is read ahead ends with a file.
        all.extend(rows.chunk(10)?);
        let rows = all;
        let found = rows.iter().map(|row| (row.index, row.content.clone().unwrap().text)).collect::<Vec<_>>();
        Ok::<_, Error>((found, names.len(), length, rows.last().map(|row| row.place)))
    };
    let expected: Vec<_> = (0..).zip(["first", "second", "third"].map(String::from)).collect();
    let last = Some(Place { input: 1, number: 2, unit: Unit::Line });
    assert_eq!(all(&[folder.path().into()]).unwrap(), (expected, 2, Some(48), last));
    let pattern = folder.path().join("*.csv");
    assert_eq!(all(&[pattern]).unwrap().0, [(0, "third".to_string())]);
    for (path, word) in [("*.tsv", "no file has such a name"), ("absent", "cannot read")] {
        let error = all(&[folder.path().join(path)]).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}

proptest::proptest! {
    /// Whatever bytes come, every reader ends, and none panics.
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(proptest::sample::select(b"{}[]\",\\\n\r\t;a1: \xff".to_vec()), 0..60)) {
        for format in [None, Some(Format::Jsonl), Some(Format::Json), Some(Format::Csv), Some(Format::Tsv)] {
            let mut rows = Rows::of_stream("test", Cursor::new(bytes.clone()), options(format));
            for _ in 0..100 {
                match rows.chunk(3) {
                    Ok(chunk) if !chunk.is_empty() => {}
                    _ => break,
                }
            }
        }
    }
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// PowerShell's redirections, and what a spreadsheet saves as Unicode text.
#[test]
fn utf_16_is_read_as_the_same_rows() {
    for (format, text) in [
        (None, "good 東京\r\nbad 😀\r\n"),
        (None, "{\"text\": \"good 東京\"}\n{\"text\": \"bad 😀\"}\n"),
        (None, "[\"good 東京\", {\"text\": \"bad 😀\"}]"),
        (Some(Format::Csv), "id,text\n1,\"good 東京\"\n2,bad 😀\n"),
        (Some(Format::Tsv), "id\ttext\n1\tgood 東京\n2\t\"bad 😀\"\n"),
    ] {
        let marked = format!("\u{feff}{text}");
        let big: Vec<u8> = marked.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [utf16(&marked), big] {
            assert_eq!(only(&bytes, format), ["good 東京", "bad 😀"], "{text}");
            let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packed.write_all(&bytes).unwrap();
            assert_eq!(only(&packed.finish().unwrap(), format), ["good 東京", "bad 😀"], "{text}");
        }
    }
    let (rows, error, notes) = read(&utf16("text,n\ngood,1\n"), options(Some(Format::Csv)));
    assert_eq!((rows.len(), error), (1, None));
    assert!(notes[0].contains("read as UTF-16, though it has no byte order mark"), "{notes:?}");
    // Half of a surrogate pair is no text, and its row fails alone.
    let mut bytes = utf16("\u{feff}a\nb");
    bytes.extend([0x3d, 0xd8]);
    bytes.extend(utf16("\nc\n"));
    assert_eq!(only(&bytes, None), ["a", "byte 2 of the line is not UTF-8", "c"]);
}

#[test]
fn a_quote_is_what_is_asked_for() {
    let tsv = b"text\tn\n\"a \"\"b\"\"\"\t1\n\"c\t2\nd\"\t3\n";
    let rows = |quoting| {
        let (rows, error, _) = read(tsv, options(Some(Format::Tsv)).quoting(quoting));
        assert_eq!(error, None);
        rows.into_iter().map(|row| row.content.map_or_else(|error| error, |content| content.text)).collect::<Vec<_>>()
    };
    assert_eq!(rows(Quoting::Auto), ["a \"b\"", "\"c", "d\""]);
    assert_eq!(rows(Quoting::Csv), ["a \"b\"", "c\t2\nd"]);
    assert_eq!(rows(Quoting::None), ["\"a \"\"b\"\"\"", "\"c", "d\""]);
    let (rows, ..) = read(b"text,n\n\"a,1\n", options(Some(Format::Csv)).quoting(Quoting::None));
    assert_eq!(rows[0].content.as_ref().unwrap().text, "\"a");
}

#[test]
fn columns_have_the_names_that_they_are_given() {
    let named =
        |names: &[&str]| options(Some(Format::Tsv)).column_names(names.iter().map(|name| (*name).into()).collect());
    let (rows, error, _) = read(b"1\ta\n2\tb\n", named(&["n", "text"]));
    assert_eq!((rows.len(), error), (2, None));
    assert_eq!(
        (rows[0].content.as_ref().unwrap().text.as_str(), rows[0].fields.names()),
        ("a", vec!["n".into(), "text".into()])
    );
    let (rows, error, _) = read(b"1\ta\n", named(&["text"]));
    assert!(rows.is_empty() && error.is_some_and(|error| error.contains("2 columns, and there are 1 names")));
}

#[test]
fn a_table_without_rows_has_columns() {
    for (bytes, format) in [(&b"id,text\n"[..], Format::Csv), (b"id\ttext\n", Format::Tsv)] {
        let mut rows = Rows::of_stream("test", Cursor::new(bytes.to_vec()), options(Some(format)));
        assert!(rows.chunk(1).unwrap().is_empty());
        assert_eq!(rows.columns().names(), ["id", "text"]);
    }
    let mut rows = Rows::of_stream("test", Cursor::new(Vec::new()), options(None));
    assert!(rows.chunk(1).unwrap().is_empty() && rows.columns().is_alone());
}

/// A run could not go on behind a blank line: rows were counted that have no index of their own.
#[test]
fn rows_are_read_up_to_an_index() {
    let table = b"{\"text\": \"a\"}\n\n\n{\"text\": \"b\"}\n{\"text\": \"c\"}\n";
    for (end, rows, next) in [(0, 0, 0), (1, 1, 1), (2, 1, 2), (3, 1, 3), (4, 2, 4), (9, 3, 5)] {
        let mut input = Rows::of_stream("test", Cursor::new(table.to_vec()), options(None));
        assert_eq!(input.chunk_before(end, 9).unwrap().len(), rows, "before {end}");
        assert_eq!(input.next_index(), next, "before {end}");
    }
}

#[test]
fn what_explodes_is_a_row_that_fails() {
    let bomb = [&b"short\n"[..], &vec![b'x'; 100 << 20], b"\nlast"].concat();
    let packed = zstd::encode_all(bomb.as_slice(), 1).unwrap();
    assert!(packed.len() < 100_000);
    let rows = only(&packed, None);
    assert_eq!([&rows[0], &rows[2]], ["short", "last"]);
    assert!(rows[1].contains("longer than 16 MiB, the longest row that is read (max_row_size)"), "{}", rows[1]);
    // A frame that wants 256 MiB before its first byte.
    let (_, error, _) = read(&[0x28, 0xb5, 0x2f, 0xfd, 0, 18 << 3, 1, 0, 0], options(None));
    assert!(
        error.as_ref().is_some_and(|error| error.contains("test") && error.contains("by zstd with its option long=31")),
        "{error:?}"
    );
}

#[test]
#[cfg(feature = "parquet")]
fn what_is_copied_must_not_explode() {
    let endless = || std::io::BufReader::new(std::io::repeat(0));
    let Err(Fault::Malformed(message)) = columnar::spool(endless(), Some(&7.into()), 1 << 16) else { panic!("copied") };
    assert!(message.contains("decompress it first"), "{message}");
    let some = columnar::spool(endless().take(1 << 17), None, 1 << 16);
    assert_eq!(some.map(|file| file.metadata().unwrap().len()).ok(), Some(1 << 17));
}
