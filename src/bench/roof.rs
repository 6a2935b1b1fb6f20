//! What the adapter can do at best: arithmetic that loads nothing, and copying that computes nothing. Measured, because
//! drivers do not tell, and by shaders, because what no shader reaches is no limit of theirs.

use super::{
    Repeats,
    time::{Timed, time},
};
use crate::error::Result;
use crate::gpu::Gpu;
use crate::ir::{
    BatchSize, Binding, Capabilities, Element, Grid, Kernel, Launch, Rows, Shader, Uniform, Values, part,
    uniform::uniform,
};
use crate::kernels::{Example, common, example};
use std::sync::Arc;

/// An adapter's limits, the best of several runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Roof {
    /// Multiplications and additions of f32 a second, in 1e9.
    pub gflops: f64,
    /// Of f16 matrices with f32 sums on tensor cores, where the adapter has any and subgroups of one size.
    pub matrix_gflops: Option<f64>,
    /// Bytes read and written a second, in 1e9. A tensor that stays in a cache can pass it.
    pub gbytes: f64,
}

impl Roof {
    /// The best of so many repetitions, and at least of three.
    ///
    /// # Errors
    /// Those of the device, and a wrong result.
    pub fn measure(gpu: &Arc<Gpu>, repeats: Repeats) -> Result<Roof> {
        let repeats = Repeats { repetitions: repeats.repetitions.max(3), ..repeats };
        let device = &gpu.capabilities;
        let lanes = lanes(device);
        let matrix = Matrix::on(device, 1).map(|Matrix { edge, lanes, .. }| {
            arithmetic(gpu, repeats, edge * edge, |rounds| Matrix { rounds, edge, lanes })
        });
        Ok(Roof {
            gflops: arithmetic(gpu, repeats, lanes, |rounds| Fma { rounds, lanes })?,
            matrix_gflops: matrix.transpose()?,
            gbytes: bandwidth(gpu, repeats)?,
        })
    }

    /// The kernels that it is measured with.
    pub fn kernels(device: &Capabilities) -> Vec<Arc<dyn Kernel>> {
        let mut all: Vec<Arc<dyn Kernel>> =
            vec![Arc::new(Fma { rounds: 1, lanes: lanes(device) }), Arc::new(Copy::on(device))];
        if let Some(matrix) = Matrix::on(device, 1) {
            all.push(Arc::new(matrix));
        }
        all
    }

    /// The roof of what multiplies on tensor cores: f32 takes three products of f16 parts.
    pub(super) fn on_tensor_cores(self, element: Element) -> Roof {
        let products = if element == Element::F16 { 1.0 } else { 3.0 };
        Roof { gflops: self.matrix_gflops.map_or(self.gflops, |gflops| gflops / products), ..self }
    }

    /// The most that can be had at so many operations a byte (Williams, Waterman, Patterson 2009, "Roofline").
    pub fn attainable(&self, intensity: f64) -> f64 {
        self.gflops.min(intensity * self.gbytes)
    }
}

/// GFLOP/s of a kernel that does nothing else, and writes `columns` numbers a workgroup.
fn arithmetic<K: Kernel>(gpu: &Arc<Gpu>, repeats: Repeats, columns: u32, kernel: impl Fn(u32) -> K) -> Result<f64> {
    // Shorter runs would be mostly start and end.
    const SECONDS: f64 = 0.02;
    let mut rounds = 64;
    loop {
        let output = example::written(Rows::Tokens, columns, Element::F32);
        let example = Example::new(kernel(rounds), vec![1; WORKGROUPS as usize], [Some(output)]);
        let Timed { times, operations, .. } = time(gpu, &example, repeats)?;
        // Mesa 22.3.6 cuts loops at 65,535 rounds.
        if times.min() >= SECONDS || rounds >= 1 << 14 {
            return Ok(operations as f64 / times.min() / 1e9);
        }
        rounds *= 4;
    }
}

fn bandwidth(gpu: &Arc<Gpu>, repeats: Repeats) -> Result<f64> {
    let copy = Copy::on(&gpu.capabilities);
    let Copy { rows, columns, .. } = copy;
    let [input, output] = [example::random, example::written].map(|of| of(Rows::Tokens, columns, Element::F32));
    let example = Example::new(copy, vec![1; rows as usize], [input, output].map(Some));
    let Timed { times, bytes, .. } = time(gpu, &example, repeats)?;
    Ok(bytes as f64 / times.min() / 1e9)
}

const WORKGROUPS: u32 = 4096;

/// Invocations of a workgroup: on a CPU one vector.
fn lanes(device: &Capabilities) -> u32 {
    if device.cpu { 8 } else { 256 }
}

uniform!(
    struct FmaParams {
        rounds: u32,
        factor: f32,
        offset: f32,
    }
);

/// Chains of multiplications and additions; the numbers keep changing for thousands of links, and end near 1.
const FACTOR: f32 = 0.999;
const OFFSET: f32 = 0.001;
const LINKS: u64 = 8;
const CHAINS: u64 = 12;

#[derive(Debug)]
struct Fma {
    rounds: u32,
    lanes: u32,
}

impl Kernel for Fma {
    fn name(&self) -> &'static str {
        "roof_fma"
    }

    fn bindings(&self) -> &'static [Binding] {
        const BINDINGS: &[Binding] = &[Binding::write(0, "output")];
        BINDINGS
    }

    fn params(&self) -> Uniform {
        FmaParams { rounds: self.rounds, factor: FACTOR, offset: OFFSET }.into()
    }

    fn launch(&self, _: &Capabilities, _: &BatchSize) -> Launch {
        let file = part!("roof/fma");
        Launch {
            shader: Shader::link(self.name(), [file]).constant("LANES", self.lanes),
            grid: Grid::each(Rows::Tokens),
        }
    }

    fn reference(&self, batch: &BatchSize, operands: &mut [Values]) {
        let link = |mut x: f32| {
            (0..u64::from(self.rounds) * LINKS).for_each(|_| x = x.mul_add(FACTOR, OFFSET));
            x
        };
        let total = |lane: u32| {
            let start = lane as f32 / self.lanes as f32;
            (0..CHAINS).map(|chain| link(start + chain as f32)).sum::<f32>()
        };
        let workgroup: Vec<f32> = (0..self.lanes).map(total).collect();
        operands[0] = Values::F32(workgroup.repeat(batch.tokens as usize));
    }

    fn operations(&self, batch: &BatchSize) -> u64 {
        2 * CHAINS * LINKS * u64::from(self.rounds) * u64::from(batch.tokens * self.lanes)
    }
}

uniform!(
    struct MatrixParams {
        rounds: u32,
        left: f32,
        right: f32,
    }
);

/// What each link adds to every element: a power of two, so that sums of thousands are exact.
const LINK: f32 = 1.0 / 1024.0;
const MATRIX_LINKS: u32 = 4;
const MATRIX_CHAINS: u32 = 4;

#[derive(Debug)]
struct Matrix {
    rounds: u32,
    edge: u32,
    lanes: u32,
}

impl Matrix {
    fn on(device: &Capabilities, rounds: u32) -> Option<Matrix> {
        Some(Matrix { rounds, edge: device.cooperative_matrix_size?, lanes: device.uniform_subgroup()? })
    }
}

impl Kernel for Matrix {
    fn name(&self) -> &'static str {
        "roof_matrix"
    }

    fn bindings(&self) -> &'static [Binding] {
        const BINDINGS: &[Binding] = &[Binding::write(0, "output")];
        BINDINGS
    }

    fn params(&self) -> Uniform {
        MatrixParams { rounds: self.rounds, left: 1.0 / self.edge as f32, right: LINK }.into()
    }

    fn launch(&self, _: &Capabilities, _: &BatchSize) -> Launch {
        let linked = [common::cooperative(self.edge), part!("roof/matrix")];
        Launch {
            shader: Shader::link(self.name(), linked).constant("LANES", self.lanes),
            grid: Grid::each(Rows::Tokens),
        }
    }

    fn reference(&self, batch: &BatchSize, operands: &mut [Values]) {
        let total = (MATRIX_CHAINS * MATRIX_LINKS * self.rounds) as f32 * LINK;
        operands[0] = Values::F32(vec![total; (batch.tokens * self.edge * self.edge) as usize]);
    }

    fn operations(&self, batch: &BatchSize) -> u64 {
        let links = u64::from(MATRIX_CHAINS * MATRIX_LINKS) * u64::from(self.rounds);
        2 * links * u64::from(self.edge).pow(3) * u64::from(batch.tokens)
    }
}

uniform!(
    struct CopyParams {
        pieces: u32,
    }
);

/// Pieces that each lane moves: on a CPU a workgroup of few lanes should be worth its start.
fn copy_pieces(cpu: bool) -> u32 {
    if cpu { 16 } else { 8 }
}

#[derive(Debug)]
struct Copy {
    rows: u32,
    columns: u32,
    /// Bytes that are loaded and stored at once.
    piece: u32,
}

impl Copy {
    /// Of more than any cache holds.
    fn on(device: &Capabilities) -> Copy {
        const ROWS: u32 = 1024;
        let Capabilities { cpu, int64, max_binding, max_buffer, .. } = *device;
        let bytes = if cpu { 64 << 20 } else { 256 << 20 };
        let columns = (bytes.min(max_binding).min(max_buffer) / u64::from(ROWS) / 4) as u32 / 64 * 64;
        // A GPU moves 16 bytes a lane at once; on a CPU a load costs much the same whatever its width.
        Copy { rows: ROWS, columns, piece: if cpu && int64 { 32 } else { 16 } }
    }

    fn pieces(&self) -> u32 {
        (u64::from(self.rows) * u64::from(self.columns) * 4 / u64::from(self.piece)) as u32
    }
}

impl Kernel for Copy {
    fn name(&self) -> &'static str {
        "roof_copy"
    }

    fn bindings(&self) -> &'static [Binding] {
        const BINDINGS: &[Binding] = &[Binding::read(0, "input"), Binding::write(1, "output")];
        BINDINGS
    }

    fn params(&self) -> Uniform {
        CopyParams { pieces: self.pieces() }.into()
    }

    fn launch(&self, device: &Capabilities, _: &BatchSize) -> Launch {
        let file = part!("roof/copy");
        let piece = if self.piece == 32 { part!("roof/piece_256") } else { part!("roof/piece_128") };
        let (lanes, each) = (lanes(device), copy_pieces(device.cpu));
        Launch {
            shader: Shader::link(self.name(), [piece, file]).constant("LANES", lanes).constant("EACH", each),
            grid: Grid::each(Rows::Fixed(self.pieces().div_ceil(lanes * each))),
        }
    }

    fn reference(&self, _: &BatchSize, operands: &mut [Values]) {
        operands[1] = operands[0].clone();
    }

    fn operations(&self, _: &BatchSize) -> u64 {
        0
    }
}
