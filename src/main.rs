//! `wgbert`: classifies texts from the command line, which is [`wgbert::cli`].

fn main() -> std::process::ExitCode {
    #[cfg(unix)]
    name_a_runtime_folder();
    wgbert::cli::main()
}

/// Where there is no desktop, and so no `XDG_RUNTIME_DIR`, Mesa's device-select layer looks for a Wayland compositor all the
/// same, and libwayland writes two lines "error: XDG_RUNTIME_DIR is invalid or not set" to standard error (`connect_to_socket`
/// in its wayland-client.c), whatever command was run. In a folder that does not exist it finds no compositor either, without
/// a word, and the layer goes on to do what it is for (`MESA_VK_DEVICE_SELECT`, `DRI_PRIME`).
#[cfg(unix)]
fn name_a_runtime_folder() {
    const NAME: &str = "XDG_RUNTIME_DIR";
    // By the XDG specification a path that is not absolute is none.
    if std::env::var_os(NAME).is_none_or(|folder| !std::path::Path::new(&folder).is_absolute()) {
        // SAFETY: no other thread can read or write the environment: this one has not started any yet.
        #[allow(unsafe_code, reason = "std has no other way")]
        unsafe {
            std::env::set_var(NAME, "/nonexistent")
        };
    }
}
