//! `wgbert`: classifies texts from the command line. The work is the library's; the rest is in [`cli`].

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
