//! Work that is spread over the cores.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Calls `each` with every item, on as many threads as there are cores, until one fails.
///
/// # Errors
/// Of those that failed, what the first in the order of the items answered.
pub(crate) fn side_by_side<T: Sync, E: Send>(items: &[T], each: impl Fn(&T) -> Result<(), E> + Sync) -> Result<(), E> {
    let (next, first) = (AtomicUsize::new(0), Mutex::new(None::<(usize, E)>));
    let found = || first.lock().unwrap_or_else(PoisonError::into_inner);
    let work = || {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(place).filter(|_| found().is_none()) else { return };
            if let Err(error) = each(item) {
                let mut first = found();
                if first.as_ref().is_none_or(|(other, _)| place < *other) {
                    *first = Some((place, error));
                }
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from).min(items.len());
    thread::scope(|scope| {
        // This thread is one of them.
        (1..threads).for_each(|_| drop(scope.spawn(work)));
        work();
    });
    first.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), |(_, error)| Err(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_has_its_turn_and_the_first_failure_is_told() {
        let sum = AtomicUsize::new(0);
        let add = |item: &usize| -> Result<(), ()> {
            sum.fetch_add(*item, Ordering::Relaxed);
            Ok(())
        };
        let items: Vec<usize> = (0..100).collect();
        side_by_side(&items, add).unwrap();
        assert_eq!(sum.into_inner(), 4950);
        assert_eq!(side_by_side(&items, |item| if *item < 3 { Ok(()) } else { Err(*item) }), Err(3));
        side_by_side(&[], |_: &usize| Err(())).unwrap();
    }
}
