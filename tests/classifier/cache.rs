//! What one classifier leaves to the next in a folder: compiled pipelines, which change no answer.

use super::bits;
use crate::common::environment::CACHE_DIR;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};
use wgbert::ir::{MatmulShape, Storage, Tuning};
use wgbert::{Options, gpu};

/// The bits of the logits of a classifier with this folder.
fn answer(cache_dir: Option<&Path>) -> Vec<u32> {
    let options = Options { cache_dir: cache_dir.map(Path::to_path_buf), ..Options::default() };
    let classifier = options.load(super::golden("bert")).unwrap();
    bits(&classifier.classify(["good", "not bad"]).unwrap().logits.values)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn compiled_pipelines_are_kept() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path().join("made");
    let expected = answer(None);
    assert_eq!(answer(Some(&folder)), expected);
    let [path] = &files(&folder)[..] else {
        let adapter = gpu::block_on(Options::default().choose()).unwrap().unwrap();
        assert!(files(&folder).is_empty() && adapter.backend != "vulkan", "{adapter}: {:?}", files(&folder));
        return println!("NOT RUN: {adapter} has no pipeline caches");
    };
    let written = fs::read(path).unwrap();

    // What was read and holds everything is not written again: this file stays the one whose time was changed.
    let earlier = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    let time = || fs::metadata(path).unwrap().modified().unwrap();
    fs::File::options().write(true).open(path).unwrap().set_modified(earlier).unwrap();
    assert_eq!((answer(Some(&folder)), time()), (expected.clone(), earlier));

    // What cannot be used is ignored and replaced.
    let header = written.iter().position(|&byte| byte == b'\n').unwrap();
    let mut flipped = written.clone();
    *flipped.last_mut().unwrap() ^= 1;
    let foreign = [b"wgbert 0.0.0 pipelines\n", &written[header + 1..]].concat();
    for bad in [&[][..], b"\x7fELF", &written[..written.len() / 2], &flipped, &foreign] {
        fs::write(path, bad).unwrap();
        assert_eq!(answer(Some(&folder)), expected);
        let replaced = fs::read(path).unwrap();
        assert!(replaced != bad && replaced.starts_with(&written[..=header]), "{bad:?}");
    }

    // Several at once leave one whole file, and nothing else.
    fs::remove_file(path).unwrap();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(|| answer(Some(&folder)))).collect();
        assert!(threads.into_iter().all(|thread| thread.join().unwrap() == expected));
    });
    assert_eq!(files(&folder), std::slice::from_ref(path));
    assert!(fs::read(path).unwrap().starts_with(&written[..=header]));
}

/// A program had no folder unless it named one, and so ignored what `wgbert tune` found.
#[test]
fn by_default_the_folder_is_that_of_the_command_line() {
    // In a process of its own, which has this folder, the test is the program.
    if let Some(folder) = env::var_os(CACHE_DIR) {
        let tuned = usize::from(!folder.is_empty());
        let classifier = Options::default().load(super::golden("bert")).unwrap();
        classifier.classify(["good"]).unwrap();
        assert_eq!(classifier.gpu().unwrap().capabilities.tuning.products(), tuned);
        return;
    }
    let name = "cache::by_default_the_folder_is_that_of_the_command_line";
    let home = tempfile::tempdir().expect("a temporary folder");
    let run = |folder: &Path| {
        let mut command = Command::new(env::current_exe().expect("a test knows its file"));
        command.args(["--exact", name]).env(CACHE_DIR, folder);
        command.env("HOME", home.path()).env("XDG_CACHE_HOME", home.path());
        let output = command.output().expect("it starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{name} is called otherwise");
    };
    let folder = home.path().join("own");
    let adapter = gpu::block_on(Options::default().choose()).unwrap().expect("an adapter");
    let mut tuning = Tuning::default();
    let problem = MatmulShape { rows: 1, inner: 8, columns: 4, storage: Storage::F32, tensor_cores: false };
    tuning.set_tile(problem, "whichever");
    tuning.write(&folder, &adapter).unwrap();
    run(&folder);
    let pipelines = files(&folder).len() == 2;
    assert!(pipelines || adapter.backend != "vulkan", "{:?}", files(&folder));
    // None where the variable is empty.
    run(Path::new(""));
    assert!(!home.path().join("wgbert").exists() && files(&folder).len() == 1 + usize::from(pipelines));
}

#[test]
fn a_folder_that_cannot_be_made_changes_nothing() {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    assert_eq!(answer(Some(&file.path().join("folder"))), answer(None));
}
