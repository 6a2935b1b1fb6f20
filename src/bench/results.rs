//! Rows of measurements as Markdown, CSV, JSON, or lines of JSON; each row is written as soon as it is measured.

use super::Environment;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use std::io::{self, Write};

/// How rows are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// A table for people, under a line that says what was measured on.
    #[default]
    Markdown,
    Csv,
    /// One list of objects.
    Json,
    /// One object a line.
    JsonLines,
}

/// One measurement.
pub trait Row {
    fn environment(&self) -> &Environment;

    /// Everything that is known, for programs; the environment comes before it.
    fn fields(&self) -> Vec<(&'static str, Value)>;

    /// What people read of it.
    fn cells(&self) -> Vec<Cell>;
}

/// A field of a table for people.
#[derive(Clone, Debug)]
pub struct Cell {
    pub title: &'static str,
    pub text: String,
    /// Characters to keep free: rows are written before the widest is known.
    pub width: usize,
    /// Numbers stand to the right.
    pub number: bool,
}

impl Cell {
    pub fn text(title: &'static str, width: usize, text: impl ToString) -> Cell {
        Cell { title, text: text.to_string(), width, number: false }
    }

    pub fn number(title: &'static str, width: usize, text: impl ToString) -> Cell {
        Cell { title, text: text.to_string(), width, number: true }
    }

    /// Where there is nothing to say it is a dash.
    pub fn option(title: &'static str, width: usize, text: Option<String>) -> Cell {
        Cell::number(title, width, text.unwrap_or_else(|| "-".into()))
    }

    fn pad(&self, text: &str) -> String {
        let width = self.width.max(self.title.chars().count());
        if self.number { format!("{text:>width$}") } else { format!("{text:<width$}") }
    }
}

/// Writes rows.
#[derive(Debug)]
pub struct ResultWriter<W> {
    format: Format,
    out: W,
    rows: usize,
    /// Under whose heading the table stands.
    environment: Option<Environment>,
}

impl<W: Write> ResultWriter<W> {
    pub fn new(format: Format, out: W) -> ResultWriter<W> {
        ResultWriter { format, out, rows: 0, environment: None }
    }

    /// # Errors
    /// Those of writing.
    pub fn row(&mut self, row: &dyn Row) -> io::Result<()> {
        match self.format {
            Format::Markdown => self.markdown(row)?,
            Format::Csv => self.csv(row)?,
            Format::Json => {
                let before = if self.rows == 0 { "[\n" } else { ",\n" };
                write!(self.out, "{before}  {}", serde_json::to_string(&Object(row))?)?;
            }
            Format::JsonLines => writeln!(self.out, "{}", serde_json::to_string(&Object(row))?)?,
        }
        self.rows += 1;
        self.out.flush()
    }

    /// Closes what is open, after the last row.
    ///
    /// # Errors
    /// Those of writing.
    pub fn finish(&mut self) -> io::Result<()> {
        match (self.format, self.rows) {
            (Format::Json, 0) => writeln!(self.out, "[]")?,
            (Format::Json, _) => writeln!(self.out, "\n]")?,
            _ => {}
        }
        self.out.flush()
    }

    fn markdown(&mut self, row: &dyn Row) -> io::Result<()> {
        let cells = row.cells();
        let line = |texts: Vec<String>| format!("| {} |", texts.join(" | "));
        if self.environment.as_ref() != Some(row.environment()) {
            let between = if self.environment.is_some() { "\n" } else { "" };
            writeln!(self.out, "{between}{}\n", row.environment())?;
            writeln!(self.out, "{}", line(cells.iter().map(|cell| cell.pad(cell.title)).collect()))?;
            let rule = |cell: &Cell| {
                let dashes = "-".repeat(cell.pad("").chars().count() - 1);
                if cell.number { format!("{dashes}:") } else { format!("{dashes}-") }
            };
            writeln!(self.out, "{}", line(cells.iter().map(rule).collect()))?;
            self.environment = Some(row.environment().clone());
        }
        writeln!(self.out, "{}", line(cells.iter().map(|cell| cell.pad(&cell.text)).collect()))
    }

    fn csv(&mut self, row: &dyn Row) -> io::Result<()> {
        let fields = flat(all(row));
        let line = |texts: Vec<String>| texts.iter().map(|text| quoted(text)).collect::<Vec<_>>().join(",");
        if self.rows == 0 {
            writeln!(self.out, "{}", line(fields.iter().map(|(name, _)| name.clone()).collect()))?;
        }
        writeln!(self.out, "{}", line(fields.into_iter().map(|(_, text)| text).collect()))
    }
}

fn all(row: &dyn Row) -> Vec<(&'static str, Value)> {
    row.environment().fields().into_iter().chain(row.fields()).collect()
}

/// A row with its fields in their order, which `serde_json`'s own objects do not keep.
struct Object<'a>(&'a dyn Row);

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = all(self.0);
        let mut map = serializer.serialize_map(Some(fields.len()))?;
        fields.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
        map.end()
    }
}

/// Numbers of one kind, as those of a time, get a column each; shares by kernel, whose kernels differ by row, share one.
fn flat(fields: Vec<(&'static str, Value)>) -> Vec<(String, String)> {
    let text = |value: &Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut columns = Vec::new();
    for (name, value) in fields {
        match value {
            Value::Object(parts) if name != "kernels" => {
                columns.extend(parts.iter().map(|(part, value)| (format!("{name}_{part}"), text(value))));
            }
            Value::Object(parts) => {
                let parts: Vec<String> = parts.iter().map(|(part, value)| format!("{part}={}", text(value))).collect();
                columns.push((name.into(), parts.join(";")));
            }
            value => columns.push((name.into(), text(&value))),
        }
    }
    columns
}

/// RFC 4180.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    struct Two(Environment, f64);

    impl Row for Two {
        fn environment(&self) -> &Environment {
            &self.0
        }

        fn fields(&self) -> Vec<(&'static str, Value)> {
            vec![("zeta", json!("a, \"b\"")), ("alpha", json!({"median": self.1, "p99": null}))]
        }

        fn cells(&self) -> Vec<Cell> {
            vec![Cell::text("name", 6, "x"), Cell::number("value", 3, self.1), Cell::option("share", 5, None)]
        }
    }

    fn written(format: Format) -> String {
        let mut report = ResultWriter::new(format, Vec::new());
        let mut row = Two(Environment::new(None), 1.5);
        report.row(&row).unwrap();
        row.1 = 12.0;
        report.row(&row).unwrap();
        row.0.adapter = "another".into();
        report.row(&row).unwrap();
        report.finish().unwrap();
        String::from_utf8(report.out).unwrap()
    }

    #[test]
    fn markdown_has_a_heading_for_each_adapter() {
        let text = written(Format::Markdown);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains("wgbert") && lines[0].contains("reference"), "{text}");
        assert_eq!(
            &lines[2..6],
            [
                "| name   | value | share |",
                "| ------ | ----: | ----: |",
                "| x      |   1.5 |     - |",
                "| x      |    12 |     - |",
            ]
        );
        assert!(lines[7].contains("another") && lines.len() == 12, "{text}");
    }

    #[test]
    fn json_keeps_the_order_of_the_fields() {
        let text = written(Format::Json);
        let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
        assert_eq!((rows.len(), &rows[1]["alpha"]["median"]), (3, &json!(12.0)));
        assert!(text.find("zeta").unwrap() < text.find("alpha").unwrap() && text.find("version") < text.find("zeta"));
        let lines: Vec<Value> =
            written(Format::JsonLines).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 3);
        let mut empty = ResultWriter::new(Format::Json, Vec::new());
        empty.finish().unwrap();
        assert_eq!(empty.out, b"[]\n");
    }

    #[test]
    fn csv_quotes_what_has_commas() {
        let text = written(Format::Csv);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[0].ends_with("zeta,alpha_median,alpha_p99"), "{text}");
        assert!(lines[2].ends_with("\"a, \"\"b\"\"\",12.0,"), "{text}");
    }
}
