//! Who waits for a device on behalf of futures, which must not: a thread. In a browser the event loop does.

use crate::oneshot;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::thread;

/// What the wait for a submission came to: why it failed, if it did.
pub(super) type Waited = Result<(), String>;

/// Waits on this thread until the device is done with a submission and those before it.
pub(super) fn wait(device: &wgpu::Device, submission: wgpu::SubmissionIndex) -> Waited {
    // No longer than for this one: others may be on their way behind it.
    poll(device, wgpu::PollType::Wait { submission_index: Some(submission), timeout: None }).map(drop)
}

/// Whether the device has nothing to do.
pub(super) fn is_idle(device: &wgpu::Device) -> bool {
    poll(device, wgpu::PollType::Poll).is_ok_and(|status| status == wgpu::PollStatus::QueueEmpty)
}

/// Where a driver lost the device wgpu tells its callback so, and then panics.
fn poll(device: &wgpu::Device, how: wgpu::PollType) -> Result<wgpu::PollStatus, String> {
    match catch_unwind(AssertUnwindSafe(|| device.poll(how))) {
        Ok(polled) => polled.map_err(|error| error.to_string()),
        Err(_) => Err("wgpu gave up".into()),
    }
}

/// A thread for one device, which sleeps while nobody waits. It starts with the first future that has to wait, and ends
/// with the device.
#[derive(Debug)]
pub(super) struct Waiter {
    /// The device, until it is dropped.
    device: Option<Arc<wgpu::Device>>,
    /// To the thread; none where none could be started.
    thread: OnceLock<Option<Sender<Wait>>>,
    /// Held by the thread while it is with the device.
    waiting: Arc<Mutex<()>>,
}

/// A submission to wait for, and who is to know.
struct Wait {
    device: Weak<wgpu::Device>,
    submission: wgpu::SubmissionIndex,
    waited: oneshot::Sender<Waited>,
}

impl Waiter {
    pub fn new(device: wgpu::Device) -> Waiter {
        Waiter { device: Some(Arc::new(device)), thread: OnceLock::new(), waiting: Arc::default() }
    }

    /// Ready once the device is done with a submission and those before it, and wgpu called back for them or is about to.
    ///
    /// Those that wait for one device should do so in the order of their submissions.
    pub fn wait(&self, submission: wgpu::SubmissionIndex) -> oneshot::Receiver<Waited> {
        let (sender, receiver) = oneshot::channel();
        let device = self.device.as_ref().map_or_else(Weak::new, Arc::downgrade);
        let wait = Wait { device, submission, waited: sender };
        let thread = self.thread.get_or_init(|| start(self.waiting.clone()));
        let unsent = match thread {
            Some(thread) => thread.send(wait).err().map(|unsent| unsent.0),
            None => Some(wait),
        };
        // Without a thread to do so, whoever polls has to.
        if let Some(wait) = unsent {
            wait.run(&self.waiting);
        }
        receiver
    }
}

impl Drop for Waiter {
    /// Leaves the device to whoever drops it: at a program's end a thread must not be the last to have one.
    fn drop(&mut self) {
        // From here on the thread finds none.
        self.device = None;
        drop(self.waiting.lock());
    }
}

impl Wait {
    fn run(self, waiting: &Mutex<()>) {
        let Wait { device, submission, waited } = self;
        let with_device = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let result = device.upgrade().map(|device| wait(&device, submission));
        drop(with_device);
        // Only now: who is woken may drop the device, which takes the lock.
        if let Some(result) = result {
            waited.send(result);
        }
    }
}

fn start(waiting: Arc<Mutex<()>>) -> Option<Sender<Wait>> {
    let (sender, waits) = mpsc::channel::<Wait>();
    let run = move || waits.into_iter().for_each(|wait| wait.run(&waiting));
    match thread::Builder::new().name("wgbert device".into()).spawn(run) {
        Ok(_) => Some(sender),
        Err(error) => {
            log::warn!("cannot start a thread to wait for the device, so futures block: {error}");
            None
        }
    }
}
