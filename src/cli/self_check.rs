//! `wgbert self-check`, which the library starts: questions on standard input, their answers on standard output.

use super::{Failure, Outcome};
use crate::answer_self_checks;
use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// How long nothing may be asked before the process ends, and gives back what it has on the device.
const IDLE: Duration = Duration::from_secs(10);

/// What is started for it: this program.
static PROGRAM: OnceLock<Option<PathBuf>> = OnceLock::new();

pub fn set_program(program: Option<PathBuf>) {
    let _ = PROGRAM.set(program);
}

pub fn program() -> Option<PathBuf> {
    PROGRAM.get().cloned().flatten()
}

pub fn run() -> Result<Outcome, Failure> {
    let (sender, lines) = channel();
    thread::spawn(move || io::stdin().lock().lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let lines = std::iter::from_fn(|| lines.recv_timeout(IDLE).ok());
    // Who closed the other end has given up, and ends this process.
    let say = |line: &str| {
        let mut out = io::stdout().lock();
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    };
    answer_self_checks(lines, &say).map_err(Failure::Message)?;
    Ok(Outcome::Complete)
}
