//! Every kernel on the adapter against its CPU twin, which sees all that the kernel leaves unwritten; and what a comparison of
//! one example with its twin does not show.

#[path = "kernels/bounds.rs"]
mod bounds;
mod common;
#[path = "kernels/passed.rs"]
mod passed;
#[path = "kernels/tiles.rs"]
mod tiles;

use common::requirements::{Need, not_run};
use common::{elements, run, storages};
use std::collections::{BTreeMap, HashSet};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};
use std::thread;
use wgbert::gpu::Gpu;
use wgbert::ir::{BatchSize, Element, Launch, Random, Rows, Shader, Storage, Values};
use wgbert::kernels::{
    Activation, Case, Entry, Example, KERNELS, Operand,
    attention::{Attention, Heads, Term},
    elementwise::Elementwise,
    embed::Embed,
    example::{given, ragged, written},
    matmul::MatMul,
};

/// Every example that is run, as the adapter can store it, with what failures say of it.
fn examples(gpu: &Gpu) -> Vec<(Entry, String, Example)> {
    let mut all = Vec::new();
    for entry in KERNELS {
        for &storage in entry.storages {
            if storage == Storage::F16 && !gpu.capabilities.f16 {
                not_run(Need::F16, format_args!("{} has no 16-bit floats in shaders", gpu.name));
                continue;
            }
            let run = (entry.examples)(storage).into_iter().filter(|example| example.runs);
            all.extend(run.map(|example| {
                let name = format!("{:?} of {:?} tokens", example.kernel, example.lengths.iter().sum::<u32>());
                (*entry, name, example)
            }));
        }
    }
    all
}

/// Holds all of these examples against their twins, on as many threads as there are cores, and says how far each kernel is off
/// at most.
fn check_all(gpu: &Arc<Gpu>, examples: &[(Entry, String, Example)]) {
    let (next, failures, worst) = (AtomicUsize::new(0), Mutex::new(Vec::new()), Mutex::new(BTreeMap::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some((entry, name, example)) = examples.get(next.fetch_add(1, Ordering::Relaxed)) {
                    match check(gpu, example) {
                        Ok(error) => {
                            let mut worst = worst.lock().unwrap();
                            let (count, most) = worst.entry(entry.name).or_insert((0, 0.0f64));
                            (*count, *most) = (*count + 1, most.max(error));
                        }
                        Err(message) => failures.lock().unwrap().push(format!("{name}: {message}")),
                    }
                }
            });
        }
    });
    let (failures, worst) = (failures.into_inner().unwrap(), worst.into_inner().unwrap());
    for (kernel, (count, error)) in worst {
        println!("{kernel}: {count} examples, off by {error:.1e} at most");
    }
    assert!(failures.is_empty(), "{} of {} examples:\n{}", failures.len(), examples.len(), failures.join("\n"));
}

fn check(gpu: &Arc<Gpu>, example: &Example) -> Result<f64, String> {
    let case = example.case();
    case.check(&run_case(gpu, &case), example.tolerance)
}

fn run_case(gpu: &Arc<Gpu>, case: &Case) -> Vec<Values> {
    run(gpu.clone(), case.recording.clone(), case.run())
}

/// The first output of an example, bit by bit.
fn bits(gpu: &Arc<Gpu>, example: &Example) -> Vec<u32> {
    run_case(gpu, &example.case())[0].f32().iter().map(|x| x.to_bits()).collect()
}

fn launches(gpu: &Gpu, example: &Example) -> Vec<Launch> {
    example.kernel.launches(&gpu.capabilities, &BatchSize::new(example.lengths.iter().copied()))
}

/// What an example runs: two shaders, where short texts have their own.
fn shaders(gpu: &Gpu, example: &Example) -> Vec<Shader> {
    launches(gpu, example).into_iter().map(|launch| launch.shader).collect()
}

/// Whether they multiply on tensor cores.
fn cooperative(shaders: &[Shader]) -> bool {
    shaders.iter().any(|shader| shader.parts.iter().any(|part| part.name().contains("cooperative")))
}

#[test]
fn every_kernel_is_its_twin() {
    let gpu = common::gpu();
    check_all(&gpu, &examples(&gpu));
}

/// What a card whose subgroups have several sizes runs otherwise than the adapter, and then what one without any does. The
/// tiles of products, which are many, have tests of their own.
#[test]
fn every_kernel_is_its_twin_on_cards() {
    let gpu = common::gpu();
    let mut all = examples(&gpu);
    all.retain(|(entry, ..)| entry.name != wgbert::kernels::matmul::NAME);
    let mut ran: HashSet<Vec<Shader>> = all.iter().map(|(.., example)| shaders(&gpu, example)).collect();
    for card in [common::card_gpu(), common::plain_gpu()] {
        let others: Vec<_> =
            all.iter().filter(|(.., example)| !ran.contains(&shaders(&card, example))).cloned().collect();
        ran.extend(others.iter().map(|(.., example)| shaders(&card, example)));
        assert!(!others.is_empty(), "the card runs what the adapter does");
        check_all(&card, &others);
    }
}

/// Also of those that Metal runs otherwise, whose matrices take no vectors. A software adapter, which compiles each shader for seconds,
/// runs the largest example of each but for its constants.
#[test]
fn every_kernel_is_its_twin_on_tensor_cores() {
    let Some(gpu) = common::tensor_gpu() else { return };
    let all = on_tensor_cores(&gpu);
    let kernels: HashSet<&str> = all.iter().map(|(entry, ..)| entry.name).collect();
    assert!(kernels.contains("matmul") && (kernels.contains("attention") || !gpu.capabilities.f16), "{kernels:?}");
    let mut metal = gpu.with_checks(true);
    metal.capabilities.cooperative_vectors = false;
    let metal = Arc::new(metal);
    let mut ran = HashSet::new();
    let [own, other] = [&gpu, &metal].map(|gpu| {
        let of = |shaders| if passed::software() { without_constants(shaders) } else { shaders };
        let new = all.iter().filter(|(.., example)| ran.insert(of(shaders(gpu, example))));
        new.cloned().collect::<Vec<_>>()
    });
    assert!(!other.is_empty(), "they take other files");
    check_all(&gpu, &passed::fresh("twins", &gpu, own.clone()));
    check_all(&metal, &passed::fresh("twins", &metal, other.clone()));
    passed::note("twins", [(&*gpu, &own[..]), (&*metal, &other[..])]);
}

/// Each of them, but for the activations of a product, which are those of the other tiles.
#[test]
#[ignore = "it takes minutes: for a change of the kernels for tensor cores"]
fn every_example_is_its_twin_on_tensor_cores() {
    let Some(gpu) = common::tensor_gpu() else { return };
    let mut all = on_tensor_cores(&gpu);
    let some = [Activation::Identity, Activation::Gelu].map(|one| one as u32);
    all.retain(|(.., example)| {
        let shaders = shaders(&gpu, example);
        let mut constants = shaders.iter().flat_map(|shader| &shader.constants);
        constants.all(|(name, value)| *name != "ACTIVATION" || some.contains(value))
    });
    check_all(&gpu, &all);
}

/// The examples that multiply on tensor cores, those of the most tokens first.
fn on_tensor_cores(gpu: &Gpu) -> Vec<(Entry, String, Example)> {
    let mut all = examples(gpu);
    all.retain(|(.., example)| cooperative(&shaders(gpu, example)));
    all.sort_by_key(|(.., example)| std::cmp::Reverse(example.lengths.iter().sum::<u32>()));
    all
}

fn without_constants(shaders: Vec<Shader>) -> Vec<Shader> {
    shaders.into_iter().map(|shader| Shader { constants: Vec::new(), ..shader }).collect()
}

/// A GPU runs loops written out that software runs as loops. Of each set of files the smallest example gives the same bits in both
/// forms; of tensor cores, whose loops a CPU's compiler takes long for, one of each kernel does.
#[test]
fn loops_written_out_change_no_bit() {
    written_out(&common::card_gpu(), |shaders| Some(files(shaders)));
    written_out(&common::plain_gpu(), |shaders| Some(files(shaders)));
}

#[test]
fn loops_written_out_change_no_bit_on_tensor_cores() {
    let Some(gpu) = common::tensor_gpu() else { return };
    written_out(&gpu, |shaders| cooperative(shaders).then(|| shaders[0].name.into()));
}

fn files(shaders: &[Shader]) -> String {
    format!("{:?}", shaders.iter().map(|shader| &shader.parts).collect::<Vec<_>>())
}

fn written_out(gpu: &Arc<Gpu>, kind: fn(&[Shader]) -> Option<String>) {
    let mut all = examples(gpu);
    all.sort_by_key(|(.., example)| example.lengths.iter().sum::<u32>());
    let mut ran = HashSet::new();
    all.retain(|(.., example)| {
        let shaders = shaders(gpu, example);
        let loops = shaders.iter().any(|shader| shader.source() != shader.linked());
        loops && kind(&shaders).is_some_and(|kind| ran.insert(kind))
    });
    assert!(all.iter().any(|(entry, ..)| entry.name == wgbert::kernels::matmul::NAME), "no product has such loops");
    let other = Arc::new(gpu.with_unrolled(true));
    for (_, name, example) in &all {
        assert!(bits(gpu, example) == bits(&other, example), "{name}");
    }
}

/// On a GPU no shader is checked as it runs. Of each that one may run, but for its constants, the example with the most tokens
/// checks itself: `bounds.rs`.
#[test]
fn no_kernel_indexes_beyond_its_bounds() {
    check_bounds(&[common::card_gpu(), common::plain_gpu()], without_constants);
}

#[test]
fn no_kernel_indexes_beyond_its_bounds_on_tensor_cores() {
    let Some(gpu) = common::tensor_gpu() else { return };
    let mut ran = HashSet::new();
    let mut all = on_tensor_cores(&gpu);
    all.retain(|(.., example)| ran.insert(without_constants(shaders(&gpu, example))));
    check_all(&checking_itself(&gpu), &passed::fresh("bounds", &gpu, all.clone()));
    passed::note("bounds", [(&*gpu, &all[..])]);
}

#[test]
#[ignore = "it takes minutes: for a change of how kernels index"]
fn no_shader_indexes_beyond_its_bounds() {
    check_bounds(&[common::card_gpu(), common::plain_gpu()], |shaders| shaders);
}

fn check_bounds(gpus: &[Arc<Gpu>], of: fn(Vec<Shader>) -> Vec<Shader>) {
    let mut ran: HashSet<Vec<Shader>> = HashSet::new();
    for gpu in gpus {
        let mut all = examples(gpu);
        all.sort_by_key(|(.., example)| std::cmp::Reverse(example.lengths.iter().sum::<u32>()));
        all.retain(|(.., example)| ran.insert(of(shaders(gpu, example))));
        check_all(&checking_itself(gpu), &all);
    }
}

fn checking_itself(gpu: &Gpu) -> Arc<Gpu> {
    Arc::new(gpu.with_checks(true).with_fault(Some(Arc::new(bounds::Bounds::default()))))
}

/// Where a clamp, or that nobody uses the value, hides it from a comparison with the twin too.
#[test]
fn an_index_beyond_its_bounds_shows() {
    let gpu = common::plain_gpu();
    let all = examples(&gpu);
    let check = |kernel: &str, edit: Option<[&'static str; 2]>| {
        let (.., example) = all.iter().find(|(entry, ..)| entry.name == kernel).unwrap();
        let device = gpu.with_checks(true).with_fault(Some(Arc::new(bounds::Bounds { edit })));
        check(&Arc::new(device), example)
    };
    let beyond = ["output[index] = ", "let unused = input[index + 1000000u]; output[index] = unused * 0.0 + "];
    let divisor = ["output[index] = ", "output[index] = f32(index / (index - index)) * 0.0 + "];
    for edit in [beyond, divisor] {
        check("elementwise", Some(edit)).expect_err("it shows");
    }
    // What nobody wrote to workgroup memory is no zero.
    check("layernorm", Some(["scratch[lane.index] = value;", ""])).expect_err("it shows");
    check("elementwise", None).unwrap();
    check("layernorm", None).unwrap();
}

/// A vocabulary in two parts of unequal size: each step writes its share of the rows.
#[test]
fn embed_in_parts() {
    let (columns, lengths) = (66, ragged(70));
    let words = Random(5).numbers(50 * columns as usize);
    let part = |first_id: u32, ids: u32| {
        let own = words[(first_id * columns) as usize..][..(ids * columns) as usize].to_vec();
        let kernel = Embed { columns, first_id, ids, positions: false, types: false, storage: Storage::F32 };
        let own = given(Rows::Fixed(ids), columns, Element::F32, Values::F32(own));
        let output = written(Rows::Tokens, columns, Element::F32);
        Example::new(kernel, lengths.clone(), [Some(Operand::Tokens(0..50)), Some(own), Some(output), None, None])
    };
    let whole = part(0, 50).case();
    let mut parts = part(0, 31).case();
    let mut operands = parts.recording.steps[0].operands.clone();
    let rest = words[(31 * columns) as usize..].to_vec();
    operands[1] = Some(parts.recording.constant_as(Element::F32, Rows::Fixed(19), columns as usize, rest));
    parts.recording.push(part(31, 19).kernel, operands);
    assert_eq!(run_case(&common::gpu(), &parts), run_case(&common::gpu(), &whole));
}

/// A row's answer depends neither on the rows beside it nor on the tile that computes it, to the last bit.
#[test]
fn matmul_rows_are_independent() {
    let sizes = [(128, 384), (384, 128), (36, 72), (770, 33), (768, 3), (384, 1)];
    rows_are_independent(&common::gpu(), &sizes);
    for (storage, (inner, columns)) in storages().into_iter().flat_map(|storage| sizes.map(|s| (storage, s))) {
        let example = MatMul::of_size(storage, inner, columns, Activation::Gelu, false).example(ragged(67));
        let [own, plain] = [common::gpu(), common::plain_gpu()].map(|gpu| bits(&gpu, &example));
        assert!(own == plain, "{storage:?} {inner} x {columns}: this adapter's tile and the plain one");
    }
}

#[test]
fn matmul_rows_are_independent_on_tensor_cores() {
    let Some(gpu) = common::tensor_gpu() else { return };
    rows_are_independent(&gpu, &[(128, 384), (384, 33), (36, 72), (770, 3), (384, 1)]);
}

fn rows_are_independent(gpu: &Arc<Gpu>, sizes: &[(u32, u32)]) {
    for storage in storages() {
        for &(inner, columns) in sizes {
            let product = MatMul::of_size(storage, inner, columns, Activation::Gelu, false);
            let answers = |rows| bits(gpu, &product.clone().example(ragged(rows)));
            let all = answers(67);
            for rows in [1, 2, 8, 9, 16, 17, 33, 64, 65] {
                let same = answers(rows) == all[..(rows * columns) as usize];
                assert!(same, "{storage:?} {inner} x {columns}: {rows} rows and 67 differ");
            }
        }
    }
}

/// What is stored as f32 comes out of the f16 of tensor cores about as exact as out of f32 arithmetic.
#[test]
fn matmul_in_two_parts_is_as_exact_as_f32() {
    let Some(tensor_cores) = common::tensor_gpu() else { return };
    let (rows, columns) = (64, 128);
    for (inner, largest) in [(768, 1e2), (768, 1e6), (3072, 1e2)] {
        // Activations of many magnitudes, also beyond f16's largest, and weights as a trained model's.
        let magnitudes = |i: usize| largest * 10f32.powi(-(i as i32 % 5));
        let input = Random(1).numbers((rows * inner) as usize).into_iter().enumerate();
        let input: Vec<f32> = input.map(|(i, x)| x * magnitudes(i)).collect();
        let weight: Vec<f32> = Random(2).numbers((inner * columns) as usize).into_iter().map(|x| 0.05 * x).collect();
        let product = MatMul::of_size(Storage::F32, inner, columns, Activation::Identity, false);
        let mut example = product.example(ragged(rows));
        for (operand, rows, columns, numbers) in
            [(0, Rows::Tokens, inner, &input), (1, Rows::Fixed(inner), columns, &weight)]
        {
            example.operands[operand] = Some(given(rows, columns, Element::F32, Values::F32(numbers.clone())));
        }
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
            [tensor_cores.clone(), common::plain_gpu()].map(|gpu| errors(run_case(&gpu, &example.case())[0].f32()));
        println!("inner {inner}, up to {largest:e}: tensor cores {error:.1e}, relative {relative:.1e}");
        println!("inner {inner}, up to {largest:e}: f32 arithmetic {plain_error:.1e}, relative {plain:.1e}");
        assert!(relative < 1e-6, "inner {inner}, up to {largest:e}: {relative:e}, f32 arithmetic {plain:e}");
    }
}

/// A text's answer depends neither on its neighbours nor on whether all its tokens ask, to the last bit.
#[test]
fn attention_texts_are_independent() {
    texts_are_independent(&common::gpu());
}

#[test]
fn attention_texts_are_independent_on_cards() {
    texts_are_independent(&common::card_gpu());
}

#[test]
fn attention_texts_are_independent_on_tensor_cores() {
    let Some(gpu) = common::tensor_gpu() else { return };
    texts_are_independent(&gpu);
}

fn texts_are_independent(gpu: &Arc<Gpu>) {
    let relative = Term::Relative { queries: true, keys: true, shared: true };
    let plain = [16, 26, 32, 64, 80].map(|width| (width, u32::MAX, Term::None));
    let scored = [26, 32].into_iter().flat_map(|width| [relative, Term::Bias].map(|score| (width, u32::MAX, score)));
    let shapes: Vec<_> = plain.into_iter().chain(scored).chain([(32, 40, Term::None)]).collect();
    let mut compared = 0;
    let cases = elements().into_iter().flat_map(|element| shapes.iter().map(move |shape| (element, shape)));
    // Texts of two or three tiles, and short ones, which share some.
    let cases = cases.flat_map(|case| [165u32, 50, 21].map(|length| (length, case)));
    for (length, (element, &(head_width, window, score))) in cases {
        let columns = 3 * head_width;
        let answers = |first_text: u64, lengths: &[u32], queries| {
            let numbers = |(text, &length): (u64, &u32)| {
                let mut numbers = Random(text).numbers((length * 3 * columns) as usize);
                // What a text overflows by is nothing to the others: a value of its last token, and the keys of another one.
                if text % 2 == 0 {
                    *numbers.last_mut().unwrap() = f32::INFINITY;
                }
                if text == 5 {
                    numbers.chunks_mut(columns as usize).skip(1).step_by(3).for_each(|keys| keys.fill(f32::NAN));
                }
                numbers
            };
            let texts: Vec<Vec<f32>> = (first_text..).zip(lengths).map(numbers).collect();
            let heads = Heads {
                query_stride: columns,
                key_stride: 3 * columns,
                first_key: columns,
                first_value: 2 * columns,
                max_length: length.max(70),
                window,
                score,
                ..Heads::of_size(3, head_width, queries, element)
            };
            let mut example = Attention(heads).example(lengths.to_vec());
            let query = |row: &[f32]| row[..columns as usize].to_vec();
            let of_text = |text: &Vec<f32>| -> Vec<f32> {
                let rows = text.chunks((3 * columns) as usize);
                rows.take(if queries == Rows::Texts { 1 } else { usize::MAX }).flat_map(query).collect()
            };
            let matrix = texts.iter().flat_map(of_text).collect();
            example.operands[0] = Some(given(queries, columns, element, Values::F32(matrix)));
            example.operands[1] = Some(given(Rows::Tokens, 3 * columns, element, Values::F32(texts.concat())));
            // What does not run on tensor cores is the same as without any.
            let own = !gpu.capabilities.tensor_cores() || cooperative(&shaders(gpu, &example));
            own.then(|| bits(gpu, &example))
        };
        let lengths = [3, length, 9, 70, 30, 16];
        let Some(together) = answers(0, &lengths, Rows::Tokens) else { continue };
        let name = format!("{element:?}, {length} tokens, head width {head_width}, window {window}, {score:?}");
        let first = answers(0, &lengths, Rows::Texts).expect("as all tokens");
        let mut rest = &together[..];
        for (text, &length) in lengths.iter().enumerate() {
            let (own, others) = rest.split_at((length * columns) as usize);
            rest = others;
            // Which NaN it is that comes of one is nobody's concern.
            if text != 5 {
                let alone = answers(text as u64, &[length], Rows::Tokens).expect("as together");
                assert!(alone == own, "{name}: text {text} alone and among others differ");
                let first = &first[text * columns as usize..][..columns as usize];
                assert!(first == &own[..columns as usize], "{name}: text {text}: the first token alone differs");
            }
        }
        compared += 1;
    }
    assert!(compared > 0, "no shape ran");
}

/// Scores that grow along the keys have the accumulators rescaled, which random numbers never do; and what matrices are loaded
/// from, vectors or numbers, changes no bit.
#[test]
fn attention_rescales_on_tensor_cores() {
    let Some(gpu) = common::tensor_gpu().filter(|gpu| gpu.capabilities.f16) else { return };
    let (length, heads) = (150, Heads::of_size(2, 32, Rows::Tokens, Element::F16));
    let (columns, first_value) = (heads.key_stride, heads.first_value as usize);
    let numbers = Random(3).numbers((length * columns) as usize).into_iter().enumerate();
    let grown = numbers.map(|(i, x)| {
        let (position, column) = (i / columns as usize, i % columns as usize);
        if column < first_value { x * (1.0 + position as f32 / 8.0) } else { x }
    });
    let grown = grown.collect();
    // The largest p, which f16 rounds, is not always 1.
    let mut example = Attention(heads).example(vec![length]).within(0.5f64.powi(11));
    example.operands[0] = Some(given(Rows::Tokens, columns, Element::F16, Values::F32(grown)));
    check(&gpu, &example).unwrap();
    let mut scalars = gpu.with_checks(true);
    scalars.capabilities.cooperative_vectors = false;
    assert!(bits(&gpu, &example) == bits(&Arc::new(scalars), &example), "matrices loaded from numbers");
}

/// Far below 0 the sigmoid is the exponential: its relative error there is that of `exponential` and two roundings.
#[test]
fn exponential() {
    let sigmoid = |x: Vec<f32>| {
        let (rows, columns) = (Rows::Texts, x.len() as u32);
        let kernel = Elementwise { rows, columns, activation: Activation::Sigmoid };
        let operands = [given(rows, columns, Element::F32, Values::F32(x)), written(rows, columns, Element::F32)];
        run_case(&common::gpu(), &Example::new(kernel, vec![1], operands.map(Some)).case())[0].f32().to_vec()
    };
    let x: Vec<f32> = (0..200_000).map(|i| -1.0 - i as f32 * 4.2e-4).collect();
    let error = |(&x, y): (&f32, f32)| {
        let exact = 1.0 / (1.0 + (-f64::from(x)).exp());
        ((f64::from(y) - exact) / exact).abs()
    };
    let worst = x.iter().zip(sigmoid(x.clone())).map(error).fold(0.0, f64::max);
    println!("exponential: {worst:.1e}");
    assert!(worst < 3e-7, "relative error {worst:e}");
    let edges = sigmoid(vec![f32::NEG_INFINITY, -1e30, -200.0, 0.0, 200.0, f32::INFINITY, f32::NAN]);
    assert_eq!(edges[..6], [0.0, 0.0, 0.0, 0.5, 1.0, 1.0]);
    assert!(edges[6].is_nan());
}
