//! Files of tensors: hidden states, attentions and pooled outputs, as many as it takes, gone on with after a stop.

use super::output::{rows, wait_for};
use super::{FANTASTIC, OKAY, TERRIBLE, command, finish, folder, golden, labelled, pipe, run, text, write};
use safetensors::SafeTensors;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;

/// The bytes of a file, and of those that follow it.
fn shards(path: &Path) -> Vec<Vec<u8>> {
    let (stem, extension) = (path.file_stem().unwrap().to_str().unwrap(), path.extension().unwrap().to_str().unwrap());
    let more = (2..).map(|number| path.with_file_name(format!("{stem}-{number}.{extension}")));
    std::iter::once(path.to_path_buf()).chain(more).map_while(|path| fs::read(path).ok()).collect()
}

fn numbers(bytes: &[u8]) -> Vec<f32> {
    bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().expect("four"))).collect()
}

/// The rows of the pooled outputs, by index.
fn pooled(shards: &[Vec<u8>]) -> BTreeMap<i64, Vec<f32>> {
    let mut all = BTreeMap::new();
    for shard in shards {
        let file = SafeTensors::deserialize(shard).expect("a valid file");
        let (index, pooled) = (file.tensor("index").unwrap(), file.tensor("pooled_output").unwrap());
        let index: Vec<i64> = index.data().chunks_exact(8).map(|n| i64::from_le_bytes(n.try_into().unwrap())).collect();
        assert_eq!(pooled.shape()[0], index.len());
        let rows = numbers(pooled.data());
        for (row, values) in index.iter().zip(rows.chunks_exact(pooled.shape()[1])) {
            assert!(all.insert(*row, values.to_vec()).is_none(), "row {row} is there twice");
        }
    }
    all
}

#[test]
fn pooled_outputs_are_a_matrix_and_a_column() {
    let folder = folder();
    let input = write(&folder, "in.jsonl", format!("{{\"text\": \"{FANTASTIC}\"}}\n7\n{{\"text\": \"{TERRIBLE}\"}}\n"));
    let (file, table) = (folder.path().join("pooled.safetensors"), text(&folder.path().join("rows.parquet")));
    let classify = ["classify", "-q", "-i", &input, "--pooled-output", &text(&file)];
    let asked = run(&[&classify[..], &["-o", &table, "--fields", "text,pooled_output"]].concat());
    asked.expect(3);
    let matrix = pooled(&shards(&file));
    assert_eq!(matrix.keys().collect::<Vec<_>>(), [&0, &2], "a row that failed has none");
    assert!(matrix.values().all(|row| row.len() == 128));
    let fields = ["--text-column", "text", "--format", "jsonl", "--fields", "input:pooled_output", "--null", "empty"];
    let column = run(&[&["classify", "-q", "-i", &table], &fields[..]].concat()).expect(0).rows();
    for (row, values) in &matrix {
        let read: Vec<f32> = serde_json::from_value(column[*row as usize]["pooled_output"].clone()).unwrap();
        assert_eq!(&read, values);
    }
    assert_eq!(column[1]["pooled_output"], Value::Null);
    // Alone it needs no file.
    let alone = ["classify", "-q", "--format", "jsonl", "--fields", "pooled_output"];
    let alone = pipe(&alone, format!("{FANTASTIC}\n")).expect(0).rows().remove(0);
    assert_eq!(serde_json::from_value::<Vec<f32>>(alone["pooled_output"].clone()).unwrap(), matrix[&0]);
    run(&[&classify[..], &["-o", &table, "--fields", "text"]].concat()).expect(2).says(&["is there already"]);

    let tokens = text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tokens/bert"));
    for more in [["--pooled-output", "never.safetensors"], ["--fields", "pooled_output"]] {
        let refused = run(&[&["classify", "-m", &tokens, "--format", "jsonl", "x"], &more[..]].concat()).expect(2);
        assert!(refused.stderr.contains("pool") && !Path::new("never.safetensors").exists(), "{refused:#?}");
    }
    let long = format!("{OKAY} ").repeat(40);
    let windows =
        ["--truncation", "windows", "--max-length", "32", "--format", "jsonl", "--fields", "pooled_output,error"];
    let windows = pipe(&[&["classify", "-q"], &windows[..]].concat(), long).expect(3).rows().remove(0);
    assert!(windows["error"].as_str().is_some_and(|error| error.contains("a pooled output of its own")), "{windows}");
}

/// Tensors are in memory until their file is full: those were lost by a kill, so that it was refused to go on.
#[test]
fn a_killed_run_goes_on_to_the_same_files_of_tensors() {
    let folder = folder();
    let input = write(&folder, "in.jsonl", rows(600));
    let whole = ["rows.jsonl", "states.safetensors", "pooled.safetensors"].map(|name| folder.path().join(name));
    let killed = ["k.jsonl", "k-states.safetensors", "k-pooled.safetensors"].map(|name| folder.path().join(name));
    let classify = |[out, states, pooled]: &[std::path::PathBuf; 3], more: &[&str]| {
        let arguments = ["classify", "-q", "-i", &input, "--batch-tokens", "600", "--max-shard-size", "100KB", "-o"];
        let files =
            [&text(out), "--hidden-states", &text(states), "--layers", "-1,0", "--pooled-output", &text(pooled)];
        command(&[&arguments[..], &files, more].concat())
    };
    finish(classify(&whole, &[]), Vec::new()).expect(0);
    let expected = [shards(&whole[1]), shards(&whole[2])];
    assert!(expected[0].len() > 20 && expected[1].len() > 2, "{} and {}", expected[0].len(), expected[1].len());
    assert!(expected[0].iter().all(|shard| shard.len() < 110_000));
    assert_eq!(pooled(&expected[1]).len(), 600);
    let noted = folder.path().join("k.jsonl.partial.json");
    let mut child = classify(&killed, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    wait_for(&noted);
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert!(!killed[0].exists(), "it was killed before it ended");
    finish(classify(&killed, &["--resume", "--fields", "text"]), Vec::new()).expect(2).says(&["another --fields"]);
    // Rows that are answered once more have to be the same.
    let earlier = fs::read_to_string(&input).unwrap();
    fs::write(&input, earlier.replacen("fantastic", "awful", 1)).unwrap();
    finish(classify(&killed, &["--resume"]), Vec::new()).expect(2).says(&["are not those that were answered"]);
    fs::write(&input, earlier).unwrap();
    finish(classify(&killed, &["--resume"]), Vec::new()).expect(0);
    assert!([shards(&killed[1]), shards(&killed[2])] == expected);
    assert_eq!(fs::read(&killed[0]).unwrap(), fs::read(&whole[0]).unwrap());
    let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(names.filter(|name| name.contains(".partial")).count(), 0);
}

/// Rows were doubled by --resume behind a file of tensors that could not be written, and an output was whole without its last file.
#[test]
fn a_run_whose_tensors_cannot_be_written_goes_on() {
    let folder = folder();
    let input = write(&folder, "in.jsonl", rows(60));
    let at = |name: &str| text(&folder.path().join(name));
    let classify = |name: &str, more: &[&str]| {
        let (out, states) = (at(&format!("{name}.jsonl")), at(&format!("{name}.safetensors")));
        let files = ["-o", &out, "--hidden-states", &states, "--max-shard-size", "100KB", "--layers", "-1"];
        run(&[&["classify", "-q", "-i", &input, "--batch-tokens", "600"][..], &files, more].concat())
    };
    classify("whole", &[]).expect(0);
    let expected = shards(Path::new(&at("whole.safetensors")));
    assert!(expected.len() > 2, "{}", expected.len());
    for (name, number) in [("first", 1), ("second", 2), ("last", expected.len())] {
        let file = if number == 1 { format!("{name}.safetensors") } else { format!("{name}-{number}.safetensors") };
        let blocked = folder.path().join(format!("{file}.partial"));
        fs::create_dir(&blocked).unwrap();
        classify(name, &[]).expect(2).says(&["cannot write", &file]);
        assert!(!Path::new(&at(&format!("{name}.jsonl"))).exists(), "{name}: the output is not whole");
        fs::remove_dir(&blocked).unwrap();
        classify(name, &["--resume"]).expect(0);
        assert!(shards(Path::new(&at(&format!("{name}.safetensors")))) == expected, "{name}");
        let [own, whole] = [name, "whole"].map(|name| fs::read(at(&format!("{name}.jsonl"))).unwrap());
        assert!(own == whole, "{name}: rows");
    }
}

#[test]
fn files_of_tensors_are_replaced_when_that_is_asked_for() {
    let folder = folder();
    let file = folder.path().join("a.safetensors");
    let states = ["classify", "-q", "--hidden-states", &text(&file), "--max-shard-size", "1KB"];
    pipe(&states, format!("{FANTASTIC}\n{OKAY}\n{TERRIBLE}\n")).expect(0);
    assert_eq!(shards(&file).len(), 3);
    pipe(&states, format!("{OKAY}\n")).expect(2).says(&["a.safetensors: is there already", "--overwrite"]);
    pipe(&[&states[..], &["--overwrite"]].concat(), format!("{OKAY}\n")).expect(0);
    assert_eq!(shards(&file).len(), 1, "files of another run stayed beside it");
    // Nor is what would be the second file, or what is there when there is nothing to go on with.
    fs::rename(&file, folder.path().join("a-2.safetensors")).unwrap();
    pipe(&states, format!("{OKAY}\n")).expect(2).says(&["a-2.safetensors: is there already"]);
    fs::rename(folder.path().join("a-2.safetensors"), &file).unwrap();
    let (input, out) = (write(&folder, "in.txt", OKAY), text(&folder.path().join("out.jsonl")));
    run(&[&states[..], &["-i", &input, "-o", &out, "--resume"]].concat()).expect(2).says(&["is there already"]);
    run(&["classify", "x", "--layers", "-1", "--pooled-output", "y"]).expect(2).says(&["--layers is for"]);
}

#[test]
fn tensors_are_written() {
    let (model, expected) = golden("bert");
    let folder = folder();
    let [both, states, attentions] = ["both", "states", "attentions"].map(|name| text(&folder.path().join(name)));
    let input = labelled(&expected);
    let classify = ["classify", "--model", &model, "--input-format", "jsonl"];
    pipe(&[&classify[..], &["--hidden-states", &both, "--attentions", &both]].concat(), input.clone()).expect(0);
    pipe(&[&classify[..], &["--hidden-states", &states, "--attentions", &attentions]].concat(), input).expect(0);
    let read = |path: &str| fs::read(path).expect("it was written");
    let shapes = |bytes: &[u8]| {
        let file = SafeTensors::deserialize(bytes).expect("a valid file");
        let mut shapes: Vec<_> =
            file.iter().map(|(name, tensor)| (name.to_string(), tensor.shape().to_vec())).collect();
        shapes.sort();
        shapes
    };
    let expected_shapes = |name: &str, shape: fn(usize) -> Vec<usize>| {
        (0..).zip([3, 21, 14, 14]).map(|(row, tokens)| (format!("{name}.{row}"), shape(tokens))).collect::<Vec<_>>()
    };
    let expected_states = expected_shapes("hidden_states", |tokens| vec![3, tokens, 32]);
    let expected_attentions = expected_shapes("attentions", |tokens| vec![2, 4, tokens, tokens]);
    assert_eq!(shapes(&read(&states)), expected_states);
    assert_eq!(shapes(&read(&attentions)), expected_attentions);
    assert_eq!(shapes(&read(&both)), [expected_attentions, expected_states].concat());

    // The last layer of the second text, which is the longest and so has no padding in the fixture.
    let bytes = read(&both);
    let ours = SafeTensors::deserialize(&bytes).expect("a valid file");
    let bytes = fs::read(Path::new(&model).join("expected.safetensors")).expect("the fixture is there");
    let theirs = SafeTensors::deserialize(&bytes).expect("a valid file");
    let ours = numbers(ours.tensor("hidden_states.1").expect("it is there").data());
    let theirs = numbers(theirs.tensor("hidden_states.2").expect("it is there").data());
    for (a, b) in ours[2 * 21 * 32..].iter().zip(&theirs[21 * 32..]) {
        assert!((a - b).abs() < 1e-4, "{a} is not {b}");
    }

    let nowhere = text(&folder.path().join("no/such/folder"));
    run(&["classify", "--hidden-states", &nowhere, "x"]).expect(2).says(&["cannot write", &nowhere]);
}
