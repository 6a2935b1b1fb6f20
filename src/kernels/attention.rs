//! `output[i] = sum_j softmax_j(scale * (q_i . k_j + score_term(i, j)) + score_bias(i, j)) v_j`, head by head, within one text
//!
//! Vaswani et al. 2017; with the online softmax of Milakov & Gimelshein 2018 and Rabe & Staats 2021.

mod flash;

use super::{
    common,
    example::{self, Entry, Example, Operand, Shape, Sizes, given, random, written},
    write_output,
};
use crate::ir::{
    BatchSize, Binding, Capabilities, Element, Grid, Input, Kernel, Launch, Part, Recording, Rows, Shader, Storage,
    Tensor, Tiling, Uniform, Values, part, uniform::uniform,
};

pub const NAME: &str = "attention";

/// Where queries, keys and values lie, and what is added to their product; shared with
/// [`attention_weights`](super::attention_weights).
#[derive(Clone, Debug)]
pub struct Heads {
    /// `Tokens`, or `Texts` where only the first token of each text is a query.
    pub queries: Rows,
    pub heads: u32,
    /// Columns of one head.
    pub head_width: u32,
    /// Columns of the matrix that the queries start each row of.
    pub query_stride: u32,
    /// Columns of the matrix of keys and values, and where in a row the first of each lies.
    pub key_stride: u32,
    pub first_key: u32,
    pub first_value: u32,
    /// Keys further than this from the query are not seen.
    pub window: u32,
    /// Longest text: there are `2 max_length - 1` distances.
    pub max_length: u32,
    pub scale: f32,
    pub score: Term,
    /// Of queries, keys, tables and what is attended.
    pub element: Element,
}

/// What is added to `q . k`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Term {
    None,
    /// `q_i . query_table[r]` and `k_j . key_table[r]`, before the scale, with `r = buckets[i - j + max_length - 1]`.
    Relative {
        queries: bool,
        keys: bool,
        /// Whether all heads share the tables' rows.
        shared: bool,
    },
    /// `biases[r][head]`, after the scale.
    Bias,
}

#[derive(Clone, Debug)]
pub struct Attention(pub Heads);

/// The operands of attention: queries and the matrix of keys and values.
#[derive(Clone, Copy, Debug)]
pub struct Projections {
    /// `[query rows, hidden ...]`, the queries first in each row.
    pub queries: Tensor,
    /// `[tokens, ...]` with `hidden` keys from `first_key` on, then `hidden` values.
    pub keys: Tensor,
    pub first_key: usize,
}

impl Heads {
    /// Elements that are read at once: four where every width and offset allows it.
    fn chunk(&self) -> u32 {
        let widths = [self.head_width, self.query_stride, self.key_stride, self.first_key, self.first_value];
        if widths.iter().all(|width| width % 4 == 0) { 4 } else { 1 }
    }

    pub(super) fn parts(&self) -> Vec<Part> {
        let score = match self.score {
            Term::None => part!("attention/score_plain"),
            Term::Relative { .. } => part!("attention/score_relative"),
            Term::Bias => part!("attention/score_bias"),
        };
        self.with_heads(self.chunk(), &[score])
    }

    /// [`Heads::parts`] where eight queries meet eight keys at once.
    fn block_parts(&self) -> Vec<Part> {
        match self.score {
            Term::None => self.with_heads(4, &[part!("cpu/scores_plain")]),
            Term::Relative { .. } => self.with_heads(4, &[part!("cpu/distances"), part!("cpu/scores_relative")]),
            Term::Bias => self.with_heads(4, &[part!("cpu/distances"), part!("cpu/scores_bias")]),
        }
    }

    fn with_heads(&self, chunk: u32, score: &[Part]) -> Vec<Part> {
        let [element, row, heads] = [common::element(self.element), common::row(chunk), part!("attention/heads")];
        [&[element, row, common::BATCH, common::MATH, heads], score].concat()
    }

    pub(super) fn constants(&self, shader: Shader) -> Shader {
        match self.score {
            Term::None | Term::Bias => shader,
            Term::Relative { queries, keys, .. } => {
                shader.constant("QUERY_TERM", u32::from(queries)).constant("KEY_TERM", u32::from(keys))
            }
        }
    }

    /// Columns of a row of the distance tables, and from one head's part of it to the next.
    fn table_layout(&self) -> (u32, u32) {
        match self.score {
            Term::Relative { shared: false, .. } => (self.heads * self.head_width, self.head_width),
            _ => (self.head_width, 0),
        }
    }

    pub(super) fn uniform(&self) -> Uniform {
        let chunk = self.chunk();
        let (table_stride, table_head) = self.table_layout();
        Params {
            heads: self.heads,
            head_width: self.head_width / chunk,
            query_stride: self.query_stride / chunk,
            key_stride: self.key_stride / chunk,
            first_key: self.first_key / chunk,
            first_value: self.first_value / chunk,
            window: self.window,
            max_length: self.max_length,
            table_stride: table_stride / chunk,
            table_head: table_head / chunk,
            scale: self.scale,
        }
        .into()
    }

    /// Softmax over the keys of one query: `weights[j]` for every key of the text that starts at row `start`.
    pub(super) fn weights(&self, operands: &[Values], head: usize, query: Query, weights: &mut [f32]) {
        let [queries, keys, query_table, key_table] = [0, 1, 5, 6].map(|operand| operands[operand].f32());
        let width = self.head_width as usize;
        let q = &queries[query.row * self.query_stride as usize + head * width..][..width];
        for (j, weight) in weights.iter_mut().enumerate() {
            let k = self.row(keys, query.start + j, self.first_key, head);
            let mut score = dot(q, k);
            let bucket = || operands[7].u32()[query.position + self.max_length as usize - 1 - j] as usize;
            let mut bias = 0.0;
            match self.score {
                Term::None => {}
                Term::Relative { queries, keys, .. } => {
                    let (stride, part) = self.table_layout();
                    let place = bucket() * stride as usize + head * part as usize;
                    score += if queries { dot(q, &query_table[place..place + width]) } else { 0.0 };
                    score += if keys { dot(k, &key_table[place..place + width]) } else { 0.0 };
                }
                Term::Bias => bias = query_table[bucket() * self.heads as usize + head],
            }
            let visible = query.position.abs_diff(j) <= self.window as usize;
            *weight = if visible { score * self.scale + bias } else { f32::NEG_INFINITY };
        }
        let row_max = weights.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        weights.iter_mut().for_each(|weight| *weight = (*weight - row_max).exp());
        let row_sum: f32 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= row_sum);
    }

    fn row<'a>(&self, keys: &'a [f32], row: usize, first: u32, head: usize) -> &'a [f32] {
        let width = self.head_width as usize;
        &keys[row * self.key_stride as usize + first as usize + head * width..][..width]
    }

    /// Pairs of query and key within the window, all texts.
    pub(super) fn pairs(&self, batch: &BatchSize) -> u64 {
        let reach = |i: u32, length: u32| {
            let end = length.min(i.saturating_add(self.window).saturating_add(1));
            u64::from(end - i.saturating_sub(self.window))
        };
        let queries = |length: u32| if self.queries == Rows::Texts { 1 } else { length };
        batch.lengths.iter().map(|&length| (0..queries(length)).map(|i| reach(i, length)).sum::<u64>()).sum()
    }
}

/// A query: its row in the query matrix, its position in the text, and the row of the text's first key.
#[derive(Clone, Copy)]
pub(super) struct Query {
    pub row: usize,
    pub position: usize,
    pub start: usize,
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// The tensors that a score's terms read, in the order of the bindings.
#[derive(Clone, Copy, Debug, Default)]
pub struct ScoreTables {
    /// What queries meet, or the biases.
    pub query_table: Option<Tensor>,
    /// What keys meet; where only one of the two terms is there, its table is bound as both.
    pub key_table: Option<Tensor>,
    pub buckets: Option<Tensor>,
}

/// The attended values: `[query rows, hidden]`.
pub fn record(recording: &mut Recording, heads: Heads, projections: Projections, tables: ScoreTables) -> Tensor {
    let cu_seqlens = recording.input(Input::CuSeqlens);
    let tiles = (heads.queries == Rows::Tokens).then(|| recording.input(Input::Tiles));
    let output = recording.activation(heads.queries, (heads.heads * heads.head_width) as usize);
    let Projections { queries, keys, .. } = projections;
    let ScoreTables { query_table, key_table, buckets } = tables;
    let operands = [Some(queries), Some(keys), Some(output), Some(cu_seqlens), tiles, query_table, key_table, buckets];
    recording.step(Attention(heads), &operands);
    output
}

uniform!(
    struct Params {
        heads: u32,
        head_width: u32,
        query_stride: u32,
        key_stride: u32,
        first_key: u32,
        first_value: u32,
        window: u32,
        max_length: u32,
        table_stride: u32,
        table_head: u32,
        scale: f32,
    }
);

impl Kernel for Attention {
    fn name(&self) -> &'static str {
        NAME
    }

    fn bindings(&self) -> &'static [Binding] {
        const BINDINGS: &[Binding] = &[
            Binding::read(0, "queries"),
            Binding::read(1, "keys"),
            Binding::write(2, "output"),
            Binding::read(3, "cu_seqlens"),
            Binding::read(4, "tiles"),
            Binding::read(5, "query_table"),
            Binding::read(6, "key_table"),
            Binding::read(7, "buckets"),
        ];
        BINDINGS
    }

    fn params(&self) -> Uniform {
        self.0.uniform()
    }

    fn launch(&self, device: &Capabilities, _batch: &BatchSize) -> Launch {
        let heads = &self.0;
        let flash = heads.flash(device);
        let slots = heads.slots(flash, device);
        let grid = match self.tiling(device) {
            Some(tiling) => Grid::Tiles { tiling, heads: heads.heads },
            None => {
                let shortest = slots.map_or(0, |slots| slots.longest() + 1);
                Grid::Texts { shortest, longest: u32::MAX, heads: heads.heads }
            }
        };
        Launch { shader: heads.constants(heads.link(flash, slots, device)), grid }
    }

    fn short_texts(&self, device: &Capabilities) -> Option<Launch> {
        let heads = &self.0;
        let flash = heads.flash(device);
        let slots = heads.slots(flash, device)?;
        let grid = match heads.queries {
            Rows::Texts => Grid::Texts { shortest: 0, longest: slots.longest(), heads: heads.heads },
            _ => Grid::SharedTiles { slots, heads: heads.heads },
        };
        Some(Launch { shader: heads.constants(heads.link_short(flash, slots, device)), grid })
    }

    fn tiling(&self, device: &Capabilities) -> Option<Tiling> {
        let flash = self.0.flash(device);
        let tiling = || Tiling { queries: flash.queries(), slots: self.0.slots(flash, device) };
        (self.0.queries == Rows::Tokens).then(tiling)
    }

    fn reference(&self, batch: &BatchSize, operands: &mut [Values]) {
        let heads = &self.0;
        let width = heads.head_width as usize;
        write_output(operands, 2, |operands, output| {
            let keys = operands[1].f32();
            let mut start = 0;
            for (text, &length) in batch.lengths.iter().enumerate() {
                let length = length as usize;
                let mut weights = vec![0.0; length];
                let query_rows = if heads.queries == Rows::Texts { 0..1 } else { 0..length };
                for position in query_rows {
                    let row = if heads.queries == Rows::Texts { text } else { start + position };
                    let query = Query { row, position, start };
                    for head in 0..heads.heads as usize {
                        heads.weights(operands, head, query, &mut weights);
                        let place = (row * heads.heads as usize + head) * width;
                        let acc = &mut output[place..place + width];
                        acc.fill(0.0);
                        for (j, weight) in weights.iter().enumerate() {
                            let v = heads.row(keys, start + j, heads.first_value, head);
                            acc.iter_mut().zip(v).for_each(|(acc, v)| *acc += weight * v);
                        }
                    }
                }
                start += length;
            }
        });
    }

    fn operations(&self, batch: &BatchSize) -> u64 {
        4 * self.0.pairs(batch) * u64::from(self.0.heads * self.0.head_width)
    }
}

/// What tests and benchmarks run.
pub const ENTRY: Entry = Entry {
    name: NAME,
    storages: example::ROWS,
    examples: |storage| examples(storage, &[Rows::Tokens, Rows::Texts], Attention::example),
    sized: |shape| Attention(Heads::sized(shape)).example(shape.lengths()),
    sizes: Sizes { lengths: &[128, 512], ..Sizes::ROWS },
};

/// Heads of 64 columns, as BERT-base's, from its width on; narrower models have heads of 32.
pub(super) fn head_width(columns: u32) -> u32 {
    let wanted = if columns >= 768 { 64 } else { 32 };
    if columns.is_multiple_of(wanted) { wanted } else { columns }
}

/// Rows of the tables of examples, which are in no order.
const BUCKETS: u32 = 50;

impl Attention {
    /// Attention over random numbers.
    pub fn example(self, lengths: Vec<u32>) -> Example {
        let heads = &self.0;
        let [queries, keys] = heads.projections();
        let output = written(heads.queries, heads.heads * heads.head_width, heads.element);
        let tiles = (heads.queries == Rows::Tokens).then_some(Operand::Tiles);
        let [query_table, key_table, buckets] = heads.tables();
        let operands =
            [Some(queries), Some(keys), Some(output), Some(Operand::CuSeqlens), tiles, query_table, key_table, buckets];
        Example::new(self, lengths, operands).within(5e-6)
    }
}

impl Heads {
    /// Queries, keys and values of a layer side by side; where only the first token of each text is a query, its queries
    /// lie in a matrix of their own.
    pub fn of_size(heads: u32, head_width: u32, queries: Rows, element: Element) -> Heads {
        let hidden = heads * head_width;
        let [before, all] = if queries == Rows::Texts { [0, 2] } else { [1, 3] };
        Heads {
            queries,
            heads,
            head_width,
            query_stride: if queries == Rows::Texts { hidden } else { all * hidden },
            key_stride: all * hidden,
            first_key: before * hidden,
            first_value: (before + 1) * hidden,
            window: u32::MAX,
            max_length: 512,
            scale: 1.0 / (head_width as f32).sqrt(),
            score: Term::None,
            element,
        }
    }

    pub(super) fn sized(shape: &Shape) -> Heads {
        let width = head_width(shape.columns);
        let heads = Heads::of_size(shape.columns / width, width, Rows::Tokens, shape.storage.activations());
        Heads { max_length: shape.length.unwrap_or(1), ..heads }
    }

    pub(super) fn projections(&self) -> [Operand; 2] {
        let keys = random(Rows::Tokens, self.key_stride, self.element);
        match self.queries {
            Rows::Texts => [random(Rows::Texts, self.query_stride, self.element), keys],
            _ => [keys, Operand::Same(0)],
        }
    }

    /// What the score's terms read.
    pub(super) fn tables(&self) -> [Option<Operand>; 3] {
        let columns = match self.score {
            Term::None => return [None, None, None],
            Term::Relative { .. } => self.table_layout().0,
            Term::Bias => self.heads,
        };
        let table = || random(Rows::Fixed(BUCKETS), columns, self.element);
        let key_table = matches!(self.score, Term::Relative { .. }).then(table);
        let distances = 2 * self.max_length - 1;
        let buckets = Values::U32((0..distances).map(|distance| distance * 37 % BUCKETS).collect());
        [Some(table()), key_table, Some(given(Rows::Fixed(distances), 1, Element::U32, buckets))]
    }
}

/// Heads of every size of register file, by ones and by fours, with windows, terms and kinds of query.
pub(super) fn examples(storage: Storage, queries: &[Rows], of: fn(Attention, Vec<u32>) -> Example) -> Vec<Example> {
    let relative = |queries, keys, shared| Term::Relative { queries, keys, shared };
    let scores = [
        (u32::MAX, Term::None),
        (3, Term::None),
        (64, Term::None),
        (u32::MAX, relative(true, false, true)),
        (64, relative(true, false, true)),
        (u32::MAX, relative(true, true, true)),
        (u32::MAX, relative(true, true, false)),
        (64, relative(true, true, false)),
        (u32::MAX, relative(false, true, false)),
        (40, relative(false, true, false)),
        (u32::MAX, Term::Bias),
        (64, Term::Bias),
    ];
    let mut all = Vec::new();
    for head_width in [1, 4, 7, 8, 15, 16, 20, 24, 26, 30, 32, 33, 48, 63, 64, 80, 128, 256] {
        for (window, score) in scores {
            // A score's part does not know the registers: a width or two of each way to read stand for all, and the
            // largest, which take a software adapter seconds to compile, are compiled once.
            let every_score = matches!(head_width, 7 | 16 | 26 | 32) && window != 64;
            let near = window == 3 && !matches!(head_width, 20 | 80 | 128 | 256);
            let once = if head_width == 80 { relative(true, true, false) } else { Term::None };
            let runs = every_score || near || score == once && window == u32::MAX && head_width != 256;
            for &queries in queries {
                let heads = Heads::of_size(3, head_width, queries, storage.activations());
                let attention = Attention(Heads { window, max_length: 70, score, ..heads });
                let example = of(attention, vec![1, 31, 32, 33, 70, 2, 65]);
                all.push(if runs { example } else { example.translated() });
            }
        }
    }
    all
}
