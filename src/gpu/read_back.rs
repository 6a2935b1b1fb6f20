//! From a buffer on the device to bytes on the host, without a blocking wait unless the caller allows one.

use super::Gpu;
use crate::error::{Error, Result};
use event_listener::Event;
use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// A mappable buffer that is put back where others find it, also if the work with it is given up.
#[derive(Debug)]
pub(super) struct StagingLease {
    pub buffer: wgpu::Buffer,
    free: Arc<Mutex<Vec<wgpu::Buffer>>>,
}

impl StagingLease {
    /// One of those that are free, if there is one.
    pub(super) fn from(free: &Arc<Mutex<Vec<wgpu::Buffer>>>) -> Option<StagingLease> {
        let buffer = free.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        Some(StagingLease::new(buffer, free))
    }

    /// A new one, which will be among the free ones.
    pub(super) fn new(buffer: wgpu::Buffer, free: &Arc<Mutex<Vec<wgpu::Buffer>>>) -> StagingLease {
        StagingLease { buffer, free: free.clone() }
    }

    /// One that nobody else uses.
    pub(super) fn alone(buffer: wgpu::Buffer) -> StagingLease {
        StagingLease { buffer, free: Arc::default() }
    }
}

impl Drop for StagingLease {
    fn drop(&mut self) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(self.buffer.clone());
    }
}

/// Bytes on their way to the host. Dropped, arrived or not, it leaves the buffer unmapped, as the next work must find it.
#[derive(Debug)]
pub(super) struct ReadBack {
    lease: StagingLease,
    bytes: u64,
    pub arrival: Arc<Arrival<Mapped>>,
}

pub(crate) type Mapped = Result<(), wgpu::BufferAsyncError>;

impl ReadBack {
    /// Asks for the first `bytes` of a buffer that `submission` writes.
    pub(super) fn new(gpu: Arc<Gpu>, lease: StagingLease, bytes: u64, submission: wgpu::SubmissionIndex) -> ReadBack {
        let arrival = Arrival::expected(gpu, submission);
        let slot = arrival.slot.clone();
        lease.buffer.map_async(wgpu::MapMode::Read, ..bytes, move |result| slot.fill(result));
        ReadBack { lease, bytes, arrival }
    }

    /// What `take` makes of the bytes that have arrived.
    pub(super) fn take<T>(self, take: impl FnOnce(&[u8]) -> T) -> Result<T> {
        match self.arrival.result() {
            Some(Ok(())) => {
                let mapped = self.lease.buffer.get_mapped_range(..self.bytes);
                Ok(take(&mapped.map_err(|error| self.arrival.fault(&error))?))
            }
            Some(Err(error)) => Err(self.arrival.fault(error)),
            None => Err(self.arrival.fault(&"nothing arrived")),
        }
    }

    /// [`ReadBack::take`] once they have.
    pub(super) async fn read<T>(self, take: impl FnOnce(&[u8]) -> T) -> Result<T> {
        self.arrival.wait().await?;
        self.take(take)
    }
}

impl Drop for ReadBack {
    fn drop(&mut self) {
        // If it failed nothing is mapped, and to unmap it would be one more error.
        if !matches!(self.arrival.result(), Some(Err(_))) {
            self.lease.buffer.unmap();
        }
    }
}

/// Ready once the device is done with a submission and those before it.
///
/// # Errors
/// [`Error::DeviceLost`].
pub(super) async fn done(gpu: &Arc<Gpu>, submission: wgpu::SubmissionIndex) -> Result<()> {
    let arrival = Arrival::expected(gpu.clone(), submission);
    let slot = arrival.slot.clone();
    gpu.queue.on_submitted_work_done(move || slot.fill(()));
    arrival.wait().await
}

/// What wgpu calls back with when the device is done with a submission. Any number of futures may wait for it, and none of
/// them need be polled for the others to see it.
#[derive(Debug)]
pub(crate) struct Arrival<T> {
    gpu: Arc<Gpu>,
    submission: wgpu::SubmissionIndex,
    slot: Arc<CallbackSlot<T>>,
}

/// What the callback has of an [`Arrival`]: no device, which in a browser must not leave its thread.
#[derive(Debug)]
struct CallbackSlot<T> {
    result: OnceLock<T>,
    event: Event,
}

impl<T> CallbackSlot<T> {
    fn fill(&self, result: T) {
        let _ = self.result.set(result);
        self.event.notify(usize::MAX);
    }
}

impl<T> Arrival<T> {
    fn expected(gpu: Arc<Gpu>, submission: wgpu::SubmissionIndex) -> Arc<Arrival<T>> {
        let slot = Arc::new(CallbackSlot { result: OnceLock::new(), event: Event::new() });
        Arc::new(Arrival { gpu, submission, slot })
    }

    /// What wgpu called back with, if it did.
    fn result(&self) -> Option<&T> {
        self.slot.result.get()
    }

    pub(crate) fn gpu(&self) -> &Arc<Gpu> {
        &self.gpu
    }

    /// Ready once wgpu called back. In a browser the event loop calls; elsewhere somebody has to wait for the device: this
    /// thread, if [`block_on`] says that it may, or a thread of the device's.
    ///
    /// # Errors
    /// [`Error::DeviceLost`], and [`Error::Adapter`] where wgpu gave up.
    pub(crate) async fn wait(&self) -> Result<()> {
        const DOING: &str = "waiting for what it was given";
        while self.result().is_none() {
            let filled = self.slot.event.listen();
            #[cfg(not(target_arch = "wasm32"))]
            {
                let waited = self.gpu.wait(&self.submission).await;
                if self.result().is_some() {
                    break;
                }
                // A lost device need not call back.
                self.gpu.check(DOING)?;
                if let Err(message) = waited {
                    let message = format!("failed {DOING}: {message}");
                    return Err(Error::Adapter { adapter: self.gpu.name.clone(), message });
                }
                // Somebody else who waited for the device is about to call.
            }
            if self.result().is_none() {
                self.gpu.check(DOING)?;
                filled.await;
            }
        }
        Ok(())
    }

    fn fault(&self, message: &dyn std::fmt::Display) -> Error {
        let message = format!("failed reading back: {message}");
        let lost = self.gpu.check("reading back").err();
        lost.unwrap_or(Error::Adapter { adapter: self.gpu.name.clone(), message })
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
#[cfg(not(target_arch = "wasm32"))]
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let _restore = MayBlock::set(true);
    pollster::block_on(future)
}

/// Calls something on this thread that may not sleep meanwhile.
pub(crate) fn without_waiting<T>(call: impl FnOnce() -> T) -> T {
    let _restore = MayBlock::set(false);
    call()
}
