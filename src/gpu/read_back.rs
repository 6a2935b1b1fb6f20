//! From a buffer on the device to bytes on the host, without a blocking wait unless the caller allows one.

use super::Gpu;
use crate::error::{Error, Result};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// A mappable buffer that is put back where others find it, also if the work with it is given up.
#[derive(Debug)]
pub(super) struct Lent {
    pub buffer: wgpu::Buffer,
    free: Arc<Mutex<Vec<wgpu::Buffer>>>,
}

impl Lent {
    /// One of those that are free, if there is one.
    pub fn from(free: &Arc<Mutex<Vec<wgpu::Buffer>>>) -> Option<Lent> {
        let buffer = free.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        Some(Lent::new(buffer, free))
    }

    /// A new one, which will be among the free ones.
    pub fn new(buffer: wgpu::Buffer, free: &Arc<Mutex<Vec<wgpu::Buffer>>>) -> Lent {
        Lent { buffer, free: free.clone() }
    }

    /// One that nobody else uses.
    pub fn alone(buffer: wgpu::Buffer) -> Lent {
        Lent { buffer, free: Arc::default() }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(self.buffer.clone());
    }
}

/// Bytes on their way to the host. Dropped, arrived or not, it leaves the buffer unmapped, as the next work must find it.
#[derive(Debug)]
pub(super) struct ReadBack {
    pub gpu: Arc<Gpu>,
    lent: Lent,
    bytes: u64,
    submission: wgpu::SubmissionIndex,
    answer: Arc<Mutex<Answer<Mapped>>>,
    failed: bool,
}

impl ReadBack {
    /// Asks for the first `bytes` of a buffer that `submission` writes.
    pub fn new(gpu: Arc<Gpu>, lent: Lent, bytes: u64, submission: wgpu::SubmissionIndex) -> ReadBack {
        let (answer, callback) = Answer::expected();
        lent.buffer.map_async(wgpu::MapMode::Read, ..bytes, callback);
        ReadBack { gpu, lent, bytes, submission, answer, failed: false }
    }

    /// Ready once the bytes are there. Who drops it may wait again.
    pub async fn arrived(&mut self) -> Result<()> {
        let mapped = Called { gpu: &self.gpu, submission: &self.submission, answer: &self.answer }.await;
        if let Err(error) = mapped.and_then(|mapped| mapped.map_err(|error| self.fault(&error))) {
            self.failed = true;
            return Err(error);
        }
        Ok(())
    }

    /// What `take` makes of the bytes that have arrived.
    pub fn take<T>(self, take: impl FnOnce(&[u8]) -> T) -> Result<T> {
        let contents = self.lent.buffer.get_mapped_range(..self.bytes).map_err(|error| self.fault(&error))?;
        Ok(take(&contents))
    }

    /// [`ReadBack::take`] once they have.
    pub async fn read<T>(mut self, take: impl FnOnce(&[u8]) -> T) -> Result<T> {
        self.arrived().await?;
        self.take(take)
    }

    fn fault(&self, message: &dyn std::fmt::Display) -> Error {
        let message = format!("failed reading back: {message}");
        let lost = self.gpu.check("reading back").err();
        lost.unwrap_or(Error::Adapter { adapter: self.gpu.name.clone(), message })
    }
}

impl Drop for ReadBack {
    fn drop(&mut self) {
        // If it failed nothing is mapped, and to unmap it would be one more error.
        if !self.failed {
            self.lent.buffer.unmap();
        }
    }
}

type Mapped = Result<(), wgpu::BufferAsyncError>;

/// Ready once the device is done with a submission and those before it.
///
/// # Errors
/// [`Error::DeviceLost`].
pub(super) async fn done(gpu: &Gpu, submission: wgpu::SubmissionIndex) -> Result<()> {
    let (answer, callback) = Answer::expected();
    gpu.queue.on_submitted_work_done(move || callback(()));
    Called { gpu, submission: &submission, answer: &answer }.await
}

/// What wgpu calls back with, and who waits for it.
#[derive(Debug)]
struct Answer<T> {
    result: Option<T>,
    waker: Option<Waker>,
}

impl<T: Send + 'static> Answer<T> {
    /// With the callback that brings it.
    fn expected() -> (Arc<Mutex<Answer<T>>>, impl FnOnce(T) + Send + 'static) {
        let answer = Arc::new(Mutex::new(Answer { result: None, waker: None }));
        let called = answer.clone();
        let callback = move |result| {
            let mut answer = called.lock().unwrap_or_else(PoisonError::into_inner);
            answer.result = Some(result);
            if let Some(waker) = answer.waker.take() {
                waker.wake();
            }
        };
        (answer, callback)
    }
}

/// Ready once wgpu called back for a submission or the device is lost. In a browser the event loop calls; elsewhere
/// somebody has to poll the device, which this does each time it is polled itself: without blocking, unless [`block_on`]
/// says that the thread may wait.
struct Called<'a, T> {
    gpu: &'a Gpu,
    submission: &'a wgpu::SubmissionIndex,
    answer: &'a Mutex<Answer<T>>,
}

impl<T> Future for Called<'_, T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Outside the lock: polling the device may call back. An error here (a lost device) comes back in the result.
        if may_block() {
            // No longer than for this one: others may be on their way behind it.
            let submission_index = Some(self.submission.clone());
            let _ = self.gpu.device.poll(wgpu::PollType::Wait { submission_index, timeout: None });
        } else {
            let _ = self.gpu.device.poll(wgpu::PollType::Poll);
        }
        let mut answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(result) = answer.result.take() {
            return Poll::Ready(Ok(result));
        }
        // A lost device need not call back.
        self.gpu.check("waiting for what it was given")?;
        answer.waker = Some(context.waker().clone());
        if cfg!(not(target_arch = "wasm32")) {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

thread_local! {
    static MAY_BLOCK: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Whether this thread may sleep while the device works.
pub(crate) fn may_block() -> bool {
    MAY_BLOCK.get()
}

/// Sets whether this thread may sleep, for as long as the value lives.
struct MayBlock(bool);

impl MayBlock {
    fn set(may: bool) -> MayBlock {
        MayBlock(MAY_BLOCK.replace(may))
    }
}

impl Drop for MayBlock {
    fn drop(&mut self) {
        MAY_BLOCK.set(self.0);
    }
}

/// Runs a future of this crate to its end on this thread, which may sleep while the device works.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let _restore = MayBlock::set(true);
    pollster::block_on(future)
}

/// Calls something on this thread that may not sleep meanwhile.
pub(crate) fn without_waiting<T>(call: impl FnOnce() -> T) -> T {
    let _restore = MayBlock::set(false);
    call()
}
