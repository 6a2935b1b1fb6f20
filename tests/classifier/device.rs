//! What a device can do: be lost, be too small, be slow, be waited for without blocking.

use super::{array_difference, bits, golden, says};
use crate::common::requirements::{Need, not_run};
use crate::common::{self, NoWeights};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};
use wgbert::gpu::{Gpu, Plan, WeightBuffers};
use wgbert::ir::{BatchLimits, Capabilities, Input, Output, Recording, Rows, Run, Storage, Values};
use wgbert::kernels::{embed::Embed, softmax::Softmax};
use wgbert::text::Encoding;
use wgbert::{Adapter, Checked, Classifier, Error, Memory, Options, Precision, Request, SelfCheck, gpu};

fn bert(options: Options) -> Classifier {
    options.load(golden("bert")).unwrap()
}

/// A batch that a software adapter takes a while for.
fn long_batch() -> Vec<Encoding> {
    let text = |index: u32| Encoding::new(vec![2 + index % 100; 64], vec![0; 64]);
    (0..2000).map(text).collect()
}

fn is_lost<T: std::fmt::Debug>(result: wgbert::Result<T>) {
    let error = says(result, &["was lost"]);
    assert!(matches!(error, Error::DeviceLost { .. }), "{error:?}");
}

#[test]
fn a_lost_device_is_an_error_now_and_later() {
    // Before the plan is made, after it, and with other outputs than the plan has.
    let classifier = bert(Options::default());
    classifier.gpu().unwrap().destroy();
    for _ in 0..2 {
        is_lost(classifier.classify(["good"]));
    }
    let classifier = bert(Options::default());
    let answer = classifier.classify(["good"]).unwrap();
    classifier.gpu().unwrap().destroy();
    for _ in 0..3 {
        is_lost(classifier.classify(["good"]));
        let encoding = classifier.encode(0, "good").unwrap();
        let request = Request::default().hidden_states(true).attentions(true);
        is_lost(classifier.run(&[encoding], &request));
    }
    is_lost(classifier.profile(&[classifier.encode(0, "good").unwrap()]));
    // A new classifier works beside the lost one.
    assert_eq!(bits(&bert(Options::default()).classify(["good"]).unwrap().logits.values), bits(&answer.logits.values));
}

#[test]
fn a_lost_device_is_opened_again() {
    let classifier = bert(Options::default().self_check(SelfCheck::Always).cache_dir(None));
    assert_eq!(classifier.checked(), Checked::NotYet);
    let answer = classifier.classify(["good"]).unwrap();
    assert!(matches!(classifier.checked(), Checked::Passed { .. }), "{:?}", classifier.checked());
    classifier.gpu().unwrap().destroy();
    is_lost(classifier.classify(["good"]));
    let again = classifier.reopen().unwrap();
    assert_eq!(again.checked(), Checked::NotYet);
    assert_eq!(bits(&again.classify(["good"]).unwrap().logits.values), bits(&answer.logits.values));
    // The lost one stays lost.
    is_lost(classifier.classify(["good"]));
    let twins = gpu::block_on(again.reopen_on_async(Adapter::Reference, Precision::F32)).unwrap();
    assert_eq!((twins.checked(), twins.adapter()), (Checked::Reference, "reference"));
    let [on_gpu, on_cpu] = [&answer, &twins.classify(["good"]).unwrap()].map(|answer| answer.logits.clone());
    assert!(array_difference(&on_cpu, &on_gpu) < 1e-5);
    let unchecked = bert(Options::default().self_check(SelfCheck::Never));
    unchecked.classify(["good"]).unwrap();
    assert_eq!(unchecked.checked(), Checked::Never);
}

#[test]
fn a_device_lost_in_the_middle_is_an_error() {
    for milliseconds in [0, 1, 3, 10, 30, 100] {
        let classifier = bert(Options::default());
        classifier.classify(["good"]).unwrap();
        let texts = long_batch();
        let gpu: Arc<Gpu> = classifier.gpu().unwrap().clone();
        let (loss, result) = std::thread::scope(|scope| {
            let loss = scope.spawn(move || {
                std::thread::sleep(Duration::from_millis(milliseconds));
                gpu.destroy();
                Instant::now()
            });
            let mut result = Ok(());
            while result.is_ok() {
                result = classifier.run(&texts, &Request::default()).map(drop);
            }
            (loss.join().unwrap(), result)
        });
        println!("lost after {milliseconds} ms, told {:?} later", loss.elapsed());
        is_lost(result);
        is_lost(classifier.classify(["good"]));
    }
}

/// The first calls of two streams, each begun and then left for the other, waited for each other for ever.
#[test]
fn a_call_that_is_left_in_the_middle_keeps_nothing_from_others() {
    let classifier = bert(Options::default());
    let mut left: Vec<_> = ["good", "bad", "not bad"].map(|text| Box::pin(classifier.classify_async([text]))).into();
    let begun: Vec<_> =
        left.iter_mut().map(|call| call.as_mut().poll(&mut Context::from_waker(Waker::noop()))).collect();
    let (sender, answers) = std::sync::mpsc::channel();
    for text in ["good", "not good"] {
        let (classifier, sender) = (classifier.clone(), sender.clone());
        std::thread::spawn(move || sender.send(classifier.classify([text]).map(drop)));
    }
    for _ in 0..2 {
        answers.recv_timeout(Duration::from_secs(300)).expect("it is answered meanwhile").unwrap();
    }
    for (call, begun) in left.into_iter().zip(begun) {
        match begun {
            Poll::Ready(answer) => answer,
            Poll::Pending => gpu::block_on(call),
        }
        .unwrap();
    }
}

#[test]
fn an_absurd_capacity_is_cut_to_what_the_adapter_can_bind() {
    let expected = bits(&bert(Options::default()).classify(["good", "not bad"]).unwrap().logits.values);
    for size in [0, 1, 50_000_000, 1 << 40, usize::MAX] {
        for adapter in [wgbert::Adapter::Best, wgbert::Adapter::Reference] {
            let sizes = Some(size);
            let classifier = bert(Options::default().adapter(adapter).batch_tokens(sizes).batch_texts(sizes));
            let answer = classifier.classify(["good", "not bad"]).unwrap();
            let bytes = classifier.gpu().and_then(|gpu| gpu.allocated());
            println!("{size} tokens on {}: {bytes:?} bytes", classifier.adapter());
            assert!(bytes.is_none_or(|bytes| bytes < 4 << 30), "{bytes:?} bytes");
            if classifier.gpu().is_some() {
                assert_eq!(bits(&answer.logits.values), expected, "{size} tokens");
            }
        }
    }
    // Everything that can be asked for, at once.
    let classifier = bert(Options::default().batch_tokens(usize::MAX));
    let request = Request::default().hidden_states(true).attentions(true);
    let encoding = classifier.encode(0, "good").unwrap();
    classifier.run(&[encoding], &request).unwrap();
    println!("with all outputs: {:?} bytes", classifier.gpu().unwrap().allocated());
}

#[test]
fn weights_take_half_the_memory_in_f16_and_activations_where_shaders_have_it() {
    let own = common::gpu().capabilities.clone();
    let memory = |precision, f16| {
        let capabilities = Some(Capabilities { f16, ..own.clone() });
        let classifier = Options::default().precision(precision).capabilities(capabilities).sentiment().unwrap();
        classifier.classify(["good"]).unwrap();
        classifier.memory().unwrap()
    };
    let full = memory(Precision::F32, own.f16);
    for f16 in [false, own.f16] {
        let Memory { weights, activations } = memory(Precision::F16, f16);
        println!(
            "{weights} of {} bytes of weights, {activations} of {} of activations",
            full.weights, full.activations
        );
        assert!(weights as f64 <= 0.53 * full.weights as f64, "{weights} of {full:?}");
        let share = if f16 { 0.53 } else { 1.0 };
        assert!(activations as f64 <= share * full.activations as f64, "{activations} of {full:?}");
    }
}

/// `softmax` over rows of `columns`, of a matrix of constants or of as many rows as there are tokens.
fn one_step(rows: Rows, columns: usize) -> Recording {
    let mut recording = Recording::new(u64::MAX);
    let input = recording.constant(Rows::Fixed(1), 1, Values::F32(vec![0.0]));
    let output = recording.tensor(rows, columns);
    recording.step(Softmax { rows, columns: columns as u32 }, &[Some(input), Some(output)]);
    recording.output(Output::Logits, output);
    recording
}

#[test]
fn buffers_beyond_the_limits_are_named_and_not_allocated() {
    let make = |recording, tokens: usize| {
        let capacity = BatchLimits { tokens, texts: 1 };
        let mut weights = WeightBuffers::default();
        gpu::block_on(async {
            let mut plan = Plan::new(common::gpu(), recording, capacity, &mut weights, &NoWeights).await?;
            plan.reserve(capacity).await
        })
    };
    let limits = &common::gpu().capabilities;
    let beyond = (limits.max_binding / 4 / 1024) as usize + 1;
    let error = says(make(one_step(Rows::Tokens, 1024), beyond), &["output of softmax", "Options::batch_tokens"]);
    assert!(matches!(error, Error::Adapter { .. }), "{error:?}");
    println!("{error}");
    says(make(one_step(Rows::Tokens, 1024), u32::MAX as usize), &["output of softmax"]);
    says(make(one_step(Rows::Fixed(u32::MAX), 1024), 1), &["output of softmax"]);
    // Each binding fits, but together they do not fit the buffer that they are read back through.
    let mut recording = one_step(Rows::Tokens, 1024);
    for _ in 0..limits.max_buffer.div_ceil(limits.max_binding / 2) {
        let (_, output) = recording.outputs[0];
        recording.output(Output::Logits, output);
    }
    let tokens = (limits.max_binding / 4 / 1024) as usize;
    if limits.max_buffer < 1 << 40 {
        let error = says(make(recording, tokens), &["out of memory", "read-back"]);
        assert!(matches!(error, Error::OutOfMemory { .. }), "{error:?}");
        println!("{error}");
    }
    // The device is none the worse for it.
    make(one_step(Rows::Fixed(1), 1), 1).unwrap();
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn the_async_form_never_blocks_and_may_be_given_up() {
    let [one, other] = [bert(Options::default()), bert(Options::default())];
    let texts = vec!["not good, but not bad at all: nobody was impressed by the lazy dog"; 128];
    let expected = one.classify(texts.clone()).unwrap();

    // An executor of a few lines: two classifiers take turns on one thread, which never sleeps.
    let wakes = Arc::new(Count::default());
    let waker = Waker::from(wakes.clone());
    let context = &mut Context::from_waker(&waker);
    {
        let mut futures = [pin!(one.classify_async(texts.clone())), pin!(other.classify_async(texts.clone()))];
        let mut answers = [None, None];
        let (mut polls, start) = ([0; 2], Instant::now());
        while answers.iter().any(Option::is_none) {
            for index in 0..2 {
                if answers[index].is_none() {
                    polls[index] += 1;
                    if let Poll::Ready(answer) = futures[index].as_mut().poll(context) {
                        answers[index] = Some(answer.unwrap());
                    }
                }
            }
            assert!(start.elapsed().as_secs() < 60, "the futures never end");
        }
        println!("{polls:?} polls, {} wakes", wakes.0.load(Ordering::Relaxed));
        assert!(polls.iter().all(|&polls| polls > 1), "a poll that waits for the device is all there was: {polls:?}");
        for answer in answers.into_iter().flatten() {
            assert_eq!(bits(&answer.logits.values), bits(&expected.logits.values));
        }
    }

    // Given up after some polls: the next call is none the worse.
    for polls in [1, 2, 5] {
        let mut future = Box::pin(one.classify_async(texts.clone()));
        let pending = (0..polls).take_while(|_| future.as_mut().poll(context).is_pending()).count();
        drop(future);
        let answer = one.classify(texts.clone()).unwrap();
        assert_eq!(bits(&answer.logits.values), bits(&expected.logits.values), "given up after {pending} polls");
    }
}

/// Sleeps until it is woken, as an executor does that has nothing else to do.
struct Sleeper {
    thread: std::thread::Thread,
    wakes: AtomicUsize,
}

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
        self.thread.unpark();
    }
}

/// What a future answers, and how often it was polled, only when it was woken.
fn sleep_on<T>(future: impl Future<Output = T>) -> (T, usize) {
    let sleeper = Arc::new(Sleeper { thread: std::thread::current(), wakes: AtomicUsize::new(0) });
    let waker = Waker::from(sleeper.clone());
    let (mut future, mut seen, mut polls) = (pin!(future), 0, 0);
    loop {
        polls += 1;
        if let Poll::Ready(answer) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return (answer, polls);
        }
        while sleeper.wakes.load(Ordering::Relaxed) == seen {
            std::thread::park_timeout(Duration::from_secs(60));
        }
        seen = sleeper.wakes.load(Ordering::Relaxed);
    }
}

/// A future that had to wait for the device woke itself at each poll: a core was busy for as long as the device.
#[test]
fn a_future_sleeps_until_the_device_is_done() {
    const BATCHES: usize = 8;
    let texts = vec!["not good, but not bad at all: nobody was impressed by the lazy dog"; 16 * BATCHES];
    let classifier = bert(Options::default().batch_texts(16));
    let expected = classifier.classify(texts.clone()).unwrap();
    let (answer, polls) = sleep_on(classifier.classify_async(texts));
    assert_eq!(bits(&answer.unwrap().logits.values), bits(&expected.logits.values));
    println!("{polls} polls for {BATCHES} batches");
    assert!((2..=2 * BATCHES + 1).contains(&polls), "{polls} polls for {BATCHES} batches");

    // A device that is lost meanwhile wakes who waits for it.
    let encodings = long_batch();
    let gpu = classifier.gpu().unwrap().clone();
    let loss = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(30));
        gpu.destroy();
    });
    let request = Request::default();
    while let (Ok(_), _) = sleep_on(classifier.run_async(&encodings, &request)) {}
    loss.join().unwrap();
    is_lost(sleep_on(classifier.run_async(&encodings, &request)).0);
}

/// Loading and profiling had none, though the README says that every call has one.
#[test]
fn loading_and_profiling_have_an_async_form() {
    let blocking = bert(Options::default());
    let (mut classifier, _) = sleep_on(Options::default().load_async(golden("bert")));
    let classifier = classifier.as_mut().unwrap();
    let answer = sleep_on(classifier.classify_async(["good"])).0.unwrap();
    assert_eq!(bits(&answer.logits.values), bits(&blocking.classify(["good"]).unwrap().logits.values));
    let encodings = [classifier.encode(0, "good").unwrap()];
    if classifier.gpu().unwrap().capabilities.timestamps {
        let steps = sleep_on(classifier.profile_async(&encodings)).0.unwrap().len();
        assert_eq!(steps, blocking.profile(&encodings).unwrap().len());
    }
    for loaded in [
        sleep_on(Classifier::load_async(golden("nosuch"))).0,
        sleep_on(Options::default().load_hub_async(golden("nosuch"))).0,
    ] {
        says(loaded, &["nosuch"]);
    }
    #[cfg(feature = "embedded")]
    assert_eq!(sleep_on(Classifier::sentiment_async()).0.unwrap().labels()[2], "positive");
}

#[test]
fn classifiers_and_their_futures_may_change_threads() {
    fn send<T: Send>(value: T) -> T {
        value
    }
    let classifier = send(bert(Options::default()));
    drop(send(classifier.classify_async(["good"])));
    drop(send(Classifier::load_async(golden("bert"))));
    drop(send(Options::default().load_hub_async(golden("bert"))));
    let none: [Encoding; 0] = [];
    drop(send(classifier.profile_async(&none)));
    let encoding = classifier.encode(0, "good").unwrap();
    let future = send(async move { classifier.run_async(&[encoding], &Request::default()).await.map(|a| a.len()) });
    assert_eq!(std::thread::spawn(|| gpu::block_on(future)).join().unwrap().unwrap(), 1);
    // Several at once, each with its device.
    let expected = bits(&bert(Options::default()).classify(["good"]).unwrap().logits.values);
    let threads: Vec<_> = (0..4)
        .map(|_| std::thread::spawn(|| bits(&bert(Options::default()).classify(["good"]).unwrap().logits.values)))
        .collect();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), expected);
    }
}

/// A plan whose answers are its tokens: batches can be told apart.
fn embedded_rows() -> (Plan, impl Fn(u32) -> Vec<[u32; 4]>) {
    let mut recording = Recording::new(u64::MAX);
    let tokens = recording.input(Input::Tokens);
    let numbers = (0..64).map(|number| number as f32).collect();
    let words = recording.constant(Rows::Fixed(16), 4, Values::F32(numbers));
    let output = recording.tensor(Rows::Tokens, 4);
    let embed = Embed { columns: 4, first_id: 0, ids: 16, positions: false, types: false, storage: Storage::F32 };
    recording.step(embed, &[Some(tokens), Some(words), Some(output), None, None]);
    recording.output(Output::Logits, output);
    let capacity = BatchLimits { tokens: 8, texts: 1 };
    let mut weights = WeightBuffers::default();
    let plan = gpu::block_on(Plan::new(common::gpu(), recording, capacity, &mut weights, &NoWeights)).unwrap();
    (plan, |id| (0..8).map(|position| [id, 0, position, 0]).collect())
}

#[test]
fn batches_wait_behind_each_other_on_the_device() {
    let (mut plan, tokens) = embedded_rows();
    let cu_seqlens = [0, 8];
    let mut submit = |id: u32| {
        gpu::block_on(plan.submit(Run { tokens: &tokens(id), cu_seqlens: &cu_seqlens, ..Run::default() })).unwrap()
    };
    let read = |pending: gpu::Pending| match gpu::block_on(pending.read()).unwrap().remove(0) {
        (Output::Logits, Values::F32(rows)) => rows[0] as u32 / 4,
        other => panic!("{other:?}"),
    };
    // In their order, the other way round, and with one that nobody reads.
    for _ in 0..3 {
        let (first, second) = (submit(3), submit(5));
        assert_eq!((read(first), read(second)), (3, 5));
        let (first, second) = (submit(6), submit(7));
        assert_eq!((read(second), read(first)), (7, 6));
        drop(submit(1));
        let (first, second) = (submit(8), submit(9));
        drop(first);
        assert_eq!((read(submit(10)), read(second)), (10, 9));
    }
    // However many there are.
    let three = [1, 2, 3].map(&mut submit);
    assert_eq!(three.map(read), [1, 2, 3]);
}

#[test]
fn the_device_is_busy_for_some_of_the_time() {
    let untimed = bert(Options::default());
    untimed.classify(["good"]).unwrap();
    assert_eq!(untimed.busy(), None);
    let timed = bert(Options::default().timed(true).batch_texts(16));
    let texts = vec!["not good, but not bad at all"; 100];
    let start = Instant::now();
    let answer = timed.classify(texts.clone()).unwrap();
    let Some(first) = timed.busy() else {
        assert!(!timed.gpu().unwrap().capabilities.timestamps);
        return not_run(Need::Timestamps, "the adapter has none");
    };
    timed.classify(texts.clone()).unwrap();
    let both = timed.busy().unwrap();
    assert!(Duration::ZERO < first && first < both && both <= start.elapsed(), "{first:?}, {both:?}");
    let expected = untimed.classify(texts).unwrap();
    assert_eq!(bits(&answer.logits.values), bits(&expected.logits.values));
}
