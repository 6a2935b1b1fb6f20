//! From a buffer on the device to bytes on the host, without a blocking wait unless the caller allows one.

use super::Gpu;
use crate::error::{Error, Result};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// The first `bytes` of a mappable buffer, once the work submitted so far is done.
pub(super) async fn read_back(gpu: &Gpu, buffer: &wgpu::Buffer, bytes: u64) -> Result<Vec<u8>> {
    let failed = |message: &dyn std::fmt::Display| {
        let message = format!("failed reading back: {message}");
        gpu.check("reading back").err().unwrap_or(Error::Adapter { adapter: gpu.name.clone(), message })
    };
    let state = Arc::new(Mutex::new(Mapping::default()));
    let signal = state.clone();
    buffer.map_async(wgpu::MapMode::Read, ..bytes, move |result| {
        let mut state = signal.lock().unwrap_or_else(PoisonError::into_inner);
        state.result = Some(result);
        if let Some(waker) = state.waker.take() {
            waker.wake();
        }
    });
    // The next run must find the buffer unmapped, also if the caller drops this future while the device works.
    let unmap = Unmap(buffer);
    let mapped = Mapped { gpu, state }.await;
    if let Err(error) = mapped.and_then(|mapped| mapped.map_err(|error| failed(&error))) {
        // Nothing is mapped, and to unmap it would be one more error.
        std::mem::forget(unmap);
        return Err(error);
    }
    let contents = buffer.get_mapped_range(..bytes).map_err(|error| failed(&error))?;
    Ok(contents.to_vec())
}

struct Unmap<'a>(&'a wgpu::Buffer);

impl Drop for Unmap<'_> {
    fn drop(&mut self) {
        self.0.unmap();
    }
}

#[derive(Default)]
struct Mapping {
    result: Option<Result<(), wgpu::BufferAsyncError>>,
    waker: Option<Waker>,
}

/// Ready once a buffer is mapped or the device is lost. In a browser the event loop maps it; elsewhere somebody has to
/// poll the device, which this does each time it is polled itself: without blocking, unless [`block_on`] says that the
/// thread may wait.
struct Mapped<'a> {
    gpu: &'a Gpu,
    state: Arc<Mutex<Mapping>>,
}

impl Future for Mapped<'_> {
    type Output = Result<Result<(), wgpu::BufferAsyncError>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Outside the lock: polling the device may call back. An error here (a lost device) comes back in the result.
        if MAY_BLOCK.get() {
            let _ = self.gpu.device.poll(wgpu::PollType::wait_indefinitely());
        } else {
            let _ = self.gpu.device.poll(wgpu::PollType::Poll);
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(result) = state.result.take() {
            return Poll::Ready(Ok(result));
        }
        // A lost device need not call back.
        self.gpu.check("waiting for a batch")?;
        state.waker = Some(context.waker().clone());
        if cfg!(not(target_arch = "wasm32")) {
            context.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

thread_local! {
    static MAY_BLOCK: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
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
