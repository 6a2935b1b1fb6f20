//! What is done to an adapter: to what it compiles, or to what it gives back.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use wgbert::Options;
use wgbert::gpu::Fault;
use wgbert::ir::{BatchSize, Capabilities, Output, Shader, Values};

/// What a part of a shader says is replaced; that it is not there any more is a failure.
#[derive(Clone, Debug)]
pub struct Edited {
    pub part: &'static str,
    pub from: &'static str,
    pub to: &'static str,
    /// Everywhere in the shader, or where it stands first in the part.
    pub every: bool,
}

impl Fault for Edited {
    fn source(&self, shader: &Shader, source: String) -> String {
        let Some(part) = shader.parts.iter().find(|part| part.name() == self.part) else { return source };
        let text = part.source;
        assert!(text.contains(self.from), "{} does not say {:?} any more", self.part, self.from);
        let edited = if self.every { text.replace(self.from, self.to) } else { text.replacen(self.from, self.to, 1) };
        source.replace(text, &edited)
    }
}

/// A shader with that part does not do what it says: it returns at once.
#[derive(Clone, Debug)]
pub struct Broken {
    pub part: &'static str,
}

impl Fault for Broken {
    fn source(&self, shader: &Shader, source: String) -> String {
        if !shader.parts.iter().any(|part| part.name() == self.part) {
            return source;
        }
        let entry = source.find("@compute").expect("its entry point");
        let body = entry + source[entry..].find(") {\n").expect("its body") + 4;
        format!(
            "{}    if VECTOR_OF_FAULT == 1u {{ return; }}\n{}const VECTOR_OF_FAULT: u32 = 1u;\n",
            &source[..body],
            &source[body..]
        )
    }
}

type Change = dyn Fn(usize, &mut [f32]) + Send + Sync;

/// What is read back is changed: of every output, given the number of rows.
pub struct Spoilt {
    change: Box<Change>,
    /// Of outputs of that name alone.
    only: Option<Output>,
    /// Of matrices of so many columns alone, where there is a number: of one product.
    columns: Option<usize>,
}

impl fmt::Debug for Spoilt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Spoilt")
    }
}

impl Spoilt {
    pub fn everywhere(change: impl Fn(usize, &mut [f32]) + Send + Sync + 'static) -> Spoilt {
        Spoilt { change: Box::new(change), only: None, columns: None }
    }
}

impl Fault for Spoilt {
    fn spoil(&self, size: &BatchSize, outputs: &mut [(Output, Values)]) {
        for (output, values) in outputs {
            if self.only.is_some_and(|only| only != *output) {
                continue;
            }
            if let Values::F32(values) = values {
                // A step that is checked alone has a row for every token, if it has as many as one.
                let rows = if values.len() % size.tokens as usize == 0 { size.tokens } else { size.texts() } as usize;
                if self.columns.is_none_or(|columns| columns * rows == values.len()) {
                    (self.change)(rows, values);
                }
            }
        }
    }
}

/// Zeros in the place of one batch's answers, or of all, once it is armed.
#[derive(Debug, Default)]
pub struct Once {
    armed: AtomicBool,
    for_ever: AtomicBool,
}

impl Once {
    pub fn arm(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    pub fn arm_for_ever(&self) {
        self.for_ever.store(true, Ordering::SeqCst);
    }
}

impl Fault for Once {
    fn spoil(&self, _: &BatchSize, outputs: &mut [(Output, Values)]) {
        if self.for_ever.load(Ordering::SeqCst) || self.armed.swap(false, Ordering::SeqCst) {
            for (_, values) in outputs {
                if let Values::F32(values) = values {
                    values.fill(0.0);
                }
            }
        }
    }
}

type Listed = (&'static str, &'static str, Arc<dyn Fault>, Options);

/// The rows `first..last` of a matrix of so many rows.
fn of_rows(rows: usize, values: &mut [f32], first: usize, last: usize) -> &mut [f32] {
    let columns = values.len() / rows.max(1);
    let (first, last) = (first.min(rows), last.min(rows));
    &mut values[first * columns..last.max(first) * columns]
}

/// What a check that runs each product some twenty times does not find; a canary may.
pub const SELDOM: &str = "one run in 50 is wrong";
/// Columns of the embedded model's first product of a feed-forward.
const INTERMEDIATE: usize = 512;

/// Each with its name, how it is done, and what the adapter is asked for.
pub fn faults(options: Options, plain: Capabilities) -> Vec<Listed> {
    let mut all: Vec<Listed> = Vec::new();
    // All but the first of one product in the middle of the model, so that it is there that they are found.
    let mut spoilt = |name: &'static str, how, change: Box<Change>| {
        let columns = (name != "all zeros").then_some(INTERMEDIATE);
        all.push((name, how, Arc::new(Spoilt { change, only: None, columns }) as Arc<dyn Fault>, options.clone()));
    };
    spoilt("all zeros", "every number read back is 0", Box::new(|_, v| v.fill(0.0)));
    spoilt("rows 64 to 127 zero", "those rows", Box::new(|n, v| of_rows(n, v, 64, 128).fill(0.0)));
    spoilt(
        "wrong for n < 10",
        "matrices of fewer than 10 rows times 1.01",
        Box::new(|n, v| {
            if n < 10 {
                v.iter_mut().for_each(|x| *x *= 1.01)
            }
        }),
    );
    spoilt(
        "NaN for m <= 32 with n > 32",
        "at most 32 rows of more than 32 columns",
        Box::new(|n, v| {
            if n <= 32 && v.len() / n > 32 {
                v.fill(f32::NAN)
            }
        }),
    );
    spoilt(
        "large batches wrong",
        "rows from 128 on lose their last digits (TF32)",
        Box::new(|n, v| of_rows(n, v, 128, n).iter_mut().for_each(|x| *x = f32::from_bits(x.to_bits() & !0x1fff))),
    );
    spoilt(
        "bf16 in the place of f32",
        "16 bits of each number",
        Box::new(|_, v| v.iter_mut().for_each(|x| *x = f32::from_bits(x.to_bits() & 0xffff_0000))),
    );
    spoilt(
        "the last row is the one before",
        "where there are two",
        Box::new(|n, v| {
            let columns = v.len() / n;
            if n > 1 {
                v.copy_within((n - 2) * columns..(n - 1) * columns, (n - 1) * columns)
            }
        }),
    );
    spoilt(
        "two rows are exchanged",
        "rows 1 and 2",
        Box::new(|n, v| {
            let columns = v.len() / n;
            for column in 0..if n > 2 { columns } else { 0 } {
                v.swap(columns + column, 2 * columns + column)
            }
        }),
    );
    spoilt(
        "one number is wrong",
        "the last of more than 200 rows, by 1 %",
        Box::new(|n, v| {
            if n > 200 {
                v.iter_mut().next_back().map_or((), |x| *x = *x * 1.01 + 0.01)
            }
        }),
    );
    spoilt(
        "columns 32 to 63 of a row missing",
        "half a wave of 64 lanes",
        Box::new(|n, v| {
            let columns = v.len() / n;
            v.chunks_mut(columns.max(1)).filter(|row| row.len() >= 64).for_each(|row| row[32..64].fill(0.0))
        }),
    );
    spoilt(
        "f16 overflows",
        "what is above 2 is infinite",
        Box::new(|_, v| v.iter_mut().filter(|x| x.abs() > 2.0).for_each(|x| *x *= f32::INFINITY)),
    );
    spoilt(
        "f16 flushes to zero",
        "what is below 0.001",
        Box::new(|_, v| v.iter_mut().filter(|x| x.abs() < 1e-3).for_each(|x| *x += 1e-3)),
    );
    let runs = AtomicUsize::new(0);
    spoilt(
        "a value changes by run",
        "the first number, every other time by 0.0001",
        Box::new(move |_, v| {
            if runs.fetch_add(1, Ordering::Relaxed) % 2 == 1 {
                v[0] += 1e-4
            }
        }),
    );
    for (name, often) in [("one run in 10 is wrong", 10), (SELDOM, 50)] {
        let runs = AtomicUsize::new(0);
        let change = move |_: usize, v: &mut [f32]| {
            if runs.fetch_add(1, Ordering::Relaxed) % often == often - 1 {
                v.iter_mut().for_each(|x| *x = -*x)
            }
        };
        spoilt(name, "all of a product is negated", Box::new(change));
    }
    spoilt(
        "a vector too far",
        "everything is four numbers later",
        Box::new(|_, v| {
            if v.len() > 4 {
                v.rotate_right(4)
            }
        }),
    );
    let logits = Spoilt {
        change: Box::new(|_, v| v.iter_mut().for_each(|x| *x += 0.1)),
        only: Some(Output::Logits),
        columns: None,
    };
    all.push(("only the whole is wrong", "logits of whole models by 0.1", Arc::new(logits), options.clone()));

    // What is compiled; as an adapter with nothing to choose from, whose kernels run everywhere.
    let plain = options.capabilities(plain);
    let mut edited = |name, how, part, from, to, every| {
        all.push((name, how, Arc::new(Edited { part, from, to, every }) as Arc<dyn Fault>, plain.clone()));
    };
    edited("a barrier is dropped", "of a sum over a workgroup", "reduce_workgroup", "workgroupBarrier();", "", true);
    edited("a barrier is dropped in a product", "after staging", "tile_workgroup", "workgroupBarrier();", "", true);
    edited(
        "an index of (r * w + c) / 4",
        "in a product's epilogue",
        "matmul",
        "row * (params.columns / VECTOR_WIDTH) + column",
        "(row * params.columns + column) / VECTOR_WIDTH",
        false,
    );
    edited(
        "lanes 32 to 63 missing",
        "they store nothing of a product",
        "tile_workgroup",
        "    store_accumulators(",
        "    if lane >= 32u && lane < 64u { return; }\n    store_accumulators(",
        false,
    );
    edited("a bias is forgotten", "in a product", "bias_vector", "return ", "return 0.5 * ", true);
    edited(
        "a residual is forgotten",
        "where it is added",
        "residual_rows",
        "return Chunk(residual[index]);",
        "return Chunk();",
        true,
    );
    edited(
        "a sum is one block short",
        "the last of k",
        "tile_workgroup",
        "k < params.inner;",
        "k + DEPTH < params.inner;",
        true,
    );
    edited(
        "a variance is of one less",
        "by 1 / 128",
        "layernorm",
        "sum(squares)) / columns",
        "sum(squares)) / (columns - 1.0)",
        true,
    );
    edited(
        "a driver folds erf wrongly",
        "without its sign",
        "math",
        "return sign(x) * (1.0 - exponential(p));",
        "return 1.0 - exponential(p);",
        true,
    );
    edited(
        "a driver's exp is coarse",
        "to four digits",
        "math",
        "p = fma(p, r, 0.16666665459);",
        "p = fma(p, r, 0.15);",
        true,
    );
    edited("a shader does not compile", "it is no WGSL", "layernorm", "let mean = ", "let let mean = ", true);
    all
}
