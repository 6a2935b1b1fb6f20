#!/usr/bin/env python3
"""What AutoTokenizer makes of folders: python folders.py ../tokenization/folders.json

Fills in the answers of the transformers that runs it (4.57 or 5); run it with both, one after the other.  Needs transformers,
tokenizers, sentencepiece, protobuf, and emoji 0.6.0, which BERTweet's class asks for.

A case is a folder: config.json, into which the reader puts the version's number, and the tokenizer's files.  Of each text (two make a
pair), "4.57" and "5", or "both" where they agree, have the ids and, where any has the type 1, how many before it have the type 0; a text
stands for the error where the folder, or a text of it, fails.  "refused" has words of the refusal where we read no such folder although
transformers makes something of it.  Contents of files and answers stand once each, in "contents" and "rows".
"""
import base64, json, os, pathlib, random, sys, tempfile, types, zlib

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TRANSFORMERS_VERBOSITY="error")
import transformers as tr
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

# The slow class of HerBERT, of which 4.57 makes the fast one, imports it and does without.
sys.modules.setdefault("sacremoses", types.ModuleType("sacremoses"))
VERSION = "4.57" if tr.__version__.startswith("4.57") else "5"
WORDS = "the film was good bad great dull not it very plot and actors".split()
LETTERS = [chr(c) for c in range(ord("a"), ord("z") + 1)]
CAPITALS = [letter.upper() for letter in LETTERS]
SIGNS = list("[]!,.?<>/") + ["é", "É", "京", "东", "ﬁ"]
BERT = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[E1]"] + SIGNS + LETTERS + CAPITALS + ["##" + c for c in LETTERS + CAPITALS] + WORDS
MPNET = ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"] + BERT[5:]
ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
MARKS = dict(unk_token="[UNK]", sep_token="[SEP]", pad_token="[PAD]", cls_token="[CLS]", mask_token="[MASK]")
ANGLES = dict(bos_token="<s>", eos_token="</s>", unk_token="<unk>", sep_token="</s>", pad_token="<pad>", cls_token="<s>", mask_token="<mask>")
TEXTS = [
    "the film was Good", " Café  naïve 東京 京", "great [SEP] plot", "the [E1] film[E1]!", "a [MASK]  b <mask> c</s>", "[e1] [sep] <MASK>",
    "", "the NEW1 film new1 xNEW1y [E2] ", "tab\tnew\nline\u00a0nbsp ﬁ", ["the film", "was dull"], ["a [SEP] b", "[E1] Bad"], ["", "good"],
]


def flags(content, **given):
    return {"content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True, **given}


def listed(tokens):
    return [AddedToken(t, special=True, normalized=False) if isinstance(t, str) else t for t in tokens]


def wordpiece(lowercase=True, vocab=BERT, marks=MARKS, list_marks=True, normalizer="bert", strip=None, chinese=True, typed=True):
    made = Tokenizer(models.WordPiece({t: i for i, t in enumerate(vocab)}, unk_token="[UNK]"))
    if normalizer == "bert":
        made.normalizer = normalizers.BertNormalizer(lowercase=lowercase, strip_accents=strip, handle_chinese_chars=chinese)
    elif normalizer:
        made.normalizer = normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()])
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    cls, sep = marks["cls_token"], marks["sep_token"]
    if typed:
        made.post_processor = processors.TemplateProcessing(f"{cls}:0 $A:0 {sep}:0", f"{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1",
                                                            [(cls, vocab.index(cls)), (sep, vocab.index(sep))])
    else:
        made.post_processor = processors.RobertaProcessing((sep, vocab.index(sep)), (cls, vocab.index(cls)))
    if list_marks:
        made.add_tokens(listed(dict.fromkeys(marks.values())))
    return made


def alphabet():
    return sorted(pre_tokenizers.ByteLevel.alphabet())


MERGES = [("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("g", "o"), ("go", "o"), ("Ġ", "g"), ("f", "i"), ("l", "m"), ("fi", "lm"), ("Ġ", "film")]


def byte_vocab(first=tuple(ROBERTA)):
    return {t: i for i, t in enumerate(dict.fromkeys(list(first) + alphabet() + ["".join(pair) for pair in MERGES]))}


def byte_level(add_prefix_space=False, first=tuple(ROBERTA), double=True, mask=None):
    vocab = byte_vocab(first)
    made = Tokenizer(models.BPE(vocab, MERGES, continuing_subword_prefix="", end_of_word_suffix=""))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    made.decoder = decoders.ByteLevel()
    cls, sep = ("<s>", "</s>") if double else ("[CLS]", "[SEP]")
    if double:
        made.post_processor = processors.RobertaProcessing((sep, vocab[sep]), (cls, vocab[cls]))
    else:
        made.post_processor = processors.TemplateProcessing("[CLS]:0 $A:0 [SEP]:0", "[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1", [(cls, vocab[cls]), (sep, vocab[sep])])
    made.add_tokens(listed([t for t in first if t not in ("<mask>", "[MASK]")] + [mask or first[-1]]))
    return made


def unigram(first, unk, cls, sep, double, normalizer=None, pre=None, mask=None):
    pieces = [(t, 0.0) for t in first] + [("▁" + w, -3.0 - 0.01 * i) for i, w in enumerate(WORDS)]
    pieces += [(c, -8.0 - 0.01 * i) for i, c in enumerate(["▁"] + LETTERS + CAPITALS + SIGNS)]
    made = Tokenizer(models.Unigram(pieces, unk_id=first.index(unk), byte_fallback=False))
    if normalizer:
        made.normalizer = normalizer
    made.pre_tokenizer = pre or pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    pair = f"{cls} $A {sep} {sep} $B {sep}" if double else f"{cls}:0 $A:0 {sep}:0 $B:1 {sep}:1"
    made.post_processor = processors.TemplateProcessing(f"{cls} $A {sep}", pair, [(cls, first.index(cls)), (sep, first.index(sep))])
    made.add_tokens(listed([t for t in first if t not in ("<mask>", "[MASK]") and "NOTUSED" not in t] + [mask or first[-1]]))
    return made


# SentencePiece's map of a few characters: ﬁ to fi, Ａ to A, ① to 1, É to e, a wide space to a space.
CHARACTERS = normalizers.Precompiled(zlib.decompress(base64.b64decode(
    "eNoV02XQFkQQAOCblxj+wAASwlCDNApIK0g3CApSSjeohErXS/PRICWNdEh3d5c0iop0d/fz3cwzt7N7d39uN8QNISSIE3Zmi4SYeCHEDyE6un8kzEgYQkQcLRoJUXkrul"
    "imT1rHxTPVXY0mUkhCYj4gKclJRkpSkIoP2XQ2ElLbPRHSkJ50XDwZCZcmRsJH4oxkJhNZyUJ2spGTHHzCvY8jIbc9F5+Sh3zkpQD5KURBPqMwRficLyhKcYpRkhKUphRl"
    "KUN5ylGRClSmEl9ShWpU5Wu+ogbVqck31KYWdanDd3xLferRkAY0phFNaUJzmtGSFrSmFd/Thh/5gXa0pQPt+Zmf6MgvdKYTXelCd7rRkx70phd9Yj+XfvRlAP0ZxEBiGM"
    "xQhjCcYYxkBKMZxa+MYRxjmcB4fmMik5nEVKYwnWnMZAaz+J05zGYec1nAfBaxkD9YzFKWsJxlrGQFq1nFWtawnnVsZAObY3uRrWxhO9vYyQ52s4u97GE/+zjIAQ5ziKMc"
    "4U+OcYLjnOIkZzjNOc7yN3/xD+f5j3/5nwtcip0FrnCZa1zlBte5xU3ucDt2BrjLA+7ziIc84THPeMoLnvOKl7zhNe94SwYTVFLXtWgd3gNwk49c")))
XLMR = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
CAMEMBERT = ["<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>", "<mask>"]
ALBERT = ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"]
DEBERTA_V2 = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LSTRIP = AddedToken("<mask>", lstrip=True, special=True, normalized=False)


def sources():
    """tokenizer.json by a name, each as one saves it."""
    spaces = normalizers.Replace(Regex(" {2,}"), " ")
    return {
        "bert": wordpiece(), "bert-cased": wordpiece(lowercase=False), "bert-bare": wordpiece(list_marks=False),
        "bert-accents": wordpiece(strip=False), "bert-together": wordpiece(chinese=False), "bert-other-normalizer": wordpiece(normalizer="other"),
        "bert-no-normalizer": wordpiece(normalizer=None),
        "mpnet": wordpiece(vocab=MPNET, marks={**ANGLES, "unk_token": "[UNK]"}, typed=False),
        "roberta": byte_level(mask=LSTRIP), "roberta-prefix": byte_level(add_prefix_space=True, mask=LSTRIP), "roberta-mask": byte_level(),
        "deberta": byte_level(first=("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"), double=False),
        "xlmr": unigram(XLMR, "<unk>", "<s>", "</s>", True, normalizers.Sequence([normalizers.NFKC(), spaces]), mask=LSTRIP),
        "xlmr-meta": unigram(XLMR, "<unk>", "<s>", "</s>", True, None, pre_tokenizers.Metaspace(), mask=LSTRIP),
        "xlmr-map": unigram(XLMR, "<unk>", "<s>", "</s>", True, normalizers.Sequence([CHARACTERS, spaces]), mask=LSTRIP),
        "camembert-map": unigram(CAMEMBERT, "<unk>", "<s>", "</s>", True, CHARACTERS, pre_tokenizers.Metaspace(), mask=LSTRIP),
        "albert-map": unigram(ALBERT, "<unk>", "[CLS]", "[SEP]", False, normalizers.Sequence([normalizers.Lowercase(), CHARACTERS]), pre_tokenizers.Metaspace()),
        "deberta-v2-map": unigram(DEBERTA_V2, "[UNK]", "[CLS]", "[SEP]", False, normalizers.Sequence([CHARACTERS, normalizers.Strip()])),
        "camembert": unigram(CAMEMBERT, "<unk>", "<s>", "</s>", True, None, pre_tokenizers.Metaspace(), mask=LSTRIP),
        "albert": unigram(ALBERT, "<unk>", "[CLS]", "[SEP]", False,
                          normalizers.Sequence([normalizers.Replace("``", '"'), normalizers.Replace("''", '"'), normalizers.NFKD(),
                                                normalizers.StripAccents(), normalizers.Lowercase(), spaces]), pre_tokenizers.Metaspace(),
                          mask=AddedToken("[MASK]", lstrip=True, special=True, normalized=False)),
        "deberta-v2": unigram(DEBERTA_V2, "[UNK]", "[CLS]", "[SEP]", False, normalizers.Sequence([normalizers.Strip(), spaces]),
                              pre_tokenizers.Sequence([pre_tokenizers.Metaspace()])),
    }


SOURCES = {name: made.to_str() for name, made in sources().items()}
VOCAB = {
    "vocab.txt": "\n".join(BERT) + "\n", "mpnet": "\n".join(MPNET) + "\n",
    "vocab.json": json.dumps(byte_vocab(), ensure_ascii=False), "merges.txt": "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in MERGES),
    "deberta": json.dumps(byte_vocab(("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")), ensure_ascii=False),
}
HERBERT = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"] + LETTERS + SIGNS + [c + "</w>" for c in LETTERS + SIGNS] + ["go", "goo", "good</w>", "fi", "fil", "film</w>"]
VOCAB["herbert"] = json.dumps({t: i for i, t in enumerate(HERBERT)}, ensure_ascii=False)
VOCAB["herbert-merges"] = "#version: 0.2\ng o\ngo o\ngoo d</w>\nf i\nfi l\nfil m</w>\n"
VOCAB["tweet"] = "good 100\nfilm 90\nba@@ 50\nd 40\ng@@ 3\no@@ 3\nf@@ 2\ni@@ 2\nl@@ 2\nm 2\n@USER 9\nHTTPURL 9\n:red_heart: 3\n. 9\n! 3\na 3\nn't 3\n... 2\n😀 1\n"
VOCAB["tweet-codes"] = "g o 10\ngo o 9\ngoo d</w> 8\nf i 7\nfi l 6\nfil m</w> 5\nb a 4\n"


def json_file(name):
    return {"tokenizer.json": SOURCES[name]}


def case(files, config=None, model="bert", texts=None, refused=None, **model_config):
    files = dict(files)
    if config is not None:
        files["tokenizer_config.json"] = config
    return {"config": {"model_type": model, **model_config}, "files": files, "texts": texts or TEXTS, **({"refused": refused if isinstance(refused, dict) else {"4.57": refused, "5": refused}} if refused else {})}


# Which tokenizer.json a class is at home with, and which model has it.
HOMES = {
    "BertTokenizer": ("bert", "bert"), "DistilBertTokenizer": ("bert", "distilbert"), "ElectraTokenizer": ("bert", "electra"),
    "MobileBertTokenizer": ("bert", "mobilebert"), "MPNetTokenizer": ("mpnet", "mpnet"), "RobertaTokenizer": ("roberta", "roberta"),
    "XLMRobertaTokenizer": ("xlmr", "xlm-roberta"), "CamembertTokenizer": ("camembert", "camembert"), "AlbertTokenizer": ("albert", "albert"),
    "DebertaV2Tokenizer": ("deberta-v2", "deberta-v2"), "DebertaTokenizer": ("deberta", "deberta"),
    "PreTrainedTokenizerFast": ("bert", "modernbert"),
}
VOCABULARIES = {
    "BertTokenizer": ({"vocab.txt": VOCAB["vocab.txt"]}, "bert"), "DistilBertTokenizer": ({"vocab.txt": VOCAB["vocab.txt"]}, "distilbert"),
    "MPNetTokenizer": ({"vocab.txt": VOCAB["mpnet"]}, "mpnet"),
    "RobertaTokenizer": ({"vocab.json": VOCAB["vocab.json"], "merges.txt": VOCAB["merges.txt"]}, "roberta"),
    "DebertaTokenizer": ({"vocab.json": VOCAB["deberta"], "merges.txt": VOCAB["merges.txt"]}, "deberta"),
    "HerbertTokenizer": ({"vocab.json": VOCAB["herbert"], "merges.txt": VOCAB["herbert-merges"]}, "bert"),
    "PhobertTokenizer": ({"vocab.txt": VOCAB["tweet"], "bpe.codes": VOCAB["tweet-codes"]}, "roberta"),
    "BertweetTokenizer": ({"vocab.txt": VOCAB["tweet"], "bpe.codes": VOCAB["tweet-codes"]}, "roberta"),
}


def made_cases():
    cases = {}
    # The classes, each over its own file, by each of its names, and by the model's type alone.
    for name, (source, model) in HOMES.items():
        for spelling in dict.fromkeys([name, name.removesuffix("Fast") + "Fast"]):
            cases[f"{spelling} over {source}"] = case(json_file(source), {"tokenizer_class": spelling}, model)
        cases[f"{name} in config.json"] = case(json_file(source), {}, model, tokenizer_class=name)
        cases[f"{model} without a class"] = case(json_file(source), None, model)
        cases[f"{name} with types"] = case(json_file(source), {"tokenizer_class": name, "model_input_names": ["input_ids", "token_type_ids", "attention_mask"]}, model)
        cases[f"{name} without types"] = case(json_file(source), {"tokenizer_class": name, "model_input_names": ["input_ids", "attention_mask"]}, model)
    cases["TokenizersBackend over bert"] = case(json_file("bert"), {"tokenizer_class": "TokenizersBackend", "backend": "tokenizers"})
    cases["TokenizersBackend over albert"] = case(json_file("albert"), {"tokenizer_class": "TokenizersBackend", "backend": "tokenizers"}, "albert")
    # A class over another's file.
    for name in ("BertTokenizer", "DistilBertTokenizer", "RobertaTokenizer", "XLMRobertaTokenizer", "CamembertTokenizer", "MPNetTokenizer",
                 "AlbertTokenizer", "DebertaV2Tokenizer", "DebertaTokenizer", "PreTrainedTokenizerFast", "ElectraTokenizer"):
        for source in ("bert", "roberta", "xlmr", "albert"):
            if HOMES[name][0] != source:
                cases[f"{name} over {source}"] = case(json_file(source), {"tokenizer_class": name})
    for model in ("roberta", "xlm-roberta", "albert", "distilbert", "modernbert"):
        cases[f"BertTokenizer of {model}"] = case(json_file("bert"), {"tokenizer_class": "BertTokenizer", **MARKS}, model)
    # The normalizer of a class and that of the file.
    for source in ("bert", "bert-cased", "bert-accents", "bert-together", "bert-other-normalizer", "bert-no-normalizer"):
        for fields in ({}, {"do_lower_case": False}, {"do_lower_case": True}, {"strip_accents": False}, {"strip_accents": True}, {"tokenize_chinese_chars": False}):
            cases[f"BertTokenizer over {source} {fields}"] = case(json_file(source), {"tokenizer_class": "BertTokenizer", **fields})
            cases[f"generic over {source} {fields}"] = case(json_file(source), {"tokenizer_class": "PreTrainedTokenizerFast", **fields})
    cases["MPNet cased"] = case(json_file("mpnet"), {"tokenizer_class": "MPNetTokenizer", "do_lower_case": False, "tokenize_chinese_chars": False}, "mpnet")
    for fields in ({"do_lower_case": False}, {"keep_accents": True}):
        cases[f"Albert {fields}"] = case(json_file("albert"), {"tokenizer_class": "AlbertTokenizer", **fields}, "albert")
    for fields in ({"do_lower_case": True}, {"split_by_punct": True}):
        cases[f"DebertaV2 {fields}"] = case(json_file("deberta-v2"), {"tokenizer_class": "DebertaV2Tokenizer", **fields}, "deberta-v2")
    # The space before the first word.
    for source in ("roberta", "roberta-prefix"):
        for name in ("RobertaTokenizer", "PreTrainedTokenizerFast", "DebertaTokenizer"):
            for fields in ({}, {"add_prefix_space": True}, {"add_prefix_space": False}):
                cases[f"{name} over {source} {fields}"] = case(json_file(source), {"tokenizer_class": name, **ANGLES, **fields}, "roberta")
    for name, source in (("XLMRobertaTokenizer", "xlmr"), ("CamembertTokenizer", "camembert"), ("AlbertTokenizer", "albert"), ("DebertaV2Tokenizer", "deberta-v2")):
        cases[f"{name} no prefix"] = case(json_file(source), {"tokenizer_class": name, "add_prefix_space": False}, HOMES[name][1])
        cases[f"{name} with a map"] = case(json_file(source + "-map"), {"tokenizer_class": name}, HOMES[name][1],
                                          ["the ﬁlm", "Ａ①É\u3000x", " ﬁ  ①  <mask> É", ["É", "ﬁ"]])
    cases["XLM-R over Metaspace"] = case(json_file("xlmr-meta"), {"tokenizer_class": "XLMRobertaTokenizer"}, "xlm-roberta")
    cases["Roberta mask as listed"] = case(json_file("roberta-mask"), {"tokenizer_class": "RobertaTokenizer"}, "roberta")
    # Tokens beside the file.
    kinds = {
        "additional": {"additional_special_tokens": ["[E1]", "[E2]"]}, "extra list": {"extra_special_tokens": ["[E1]", "NEW1"]},
        "extra object": {"extra_special_tokens": {"z_token": "[E2]", "a_token": "[E1]"}}, "own name": {"image_token": "[E2]", "b_token": "[E1]"},
        "decoder": {"added_tokens_decoder": {"5": flags("[E1]")}}, "decoder plain": {"added_tokens_decoder": {"5": flags("[E1]", special=False, normalized=True)}},
        "decoder new": {"added_tokens_decoder": {"200": flags("NEW1", special=False, lstrip=True), "5": flags("[E1]")}},
        "decoder single": {"added_tokens_decoder": {"5": flags("[E1]", single_word=True, rstrip=True)}},
        "split": {"split_special_tokens": True}, "split added": {"split_special_tokens": True, "additional_special_tokens": ["[E1]"]},
        "sep none": {"sep_token": None}, "other mask": {"mask_token": "[E1]"},
        "flagged": {"mask_token": {"__type": "AddedToken", **flags("[E1]", lstrip=True)}},
        "additional flagged": {"additional_special_tokens": [{"__type": "AddedToken", **flags("[E1]", rstrip=True)}, "[E2]"]},
    }
    for kind, fields in kinds.items():
        # Of a null, 5 makes the token "None".
        null = {"5": "needs a sep_token"} if None in fields.values() else None
        for source in ("bert", "bert-bare", "bert-cased"):
            cases[f"{kind} over {source}"] = case(json_file(source), {"tokenizer_class": "BertTokenizer", **MARKS, **fields}, refused=null)
        cases[f"{kind} generic"] = case(json_file("bert-bare"), {"tokenizer_class": "PreTrainedTokenizerFast", **MARKS, **fields})
        cases[f"{kind} of vocab.txt"] = case(VOCABULARIES["BertTokenizer"][0], {"tokenizer_class": "BertTokenizer", **fields}, refused=null)
    maps = {
        "map": {"special_tokens_map.json": {**MARKS, "additional_special_tokens": ["[E1]", "NEW1"]}},
        "map flagged": {"special_tokens_map.json": {"additional_special_tokens": [flags("[E1]", lstrip=True)], "mask_token": flags("[E2]", rstrip=True)}},
        "map extra": {"special_tokens_map.json": {"extra_special_tokens": ["[E1]", flags("NEW1", rstrip=True)]}},
        "map extra object": {"special_tokens_map.json": {"extra_special_tokens": {"y": "NEW1", "x": "[E1]"}}},
        "added": {"added_tokens.json": {"[E1]": 5}}, "added new": {"added_tokens.json": {"NEW1": 200, "[E1]": 5, "zz": 140}},
        "added special": {"added_tokens.json": {"[E1]": 5, "[E2]": 300}, "special_tokens_map.json": {"additional_special_tokens": ["[E2]"]}},
        "added mask": {"added_tokens.json": {"[E2]": 300}, "special_tokens_map.json": {"mask_token": "[E2]"}},
    }
    for kind, beside in maps.items():
        for base, fields in (("bert", {}), ("bert-bare", MARKS), ("vocab.txt", {})):
            files = VOCABULARIES["BertTokenizer"][0] if base == "vocab.txt" else json_file(base)
            cases[f"{kind} beside {base}"] = case({**files, **beside}, {"tokenizer_class": "BertTokenizer", **fields})
        cases[f"{kind} beside a decoder"] = case({**json_file("bert"), **beside}, {"tokenizer_class": "BertTokenizer", "added_tokens_decoder": {"5": flags("[E1]")}})
        cases[f"{kind} beside two lists"] = case({**json_file("bert"), **beside}, {"tokenizer_class": "BertTokenizer", "additional_special_tokens": ["plot", "[E1]"]})
    # Vocabularies without tokenizer.json.
    for name, (files, model) in VOCABULARIES.items():
        for spelling in (name, name + "Fast"):
            cases[f"{spelling} of a vocabulary"] = case(files, {"tokenizer_class": spelling}, model)
        cases[f"{name} of a vocabulary, with types"] = case(files, {"tokenizer_class": name, "model_input_names": ["input_ids", "token_type_ids"]}, model)
        cases[f"{name} of a vocabulary, in config.json"] = case(files, None, model, tokenizer_class=name)
        cases[f"{name} of a vocabulary, all"] = case(
            {**files, "added_tokens.json": {"NEW1": 900, "<mask>": 14}, "special_tokens_map.json": {"additional_special_tokens": ["[E1]"]}},
            {"tokenizer_class": name, "do_lower_case": False, "add_prefix_space": True}, model)
        # 5 has a vocabulary of five tokens where it finds none.
        other = {"5": "is not read from it"} if name in ("HerbertTokenizer", "PhobertTokenizer", "BertweetTokenizer") else None
        cases[f"{name} of a vocabulary, by the model"] = case(files, {}, model, refused=other)
    for fields in ({"do_lower_case": False}, {"strip_accents": False}, {"tokenize_chinese_chars": False}, {"do_basic_tokenize": False}):
        cases[f"vocab.txt {fields}"] = case(VOCABULARIES["BertTokenizer"][0], {"tokenizer_class": "BertTokenizer", **fields})
    cases["vocab.txt of a Mac"] = case({"vocab.txt": VOCAB["vocab.txt"].replace("\n", "\r\n")}, {"tokenizer_class": "BertTokenizer"})
    cases["vocab.txt without a mask"] = case({"vocab.txt": VOCAB["vocab.txt"].replace("[MASK]\n", "")}, {"tokenizer_class": "BertTokenizer", "additional_special_tokens": ["[E2]"]})
    cases["RobertaTokenizer of vocab.txt"] = case(VOCABULARIES["BertTokenizer"][0], {"tokenizer_class": "RobertaTokenizer"}, refused="is not read from it")
    cases["BertTokenizer of vocab.json"] = case(VOCABULARIES["RobertaTokenizer"][0], {"tokenizer_class": "BertTokenizer"}, refused="is not read from it")
    cases["generic of vocab.txt"] = case(VOCABULARIES["BertTokenizer"][0], {"tokenizer_class": "PreTrainedTokenizerFast"})
    cases["BertweetTokenizer beside tokenizer.json"] = case({**VOCABULARIES["BertweetTokenizer"][0], **json_file("roberta")}, {"tokenizer_class": "BertweetTokenizer"}, "roberta")
    cases["BertweetTokenizer with only tokenizer.json"] = case(json_file("roberta"), {"tokenizer_class": "BertweetTokenizer"}, "roberta")
    # Others' classes.
    cases["a class of nobody"] = case(json_file("bert"), {"tokenizer_class": "SyllableTokenizer"})
    cases["code"] = case(json_file("bert"), {"tokenizer_class": "SyllableTokenizer", "auto_map": {"AutoTokenizer": ["tok.Syllable", None]}}, refused="auto_map")
    cases["code of vocab.txt"] = case(VOCABULARIES["BertTokenizer"][0], {"tokenizer_class": "SyllableTokenizer", "auto_map": {"AutoTokenizer": ["tok.Syllable", None]}}, refused="auto_map")
    cases["code of a known class"] = case(json_file("bert"), {"tokenizer_class": "BertTokenizer", "auto_map": ["tok.Syllable", None]}, refused="auto_map")
    cases["Japanese"] = case({"vocab.txt": VOCAB["vocab.txt"]}, {"tokenizer_class": "BertJapaneseTokenizer", "word_tokenizer_type": "basic", "subword_tokenizer_type": "character"},
                             refused="BertJapaneseTokenizer")
    for name in ("T5Tokenizer", "RoFormerTokenizer", "LlamaTokenizerFast", "FunnelTokenizer"):
        cases[name] = case(json_file("xlmr" if name[0] in "TL" else "bert"), {"tokenizer_class": name}, refused=name.removesuffix("Fast"))
    return cases


def tweets():
    """Texts that BERTweet's normalization changes, each in its own way."""
    return [
        "good film", "GOOD film!!!!!! soooo", "@someone see http://t.co/abc?x=1 and www.example.com/a_(b)", "I can't, don't, ain't; cannot go", "it's 5 p.m. now, 10 a.m.",
        "<3 :-) :D ;P =/ 8) >:( (: D:", "&lt;3 &amp; &#33; &#x41; &#128; &nbsp; &bogus; &#xZZ; &#129;", "a… b’s “c”", "#hash_tag #1 ##x-y'z #", "me@mail.example.com @_ @ x@y",
        "call 555-123-4567 or +1 (555) 123 4567", "1,000.5 3/4 -5 +7- 10:30", "well-known rock'n'roll _under_ naïve É", "--> <-- ->x <b> </b>", ". . . .. …… ", "❤ 😀 😂😂 👍🏽 🇩🇪 ❤️",
        "I'm we're she'll he'd they've 's", "example.com foo.na@example.com a.b.co/ x.toolongdomainnamehere", "京都 東京!", "ba d\nba\n\nd", "", "(((((( ))))))))) 😀😀😀😀😀", "HTTP:/x HTTPS:%20 wwwhat httpx",
        ["good @you", "film http://x.y"], "it ' s n ' t n 't cannotgo", "p . m . a . m a . m .", "x\u200dy \ufeffz \u00ad- \u00a0", "𝔞𝔟 ①② ٣٤ Ⅷ",
    ]


def tweet_cases():
    files, model = VOCABULARIES["BertweetTokenizer"]
    letters = "".join(f"{c}@@ 1\n{c} 1\n" for c in LETTERS + CAPITALS + list("0123456789@#&;:'-_./!,()<>[]{}|\\=+*%\"`~^$?…’“”❤京東都éÉï"))
    files = {**files, "vocab.txt": VOCAB["tweet"] + letters + "".join(f"{w} 1\n" for w in (":grinning_face: :face_with_tears_of_joy: :thumbs_up: 's 'm 're 'll 'd 've <3 :-) :D can't ain't p.m. a.m.").split())}
    return {
        "normalized tweets": case(files, {"tokenizer_class": "BertweetTokenizer", "normalization": True}, model, tweets()),
        "plain tweets": case(files, {"tokenizer_class": "BertweetTokenizer"}, model, tweets()),
        "tweets with marks": case({**files, "added_tokens.json": {"<mask>": 400, "NEW1": 401}}, {"tokenizer_class": "BertweetTokenizer", "normalization": True}, model,
                                  ["a <mask> b", "good<mask>", "a\n <mask>\nb", "NEW1 good NEW1x", "</s> <s>", ["<mask>", "good"]]),
        "Vietnamese": case(files, {"tokenizer_class": "PhobertTokenizer"}, model, tweets()[:8] + ["a\nb", " \n a", "x\x1cy\x85z\u2028w"]),
    }


def random_cases(count):
    """Folders of which each thing is as somebody might have it."""
    chance = random.Random(9)
    cases = {}
    for number in range(count):
        name = chance.choice(list(HOMES))
        source, model = HOMES[name]
        if chance.random() < 0.15:
            source = chance.choice(["bert", "bert-cased", "bert-bare", "roberta", "xlmr", "mpnet", "camembert"])
        files = json_file(source)
        if chance.random() < 0.3 and name in VOCABULARIES:
            files = dict(VOCABULARIES[name][0])
        if chance.random() < 0.1:
            model = chance.choice(["bert", "roberta", "albert", "distilbert", "electra"])
        angles = source in ("roberta", "xlmr", "mpnet", "camembert", "roberta-prefix")
        marks = ANGLES if angles else MARKS
        tokens = ["[E1]", "[E2]", "NEW1", "zz", "plot", "<x>", "é", "Good", marks["mask_token"], marks["sep_token"]]

        def token(kind):
            content = chance.choice(tokens)
            if kind == "text" or (kind == "either" and chance.random() < 0.6):
                return content
            given = {flag: True for flag in ("single_word", "lstrip", "rstrip", "normalized") if chance.random() < 0.25}
            return flags(content, **given, special=chance.random() < 0.7)

        def typed(value):
            return {"__type": "AddedToken", **value} if isinstance(value, dict) else value

        config = {"tokenizer_class": name + ("Fast" if chance.random() < 0.3 and not name.endswith("Fast") else "")} if chance.random() < 0.85 else {}
        if chance.random() < 0.5:
            config |= marks
        for field, values in (("do_lower_case", [True, False]), ("strip_accents", [None, True, False]), ("add_prefix_space", [True, False]),
                              ("tokenize_chinese_chars", [True, False]), ("split_special_tokens", [True]), ("truncation_side", ["left"]), ("keep_accents", [True])):
            if chance.random() < 0.15:
                config[field] = chance.choice(values)
        if chance.random() < 0.25:
            config["additional_special_tokens"] = [typed(token("either")) for _ in range(chance.randint(1, 3))]
        if chance.random() < 0.1:
            config["extra_special_tokens"] = {f"{chance.choice('pqrst')}{i}_token": token("text") for i in range(chance.randint(1, 3))}
        if chance.random() < 0.15:
            config[chance.choice(["mask_token", "sep_token", "bos_token"])] = typed(token("flags"))
        if chance.random() < 0.3:
            config["added_tokens_decoder"] = {str(chance.randint(0, 250)): token("flags") for _ in range(chance.randint(1, 4))}
        if chance.random() < 0.2:
            files["added_tokens.json"] = {chance.choice(tokens): chance.randint(0, 250) for _ in range(chance.randint(1, 4))}
        if chance.random() < 0.3:
            value = dict(marks) if chance.random() < 0.5 else {}
            if chance.random() < 0.5:
                value["additional_special_tokens"] = [token("either") for _ in range(chance.randint(1, 3))]
            if chance.random() < 0.4:
                value["mask_token"] = token("flags")
            files["special_tokens_map.json"] = value
        cases[f"random {number}"] = case(files, config, model)
    return cases


def answer(folder, texts):
    try:
        tokenizer = tr.AutoTokenizer.from_pretrained(folder)
    except Exception as error:
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0][:100] if str(error).strip() else ''}".replace(str(folder), "FOLDER")
    rows = []
    for text in texts:
        try:
            made = tokenizer(*text) if isinstance(text, list) else tokenizer(text)
            kinds = made.get("token_type_ids", [])
            assert list(kinds) == sorted(kinds) and set(kinds) <= {0, 1}
            rows.append([made["input_ids"]] + ([kinds.index(1)] if any(kinds) else []))
        except Exception as error:
            rows.append(f"{type(error).__name__}: {str(error)[:80]}")
    return rows


def merged(before, now):
    other = "5" if VERSION == "4.57" else "4.57"
    there = before.get(other, before.get("both"))
    if there == now and not isinstance(now, str):
        return {"both": now}
    return {VERSION: now} if there is None else {**{other: there}, VERSION: now}


def main():
    path = pathlib.Path(sys.argv[1])
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 120
    before = json.loads(path.read_text()) if path.exists() else {"cases": []}
    whole = lambda answers: {v: a if isinstance(a, str) else [before["rows"][row] for row in a] for v, a in answers.items()}
    earlier = {c["name"]: whole(c["answers"]) for c in before["cases"]}
    contents, rows, cases = {}, {}, []
    number = lambda row: rows.setdefault(json.dumps(row), len(rows))
    version = tr.__version__
    for name, made in {**made_cases(), **tweet_cases(), **random_cases(count)}.items():
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "config.json").write_text(json.dumps({**made["config"], "transformers_version": version}))
            names = {}
            for file, content in made["files"].items():
                content = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
                (folder / file).write_text(content, encoding="utf-8", newline="")
                names[file] = contents.setdefault(content, len(contents))
            now = answer(folder, made["texts"])
        cases.append({"name": name, "config": made["config"], "files": names, **({"refused": made["refused"]} if "refused" in made else {}),
                      "texts": "usual" if made["texts"] is TEXTS else made["texts"],
                      "answers": {v: a if isinstance(a, str) else [number(row) for row in a] for v, a in merged(earlier.get(name, {}), now).items()}})
    parts = {"usual": TEXTS, "contents": list(contents), "rows": [json.loads(row) for row in rows], "cases": cases}
    lines = lambda values: ",\n".join(json.dumps(v, ensure_ascii=False, separators=(",", ":")) for v in values)
    path.write_text("{" + ",\n".join(f'"{name}":[\n{lines(values)}]' for name, values in parts.items()) + "}\n", encoding="utf-8")
    print(f"{len(cases)} cases, {path.stat().st_size >> 10} KiB")


if __name__ == "__main__":
    main()
