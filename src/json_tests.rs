use super::*;
use serde::Deserialize;
use serde_json::json;

#[derive(Debug, Deserialize, PartialEq)]
struct Row {
    text: String,
    size: Option<f32>,
    #[serde(default)]
    inner: Vec<Inner>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Inner {
    name: Option<String>,
}

fn row(text: &str) -> Result<Row, String> {
    from_slice(text.as_bytes()).map_err(|error| error.to_string())
}

fn a() -> Row {
    Row { text: "a".into(), size: None, inner: Vec::new() }
}

#[test]
fn what_python_writes_does_not_matter_where_it_is_ignored() {
    for ignored in [
        "NaN",
        "Infinity",
        "-Infinity",
        "1e400",
        "-1e400",
        r#""\ud83d""#,
        r#""x\ude00\ud83d\\""#,
        r#"[[NaN, {"\ud83d": -Infinity}]]"#,
        r#"{"NaN": "NaN", "\ud83d\ude00\"": NaN}"#,
    ] {
        assert_eq!(row(&format!(r#"{{"text": "a", "more": {ignored}, "size": null}}"#)), Ok(a()), "{ignored}");
    }
    assert_eq!(row("\u{feff}{\"text\": \"a\"}"), Ok(a()));
    assert_eq!(row("\u{feff}{\"text\": \"a\", \"more\": NaN}"), Ok(a()));
    // The same words inside strings are theirs.
    let kept = row(r#"{"text": "NaN \\ud83d \ud83d\ude00 \"-Infinity", "more": NaN}"#).expect("it is valid");
    assert_eq!(kept.text, "NaN \\ud83d \u{1f600} \"-Infinity");
}

#[test]
fn what_python_writes_is_named_where_it_is_read() {
    for (text, expected) in [
        (r#"{"text": NaN}"#, "text: invalid type: NaN, expected a string"),
        (r#"{"text": "a", "size": -Infinity}"#, "size: invalid type: -Infinity, expected f32"),
        (r#"{"text": "a", "size": 1e400}"#, "size: invalid type: Infinity, expected f32"),
        (r#"{"text": "a", "inner": [{"name": NaN}]}"#, "inner: name: invalid type: NaN, expected a string"),
        (r#"{"text": "a", "inner": NaN}"#, "inner: invalid type: NaN, expected a sequence"),
        (r#"{"text": "a", "inner": [NaN]}"#, "inner: invalid type: NaN, expected struct Inner"),
        (r#"{"text": "x\ud83d"}"#, r"text: invalid value: half a surrogate pair (\ud83d), expected a string"),
        (r#"{"text": "\uDE00\ud83d"}"#, r"text: invalid value: half a surrogate pair (\uDE00), expected a string"),
        // Another fault beside it is still the one that is told.
        (r#"{"more": NaN, "text": 1}"#, "text: invalid type: integer `1`, expected a string"),
        (r#"{"more": NaN}"#, "missing field `text`"),
    ] {
        assert_eq!(row(text).expect_err(text), expected);
    }
}

#[test]
fn other_faults_keep_their_place() {
    for (text, expected) in [
        ("{\"more\": nan}", "expected ident at line 1 column 11"),
        ("{\n \"a\": NaN, \"b\": Infinity x}", "expected `,` or `}` at line 2 column 26"),
        ("{\"a\": NaN} x", "trailing characters at line 1 column 12"),
        ("{\"a\": NaN, \"b", "EOF while parsing a string at line 1 column 13"),
        ("{\"a\": -NaN}", "invalid number at line 1 column 8"),
        ("{\"a\": NaNs}", "expected value at line 1 column 7"),
    ] {
        assert_eq!(row(text).expect_err(text), expected);
    }
}

#[test]
fn values_keep_what_stands_there() {
    let value: Value = from_slice(br#"{"a": NaN, "b": [1, -Infinity], "c": "\ud83d", "d": 2, "\ud83d": Infinity}"#)
        .expect("Python writes it");
    assert_eq!(unreadable(&value["a"]), Some("NaN"));
    assert_eq!(unreadable(&value["c"]), Some(r"half a surrogate pair (\ud83d)"));
    assert_eq!(unreadable(&value["b"]), None);
    assert_eq!(unreadable_within(&value["b"]), Some("-Infinity"));
    assert_eq!(as_f64(&value[r"\ud83d"]), Some(f64::INFINITY));
    assert!(as_f64(&value["a"]).is_some_and(f64::is_nan));
    assert_eq!((as_f64(&value["c"]), as_f64(&value["d"])), (None, Some(2.0)));
    for name in ["a", "c"] {
        let value = &value[name];
        assert!(!value.is_null() && value.as_f64().is_none() && value.as_str().is_none() && !value.is_array());
    }
    assert_eq!(unreadable(&json!({"a": 1})), None);
    assert_eq!([show(&value["a"]), show(&value["d"])], ["NaN", "2"]);
}

#[test]
fn fields_are_named() {
    let fields: Map<String, Value> = from_slice(br#"{"text": "a", "size": NaN, "zzz": NaN}"#).expect("an object");
    let error = from_fields::<Row>(&fields).expect_err("size is read");
    assert_eq!(error.to_string(), "size: invalid type: NaN, expected f32");
}
