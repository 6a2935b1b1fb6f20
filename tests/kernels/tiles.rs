//! Every tile of a matrix product that the adapter can run, whichever it would choose.

use crate::common::{self, storages};
use crate::{bits, check};
use std::collections::BTreeMap;
use std::sync::Arc;
use wgbert::gpu::Gpu;
use wgbert::ir::{BatchSize, Binding, Capabilities, Kernel, Launch, Layout, Storage, Uniform, Values};
use wgbert::kernels::{
    Activation, Example,
    example::ragged,
    matmul::{MatMul, Tile},
};

/// A product in one tile, chosen by the test.
#[derive(Debug)]
struct Forced {
    product: MatMul,
    tile: Tile,
}

impl Kernel for Forced {
    fn name(&self) -> &'static str {
        self.product.name()
    }

    fn bindings(&self) -> &'static [Binding] {
        self.product.bindings()
    }

    fn params(&self) -> Uniform {
        self.product.params()
    }

    fn launch(&self, _: &Capabilities, _: &BatchSize) -> Launch {
        self.product.launch_in(&self.tile)
    }

    fn layout(&self, _: &Capabilities, binding: &Binding) -> Layout {
        if binding.name == "weight" { self.tile.layout() } else { Layout::Rows }
    }

    fn reference(&self, batch: &BatchSize, operands: &mut [Values]) {
        self.product.reference(batch, operands);
    }

    fn operations(&self, batch: &BatchSize) -> u64 {
        self.product.operations(batch)
    }
}

/// The size of a product.
#[derive(Clone, Copy, Debug)]
struct Size {
    storage: Storage,
    inner: u32,
    columns: u32,
    extras: bool,
}

impl Size {
    fn product(self) -> MatMul {
        MatMul::of_size(self.storage, self.inner, self.columns, Activation::Gelu, self.extras)
    }

    fn example(self, tile: Tile, rows: u32) -> Example {
        let product = self.product();
        let kernel = Arc::new(Forced { product: product.clone(), tile });
        Example { kernel, ..product.example(ragged(rows)) }
    }

    /// The tiles that each of these ways to see the adapter can run this in, by name.
    fn tiles(self, gpus: &[Arc<Gpu>]) -> BTreeMap<&'static str, (Tile, Arc<Gpu>)> {
        let of = |gpu: &Arc<Gpu>| {
            let tiles = self.product().tiles(&gpu.capabilities).into_iter();
            tiles.map(|tile| (tile.name, (tile, gpu.clone()))).collect::<Vec<_>>()
        };
        gpus.iter().flat_map(of).collect()
    }
}

/// Around the edges of blocks, of fours and of vectors; with extras the columns are the middle of a wider weight.
fn sizes() -> Vec<Size> {
    let sizes = [
        (128, 384, false),
        (16, 128, true),
        (20, 136, true),
        (260, 64, false),
        (36, 72, true),
        (36, 71, true),
        (15, 65, true),
        (17, 33, false),
        (1, 1, true),
        (258, 130, false),
        (768, 3, true),
    ];
    let with = |storage| sizes.map(|(inner, columns, extras)| Size { storage, inner, columns, extras });
    storages().into_iter().flat_map(with).collect()
}

const ROWS: &[u32] = &[1, 3, 5, 16, 33, 64, 65, 129];

fn same_bits(gpus: &[Arc<Gpu>]) -> usize {
    let mut ran = BTreeMap::new();
    for size in sizes() {
        let most = *ROWS.last().unwrap();
        let mut expected: Option<(&str, Vec<u32>)> = None;
        for (name, (tile, gpu)) in size.tiles(gpus) {
            check(&gpu, &size.example(tile, most)).unwrap_or_else(|message| panic!("{size:?} in {name}: {message}"));
            for &rows in ROWS {
                let answers = bits(&gpu, &size.example(tile, rows));
                let (first, all) = expected.get_or_insert_with(|| (name, bits(&gpu, &size.example(tile, most))));
                assert!(
                    answers == all[..answers.len()],
                    "{size:?}: {rows} rows in {name} and {most} in {first} differ"
                );
            }
            *ran.entry(name).or_insert(0) += 1;
        }
    }
    println!("{ran:?}");
    ran.len()
}

/// A row's answer depends neither on the rows beside it nor on the tile that computes it, to the last bit.
#[test]
fn every_tile_gives_the_same_bits() {
    let gpus = [common::plain_gpu(), common::gpu()];
    assert!(same_bits(&gpus) >= 6, "tiles are missing");
}

/// Nor does it on tensor cores, whose bits are others.
#[test]
fn every_tile_of_tensor_cores_gives_the_same_bits() {
    let Some(gpu) = common::tensor_gpu() else { return };
    assert!(same_bits(&[gpu]) >= 1, "tiles are missing");
}
