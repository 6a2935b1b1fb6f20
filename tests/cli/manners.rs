//! What a program owes its users beside its answers.

use super::requirements::{Need, not_run};
use super::{command, finish, folder, golden, pipe, run, text};
use std::fs;

/// Its user looked for completions and a manual page, and there were none.
#[test]
fn completions_are_written_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = run(&["completions", shell]).expect(0);
        for word in ["wgbert", "classify", "inspect", "precision"] {
            assert!(script.stdout.contains(word), "{word:?} for {shell}: {}", script.stdout);
        }
        for hidden in
            ["self-check  ", "'self-check'", "self__check", "matrix-units", "Check an adapter in this process"]
        {
            assert!(!script.stdout.contains(hidden), "{hidden:?} for {shell}");
        }
        assert_eq!(script.stderr, "");
    }
    run(&["completions", "tcsh"]).expect(2).says(&["possible values: bash, elvish, fish, powershell, zsh"]);
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let page = run(&["man"]).expect(0).stdout;
    assert!(page.contains(".TH wgbert 1") && page.contains("wgbert\\-classify(1)"), "{page}");
    let folder = folder();
    let pages = folder.path().join("share/man1");
    assert_eq!(run(&["man", &text(&pages)]).expect(0).stdout, "");
    let mut names: Vec<_> = fs::read_dir(&pages).expect("a folder").map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    for name in ["wgbert.1", "wgbert-classify.1", "wgbert-bench-model.1", "wgbert-man.1"] {
        assert!(names.iter().any(|other| other == name), "{name}: {names:?}");
    }
    assert!(names.iter().all(|name| name != "wgbert-self-check.1"), "{names:?}");
    let classify = fs::read_to_string(pages.join("wgbert-classify.1")).expect("a page");
    assert!(classify.contains("truncation") && !classify.contains("matrix"), "{classify}");
    fs::write(folder.path().join("file"), "").expect("a file");
    let blocked = text(&folder.path().join("file"));
    run(&["man", &blocked]).expect(2).says(&["error: cannot write to", &blocked]);
}

/// Its user wrote what classify takes, and was told that the argument is unexpected.
#[test]
fn options_have_one_name_in_all_commands() {
    let (bert, _) = golden("bert");
    let named = |arguments: &[&str]| run(&[&["inspect", "--format", "json"], arguments].concat()).expect(0).document();
    let positional = named(&[&bert]);
    assert_eq!(positional, named(&["-m", &bert]));
    assert_eq!(positional, named(&["--model", &bert]));
    run(&["inspect", &bert, "--model", &bert]).expect(2).says(&["cannot be used with"]);
    for command in [&["bench", "model"][..], &["bench", "kernels"], &["bench", "compile"], &["tune"], &["verify"]] {
        let help = run(&[command, &["--help"]].concat()).expect(0).stdout;
        assert!(help.contains("-f, --format <FORMAT>") && help.contains("default: text"), "{help}");
        assert!(!help.contains("--output"), "{help}");
    }
    // As it was called before.
    let bench = ["bench", "compile", "--kernel", "gate", "--output", "md"];
    let table = run(&bench).expect(0).stdout;
    assert!(table.contains("\n| gate "), "{table}");
}

/// Its user had two cards of one name, and could not tell which one computed.
#[test]
#[cfg(target_os = "linux")]
fn two_adapters_of_one_name_are_told_apart() {
    let listed = run(&["adapters", "--format", "json"]).expect(0).document();
    assert!(listed[0].as_object().expect("an adapter").contains_key("bus_id"), "{listed}");
    assert!(run(&["adapters"]).expect(0).stdout.contains("\n   bus id  "));
    let Some(driver) = fs::read_dir("/usr/share/vulkan/icd.d").ok().and_then(|files| {
        let mut files = files.filter_map(|file| Some(file.ok()?.path()));
        files.find(|file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("lvp_")))
    }) else {
        return not_run(Need::SoftwareDriver, "Mesa's software adapter is not where it usually is");
    };
    // The loader lists the adapters of a driver twice that two files name.
    let folder = folder();
    let twin = folder.path().join("twin.json");
    fs::copy(&driver, &twin).expect("a file");
    let both = format!("{}:{}", text(&driver), text(&twin));
    let with = |adapter: &str| {
        let mut command = command(&["classify", "--adapter", adapter, "--format", "jsonl", "good"]);
        command.env("VK_DRIVER_FILES", &both).env("VK_ICD_FILENAMES", &both);
        finish(command, Vec::new()).expect(0)
    };
    let named = with("LLVMPIPE");
    named.says(&[
        "warning: 2 adapters fit \"LLVMPIPE\" (0: llvmpipe",
        "; 1: llvmpipe",
        "), and 0 is taken",
        "its index",
    ]);
    assert_eq!(named.stderr.lines().count(), 1, "{named:#?}");
    for index in ["0", "1"] {
        let run = with(index);
        assert_eq!((run.stderr, &run.stdout), (String::new(), &named.stdout));
    }
}

/// Its user read of text 1 in one place and of text 2 in another, and looked for the wrong one.
#[test]
fn messages_count_from_one_and_the_column_index_from_zero() {
    const LONG: &str = "not good at all";
    let limits =
        ["classify", "--truncation", "refuse", "--max-length", "4", "--format", "jsonl", "--fields", "index,error"];
    let arguments = run(&[&limits[..], &["good", LONG]].concat());
    let lines = pipe(&limits, format!("good\n{LONG}\n"));
    let elements = pipe(&[&limits[..], &["--input-format", "json"]].concat(), format!("[\"good\", \"{LONG}\"]"));
    let named = [
        "warning: text 2: it has",
        "warning: standard input, line 2: it has",
        "warning: standard input, element 2: it has",
    ];
    for (run, named) in [arguments, lines, elements].into_iter().zip(named) {
        let run = run.expect(3);
        run.says(&[named]);
        let index: Vec<_> = run.rows().iter().map(|row| row["index"].clone()).collect();
        assert_eq!(index, [0, 1]);
    }
    let help = run(&["classify", "--help"]).expect(0).stdout;
    assert!(help.contains("Messages count from 1, and the column index from 0"), "{help}");
}
