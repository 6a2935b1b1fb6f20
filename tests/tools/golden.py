#!/usr/bin/env python3
"""Golden fixtures for an encoder sequence-classification engine.

    python golden.py OUT_DIR [--only NAME,...] [--list]

Needs: torch (CPU), transformers >= 5 (4.57 also makes the older architectures but modernbert, and adds
the position_embedding_type cases), tokenizers, safetensors, numpy.  No network, no GPU.

For every case the script writes OUT_DIR/<case>/
    config.json, model.safetensors   a tiny random `*ForSequenceClassification` (f32, save_pretrained)
    tokenizer.json                   the tokenizer (tokenizers crate format; also tokenizer_config.json)
    expected.json                    texts, ids, logits, probabilities, argmax, loss (float64 digits)
    expected.safetensors             ids (i64), logits/probs/hidden_states/attentions (f32, rounded
                                     once from a float64 forward pass with eager attention)

Every weight comes from `fill` below: splitmix64 keyed by the tensor's name, so the values do not
depend on torch's generator, on initialisation order or on the library version, and any language
can regenerate them bit for bit (see `fill`).

How to compare: only positions with attention_mask == 1 are part of the contract.  Hidden states and
attention *rows* of padding queries are whatever the padded reference computed and an engine that
drops padding need not reproduce them; attention *columns* of padding keys are exactly 0 in valid rows.

Long texts (the cases made with `rows=True`) keep fewer tensors, so a reader looks at which keys exist:
expected.safetensors then has `rows` (i64, R sequence positions), `hidden_states.{i}` of shape
(batch, R, hidden) - position rows[r] of every text, valid where attention_mask[b, rows[r]] is 1 - and
neither `attentions.{i}` nor `last_hidden_state`; expected.json has no `tokens`.

Cases made with `alone=True` (expected.json: "each_text_alone": true) belong to models whose answer depends
on padding (MobileBERT looks at the next token's embedding): every text is run without padding, and the
tensors are filled up with zeros to the padded shape.
"""
import argparse, contextlib, copy, inspect, json, math, os, pathlib, re, shutil, sys, types

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import numpy as np
import torch
import torch.nn.functional as F
import transformers as tr
tr.utils.logging.disable_progress_bar()
from safetensors.torch import save_file
from tokenizers import (AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors,
                        trainers)

SEED = 0x5EED
LABELS = {0: "negative", 1: "neutral", 2: "positive"}
# one single token | one long | unicode and unknown words | a pair
TEXTS = [
    "good",
    "the quick brown fox jumps over the lazy dog, but nobody was impressed by it!",
    "Café 東京 zyzzyx 😀!",
    ("was it good?", "it was not bad at all."),
]

# ------------------------------------------------------------------------------------------- weights

M64 = (1 << 64) - 1


def fnv1a64(s: str) -> int:
    h = 0xCBF29CE484222325
    for b in s.encode():
        h = ((h ^ b) * 0x100000001B3) & M64
    return h


def fill(name: str, shape, std: float, seed: int = SEED) -> np.ndarray:
    """Uniform f32 values of standard deviation `std`, bit-exact in any language:

    key  = fnv1a64(name) XOR seed
    z    = splitmix64 output for state key + (i+1) * 0x9E3779B97F4A7C15      (i = flat index, row major)
    m    = (z >> 40) - 2^23                                                  (exact in f32)
    w[i] = f32(m) * f32(std * sqrt(3) / 2^23)                                (one f32 multiply)
    """
    n = int(np.prod(shape, dtype=np.int64)) if len(shape) else 1
    out = np.empty(n, np.float32)
    amp = np.float32(std * math.sqrt(3.0) / 2**23)
    key = np.uint64(fnv1a64(name) ^ seed)
    with np.errstate(over="ignore"):
        for lo in range(0, n, 1 << 22):
            hi = min(n, lo + (1 << 22))
            z = key + np.arange(lo + 1, hi + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
            z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
            z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            z = z ^ (z >> np.uint64(31))
            m = (z >> np.uint64(40)).astype(np.int64) - (1 << 23)
            out[lo:hi] = m.astype(np.float32) * amp
    return out.reshape(shape)


def is_norm(name: str) -> bool:
    low = name.lower()
    return "layernorm" in low or "layer_norm" in low or low.split(".")[-2].endswith("norm")


def init_weights(model, std: float, *, norm_std=0.1, bias_std=0.05, head_std=None, embed_std=None, seed=SEED):
    """Overwrite every parameter.  Norm gains are 1 + noise; biases are not zero; nothing is left default."""
    with torch.no_grad():
        for name, p in model.named_parameters():
            if is_norm(name):
                v = fill(name, tuple(p.shape), norm_std, seed)
                v = v + np.float32(1) if name.endswith("weight") else v
            elif name.endswith("bias") and p.dim() == 1:
                v = fill(name, tuple(p.shape), bias_std, seed)
            elif head_std is not None and name in ("classifier.weight", "classifier.out_proj.weight"):
                v = fill(name, tuple(p.shape), head_std, seed)
            elif embed_std is not None and "embeddings" in name.split(".")[-2]:
                v = fill(name, tuple(p.shape), embed_std, seed)
            else:
                v = fill(name, tuple(p.shape), std, seed)
            p.copy_(torch.from_numpy(v))


# ---------------------------------------------------------------------------------------- tokenizers

WORDS = """the a an and but or not no of in on at all by to it is was were movie film good bad great terrible
really quick brown fox jump over lazy dog nobody impress this product service very satisfied okay
experience fantastic absolute tokyo cost caf naive""".split()
SUFFIXES = ["s", "ed", "ing", "ly", "er", "est", "ness", "ive", "e"]
ASCII = [chr(c) for c in range(33, 127) if not chr(c).isupper()]
CORPUS = [" ".join(WORDS), "the movie was not good, but it was not bad at all.",
          "the quick brown fox jumps over the lazy dog!", "nobody was really impressed by the movie",
          "was it good? it was absolutely fantastic, a great product and a very good service"] * 3


def bert_tokenizer(specials, unk):
    vocab = specials + ASCII + ["##" + c for c in ASCII if c.isalnum()] + WORDS + ["##" + s for s in SUFFIXES if len(s) > 1]
    vocab = list(dict.fromkeys(vocab))
    tok = Tokenizer(models.WordPiece({t: i for i, t in enumerate(vocab)}, unk_token=unk, max_input_chars_per_word=100))
    tok.normalizer = normalizers.BertNormalizer(lowercase=True)
    tok.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tok.decoder = decoders.WordPiece(prefix="##")
    return tok


def bytebpe_tokenizer(specials, add_prefix_space):
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    tok.decoder = decoders.ByteLevel()
    tok.train_from_iterator(CORPUS, trainers.BpeTrainer(
        vocab_size=256 + len(specials) + 112, special_tokens=specials, show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    return tok


def unigram_tokenizer(specials, unk, lowercase, extra=()):
    pieces = [(s, 0.0) for s in specials]
    pieces += [("▁" + w, -2.0 - 0.05 * i) for i, w in enumerate(WORDS)]
    pieces += [(s, -4.0 - 0.1 * i) for i, s in enumerate(SUFFIXES) if len(s) > 1]
    pieces += [("▁", -3.5)] + [(c, -6.0 - 0.01 * i) for i, c in enumerate(ASCII)]
    pieces += [(c, -7.0) for c in ([] if lowercase else ["C", "é", "ï", "京"])]
    pieces += [(p, -3.0) for p in extra]
    tok = Tokenizer(models.Unigram(pieces, unk_id=specials.index(unk), byte_fallback=False))
    steps = [normalizers.NFKC()]
    if lowercase:
        steps = [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()]
    tok.normalizer = normalizers.Sequence(steps)
    tok.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tok.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    return tok


def with_template(tok, cls, sep, double_sep=False, pair_type=1):
    ids = {t: tok.token_to_id(t) for t in (cls, sep)}
    mid = f"{sep}:0 {sep}:{pair_type}" if double_sep else f"{sep}:0"
    tok.post_processor = processors.TemplateProcessing(
        single=f"{cls}:0 $A:0 {sep}:0", pair=f"{cls}:0 $A:0 {mid} $B:{pair_type} {sep}:{pair_type}",
        special_tokens=[(t, i) for t, i in ids.items()])
    return tok


def finish(tok, specials, roles):
    tok.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in specials])
    return tok, roles


def tk_bert():
    sp = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tok = with_template(bert_tokenizer(sp, "[UNK]"), "[CLS]", "[SEP]")
    return finish(tok, sp, dict(pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]"))


def tk_mpnet():
    sp = ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"]
    tok = with_template(bert_tokenizer(sp, "[UNK]"), "<s>", "</s>", double_sep=True, pair_type=0)
    return finish(tok, sp, dict(pad_token="<pad>", unk_token="[UNK]", cls_token="<s>", sep_token="</s>", mask_token="<mask>"))


def tk_roberta():
    sp = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tok = bytebpe_tokenizer(sp, add_prefix_space=False)
    tok.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), True, False)  # trim_offsets, add_prefix_space
    return finish(tok, sp, dict(pad_token="<pad>", unk_token="<unk>", cls_token="<s>", sep_token="</s>", mask_token="<mask>"))


def tk_xlmr():
    sp = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tok = with_template(unigram_tokenizer(sp, "<unk>", lowercase=False), "<s>", "</s>", double_sep=True, pair_type=0)
    return finish(tok, sp, dict(pad_token="<pad>", unk_token="<unk>", cls_token="<s>", sep_token="</s>", mask_token="<mask>"))


FILLER = 3000


def tk_xlmr_big():
    """As tk_xlmr, but with FILLER extra words w0 w1 ...: a word table that does not fit a small binding."""
    sp = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    tok = unigram_tokenizer(sp, "<unk>", lowercase=False, extra=[f"\u2581w{i}" for i in range(FILLER)])
    tok = with_template(tok, "<s>", "</s>", double_sep=True, pair_type=0)
    return finish(tok, sp, dict(pad_token="<pad>", unk_token="<unk>", cls_token="<s>", sep_token="</s>", mask_token="<mask>"))


def tk_albert():
    sp = ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
    tok = with_template(unigram_tokenizer(sp, "<unk>", lowercase=True), "[CLS]", "[SEP]")
    return finish(tok, sp, dict(pad_token="<pad>", unk_token="<unk>", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]"))


def tk_deberta():
    sp = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"]
    tok = with_template(unigram_tokenizer(sp, "[UNK]", lowercase=False), "[CLS]", "[SEP]")
    return finish(tok, sp, dict(pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]"))


def tk_modernbert():
    sp = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
    tok = with_template(bytebpe_tokenizer(sp, add_prefix_space=False), "[CLS]", "[SEP]", pair_type=1)
    tok.normalizer = normalizers.NFC()
    return finish(tok, sp, dict(pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", mask_token="[MASK]"))


# --------------------------------------------------------------------------------------------- cases

BASE = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
            max_position_embeddings=64, attn_implementation="eager")


# The smallest shape, for variants of an architecture.
TINY = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
            max_position_embeddings=64, attn_implementation="eager")


def case(config, model, tok, std=0.25, texts=None, rows=False, alone=False, compact=False, soft=False, **kw):
    """texts: a list, or a function of the tokenizer (default TEXTS); rows, alone: see the top of this file;
    compact: JSON with every list of numbers on one line; soft: no problem_type, and labels that are lists of numbers."""
    return dict(config=config, model=model, tok=tok, std=std, texts=texts, rows=rows, alone=alone, compact=compact,
                soft=soft, kw=kw)


def text_of(tok, length, start):
    """A text of exactly `length` tokens, special tokens included: words drawn by a fixed linear congruence."""
    words, state = [], start
    while True:
        for _ in range(200):
            state = (state * 1103515245 + 12345) % 2**31
            word = (WORDS + ["!", "?", ",", "."])[(state >> 16) % (len(WORDS) + 4)]
            n = len(tok.encode(" ".join(words + [word])).ids)
            if n <= length:
                break
        else:
            raise SystemExit("no word fits")
        words.append(word)
        if n == length:
            return " ".join(words)


def lengths(*ns):
    return lambda tok: [text_of(tok, n, i + 1) for i, n in enumerate(ns)]


def cases():
    bert = lambda **kw: case("BertConfig", "BertForSequenceClassification", tk_bert, **{**BASE, **kw})
    modern = lambda **kw: case(
        "ModernBertConfig", "ModernBertForSequenceClassification", tk_modernbert,
        **{**BASE, **dict(intermediate_size=48, local_attention=8, global_attn_every_n_layers=2,
                          global_rope_theta=160000.0, local_rope_theta=10000.0), **kw})
    out = {
        "bert": bert(),
        "bert-multilabel": bert(problem_type="multi_label_classification"),
        "bert-regression": bert(problem_type="regression", num_labels=1),
        "bert-gelu_new": bert(hidden_act="gelu_new"),
        "bert-relu": bert(hidden_act="relu"),
        "bert-silu": bert(hidden_act="silu"),
        "distilbert": case("DistilBertConfig", "DistilBertForSequenceClassification", tk_bert,
                           dim=32, n_layers=2, n_heads=4, hidden_dim=64, max_position_embeddings=64,
                           attn_implementation="eager"),
        "roberta": case("RobertaConfig", "RobertaForSequenceClassification", tk_roberta,
                        **{**BASE, **dict(type_vocab_size=1, max_position_embeddings=66, layer_norm_eps=1e-5)}),
        "xlm-roberta": case("XLMRobertaConfig", "XLMRobertaForSequenceClassification", tk_xlmr,
                            **{**BASE, **dict(type_vocab_size=1, max_position_embeddings=66, layer_norm_eps=1e-5)}),
        "electra": case("ElectraConfig", "ElectraForSequenceClassification", tk_bert, **{**BASE, **dict(embedding_size=16)}),
        "albert": case("AlbertConfig", "AlbertForSequenceClassification", tk_albert,
                       **{**BASE, **dict(embedding_size=16, num_hidden_groups=1, inner_group_num=1,
                                         hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
                                         hidden_act="gelu_new")}),
        "mpnet": case("MPNetConfig", "MPNetForSequenceClassification", tk_mpnet,
                      **{**BASE, **dict(max_position_embeddings=66, relative_attention_num_buckets=32, layer_norm_eps=1e-5)}),
        "deberta-v2": case("DebertaV2Config", "DebertaV2ForSequenceClassification", tk_deberta,
                           **{**BASE, **dict(relative_attention=True, position_buckets=8, norm_rel_ebd="layer_norm",
                                             share_att_key=True, pos_att_type=["p2c", "c2p"], position_biased_input=False,
                                             type_vocab_size=0, max_relative_positions=-1, pooler_hidden_size=32,
                                             layer_norm_eps=1e-7)}),
        "modernbert": modern(classifier_pooling="mean"),
        "modernbert-cls": modern(classifier_pooling="cls", classifier_activation="gelu"),
    }
    tiny = lambda name, tok, **kw: case(f"{name}Config", f"{name}ForSequenceClassification", tok, compact=True, **{**TINY, **kw})
    deberta = lambda **kw: tiny("DebertaV2", tk_deberta, **{**dict(
        relative_attention=True, position_buckets=8, norm_rel_ebd="layer_norm", share_att_key=True,
        pos_att_type=["p2c", "c2p"], position_biased_input=False, type_vocab_size=0, max_relative_positions=-1,
        layer_norm_eps=1e-7), **kw})
    albert = lambda **kw: tiny("Albert", tk_albert, **{**dict(
        embedding_size=8, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, hidden_act="gelu_new"), **kw})
    roberta = dict(type_vocab_size=1, max_position_embeddings=66, layer_norm_eps=1e-5)
    limit = lambda tok: [text_of(tok, 24, 1), "good", text_of(tok, 23, 2), TEXTS[3]]
    out |= {
        # texts at or near the limit
        "bert-limit": tiny("Bert", tk_bert, max_position_embeddings=24, texts=limit),
        "roberta-limit": tiny("Roberta", tk_roberta, **{**roberta, "max_position_embeddings": 26}, texts=limit),
        "modernbert-long": modern(classifier_pooling="mean", num_hidden_layers=3, max_position_embeddings=1536,
                                  local_attention=128, global_attn_every_n_layers=3, rows=True, compact=True,
                                  texts=lengths(1100, 301, 7)),
        "deberta-v2-long": deberta(position_buckets=32, max_relative_positions=256, max_position_embeddings=640,
                                   rows=True, texts=lengths(600, 257, 7)),
        "mpnet-long": tiny("MPNet", tk_mpnet, std=0.4, max_position_embeddings=322, layer_norm_eps=1e-5,
                           relative_attention_num_buckets=32, rows=True, texts=lengths(320, 129, 7)),
        # variants of an architecture
        "albert-groups": albert(num_hidden_layers=4, num_hidden_groups=2, inner_group_num=1),
        "albert-inner": albert(num_hidden_layers=2, num_hidden_groups=2, inner_group_num=2),
        "deberta-v2-conv": deberta(conv_kernel_size=3, conv_act="gelu"),
        "deberta-v2-embed": deberta(embedding_size=8),
        # a checkpoint that was cut to fewer positions than half of its buckets
        "deberta-v2-cut": deberta(position_buckets=128, soft=True),
        "deberta-v2-types": deberta(position_biased_input=True, type_vocab_size=2),
        "deberta-v2-unshared": deberta(share_att_key=False),
        "deberta-v2-c2p": deberta(pos_att_type="c2p"),
        "deberta-v2-p2c": deberta(pos_att_type=["p2c"], share_att_key=False),
        "deberta-v2-nonorm": deberta(norm_rel_ebd="none", position_buckets=-1),
        "deberta-v2-absolute": deberta(relative_attention=False, position_biased_input=True, pos_att_type=None),
        "camembert": tiny("Camembert", tk_xlmr, **roberta),
        "xlm-roberta-vocab": tiny("XLMRoberta", tk_xlmr_big, **roberta, texts=[
            "good", f"w{FILLER - 1} w0 was w{FILLER // 2} not w{FILLER // 4} good w17!", "Café 東京 zyzzyx 😀!",
            (f"was w{FILLER - 2} good?", f"w1 was not w{FILLER // 3} bad at all.")]),
        "electra-same": tiny("Electra", tk_bert, embedding_size=16),
        "distilbert-relu": case("DistilBertConfig", "DistilBertForSequenceClassification", tk_bert, dim=16, n_layers=2,
                                n_heads=2, hidden_dim=32, max_position_embeddings=64, activation="relu", compact=True,
                                sinusoidal_pos_embds=True, attn_implementation="eager"),
        "modernbert-bias": modern(compact=True, hidden_size=16, num_attention_heads=2, intermediate_size=24, classifier_pooling="mean",
                                  attention_bias=True, mlp_bias=True, norm_bias=True, classifier_bias=True),
        "roberta-regression": tiny("Roberta", tk_roberta, **roberta, problem_type="regression", num_labels=1),
        # further architectures
        "deberta": tiny("Deberta", tk_deberta, relative_attention=True, pos_att_type=["c2p", "p2c"], type_vocab_size=0,
                        position_biased_input=False, max_relative_positions=-1, layer_norm_eps=1e-7),
        "deberta-clamped": tiny("Deberta", tk_deberta, relative_attention=True, pos_att_type=["c2p", "p2c"],
                                type_vocab_size=2, position_biased_input=True, max_relative_positions=6),
        "mobilebert": tiny("MobileBert", tk_bert, hidden_size=24, embedding_size=8, intra_bottleneck_size=16,
                           num_feedforward_networks=3, hidden_act="relu", alone=True),
        "mobilebert-layernorm": tiny("MobileBert", tk_bert, hidden_size=24, embedding_size=24, intra_bottleneck_size=16,
                                     num_feedforward_networks=1, normalization_type="layer_norm", trigram_input=False,
                                     use_bottleneck_attention=True, classifier_activation=False),
    }
    rope = lambda name, tok, theta, more={}, **kw: tiny(
        name, tok, rope_parameters={"rope_type": "default", "rope_theta": theta, **more}, **kw)
    if hasattr(tr, "NomicBertConfig"):  # rotary positions that are scaled; 4.57 spells them differently
        yarn = dict(rope_type="yarn", rope_theta=100.0, factor=4.0, original_max_position_embeddings=32)
        linear = dict(rope_type="linear", rope_theta=100.0, factor=4.0)
        scaled = lambda **kw: modern(compact=True, num_attention_heads=2, intermediate_size=24, num_hidden_layers=2, **kw)
        out["modernbert-yarn"] = scaled(rope_parameters={"full_attention": yarn, "sliding_attention": yarn})
        out["modernbert-linear"] = scaled(rope_parameters={"full_attention": linear, "sliding_attention": linear})
        out["nomic-bert-dynamic"] = rope("NomicBert", tk_bert, 1000.0, dict(rope_type="dynamic", factor=2.0))
        out["gte-linear"] = rope("Gte", tk_xlmr, 100.0, linear, type_vocab_size=1)
        out["jina-v3-yarn"] = rope(
            "JinaEmbeddingsV3", tk_xlmr, 100.0, hidden_size=32, type_vocab_size=1,
            more=dict(yarn, truncate=False, mscale=1.5, mscale_all_dim=0.5, beta_fast=8))
    if hasattr(tr, "NomicBertConfig"):
        out["nomic-bert"] = rope("NomicBert", tk_bert, 1000.0)
    if hasattr(tr, "GteConfig"):
        out["gte"] = rope("Gte", tk_xlmr, 160000.0, type_vocab_size=1)
    if hasattr(tr, "JinaEmbeddingsV3Config"):
        out["jina-v3"] = rope("JinaEmbeddingsV3", tk_xlmr, 20000.0, type_vocab_size=1)
    if hasattr(tr, "EuroBertConfig"):
        out["eurobert"] = rope("EuroBert", tk_modernbert, 250000.0, num_key_value_heads=1, classifier_pooling="late")
    # Only transformers < 5 still implements these (5.x ignores the setting silently).
    if "position_embedding_type" in inspect.signature(tr.BertConfig.__init__).parameters:
        out["bert-relative_key"] = bert(position_embedding_type="relative_key")
        out["bert-relative_key_query"] = bert(position_embedding_type="relative_key_query")
        out["bert-relative_key-limit"] = tiny("Bert", tk_bert, max_position_embeddings=24, texts=limit,
                                              position_embedding_type="relative_key")
        out["bert-relative_key_query-limit"] = tiny("Bert", tk_bert, max_position_embeddings=24, texts=limit,
                                                    position_embedding_type="relative_key_query")
        out["roberta-relative_key"] = tiny("Roberta", tk_roberta, **roberta, position_embedding_type="relative_key")
        out["xlm-roberta-relative_key_query-limit"] = tiny(
            "XLMRoberta", tk_xlmr, **{**roberta, "max_position_embeddings": 26}, texts=limit,
            position_embedding_type="relative_key_query")
        out["electra-relative_key_query"] = tiny("Electra", tk_bert, embedding_size=8,
                                                 position_embedding_type="relative_key_query")
        out["albert-relative_key"] = albert(position_embedding_type="relative_key")
        out["albert-relative_key_query"] = albert(position_embedding_type="relative_key_query", num_hidden_layers=3,
                                                  num_hidden_groups=2)
    return out


# ------------------------------------------------------------------------------- true float64 forward


class Float64Torch:
    """torch, whose float is float64."""
    float = float32 = torch.float64
    __getattr__ = lambda self, name: getattr(torch, name)


def frequencies64(config, layer_type):
    """The frequencies of the rotary angles and the factor of their cosines and sines, by the library's own functions."""
    from transformers import modeling_rope_utils as rope
    parameters = config.rope_parameters if layer_type is None else config.rope_parameters[layer_type]
    if parameters["rope_type"] == "default":
        dim = config.hidden_size // config.num_attention_heads
        return 1.0 / parameters["rope_theta"] ** (torch.arange(0, dim, 2, dtype=torch.float64) / dim), 1.0
    rope.torch = Float64Torch()
    try:
        return rope.ROPE_INIT_FUNCTIONS[parameters["rope_type"]](config, None, layer_type=layer_type)
    finally:
        rope.torch = torch


@contextlib.contextmanager
def true_float64(model):
    """Neutralise the places where the library casts to float32 'up': in a float64 run they lose digits."""
    softmax, to_float = F.softmax, torch.Tensor.float
    F.softmax = lambda x, dim=None, _stacklevel=3, dtype=None: softmax(
        x, dim=dim, dtype=None if x.dtype == torch.float64 else dtype)
    torch.Tensor.float = lambda self, *a, **k: self if self.dtype == torch.float64 else to_float(self, *a, **k)
    undo = []
    if hasattr(model.base_model, "rotary_emb"):  # cos/sin are computed in f32 by the library
        rope = model.base_model.rotary_emb

        def forward(x, position_ids, layer_type=None):
            inv, factor = frequencies64(model.config, layer_type)
            ang = position_ids[..., None].double() * inv
            ang = torch.cat((ang, ang), -1)
            return ang.cos() * factor, ang.sin() * factor

        rope.forward = forward
        undo.append(lambda: rope.__dict__.pop("forward"))
    if model.config.model_type == "eurobert":  # its RMSNorm casts to float32
        norm = type(model.model.norm)
        old_norm = norm.forward
        norm.forward = lambda self, x: old_norm(self, x) if x.dtype != torch.float64 else (
            self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.variance_epsilon)))
        undo.append(lambda: setattr(norm, "forward", old_norm))
    if model.config.model_type in ("deberta", "deberta-v2"):  # sqrt(head_dim * factor) is computed in f32
        mod = sys.modules[type(model).__module__]
        old = mod.scaled_size_sqrt
        mod.scaled_size_sqrt = lambda q, f: torch.sqrt(torch.tensor(float(q.size(-1) * f), dtype=torch.float64))
        undo.append(lambda: setattr(mod, "scaled_size_sqrt", old))
    try:
        yield
    finally:
        F.softmax, torch.Tensor.float = softmax, to_float
        for u in undo:
            u()


def forward(model, inputs, labels=None):
    with torch.no_grad():
        return model(**inputs, labels=labels, output_hidden_states=True, output_attentions=True, return_dict=True)


def probabilities(logits, problem):
    if problem == "regression":
        return None
    return logits.sigmoid() if problem == "multi_label_classification" else logits.softmax(-1)


def forward_alone(model, tok, texts, pad_token, accepts, labels=None):
    """Every text without padding; hidden states and attentions filled up with zeros to one shape."""
    outs = [forward(model, {k: v for k, v in encode(tok, [t], pad_token)[1].items() if k in accepts}) for t in texts]
    n = max(o.hidden_states[0].shape[1] for o in outs)
    up = lambda x, axes: F.pad(x, [0, 0 if axes == 1 else n - x.shape[-1], 0, n - x.shape[-2]])
    stack = lambda key, axes: tuple(torch.cat([up(getattr(o, key)[i], axes) for o in outs])
                                    for i in range(len(getattr(outs[0], key))))
    logits = torch.cat([o.logits for o in outs])
    return types.SimpleNamespace(logits=logits, loss=None if labels is None else F.cross_entropy(logits, labels),
                                 hidden_states=stack("hidden_states", 1), attentions=stack("attentions", 2))


def maxerr(a, b, mask=None):
    d = (a.double() - b.double()).abs()
    return float((d[mask] if mask is not None else d).max())


# ---------------------------------------------------------------------------------------------- main


def encode(tok, texts, pad_token):
    tok.no_padding()
    if len(texts) > 1:
        tok.enable_padding(pad_id=tok.token_to_id(pad_token), pad_token=pad_token, pad_type_id=0)
    enc = tok.encode_batch(texts)
    tok.no_padding()
    return enc, {k: torch.tensor([getattr(e, a) for e in enc], dtype=torch.int64)
                 for k, a in (("input_ids", "ids"), ("token_type_ids", "type_ids"), ("attention_mask", "attention_mask"))}


def choose_seed(model, std, run):
    """The first seed for which the texts are predicted as every class, each by a clear margin."""
    for seed in range(SEED, SEED + 1000):
        init_weights(model, std, head_std=0.6, seed=seed)
        logits = run(model).logits
        if logits.shape[1] == 1:
            return seed
        top = logits.topk(2).values
        if len(set(logits.argmax(-1).tolist())) == logits.shape[1] and float((top[:, 0] - top[:, 1]).min()) > 0.25:
            return seed
    raise SystemExit("no seed found")


def build(name, c, out):
    d = out / name
    shutil.rmtree(d, ignore_errors=True)
    d.mkdir(parents=True)
    tok, roles = c["tok"]()
    tok.save(str(d / "tokenizer.json"), pretty=not c["compact"])
    ids = {f"{k}_id": tok.token_to_id(v) for k, v in roles.items() if k in ("pad_token", "cls_token", "sep_token")}
    if "modernbert" in name or "eurobert" in name:
        ids.update(bos_token_id=ids["cls_token_id"], eos_token_id=ids["sep_token_id"])
    else:
        ids = {"pad_token_id": ids["pad_token_id"]}
    kw = dict(c["kw"])
    num_labels = kw.pop("num_labels", 3)
    if num_labels == 3:
        kw.update(id2label=LABELS, label2id={v: k for k, v in LABELS.items()})
    else:
        kw.update(num_labels=num_labels)
    cfg = getattr(tr, c["config"])(vocab_size=tok.get_vocab_size(), **ids, **kw)
    model = getattr(tr, c["model"])(cfg).eval()
    assert model.config._attn_implementation == "eager", model.config._attn_implementation
    texts = c["texts"](tok) if callable(c["texts"]) else c["texts"] or TEXTS
    enc, inputs = encode(tok, texts, roles["pad_token"])
    accepts = inspect.signature(type(model).forward).parameters
    used = {k: v for k, v in inputs.items() if k in accepts}
    if c["alone"]:
        run = lambda model, labels=None: forward_alone(model, tok, texts, roles["pad_token"], accepts, labels)
    else:
        run = lambda model, labels=None: forward(model, used, labels)
    seed = choose_seed(model, c["std"], run)
    model.save_pretrained(d)
    (d / "tokenizer_config.json").write_text(json.dumps(
        {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": 64 if c["texts"] is None else inputs["input_ids"].shape[1],
         # Which transformers 5 does not list for this class.
         "model_input_names": ["input_ids", "token_type_ids", "attention_mask"], **roles}, indent=1) + "\n")

    problem = cfg.problem_type or ("soft_labels" if c["soft"] else "single_label_classification")
    labels = {"single_label_classification": torch.tensor([2, 0, 1, 1][:len(texts)]),
              "multi_label_classification": torch.tensor([[1, 0, 1], [0, 0, 0], [1, 1, 1], [0, 1, 0]]).double(),
              "soft_labels": torch.tensor([[0.25, 0.5, 0.25], [1, 0, 0], [0, 0.125, 0.875], [1, 1, 0]]).double(),
              "regression": torch.tensor([0.5, -1.25, 2.0, 0.0]).double()}[problem]

    low = {}
    for dt in (torch.float32, torch.float16, torch.bfloat16):  # the narrower ones round the f32 weights
        m = model if dt == torch.float32 else copy.deepcopy(model).to(dt)
        low[str(dt)[6:]] = run(m, labels.to(dt) if labels.is_floating_point() else labels)
    model = model.double()
    with true_float64(model):
        ref = run(model, labels)
        base = model.base_model(**used)
        alone = []
        for t in texts:
            one = encode(tok, [t], roles["pad_token"])[1]
            alone.append(forward(model, {k: v for k, v in one.items() if k in accepts}).logits[0])
        alone = torch.stack(alone)
        if c["alone"]:
            assert problem == "single_label_classification" and maxerr(alone, ref.logits) == 0.0
            padded, base = forward(model, used).logits, [ref.hidden_states[-1]]

    valid = inputs["attention_mask"].bool()
    rows = None
    if c["rows"]:
        n = valid.shape[1]
        rows = torch.tensor(sorted({0, 1, 2, 3, n - 1} | {int(v.sum()) - 1 for v in valid} | {round(i * n / 24) for i in range(24)}))
    qk = valid[:, None, :, None].expand_as(ref.attentions[0])
    probs = probabilities(ref.logits, problem)
    tensors = dict(inputs)
    tensors["labels"] = labels if not labels.is_floating_point() else labels.float()
    tensors["logits"] = ref.logits.float()
    if probs is not None:
        tensors["probabilities"] = probs.float()
    for i, h in enumerate(ref.hidden_states):
        tensors[f"hidden_states.{i}"] = (h if rows is None else h[:, rows]).float()
    if rows is None:
        for i, a in enumerate(ref.attentions):
            tensors[f"attentions.{i}"] = a.float()
        tensors["last_hidden_state"] = base[0].float()
    else:
        tensors["rows"] = rows
    if getattr(base, "pooler_output", None) is not None:
        tensors["pooler_output"] = base.pooler_output.float()
    save_file({k: v.contiguous() for k, v in tensors.items()}, d / "expected.safetensors",
              metadata={"computed_in": "float64, rounded once to float32"})  # one key: their order is not fixed

    expected = {
        "case": name, "model_type": cfg.model_type, "architecture": c["model"], "problem_type": problem,
        "reference": {"transformers": tr.__version__, "torch": torch.__version__, "dtype": "float64", "attention": "eager"},
        "texts": texts, "tokens": [e.tokens for e in enc],
        "input_ids": inputs["input_ids"].tolist(), "token_type_ids": inputs["token_type_ids"].tolist(),
        "attention_mask": inputs["attention_mask"].tolist(), "model_inputs": list(used), "weight_seed": seed, "weight_std": c["std"],
        "logits": ref.logits.tolist(), "logits_each_text_alone": alone.tolist(),
        "probabilities": None if probs is None else probs.tolist(),
        "argmax": None if problem != "single_label_classification" else ref.logits.argmax(-1).tolist(),
        "predicted_label": None if problem != "single_label_classification"
        else [cfg.id2label[i] for i in ref.logits.argmax(-1).tolist()],
        "id2label": {str(k): v for k, v in cfg.id2label.items()},
        "labels": labels.tolist(), "loss": float(ref.loss),
        "shapes": {k: list(v.shape) for k, v in tensors.items()},
        "last_hidden_state_is_last_of_hidden_states": bool(torch.equal(base[0], ref.hidden_states[-1])),
        # Max abs error of PyTorch's own CPU forward in each dtype: no tolerance below it makes sense.
        "pytorch_floor": {dt: {
            "logits": maxerr(o.logits, ref.logits),
            "hidden_states": max(maxerr(a, b, valid) for a, b in zip(o.hidden_states, ref.hidden_states)),
            "attentions": max(maxerr(a, b, qk) for a, b in zip(o.attentions, ref.attentions)),
            "loss": abs(float(o.loss) - float(ref.loss))} for dt, o in low.items()},
        "padding_effect_on_logits_float64": maxerr(alone, ref.logits),
    }
    text = json.dumps(expected, ensure_ascii=False, indent=1)
    if c["alone"]:
        expected["each_text_alone"], expected["logits_padded"] = True, padded.tolist()
        expected["padding_effect_on_logits_float64"] = maxerr(padded, ref.logits)
    if rows is not None:
        del expected["tokens"]
    if c["compact"]:
        text = json.dumps(expected, ensure_ascii=False, indent=1)
        text = re.sub(r"\[[\s\d,.e+-]*\]", lambda m: re.sub(r"\s+", " ", m[0]).replace("[ ", "[").replace(" ]", "]"), text)
    (d / "expected.json").write_text(text + "\n", encoding="utf-8")

    # The fixture must be what the library itself loads and tokenizes.
    hf = tr.AutoTokenizer.from_pretrained(d)
    for t, e in zip(texts, enc):
        n = sum(e.attention_mask)
        got = hf(*t) if isinstance(t, tuple) else hf(t)
        assert got["input_ids"] == e.ids[:n] and got["token_type_ids"] == e.type_ids[:n], (name, t, got, e.ids)
    again = tr.AutoModelForSequenceClassification.from_pretrained(d, attn_implementation="eager").double().eval()
    with true_float64(again):
        assert maxerr(run(again).logits, ref.logits) == 0.0, name
    size = sum(f.stat().st_size for f in d.iterdir())
    spread = float(ref.logits.std(0).mean())
    print(f"{name:24} {size/1024:6.0f} KiB  seq {inputs['input_ids'].shape[1]:3}  vocab {cfg.vocab_size:4}  "
          f"argmax {expected['argmax']}  logit spread {spread:.3f}  floor "
          + " ".join(f"{k} {v['logits']:.1e}/{v['hidden_states']:.1e}" for k, v in expected["pytorch_floor"].items())
          + f"  pad {expected['padding_effect_on_logits_float64']:.1e}")
    return size


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("out", type=pathlib.Path)
    ap.add_argument("--only", default="")
    ap.add_argument("--list", action="store_true")
    a = ap.parse_args()
    torch.set_num_threads(1)
    todo = cases()
    if a.list:
        print(*todo, sep="\n")
        return
    if a.only:
        todo = {k: todo[k] for k in a.only.split(",")}
    total = sum(build(n, c, a.out) for n, c in todo.items())
    print(f"{len(todo)} fixtures, {total/2**20:.2f} MiB")


if __name__ == "__main__":
    main()
