//! What the adapter can do at best: arithmetic that loads nothing, and copying that computes nothing. Measured, because
//! drivers do not tell, and by shaders, because what no shader reaches is no limit of theirs.

use super::Repeats;
use super::cases::Case;
use super::time::{Timed, time};
use crate::error::Result;
use crate::gpu::{Capabilities, Element, Gpu, Part, Rows, Shader};
use crate::kernels::uniform::uniform;
use crate::kernels::{BatchSize, Binding, Kernel, Launch, Uniform, Values};
use std::sync::Arc;

/// An adapter's limits for f32, the best of several runs.
#[derive(Clone, Copy, Debug)]
pub struct Roof {
    /// Multiplications and additions a second, in 1e9.
    pub gflops: f64,
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
        Ok(Roof { gflops: arithmetic(gpu, repeats)?, gbytes: bandwidth(gpu, repeats)? })
    }

    /// The most that can be had at so many operations a byte (Williams, Waterman, Patterson 2009, "Roofline").
    pub fn attainable(&self, intensity: f64) -> f64 {
        self.gflops.min(intensity * self.gbytes)
    }
}

fn arithmetic(gpu: &Arc<Gpu>, repeats: Repeats) -> Result<f64> {
    // Shorter runs would be mostly start and end.
    const SECONDS: f64 = 0.02;
    let lanes = lanes(&gpu.capabilities);
    let mut rounds = 64;
    loop {
        let make = || {
            let mut case = Case::empty(vec![1; WORKGROUPS as usize], Element::F32);
            let output = case.recording.tensor(Rows::Tokens, lanes as usize);
            case.recording.step(Fma { rounds, lanes }, &[Some(output)]);
            case.mark_outputs();
            case
        };
        let Timed { times, operations, .. } = time(gpu, &make, repeats)?;
        // Mesa 22.3.6 cuts loops at 65,535 rounds.
        if times.min() >= SECONDS || rounds >= 1 << 14 {
            return Ok(operations as f64 / times.min() / 1e9);
        }
        rounds *= 4;
    }
}

fn bandwidth(gpu: &Arc<Gpu>, repeats: Repeats) -> Result<f64> {
    const ROWS: u32 = 1024;
    let Capabilities { cpu, int64, max_binding, max_buffer, .. } = gpu.capabilities;
    // A GPU moves 16 bytes a lane at once; on a CPU a load costs much the same whatever its width.
    let piece = if cpu && int64 { 32 } else { 16 };
    // More than any cache.
    let bytes = if cpu { 64 << 20 } else { 256 << 20 };
    let columns = (bytes.min(max_binding).min(max_buffer) / u64::from(ROWS) / 4) as u32 / 64 * 64;
    let make = || {
        let mut case = Case::empty(vec![1; ROWS as usize], Element::F32);
        let input = case.rows(Rows::Tokens, columns);
        let output = case.recording.tensor(Rows::Tokens, columns as usize);
        case.recording.step(Copy { rows: ROWS, columns, piece }, &[Some(input), Some(output)]);
        case.mark_outputs();
        case
    };
    let Timed { times, bytes, .. } = time(gpu, &make, repeats)?;
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

    fn launch(&self, _: &Capabilities, batch: &BatchSize) -> Launch {
        const FILE: Part = Part { name: "fma", source: include_str!("../../shaders/roof/fma.wgsl") };
        Launch { shader: Shader::link(self.name(), &[FILE]).constant("LANES", self.lanes), grid: [batch.tokens, 1, 1] }
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
        const FILE: Part = Part { name: "copy", source: include_str!("../../shaders/roof/copy.wgsl") };
        const NARROW: Part = Part { name: "piece_128", source: include_str!("../../shaders/roof/piece_128.wgsl") };
        const WIDE: Part = Part { name: "piece_256", source: include_str!("../../shaders/roof/piece_256.wgsl") };
        let piece = if self.piece == 32 { WIDE } else { NARROW };
        let (lanes, each) = (lanes(device), copy_pieces(device.cpu));
        Launch {
            shader: Shader::link(self.name(), &[piece, FILE]).constant("LANES", lanes).constant("EACH", each),
            grid: [self.pieces().div_ceil(lanes * each), 1, 1],
        }
    }

    fn reference(&self, _: &BatchSize, operands: &mut [Values]) {
        operands[1] = operands[0].clone();
    }

    fn operations(&self, _: &BatchSize) -> u64 {
        0
    }
}
