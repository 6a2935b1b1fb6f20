//! What runs the fastest, where an adapter was measured: the tile of each matrix product, and whether tensor cores are worth
//! using.

use super::Storage;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A product `[rows, inner] . [inner, columns]`, as far as the best tile depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct MatmulShape {
    /// A power of two: that many rows, or fewer but more than half of it.
    pub rows: u32,
    pub inner: u32,
    pub columns: u32,
    /// Of what is multiplied.
    pub storage: Storage,
    /// Whether it runs on tensor cores, whose tiles are others.
    #[serde(alias = "matrix_units")]
    pub tensor_cores: bool,
}

/// The fastest tile of each product that was measured: products that were not run on the built-in choice. And whether the
/// tensor cores are faster, for the models that were measured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tuning {
    pub(crate) tiles: BTreeMap<MatmulShape, String>,
    pub(crate) tensor_cores: BTreeMap<Storage, bool>,
}

impl Tuning {
    /// Name of the tile for a product.
    pub fn tile(&self, product: &MatmulShape) -> Option<&str> {
        self.tiles.get(product).map(String::as_str)
    }

    pub fn set_tile(&mut self, product: MatmulShape, tile: impl Into<String>) {
        self.tiles.insert(product, tile.into());
    }

    /// Whether tensor cores were found to give the right answers faster, where that was measured.
    pub fn tensor_cores(&self, storage: Storage) -> Option<bool> {
        self.tensor_cores.get(&storage).copied()
    }

    pub fn set_tensor_cores(&mut self, storage: Storage, faster: bool) {
        self.tensor_cores.insert(storage, faster);
    }

    /// Whether nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.tiles.is_empty() && self.tensor_cores.is_empty()
    }

    /// How many products were measured.
    pub fn products(&self) -> usize {
        self.tiles.len()
    }
}
