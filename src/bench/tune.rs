//! What runs the fastest on an adapter, measured: the tile of each matrix product that models need, and whether its tensor
//! cores are worth using.

use super::time::Prepared;
use super::tune_row::{Subject, TuneRow};
use super::{BUSY, Environment, ModelChoice, Repeats, Summary, Workload};
use crate::classifier::Classifier;
use crate::error::{Error, Result};
use crate::gpu::{AdapterDescription, Gpu, block_on};
use crate::ir::{Capabilities, MatmulShape, Recording, Rows, Tuning};
use crate::kernels::{
    Shape,
    matmul::{self, MatMul},
};
use crate::models::encoder;
use crate::options::{Adapter, Options, Precision, SelfCheck, TensorCores};
use crate::text::Encoding;
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// What is faster by less than this is not worth leaving the built-in choice for: chance is of that size.
const WORTH: f64 = 1.03;

/// What to tune an adapter for.
#[derive(Clone, Debug)]
pub struct Tuner {
    /// Which adapter; capabilities, if kernels shall see others than its own.
    pub options: Options,
    pub models: Vec<ModelChoice>,
    pub precisions: Vec<Precision>,
    /// Numbers of rows, rounded up to powers of two; none: all powers of two that batches can have.
    pub rows: Vec<u32>,
    /// `Never`: tiles without tensor cores; `Always`: tiles on them; `Auto`: both, and then whole models with and without.
    pub tensor_cores: TensorCores,
    /// Tensor cores are used if every model is faster with them on each of these.
    pub workloads: Vec<Workload>,
    pub repeats: Repeats,
}

impl Tuner {
    /// The adapter that is meant, with all that it offers.
    ///
    /// # Errors
    /// Those of [`Options::choose`]; [`Error::Adapter`] for the reference.
    pub fn adapter(&self) -> Result<AdapterDescription> {
        let options = Options { tensor_cores: TensorCores::Always, cache_dir: None, ..self.options.clone() };
        block_on(options.choose())?.ok_or_else(|| Error::Adapter {
            adapter: "reference".into(),
            message: "has no tiles to choose from".into(),
        })
    }

    /// Times every tile for every product, and every model with and without tensor cores. `each` gets a row as soon as there
    /// is one, with all that was chosen so far: what is kept then is not lost, whatever happens later.
    ///
    /// # Errors
    /// [`Error::Adapter`] for an adapter without timestamps, or with a wrong result; other errors of the models and the
    /// device; and what `each` answers.
    pub fn run<E: From<Error>>(&self, mut each: impl FnMut(&Tuning, TuneRow) -> Result<(), E>) -> Result<Tuning, E> {
        let adapter = self.adapter()?;
        let mut tuning = Tuning::default();
        let mut precisions: Vec<_> = self.precisions.iter().map(|asked| asked.on(&adapter.capabilities)).collect();
        precisions.dedup();
        if self.tensor_cores != TensorCores::Always {
            let mut plain = adapter.clone();
            plain.capabilities.cooperative_matrix_size = None;
            self.tiles(&plain, &precisions, &mut tuning, &mut each)?;
        }
        if self.tensor_cores == TensorCores::Never {
            return Ok(tuning);
        }
        let mut on_units = Vec::new();
        for precision in precisions {
            if self.shapes(&adapter.capabilities, precision)?.keys().any(|product| product.tensor_cores) {
                on_units.push(precision);
            }
        }
        let storage = |precision: Precision| precision.storage(&adapter.capabilities);
        if self.tensor_cores == TensorCores::Always {
            if on_units.is_empty() {
                return Err(Error::NoTensorCores { adapter: adapter.name }.into());
            }
        } else {
            // Until they are found to be right and faster.
            on_units.iter().for_each(|&precision| tuning.set_tensor_cores(storage(precision), false));
        }
        self.tiles(&adapter, &on_units, &mut tuning, &mut each)?;
        if self.tensor_cores == TensorCores::Auto {
            for precision in on_units {
                let faster = self.models(&adapter, precision, &tuning, &mut each)?;
                tuning.set_tensor_cores(storage(precision), faster);
            }
        }
        Ok(tuning)
    }

    /// The tiles of an adapter that offers this.
    fn tiles<E: From<Error>>(
        &self,
        adapter: &AdapterDescription,
        precisions: &[Precision],
        tuning: &mut Tuning,
        each: &mut impl FnMut(&Tuning, TuneRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let environment = Environment::new(Some(adapter));
        let gpu = block_on(Gpu::open(adapter, None))?;
        for &precision in precisions {
            for (product, kernel) in self.shapes(&gpu.capabilities, precision)? {
                let row = self.time(&gpu, &environment, precision, product, &kernel)?;
                tuning.set_tile(product, row.choice);
                each(tuning, row)?;
            }
        }
        Ok(())
    }

    /// Whether every model is right and faster on tensor cores, with the tiles that were chosen.
    fn models<E: From<Error>>(
        &self,
        adapter: &AdapterDescription,
        precision: Precision,
        tuning: &Tuning,
        each: &mut impl FnMut(&Tuning, TuneRow) -> Result<(), E>,
    ) -> Result<bool, E> {
        let environment = Environment::new(Some(adapter));
        let capabilities = Capabilities { tuning: Arc::new(tuning.clone()), ..adapter.capabilities.clone() };
        // What is wrong is found here, and then not used.
        let self_check = SelfCheck::Never;
        let options = Options { precision, self_check, cache_dir: None, ..self.options.clone() };
        let options = Options { capabilities: Some(capabilities), ..options };
        let mut faster = true;
        for model in &self.models {
            let on = |tensor_cores| model.classifier(Options { tensor_cores, ..options.clone() });
            let (mut plain, mut units) = (on(TensorCores::Never)?, on(TensorCores::Always)?);
            for workload in &self.workloads {
                let row = self.compare(&mut plain, &mut units, &environment, precision, model, workload)?;
                faster &= row.choice == TuneRow::UNITS;
                each(tuning, row)?;
            }
        }
        Ok(faster)
    }

    fn compare(
        &self,
        plain: &mut Classifier,
        units: &mut Classifier,
        environment: &Environment,
        precision: Precision,
        model: &ModelChoice,
        workload: &Workload,
    ) -> Result<TuneRow> {
        // Of a logit, by its size where that is above 1.
        let tolerance = match precision {
            Precision::F32 => 1e-4,
            Precision::F16 | Precision::Auto => 5e-2,
        };
        let encodings: Arc<[Encoding]> = workload.encodings(plain.model().embeddings.words.rows).into();
        let run = |classifier: &mut Classifier| {
            let start = Instant::now();
            classifier.logits(encodings.clone()).map(|logits| (start.elapsed(), logits))
        };
        let (mut times, mut difference) = ([Vec::new(), Vec::new()], 0.0f64);
        // The first call uploads and compiles.
        let warmup = self.repeats.warmup.max(1);
        for round in 0..warmup + self.repeats.repetitions.max(1) {
            let [(before, expected), (after, logits)] = [run(plain)?, run(units)?];
            for (expected, actual) in expected.values.iter().zip(&logits.values) {
                let off = f64::from(expected - actual).abs() / f64::from(*expected).abs().max(1.0);
                difference = if off.is_nan() { f64::INFINITY } else { difference.max(off) };
            }
            if round >= warmup {
                times[0].push(before);
                times[1].push(after);
            }
        }
        let [before, after] = times.map(|times| Summary::new(&times));
        let faster = before.median() > WORTH * after.median() && difference <= tolerance;
        Ok(TuneRow {
            environment: environment.clone(),
            precision,
            subject: Subject::Model { name: model.to_string(), workload: workload.name.clone(), difference },
            standard: TuneRow::PLAIN,
            choice: if faster { TuneRow::UNITS } else { TuneRow::PLAIN },
            times: vec![(TuneRow::PLAIN, before), (TuneRow::UNITS, after)],
            warmup,
        })
    }

    /// Every product of every model, the smallest first, with a kernel that computes it.
    fn shapes(&self, device: &Capabilities, precision: Precision) -> Result<BTreeMap<MatmulShape, MatMul>> {
        let mut shapes = BTreeMap::new();
        for model in &self.models {
            // Described, not run: no device is needed.
            let options = Options { adapter: Adapter::Reference, ..Options::default() };
            let classifier = model.classifier(options.clone())?;
            let wanted = encoder::OutputSpec::scores(classifier.scoring());
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
                    shapes.extend(buckets.filter(wanted).map(|rows| (kernel.shape(device, rows), kernel.clone())));
                }
            }
        }
        Ok(shapes)
    }

    fn time(
        &self,
        gpu: &Gpu,
        environment: &Environment,
        precision: Precision,
        product: MatmulShape,
        kernel: &MatMul,
    ) -> Result<TuneRow> {
        let MatmulShape { rows, inner, columns, storage, .. } = product;
        let example = (matmul::ENTRY.sized)(&Shape { rows, inner: Some(inner), columns, length: None, storage });
        let prepare = |tile: &str| {
            let mut forced = Tuning::default();
            forced.set_tile(product, tile);
            let capabilities = Capabilities { tuning: Arc::new(forced), ..gpu.capabilities.clone() };
            Prepared::new(&Arc::new(gpu.with(capabilities)), &example)
        };
        let standard = kernel.choose(&gpu.capabilities, rows).name;
        let mut names: Vec<_> = kernel.tiles(&gpu.capabilities).into_iter().map(|tile| tile.name).collect();
        names.sort_by_key(|name| *name != standard);
        let mut prepared = names.iter().map(|name| prepare(name)).collect::<Result<Vec<_>>>()?;

        // The first is the built-in choice. Its twin is slow, so the others are held against itself, which is stricter:
        // a text's bits do not depend on the tile.
        let expected = prepared[0].outputs()?;
        prepared[0].check(gpu, &expected)?;
        for (name, other) in names.iter().zip(&mut prepared).skip(1) {
            if other.outputs()? != expected {
                let message = format!("computes other bits on the tiles {name} and {standard} for {product:?}");
                return Err(Error::Adapter { adapter: gpu.name.clone(), message });
            }
        }

        // In turns, so that what else the machine does meets all.
        let mut times = vec![Vec::new(); prepared.len()];
        let busy = BUSY / prepared.len() as u32;
        prepared.iter_mut().try_for_each(|tile| tile.warm_up(gpu, self.repeats, busy))?;
        for _ in 0..self.repeats.repetitions.max(1) {
            for (prepared, times) in prepared.iter_mut().zip(&mut times) {
                times.push(prepared.time()?);
            }
        }
        let tiles: Vec<_> = names.iter().copied().zip(times.iter().map(|times| Summary::new(times))).collect();
        let (fastest, time) = tiles.iter().min_by(|(_, a), (_, b)| a.median().total_cmp(&b.median())).expect("a tile");
        let choice = if tiles[0].1.median() > WORTH * time.median() { fastest } else { standard };
        let (environment, subject) = (environment.clone(), Subject::Product(product));
        Ok(TuneRow { environment, precision, subject, standard, choice, times: tiles, warmup: self.repeats.warmup })
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
