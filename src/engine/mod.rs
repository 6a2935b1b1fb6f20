//! Stage 6: many callers -> batches -> devices.
//!
//! A call puts its texts into one queue, and waits. There is no thread of the engine's: whoever waits drives, which is to
//! submit what the queue holds, up to a batch's limits and whosever it is, and to read the oldest batch. So calls that wait
//! together are answered from the same batches, a call that is dropped leaves what it was doing to the next, and several
//! devices take batches from the same queue. Neither order nor bits of an answer depend on any of it.

mod batch;
mod canary;
mod device;
mod job;
mod lane;
mod queue;
pub(crate) mod self_check;

use crate::checkpoint::{Config, Weights};
use crate::error::{Error, Result};
#[cfg(not(target_arch = "wasm32"))]
use crate::gpu;
use crate::gpu::{Gpu, Timing};
use crate::label::Label;
use crate::models::{Model, encoder::OutputSpec};
use crate::options::{Checked, Options, Precision};
use crate::output::Answer;
use crate::text::Encoding;
use batch::Batch;
use device::Device;
use event_listener::Event;
use job::Job;
use lane::Lane;
use queue::Queue;
use self_check::Subject;
use std::fmt;
#[cfg(not(target_arch = "wasm32"))]
use std::future::Future;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

/// The devices of a classifier and the texts that wait for them.
pub(crate) struct Engine {
    config: Arc<Config>,
    model: Arc<Model>,
    weights: Arc<Weights>,
    labels: Arc<[String]>,
    /// Tokens of the longest text.
    longest: usize,
    options: Options,
    lanes: Vec<Lane>,
    queue: Mutex<Queue>,
    /// Notified when a batch is submitted, texts are put back or a device is lost.
    changed: Event,
}

impl fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.lanes.iter().map(|lane| lane.name()).collect();
        formatter.debug_struct("Engine").field("lanes", &names).finish_non_exhaustive()
    }
}

impl Engine {
    /// Opens the adapters that the options mean. None of them computes anything yet: what it computes is checked when a batch
    /// needs it.
    ///
    /// # Errors
    /// [`Error::NoAdapter`], [`Error::NoSuchAdapter`], [`Error::NoTensorCores`], and [`Error::Adapter`] where one cannot be
    /// opened or store what is asked for.
    pub(crate) async fn open(
        options: Options,
        config: Arc<Config>,
        model: Arc<Model>,
        weights: Arc<Weights>,
        longest: usize,
    ) -> Result<Engine> {
        let mut lanes = Vec::new();
        for adapters in options.choose_in_turn().await? {
            options.precision.check(adapters[0].as_ref())?;
            options.tensor_cores.check(adapters[0].as_ref())?;
            let devices = adapters.into_iter().flat_map(|adapter| Device::all(adapter, &model, &options));
            let devices: Vec<Device> = devices.collect();
            devices[0].open(&options).await?;
            if let (Precision::Auto, Some(gpu)) = (options.precision, devices[0].gpu()) {
                log::info!("adapter {}: numbers are stored as {:?}", gpu.name, options.precision.on(&gpu.capabilities));
            }
            lanes.push(Lane::new(devices));
        }
        let labels = config.labels.clone().into();
        let (queue, changed) = (Mutex::default(), Event::new());
        Ok(Engine { config, model, weights, labels, longest, options, lanes, queue, changed })
    }

    /// The same on adapters that are chosen and opened anew, by these options of a device.
    ///
    /// # Errors
    /// Those of [`Engine::open`].
    pub(crate) async fn with_options(&self, options: Options) -> Result<Engine> {
        let Engine { config, model, weights, longest, .. } = self;
        Engine::open(options, config.clone(), model.clone(), weights.clone(), *longest).await
    }

    /// What is known of whether the first adapter computes what it should.
    pub(crate) fn checked(&self) -> Checked {
        self.lanes[0].checked(&self.options)
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Tokens of the longest text that `wanted` is for.
    fn longest(&self, wanted: OutputSpec) -> usize {
        wanted.attentions.map_or(self.longest, |longest| longest as usize)
    }

    /// What is checked of an adapter.
    fn subject(&self) -> Subject<'_> {
        let Engine { options, config, model, longest, .. } = self;
        Subject { options, config, model, longest: *longest }
    }

    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    pub(crate) fn weights(&self) -> &Weights {
        &self.weights
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Name of the first adapter, or `reference`.
    pub(crate) fn name(&self) -> &str {
        self.lanes[0].name()
    }

    /// What the first of them stores numbers as.
    pub(crate) fn precision(&self) -> Precision {
        self.devices().next().map_or(Precision::F32, |gpu| self.options.precision.on(&gpu.capabilities))
    }

    /// The open devices; none where the reference runs.
    pub(crate) fn devices(&self) -> impl Iterator<Item = &Arc<Gpu>> {
        self.lanes.iter().filter_map(Lane::gpu)
    }

    /// Bytes of weights and of what batches compute, on all devices; none where the reference runs.
    pub(crate) fn memory(&self) -> Option<[u64; 2]> {
        self.devices().next()?;
        Some(self.lanes.iter().map(Lane::memory).fold([0; 2], |[a, b], [c, d]| [a + c, b + d]))
    }

    /// Time that the devices computed, where it is counted.
    pub(crate) fn busy(&self) -> Option<Duration> {
        self.lanes.iter().filter_map(Lane::busy).reduce(|a, b| a + b)
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    fn job(&self, encodings: Arc<[Encoding]>, labels: Vec<Option<Label>>, wanted: OutputSpec) -> Arc<Job> {
        let answer = Answer::new(&self.model, self.labels.clone(), &encodings, wanted);
        Arc::new(Job::new(encodings, labels, wanted, answer))
    }

    /// The answer to some texts, which are checked already.
    ///
    /// # Errors
    /// [`Error::Text`] for a text that fits no batch, before anything is computed, and the devices' errors.
    pub(crate) async fn answer(
        &self,
        encodings: Arc<[Encoding]>,
        labels: Vec<Option<Label>>,
        wanted: OutputSpec,
    ) -> Result<Answer> {
        for lane in &self.lanes {
            lane.fit(self, wanted, &encodings)?;
        }
        let job = self.job(encodings, labels, wanted);
        self.queue().push(job.clone());
        self.wait(job).await
    }

    /// Drives the devices until a job that was put into the queue is done.
    async fn wait(&self, job: Arc<Job>) -> Result<Answer> {
        let call = Call { engine: self, job };
        let mut done = pin!(call.job.done());
        let mut drivers: Vec<Option<Pin<Box<_>>>> =
            self.lanes.iter().map(|lane| Some(Box::pin(self.drive(lane, &call.job)))).collect();
        poll_fn(|context| {
            if let Poll::Ready(result) = done.as_mut().poll(context) {
                return Poll::Ready(result);
            }
            for driver in &mut drivers {
                if driver.as_mut().is_some_and(|driver| driver.as_mut().poll(context).is_ready()) {
                    *driver = None;
                }
            }
            if let Poll::Ready(result) = done.as_mut().poll(context) {
                return Poll::Ready(result);
            }
            if drivers.iter().all(Option::is_none) && !call.job.is_done() {
                // Every device is lost.
                call.job.fail(self.lanes.iter().find_map(Lane::lost).expect("a driver ends with its device"));
                return done.as_mut().poll(context);
            }
            Poll::Pending
        })
        .await
    }

    /// Keeps a device busy until the job is done or the device lost.
    async fn drive(&self, lane: &Lane, job: &Job) {
        while !job.is_done() && !lane.is_lost() {
            let changed = self.changed.listen();
            lane.submit(self).await;
            if job.is_done() || lane.read(self).await || lane.next(self).is_some() {
                continue;
            }
            // What the job waits for is with another device, or with who is about to submit it.
            changed.await;
        }
    }

    /// Takes a device out of service; whether another can take over, which then gets all batches that this one had.
    fn lose(&self, lane: &Lane, error: &Error) -> bool {
        let batches = lane.lose(error);
        let other = self.lanes.iter().find(|other| !other.is_lost());
        if let (Some(batches), Some(other)) = (batches, other) {
            log::warn!("{error}; its texts go to {}", other.name());
            // The oldest is to be the next.
            batches.into_iter().rev().for_each(|batch| self.queue().put_back(batch));
        }
        // Where there is no other, those who wait see that every device is lost.
        self.changed.notify(usize::MAX);
        other.is_some()
    }

    /// Puts the texts of a batch that was not answered back in front of the queue.
    fn give_back(&self, batch: Batch) {
        self.queue().put_back(batch);
        self.changed.notify(usize::MAX);
    }

    /// Ends the calls whose texts are in a batch that cannot be answered.
    fn fail(&self, batch: Batch, error: &Error) {
        for job in batch.into_jobs() {
            self.queue().remove(&job);
            job.fail(error.clone());
        }
    }

    /// GPU time of each step of each batch that these texts need on the first device, without reading answers back.
    ///
    /// # Errors
    /// [`Error::Adapter`] where there are no timestamps, and as [`Engine::answer`].
    pub(crate) async fn profile(&self, encodings: &[Encoding], wanted: OutputSpec) -> Result<Vec<Timing>> {
        self.lanes[0].profile(self, encodings, wanted).await
    }

    /// Runs a future of this engine's to its end on this thread, which may sleep while the device works: in the driver where
    /// there is one device, else beside what waits for all.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        if self.lanes.len() == 1 { gpu::block_on(future) } else { pollster::block_on(future) }
    }
}

/// A call that waits. Dropped, it leaves its texts' places to others.
struct Call<'a> {
    engine: &'a Engine,
    job: Arc<Job>,
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if !self.job.is_done() {
            self.job.abandon();
            self.engine.queue().remove(&self.job);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Classifier, Options};
    use std::path::Path;
    use std::sync::mpsc;
    use std::thread;

    /// A device has two batches when it is lost. The second stayed where nobody read it, and its call waited for ever.
    #[test]
    fn every_batch_of_a_lost_device_goes_to_the_other() {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/bert");
        let options = Options::default().adapter("0,0".parse().unwrap()).batch_texts(1);
        let classifier: Classifier = options.load(golden).unwrap();
        let expected = classifier.classify(["good", "not good", "bad"]).unwrap().logits;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let encodings = ["good", "not good", "bad"].map(|text| classifier.encode(0, text).unwrap());
            let (engine, scoring) = (classifier.engine(), classifier.scoring());
            let wanted = OutputSpec::scores(scoring);
            let job = engine.job(encodings.to_vec().into(), Vec::new(), wanted);
            engine.queue().push(job.clone());
            let lane = &engine.lanes[0];
            gpu::block_on(lane.submit(engine));
            assert!(lane.next(engine).is_none() && engine.queue().next().is_some(), "it has all that it takes");
            lane.gpu().unwrap().destroy();
            let _ = sender
                .send(pollster::block_on(engine.wait(job)).map(|answer| answer.into_sequences(&encodings, &[]).logits));
        });
        let logits = receiver.recv_timeout(Duration::from_secs(120)).expect("the call ends").unwrap();
        assert_eq!(logits, expected);
    }
}
