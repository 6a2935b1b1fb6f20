//! Networks that break, servers that refuse or lie, and caches that somebody spoilt.

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use super::server::{COMMIT, Fault, Server, hash};
use super::user::{FILES, MODEL, User, answer, distilbert, golden_files, ranges, refusal};

#[test]
fn a_connection_that_breaks_is_resumed() {
    let (server, user) = (distilbert(), User::new());
    server.fail("GET /storage/", 2, Fault::Cut(40_000));
    let (_, said) = user.answer(&server, "owner/name");
    assert_eq!(ranges(&server), [None, Some("bytes=40000-".into()), Some("bytes=80000-".into())]);
    assert!(said.contains(MODEL) && said.contains("trying again"), "{said}");
}

#[test]
fn an_interrupted_download_goes_on_in_the_next_run() {
    let (server, user) = (distilbert(), User::new());
    server.fail("GET /storage/", 1, Fault::Slow(Duration::from_millis(200)));
    let mut child = user.command(&server, "owner/name").stdout(Stdio::null()).spawn().expect("the program was built");
    let begun = Instant::now();
    let length = || fs::metadata(user.partial()).map_or(0, |data| data.len());
    while length() < 8192 {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing arrives");
        thread::sleep(Duration::from_millis(10));
    }
    // No chance to tidy up, as by Ctrl-C.
    child.kill().expect("it runs");
    child.wait().expect("it ended");
    let here = length();
    server.requests();
    user.answer(&server, "owner/name");
    assert_eq!(ranges(&server), [Some(format!("bytes={here}-"))]);
    assert!(!user.partial().exists());
}

#[test]
fn a_server_that_cannot_resume_sends_all_of_it() {
    let (server, user) = (distilbert(), User::new());
    server.fail("GET /storage/", 1, Fault::Cut(40_000));
    server.fail("GET /storage/", 1, Fault::WholeFile);
    user.answer(&server, "owner/name");
    assert_eq!(ranges(&server), [None, Some("bytes=40000-".into())]);
}

#[test]
fn a_partial_file_that_is_too_long_begins_again() {
    let (server, user) = (distilbert(), User::new());
    fs::create_dir_all(user.model("blobs")).expect("a folder");
    fs::write(user.partial(), vec![0; 1_000_000]).expect("a file");
    user.answer(&server, "owner/name");
    assert_eq!(ranges(&server), [None]);
}

#[test]
fn contents_with_the_wrong_hash_are_refused_and_removed() {
    let (server, user) = (distilbert(), User::new());
    server.fail("GET /storage/", 1, Fault::Flip);
    let digest = hash(&golden_files("distilbert")[3].1);
    user.refusal(&server, "owner/name", &["owner/name", MODEL, "SHA-256", &digest, &server.host(), "removed"]);
    assert!(!user.partial().exists() && !user.model(&format!("blobs/{digest}")).exists());
    assert!(!user.model(&format!("snapshots/{COMMIT}/{MODEL}")).exists());
    assert!(!user.model("refs/main").exists(), "an incomplete commit is not remembered");
    // A partial file that something has spoilt.
    fs::write(user.partial(), vec![0; 1000]).expect("a file");
    user.refusal(&server, "owner/name", &["SHA-256"]);
    user.answer(&server, "owner/name");
}

#[test]
fn a_server_in_trouble_is_asked_again() {
    let (server, user) = (distilbert(), User::new());
    for (request, status) in [("/api/", 500), ("HEAD /owner", 503), ("GET /owner", 429), ("/storage/", 502)] {
        server.fail(request, 2, Fault::Status(status, ""));
    }
    let (_, said) = user.answer(&server, "owner/name");
    for status in ["500", "503", "429", "502"] {
        assert!(said.contains(&format!("answers {status}")), "{said}");
    }
    // Not for ever.
    let user = User::new();
    server.fail("/api/", usize::MAX, Fault::Status(500, ""));
    server.requests();
    user.refusal(&server, "owner/name", &["owner/name", "500", &server.host(), "later"]);
    assert_eq!(server.requests().len(), 5);
}

/// Its user waited for five attempts to be told of a typing error.
#[test]
fn what_will_not_pass_is_asked_once() {
    let (server, user) = (distilbert(), User::new());
    for status in [401, 403, 404] {
        server.fail("/api/", 1, Fault::Status(status, ""));
        let said = user.refusal(&server, "owner/name", &[&status.to_string()]);
        assert!(!said.contains("trying again"), "{said}");
        assert_eq!(server.requests().len(), 1, "{status}");
    }
    let mut unknown = user.command(&server, "owner/name");
    let unknown = unknown.env("HF_ENDPOINT", "http://no-such-host.invalid").output();
    let said = refusal(unknown.expect("the program was built"), &["no-such-host.invalid cannot be reached"]);
    assert_eq!(said.matches("trying again").count(), 1, "{said}");
}

#[test]
fn a_slow_server_is_waited_for() {
    let (server, user) = (distilbert(), User::new());
    server.fail("/storage/", 1, Fault::Slow(Duration::from_millis(40)));
    user.answer(&server, "owner/name");
}

#[test]
fn refusals_say_what_to_do() {
    let (server, user) = (distilbert(), User::new());
    let host = server.host();
    let page = format!("{}/owner/name", server.endpoint());
    user.refusal(&server, "owner/unknown", &["owner/unknown", &host, "401", "spelled", "folder", "HF_TOKEN"]);
    user.refusal(&server, "owner/name@v9", &["owner/name@v9", &host, "404", "revision v9", &page]);
    server.fail("HEAD", 1, Fault::Status(401, "GatedRepo"));
    user.refusal(&server, "owner/name", &["config.json", &host, "401", "licence", &page, "HF_TOKEN", "because"]);

    let with_token = |model| user.command(&server, model).env("HF_TOKEN", "secret-token").output();
    let refuse = |model, parts: &[&str]| {
        let said = refusal(with_token(model).expect("the program was built"), parts);
        assert!(!said.contains("secret-token"), "{said}");
    };
    refuse("owner/unknown", &["404", "spelled"]);
    server.fail("/api/", 1, Fault::Status(401, ""));
    refuse("owner/name", &["401", "HF_TOKEN", "expired"]);
    server.fail("HEAD", 1, Fault::Status(403, "GatedRepo"));
    refuse("owner/name", &["403", "licence", &page]);
    server.fail("HEAD", 1, Fault::Status(403, ""));
    refuse("owner/name", &["403", "permission"]);
}

#[test]
fn the_token_goes_to_the_hub_and_to_nobody_else() {
    let (server, user) = (distilbert(), User::new());
    fs::create_dir_all(user.path("home")).expect("a folder");
    fs::write(user.path("home/token"), "secret-token\n").expect("a token");
    user.answer(&server, "owner/name");
    for request in server.requests() {
        let expected = (!request.line.contains("/storage/")).then_some("Bearer secret-token");
        assert_eq!(request.token.as_deref(), expected, "{}", request.line);
    }
}

#[test]
fn without_a_network_the_cache_is_used() {
    let (server, user) = (distilbert(), User::new());
    let (first, _) = user.answer(&server, "owner/name");
    server.fail("", usize::MAX, Fault::Status(503, ""));
    let (second, said) = user.answer(&server, "owner/name");
    assert!(second == first && said.contains("503") && said.contains("cache"), "{said}");
    assert!(!said.contains("trying again"), "{said}");

    let gone = Server::start(Vec::new());
    let endpoint = gone.endpoint();
    drop(gone);
    let run = |user: &User| user.command(&server, "owner/name").env("HF_ENDPOINT", &endpoint).output();
    let (third, said) = answer(run(&user).expect("the program was built"));
    assert!(third == first && said.contains("cannot be reached") && said.contains("cache"), "{said}");
    refusal(
        run(&User::new()).expect("the program was built"),
        &["owner/name", "127.0.0.1", "cannot be reached", "HTTPS_PROXY"],
    );
}

#[test]
fn nothing_is_written_outside_the_cache() {
    let (server, user) = (distilbert(), User::new());
    let outside = || {
        let mut names: Vec<_> = fs::read_dir(user.folder.path()).expect("a folder").flatten().collect();
        names.retain(|entry| entry.file_name() != "home" && entry.file_name() != "work");
        assert!(names.is_empty(), "{names:?}");
    };
    let escape = "../../../../../escape";
    let list = |sha: &str| Fault::List(json!({ "sha": sha, "siblings": [{ "rfilename": "config.json" }] }));
    server.fail("/api/", 1, list(escape));
    user.refusal(&server, "owner/name", &[escape, "commit"]);
    for etag in [escape, "..", ".", "", "a/b", "C:\\x"] {
        server.fail("HEAD", 1, Fault::Header("etag", etag.into()));
        user.refusal(&server, "owner/name", &["config.json", "ETag"]);
    }
    let names = FILES.into_iter().chain([escape, "/tmp/escape", "a/../../escape"]);
    let names: Vec<_> = names.map(|name| json!({ "rfilename": name })).collect();
    server.fail("/api/", 1, Fault::List(json!({ "sha": COMMIT, "siblings": names })));
    user.answer(&server, "owner/name");
    assert!(server.requests().iter().all(|request| !request.line.contains("escape")));
    // A reference is a file that anybody may have written.
    fs::write(user.model("refs/main"), "../../../../work").expect("a reference");
    let offline = user.command(&server, "owner/name").env("HF_HUB_OFFLINE", "1").output();
    refusal(offline.expect("the program was built"), &["does not hold"]);
    outside();
}

#[test]
fn what_is_no_hub_is_told_so() {
    let (server, user) = (distilbert(), User::new());
    server.fail("/api/", 1, Fault::List(json!("a login page")));
    user.refusal(&server, "owner/name", &["owner/name", &server.host(), "HF_ENDPOINT"]);
    let wrong = user.command(&server, "owner/name").env("HF_ENDPOINT", "mirror").output();
    refusal(wrong.expect("the program was built"), &["HF_ENDPOINT", "mirror", "https://"]);
}
