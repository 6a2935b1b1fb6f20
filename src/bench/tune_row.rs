//! What is known of one choice.

use super::{
    Environment, Summary, precision_name,
    results::{Cell, Row},
    statistics::significant,
};
use crate::ir::MatmulShape;
use crate::options::Precision;
use serde_json::{Value, json};

/// What a choice is made for.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// The tile of a matrix product.
    Product(MatmulShape),
    /// Whether a model runs on tensor cores.
    Model {
        /// Of the size, or the folder.
        name: String,
        workload: String,
        /// Largest difference of the logits with tensor cores from those without, by their size where that is above 1.
        difference: f64,
    },
}

/// One choice, and what it was made of.
#[derive(Clone, Debug)]
pub struct TuneRow {
    pub environment: Environment,
    pub precision: Precision,
    pub subject: Subject,
    /// What runs where nothing was tuned.
    pub standard: &'static str,
    /// What runs from now on.
    pub choice: &'static str,
    /// All that there was to choose from.
    pub times: Vec<(&'static str, Summary)>,
    pub warmup: usize,
}

impl TuneRow {
    /// What a model runs on.
    pub const PLAIN: &str = "no tensor cores";
    pub const UNITS: &str = "tensor cores";

    fn of(&self, name: &str) -> &Summary {
        let (_, summary) = self.times.iter().find(|(known, _)| *known == name).expect("one of those that were timed");
        summary
    }

    /// Speed of the choice by that of the built-in one.
    pub fn gain(&self) -> f64 {
        self.of(self.standard).median() / self.of(self.choice).median()
    }

    /// Of a product in the tile that was chosen; multiplications and additions.
    pub fn gflops(&self) -> Option<f64> {
        let Subject::Product(MatmulShape { rows, inner, columns, .. }) = self.subject else { return None };
        let operations = 2.0 * f64::from(rows) * f64::from(inner) * f64::from(columns);
        Some(operations / self.of(self.choice).median() / 1e9)
    }
}

impl Row for TuneRow {
    fn environment(&self) -> &Environment {
        &self.environment
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        let number = |value: Option<f64>| value.map_or(Value::Null, |value| json!(significant(value)));
        // A list, and so one column of csv: what there is to choose from differs by row.
        let candidates = self.times.iter().map(|(name, times)| json!({"name": name, "time_ms": times.json()}));
        let (product, model) = match &self.subject {
            Subject::Product(product) => (Some(product), None),
            Subject::Model { name, workload, difference } => (None, Some((name, workload, *difference))),
        };
        vec![
            ("bench", json!("tune")),
            ("precision", json!(precision_name(self.precision))),
            ("rows", json!(product.map(|product| product.rows))),
            ("inner", json!(product.map(|product| product.inner))),
            ("columns", json!(product.map(|product| product.columns))),
            ("tensor_cores", json!(product.map(|product| product.tensor_cores))),
            ("model", json!(model.map(|(name, ..)| name))),
            ("workload", json!(model.map(|(_, workload, _)| workload))),
            ("difference", number(model.map(|(.., difference)| difference))),
            ("standard", json!(self.standard)),
            ("choice", json!(self.choice)),
            ("gain", json!(significant(self.gain()))),
            ("gflops", number(self.gflops())),
            ("repetitions", json!(self.times[0].1.count())),
            ("warmup", json!(self.warmup)),
            ("candidates", candidates.collect()),
        ]
    }

    fn cells(&self) -> Vec<Cell> {
        let milliseconds = |name| format!("{:.3}", self.of(name).median() * 1e3);
        let (subject, difference) = match &self.subject {
            Subject::Product(MatmulShape { rows, inner, columns, .. }) => {
                (format!("{rows} x {inner} x {columns}"), None)
            }
            Subject::Model { name, workload, difference } => (format!("{name}, {workload}"), Some(difference)),
        };
        vec![
            Cell::text("stored", 6, precision_name(self.precision)),
            Cell::text("product, or model", 20, subject),
            Cell::text("built-in choice", 19, self.standard),
            Cell::number("ms", 9, milliseconds(self.standard)),
            Cell::text("fastest", 19, self.choice),
            Cell::number("ms", 9, milliseconds(self.choice)),
            Cell::number("gain", 6, format!("{:.2}", self.gain())),
            Cell::option("GFLOP/s", 8, self.gflops().map(|gflops| format!("{gflops:.1}"))),
            Cell::option("difference", 7, difference.map(|difference| format!("{difference:.1e}"))),
        ]
    }
}
