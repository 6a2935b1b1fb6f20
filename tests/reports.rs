//! Checkpoints and rows that were answered wrongly, or refused in words that led nowhere: one test a report, which says
//! what its user saw. The folders are `tests/tools/reports.py`'s, the right answers those of transformers 5.24 and 4.57.6
//! and of sentence-transformers 6.2. Needs an adapter, as tests/cli.rs does.

use serde_json::Value;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

struct Run {
    code: Option<i32>,
    rows: Vec<Value>,
    stderr: String,
}

/// Classifies a text, or the rows that stand in JSONL, with the checkpoint of a report.
fn classify(report: &str, text: Option<&str>, rows: &str) -> Run {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/reports").join(report);
    let mut command = Command::new(env!("CARGO_BIN_EXE_wgbert"));
    command.current_dir(&folder).env_remove("RUST_LOG").env("WGBERT_CACHE_DIR", "").env("WGBERT_SELF_CHECK", "never");
    command.args(["classify", "--format", "jsonl", "--fields", "all"]);
    if folder.join("config.json").exists() {
        command.args(["--model", "."]);
    }
    match text {
        Some(text) => command.args(["--", text]),
        None => command.args(["--input-format", "jsonl"]),
    };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary starts");
    // It may end without reading anything.
    let _ = child.stdin.take().expect("it is piped").write_all(rows.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let stdout = String::from_utf8(output.stdout).expect("it writes UTF-8");
    Run {
        code: output.status.code(),
        rows: stdout.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect(),
        stderr: String::from_utf8(output.stderr).expect("it writes UTF-8"),
    }
}

fn text(report: &str, text: &str) -> Run {
    classify(report, Some(text), "")
}

fn rows(report: &str, rows: &str) -> Run {
    classify(report, None, rows)
}

impl Run {
    /// Answered with these logits and this label.
    #[track_caller]
    fn answers(&self, row: usize, logits: &[f64], label: &str) {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        let found: Vec<f64> =
            self.rows[row]["logits"].as_array().expect("logits").iter().filter_map(Value::as_f64).collect();
        assert_eq!(found.len(), logits.len());
        let near = found.iter().zip(logits).all(|(found, logit)| (found - logit).abs() < 1e-5);
        assert!(near, "{found:?} is not {logits:?}: {}", self.stderr);
        assert_eq!(self.rows[row]["label"], label);
    }

    /// Refused, in these words among others.
    #[track_caller]
    fn refuses(&self, words: &[&str]) {
        assert_eq!(self.code, Some(2), "{:?} {}", self.rows, self.stderr);
        self.says(words);
    }

    #[track_caller]
    fn says(&self, words: &[&str]) {
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not in {:?}", self.stderr);
        }
    }
}

/// It was label good from 4 tokens: any vocab.txt was taken as BERT's.
#[test]
fn a_japanese_vocabulary_is_not_read_as_berts() {
    text("bert-japanese-tokenizer", "the film").refuses(&["BertJapaneseTokenizer"]);
}

/// It was label bad from 7 tokens: any vocab.json with merges.txt was taken as RoBERTa's.
#[test]
fn herbert_splits_words_at_their_ends() {
    let run = text("herbert-tokenizer", "the film");
    run.answers(0, &[0.241980, 1.185028, -1.364700], "fair");
    assert_eq!(run.rows[0]["tokens"], 6);
}

/// It said that <s> is absent from vocab.txt.
#[test]
fn bertweet_reads_its_codes() {
    text("bertweet-tokenizer", "good film").answers(0, &[1.122338, 2.235209, -1.382762], "fair");
    // The class is Python, where an empty second text is one.
    let pair = r#"{"text": "good film", "text_pair": ""}"#;
    rows("bertweet-tokenizer", pair).answers(0, &[-0.562034, 0.565674, -1.350916], "fair");
}

/// It was label good from BERT's pieces.
#[test]
fn a_tokenizer_of_the_models_own_code_is_refused() {
    text("custom-tokenizer", "good film").refuses(&["SyllableBertTokenizer", "auto_map"]);
}

/// It was label fair from 7 tokens: only special_tokens_map.json names [E1].
#[test]
fn additional_special_tokens_are_tokens() {
    let run = text("additional-special-tokens", "the [E1] film");
    run.answers(0, &[-0.173825, -0.034079, 0.023584], "good");
    assert_eq!(run.rows[0]["tokens"], 5);
}

/// It was label fair from 7 tokens: only added_tokens.json, beside tokenizer.json, names [E1].
#[test]
fn added_tokens_json_is_read_beside_tokenizer_json() {
    text("added-tokens-json", "the [E1] film").answers(0, &[-0.173825, -0.034079, 0.023584], "good");
}

/// It was label fair from 7 tokens: only added_tokens_decoder of tokenizer_config.json names [E1].
#[test]
fn added_tokens_decoder_is_read_beside_tokenizer_json() {
    text("added-tokens-decoder", "the [E1] film").answers(0, &[-0.173825, -0.034079, 0.023584], "good");
}

/// It was label good from 9 tokens: tokenizer.json does not list [SEP], tokenizer_config.json names it.
#[test]
fn special_tokens_need_not_be_listed() {
    text("unlisted-special-tokens", "great [SEP] plot").answers(0, &[0.333864, 0.032739, -0.258146], "bad");
}

const PAIR: &str = r#"{"text": "was it good", "text_pair": "it was great"}"#;

/// The score was 0.608483, the sigmoid: config_sentence_transformers.json asks for none.
#[test]
fn a_cross_encoders_activation_is_read_where_it_is_written_today() {
    let run = rows("cross-encoder-activation", PAIR);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let score = run.rows[0]["logits"][0].as_f64().expect("a logit");
    assert!((score - 0.440939).abs() < 1e-5, "{score}");
    assert_eq!(run.rows[0]["score"], run.rows[0]["logits"][0]);
}

/// It said that the model was never fine-tuned: its head is in 2_Dense to 4_Dense.
#[test]
fn a_modular_rerankers_head_is_its_modules() {
    let run = rows("modular-reranker", PAIR);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let score = run.rows[0]["score"].as_f64().expect("a score");
    assert!((score - 0.484434).abs() < 1e-5, "{score}");
}

/// It said that the model was never fine-tuned: its head is a pickle of scikit-learn's.
#[test]
fn a_setfit_model_is_named() {
    text("setfit-folder", "good film").refuses(&["SetFit", "model_head.pkl"]);
}

const GOOD_FILM: [f64; 3] = [-0.537579, -0.175232, 0.238238];

/// It said "expected value at line 2 column 18": Python writes NaN and Infinity.
#[test]
fn a_config_may_hold_nan() {
    text("config-nan", "good film").answers(0, &GOOD_FILM, "good");
}

/// It was refused for the name of a class of the user's own, with BERT's tensors.
#[test]
fn the_model_type_decides_where_the_class_is_unknown() {
    let run = text("other-architecture-name", "good film");
    run.answers(0, &GOOD_FILM, "good");
    run.says(&["BertForMultiLabelSequenceClassification"]);
}

/// The logits were those of erf GELU: an absent hidden_act was taken as BERT's.
#[test]
fn alberts_default_activation_is_its_own() {
    text("albert-default-activation", "the film was not good").answers(0, &[0.143137, 1.997692, 0.583366], "fair");
}

/// The logits were those of epsilon 1e-12, BERT's.
#[test]
fn jinas_default_epsilon_is_its_own() {
    let run = text("jina-v3-default-epsilon", "the film was not good");
    run.answers(0, &[0.461542, -0.679180, -0.071735], "bad");
}

/// The first was label fair from 5 tokens: an empty pair was taken as one.
#[test]
fn an_empty_pair_is_none() {
    let run = rows("empty-pair", "{\"text\": \"the film\", \"text_pair\": \"\"}\n{\"text\": \"the film\"}\n");
    for row in 0..2 {
        run.answers(row, &[-0.458179, -0.417532, 0.390087], "good");
        assert_eq!(run.rows[row]["tokens"], 4);
    }
}

/// It answered as transformers 4.57: the files are of 5.24, whose class gives no type ids.
#[test]
fn pairs_of_files_of_transformers_5_have_no_types() {
    let run = rows("pair-types-of-transformers-5", r#"{"text": "the film", "text_pair": "was dull"}"#);
    run.answers(0, &[-0.555554, -0.449512, 0.311905], "good");
}

/// It was label good from two [UNK]: the class lowercases, whatever tokenizer.json says.
#[test]
fn the_class_lowercases_a_cased_file() {
    let run = text("cased-tokenizer-file", "FILM GREAT");
    run.answers(0, &[1.211098, -0.417799, 0.997969], "bad");
    run.says(&["do_lower_case"]);
}

/// Nothing said that tensors of an adapter were left out.
#[test]
fn unread_tensors_are_said() {
    let run = text("unmerged-lora", "good film");
    run.answers(0, &GOOD_FILM, "good");
    run.says(&["lora_A"]);
}

/// It said that the model was never fine-tuned: torch.compile had put _orig_mod. before each name.
#[test]
fn torch_compiles_prefix_is_stripped() {
    text("compiled-prefix", "good film").answers(0, &GOOD_FILM, "good");
}

/// Rows 2 and 4 failed with "expected value at column 27", for a field that is ignored.
#[test]
fn rows_may_hold_nan() {
    let contents = include_str!("reports/jsonl-nan/rows.jsonl");
    let run = rows("jsonl-nan", contents);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(run.rows.len(), 4);
    // The label is a column of the input.
    assert!(run.rows.iter().all(|row| row["predicted_label"].is_string()), "{:?}", run.rows);
}

/// Row 1 failed with "unexpected end of hex escape at column 22".
#[test]
fn half_a_surrogate_pair_is_named() {
    let contents = include_str!("reports/jsonl-lone-surrogate/rows.jsonl");
    let run = rows("jsonl-lone-surrogate", contents);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    let error = run.rows[0]["error"].as_str().expect("row 1 fails");
    assert!(error.contains("surrogate") && error.contains("\\ud83d"), "{error}");
    assert!(run.rows[1..].iter().all(|row| row["label"].is_string()) && run.rows.len() == 3, "{:?}", run.rows);
}
