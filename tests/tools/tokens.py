#!/usr/bin/env python3
"""Golden checkpoints of token classification, with what transformers' pipeline answers.

    python tokens.py OUT_DIR [--only NAME,...]

Needs what golden.py needs; its tokenizers and weights are used. transformers 5 makes one checkpoint of every
architecture, 4.57 some whose tokenizers it builds in another way (names that end in -4).

For every case the script writes OUT_DIR/<case>/
    config.json, model.safetensors   a tiny random `*ForTokenClassification` (f32, save_pretrained)
    tokenizer.json                   or vocab.txt and bpe.codes; and tokenizer_config.json, which names the class
    expected.json                    texts, ids, special_tokens_mask, offset_mapping, logits [tokens, labels] of each text
                                     alone, and the pipeline's entities by aggregation; of a float64 forward pass
"""
import argparse, inspect, json, pathlib, re, shutil, warnings

from golden import (init_weights, tk_albert, tk_bert, tk_deberta, tk_modernbert, tk_mpnet, tk_roberta, tk_xlmr,
                    true_float64)
import torch
import transformers as tr

warnings.filterwarnings("ignore", message="Tokenizer does not support real words")
FIVE = tr.__version__ >= "5"
LABELS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC", "MISC", "I-LOC-CITY"]
AGGREGATIONS = ["none", "simple", "first", "average", "max"]
LIMIT = 24
TEXTS = [
    "",
    "good",
    "the quickest foxes jumped lazily, but nobody was impressed by it!",
    "Café 東京 zyzzyx 😀! naïve",
    "  was  it\tgood? 😀😀 it wasn't bad[SEP] \n at all ",
    # Longer than the limit.
    "really great movies and very good services but not absolutely satisfied customers " * 2,
]
SMALL = dict(hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16, max_position_embeddings=40,
             attn_implementation="eager")
OFFSET = dict(type_vocab_size=1, layer_norm_eps=1e-5)


def tk_bertweet():
    """BPE in Python: (vocab.txt, bpe.codes), and no tokenizer.json."""
    pieces = sorted(set("abcdefghijklmnopqrstuvwxyz!,.?'")) + ["good", "was", "it", "mov@@", "ies", "ie@@", "gre@@", "at", ":grinning_face:"]
    marked = [p + "@@" for p in pieces if len(p) == 1 and p.isalpha()]
    merges = [("g", "o"), ("go", "o"), ("goo", "d</w>"), ("w", "a"), ("wa", "s</w>"), ("i", "t</w>"), ("m", "o"), ("mo", "v"),
              ("i", "e"), ("ie", "s</w>"), ("g", "r"), ("gr", "e"), ("a", "t</w>")]
    vocab = "".join(f"{p} 1\n" for p in dict.fromkeys(pieces + marked))
    return {"vocab.txt": vocab, "bpe.codes": "".join(f"{a} {b} 1\n" for a, b in merges)}


def cases():
    case = lambda name, tok, tokenizer_class, files=(), **kw: dict(
        name=name, tok=tok, tokenizer={"tokenizer_class": tokenizer_class, **dict(files)}, kw={**SMALL, **kw})
    generic = "TokenizersBackend" if FIVE else "PreTrainedTokenizerFast"
    deberta = dict(relative_attention=True, position_buckets=8, norm_rel_ebd="layer_norm", share_att_key=True,
                   pos_att_type=["p2c", "c2p"], position_biased_input=False, type_vocab_size=0, layer_norm_eps=1e-7)
    modern = dict(local_attention=8, global_attn_every_n_layers=2)
    left = dict(add_prefix_space=True, truncation_side="left")
    if not FIVE:
        return {
            "bert-4": case("Bert", tk_bert, "BertTokenizer"),
            "roberta-left-4": case("Roberta", tk_roberta, "RobertaTokenizer", left, **OFFSET),
        }
    return {
        "bert": case("Bert", tk_bert, "BertTokenizer"),
        "roberta": case("Roberta", tk_roberta, "RobertaTokenizer", **OFFSET),
        "roberta-left": case("Roberta", tk_roberta, "RobertaTokenizer", left, **OFFSET),
        "bertweet": case("Roberta", tk_bertweet, "BertweetTokenizer", **OFFSET),
        "xlm-roberta": case("XLMRoberta", tk_xlmr, "XLMRobertaTokenizer", **OFFSET),
        "camembert": case("Camembert", tk_xlmr, "CamembertTokenizer", **OFFSET),
        "distilbert": case("DistilBert", tk_bert, generic, dim=8, n_layers=2, n_heads=2, hidden_dim=16),
        "electra": case("Electra", tk_bert, "BertTokenizer", embedding_size=4),
        "albert": case("Albert", tk_albert, "AlbertTokenizer", embedding_size=4, hidden_act="gelu_new"),
        "mpnet": case("MPNet", tk_mpnet, "MPNetTokenizer", layer_norm_eps=1e-5, relative_attention_num_buckets=32),
        "deberta-v2": case("DebertaV2", tk_deberta, "DebertaV2Tokenizer", **deberta),
        "modernbert": case("ModernBert", tk_modernbert, generic, **modern),
        "nomic-bert": case("NomicBert", tk_bert, generic),
        "gte": case("Gte", tk_xlmr, generic, type_vocab_size=1),
        "jina-v3": case("JinaEmbeddingsV3", tk_xlmr, generic, type_vocab_size=1),
    }


def write_tokenizer(c, d):
    """Its files, and the ids of its special tokens as a config wants them."""
    settings = dict(c["tokenizer"], model_max_length=LIMIT)
    made = c["tok"]()
    if isinstance(made, dict):
        for name, text in made.items():
            (d / name).write_text(text)
        roles, size, id_of = {}, None, {"pad_token": 1}.get
    else:
        tok, roles = made
        tok.save(str(d / "tokenizer.json"), pretty=False)
        size, id_of = tok.get_vocab_size(), lambda role: tok.token_to_id(roles[role])
    (d / "tokenizer_config.json").write_text(json.dumps({**settings, **roles}, indent=1) + "\n")
    ids = dict(pad_token_id=id_of("pad_token"))
    if c["name"] == "ModernBert":
        ids.update(cls_token_id=id_of("cls_token"), sep_token_id=id_of("sep_token"), bos_token_id=id_of("cls_token"),
                   eos_token_id=id_of("sep_token"))
    return ids, size


def answers(model, tok, inputs):
    logits, entities = [], {}
    accepts = inspect.signature(type(model).forward).parameters
    with torch.no_grad(), true_float64(model):
        for one in inputs:
            tensors = {k: torch.tensor([v]) for k, v in one.items() if k in accepts}
            logits.append(model(**tensors).logits[0])
        for aggregation in AGGREGATIONS if tok.is_fast else AGGREGATIONS[:2]:
            pipe = tr.pipeline("token-classification", model=model, tokenizer=tok, aggregation_strategy=aggregation, device="cpu")
            entities[aggregation] = [[{k: float(v) if k == "score" else v for k, v in e.items()} for e in pipe(t)] for t in TEXTS]
    return logits, entities


def clear(logits, tok):
    """Whether labels are many, and none depends on the last digits."""
    every = torch.cat(logits)
    top = every.topk(2).values
    if len(set(every.argmax(-1).tolist())) < len(LABELS) - 1 or float((top[:, 0] - top[:, 1]).min()) < 0.01:
        return False
    # Neither those of words, of up to six tokens: means and maxima of neighbours.
    for one in logits:
        scores = one.softmax(-1)
        for start in range(len(scores)):
            for end in range(start + 2, min(start + 7, len(scores) + 1)):
                top = scores[start:end].mean(0).topk(2).values
                best = scores[start:end].max(-1).values.topk(2).values
                if float(top[0] - top[1]) < 1e-4 or float(best[0] - best[1]) < 1e-5:
                    return False
    return True


def build(name, c, out):
    d = out / name
    shutil.rmtree(d, ignore_errors=True)
    d.mkdir(parents=True)
    ids, size = write_tokenizer(c, d)
    config_class = getattr(tr, c["name"] + "Config")
    names = dict(id2label=dict(enumerate(LABELS)), label2id={v: k for k, v in enumerate(LABELS)})
    if size is None:
        size = 120
    config = config_class(vocab_size=size, **ids, **c["kw"], **names)
    model = getattr(tr, c["name"] + "ForTokenClassification")(config).eval()
    config.save_pretrained(d)
    tok = tr.AutoTokenizer.from_pretrained(d)
    assert type(tok).__name__.removesuffix("Fast") == c["tokenizer"]["tokenizer_class"].removesuffix("Fast"), type(tok)
    inputs = [dict(tok(t, truncation=True, return_special_tokens_mask=True, return_offsets_mapping=tok.is_fast)) for t in TEXTS]
    assert max(max(one["input_ids"]) for one in inputs) < size and max(len(one["input_ids"]) for one in inputs) == LIMIT
    forwards = inspect.signature(type(model).forward).parameters
    for seed in range(1, 500):
        init_weights(model, 0.35, head_std=0.8, embed_std=1.0, seed=seed)
        with torch.no_grad():
            every = [model(**{k: torch.tensor([v]) for k, v in one.items() if k in forwards}).logits[0] for one in inputs]
        if clear(every, tok):
            break
    else:
        raise SystemExit(f"{name}: no seed found")
    model.save_pretrained(d)
    logits, entities = answers(model.double(), tok, inputs)

    rows = lambda values: [[round(x, 9) for x in row] for row in values.tolist()]
    expected = dict(
        case=name, model_type=config.model_type, architecture=type(model).__name__,
        reference={"transformers": tr.__version__, "torch": torch.__version__, "dtype": "float64"}, weight_seed=seed,
        labels=LABELS, texts=TEXTS, truncated=[len(tok(t)["input_ids"]) > LIMIT for t in TEXTS],
        input_ids=[one["input_ids"] for one in inputs],
        special_tokens_mask=[one["special_tokens_mask"] for one in inputs],
        offset_mapping=[one["offset_mapping"] for one in inputs] if tok.is_fast else None,
        logits=[rows(one) for one in logits], entities=entities)
    # A line for each field, for each text and for each entity.
    text = json.dumps(expected, ensure_ascii=False, indent=1)
    text = re.sub(r"\[[\s\d,.e+-]*\]|\{[^{}\[\]]*\}", lambda m: re.sub(r"\s*\n\s*", " ", m[0]), text)
    text = re.sub(r"\],\n\s+\[(?=\s*-?\d)", "], [", text)
    assert json.loads(text) == json.loads(json.dumps(expected))
    (d / "expected.json").write_text(text + "\n", encoding="utf-8")
    size = sum(f.stat().st_size for f in d.iterdir())
    print(f"{name:16} {size / 1024:5.0f} KiB  seed {seed:3}  {type(tok).__name__}  entities "
          + " ".join(f"{k} {sum(map(len, v))}" for k, v in entities.items()))
    return size


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("out", type=pathlib.Path)
    ap.add_argument("--only", default="")
    a = ap.parse_args()
    torch.set_num_threads(1)
    todo = cases()
    if a.only:
        todo = {k: todo[k] for k in a.only.split(",")}
    total = sum(build(n, c, a.out) for n, c in todo.items())
    print(f"{len(todo)} checkpoints, {total / 2**10:.0f} KiB")


if __name__ == "__main__":
    main()
