//! What mutations put into files: steps of a `tokenizer.json`, fields of a `config.json`, numbers and texts, some hostile.

use super::json::Node;

/// Every kind of step that the tokenizers library knows, one a line: normalizers, pre-tokenizers, post-processors,
/// models, and the rest.
const STEPS: &str = include_str!("steps.jsonl");

const CONFIG: &[&str] = &[
    r#""bert""#,
    r#""roberta""#,
    r#""distilbert""#,
    r#""electra""#,
    r#""albert""#,
    r#""mpnet""#,
    r#""deberta-v2""#,
    r#""modernbert""#,
    r#""nomic_bert""#,
    r#""gte""#,
    r#""jina_embeddings_v3""#,
    r#""multi_label_classification""#,
    r#""relative_key""#,
    r#""c2p|p2c""#,
    r#"["c2p","p2c"]"#,
    r#"["full_attention","sliding_attention"]"#,
    r#"{"full_attention":{"rope_type":"default","rope_theta":1e-300}}"#,
    r#"{"rope_type":"yarn","rope_theta":10000.0}"#,
    r#"{"0":"a","1":"b"}"#,
    r#"{"0":"a","2":"b"}"#,
    r#"{"00":"a","1":7}"#,
    r#"{"activation_fn":"torch.nn.modules.activation.Sigmoid"}"#,
];

/// Fields that decide sizes: a mutation that adds them to a config reaches what the file alone does not say.
const CONFIG_FIELDS: &[(&str, &str)] = &[
    ("num_labels", "1000"),
    ("num_hidden_layers", "1024"),
    ("n_layers", "1024"),
    ("num_hidden_groups", "1024"),
    ("inner_group_num", "1024"),
    ("max_position_embeddings", "131072"),
    ("position_buckets", "131000"),
    ("max_relative_positions", "131000"),
    ("position_embedding_type", "\"relative_key\""),
    ("relative_attention", "true"),
    ("pos_att_type", "\"c2p|p2c\""),
    ("conv_kernel_size", "31"),
    ("relative_attention_num_buckets", "16777216"),
    ("hidden_size", "65536"),
    ("num_attention_heads", "65536"),
    ("intermediate_size", "65536"),
    ("embedding_size", "1"),
    ("vocab_size", "16777216"),
    ("pad_token_id", "4294967295"),
    ("local_attention", "0"),
    ("global_attn_every_n_layers", "1"),
    ("rope_theta", "1e-300"),
];

/// Tokens as the small files name them.
const TOKENS: &[&str] = &[
    r#""[E1]""#,
    r#""[SEP]""#,
    r#""a b""#,
    r#"" ""#,
    r#""""#,
    "null",
    "5",
    "4294967295",
    r#"{"content": "Hello", "lstrip": true, "rstrip": true, "normalized": true}"#,
    r#"{"__type": "AddedToken", "content": "[SEP]", "single_word": true, "special": true}"#,
    r#"["[E1]", {"content": "\n"}, "word", ""]"#,
    r#"{"5": {"content": "word", "special": false}, "4294967295": {"content": "[CLS]"}}"#,
    r#"{"b_token": "x", "a_token": "[MASK]"}"#,
];

const TOKEN_FIELDS: &[&str] = &[
    "bos_token",
    "eos_token",
    "unk_token",
    "sep_token",
    "pad_token",
    "cls_token",
    "mask_token",
    "additional_special_tokens",
    "extra_special_tokens",
    "added_tokens_decoder",
    "image_token",
    "word",
    "Hello",
];

const CLASSES: &[&str] = &[
    "BertTokenizer",
    "DistilBertTokenizerFast",
    "MPNetTokenizer",
    "RobertaTokenizer",
    "XLMRobertaTokenizer",
    "CamembertTokenizer",
    "AlbertTokenizer",
    "DebertaV2Tokenizer",
    "DebertaTokenizer",
    "HerbertTokenizer",
    "PreTrainedTokenizerFast",
    "TokenizersBackend",
    "PhobertTokenizer",
    "BertweetTokenizer",
];

/// Numbers, and what looks like some.
pub const NUMBERS: &[&str] = &[
    "0",
    "1",
    "2",
    "3",
    "7",
    "31",
    "64",
    "255",
    "512",
    "1023",
    "1024",
    "65536",
    "131072",
    "1000000",
    "1000001",
    "16777216",
    "-1",
    "-0",
    "-0.0",
    "0.5",
    "1.0",
    "1e-320",
    "1e-12",
    "1e30",
    "1e308",
    "1e309",
    "-1e309",
    "1e99999999999",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "18446744073709551614",
    "18446744073709551615",
    "18446744073709551616",
    "123456789012345678901234567890123456789012345678901234567890",
    "NaN",
    "Infinity",
    "-Infinity",
    "0x10",
    "1_000",
    "01",
    "1.",
    ".5",
    "+1",
    "1e",
];

/// Values of another type.
pub const SCALARS: &[&str] = &["null", "true", "false", "\"\"", "[]", "{}", "[[]]", "\"0\"", "[null]", "{\"\": null}"];

/// Texts that mean something somewhere.
pub const STRINGS: &[&str] = &[
    "",
    " ",
    "\0",
    "a",
    "A",
    "ß",
    "İ",
    "ﷺ",
    "e\u{301}",
    "\u{200d}",
    "\u{feff}",
    "\u{fffd}",
    "👩‍👩‍👧",
    "▁",
    "Ġ",
    "##",
    "##a",
    "[CLS]",
    "[UNK]",
    "<s>",
    "../..",
    "0",
    "-1",
    "1e999",
    "%s%n",
    "\"",
    "\\",
    "\n",
    "nan",
    "gelu",
    "relu",
    "relative_key_query",
    "left",
    "F64",
    "BF16",
    "F4",
    "U8",
    "I64",
];

pub struct Fragments {
    pub tokenizer: Vec<Node>,
    pub config: Vec<Node>,
    pub config_fields: Vec<(String, Node)>,
    pub tokens: Vec<Node>,
    pub token_fields: Vec<String>,
    pub classes: Vec<Node>,
}

impl Fragments {
    pub fn new() -> Fragments {
        let tree = |text: &str| Node::parse(text.as_bytes());
        let field = |&(name, value): &(&str, &str)| (name.to_string(), Node::Raw(value.into()));
        Fragments {
            tokenizer: STEPS.lines().map(tree).collect(),
            config: CONFIG.iter().map(|text| tree(text)).collect(),
            config_fields: CONFIG_FIELDS.iter().map(field).collect(),
            tokens: TOKENS.iter().map(|text| tree(text)).collect(),
            token_fields: TOKEN_FIELDS.iter().map(ToString::to_string).collect(),
            classes: CLASSES.iter().map(|name| Node::string(name)).collect(),
        }
    }
}
