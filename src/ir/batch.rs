//! One batch: how large it may be, how large it is, and what it is given.

use super::{Input, Recording, Rows, Source, Tensor, Values, share};

/// What one batch can hold; the device's buffers are made for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BatchLimits {
    /// Tokens of all texts together: at least those of the longest text.
    pub tokens: usize,
    pub texts: usize,
}

impl BatchLimits {
    /// Whether a batch as large as this may be run where `others` hold.
    pub fn within(&self, others: &BatchLimits) -> bool {
        self.tokens <= others.tokens && self.texts <= others.texts
    }

    /// The lesser of each.
    pub fn least(self, other: BatchLimits) -> BatchLimits {
        BatchLimits { tokens: self.tokens.min(other.tokens), texts: self.texts.min(other.texts) }
    }

    /// As large as `size` where that is more, rounded up to a power of two, or to a few rows above one: a batch that has a
    /// text more, by which it is checked, does not need twice the room.
    pub(crate) fn grown(self, size: BatchLimits) -> BatchLimits {
        let grow = |has: usize, needs: usize, few: usize| match needs {
            _ if needs <= has => has,
            _ if needs <= few => few,
            _ => (needs - few).next_power_of_two() + few,
        };
        BatchLimits { tokens: grow(self.tokens, size.tokens, 8), texts: grow(self.texts, size.texts, 2) }
    }

    pub(crate) fn batch(&self) -> BatchSize {
        // Every text at least one token; the first takes what is left. Only sums matter here.
        let texts = self.texts.clamp(1, self.tokens.max(1)) as u32;
        BatchSize::new((0..texts).map(|text| if text == 0 { self.tokens as u32 - (texts - 1) } else { 1 }))
    }

    /// Rows to allocate for a tensor; `cu_seqlens` has one more than there are texts, and the tile list has at most a tile a token, or
    /// the slots of a tile a text.
    pub(crate) fn rows(&self, tensor: &Tensor, source: &Source) -> u64 {
        let rows = match tensor.rows {
            Rows::Tokens => self.tokens as u64,
            Rows::Texts => self.texts as u64,
            Rows::Fixed(count) => count.into(),
        };
        match source {
            Source::Input(Input::CuSeqlens) => rows + 1,
            Source::Input(Input::Tiles) => rows.max(self.texts as u64 * Slots::MOST),
            _ => rows,
        }
    }

    pub(crate) fn bytes(&self, tensor: &Tensor, source: &Source) -> u64 {
        self.rows(tensor, source) * tensor.row_bytes()
    }

    /// Why an adapter whose bindings span at most `limit` bytes cannot run the recording within these limits, before anything
    /// is allocated.
    pub(crate) fn check(&self, recording: &Recording, limit: u64) -> Result<(), String> {
        for step in &recording.steps {
            for (binding, tensor) in step.bound() {
                let source = &recording.tensors[tensor.id].1;
                let bytes = self.bytes(&tensor, source);
                if bytes <= limit {
                    continue;
                }
                let (what, kernel) = (binding.name, step.kernel.name());
                let cause = match source {
                    Source::Weight(weight, _) => format!("{}: the model is too large for it", weight.names.join(" + ")),
                    _ => format!("at {} tokens; lower the batch's capacity (`Options::batch_tokens`)", self.tokens),
                };
                return Err(format!("{what} of {kernel} has {bytes} bytes, but a binding may have {limit}: {cause}"));
            }
        }
        Ok(())
    }

    /// Bytes that a plan of this capacity allocates for what the steps of a batch compute.
    pub fn activation_bytes(&self, recording: &Recording) -> u64 {
        share(recording, &recording.constant_steps(), self).bytes.iter().sum()
    }
}

/// The sizes of one batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchSize {
    /// Tokens of each text, special tokens included.
    pub lengths: Vec<u32>,
    /// Their sum.
    pub tokens: u32,
}

impl BatchSize {
    pub fn new(lengths: impl IntoIterator<Item = u32>) -> BatchSize {
        let lengths: Vec<u32> = lengths.into_iter().collect();
        BatchSize { tokens: lengths.iter().sum(), lengths }
    }

    pub fn texts(&self) -> u32 {
        self.lengths.len() as u32
    }

    /// The least limits that it is within.
    pub fn limits(&self) -> BatchLimits {
        BatchLimits { tokens: self.tokens as usize, texts: self.lengths.len() }
    }

    pub fn rows(&self, rows: Rows) -> u32 {
        match rows {
            Rows::Tokens => self.tokens,
            Rows::Texts => self.texts(),
            Rows::Fixed(count) => count,
        }
    }

    /// Tiles of query rows, none of which spans two texts: (text, first position). Short texts have none where they have slots.
    pub fn tiles(&self, tiling: Tiling) -> impl Iterator<Item = [u32; 2]> + '_ {
        let texts = (0..).zip(&self.lengths).filter(move |(_, length)| !tiling.is_short(**length));
        texts.flat_map(move |(text, &length)| {
            (0..length).step_by(tiling.queries as usize).map(move |first| [text, first])
        })
    }

    /// The slots of short texts, tile by tile: (text, first position). A text has the slots that it needs beside each other, in
    /// the fullest tile that has room for it; slots that are left continue the one before.
    pub fn slots(&self, slots: Slots) -> Vec<[u32; 2]> {
        let count = slots.count as usize;
        let mut list: Vec<[u32; 2]> = Vec::new();
        // Tiles by the number of slots that they have left.
        let mut left: Vec<Vec<usize>> = vec![Vec::new(); count + 1];
        for (text, &length) in (0..).zip(&self.lengths).filter(|(_, length)| **length <= slots.longest()) {
            let needed = length.max(1).div_ceil(slots.rows) as usize;
            let (free, tile) = (needed..count).find_map(|free| Some((free, left[free].pop()?))).unwrap_or_else(|| {
                list.resize(list.len() + count, [0; 2]);
                (count, list.len() / count - 1)
            });
            // The last text of a tile has all that is left, until another comes.
            for (slot, place) in (0..).zip(&mut list[tile * count..][count - free..count]) {
                *place = [text, slot * slots.rows];
            }
            left[free - needed].push(tile);
        }
        list
    }

    /// The tile list: tiles, and beside them slots, each list as long as the longer of both.
    pub fn tile_list(&self, tiling: Option<Tiling>) -> Vec<[u32; 4]> {
        let Some(tiling) = tiling else { return Vec::new() };
        let mut tiles = self.tiles(tiling);
        let mut slots = tiling.slots.map(|slots| self.slots(slots)).unwrap_or_default().into_iter();
        let row = || match (tiles.next(), slots.next()) {
            (None, None) => None,
            (tile, slot) => {
                let ([text, first], [short, position]) = (tile.unwrap_or_default(), slot.unwrap_or_default());
                Some([text, first, short, position])
            }
        };
        std::iter::from_fn(row).collect()
    }
}

/// How attention shares the queries of a batch out to workgroups.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tiling {
    /// Query rows of a tile, all of one text.
    pub queries: u32,
    /// Where short texts share tiles.
    pub slots: Option<Slots>,
}

/// What a tile of short texts is divided into: a text has some of its slots, and no two texts have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slots {
    /// Query rows of a slot.
    pub rows: u32,
    /// Slots of a tile.
    pub count: u32,
}

impl Slots {
    /// Slots of any tile, at most.
    pub(crate) const MOST: u64 = 8;

    /// Tokens of the longest text that is short: it has a whole tile.
    pub const fn longest(self) -> u32 {
        self.rows * self.count
    }
}

impl Tiling {
    pub(super) fn is_short(self, length: u32) -> bool {
        self.slots.is_some_and(|slots| length <= slots.longest())
    }

    /// Rows of the tile list, at most.
    pub(crate) fn rows(self, limits: &BatchLimits) -> u64 {
        // Every text may leave one tile part empty, or have one of slots for itself.
        let tiles = limits.tokens.div_ceil(self.queries as usize) + limits.texts;
        let slots = self.slots.map_or(0, |slots| limits.texts * slots.count as usize);
        tiles.max(slots) as u64
    }
}

/// What one run computes on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Run<'a> {
    /// (id, type, position in the text, text in the batch) of each token.
    pub tokens: &'a [[u32; 4]],
    /// First token of each text, and the number of tokens.
    pub cu_seqlens: &'a [u32],
    /// Class of each text, where the recording wants a cross-entropy.
    pub classes: &'a [u32],
    /// `[texts, labels]`, where the recording wants another loss.
    pub targets: &'a [f32],
}

impl Run<'_> {
    pub fn size(&self) -> BatchSize {
        BatchSize::new(self.cu_seqlens.windows(2).map(|pair| pair[1] - pair[0]))
    }

    /// What a CPU twin is given as this input; no twin reads the tile list.
    pub fn input(&self, input: Input) -> Values {
        match input {
            Input::Tokens => Values::U32(self.tokens.as_flattened().to_vec()),
            Input::CuSeqlens => Values::U32(self.cu_seqlens.to_vec()),
            Input::Tiles => Values::U32(Vec::new()),
            Input::Classes => Values::U32(self.classes.to_vec()),
            Input::Targets { .. } => Values::F32(self.targets.to_vec()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ir::Random;

    const SLOTS: Slots = Slots { rows: 16, count: 4 };

    #[test]
    fn short_texts_share_tiles() {
        let size = BatchSize::new([17, 65, 3, 64, 16, 40, 9, 1]);
        let expected = [
            [[0, 0], [0, 16], [2, 0], [4, 0]],
            [[3, 0], [3, 16], [3, 32], [3, 48]],
            [[5, 0], [5, 16], [5, 32], [6, 0]],
            [[7, 0], [7, 16], [7, 32], [7, 48]],
        ];
        assert_eq!(size.slots(SLOTS), expected.concat());
        let tiling = Tiling { queries: 64, slots: Some(SLOTS) };
        assert_eq!(size.tiles(tiling).collect::<Vec<_>>(), [[1, 0], [1, 64]]);
        let list = size.tile_list(Some(tiling));
        assert_eq!((list.len(), list[1], list[2]), (16, [1, 64, 0, 16], [0, 0, 2, 0]));
        assert_eq!(size.tiles(Tiling { slots: None, ..tiling }).count(), 9, "where they have no slots each has a tile");
    }

    #[test]
    fn every_query_has_one_place() {
        let mut random = Random(3);
        for _ in 0..200 {
            let texts = random.next() % 40;
            let size = BatchSize::new((0..texts).map(|_| 1 + (random.next() % 90) as u32));
            let tiling = Tiling { queries: 64, slots: Some(SLOTS) };
            let mut places = vec![Vec::new(); size.lengths.len()];
            for [text, first] in size.tiles(tiling) {
                places[text as usize].extend(first..(first + 64).min(size.lengths[text as usize]));
            }
            for tile in size.slots(SLOTS).chunks(SLOTS.count as usize) {
                for (slot, &[text, first]) in tile.iter().enumerate() {
                    let start = slot.checked_sub((first / SLOTS.rows) as usize).expect("a text starts in its tile");
                    assert_eq!(tile[start], [text, 0], "its slots lie beside each other");
                    places[text as usize].extend(first..(first + SLOTS.rows).min(size.lengths[text as usize]));
                }
            }
            let all: Vec<Vec<u32>> = size.lengths.iter().map(|&length| (0..length).collect()).collect();
            assert_eq!(places, all);
            let rows = tiling.rows(&size.limits());
            assert!(size.tile_list(Some(tiling)).len() as u64 <= rows, "{rows} rows for {:?}", size.lengths);
        }
    }
}
