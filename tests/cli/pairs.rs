//! `wgbert rerank` and `wgbert zero-shot`: arguments, tables, files of documents, and what is refused.

use super::output::wait_for;
use super::{Run, command, folder, pipe, run, terminal, text, write};
use serde_json::{Value, json};
use std::fs;
use std::process::Stdio;

const DOCUMENTS: [&str; 4] = ["it was not bad at all.", "good", "the quick brown fox", "Café 東京 zyzzyx 😀!"];

fn reranker() -> String {
    super::golden("bert-regression").0
}

fn nli() -> String {
    super::golden("bert").0
}

/// Of the rows of `--format jsonl`.
fn column(run: &Run, name: &str) -> Vec<Value> {
    run.rows().iter().map(|row| row[name].clone()).collect()
}

#[test]
fn documents_are_ranked() {
    let (model, query) = (reranker(), "was it good?");
    let asked = [&["rerank", "-q", "-m", &model, "--format", "jsonl", query][..], &DOCUMENTS[..]].concat();
    let all = run(&asked).expect(0);
    let names: Vec<String> = all.rows()[0].as_object().expect("a row").keys().cloned().collect();
    assert_eq!(names, ["corpus_id", "document", "error", "rank", "score", "text", "truncated"]);
    assert_eq!(column(&all, "rank"), [1, 2, 3, 4]);
    let scores: Vec<f64> = column(&all, "score").iter().map(|score| score.as_f64().expect("a number")).collect();
    assert!(scores.is_sorted_by(|a, b| a >= b) && scores.iter().all(|score| (0.0..=1.0).contains(score)), "{scores:?}");
    for row in all.rows() {
        assert_eq!(row["document"], DOCUMENTS[row["corpus_id"].as_u64().expect("a place") as usize]);
        assert_eq!(row["text"], query);
    }
    let best = run(&[&asked[..], &["--top-k", "2"]].concat()).expect(0);
    assert_eq!(best.rows(), all.rows()[..2]);
    // The logit is the score where no activation is wanted.
    let raw = run(&[&asked[..], &["--scoring", "none", "--fields", "corpus_id,score,logit"]].concat()).expect(0);
    assert_eq!(column(&raw, "score"), column(&raw, "logit"));
    assert_eq!(column(&raw, "corpus_id"), column(&all, "corpus_id"));

    // From standard input, a line each, and as lines.
    let piped = pipe(&["rerank", "-q", "-m", &model, query], DOCUMENTS.join("\n")).expect(0);
    let lines = piped.lines().into_iter().zip(all.rows()).map(|(line, row)| {
        let [rank, score, document, about] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line:?}") };
        assert_eq!((about, json!(document)), (query, row["document"].clone()));
        (rank.parse::<u64>().expect("a rank"), score.parse::<f64>().expect("a score") - row["score"].as_f64().unwrap())
    });
    assert!(lines.zip(1..).all(|((rank, apart), place)| rank == place && apart.abs() < 1e-6), "{piped:#?}");
    if let Some(shown) = terminal(70, &format!("rerank -q -m {model} 'was it good?' good 'the fox'")) {
        assert!(shown.contains("was it good?\n    1 ") && shown.contains("\n    2 "), "{shown:?}");
    }
}

#[test]
fn queries_against_documents() {
    let (folder, model) = (folder(), reranker());
    let documents = write(&folder, "documents.csv", format!("id,body\n1,{}\n2,good\n3,\"the, fox\"\n", DOCUMENTS[0]));
    let queries = "{\"id\": \"a\", \"text\": \"was it good?\"}\n{\"id\": \"b\", \"text\": null}\n{\"id\": \"c\", \"text\": \"a dog\"}\n";
    let input = write(&folder, "queries.jsonl", queries);
    let asked = ["rerank", "-q", "-m", &model, "-i", &input, "--documents", &documents, "-k", "2"];
    let found = run(&[&asked[..], &["--format", "jsonl"]].concat()).expect(3);
    assert_eq!(column(&found, "id"), ["a", "a", "b", "c", "c"]);
    assert_eq!(column(&found, "rank"), [json!(1), json!(2), Value::Null, json!(1), json!(2)]);
    found.says(&["queries.jsonl, line 2: its text is null", "1 of 3 rows failed"]);
    // Each query's documents are ranked as if it were alone.
    let alone = run(&["rerank", "-q", "-m", &model, "--format", "jsonl", "a dog", "--documents", &documents]).expect(0);
    let fields = |row: &Value| [&row["corpus_id"], &row["document"], &row["score"]].map(Value::clone);
    let rows = found.rows();
    assert_eq!(
        rows[3..].iter().map(fields).collect::<Vec<_>>(),
        alone.rows()[..2].iter().map(fields).collect::<Vec<_>>()
    );
    // The same in every format.
    for format in ["csv", "parquet", "json"] {
        let path = text(&folder.path().join(format!("out.{format}")));
        run(&[&asked[..], &["-o", &path, "--fields", "id,rank,document"]].concat()).expect(3);
        match format {
            "csv" => assert_eq!(fs::read_to_string(&path).unwrap().lines().count(), 6),
            "json" => {
                let document: Value = serde_json::from_slice(&fs::read(&path).unwrap()).expect("JSON");
                assert_eq!(document["results"].as_array().map(Vec::len), Some(5));
                assert!(document.get("labels").is_none());
            }
            _ => assert_eq!(&fs::read(&path).unwrap()[..4], b"PAR1"),
        }
    }
    // What cannot be scored is behind the others, whatever is wanted of them.
    let long = write(&folder, "long.txt", format!("good\n{}\nfox\n", DOCUMENTS[0].repeat(40)));
    let refuse = ["rerank", "-q", "-m", &model, "--truncation", "refuse", "-k", "1", "--format", "jsonl", "a dog"];
    let some = run(&[&refuse[..], &["--documents", &long]].concat()).expect(3);
    assert_eq!(column(&some, "rank"), [json!(1), Value::Null]);
    assert_eq!(some.rows()[1]["corpus_id"], 1);
    some.says(&["text 1, document 2: it has", "1 of 1 rows failed"]);
    // Documents that would fail were not counted.
    let dry = run(&[&refuse[..], &["--documents", &long, "--dry-run"]].concat()).expect(0);
    assert!(dry.stdout.starts_with("rows     1, of which 1 would fail"), "{dry:#?}");
}

#[test]
fn rows_that_are_pairs_are_scored() {
    let model = reranker();
    let table = format!("query,passage,n\nwas it good?,{},1\na dog,good,2\n", DOCUMENTS[0]);
    let asked = ["rerank", "-m", &model, "--input-format", "csv", "--format", "jsonl"];
    let found = pipe(&asked, table).expect(0);
    found.says(&["texts are the column \"query\"", "second texts are the column \"passage\"", "2 rows in"]);
    assert_eq!(column(&found, "n"), ["1", "2"]);
    let alone = run(&["rerank", "-q", "-m", &model, "--format", "jsonl", "a dog", "good"]).expect(0);
    assert_eq!(found.rows()[1]["score"], alone.rows()[0]["score"]);
    assert!(found.rows()[0].get("rank").is_none());
    let lines =
        pipe(&["rerank", "-q", "-m", &model, "--input-format", "csv"], "query,document\na dog,good\n").expect(0);
    assert!(lines.stdout.ends_with("\ta dog\tgood\n"), "{lines:#?}");
    let missing = "{\"text\": \"a\", \"text_pair\": \"b\"}\n{\"text\": \"a\"}\n";
    pipe(&["rerank", "-q", "-m", &model, "--format", "jsonl"], missing).expect(3).says(&["line 2: it has no document"]);
}

#[test]
fn what_cannot_be_ranked_is_refused() {
    let model = reranker();
    run(&["rerank", "a", "b"]).expect(2).says(&["name a cross-encoder with --model"]);
    run(&["rerank", "-m", &nli(), "a", "b"]).expect(2).says(&["3 labels", "one label", "wgbert zero-shot"]);
    pipe(&["rerank", "-m", &model], "a\nb\n").expect(2).says(&[
        "no row has a document",
        "--pair-column",
        "--documents",
    ]);
    let stdin = ["rerank", "-m", &model, "--documents", "-"];
    pipe(&stdin, "a\n").expect(2).says(&["either the documents or the queries"]);
    pipe(&["rerank", "-m", &model, "a"], "").expect(2).says(&["there is no document"]);
    pipe(&["rerank", "-m", &model, "-k", "2"], "a\n").expect(2).says(&["--top-k is of the documents of a query"]);
    let null = ["rerank", "-m", &model, "a", "--documents", "-"];
    pipe(&null, "{\"text\": null}\n").expect(2).says(&["line 1: its text is null", "--null skip"]);
    run(&["rerank", "-m", &model, "a", "b", "--fields", "label", "--format", "csv"])
        .expect(2)
        .says(&["these answers have no label", "rank, corpus_id"]);
}

/// CSV from a pipe was ranked line by line, its header too; what was said of the queries decided how documents were read; and of two
/// texts in a row the query was ranked.
#[test]
fn documents_are_read_by_what_is_said_of_documents() {
    let (folder, model) = (folder(), reranker());
    let asked = ["rerank", "-q", "-m", &model, "--format", "jsonl"];
    let table = "id,text\n1,good\n2,the fox\n";
    let rank = |found: Run| {
        let mut documents = column(&found.expect(0), "document");
        documents.sort_by_key(Value::to_string);
        documents
    };
    for format in ["--input-format", "--document-format"] {
        assert_eq!(rank(pipe(&[&asked[..], &["a dog", format, "csv"]].concat(), table)), ["good", "the fox"]);
    }
    let (documents, queries) = (write(&folder, "d.csv", table), write(&folder, "q.tsv", "7\ta dog\n"));
    let files = ["-i", &queries, "--no-header", "--text-column", "2", "--documents", &documents];
    assert_eq!(rank(run(&[&asked[..], &files].concat())), ["good", "the fox"]);
    let pairs = write(&folder, "pairs.csv", "query,passage\nwas it?,good\n");
    let asked = [&asked[..], &["a dog", "--documents", &pairs]].concat();
    run(&asked).expect(2).says(&["pairs.csv", "it has two texts", "--document-column"]);
    assert_eq!(rank(run(&[&asked[..], &["--document-column", "passage"]].concat())), ["good"]);
}

/// To the bytes of a run that nobody stopped, though a row of the input is several of the output.
#[test]
fn a_killed_ranking_goes_on() {
    let (folder, model) = (folder(), reranker());
    let documents = write(&folder, "documents.txt", DOCUMENTS.join("\n"));
    let queries: String = (0..600).map(|row| format!("was it good? {row}\n")).collect();
    let input = write(&folder, "queries.txt", queries);
    for format in ["jsonl", "parquet"] {
        let [whole, killed] = ["whole", "killed"].map(|name| text(&folder.path().join(format!("{name}.{format}"))));
        let asked = [
            "rerank",
            "-q",
            "-m",
            &model,
            "-i",
            &input,
            "--documents",
            &documents,
            "-k",
            "3",
            "--batch-tokens",
            "600",
            "-o",
        ];
        let mut child = command(&[&asked[..], &[&killed]].concat());
        let mut child = child.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary starts");
        wait_for(&folder.path().join(format!("killed.{format}.partial.json")));
        child.kill().expect("it runs");
        child.wait().expect("it ends");
        let resume = [&asked[..], &[&killed, "--resume"]].concat();
        write(&folder, "documents.txt", "good");
        run(&resume).expect(2).says(&["another documents"]);
        write(&folder, "documents.txt", DOCUMENTS.join("\n"));
        run(&resume).expect(0);
        run(&[&asked[..], &[&whole]].concat()).expect(0);
        assert!(fs::read(&whole).unwrap() == fs::read(&killed).unwrap(), "{format}");
    }
}

#[test]
fn labels_that_were_never_trained() {
    let model = nli();
    let asked = ["zero-shot", "-q", "-m", &model, "-l", "good, a dog,bad", "--format", "jsonl"];
    let found = run(&[&asked[..], &["was it good?", "the fox", "-k", "all"]].concat()).expect(0);
    for row in found.rows() {
        let scores = ["score", "score_2", "score_3"].map(|name| row[name].as_f64().expect("a number"));
        assert!(scores.is_sorted_by(|a, b| a >= b) && (scores.iter().sum::<f64>() - 1.0).abs() < 1e-5, "{row}");
        let mut labels = ["label", "label_2", "label_3"].map(|name| row[name].as_str().expect("a label"));
        labels.sort();
        assert_eq!(labels, ["a dog", "bad", "good"]);
    }
    found.says(&["warning:", "no label begins with \"entail\"", "\"positive\""]);
    let several =
        run(&[&asked[..], &["the fox", "--multi-label", "--threshold", "0", "--fields", "labels,score_*"]].concat());
    let row = several.expect(0).rows().remove(0);
    assert_eq!(row["labels"], json!(["good", "a dog", "bad"]));
    assert!(row["score_a dog"].is_number() && row.as_object().map(|row| row.len()) == Some(4), "{row}");

    // One label holds or not, whatever is said of several.
    let one = ["zero-shot", "-q", "-m", &model, "-l", "good", "--threshold", "0", "--format", "jsonl", "the fox"];
    assert_eq!(run(&one).expect(0).rows()[0]["labels"], json!(["good"]));

    let folder = folder();
    let labels = write(&folder, "labels.txt", "good\r\n\na dog\nbad, very bad\n");
    let template =
        ["zero-shot", "-q", "-m", &model, "--labels-file", &labels, "--hypothesis-template", "{}", "--format", "json"];
    let document = pipe(&template, "id,text\n1,the fox\n").expect(0).document();
    assert_eq!(document["labels"], json!(["good", "a dog", "bad, very bad"]));
    assert_eq!(document["results"][0]["probabilities"].as_array().map(Vec::len), Some(3));
    let piped = pipe(&["zero-shot", "-q", "-m", &model, "-l", "good,bad"], "the fox\n").expect(0);
    assert!(piped.stdout.ends_with("\tthe fox\n") && piped.stdout.split('\t').count() == 3, "{piped:#?}");
    if let Some(shown) = terminal(70, &format!("zero-shot -q -m {model} -l good,bad 'the fox'")) {
        assert!(shown.contains("the fox\n") && shown.contains(" %  "), "{shown:?}");
    }
}

#[test]
fn what_no_label_can_be_of_is_refused() {
    let model = nli();
    let refused = |arguments: &[&str]| run(&[&["zero-shot", "-m", &model, "a"], arguments].concat()).expect(2);
    run(&["zero-shot", "a", "-l", "b"]).expect(2).says(&["natural language inference", "--model"]);
    refused(&[]).says(&["no label", "--labels a,b,c", "--labels-file"]);
    refused(&["-l", "b,b"]).says(&["\"b\" is asked for twice"]);
    refused(&["-l", "b", "--hypothesis-template", "It is."]).says(&["\"It is.\" has no {}"]);
    refused(&["-l", "b", "--scoring", "none"]).says(&["--scoring"]);
    refused(&["-l", "b", "--pair-truncation", "only-second"]).says(&["only-first"]);
    refused(&["-l", "b,c", "--threshold", "0.5"]).says(&["--threshold"]);
    refused(&["-l", "b", "--labels-file", "/nonexistent"]).says(&["cannot read /nonexistent"]);
    refused(&["-l", "b", "--fields", "loss", "--format", "csv"]).says(&["these answers have no loss"]);
    let pair = "{\"text\": \"a\", \"text_pair\": \"b\"}\n{\"text\": \"a\"}\n";
    pipe(&["zero-shot", "-q", "-m", &model, "-l", "b", "--format", "jsonl"], pair)
        .expect(3)
        .says(&["line 1: it has a second text"]);
}
