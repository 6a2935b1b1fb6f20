//! The fastest tile of each matrix product that models need, measured on an adapter.

use super::cases::{Case, Shape};
use super::report::{Cell, Row};
use super::statistics::significant;
use super::time::Prepared;
use super::{Environment, ModelChoice, Repeats, Summary, precision_name};
use crate::error::{Error, Result};
use crate::gpu::{AdapterDescription, Capabilities, Gpu, Problem, Recording, Rows, Tuning, block_on};
use crate::kernels::matmul::{self, MatMul};
use crate::models::encoder;
use crate::options::{Adapter, Options, Precision};
use serde_json::{Map, Value, json};
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A tile that is faster by less than this is not worth leaving the built-in choice for: chance is of that size.
const WORTH: f64 = 1.03;

/// What to tune an adapter for.
#[derive(Clone, Debug)]
pub struct Tuner {
    pub models: Vec<ModelChoice>,
    pub precisions: Vec<Precision>,
    /// Numbers of rows, rounded up to powers of two; none: all powers of two that batches can have.
    pub rows: Vec<u32>,
    pub repeats: Repeats,
}

/// One product, and what it takes on each tile.
#[derive(Clone, Debug)]
pub struct TuneRow {
    pub environment: Environment,
    pub problem: Problem,
    pub precision: Precision,
    /// The tile that runs where nothing was tuned.
    pub standard: &'static str,
    /// The tile that runs from now on.
    pub choice: &'static str,
    /// All that can run the product.
    pub tiles: Vec<(&'static str, Summary)>,
    pub warmup: usize,
}

impl Tuner {
    /// Times every tile for every product; `each` gets its row as soon as there is one.
    ///
    /// # Errors
    /// [`Error::Adapter`] for an adapter without timestamps, or with a wrong result; other errors of the models and the
    /// device; and what `each` answers.
    pub fn run<E: From<Error>>(
        &self,
        adapter: &AdapterDescription,
        mut each: impl FnMut(TuneRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let environment = Environment::new(Some(adapter));
        let gpu = block_on(Gpu::open(adapter, None))?;
        for &precision in &self.precisions {
            for (problem, kernel) in self.problems(&gpu.capabilities, precision)? {
                each(self.time(&gpu, &environment, precision, problem, &kernel)?)?;
            }
        }
        Ok(())
    }

    /// Every product of every model, the smallest first, with a kernel that computes it.
    fn problems(&self, device: &Capabilities, precision: Precision) -> Result<BTreeMap<Problem, MatMul>> {
        let mut problems = BTreeMap::new();
        for model in &self.models {
            // Described, not run: no device is needed.
            let options = Options { adapter: Adapter::Reference, ..Options::default() };
            let classifier = model.classifier(options.clone())?;
            let wanted =
                encoder::Wanted { scoring: classifier.scoring(), hidden_states: false, attentions: None, loss: None };
            let storage = precision.storage(device);
            let recording = encoder::record(classifier.model(), wanted, device.max_binding, storage);
            let capacity = options.capacity(device, &recording, classifier.max_length());
            for (kernel, rows) in products(&recording) {
                let most = match rows {
                    Rows::Texts => capacity.texts,
                    _ => capacity.tokens,
                };
                let buckets = (0..).map(|power| 1u32 << power).take_while(|&rows| (rows as usize) < 2 * most);
                let wanted = |rows: &u32| {
                    self.rows.is_empty() || self.rows.iter().any(|wanted| wanted.next_power_of_two() == *rows)
                };
                // Where there is one tile there is nothing to choose.
                if kernel.tiles(device).len() > 1 {
                    problems.extend(buckets.filter(wanted).map(|rows| (kernel.problem(device, rows), kernel.clone())));
                }
            }
        }
        Ok(problems)
    }

    fn time(
        &self,
        gpu: &Gpu,
        environment: &Environment,
        precision: Precision,
        problem: Problem,
        kernel: &MatMul,
    ) -> Result<TuneRow> {
        let Problem { rows, inner, columns, storage, .. } = problem;
        let shape = Shape { kernel: matmul::NAME, rows, inner: Some(inner), columns, length: None, storage };
        let prepare = |tile: &str| {
            let mut forced = Tuning::default();
            forced.set(problem, tile);
            let capabilities = Capabilities { tuning: Arc::new(forced), ..gpu.capabilities.clone() };
            Prepared::new(&Arc::new(gpu.with(capabilities)), &|| Case::new(&shape))
        };
        let standard = kernel.choose(&gpu.capabilities, rows).name;
        let mut names: Vec<_> = kernel.tiles(&gpu.capabilities).into_iter().map(|tile| tile.name).collect();
        names.sort_by_key(|name| *name != standard);
        let prepared = names.iter().map(|name| prepare(name)).collect::<Result<Vec<_>>>()?;

        // The first is the built-in choice. Its twin is slow, so the others are held against itself, which is stricter:
        // a text's bits do not depend on the tile.
        let expected = prepared[0].outputs()?;
        prepared[0].check(gpu, &expected)?;
        for (name, other) in names.iter().zip(&prepared).skip(1) {
            if other.outputs()? != expected {
                let message = format!("computes other bits on the tiles {name} and {standard} for {problem:?}");
                return Err(Error::Adapter { adapter: gpu.name.clone(), message });
            }
        }

        // In turns, so that what else the machine does meets all.
        let mut times = vec![Vec::new(); prepared.len()];
        for round in 0..self.repeats.warmup + self.repeats.repetitions.max(1) {
            for (prepared, times) in prepared.iter().zip(&mut times) {
                let time = prepared.time()?;
                if round >= self.repeats.warmup {
                    times.push(time);
                }
            }
        }
        let tiles: Vec<_> = names.iter().copied().zip(times.iter().map(|times| Summary::new(times))).collect();
        let (fastest, time) = tiles.iter().min_by(|(_, a), (_, b)| a.median().total_cmp(&b.median())).expect("a tile");
        let choice = if tiles[0].1.median() > WORTH * time.median() { fastest } else { standard };
        let environment = environment.clone();
        Ok(TuneRow { environment, problem, precision, standard, choice, tiles, warmup: self.repeats.warmup })
    }
}

/// The products of every batch, with their rows.
fn products(recording: &Recording) -> impl Iterator<Item = (&MatMul, Rows)> {
    let steps = recording.steps.iter().zip(recording.constant_steps());
    steps.filter(|(_, constant)| !constant).filter_map(|(step, _)| {
        let kernel: &dyn Any = &*step.kernel;
        let kernel: &MatMul = kernel.downcast_ref()?;
        Some((kernel, kernel.rows))
    })
}

impl TuneRow {
    fn of(&self, name: &str) -> &Summary {
        let (_, summary) = self.tiles.iter().find(|(tile, _)| *tile == name).expect("one of those that were timed");
        summary
    }

    /// Speed of the choice by that of the built-in one.
    pub fn gain(&self) -> f64 {
        self.of(self.standard).median() / self.of(self.choice).median()
    }

    /// Of the choice; multiplications and additions.
    pub fn gflops(&self) -> f64 {
        let Problem { rows, inner, columns, .. } = self.problem;
        2.0 * f64::from(rows) * f64::from(inner) * f64::from(columns) / self.of(self.choice).median() / 1e9
    }

    fn shape(&self) -> String {
        let Problem { rows, inner, columns, .. } = self.problem;
        format!("{rows} x {inner} x {columns}")
    }
}

impl Row for TuneRow {
    fn environment(&self) -> &Environment {
        &self.environment
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        let Problem { rows, inner, columns, matrix_units, .. } = self.problem;
        let times: Map<_, _> = self.tiles.iter().map(|(name, times)| (name.to_string(), times.json())).collect();
        vec![
            ("bench", json!("tune")),
            ("kernel", json!(matmul::NAME)),
            ("precision", json!(precision_name(self.precision))),
            ("matrix_units", json!(matrix_units)),
            ("rows", json!(rows)),
            ("inner", json!(inner)),
            ("columns", json!(columns)),
            ("standard", json!(self.standard)),
            ("choice", json!(self.choice)),
            ("gain", json!(significant(self.gain()))),
            ("gflops", json!(significant(self.gflops()))),
            ("repetitions", json!(self.tiles[0].1.count())),
            ("warmup", json!(self.warmup)),
            ("time_ms", Value::Object(times)),
        ]
    }

    fn cells(&self) -> Vec<Cell> {
        let milliseconds = |name| format!("{:.3}", self.of(name).median() * 1e3);
        vec![
            Cell::text("stored", 6, precision_name(self.precision)),
            Cell::text("product", 20, self.shape()),
            Cell::text("built-in tile", 19, self.standard),
            Cell::number("ms", 9, milliseconds(self.standard)),
            Cell::text("fastest tile", 19, self.choice),
            Cell::number("ms", 9, milliseconds(self.choice)),
            Cell::number("gain", 6, format!("{:.2}", self.gain())),
            Cell::number("GFLOP/s", 8, format!("{:.1}", self.gflops())),
        ]
    }
}
