//! Every kernel on the adapter against its CPU twin: odd shapes, poisoned outputs.

mod common;
#[path = "kernels/tiles.rs"]
mod tiles;

use common::{Case, Random, check, check_on, elements, storages};
use std::sync::Arc;
use wgbert::gpu::Gpu;
use wgbert::ir::{Element, Input, Kernel, Rows, Storage, Tensor, Values};
use wgbert::kernels::{
    Activation, Half, Pooling,
    argmax::Argmax,
    attention::{Attention, Heads, Term},
    attention_weights::AttentionWeights,
    elementwise::Elementwise,
    embed::Embed,
    gate::Gate,
    layernorm::LayerNorm,
    loss::{Loss, LossKind},
    matmul::MatMul,
    pool::Pool,
    rotary::{self, Rotary},
    softmax::Softmax,
    unfold::Unfold,
};

/// One below, at and above the edges of subgroups, workgroups and tiles, and widths that no power of two divides.
const EDGES: &[u32] = &[1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129];

/// Lengths of texts whose sum is `tokens`, of no regular shape.
fn lengths(tokens: u32) -> Vec<u32> {
    let mut lengths = Vec::new();
    let mut left = tokens;
    for length in [1, 33, 5, 64, 2].into_iter().cycle() {
        let length = length.min(left);
        lengths.push(length);
        left -= length;
        if left == 0 {
            return lengths;
        }
    }
    unreachable!("the cycle does not end")
}

#[test]
fn embed() {
    for columns in [1, 63, 64, 65, 128, 770] {
        let options = [(false, false), (true, true), (true, false), (false, true)];
        for (storage, (positions, types)) in storages().into_iter().flat_map(|storage| options.map(|o| (storage, o))) {
            let mut case = Case::stored_as(storage, lengths(70));
            let mut random = Random::new(columns.into());
            let tokens = case.recording.input(Input::Tokens);
            let output = case.recording.stored(Rows::Tokens, columns as usize);
            let mut table = |case: &mut Case, rows: u32| case.constant(rows, columns, random.numbers(rows * columns));
            let position_table = positions.then(|| table(&mut case, 66));
            let type_table = types.then(|| table(&mut case, 2));
            // The vocabulary of 50 in two parts of unequal size: each step writes its share of the rows.
            for (first_id, ids) in [(0, 31), (31, 19)] {
                let words = case.weight(ids, columns, random.numbers(ids * columns));
                let kernel = Embed { columns, first_id, ids, positions, types, storage };
                case.recording.step(kernel, &[Some(tokens), Some(words), Some(output), position_table, type_table]);
            }
            case.output(output);
            check(&format!("embed {storage:?} {columns} {positions} {types}"), case, 1e-6);
        }
    }
}

#[test]
fn layernorm() {
    layernorm_cases(&common::gpu());
}

fn layernorm_cases(gpu: &Arc<Gpu>) {
    for columns in [1, 2, 7, 8, 9, 63, 64, 65, 128, 768, 770, 1757, 2049] {
        let options = [(false, false), (true, false), (true, true)];
        for (element, (bias, residual)) in elements().into_iter().flat_map(|element| options.map(|o| (element, o))) {
            let mut case = Case::of_rows(element, lengths(9));
            let mut random = Random::new(columns.into());
            let input = case.rows(Rows::Tokens, columns, &mut random);
            let residual = residual.then(|| case.rows(Rows::Tokens, columns, &mut random));
            let weight = case.vector(columns, random.numbers(columns));
            let bias = bias.then(|| case.vector(columns, random.numbers(columns)));
            let output = case.recording.stored(Rows::Tokens, columns as usize);
            let kernel = LayerNorm {
                rows: Rows::Tokens,
                columns,
                epsilon: 1e-5,
                bias: bias.is_some(),
                residual: residual.is_some(),
                element,
            };
            case.recording.step(kernel, &[Some(input), Some(weight), Some(output), bias, residual]);
            case.output(output);
            check_on(gpu, &format!("layernorm {element:?} {columns}"), case, 2e-5);
        }
    }
}

fn matmul_case(rows: u32, inner: u32, columns: u32, activation: Activation, extras: bool) {
    for storage in storages() {
        let case = matmul_steps(storage, rows, inner, columns, activation, extras);
        // A sum of `inner` products of numbers below 1 in f32, in another order than the twin's.
        let tolerance = 1e-6 * f64::from(inner).sqrt().max(4.0);
        check(&format!("matmul {storage:?} {rows} x {inner} x {columns} {activation:?} {extras}"), case, tolerance);
    }
}

/// The first rows of the input and the weight depend on `inner` and `columns` alone. With extras the output is stored as
/// the input is, without them it is f32.
fn matmul_steps(storage: Storage, rows: u32, inner: u32, columns: u32, activation: Activation, extras: bool) -> Case {
    matmul_as(storage, rows, inner, columns, activation, extras, |kernel| kernel)
}

/// The same with what `kernel` makes of the product.
fn matmul_as<K: Kernel + 'static>(
    storage: Storage,
    rows: u32,
    inner: u32,
    columns: u32,
    activation: Activation,
    extras: bool,
    kernel: impl Fn(MatMul) -> K,
) -> Case {
    let mut case = Case::stored_as(storage, lengths(rows));
    let mut random = Random::new(u64::from(inner * 3 + columns));
    // With extras the used columns are the middle of a wider weight, as well aligned as the columns.
    let (first, weight_columns) = match (extras, columns % 8) {
        (false, _) => (0, columns),
        (true, 0) => (8, columns + 24),
        (true, _) => (5, columns + 9),
    };
    let weight = case.weight(inner, weight_columns, random.numbers(inner * weight_columns));
    let bias = extras.then(|| case.vector(weight_columns, random.numbers(weight_columns)));
    let input = case.rows(Rows::Tokens, inner, &mut random);
    let output = match extras {
        true => case.recording.stored(Rows::Tokens, columns as usize),
        false => case.recording.tensor(Rows::Tokens, columns as usize),
    };
    let residual = extras.then(|| case.rows(Rows::Tokens, columns, &mut random));
    let kernel = kernel(MatMul {
        rows: Rows::Tokens,
        inner,
        columns,
        weight_columns,
        first,
        activation,
        bias: extras,
        residual: extras,
        storage,
        output: output.element,
    });
    case.recording.step(kernel, &[Some(input), Some(weight), Some(output), bias, residual]);
    case.output(output);
    case
}

#[test]
fn matmul() {
    for &edge in EDGES {
        matmul_case(edge, 33, 65, Activation::Identity, false);
        matmul_case(17, edge, 66, Activation::Identity, true);
        matmul_case(65, 31, edge, Activation::Identity, true);
    }
    for (rows, inner, columns) in [(1, 770, 770), (67, 770, 1757), (3, 1757, 3), (130, 768, 256), (1, 128, 3)] {
        matmul_case(rows, inner, columns, Activation::Identity, true);
        matmul_case(rows, inner, columns, Activation::Gelu, false);
    }
    // Whole vectors, whole tiles and one vector more or less.
    for &edge in EDGES {
        matmul_case(edge, 36, 72, Activation::Identity, true);
        matmul_case(17, 4 * edge, 56, Activation::Identity, false);
        matmul_case(33, 8, 8 * edge, Activation::Identity, true);
    }
    for activation in Activation::ALL {
        matmul_case(33, 16, 40, activation, true);
        matmul_case(33, 16, 39, activation, true);
    }
}

/// A row's answer depends neither on the rows beside it nor on the tile that computes it, to the last bit.
#[test]
fn matmul_rows_are_independent() {
    let sizes = [(128, 384), (384, 128), (36, 72), (770, 33), (768, 3), (384, 1)];
    for (storage, (inner, columns)) in storages().into_iter().flat_map(|storage| sizes.map(|s| (storage, s))) {
        let case = |rows| matmul_steps(storage, rows, inner, columns, Activation::Gelu, false);
        let all = common::run(common::gpu(), case(67));
        let bits = |values: &Values, rows: u32| -> Vec<u32> {
            values.f32()[..(rows * columns) as usize].iter().map(|x| x.to_bits()).collect()
        };
        for rows in [1, 2, 8, 9, 16, 17, 33, 64, 65] {
            let some = common::run(common::gpu(), case(rows));
            assert!(bits(&some[0], rows) == bits(&all[0], rows), "{inner} x {columns}: {rows} rows and 67 differ");
        }
        let plain = common::run(common::plain_gpu(), case(67));
        assert!(bits(&plain[0], 67) == bits(&all[0], 67), "{inner} x {columns}: this adapter's tile and the plain one");
    }
}

#[test]
fn matmul_on_tensor_cores() {
    let Some(gpu) = common::matrix_gpu() else { return };
    let compare = |storage, rows, inner: u32, columns, activation, extras| {
        let case = matmul_steps(storage, rows, inner, columns, activation, extras);
        let name = format!("matmul {storage:?} {rows} x {inner} x {columns} {activation:?} {extras}");
        let worst = common::compare(&name, gpu.clone(), case, 1e-6 * f64::from(inner).sqrt().max(4.0));
        println!("{name}: {worst:.1e}");
    };
    for storage in storages() {
        for &edge in EDGES {
            compare(storage, edge, 33, 65, Activation::Identity, false);
            compare(storage, 17, edge, 66, Activation::Identity, true);
            compare(storage, 65, 31, edge, Activation::Identity, true);
        }
        for (rows, inner, columns) in [(1, 770, 770), (67, 770, 757), (130, 768, 256), (1, 128, 3)] {
            compare(storage, rows, inner, columns, Activation::Gelu, true);
        }
        for (inner, columns) in [(128, 384), (384, 33), (36, 72), (770, 3), (384, 1)] {
            let case = |rows| matmul_steps(storage, rows, inner, columns, Activation::Gelu, false);
            let all = common::run(gpu.clone(), case(67));
            for rows in [1, 2, 8, 9, 16, 17, 33, 64, 65] {
                let some = common::run(gpu.clone(), case(rows));
                let same = |(a, b): (&f32, &f32)| a.to_bits() == b.to_bits();
                assert!(some[0].f32().iter().zip(all[0].f32()).all(same), "{inner} x {columns}: {rows} rows and 67");
            }
        }
    }
}

/// What is stored as f32 comes out of f16 tensor cores about as exact as out of f32 arithmetic.
#[test]
fn matmul_in_two_parts_is_as_exact_as_f32() {
    let Some(matrix) = common::matrix_gpu() else { return };
    let (rows, columns) = (64, 128);
    for (inner, largest) in [(768, 1e2), (768, 1e6), (3072, 1e2)] {
        // Activations of many magnitudes, also beyond f16's largest, and weights as a trained model's.
        let magnitudes = |i: usize| largest * 10f32.powi(-(i as i32 % 5));
        let input = Random::new(1).numbers(rows * inner).into_iter().enumerate().map(|(i, x)| x * magnitudes(i));
        let input: Vec<f32> = input.collect();
        let weight = Random::new(2).scaled(0.05).numbers(inner * columns);
        let answers = |gpu| {
            let mut case = Case::new(lengths(rows));
            let [x, w] = [(Rows::Tokens, inner, &input), (Rows::Fixed(inner), columns, &weight)]
                .map(|(rows, columns, values)| case.given(rows, columns, values.clone()));
            let output = case.recording.tensor(Rows::Tokens, columns as usize);
            let kernel = MatMul {
                rows: Rows::Tokens,
                inner,
                columns,
                weight_columns: columns,
                first: 0,
                activation: Activation::Identity,
                bias: false,
                residual: false,
                storage: Storage::F32,
                output: Element::F32,
            };
            case.recording.step(kernel, &[Some(x), Some(w), Some(output), None, None]);
            case.output(output);
            common::run(gpu, case)[0].f32().to_vec()
        };
        // The error, and the same relative to the sum of the products' magnitudes, which is what rounding scales with.
        let errors = |answers: &[f32]| {
            let mut worst = [0.0f64; 2];
            for (index, &answer) in answers.iter().enumerate() {
                let (row, column) = (index / columns as usize, index % columns as usize);
                let product = |k: usize| {
                    let x = f64::from(input[row * inner as usize + k]);
                    x * f64::from(weight[k * columns as usize + column])
                };
                let exact: f64 = (0..inner as usize).map(product).sum();
                let size: f64 = (0..inner as usize).map(|k| product(k).abs()).sum();
                let error = (f64::from(answer) - exact).abs();
                worst = [worst[0].max(error), worst[1].max(error / size)];
            }
            worst
        };
        let [[error, relative], [plain_error, plain]] =
            [matrix.clone(), common::plain_gpu()].map(|gpu| errors(&answers(gpu)));
        println!("inner {inner}, up to {largest:e}: tensor cores {error:.1e}, relative {relative:.1e}");
        println!("inner {inner}, up to {largest:e}: f32 arithmetic {plain_error:.1e}, relative {plain:.1e}");
        assert!(relative < 1e-6, "inner {inner}, up to {largest:e}: {relative:e}, f32 arithmetic {plain:e}");
    }
}

fn heads(element: Element, queries: Rows, heads: u32, head_width: u32, window: u32, score: Term) -> Heads {
    let hidden = heads * head_width;
    let narrow = queries == Rows::Texts;
    Heads {
        queries,
        heads,
        head_width,
        query_stride: if narrow { hidden } else { 3 * hidden },
        key_stride: if narrow { 2 * hidden } else { 3 * hidden },
        first_key: if narrow { 0 } else { hidden },
        first_value: if narrow { hidden } else { 2 * hidden },
        window,
        max_length: 70,
        scale: 1.0 / (head_width as f32).sqrt(),
        score,
        element,
    }
}

/// Tables for 139 distances in 50 buckets, in no order, where the heads' score has them.
fn score_tables(case: &mut Case, heads: &Heads) -> [Option<Tensor>; 3] {
    let mut random = Random::new(heads.head_width.into());
    let columns = match heads.score {
        Term::None => return [None; 3],
        Term::Relative { shared: false, .. } => heads.heads * heads.head_width,
        Term::Relative { shared: true, .. } => heads.head_width,
        Term::Bias => heads.heads,
    };
    let mut table = || case.constant(50, columns, random.numbers(50 * columns));
    let query_table = Some(table());
    let key_table = matches!(heads.score, Term::Relative { .. }).then(table);
    let buckets = Values::U32((0..139).map(|distance| distance * 37 % 50).collect());
    [query_table, key_table, Some(case.recording.constant(Rows::Fixed(139), 1, buckets))]
}

fn attention_cases(gpu: &Arc<Gpu>, weights: bool) {
    for head_width in [1, 7, 8, 16, 20, 24, 26, 32, 33, 48, 64, 80, 128] {
        let relative = |queries, keys, shared| Term::Relative { queries, keys, shared };
        for (window, score) in [
            (u32::MAX, Term::None),
            (3, Term::None),
            (u32::MAX, relative(true, false, true)),
            (u32::MAX, relative(true, true, true)),
            (u32::MAX, relative(true, true, false)),
            (40, relative(false, true, false)),
            (u32::MAX, Term::Bias),
        ] {
            // A score's part does not know the registers: a width or two of each way to read stand for all, and the
            // largest, which take a software adapter seconds to compile, are compiled once.
            let all = matches!(head_width, 7 | 16 | 26 | 32);
            let once = if head_width == 80 { relative(true, true, false) } else { Term::None };
            let window_too = window == 3 && !matches!(head_width, 20 | 80 | 128);
            if !(all || window_too || score == once && window == u32::MAX) {
                continue;
            }
            let rows = [Rows::Tokens, Rows::Texts];
            for (element, queries) in elements().into_iter().flat_map(|element| rows.map(|rows| (element, rows))) {
                if weights && queries == Rows::Texts {
                    continue;
                }
                let heads = heads(element, queries, 3, head_width, window, score);
                let mut case = Case::of_rows(element, vec![1, 31, 32, 33, 70, 2, 65]);
                let mut random = Random::new(head_width.into());
                let keys = case.rows(Rows::Tokens, heads.key_stride, &mut random);
                let query_matrix = match queries {
                    Rows::Texts => case.rows(Rows::Texts, heads.query_stride, &mut random),
                    _ => keys,
                };
                let [cu_seqlens, tiles, tokens] =
                    [Input::CuSeqlens, Input::Tiles, Input::Tokens].map(|input| case.recording.input(input));
                let [table, second, buckets] = score_tables(&mut case, &heads);
                let name = format!("attention {element:?} {head_width} {window} {score:?} {queries:?} {weights}");
                if weights {
                    let output = case.recording.tensor(Rows::Tokens, 3 * 70);
                    let operands = [
                        Some(query_matrix),
                        Some(keys),
                        Some(output),
                        Some(cu_seqlens),
                        Some(tokens),
                        table,
                        second,
                        buckets,
                    ];
                    case.recording.step(AttentionWeights { heads, longest: 70 }, &operands);
                    case.output(output);
                } else {
                    let output = case.recording.stored(queries, (3 * head_width) as usize);
                    let tiles = (queries == Rows::Tokens).then_some(tiles);
                    let operands =
                        [Some(query_matrix), Some(keys), Some(output), Some(cu_seqlens), tiles, table, second, buckets];
                    case.recording.step(Attention(heads), &operands);
                    case.output(output);
                }
                check_on(gpu, &name, case, 5e-6);
            }
        }
    }
}

#[test]
fn attention() {
    attention_cases(&common::gpu(), false);
}

#[test]
fn attention_on_cards() {
    attention_cases(&common::card_gpu(), false);
}

#[test]
fn attention_on_tensor_cores() {
    let Some(gpu) = common::matrix_gpu() else { return };
    attention_cases(&gpu, false);
    independent_texts(&gpu);
}

/// A text's answer depends neither on its neighbours nor on whether all its tokens ask, to the last bit.
#[test]
fn attention_texts_are_independent() {
    independent_texts(&common::gpu());
}

#[test]
fn attention_texts_are_independent_on_cards() {
    independent_texts(&common::card_gpu());
}

fn independent_texts(gpu: &Arc<Gpu>) {
    let relative = Term::Relative { queries: true, keys: true, shared: true };
    let plain = [16, 26, 32, 64, 80].map(|width| (width, u32::MAX, Term::None));
    let scored = [26, 32].into_iter().flat_map(|width| [relative, Term::Bias].map(|score| (width, u32::MAX, score)));
    let shapes: Vec<_> = plain.into_iter().chain(scored).chain([(32, 40, Term::None)]).collect();
    for (element, &(head_width, window, score)) in elements().iter().flat_map(|&e| shapes.iter().map(move |s| (e, s))) {
        // As long as the tables reach, where there are any.
        let length = if score == Term::None { 165 } else { 70 };
        let columns = 3 * head_width;
        let answers = |first_text: u32, lengths: Vec<u32>, queries| {
            let mut case = Case::of_rows(element, lengths);
            let of_text = |text: u32, length: u32, columns: u32| Random::new(text.into()).numbers(length * columns);
            let rows = |columns: u32| -> Vec<f32> {
                (first_text..).zip(&case.size.lengths).flat_map(|(text, &n)| of_text(text, n, columns)).collect()
            };
            let heads = Heads {
                query_stride: columns,
                key_stride: 3 * columns,
                first_key: columns,
                first_value: 2 * columns,
                ..heads(element, queries, 3, head_width, window, score)
            };
            let qkv = rows(3 * columns);
            let (_, first_rows) = common::texts(&case.size);
            let query = |row: u32| qkv[(row * 3 * columns) as usize..][..columns as usize].to_vec();
            let query_matrix = match queries {
                Rows::Texts => first_rows[..case.size.lengths.len()].iter().flat_map(|&row| query(row)).collect(),
                _ => (0..case.size.tokens).flat_map(query).collect(),
            };
            let keys = case.given(Rows::Tokens, 3 * columns, qkv.clone());
            let query_matrix = case.given(queries, columns, query_matrix);
            let [cu_seqlens, tiles] = [Input::CuSeqlens, Input::Tiles].map(|input| case.recording.input(input));
            let output = case.recording.stored(queries, columns as usize);
            let tiles = (queries == Rows::Tokens).then_some(tiles);
            let [query_table, key_table, buckets] = score_tables(&mut case, &heads);
            let operands = [
                Some(query_matrix),
                Some(keys),
                Some(output),
                Some(cu_seqlens),
                tiles,
                query_table,
                key_table,
                buckets,
            ];
            case.recording.step(Attention(heads), &operands);
            case.output(output);
            let bits = |x: &f32| x.to_bits();
            common::run(gpu.clone(), case)[0].f32().iter().map(bits).collect::<Vec<_>>()
        };
        let together = answers(0, vec![3, length, 9], Rows::Tokens);
        let alone = answers(1, vec![length], Rows::Tokens);
        let middle = &together[(3 * columns) as usize..((3 + length) * columns) as usize];
        let name = format!("{element:?}, head width {head_width}, window {window}, {score:?}");
        assert!(alone == middle, "{name}: a text alone and among others differ");
        let first = answers(1, vec![length], Rows::Texts);
        assert!(first[..] == alone[..columns as usize], "{name}: the first token alone differs");
    }
}

#[test]
fn attention_weights() {
    attention_cases(&common::gpu(), true);
}

#[test]
fn rotary() {
    for half in [1, 4, 13, 32, 33] {
        let sizes = [(1, 1), (3, 2)];
        for (element, (heads, rotated)) in elements().into_iter().flat_map(|element| sizes.map(|s| (element, s))) {
            let mut case = Case::of_rows(element, lengths(66));
            let columns = heads * 2 * half + 5;
            let given = case.rows(Rows::Tokens, columns, &mut Random::new(half.into()));
            let rows = case.copy(given);
            let frequencies: Vec<f64> =
                (0..half).map(|pair| 10_000f64.powf(-f64::from(pair) / f64::from(half))).collect();
            let angles = rotary::angles(&mut case.recording, 64, &frequencies);
            let tokens = case.recording.input(Input::Tokens);
            let kernel = Rotary { columns, heads: rotated, half, element };
            case.recording.step(kernel, &[Some(tokens), Some(angles), Some(rows)]);
            case.output(rows);
            check(&format!("rotary {element:?} {half} {heads} {rotated}"), case, 1e-6);
        }
    }
}

#[test]
fn gate() {
    for columns in [1, 2, 63, 64, 65, 770] {
        let options = [(Activation::Gelu, Half::First), (Activation::Silu, Half::Second)];
        for (element, (activation, half)) in elements().into_iter().flat_map(|element| options.map(|o| (element, o))) {
            let mut case = Case::of_rows(element, lengths(33));
            let rows = Rows::Tokens;
            let input = case.rows(rows, 2 * columns, &mut Random::new(columns.into()).scaled(4.0));
            let output = case.recording.stored(rows, columns as usize);
            case.recording.step(Gate { rows, columns, activation, half, element }, &[Some(input), Some(output)]);
            case.output(output);
            check(&format!("gate {element:?} {columns} {activation:?} {half:?}"), case, 2e-6);
        }
    }
}

#[test]
fn unfold() {
    let sizes = [(1, 1), (3, 3), (64, 3), (65, 5), (32, 31)];
    for (element, (columns, taps)) in elements().into_iter().flat_map(|element| sizes.map(|s| (element, s))) {
        let mut case = Case::of_rows(element, lengths(66));
        let input = case.rows(Rows::Tokens, columns, &mut Random::new(columns.into()));
        let [tokens, cu_seqlens] = [Input::Tokens, Input::CuSeqlens].map(|input| case.recording.input(input));
        let output = case.recording.stored(Rows::Tokens, (columns * taps) as usize);
        let operands = [Some(input), Some(tokens), Some(cu_seqlens), Some(output)];
        case.recording.step(Unfold { columns, taps, element }, &operands);
        case.output(output);
        check(&format!("unfold {element:?} {columns} {taps}"), case, 0.0);
    }
}

#[test]
fn pool() {
    for pool in [Pooling::First, Pooling::Mean] {
        let widths = [1, 63, 65, 770];
        for (element, columns) in elements().into_iter().flat_map(|element| widths.map(|width| (element, width))) {
            let mut case = Case::of_rows(element, lengths(130));
            let input = case.rows(Rows::Tokens, columns, &mut Random::new(columns.into()));
            let cu_seqlens = case.recording.input(Input::CuSeqlens);
            let output = case.recording.stored(Rows::Texts, columns as usize);
            case.recording.step(Pool { columns, pool, element }, &[Some(input), Some(cu_seqlens), Some(output)]);
            case.output(output);
            check(&format!("pool {element:?} {pool:?} {columns}"), case, 1e-6);
        }
    }
}

#[test]
fn softmax() {
    softmax_cases(&common::gpu());
}

fn softmax_cases(gpu: &Arc<Gpu>) {
    for columns in [1, 2, 3, 7, 8, 9, 63, 64, 65, 770, 1757] {
        // Many short rows: a workgroup may have several.
        let mut case = Case::new(vec![1; if columns < 10 { 130 } else { 5 }]);
        let rows = Rows::Texts;
        let input = case.rows(rows, columns, &mut Random::new(columns.into()).scaled(20.0));
        let output = case.recording.tensor(rows, columns as usize);
        case.recording.step(Softmax { rows, columns }, &[Some(input), Some(output)]);
        case.output(output);
        check_on(gpu, &format!("softmax {columns}"), case, 1e-6);
    }
}

/// How rows are reduced on a card whose subgroups have several sizes, and on one without any.
#[test]
fn reductions_on_cards() {
    for gpu in [common::card_gpu(), common::plain_gpu()] {
        layernorm_cases(&gpu);
        softmax_cases(&gpu);
        argmax_cases(&gpu);
        loss_cases(&gpu);
    }
    attention_cases(&common::card_gpu(), true);
}

#[test]
fn elementwise() {
    for (columns, activation) in [1, 3, 64, 65, 770]
        .into_iter()
        .flat_map(|columns| [Activation::Sigmoid, Activation::Tanh].map(|activation| (columns, activation)))
    {
        let mut case = Case::new(vec![1; 5]);
        let rows = Rows::Texts;
        let input = case.rows(rows, columns, &mut Random::new(columns.into()).scaled(100.0));
        let output = case.recording.tensor(rows, columns as usize);
        case.recording.step(Elementwise { rows, columns, activation }, &[Some(input), Some(output)]);
        case.output(output);
        check(&format!("elementwise {activation:?} {columns}"), case, 1e-6);
    }
}

/// Far below 0 the sigmoid is the exponential: its relative error there is that of `exponential` and two roundings.
#[test]
fn exponential() {
    let one = |x: Vec<f32>| {
        let (rows, columns) = (Rows::Texts, x.len() as u32);
        let mut case = Case::new(vec![1]);
        let input = case.given(rows, columns, x);
        let output = case.recording.tensor(rows, columns as usize);
        let sigmoid = Elementwise { rows, columns, activation: Activation::Sigmoid };
        case.recording.step(sigmoid, &[Some(input), Some(output)]);
        case.output(output);
        common::run(common::gpu(), case)[0].f32().to_vec()
    };
    let x: Vec<f32> = (0..200_000).map(|i| -1.0 - i as f32 * 4.2e-4).collect();
    let error = |(&x, y): (&f32, f32)| {
        let exact = 1.0 / (1.0 + (-f64::from(x)).exp());
        ((f64::from(y) - exact) / exact).abs()
    };
    let worst = x.iter().zip(one(x.clone())).map(error).fold(0.0, f64::max);
    println!("exponential: {worst:.1e}");
    assert!(worst < 3e-7, "relative error {worst:e}");
    let edges = one(vec![f32::NEG_INFINITY, -1e30, -200.0, 0.0, 200.0, f32::INFINITY, f32::NAN]);
    assert_eq!(edges[..6], [0.0, 0.0, 0.0, 0.5, 1.0, 1.0]);
    assert!(edges[6].is_nan());
}

#[test]
fn argmax() {
    argmax_cases(&common::gpu());
}

fn argmax_cases(gpu: &Arc<Gpu>) {
    for columns in [1, 2, 3, 7, 8, 9, 63, 64, 65, 129, 770, 1757] {
        let count = if columns < 10 { 130 } else { 6 };
        let mut numbers = Random::new(columns.into()).numbers(count * columns);
        let columns_ = columns as usize;
        // A tie across lanes, all equal, all negative infinity, a NaN, and negative numbers only.
        numbers[columns_] = 5.0;
        numbers[2 * columns_ - 1] = 5.0;
        numbers[2 * columns_..3 * columns_].fill(-1.5);
        numbers[3 * columns_..4 * columns_].fill(f32::NEG_INFINITY);
        numbers[5 * columns_ - 1] = f32::NAN;
        numbers[5 * columns_..6 * columns_].iter_mut().for_each(|x| *x = -1.0 - x.abs());
        let mut case = Case::new(vec![1; count as usize]);
        let rows = Rows::Texts;
        let input = case.given(rows, columns, numbers);
        let [index, value] = [case.recording.indices(rows, 1), case.recording.tensor(rows, 1)];
        case.recording.step(Argmax { rows, columns }, &[Some(input), Some(index), Some(value)]);
        case.output(index);
        case.output(value);
        check_on(gpu, &format!("argmax {columns}"), case, 0.0);
    }
}

#[test]
fn loss() {
    loss_cases(&common::gpu());
}

fn loss_cases(gpu: &Arc<Gpu>) {
    for kind in LossKind::ALL {
        for columns in [1, 2, 3, 8, 9, 65, 770] {
            let mut case = Case::new(vec![1; 5]);
            let rows = Rows::Texts;
            let mut random = Random::new(columns.into()).scaled(30.0);
            let logits = case.rows(rows, columns, &mut random);
            case.classes = (0..5).map(|row| (row * 389) % columns).collect();
            case.targets = Random::new(9).numbers(5 * columns).iter().map(|x| x.abs()).collect();
            let targets = case.recording.input(match kind {
                LossKind::CrossEntropy => Input::Classes,
                _ => Input::Targets { labels: columns },
            });
            let output = case.recording.tensor(rows, 1);
            case.recording.step(Loss { rows, columns, kind }, &[Some(logits), Some(targets), Some(output)]);
            case.output(output);
            check_on(gpu, &format!("loss {kind:?} {columns}"), case, 1e-6);
        }
    }
}
