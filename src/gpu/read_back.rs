//! From a buffer on the device to bytes on the host, without a blocking wait unless the caller allows one.

use super::Gpu;
use crate::error::{Error, Result};
use crate::oneshot::{self, Receiver};
use std::future::Future;
use std::sync::{Mutex, PoisonError};

/// A mappable buffer that is put back where others find it, also if the work with it is given up.
#[derive(Debug)]
pub(super) struct Lent<'a> {
    pub buffer: wgpu::Buffer,
    free: Option<&'a Mutex<Vec<wgpu::Buffer>>>,
}

impl<'a> Lent<'a> {
    /// One of those that are free, if there is one.
    pub fn from(free: &'a Mutex<Vec<wgpu::Buffer>>) -> Option<Lent<'a>> {
        let buffer = free.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
        Some(Lent { buffer, free: Some(free) })
    }

    /// One that nobody else uses.
    pub fn alone(buffer: wgpu::Buffer) -> Lent<'a> {
        Lent { buffer, free: None }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(free) = self.free {
            free.lock().unwrap_or_else(PoisonError::into_inner).push(self.buffer.clone());
        }
    }
}

type Mapped = Result<(), wgpu::BufferAsyncError>;

/// Bytes on their way to the host. Dropped, arrived or not, it leaves the buffer unmapped, as the next work must find it.
#[derive(Debug)]
pub(super) struct ReadBack<'a> {
    gpu: &'a Gpu,
    lent: Lent<'a>,
    bytes: u64,
    submission: wgpu::SubmissionIndex,
    mapped: Receiver<Mapped>,
    failed: bool,
}

impl<'a> ReadBack<'a> {
    /// Asks for the first `bytes` of a buffer that `submission` writes.
    pub fn new(gpu: &'a Gpu, lent: Lent<'a>, bytes: u64, submission: wgpu::SubmissionIndex) -> ReadBack<'a> {
        let (sender, mapped) = oneshot::channel();
        lent.buffer.map_async(wgpu::MapMode::Read, ..bytes, |result| sender.send(result));
        ReadBack { gpu, lent, bytes, submission, mapped, failed: false }
    }

    /// What `take` makes of the bytes, once they are there.
    pub async fn read<T>(mut self, take: impl FnOnce(&[u8]) -> T) -> Result<T> {
        let gpu = self.gpu;
        let failed = |message: &dyn std::fmt::Display| {
            let message = format!("failed reading back: {message}");
            gpu.check("reading back").err().unwrap_or(Error::Adapter { adapter: gpu.name.clone(), message })
        };
        let mapped = called(gpu, &self.submission, &mut self.mapped).await;
        if let Err(error) = mapped.and_then(|mapped| mapped.map_err(|error| failed(&error))) {
            self.failed = true;
            return Err(error);
        }
        let contents = self.lent.buffer.get_mapped_range(..self.bytes).map_err(|error| failed(&error))?;
        Ok(take(&contents))
    }
}

impl Drop for ReadBack<'_> {
    fn drop(&mut self) {
        // If it failed nothing is mapped, and to unmap it would be one more error.
        if !self.failed {
            self.lent.buffer.unmap();
        }
    }
}

/// Ready once the device is done with a submission and those before it.
///
/// # Errors
/// [`Error::DeviceLost`].
pub(super) async fn done(gpu: &Gpu, submission: wgpu::SubmissionIndex) -> Result<()> {
    let (sender, mut answer) = oneshot::channel();
    gpu.queue.on_submitted_work_done(|| sender.send(()));
    called(gpu, &submission, &mut answer).await
}

/// What wgpu calls back with when the device is done with a submission. In a browser the event loop calls; elsewhere somebody
/// has to wait for the device: this thread, if [`block_on`] says that it may, or a thread of the device's.
async fn called<T>(gpu: &Gpu, submission: &wgpu::SubmissionIndex, answer: &mut Receiver<T>) -> Result<T> {
    const DOING: &str = "waiting for what it was given";
    #[cfg(not(target_arch = "wasm32"))]
    {
        let waited = gpu.wait(submission).await;
        if let Some(answer) = answer.take() {
            return Ok(answer);
        }
        // A lost device need not call back.
        gpu.check(DOING)?;
        if let Err(message) = waited {
            let message = format!("failed {DOING}: {message}");
            return Err(Error::Adapter { adapter: gpu.name.clone(), message });
        }
        // Somebody else who waited for the device is about to call.
    }
    #[cfg(target_arch = "wasm32")]
    let _ = submission;
    match answer.await {
        Some(answer) => Ok(answer),
        None => {
            gpu.check(DOING)?;
            Err(Error::Adapter { adapter: gpu.name.clone(), message: format!("failed {DOING}: it never called back") })
        }
    }
}

thread_local! {
    static MAY_BLOCK: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Whether this thread may sleep while the device works.
pub(super) fn may_block() -> bool {
    MAY_BLOCK.get()
}

/// Runs a future of this crate to its end on this thread, which may sleep while the device works.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            MAY_BLOCK.set(self.0);
        }
    }
    let _restore = Restore(MAY_BLOCK.replace(true));
    pollster::block_on(future)
}
