//! What is known of one kernel at one size.

use super::results::{Cell, Row};
use super::roof::Roof;
use super::statistics::significant;
use super::{Environment, Summary, Variant, precision_name};
use crate::options::Precision;
use serde_json::{Value, json};
use std::time::Duration;

/// One kernel at one size.
#[derive(Clone, Debug)]
pub struct KernelRow {
    pub environment: Environment,
    pub roof: Roof,
    pub kernel: &'static str,
    pub variant: Variant,
    /// What the shader was linked from, where there was a choice.
    pub parts: String,
    pub precision: Precision,
    pub rows: u32,
    pub inner: Option<u32>,
    pub columns: u32,
    pub length: Option<u32>,
    pub times: Summary,
    pub warmup: usize,
    /// To allocate, upload, compile and run once.
    pub prepare: Duration,
    /// Largest difference from the CPU twin, of a sample of the rows, by the size of what is right.
    pub error: f64,
    /// Multiplications and additions.
    pub operations: u64,
    /// Of the tensors that it reads and writes, each once.
    pub bytes: u64,
}

impl KernelRow {
    pub fn gflops(&self) -> f64 {
        self.operations as f64 / self.times.median() / 1e9
    }

    pub fn gbytes(&self) -> f64 {
        self.bytes as f64 / self.times.median() / 1e9
    }

    /// Operations a byte.
    pub fn intensity(&self) -> f64 {
        self.operations as f64 / self.bytes as f64
    }

    /// Of what the roof allows at this intensity.
    pub fn share(&self) -> f64 {
        match self.bound() {
            "memory" => self.gbytes() / self.roof.gbytes,
            _ => self.gflops() / self.roof.gflops,
        }
    }

    /// What the roof at this intensity is made of.
    pub fn bound(&self) -> &'static str {
        if self.intensity() * self.roof.gbytes < self.roof.gflops { "memory" } else { "arithmetic" }
    }

    /// `1024 x 384 x 1152`, or with the length of the texts.
    pub fn shape(&self) -> String {
        let KernelRow { rows, columns, .. } = self;
        match (self.inner, self.length) {
            (Some(inner), _) => format!("{rows} x {inner} x {columns}"),
            (None, Some(length)) => format!("{rows} x {columns}, texts of {length}"),
            (None, None) => format!("{rows} x {columns}"),
        }
    }
}

impl Row for KernelRow {
    fn environment(&self) -> &Environment {
        &self.environment
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![
            ("bench", json!("kernels")),
            ("kernel", json!(self.kernel)),
            ("variant", json!(self.variant.name())),
            ("parts", json!(self.parts)),
            ("precision", json!(precision_name(self.precision))),
            ("rows", json!(self.rows)),
            ("inner", json!(self.inner)),
            ("columns", json!(self.columns)),
            ("length", json!(self.length)),
            ("repetitions", json!(self.times.count())),
            ("warmup", json!(self.warmup)),
            ("time_ms", self.times.json()),
            ("prepare_ms", json!(significant(self.prepare.as_secs_f64() * 1e3))),
            ("operations", json!(self.operations)),
            ("bytes", json!(self.bytes)),
            ("gflops", json!(significant(self.gflops()))),
            ("gbytes_per_second", json!(significant(self.gbytes()))),
            ("intensity", json!(significant(self.intensity()))),
            ("bound", json!(self.bound())),
            ("share_of_roof", json!(significant(self.share()))),
            ("roof_gflops", json!(significant(self.roof.gflops))),
            ("roof_gbytes_per_second", json!(significant(self.roof.gbytes))),
            ("max_error", json!(significant(self.error))),
        ]
    }

    fn cells(&self) -> Vec<Cell> {
        let milliseconds = |seconds: f64| format!("{:.3}", seconds * 1e3);
        let spread = format!("{} ± {}", milliseconds(self.times.median()), milliseconds(self.times.deviation()));
        vec![
            Cell::text("kernel", 17, self.kernel),
            Cell::text("variant", 7, self.variant.name()),
            Cell::text("stored", 6, precision_name(self.precision)),
            Cell::text("shape", 24, self.shape()),
            Cell::number("ms", 17, spread),
            Cell::number("GFLOP/s", 8, format!("{:.1}", self.gflops())),
            Cell::number("GB/s", 7, format!("{:.1}", self.gbytes())),
            Cell::number("of roof", 7, format!("{:.0}%", self.share() * 100.0)),
            Cell::text("bound by", 10, self.bound()),
            Cell::number("error", 7, format!("{:.0e}", self.error)),
        ]
    }
}
