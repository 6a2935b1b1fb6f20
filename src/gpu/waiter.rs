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
    pub(super) fn new(device: wgpu::Device) -> Waiter {
        Waiter { device: Some(Arc::new(device)), thread: OnceLock::new(), waiting: Arc::default() }
    }

    /// Ready once the device is done with a submission and those before it, and wgpu called back for them or is about to.
    ///
    /// Those that wait for one device should do so in the order of their submissions.
    pub(super) fn wait(&self, submission: wgpu::SubmissionIndex) -> oneshot::Receiver<Waited> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gpu::{Gpu, adapters, block_on};
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Wake, Waker};
    use std::time::{Duration, Instant};

    fn open() -> Gpu {
        let adapter = block_on(adapters(None)).into_iter().next().expect("an adapter");
        block_on(Gpu::open(&adapter, None)).expect("it opens")
    }

    fn submit(gpu: &Gpu) -> wgpu::SubmissionIndex {
        gpu.queue.submit([])
    }

    #[test]
    fn the_thread_starts_when_it_is_wanted_and_ends_with_the_device() {
        let gpu = open();
        // One is the waiter's, one ours, and one the thread's while there is one.
        let held = gpu.waiter.waiting.clone();
        assert_eq!(Arc::strong_count(&held), 2);
        block_on(gpu.wait(&submit(&gpu))).unwrap();
        assert_eq!(Arc::strong_count(&held), 2, "a thread that may block waits itself");
        for _ in 0..3 {
            pollster::block_on(gpu.waiter.wait(submit(&gpu))).expect("it answers").unwrap();
            assert_eq!(Arc::strong_count(&held), 3);
        }
        let other = gpu.clone();
        drop(gpu);
        pollster::block_on(other.waiter.wait(submit(&other))).expect("it answers").unwrap();
        drop(other);
        let start = Instant::now();
        while Arc::strong_count(&held) > 1 {
            assert!(start.elapsed() < Duration::from_secs(60), "the thread goes on without its device");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Who is woken may be an executor that gives up the last task with the device, on the thread that woke it.
    #[test]
    fn who_is_woken_may_drop_the_device() {
        struct Last(Mutex<Option<Gpu>>, mpsc::Sender<()>);
        impl Wake for Last {
            fn wake(self: Arc<Self>) {
                drop(self.0.lock().unwrap().take());
                let _ = self.1.send(());
            }
        }
        let gpu = open();
        // The thread is with the device until this lock is free, so that the future is not ready at once.
        let waiting = gpu.waiter.waiting.clone();
        let with_device = waiting.lock().unwrap();
        let mut waited = pin!(gpu.waiter.wait(submit(&gpu)));
        let (sender, dropped) = mpsc::channel();
        let waker = Waker::from(Arc::new(Last(Mutex::new(Some(gpu)), sender)));
        assert!(waited.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        drop(with_device);
        dropped.recv_timeout(Duration::from_secs(60)).expect("it neither hangs nor panics");
    }
}
