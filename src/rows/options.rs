//! How rows are to be read.

use super::{Columns, Format};

/// How rows are to be read.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RowOptions {
    /// What every input is; by default each is what its name or its first bytes say.
    pub format: Option<Format>,
    /// The columns that count.
    pub columns: Columns,
    /// Whether the first row of CSV and TSV has no names: columns are then called 1, 2, 3...
    pub no_header: bool,
    /// What the columns of CSV and TSV are called whose first row has no names.
    pub column_names: Vec<String>,
    /// What a quote is in CSV and TSV.
    pub quoting: Quoting,
    /// What a row becomes whose text is null.
    pub null: Null,
    /// Bytes of a line, a record, an element or a text; a longer one is a row with an error, which is not held in memory. 16 MiB:
    /// its tokens take many times as much.
    pub max_row_size: usize,
}

impl Default for RowOptions {
    fn default() -> RowOptions {
        RowOptions {
            format: None,
            columns: Columns::default(),
            no_header: false,
            column_names: Vec::new(),
            quoting: Quoting::default(),
            null: Null::default(),
            max_row_size: 16 << 20,
        }
    }
}

/// Each gives a field another value.
impl RowOptions {
    /// What every input is.
    pub fn format(self, format: impl Into<Option<Format>>) -> RowOptions {
        RowOptions { format: format.into(), ..self }
    }

    /// The columns that count.
    pub fn columns(self, columns: Columns) -> RowOptions {
        RowOptions { columns, ..self }
    }

    /// Whether the first row of CSV and TSV has no names.
    pub fn no_header(self, no_header: bool) -> RowOptions {
        RowOptions { no_header, ..self }
    }

    /// What the columns of CSV and TSV are called whose first row has no names.
    pub fn column_names(self, column_names: Vec<String>) -> RowOptions {
        RowOptions { column_names, ..self }
    }

    /// What a quote is in CSV and TSV.
    pub fn quoting(self, quoting: Quoting) -> RowOptions {
        RowOptions { quoting, ..self }
    }

    /// What a row becomes whose text is null.
    pub fn null(self, null: Null) -> RowOptions {
        RowOptions { null, ..self }
    }

    /// Bytes of a line, a record, an element or a text.
    pub fn max_row_size(self, max_row_size: usize) -> RowOptions {
        RowOptions { max_row_size, ..self }
    }
}

/// What a quote is in CSV and TSV.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quoting {
    /// In CSV as in RFC 4180; in TSV a letter, but where it begins and ends a column.
    #[default]
    Auto,
    /// As in RFC 4180 in either: what begins with a quote goes on to the next single one.
    Csv,
    /// A letter.
    None,
}

/// What a row becomes whose text is null.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Null {
    /// A row with an error.
    #[default]
    Error,
    /// No row.
    Skip,
    /// A row with an empty text.
    Empty,
}
