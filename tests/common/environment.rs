//! Tests neither read nor write what the user keeps: before any of them starts, the default folder of caches is none. What an
//! adapter is checked with before it answers they hold it against themselves, each kernel alone and whole models; that it is
//! checked is a test of its own (`tests/self_check.rs`).

/// A folder for a test that is about the default, in a process of its own.
pub const CACHE_DIR: &str = "WGBERT_TESTS_CACHE_DIR";

#[ctor::ctor(unsafe)]
fn nothing_of_the_users() {
    let folder = std::env::var_os(CACHE_DIR).unwrap_or_default();
    // SAFETY: this runs before `main`, when there is one thread.
    #[allow(unsafe_code, reason = "std has no other way")]
    unsafe {
        std::env::set_var("WGBERT_CACHE_DIR", folder);
        std::env::set_var("WGBERT_SELF_CHECK", "never")
    };
}
