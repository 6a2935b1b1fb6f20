"""Tokenizer files as people have them, drawn by a random number generator; differential.py runs them.

`write` draws a vocabulary's kind and the files that hold it, `CHANGES` are what is then done to the files, one by one,
and `text` draws what is classified. Nothing here knows what the right answer is.
"""
import functools, json

import transformers as tr
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

import golden

MARKS = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
BRACKETS = dict(zip(MARKS, ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")))
ANGLES = dict(zip(MARKS, ("<pad>", "<unk>", "<s>", "</s>", "<mask>")))
# In every vocabulary but no special token there, until a file beside says so.
LISTED = ["[E1]", "[unused1]", "<ent>"]
# In no vocabulary.
NEW = ["<new>", "[E9]", "NEW", "new thing", "ünï", "東京都", "zz", "Good", "</e>", "##x", "@user", "x1"]
UPPER = [chr(c) for c in range(ord("A"), ord("Z") + 1)]
WIDE = ["é", "ï", "東", "京", "日", "本", "😀", "ß", "ü", "Ã"]
# A model has so many rows of words beyond the vocabulary, so that added tokens have weights.
SPARE = 24


class Kind:
    """A vocabulary with the classes that people load it with; `json` makes its `tokenizers.Tokenizer`, `family` are the names
    of further classes that read such a vocabulary, `plain` is the file that holds it beside or instead of tokenizer.json."""

    def __init__(self, roles, classes, json, family=(), plain=None):
        self.roles, self.classes, self.json, self.family, self.plain = roles, classes, functools.cache(json), list(family), plain

    def size(self):
        return self.json().get_vocab_size()

    def pad(self):
        return self.json().token_to_id(self.roles["pad_token"])


def ids(tokens):
    return {token: i for i, token in enumerate(dict.fromkeys(tokens))}


def wordpiece(roles, pairs):
    specials = list(roles.values()) if "[CLS]" in roles.values() else ["<s>", "<pad>", "</s>", "[UNK]", "<mask>"]
    letters = golden.ASCII + UPPER
    tokens = specials + LISTED + letters + ["##" + c for c in letters + WIDE if c.isalnum()] + WIDE + golden.WORDS
    tokens += ["Good", "FILM", "café", "naïve", "new", "thing"] + ["##" + s for s in golden.SUFFIXES if len(s) > 1]
    tok = Tokenizer(models.WordPiece(ids(tokens), unk_token=roles["unk_token"], max_input_chars_per_word=100))
    tok.normalizer = normalizers.BertNormalizer(lowercase=True)
    tok.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tok.decoder = decoders.WordPiece(prefix="##")
    golden.with_template(tok, roles["cls_token"], roles["sep_token"], **pairs)
    tok.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in specials])
    return tok


def bytes_bpe(roles, specials):
    tok = golden.bytebpe_tokenizer(specials + LISTED, add_prefix_space=False)
    # The trainer makes special tokens of all that it is given.
    held = json.loads(tok.to_str())
    held["added_tokens"] = [t for t in held["added_tokens"] if t["content"] not in LISTED]
    tok = Tokenizer.from_str(json.dumps(held))
    if "<s>" in specials:
        tok.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), True, False)
    else:
        tok.normalizer = normalizers.NFC()
        golden.with_template(tok, "[CLS]", "[SEP]", pair_type=1)
    return tok


def unigram(roles, specials, steps, split=True, lowercase=False, **pairs):
    """As the class that reads it builds it too: `steps` are its normalizers, `split` whether it splits at whitespace first."""
    tok = golden.unigram_tokenizer(specials, roles["unk_token"], lowercase, extra=LISTED)
    tok.normalizer = normalizers.Sequence(steps)
    metaspace = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tok.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit()] * split + [metaspace])
    golden.with_template(tok, roles["cls_token"], roles["sep_token"], **pairs)
    tok.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in specials])
    return tok


def herbert():
    letters = golden.ASCII + UPPER + WIDE
    tokens = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"] + LISTED + letters + [c + "</w>" for c in letters]
    merges = [("g", "o"), ("go", "o"), ("goo", "d</w>"), ("t", "h"), ("th", "e</w>"), ("w", "a"), ("wa", "s</w>"), ("m", "o")]
    vocab = ids(tokens + [a + b for a, b in merges])
    tok = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", end_of_word_suffix="</w>"))
    tok.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False, clean_text=True, handle_chinese_chars=True)
    tok.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tok.post_processor = processors.BertProcessing(("</s>", 2), ("<s>", 0))
    tok.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in ANGLES.values()])
    return tok


def words():
    tokens = list(BRACKETS.values()) + LISTED + golden.WORDS + golden.ASCII
    tok = Tokenizer(models.WordLevel(ids(tokens), unk_token="[UNK]"))
    tok.normalizer = normalizers.Lowercase()
    tok.pre_tokenizer = pre_tokenizers.Whitespace()
    golden.with_template(tok, "[CLS]", "[SEP]")
    tok.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in BRACKETS.values()])
    return tok


MPNET = {**ANGLES, "unk_token": "[UNK]"}
ALBERT = {**BRACKETS, "pad_token": "<pad>", "unk_token": "<unk>"}
FIVE = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
DOUBLE = dict(double_sep=True, pair_type=0)
QUOTES = [normalizers.Replace("``", '"'), normalizers.Replace("''", '"')]
SPACES = [normalizers.Replace(Regex(r"\s{2,}|[\n\r\t]"), " "), normalizers.NFC(), normalizers.Strip(left=False, right=True)]
WORDPIECE = """BertTokenizer DistilBertTokenizer ElectraTokenizer MobileBertTokenizer FunnelTokenizer LayoutLMTokenizer
SqueezeBertTokenizer ConvBertTokenizer RetriBertTokenizer BertJapaneseTokenizer MyOwnTokenizer""".split()
BYTES = "RobertaTokenizer LongformerTokenizer BartTokenizer GPT2Tokenizer DebertaTokenizer MyOwnTokenizer".split()
UNIGRAM = "XLMRobertaTokenizer CamembertTokenizer AlbertTokenizer DebertaV2Tokenizer T5Tokenizer XLNetTokenizer BigBirdTokenizer MyOwnTokenizer".split()
KINDS = {
    "bert": Kind(BRACKETS, ["BertTokenizer", "DistilBertTokenizer", "ElectraTokenizer"], lambda: wordpiece(BRACKETS, {}), WORDPIECE, "vocab.txt"),
    "mpnet": Kind(MPNET, ["MPNetTokenizer"], lambda: wordpiece(MPNET, DOUBLE), plain="vocab.txt"),
    "roberta": Kind(ANGLES, ["RobertaTokenizer"], lambda: bytes_bpe(ANGLES, FIVE), BYTES, "merges.txt"),
    "modernbert": Kind(BRACKETS, ["PreTrainedTokenizerFast"], lambda: bytes_bpe(BRACKETS, ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"])),
    "xlm-roberta": Kind(ANGLES, ["XLMRobertaTokenizer"], lambda: unigram(ANGLES, FIVE, [], **DOUBLE), UNIGRAM),
    "camembert": Kind(ANGLES, ["CamembertTokenizer"], lambda: unigram(ANGLES, FIVE, [], **DOUBLE), UNIGRAM),
    "albert": Kind(ALBERT, ["AlbertTokenizer"], lambda: unigram(
        ALBERT, ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]"],
        QUOTES + [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()], lowercase=True), UNIGRAM),
    "deberta-v2": Kind(BRACKETS, ["DebertaV2Tokenizer"],
                       lambda: unigram(BRACKETS, ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"], SPACES, split=False), UNIGRAM),
    "herbert": Kind(ANGLES, ["HerbertTokenizer"], herbert, plain="merges.txt"),
    "words": Kind(BRACKETS, ["PreTrainedTokenizerFast"], words),
}
# What checkpoints of an architecture have nearly always.
USUAL = {"distilbert": "bert", "electra": "bert", "nomic_bert": "bert", "gte": "xlm-roberta", "jina_embeddings_v3": "xlm-roberta"}
# Names of classes that have rules of their own, whatever the vocabulary.
OWN_RULES = ["BertweetTokenizer", "PhobertTokenizer", "BertJapaneseTokenizer", "HerbertTokenizer", "XLMTokenizer", "FlaubertTokenizer", "CanineTokenizer"]
GENERIC = ["PreTrainedTokenizerFast", "TokenizersBackend"]


def read(path):
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def put(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def edit(path, change):
    value = read(path)
    change(value)
    put(path, value)


def write(case):
    """Draws the vocabulary and writes its files; sets case.kind."""
    rng, folder = case.rng, case.folder
    usual = USUAL.get(case.model_type, case.model_type)
    name = usual if rng.random() < 0.88 else rng.choice(list(KINDS))
    case.note(f"vocabulary {name}")
    # Where nothing names the class, the model's type does.
    case.class_by_model = name == usual
    case.kind = kind = KINDS[name]
    tok = Tokenizer.from_str(kind.json().to_str())
    form = rng.choice(["json", "json", "plain", "both"]) if kind.plain else "json"
    config = dict(kind.roles, tokenizer_class=rng.choice(kind.classes), model_max_length=case.limit)
    if rng.random() < 0.5:
        config["tokenizer_class"] += "Fast" if not config["tokenizer_class"].endswith("Fast") else ""
    if name in ("bert", "mpnet"):
        config["do_lower_case"] = rng.random() < 0.7
        tok.normalizer = normalizers.BertNormalizer(lowercase=config["do_lower_case"])
    if form != "json":
        plain(folder, tok, kind.plain)
    if form != "plain":
        tok.save(str(folder / "tokenizer.json"))
    if form == "plain" and name == usual and rng.random() < 0.3:
        # As in many old repositories: only what differs from the class.
        config = {k: v for k, v in config.items() if k in ("do_lower_case", "model_max_length")}
        case.note("a short tokenizer_config.json")
    put(folder / "tokenizer_config.json", config)
    if rng.random() < 0.3:
        put(folder / "special_tokens_map.json", kind.roles)
    case.note(f"files {form} of {config.get('tokenizer_class')}")
    if rng.random() < 0.5:
        resave(case)


def plain(folder, tok, name):
    held = json.loads(tok.to_str())["model"]
    vocab = sorted(held["vocab"], key=held["vocab"].get)
    if name == "vocab.txt":
        (folder / name).write_text("".join(t + "\n" for t in vocab), encoding="utf-8")
        return
    put(folder / "vocab.json", held["vocab"])
    merges = [m if isinstance(m, str) else " ".join(m) for m in held["merges"]]
    (folder / name).write_text("".join(m + "\n" for m in ["#version: 0.2"] + merges), encoding="utf-8")


def resave(case):
    """What transformers makes of the files, with tokens added the way that its users do it."""
    rng = case.rng
    try:
        tok = tr.AutoTokenizer.from_pretrained(case.folder, trust_remote_code=False)
        if rng.random() < 0.4:
            tokens = [added(rng) for _ in range(rng.randint(1, 2))]
            tok.add_tokens(tokens)
            case.added(t.content for t in tokens)
        if rng.random() < 0.3:
            tokens = [added(rng) for _ in range(rng.randint(1, 2))]
            tok.add_special_tokens({"additional_special_tokens": tokens})
            case.added(t.content for t in tokens)
        if rng.random() < 0.2:
            tok("good", truncation=True, max_length=5)
            tok(["good", "bad"], padding="max_length", max_length=9)
        tok.save_pretrained(case.folder)
        case.note("saved again")
    except Exception as error:
        # Then the files stay as they were written.
        case.note(f"not saved again ({type(error).__name__})")


def added(rng):
    flags = {name: rng.random() < 0.25 for name in ("lstrip", "rstrip", "single_word")}
    return AddedToken(rng.choice(NEW + LISTED + golden.WORDS[:6]), normalized=rng.random() < 0.4, special=rng.random() < 0.5, **flags)


def flags_of(token):
    return {"content": token.content, "lstrip": token.lstrip, "normalized": token.normalized, "rstrip": token.rstrip,
            "single_word": token.single_word, "special": token.special}


# ---------------------------------------------------------------------------------------------- changes to the files
# Each takes the case, and either changes a file and says what it did, or returns None where there is nothing to change.

CHANGES = []


def change(weight):
    def add(function):
        CHANGES.append((weight, function))
        return function
    return add


def config_path(case):
    return case.folder / "tokenizer_config.json"


def set_config(case, **fields):
    edit(config_path(case), lambda c: [c.pop(k, None) if v is ... else c.update({k: v}) for k, v in fields.items()])
    return ", ".join(f"tokenizer_config {k} " + ("absent" if v is ... else json.dumps(v)) for k, v in fields.items())


@change(3)
def other_class(case):
    name = case.rng.choice(OWN_RULES) if case.rng.random() < 0.08 else case.rng.choice(case.kind.family + case.kind.classes)
    if case.rng.random() < 0.5 and not name.endswith("Fast"):
        name += "Fast"
    return set_config(case, tokenizer_class=name)


@change(2)
def generic_class(case):
    # TokenizersBackend is a name that only transformers 5 writes.
    return set_config(case, tokenizer_class=case.rng.choice(GENERIC if case.five else GENERIC[:1]))


@change(2)
def no_class(case):
    if not case.class_by_model:
        return None
    return set_config(case, tokenizer_class=case.rng.choice([..., None]))


@change(1)
def class_in_config_json(case):
    name = case.rng.choice(case.kind.classes * 3 + case.kind.family)
    edit(case.folder / "config.json", lambda c: c.update(tokenizer_class=name))
    said = set_config(case, tokenizer_class=...)
    return f"config tokenizer_class {name}, {said}"


@change(1)
def no_tokenizer_config(case):
    if not case.class_by_model:
        return None
    config_path(case).unlink(missing_ok=True)
    return "no tokenizer_config.json"


@change(2)
def no_tokenizer_json(case):
    path = case.folder / "tokenizer.json"
    if not path.exists() or case.kind.plain is None:
        return None
    if not (case.folder / case.kind.plain).exists():
        plain(case.folder, Tokenizer.from_file(str(path)), case.kind.plain)
    path.unlink()
    return f"only {case.kind.plain}"


def next_id(case):
    path = case.folder / "tokenizer.json"
    if path.exists():
        return Tokenizer.from_file(str(path)).get_vocab_size(with_added_tokens=True)
    return case.kind.json().get_vocab_size(with_added_tokens=True)


def known_id(case, content):
    path = case.folder / "tokenizer.json"
    tok = Tokenizer.from_file(str(path)) if path.exists() else case.kind.json()
    return tok.token_to_id(content)


def tokens_with_ids(case, count=2):
    """Drawn tokens, those of the vocabulary with their ids there, and new ones at the end of it."""
    end, out = next_id(case), {}
    for _ in range(case.rng.randint(1, count)):
        token = added(case.rng)
        if token.content in out:
            continue
        id = known_id(case, token.content)
        if id is None:
            id, end = end, end + 1
        out[token.content] = (id, token)
    case.added(out)
    return out


@change(2)
def added_tokens_json(case):
    tokens = {content: id for content, (id, _) in tokens_with_ids(case).items()}
    edit(case.folder / "added_tokens.json", lambda c: c.update(tokens))
    return f"added_tokens.json {json.dumps(tokens)}"


@change(2)
def added_tokens_decoder(case):
    tokens = {str(id): flags_of(token) for id, token in tokens_with_ids(case).values()}
    edit(config_path(case), lambda c: c.setdefault("added_tokens_decoder", {}).update(tokens))
    return f"added_tokens_decoder {json.dumps(tokens)}"


def special_list(case, objects):
    """Tokens as a list of them is written: their texts, or, where `objects` says how, with their flags."""
    tokens = [added(case.rng) for _ in range(case.rng.randint(1, 2))]
    case.added(t.content for t in tokens)
    return [t.content if objects is None or case.rng.random() < 0.6 else {**objects, **flags_of(t)} for t in tokens]


# How tokenizer_config.json marks a token that is not in added_tokens_decoder.
MARKED = {"__type": "AddedToken"}


@change(2)
def additional_special_tokens(case):
    return set_config(case, additional_special_tokens=special_list(case, MARKED))


@change(2)
def additional_in_map(case):
    # With flags they are read by 4.57 alone, and written by it alone.
    tokens = special_list(case, None if case.five else {})
    edit(case.folder / "special_tokens_map.json", lambda c: c.update(additional_special_tokens=tokens))
    return f"special_tokens_map additional_special_tokens {json.dumps(tokens)}"


@change(2)
def extra_special_tokens(case):
    # A list is 5.x's.
    tokens = special_list(case, MARKED)
    if not case.five or case.rng.random() < 0.4:
        tokens = {f"{name}_token": t if isinstance(t, str) else t["content"] for name, t in zip(("image", "entity"), tokens)}
    return set_config(case, extra_special_tokens=tokens)


@change(2)
def unlisted(case):
    path = case.folder / "tokenizer.json"
    if not path.exists():
        return None
    edit(path, lambda t: t.update(added_tokens=[]))
    return "tokenizer.json lists no added token"


@change(1)
def other_special_token(case):
    role = case.rng.choice(MARKS)
    token = case.rng.choice(["[E1]", "<ent>", "[unused1]", "<new>", "good"])
    case.added([token])
    value = token if case.rng.random() < 0.5 else flags_of(AddedToken(token, lstrip=case.rng.random() < 0.5))
    if case.rng.random() < 0.5:
        return set_config(case, **{role: value if value == token else {**MARKED, **value}})
    edit(case.folder / "special_tokens_map.json", lambda c: c.update({role: value}))
    return f"special_tokens_map {role} {json.dumps(value)}"


@change(1)
def no_special_token(case):
    return set_config(case, **{case.rng.choice(MARKS): case.rng.choice([..., None])})


@change(2)
def stored_truncation(case):
    path = case.folder / "tokenizer.json"
    if not path.exists():
        return None
    direction = case.rng.choice(["Right", "Left"])
    edit(path, lambda t: t.update(truncation={"direction": direction, "max_length": case.rng.choice([3, 8, 512]),
                                              "strategy": "LongestFirst", "stride": 0}))
    return f"stored truncation {direction}"


@change(1)
def stored_padding(case):
    path = case.folder / "tokenizer.json"
    if not path.exists():
        return None
    size = case.rng.choice(["BatchLongest", {"Fixed": 20}])
    edit(path, lambda t: t.update(padding={"strategy": size, "direction": case.rng.choice(["Right", "Left"]), "pad_to_multiple_of": None,
                                           "pad_id": case.kind.pad(), "pad_type_id": 0, "pad_token": case.kind.roles["pad_token"]}))
    return f"stored padding {size}"


@change(3)
def casing(case):
    field = case.rng.choice(["do_lower_case", "do_lower_case", "strip_accents", "tokenize_chinese_chars", "keep_accents",
                             "remove_space", "do_basic_tokenize"])
    return set_config(case, **{field: case.rng.choice([True, False, ...] + ([None] if field == "strip_accents" else []))})


@change(1)
def cased_json(case):
    path = case.folder / "tokenizer.json"
    if not path.exists() or not isinstance(read(path).get("normalizer"), dict):
        return None
    field = case.rng.choice(["lowercase", "strip_accents", "handle_chinese_chars"])
    if read(path)["normalizer"].get("type") != "BertNormalizer":
        return None
    value = case.rng.choice([True, False])
    edit(path, lambda t: t["normalizer"].update({field: value}))
    return f"tokenizer.json normalizer {field} {value}"


@change(1)
def prefix_space(case):
    return set_config(case, add_prefix_space=case.rng.choice([True, False, ...]))


@change(3)
def max_length(case):
    value = case.rng.choice([..., None, 10**30, 1e30, 5, 7, 11, 512, case.limit + 3])
    if case.rng.random() < 0.15:
        return set_config(case, model_max_length=..., max_len=value)
    return set_config(case, model_max_length=value)


@change(2)
def truncation_side(case):
    return set_config(case, truncation_side=case.rng.choice(["left", "left", "right"]))


@change(3)
def input_names(case):
    names = case.rng.choice([["input_ids", "attention_mask"], ["input_ids", "token_type_ids", "attention_mask"],
                             ["input_ids", "attention_mask", "token_type_ids"], ...])
    return set_config(case, model_input_names=names)


@change(1)
def split_special_tokens(case):
    return set_config(case, split_special_tokens=case.rng.choice([True, False]))


@change(2)
def harmless(case):
    fields = {"clean_up_tokenization_spaces": False, "padding_side": "left", "name_or_path": "old/name", "processor_class": "X",
              "max_length": 4, "stride": 2, "truncation_strategy": "only_first", "pad_to_multiple_of": 8, "never_split": ["good"],
              "special_tokens_map_file": "/nowhere/special_tokens_map.json", "use_fast": False, "legacy": False, "device_map": None,
              "errors": "replace", "trim_offsets": True, "best_metric": float("nan"), "unk_id": 3, "padding": True}
    name = case.rng.choice(list(fields))
    return set_config(case, **{name: fields[name]})


@change(1)
def backend(case):
    return set_config(case, backend="tokenizers", is_local=True) if case.five else None


@change(1)
def post_processor(case):
    path = case.folder / "tokenizer.json"
    if not path.exists():
        return None
    roles = case.kind.roles
    tok = case.kind.json()
    pair = lambda role: (roles[role], tok.token_to_id(roles[role]))
    made = case.rng.choice(["none", "bert", "roberta", "template"])
    tok = Tokenizer.from_file(str(path))
    if made == "bert":
        tok.post_processor = processors.BertProcessing(pair("sep_token"), pair("cls_token"))
    elif made == "roberta":
        tok.post_processor = processors.RobertaProcessing(pair("sep_token"), pair("cls_token"), True, False)
    elif made == "template":
        golden.with_template(tok, roles["cls_token"], roles["sep_token"], pair_type=1)
    tok.save(str(path))
    if made == "none":
        edit(path, lambda t: t.update(post_processor=None))
    return f"tokenizer.json post_processor {made}"


@change(1)
def other_steps(case):
    """Steps that somebody put into the file, and that the class knows nothing of."""
    path = case.folder / "tokenizer.json"
    if not path.exists():
        return None
    tok = Tokenizer.from_file(str(path))
    if case.rng.random() < 0.5:
        tok.normalizer = case.rng.choice([normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace("a", "e"),
                                          normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents()])])
        words = f"normalizer {type(tok.normalizer).__name__}"
    else:
        tok.pre_tokenizer = case.rng.choice([pre_tokenizers.Whitespace(), pre_tokenizers.WhitespaceSplit(),
                                             pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first")])
        words = f"pre_tokenizer {type(tok.pre_tokenizer).__name__}"
    tok.save(str(path))
    return f"tokenizer.json with the {words}"


@change(1)
def older_json(case):
    path = case.folder / "tokenizer.json"
    if not path.exists():
        return None
    def older(t):
        t["model"].pop("type", None)
        if t["model"].get("merges"):
            t["model"]["merges"] = [m if isinstance(m, str) else " ".join(m) for m in t["model"]["merges"]]
    edit(path, older)
    return "tokenizer.json without the model's type"


@change(1)
def own_code(case):
    return set_config(case, tokenizer_class="MyOwnTokenizer", auto_map={"AutoTokenizer": ["code.MyOwnTokenizer", None]})


# ------------------------------------------------------------------------------------------------------------- texts

PIECES = golden.WORDS + """Good FILM Café naïve ÉTÉ Straße İstanbul 東京 日本語です 한국어 😀 👩‍👩‍👧 ﬁne ½ ™ … — '' `` don't I'm @user #tag
https://t.co/abc 1,234.5 a.b zzyzx good-bad THE ## ##x ▁the Ġthe </w> ... !!! ()""".split()
ODD = ["e\u0301", "\u200b", "\xa0", "\u3000", "\ufeff", "\x07", "\t", "\n", "\r\n", "\u2028", "\ufffd", "\U000e0001", "ａｂｃ"]
SPECIALS = list(BRACKETS.values()) + list(ANGLES.values()) + LISTED


def text(rng, case, words):
    """About so many words, with what the case adds to its vocabulary among them."""
    out = []
    for _ in range(words):
        draw = rng.random()
        if draw < 0.62:
            out.append(rng.choice(PIECES))
        elif draw < 0.70:
            out.append(rng.choice(ODD))
        elif draw < 0.80:
            out.append(rng.choice(SPECIALS))
        else:
            out.append(rng.choice(case.tokens or PIECES))
        out.append(rng.choice([" "] * 8 + ["", "  "]))
    if out and rng.random() < 0.8:
        out.pop()
    return "".join(out)


def rows(case):
    """The rows that are classified: single texts, pairs, empty ones, and some about as long as the model takes."""
    rng, out = case.rng, []
    for _ in range(rng.randint(4, 6)):
        out.append({"text": text(rng, case, rng.randint(1, 9))})
    for _ in range(rng.randint(2, 3)):
        out.append({"text": text(rng, case, rng.randint(1, 6)), "text_pair": text(rng, case, rng.randint(1, 6))})
    simple = lambda n: " ".join(rng.choice("abcdeinost") for _ in range(n))
    near = max(1, case.limit - rng.randint(-3, 4))
    out.append({"text": simple(near)})
    out.append({"text": simple(near // 2 + rng.randint(-1, 2)), "text_pair": simple(near // 2 + rng.randint(-1, 3))})
    out.append({"text": text(rng, case, case.limit), "text_pair": text(rng, case, rng.choice([1, case.limit]))})
    out.append(rng.choice([{"text": ""}, {"text": " "}, {"text": "good", "text_pair": ""}, {"text": "", "text_pair": "good"},
                           {"text": "", "text_pair": ""}, {"text": "\n"}]))
    return out
