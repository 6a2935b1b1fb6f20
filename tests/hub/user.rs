//! Somebody who runs the program, and what came of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use super::server::{Request, Server, hash};

pub const FILES: [&str; 4] = ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"];
pub const MODEL: &str = "model.safetensors";

pub fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

pub fn golden_files(name: &str) -> Vec<(String, Vec<u8>)> {
    let read = |file: &str| (file.to_string(), fs::read(golden(name).join(file)).expect("a file of the repository"));
    FILES.into_iter().map(read).collect()
}

pub fn distilbert() -> Server {
    Server::start(golden_files("distilbert"))
}

/// A user without any models: home, cache and working folder are new.
pub struct User {
    pub folder: TempDir,
}

impl User {
    pub fn new() -> User {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("work")).expect("a folder in it");
        User { folder }
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub fn model(&self, path: &str) -> PathBuf {
        self.path("home/hub/models--owner--name").join(path)
    }

    pub fn partial(&self) -> PathBuf {
        self.model(&format!("blobs/{}.incomplete", hash(&golden_files("distilbert")[3].1)))
    }

    /// `wgbert classify --model MODEL` with nothing of this process's environment that it would heed.
    pub fn command(&self, server: &Server, model: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wgbert"));
        for (name, _) in std::env::vars_os() {
            let upper = name.to_string_lossy().to_ascii_uppercase();
            let heeded = ["HF_", "HUGGING", "TRANSFORMERS_", "XDG_", "WGBERT_", "RUST_", "SSL_"];
            if heeded.iter().any(|start| upper.starts_with(start)) || upper.ends_with("_PROXY") {
                command.env_remove(name);
            }
        }
        command.env("HF_HOME", self.path("home")).env("HF_ENDPOINT", server.endpoint());
        command.env("WGBERT_CACHE_DIR", "").env("WGBERT_SELF_CHECK", "never").current_dir(self.path("work"));
        command.args([
            "classify",
            "--adapter",
            "reference",
            "--format",
            "jsonl",
            "--model",
            model,
            "a text",
            "another",
        ]);
        command.stdin(Stdio::null());
        command
    }

    pub fn run(&self, server: &Server, model: &str) -> Output {
        self.command(server, model).output().expect("the program was built")
    }

    /// What it answers, and what it says meanwhile.
    #[track_caller]
    pub fn answer(&self, server: &Server, model: &str) -> (String, String) {
        answer(self.run(server, model))
    }

    /// What it says when it fails.
    #[track_caller]
    pub fn refusal(&self, server: &Server, model: &str, parts: &[&str]) -> String {
        refusal(self.run(server, model), parts)
    }
}

#[track_caller]
pub fn answer(output: Output) -> (String, String) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    (String::from_utf8(output.stdout).expect("UTF-8"), said)
}

#[track_caller]
pub fn refusal(output: Output, parts: &[&str]) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(output.stdout.is_empty());
    for part in parts {
        assert!(said.contains(part), "{said:?} does not say {part:?}");
    }
    said
}

/// Requests for contents, not for what they are.
pub fn downloads(requests: &[Request], name: &str) -> Vec<Request> {
    let is_download = |request: &&Request| request.line.starts_with("GET ") && request.line.contains(name);
    requests.iter().filter(is_download).cloned().collect()
}

/// The ranges of the requests for the weights, at the place where they are kept.
pub fn ranges(server: &Server) -> Vec<Option<String>> {
    downloads(&server.requests(), "/storage/").into_iter().map(|request| request.range).collect()
}
