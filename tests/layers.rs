//! Every arrow between modules points down: the `use` lines of `src/` are read, and one that points up fails.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What everybody may name: errors, the files of a folder, JSON as Python writes it, a value that a thread brings, libraries that
/// panic, and work for every core. They name nothing.
const EVERYBODYS: &[&str] = &["error", "folder", "json", "oneshot", "panics", "threads"];

/// What each other module at the crate's root may name, in the order of the data flow.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("ir", &[]),
    ("text", &["ir"]),
    ("checkpoint", &["ir", "text"]),
    ("kernels", &["ir"]),
    ("models", &["ir", "checkpoint", "kernels"]),
    ("reference", &["ir"]),
    ("gpu", &["ir"]),
    ("label", &["checkpoint", "kernels", "models"]),
    ("output", &["ir", "text", "checkpoint", "kernels", "models", "label"]),
    ("options", &["ir", "text", "checkpoint", "gpu", "classifier"]),
    ("engine", &["ir", "text", "checkpoint", "kernels", "models", "reference", "gpu", "label", "output", "options"]),
    ("classifier", &["ir", "text", "checkpoint", "models", "gpu", "label", "output", "options", "engine", "stream"]),
    ("stream", &["text", "checkpoint", "gpu", "output", "classifier"]),
    ("inspection", &["text", "checkpoint", "models"]),
    ("rows", &["text", "checkpoint", "models", "gpu", "label", "output", "classifier", "stream"]),
    ("evaluation", &["checkpoint"]),
    (
        "bench",
        &["ir", "text", "checkpoint", "kernels", "models", "reference", "gpu", "classifier", "options", "output"],
    ),
    (
        "cli",
        &[
            "ir",
            "text",
            "checkpoint",
            "kernels",
            "models",
            "gpu",
            "output",
            "classifier",
            "rows",
            "evaluation",
            "bench",
        ],
    ),
];

fn files(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the sources are there") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, all);
        } else if path.to_str().is_some_and(|path| path.ends_with(".rs") && !path.ends_with("_tests.rs")) {
            all.push(path);
        }
    }
}

/// The modules at the root that some code names as `crate::module`, comments and tests aside.
fn named(source: &str) -> Vec<String> {
    let code: String = source
        .split("#[cfg(test)]")
        .next()
        .unwrap_or_default()
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let mut names = Vec::new();
    for (place, _) in code.match_indices("crate::") {
        let rest = &code[place + "crate::".len()..];
        let word = |text: &str| -> String {
            text.trim_start().chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
        };
        match rest.strip_prefix('{').and_then(|list| list.split_once('}')) {
            Some((list, _)) => names.extend(list.split(',').map(word)),
            None => names.push(word(rest)),
        }
    }
    names
}

#[test]
fn every_arrow_points_down() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let may: BTreeMap<&str, &[&str]> = MAY_NAME.iter().copied().collect();
    let mut all = Vec::new();
    files(&source, &mut all);
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for path in all {
        let within = path.strip_prefix(&source).expect("it was found there");
        let module = within.components().next().expect("a name").as_os_str().to_string_lossy().replace(".rs", "");
        // The crate's root names everything, and the program is another crate.
        if ["lib", "main", "environment"].contains(&module.as_str()) {
            continue;
        }
        let allowed = match may.get(module.as_str()) {
            Some(allowed) => *allowed,
            None if EVERYBODYS.contains(&module.as_str()) => &[],
            None => {
                wrong.push(format!("{module} has no place in the list of this test"));
                continue;
            }
        };
        for name in named(&fs::read_to_string(&path).expect("a source is text")) {
            seen += 1;
            // What is not a module is the root's `Error`, `Result` and other types, or a macro's path.
            if name != module && may.contains_key(name.as_str()) && name != "error" && !allowed.contains(&name.as_str())
            {
                wrong.push(format!("{} names {name}", within.display()));
            }
        }
    }
    assert!(seen > 100, "only {seen} paths were found: the test does not read what it should");
    assert!(wrong.is_empty(), "arrows that point up:\n{}", wrong.join("\n"));
}

#[test]
fn only_gpu_names_wgpu() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&source, &mut all);
    for path in all.iter().filter(|path| !path.starts_with(source.join("gpu"))) {
        let text = fs::read_to_string(path).expect("a source is text");
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        let found = code.filter(|line| line.contains("wgpu::")).collect::<Vec<_>>();
        assert!(found.is_empty(), "{} names wgpu: {found:?}", path.display());
    }
}

/// A program that embeds the library has no command line: what to do is said in its own terms, which the command line
/// translates (`in_flags` of `src/cli/mod.rs`).
#[test]
fn errors_of_the_library_name_no_flags() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    files(&source, &mut all);
    let caller = |path: &Path| ["cli", "bench", "main.rs"].iter().any(|name| path.starts_with(source.join(name)));
    let flag = |line: &str| {
        line.match_indices("--").any(|(place, _)| {
            let before = line[..place].chars().next_back().is_none_or(|letter| " (`\"".contains(letter));
            before && line[place + 2..].starts_with(|letter: char| letter.is_ascii_lowercase())
        })
    };
    for path in all.iter().filter(|path| !caller(path)) {
        let text = fs::read_to_string(path).expect("a source is text");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default().lines();
        let found: Vec<_> = code.filter(|line| !line.trim_start().starts_with("//") && flag(line)).collect();
        assert!(found.is_empty(), "{} names flags: {found:?}", path.display());
    }
}
