//! Steps of a `tokenizer.json` and fields of a `config.json`, some of them hostile, that mutations put into files.

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

pub struct Fragments {
    pub tokenizer: Vec<Node>,
    pub config: Vec<Node>,
    pub config_fields: Vec<(String, Node)>,
}

impl Fragments {
    pub fn new() -> Fragments {
        let tree = |text: &str| Node::parse(text.as_bytes());
        let field = |&(name, value): &(&str, &str)| (name.to_string(), Node::Raw(value.into()));
        Fragments {
            tokenizer: STEPS.lines().map(tree).collect(),
            config: CONFIG.iter().map(|text| tree(text)).collect(),
            config_fields: CONFIG_FIELDS.iter().map(field).collect(),
        }
    }
}
