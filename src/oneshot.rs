//! A value that another thread or a callback brings, and the future that waits for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Both ends.
pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Mutex::new(Shared { value: None, closed: false, waker: None }));
    (Sender(shared.clone()), Receiver(shared))
}

#[derive(Debug)]
struct Shared<T> {
    value: Option<T>,
    /// Whether the sender is gone.
    closed: bool,
    waker: Option<Waker>,
}

/// Where the value goes.
#[derive(Debug)]
pub(crate) struct Sender<T>(Arc<Mutex<Shared<T>>>);

/// Ready with the value, or with nothing if the sender is dropped without one. Dropped, it wakes nobody any more.
#[derive(Debug)]
pub(crate) struct Receiver<T>(Arc<Mutex<Shared<T>>>);

fn lock<T>(shared: &Mutex<Shared<T>>) -> MutexGuard<'_, Shared<T>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<T> Sender<T> {
    pub(crate) fn send(self, value: T) {
        lock(&self.0).value = Some(value);
        // Dropped here, it wakes who waits.
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut shared = lock(&self.0);
        shared.closed = true;
        let waker = shared.waker.take();
        // A waker may poll at once: outside the lock.
        drop(shared);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        lock(&self.0).waker = None;
    }
}

impl<T> Future for Receiver<T> {
    type Output = Option<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let mut shared = lock(&self.0);
        if shared.value.is_some() || shared.closed {
            return Poll::Ready(shared.value.take());
        }
        shared.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

/// What `work` answers, which blocks: on a thread of its own, so that who polls is free meanwhile. Where there are no threads
/// it blocks who polls.
pub(crate) async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    #[cfg(not(target_arch = "wasm32"))]
    {
        let (sender, receiver) = channel();
        let run = move || sender.send(work());
        let thread = std::thread::Builder::new().name("wgbert files".into()).spawn(run);
        let thread = thread.unwrap_or_else(|error| panic!("cannot start a thread: {error}"));
        match receiver.await {
            Some(answer) => answer,
            // It ended without an answer, so it panicked.
            None => std::panic::resume_unwind(thread.join().expect_err("it answers or panics")),
        }
    }
    #[cfg(target_arch = "wasm32")]
    work()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn who_waits_is_woken_once_by_the_value_or_by_its_loss() {
        for value in [Some(7), None] {
            let wakes = Arc::new(Count::default());
            let waker = Waker::from(wakes.clone());
            let context = &mut Context::from_waker(&waker);
            let (sender, receiver) = channel();
            let mut receiver = pin!(receiver);
            for _ in 0..3 {
                assert!(receiver.as_mut().poll(context).is_pending());
            }
            assert_eq!(wakes.0.load(Ordering::Relaxed), 0);
            match value {
                Some(value) => sender.send(value),
                None => drop(sender),
            }
            assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
            assert_eq!(receiver.as_mut().poll(context), Poll::Ready(value));
        }
        let wakes = Arc::new(Count::default());
        let (sender, receiver) = channel();
        {
            let mut receiver = pin!(receiver);
            assert!(receiver.as_mut().poll(&mut Context::from_waker(&Waker::from(wakes.clone()))).is_pending());
        }
        sender.send(7);
        assert_eq!(wakes.0.load(Ordering::Relaxed), 0, "nobody waits any more");
    }

    #[test]
    fn a_panic_is_that_of_who_waits() {
        assert_eq!(pollster::block_on(on_a_thread(|| 7)), 7);
        let lost = std::panic::catch_unwind(|| pollster::block_on(on_a_thread(|| -> u8 { panic!("lost") })));
        assert_eq!(*lost.unwrap_err().downcast::<&str>().unwrap(), "lost");
    }
}
