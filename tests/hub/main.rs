//! Models by their names: the built program against a hub on this machine.

mod faults;
mod server;
mod user;

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;

use server::{COMMIT, Fault, Server, hash};
use user::{FILES, MODEL, User, answer, distilbert, downloads, golden, golden_files, ranges, refusal};

#[test]
fn a_downloaded_model_answers_as_the_folder_does() {
    for name in ["distilbert", "bert"] {
        let (server, user) = (Server::start(golden_files(name)), User::new());
        let (folder, _) = user.answer(&server, golden(name).to_str().expect("ASCII"));
        assert!(server.requests().is_empty(), "a folder needs no hub");
        let (answer, said) = user.answer(&server, "owner/name");
        assert_eq!(answer, folder);
        assert_eq!(said, "", "no bar where there is no terminal");
        assert_eq!(folder.lines().count(), 2);
    }
}

#[test]
fn the_second_run_downloads_nothing_and_an_offline_one_asks_nothing() {
    let (server, user) = (distilbert(), User::new());
    let (first, _) = user.answer(&server, "owner/name");
    let requests = server.requests();
    for file in FILES {
        assert_eq!(downloads(&requests, &format!("/{file}")).len(), 1, "{file}");
    }
    let (second, _) = user.answer(&server, "owner/name");
    let requests: Vec<_> = server.requests().into_iter().map(|request| request.line).collect();
    assert_eq!(requests, ["GET /api/models/owner/name/revision/main"]);
    // The commit is known: its files cannot have changed.
    let (third, _) = user.answer(&server, &format!("owner/name@{COMMIT}"));
    let (fourth, _) =
        answer(user.command(&server, "owner/name").env("HF_HUB_OFFLINE", "1").output().expect("the program was built"));
    assert!(server.requests().is_empty());
    assert!([second, third, fourth].iter().all(|answer| *answer == first));
}

#[test]
fn the_cache_is_laid_out_as_that_of_huggingface_hub() {
    let (server, user) = (distilbert(), User::new());
    user.answer(&server, "owner/name@refs/pr/1");
    let files = golden_files("distilbert");
    assert_eq!(fs::read_to_string(user.model("refs/refs/pr/1")).expect("a reference"), COMMIT);
    for (name, contents) in &files {
        let path = user.model(&format!("snapshots/{COMMIT}/{name}"));
        assert_eq!(fs::read(&path).expect("a file"), *contents);
        #[cfg(unix)]
        {
            let length = if name == MODEL { 64 } else { 40 };
            let target = Path::new("../../blobs").join(&hash(contents)[..length]);
            assert_eq!(fs::read_link(&path).expect("a link"), target);
        }
    }
    let blobs = fs::read_dir(user.model("blobs")).expect("a folder").count();
    assert_eq!(blobs, files.len(), "nothing partial is left");
}

#[test]
fn a_cache_that_another_tool_wrote_is_read() {
    let (server, user) = (distilbert(), User::new());
    // As huggingface_hub lays out what several models share: the link of the snapshot leads to a link.
    for folder in
        [user.model("refs"), user.model("blobs"), user.model("snapshots").join(COMMIT), user.path("home/hub/blobs")]
    {
        fs::create_dir_all(folder).expect("a folder");
    }
    fs::write(user.model("refs/main"), COMMIT).expect("a reference");
    for (name, contents) in golden_files("distilbert") {
        let digest = hash(&contents);
        let place = user.model("snapshots").join(COMMIT).join(&name);
        #[cfg(unix)]
        {
            use std::os::unix::fs::symlink;
            fs::write(user.path("home/hub/blobs").join(&digest), contents).expect("a file");
            symlink(Path::new("../../blobs").join(&digest), user.model("blobs").join(&digest)).expect("a link");
            symlink(Path::new("../../blobs").join(&digest), place).expect("a link");
        }
        #[cfg(not(unix))]
        fs::write(place, contents).expect("a file");
    }
    let offline = |model| user.command(&server, model).env("HF_HUB_OFFLINE", "true").output();
    answer(offline("owner/name").expect("the program was built"));
    assert!(server.requests().is_empty());
    user.answer(&server, "owner/name");
    assert_eq!(server.requests().len(), 1);

    fs::remove_file(user.model("snapshots").join(COMMIT).join("tokenizer.json")).expect("it is there");
    let parts = ["owner/name", "tokenizer.json", "HF_HUB_OFFLINE", "hf download owner/name"];
    refusal(offline("owner/name").expect("the program was built"), &parts);
    refusal(
        offline("owner/other@v1").expect("the program was built"),
        &["owner/other@v1", "home/hub", "HF_HUB_OFFLINE"],
    );
    assert!(server.requests().is_empty());
    // What it lacks is fetched.
    user.answer(&server, "owner/name");
    let requests = server.requests();
    assert_eq!(downloads(&requests, "resolve").len(), 1);
    assert_eq!(downloads(&requests, "tokenizer.json").len(), 1);
}

/// With the files beside its checkpoint it scores otherwise.
#[test]
fn a_cross_encoder_brings_its_modules() {
    let reports = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reports");
    for (name, files) in [
        ("cross-encoder-activation", &[][..]),
        (
            "modular-reranker",
            &[
                "1_Pooling/config.json",
                "2_Dense/config.json",
                "2_Dense/model.safetensors",
                "3_LayerNorm/config.json",
                "3_LayerNorm/model.safetensors",
                "4_Dense/config.json",
                "4_Dense/model.safetensors",
            ],
        ),
    ] {
        let beside = ["modules.json", "config_sentence_transformers.json", "sentence_bert_config.json"];
        let all = FILES.iter().chain(&beside).chain(files);
        let read = |file: &&str| (file.to_string(), fs::read(reports.join(name).join(file)).expect("a file"));
        let (server, user) = (Server::start(all.map(read).collect()), User::new());
        let (folder, _) = user.answer(&server, reports.join(name).to_str().expect("ASCII"));
        assert!(server.requests().is_empty());
        assert_eq!(user.answer(&server, "owner/name").0, folder, "{name}");
        for file in files {
            assert!(user.model(&format!("snapshots/{COMMIT}/{file}")).is_file(), "{file}");
        }
        // A copy that lacks one is not whole.
        if let Some(file) = files.last() {
            fs::remove_file(user.model(&format!("snapshots/{COMMIT}/{file}"))).expect("it is there");
            let offline = user.command(&server, "owner/name").env("HF_HUB_OFFLINE", "1").output();
            refusal(offline.expect("the program was built"), &[file, "HF_HUB_OFFLINE"]);
        }
    }
}

#[test]
fn addresses_of_pages_are_understood_or_named() {
    let (server, user) = (distilbert(), User::new());
    let (answer, _) = user.answer(&server, "owner/name");
    for page in [
        "https://huggingface.co/owner/name/tree/main",
        "hf.co/owner/name/",
        &format!("{}/owner/name", server.endpoint()),
    ] {
        assert_eq!(user.answer(&server, page).0, answer, "{page}");
    }
    server.requests();
    let page = format!("{}/owner/name/tree/v9/", server.endpoint());
    user.refusal(&server, &page, &["404", "revision v9"]);
    assert_eq!(server.requests().len(), 1);
    user.refusal(&server, "https://github.com/owner/name", &["github.com", "git lfs pull"]);
    user.refusal(&server, "https://huggingface.co/datasets/owner/name", &["datasets"]);
}

#[test]
fn without_symlinks_files_are_moved() {
    let (server, user) = (distilbert(), User::new());
    let run = || user.command(&server, "owner/name").env("HF_HUB_DISABLE_SYMLINKS", "1").output();
    let (first, _) = answer(run().expect("the program was built"));
    assert!(!user.model(&format!("snapshots/{COMMIT}/{MODEL}")).is_symlink());
    server.requests();
    assert_eq!(answer(run().expect("the program was built")).0, first);
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn the_cache_may_be_elsewhere() {
    let (server, user) = (distilbert(), User::new());
    let run = |name: &str, value: &str| {
        let mut command = user.command(&server, "owner/name");
        answer(command.env_remove("HF_HOME").env(name, user.path(value)).output().expect("the program was built"))
    };
    run("HF_HUB_CACHE", "cache");
    assert!(user.path("cache/models--owner--name").is_dir());
    run("XDG_CACHE_HOME", "xdg");
    assert!(user.path("xdg/huggingface/hub/models--owner--name").is_dir());
}

#[test]
fn a_folder_of_that_name_wins() {
    let (server, user) = (distilbert(), User::new());
    fs::create_dir_all(user.path("work/owner/name")).expect("a folder");
    for file in FILES {
        fs::copy(golden("bert").join(file), user.path("work/owner/name").join(file)).expect("a file");
    }
    user.answer(&server, "owner/name");
    assert!(server.requests().is_empty());
}

#[test]
fn what_is_neither_a_folder_nor_a_name_is_told_so() {
    let (server, user) = (distilbert(), User::new());
    for model in ["./nothing", "a/b/c", "owner/na me", "owner/name@../x"] {
        user.refusal(&server, model, &[model, "no such folder", "OWNER/NAME", "@REVISION"]);
    }
    assert!(server.requests().is_empty());
}

/// Its user waited for the hub to be asked for `models/my-clasifier`, and was told of a token.
#[test]
fn a_folder_that_is_misspelt_is_no_name() {
    let (server, user) = (distilbert(), User::new());
    fs::create_dir_all(user.path("work/owner/my-classifier")).expect("a folder");
    for (model, parts) in [
        ("./ower/name", &["./ower/name: there is no such folder: . has no ower (owner is there)"][..]),
        ("owner/my-clasifier", &["owner has no my-clasifier (my-classifier is there)"]),
        ("owner/name@v1", &["owner has no name", &format!("{}/owner/name/tree/v1", server.endpoint())]),
        ("owner/my-classifier/checkpoint-9/", &["owner/my-classifier has no checkpoint-9"]),
        ("~/model", &["there is no such folder", "a shell replaces ~"]),
        ("a\\b", &["there is no such folder"]),
    ] {
        user.refusal(&server, model, parts);
    }
    assert!(server.requests().is_empty());
    // The way out that is named.
    user.answer(&server, &format!("{}/owner/name", server.endpoint()));
    // What may be a name is looked for, and then said to be like a folder.
    user.refusal(&server, "ownr", &["there is no such model", "owner is a folder here"]);
}

#[test]
fn names_without_an_owner_are_redirected() {
    let (server, user) = (distilbert(), User::new());
    user.answer(&server, "old-name");
    assert!(user.path("home/hub/models--old-name/snapshots").join(COMMIT).join(MODEL).exists());
}

#[test]
fn other_formats_are_told_as_for_a_folder() {
    for files in [
        &["config.json", "pytorch_model.bin", "tokenizer.json"][..],
        &["config.json", "tf_model.h5", "tokenizer.json"],
        &["adapter_config.json", "adapter_model.safetensors"],
        &["config.json", "model.safetensors"],
        &["README.md"],
    ] {
        let named = |name: &&str| (name.to_string(), fs::read(golden("distilbert").join(name)).unwrap_or_default());
        let (server, user) = (Server::start(files.iter().map(named).collect()), User::new());
        let said = user.refusal(&server, "owner/name", &["owner/name: no "]);
        assert_eq!(server.requests().len(), 1, "nothing is downloaded for that");
        let folder = user.path("folder");
        fs::create_dir(&folder).expect("a folder");
        for (name, contents) in files.iter().map(named) {
            fs::write(folder.join(name), contents).expect("a file");
        }
        let folder = folder.to_str().expect("ASCII");
        assert_eq!(user.refusal(&server, folder, &[]).replace(folder, "owner/name"), said);
    }
}

#[test]
fn weights_may_be_in_shards() {
    let mut files = golden_files("distilbert");
    let (_, weights) = files.pop().expect("the weights");
    let tensors = safetensors::SafeTensors::deserialize(&weights).expect("a model");
    let shard = "model-00001-of-00001.safetensors";
    let map: serde_json::Map<_, _> = tensors.names().into_iter().map(|name| (name.to_string(), json!(shard))).collect();
    let index = |map| (format!("{MODEL}.index.json"), json!({ "weight_map": map }).to_string().into_bytes());
    files.extend([index(map), (shard.into(), weights)]);
    let (server, user) = (Server::start(files.clone()), User::new());
    let (answer, _) = user.answer(&server, "owner/name");
    assert_eq!(answer, user.answer(&server, golden("distilbert").to_str().expect("ASCII")).0);
    user.answer(&server, "owner/name");

    // Shards lie beside their index.
    files[3] = index(json!({ "weight": "../../../../evil" }).as_object().expect("an object").clone());
    let (server, user) = (Server::start(files), User::new());
    user.refusal(&server, "owner/name", &["index.json", "evil"]);
    assert!(downloads(&server.requests(), "evil").is_empty());
}

#[test]
fn processes_share_a_download() {
    let (server, user) = (distilbert(), User::new());
    server.fail("GET /storage/", 1, Fault::Slow(Duration::from_millis(60)));
    let start = || {
        let mut command = user.command(&server, "owner/name");
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program was built")
    };
    let children = [start(), start(), start()];
    let answers = children.map(|child| answer(child.wait_with_output().expect("it ends")));
    assert!(answers.iter().all(|(answer, _)| *answer == answers[0].0));
    assert!(answers.iter().any(|(_, said)| said.contains("another process")), "{answers:?}");
    assert_eq!(ranges(&server).len(), 1);
}
