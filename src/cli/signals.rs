//! SIGINT and SIGTERM: the first one ends a run behind what is under way, the second at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// The signal that came, or 0.
static CAUGHT: OnceLock<Arc<AtomicUsize>> = OnceLock::new();

/// Starts to listen. Where that is not possible, signals do what they always do.
pub fn listen() {
    use signal_hook::consts::{SIGINT, SIGTERM};
    use signal_hook::flag;
    let caught = CAUGHT.get_or_init(Arc::default);
    let again = Arc::new(std::sync::atomic::AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag not set yet.
        let _ = flag::register_conditional_default(signal, again.clone());
        let _ = flag::register(signal, again.clone());
        let _ = flag::register_usize(signal, caught.clone(), signal as usize);
    }
}

/// The number of the signal that came.
pub fn caught() -> Option<u8> {
    let signal = CAUGHT.get()?.load(Ordering::SeqCst);
    u8::try_from(signal).ok().filter(|signal| *signal > 0)
}
