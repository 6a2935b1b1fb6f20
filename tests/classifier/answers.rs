//! Where the numbers of the output come from, and which input gets which.

use super::{array_difference, bits, golden, says};
use crate::common::{self, edited::Edited, golden::Golden, golden::one_of_each};
use wgbert::checkpoint::Checkpoint;
use wgbert::gpu::{Plan, WeightBuffers};
use wgbert::ir::{Access, BatchLimits, Output, Random, Recording, Run, Step, Storage, Values, Weight, WeightSource};
use wgbert::kernels::loss::LossKind;
use wgbert::models::{self, Linear, Model, encoder};
use wgbert::text::Encoding;
use wgbert::{Adapter, Classifier, Error, Label, Options, Request, Text, Truncation, gpu};

/// A model on a plan of our own, beside the classifier.
struct Direct {
    model: Model,
    checkpoint: Checkpoint,
}

impl Direct {
    fn open(name: &str) -> Direct {
        let mut checkpoint = Checkpoint::open(golden(name)).unwrap();
        let architecture = models::architecture(&checkpoint.config).unwrap();
        let model = (architecture.describe)(&checkpoint.config).unwrap();
        checkpoint.weights = architecture.named(checkpoint.weights);
        Direct { model, checkpoint }
    }

    fn record(&self, loss: Option<LossKind>, max_binding: u64) -> Recording {
        let scoring = self.checkpoint.config.scoring().unwrap();
        let wanted = encoder::OutputSpec { loss, ..encoder::OutputSpec::scores(scoring) };
        encoder::record(&self.model, wanted, max_binding, Storage::F32)
    }

    /// The outputs of all texts as one batch, in the order of the encodings.
    fn run(&self, recording: Recording, encodings: &[Encoding], labels: &[Option<Label>]) -> Vec<(Output, Values)> {
        let texts = (0u32..).zip(encodings);
        let token = |text: u32, encoding: &Encoding, position: usize| {
            [encoding.ids[position], encoding.type_ids[position], position as u32, text]
        };
        let tokens: Vec<_> = texts
            .flat_map(|(text, encoding)| (0..encoding.ids.len()).map(move |position| token(text, encoding, position)))
            .collect();
        let mut cu_seqlens = vec![0];
        cu_seqlens.extend(encodings.iter().scan(0, |end, encoding| {
            *end += encoding.ids.len() as u32;
            Some(*end)
        }));
        let class = |label: &Option<Label>| if let Some(Label::Class(class)) = label { *class as u32 } else { 0 };
        let classes: Vec<u32> = labels.iter().map(class).collect();
        let values = |label: &Option<Label>| if let Some(Label::Values(v)) = label { v.clone() } else { Vec::new() };
        let targets: Vec<f32> = labels.iter().flat_map(values).collect();
        let run = Run { tokens: &tokens, cu_seqlens: &cu_seqlens, classes: &classes, targets: &targets };
        let capacity = BatchLimits { tokens: tokens.len(), texts: encodings.len() };
        gpu::block_on(async {
            let mut weights = WeightBuffers::default();
            let mut plan =
                Plan::new(common::gpu(), recording, capacity, &mut weights, &self.checkpoint.weights).await.unwrap();
            plan.poison().await.unwrap();
            plan.run(run).await.unwrap()
        })
    }
}

/// Name of the kernel that writes an output.
fn writer(recording: &Recording, output: Output) -> &'static str {
    let (_, tensor) = recording.outputs.iter().find(|(name, _)| *name == output).expect("the output is recorded");
    let writes = |step: &&Step| step.bound().any(|(b, t)| b.access == Access::Write && t == *tensor);
    recording.steps.iter().find(writes).expect("a step writes it").kernel.name()
}

#[test]
fn argmax_probabilities_and_loss_are_what_the_kernels_wrote() {
    for (name, kind, scores) in [
        ("bert", LossKind::CrossEntropy, Some("softmax")),
        ("bert-multilabel", LossKind::BinaryCrossEntropy, Some("elementwise")),
        ("bert-regression", LossKind::MeanSquaredError, None),
    ] {
        let direct = Direct::open(name);
        let recording = direct.record(Some(kind), u64::MAX);
        for (output, kernel) in [(Output::Argmax, "argmax"), (Output::Loss, "loss"), (Output::Logits, "matmul")] {
            assert_eq!(writer(&recording, output), kernel, "{name}: {output:?}");
        }
        match scores {
            Some(kernel) => assert_eq!(writer(&recording, Output::Probabilities), kernel, "{name}"),
            None => assert!(recording.outputs.iter().all(|(output, _)| *output != Output::Probabilities), "{name}"),
        }

        let golden = Golden::open(&golden(name));
        let classifier = Options::default().load(&golden.folder).unwrap();
        let encodings = golden.encode(&classifier);
        let labels = golden.labels();
        let request = Request::default().labels(labels.clone());
        let answer = classifier.run(&encodings, &request).unwrap();
        for (output, values) in direct.run(recording, &encodings, &labels) {
            match output {
                Output::Logits => assert_eq!(bits(values.f32()), bits(&answer.logits.values), "{name}"),
                Output::Probabilities => {
                    let probabilities = &answer.probabilities.as_ref().unwrap().values;
                    assert_eq!(bits(values.f32()), bits(probabilities), "{name}");
                }
                Output::Argmax => {
                    let public: Vec<u32> = answer.argmax.iter().map(|index| index.unwrap() as u32).collect();
                    assert_eq!(values.u32(), public, "{name}");
                }
                Output::Loss => {
                    let public: Vec<f32> = answer.losses.iter().map(|loss| loss.unwrap()).collect();
                    assert_eq!(bits(values.f32()), bits(&public), "{name}");
                }
                other => panic!("{name}: {other:?} was not asked for"),
            }
        }
        println!("{name}: logits, probabilities, argmax and loss of {} texts are the kernels' bits", answer.len());
    }
}

#[test]
fn a_word_table_in_parts_gives_the_same_bits() {
    let direct = Direct::open("bert");
    let golden = Golden::open(&golden("bert"));
    let classifier = Options::default().load(&golden.folder).unwrap();
    let encodings = golden.encode(&classifier);
    let logits = |max_binding: u64| {
        let recording = direct.record(None, max_binding);
        let parts = recording.steps.iter().filter(|step| step.kernel.name() == "embed").count();
        let outputs = direct.run(recording, &encodings, &[]);
        let (_, values) = outputs.into_iter().find(|(output, _)| *output == Output::Logits).unwrap();
        (parts, bits(values.f32()))
    };
    let (whole, expected) = logits(u64::MAX);
    assert_eq!(whole, 1);
    let row = direct.model.embeddings.words.columns as u64 * 4;
    for rows in [1, 50, direct.model.embeddings.words.rows as u64 - 1] {
        let (parts, actual) = logits(rows * row);
        assert_eq!(parts as u64, (direct.model.embeddings.words.rows as u64).div_ceil(rows));
        assert_eq!(actual, expected, "{parts} parts");
        println!("{parts} parts: the same bits");
    }
}

/// The classifier is linear in the pooled output, which no other vector is as wide as and true of by chance: logits are its product
/// with the weight that the checkpoint has, plus the bias.
#[test]
fn the_pooled_output_is_what_the_classifier_reads() {
    for golden in one_of_each() {
        let direct = Direct::open(&golden.name);
        let Linear { weight, bias } = &direct.model.head.classifier;
        let [inputs, labels] = weight.shape();
        let read = |weight: &Weight| direct.checkpoint.weights.rows(weight, 0..weight.shape()[0]).unwrap();
        let (weight, bias) = (read(weight), bias.as_ref().map_or(vec![0.0; labels], read));
        let classifier = Options::default().load(&golden.folder).unwrap();
        let encodings = golden.encode(&classifier);
        let output = classifier.run(&encodings, &Request::default().pooled_output(true)).unwrap();
        let plain = classifier.run(&encodings, &Request::default()).unwrap();
        assert_eq!(bits(&output.logits.values), bits(&plain.logits.values), "{}", golden.name);
        assert_eq!(plain.pooled_output, None);
        let pooled = output.pooled_output.as_ref().unwrap();
        assert_eq!(pooled.shape, [encodings.len(), inputs], "{}", golden.name);
        for text in output.texts() {
            let pooled = text.pooled_output().unwrap();
            for (label, logit) in text.logits().iter().enumerate() {
                let terms =
                    (0..inputs).map(|input| f64::from(pooled[input]) * f64::from(weight[input * labels + label]));
                let expected = terms.sum::<f64>() + f64::from(bias[label]);
                assert!((expected - f64::from(*logit)).abs() < 1e-4, "{}: {expected} is not {logit}", golden.name);
            }
        }
    }
}

#[test]
fn the_reference_executor_agrees_with_the_device() {
    let golden = Golden::open(&golden("bert"));
    let load = |adapter| Options::default().adapter(adapter).load(&golden.folder).unwrap();
    let [mut device, mut reference] = [load(Adapter::Best), load(Adapter::Reference)];
    assert_eq!((reference.adapter(), reference.gpu().is_none()), ("reference", true));
    let encodings = golden.encode(&device);
    let request = Request::default().hidden_states(true).attentions(true).labels(golden.labels());
    let [a, b] = [&mut device, &mut reference].map(|classifier| classifier.run(&encodings, &request).unwrap());
    assert_eq!((&a.argmax, &a.tokens), (&b.argmax, &b.tokens));
    let mut worst = array_difference(&a.logits, &b.logits);
    worst = worst.max(array_difference(&a.probabilities.unwrap(), &b.probabilities.unwrap()));
    worst = worst.max(f64::from((a.loss.unwrap() - b.loss.unwrap()).abs()));
    let pairs = |a: Option<Vec<_>>, b: Option<Vec<_>>| a.unwrap().into_iter().zip(b.unwrap());
    for (a, b) in pairs(a.hidden_states, b.hidden_states).chain(pairs(a.attentions, b.attentions)) {
        worst = worst.max(array_difference(&a, &b));
    }
    println!("device and reference differ by {worst:.1e}");
    assert!(worst <= 1e-5, "{worst:e}");
}

/// Random ids: what they mean is of no matter here.
fn random_texts(count: usize, longest: u32, vocabulary: u32) -> Vec<Encoding> {
    let mut random = Random(7);
    let mut below = |limit: u32| (random.next() % u64::from(limit)) as u32;
    let mut text = |_| {
        let ids: Vec<u32> = (0..1 + below(longest)).map(|_| below(vocabulary)).collect();
        Encoding::new(ids.clone(), ids.iter().map(|id| id % 2).collect())
    };
    (0..count).map(&mut text).collect()
}

#[test]
fn three_thousand_texts_come_back_in_order_and_cost_no_memory() {
    let options = Options::default().batch_tokens(300).batch_texts(16);
    let classifier = options.load(golden("bert")).unwrap();
    let plain = Request::default();
    let texts = random_texts(3000, 64, 163);
    // The first run makes the plan; from then on nothing is allocated. `Gpu::allocated` counts what is live, wgpu's own
    // staging memory included, so that a few batches warm that up too.
    classifier.run(&texts[..300], &plain).unwrap();
    let before = classifier.gpu().unwrap().allocated();
    let answer = classifier.run(&texts, &plain).unwrap();
    let after = classifier.gpu().unwrap().allocated();
    println!("device memory before {before:?}, after 3000 texts {after:?}");
    if let (Some(before), Some(after)) = (before, after) {
        assert!(after <= before, "{} bytes more after 3000 texts", after - before);
    }
    assert_eq!(answer.len(), 3000);
    assert!(answer.tokens.iter().zip(&texts).all(|(&tokens, text)| tokens == text.ids.len()));
    let distinct: std::collections::HashSet<_> = (0..3000).map(|text| bits(answer.logits.row(text))).collect();
    assert!(distinct.len() > 2900, "only {} different answers: rows cannot be told apart", distinct.len());
    // Each alone would take a minute; every seventh does, and two other packings see all of them.
    for index in (0..3000).step_by(7) {
        let alone = classifier.run(&texts[index..=index], &plain).unwrap();
        assert_eq!(bits(alone.logits.row(0)), bits(answer.logits.row(index)), "text {index}");
        assert_eq!(alone.argmax[0], answer.argmax[index]);
    }
    let large = Options::default().load(golden("bert")).unwrap();
    let reversed: Vec<_> = texts.iter().rev().cloned().collect();
    let backwards = large.run(&reversed, &plain).unwrap();
    for index in 0..3000 {
        assert_eq!(bits(backwards.logits.row(2999 - index)), bits(answer.logits.row(index)), "text {index} reversed");
    }
}

#[test]
fn no_text_and_empty_texts() {
    for adapter in [Adapter::Best, Adapter::Reference] {
        let classifier = Options::default().adapter(adapter).load(golden("bert")).unwrap();
        let none: [&str; 0] = [];
        let answer = classifier.classify(none).unwrap();
        assert!(answer.is_empty() && answer.loss.is_none() && answer.texts().next().is_none());
        assert_eq!((answer.logits.shape, answer.probabilities.unwrap().shape), (vec![0, 3], vec![0, 3]));
        let everything = Request::default().hidden_states(true).attentions(true).labels(Vec::new());
        let answer = classifier.run(&[], &everything).unwrap();
        assert_eq!((answer.hidden_states, answer.attentions), (Some(Vec::new()), Some(Vec::new())));

        // An empty text is its special tokens.
        let answer = classifier.classify(["", " ", "good"]).unwrap();
        assert_eq!(answer.tokens, [2, 2, 3]);
        assert!(answer.logits.values.iter().all(|logit| logit.is_finite()));
        assert_eq!(bits(answer.logits.row(0)), bits(answer.logits.row(1)));
    }
}

#[test]
fn a_long_text_is_cut_and_said_so_or_refused() {
    let long = "good ".repeat(1000);
    let classifier = Options::default().load(golden("bert")).unwrap();
    assert_eq!(classifier.max_length(), 64);
    let answer = classifier.classify(["good", &long]).unwrap();
    assert_eq!((answer.truncated, answer.tokens), (vec![false, true], vec![3, 64]));
    let fits = "good ".repeat(62);
    let cut = classifier.classify([fits.as_str(), &long]).unwrap();
    assert_eq!(cut.truncated, [false, true]);
    assert_eq!(bits(cut.logits.row(0)), bits(cut.logits.row(1)));

    let strict = Options::default().truncation(Truncation::Refuse).load(golden("bert")).unwrap();
    let error = says(strict.classify(["good", &long]), &["text 1", "1002 tokens", "64"]);
    assert!(matches!(error, Error::Text { index: 1, .. }));
    strict.classify(["good"]).unwrap();
}

#[test]
fn encodings_of_another_tokenizer_are_checked() {
    for adapter in [Adapter::Best, Adapter::Reference] {
        let classifier = Options::default().adapter(adapter).load(golden("bert")).unwrap();
        let good = || Encoding::new(vec![2, 5, 3], vec![0, 0, 1]);
        let refuses = |spoil: fn(&mut Encoding), parts: &[&str]| {
            let mut bad = good();
            spoil(&mut bad);
            let error = says(classifier.run(&[good(), bad], &Request::default()), parts);
            assert!(matches!(error, Error::Text { index: 1, .. }), "{error:?}");
        };
        refuses(|e| e.ids[1] = 163, &["text 1", "id 163", "163 rows"]);
        refuses(|e| e.ids[2] = u32::MAX, &["text 1", "id 4294967295"]);
        refuses(|e| e.type_ids[0] = 2, &["text 1", "type id 2", "2 rows"]);
        refuses(|e| e.type_ids = vec![0], &["text 1", "3 ids", "1 type ids"]);
        refuses(|e| (e.ids, e.type_ids) = (vec![], vec![]), &["text 1", "0 tokens", "1 to 64"]);
        refuses(|e| (e.ids, e.type_ids) = (vec![5; 65], vec![0; 65]), &["text 1", "65 tokens", "1 to 64"]);
        classifier.run(&[good()], &Request::default()).unwrap();
    }
}

fn run_with(
    classifier: &mut Classifier,
    labels: Vec<Option<Label>>,
) -> wgbert::Result<wgbert::SequenceClassifierOutput> {
    let encodings: Vec<_> = ["good", "bad", "not bad"].map(|text| classifier.encode(0, text).unwrap()).into();
    classifier.run(&encodings, &Request::default().labels(labels))
}

#[test]
fn losses_of_some_texts_are_the_mean_of_those() {
    let load = |name: &str| Options::default().load(golden(name)).unwrap();
    let values = |values: &[f32]| Some(Label::Values(values.to_vec()));
    for (name, first, second) in [
        ("bert", Some(Label::Class(2)), Some(Label::Class(0))),
        ("bert-multilabel", values(&[1.0, 0.0, 1.0]), values(&[0.0, 0.5, 0.0])),
        ("bert-regression", values(&[0.25]), values(&[-3.0])),
    ] {
        let mut classifier = load(name);
        let all = run_with(&mut classifier, vec![first.clone(), first.clone(), second.clone()]).unwrap();
        let some = run_with(&mut classifier, vec![first, None, second]).unwrap();
        assert_eq!(bits(&all.logits.values), bits(&some.logits.values));
        assert_eq!(some.losses, [all.losses[0], None, all.losses[2]]);
        let mean = (some.losses[0].unwrap() + some.losses[2].unwrap()) / 2.0;
        assert!((some.loss.unwrap() - mean).abs() <= 1e-6 * mean.abs(), "{name}");
        assert!(some.text(1).unwrap().loss().is_none() && some.text(2).unwrap().loss().is_some());
        // None at all: the same answers, no loss.
        for labels in [vec![], vec![None, None, None]] {
            let none = run_with(&mut classifier, labels).unwrap();
            assert_eq!((none.loss, none.losses.clone()), (None, vec![None; 3]));
            assert_eq!(bits(&none.logits.values), bits(&all.logits.values));
        }
    }
    // Two labels, and no problem_type: what the labels are decides.
    let undecided = Edited::new().config("problem_type", serde_json::Value::Null);
    let mut classifier = undecided.load(Options::default()).unwrap();
    run_with(&mut classifier, vec![Some(Label::Class(1)), None, None]).unwrap();
    run_with(&mut classifier, vec![values(&[0.0, 1.0, 1.0]), None, None]).unwrap();
    let mixed = run_with(&mut classifier, vec![values(&[0.0, 1.0, 1.0]), Some(Label::Class(1)), None]);
    assert!(matches!(says(mixed, &["text 1"]), Error::Text { index: 1, .. }));
}

#[test]
fn labels_that_do_not_fit_are_named() {
    let class = |class| Some(Label::Class(class));
    let values = |count: usize| Some(Label::Values(vec![1.0; count]));
    for (name, good, bad, parts) in [
        ("bert", class(2), class(3), &["label 3", "3 labels"][..]),
        ("bert", class(2), class(usize::MAX), &["3 labels"]),
        ("bert-multilabel", values(3), values(2), &["2 numbers", "3 labels"]),
        ("bert-multilabel", values(3), class(1), &["index", "3 numbers"]),
        ("bert-regression", values(1), values(0), &["0 numbers", "1 labels"]),
        ("bert-regression", values(1), class(0), &["index", "1 numbers"]),
    ] {
        let mut classifier = Options::default().load(golden(name)).unwrap();
        let error = says(run_with(&mut classifier, vec![good.clone(), None, bad]), parts);
        assert!(matches!(error, Error::Text { index: 2, .. }), "{error:?}");
        for labels in [vec![good.clone()], vec![good.clone(); 4], vec![None; 4]] {
            let counts = format!("{} labels for 3 texts", labels.len());
            says(run_with(&mut classifier, labels), &[&counts]);
        }
        run_with(&mut classifier, vec![good, None, None]).unwrap();
    }
}

/// What attentions take on the device goes by the texts, not by what the model could take.
#[test]
fn a_model_for_long_texts_has_attentions() {
    let request = Request::default().attentions(true);
    let texts: Vec<Encoding> = [3, 64, 1, 40].map(|length| Encoding::new(vec![5; length], vec![0; length])).into();
    let [short, long] = [64, 16384].map(|positions| {
        let edited = Edited::of("modernbert").config("max_position_embeddings", positions.into());
        edited.load(Options::default()).unwrap().run(&texts, &request).unwrap().attentions.unwrap()
    });
    for (short, long) in short.iter().zip(&long) {
        assert_eq!((&short.shape, bits(&short.values)), (&long.shape, bits(&long.values)));
    }
}

#[test]
fn an_encoder_on_threads_gives_each_text_its_own_tokens() {
    let options = Options::default().truncation(Truncation::Refuse);
    let classifier = options.load(golden("bert")).unwrap();
    let long = "good ".repeat(200);
    // Lengths such that the threads' blocks end in another order than they begin.
    let texts: Vec<String> = (0..1000).map(|text| "not bad ".repeat(if text < 64 { 15 } else { text % 5 })).collect();
    let mut texts: Vec<Text<'_>> = texts.iter().map(Text::from).collect();
    texts[700] = Text::Single(&long);
    texts[701] = Text::Pair("good", "bad");

    let encoder = classifier.encoder();
    let threads: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..2).map(|_| scope.spawn(|| encoder.clone().encode_all(&texts))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for encodings in threads {
        assert_eq!(encodings.len(), texts.len());
        for (index, (encoding, text)) in encodings.into_iter().zip(&texts).enumerate() {
            match (encoding, classifier.encode(index, *text)) {
                (Ok(encoding), Ok(alone)) => assert_eq!(encoding, alone, "text {index}"),
                (Err(Error::Text { index: named, message }), Err(alone)) => {
                    assert_eq!((index, named), (700, 700));
                    assert_eq!(Error::Text { index, message }.to_string(), alone.to_string());
                }
                (encoding, alone) => panic!("text {index}: {encoding:?}, alone {alone:?}"),
            }
        }
    }
    assert!(encoder.encode_all(&[]).is_empty());
}
