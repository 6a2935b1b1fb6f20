//! The weights of a model, all of them and by part.

use super::{Convolution, Dense, DistanceTable, Embeddings, FeedForward, Layer, Model, Norm, Projected, Score, Weight};
use std::collections::HashSet;

/// A part of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    Embeddings,
    /// All of them, and the norm after the last.
    Layers,
    Head,
}

/// The weights of a part.
#[derive(Clone, Debug)]
pub struct PartWeights<'a> {
    pub part: Part,
    /// One that is used several times, here or in an earlier part, is listed once, where it is used first.
    pub weights: Vec<&'a Weight>,
}

impl PartWeights<'_> {
    /// How many numbers they are.
    pub fn parameters(&self) -> u64 {
        self.weights.iter().map(|weight| weight.rows as u64 * weight.columns as u64).sum()
    }
}

impl Model {
    /// Every weight that the forward pass reads, shared ones once for each use.
    pub fn weights(&self) -> Vec<&Weight> {
        [self.embeddings.weights(), self.layer_weights(), self.head_weights()].concat()
    }

    /// The weights that the forward pass reads, by part.
    pub fn parts(&self) -> [PartWeights<'_>; 3] {
        let mut seen = HashSet::new();
        let parts = [
            (Part::Embeddings, self.embeddings.weights()),
            (Part::Layers, self.layer_weights()),
            (Part::Head, self.head_weights()),
        ];
        parts.map(|(part, mut weights)| {
            weights.retain(|weight| seen.insert(*weight));
            PartWeights { part, weights }
        })
    }

    fn layer_weights(&self) -> Vec<&Weight> {
        let layers = self.layers.iter().flat_map(|layer| layer.weights());
        layers.chain(self.final_norm.iter().flat_map(Norm::weights)).collect()
    }

    fn head_weights(&self) -> Vec<&Weight> {
        let dense = self
            .head
            .dense
            .iter()
            .flat_map(|Dense { linear, norm, .. }| linear.weights().chain(norm.iter().flat_map(Norm::weights)));
        dense.chain(self.head.classifier.weights()).collect()
    }
}

impl Embeddings {
    /// The tables of which each token reads a row.
    pub fn tables(&self) -> impl Iterator<Item = &Weight> {
        let positions = self.positions.as_ref().map(|positions| &positions.table);
        std::iter::once(&self.words).chain(&self.types).chain(positions)
    }

    fn weights(&self) -> Vec<&Weight> {
        let Embeddings { words, positions, types, projection_before, norm, projection_after } = self;
        let mut all = vec![words];
        all.extend(positions.iter().map(|positions| &positions.table));
        all.extend(types);
        all.extend(norm.weights());
        all.extend(projection_before.iter().chain(projection_after).flat_map(|linear| linear.weights()));
        all
    }
}

impl Layer {
    fn weights(&self) -> Vec<&Weight> {
        let FeedForward { up, down, .. } = &self.feed_forward;
        let mut all: Vec<&Weight> = self.attention.qkv.weights().chain(self.attention.output.weights()).collect();
        match &self.attention.score {
            Score::Plain => {}
            Score::Bias { table, .. } => all.push(table),
            Score::Relative { query_table, key_table, .. } => {
                for table in query_table.iter().chain(key_table) {
                    match table {
                        DistanceTable::Shared(weight) => all.push(weight),
                        DistanceTable::Projected(projected) => {
                            let Projected { embeddings, norm, linear, .. } = projected.as_ref();
                            all.push(embeddings);
                            all.extend(norm.iter().flat_map(Norm::weights).chain(linear.weights()));
                        }
                    }
                }
            }
        }
        all.extend(self.attention_norm.iter().flat_map(Norm::weights));
        all.extend(up.weights().chain(down.weights()).chain(self.feed_forward_norm.weights()));
        if let Some(Convolution { linear, norm, .. }) = &self.convolution {
            all.extend(linear.weights().chain(norm.weights()));
        }
        all
    }
}
