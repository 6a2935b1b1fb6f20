#!/usr/bin/env python3
"""What the fast tokenizers of tests/golden make of texts that are too long: python windows.py ../tokenization/windows.json

Needs transformers and tokenizers; those of 4.57.6 and of 5.24.0 write the same file.

A case is [text, limit, strategy, side, stride, answer], the text by its place in "texts", where two make a pair.  The limit counts special
tokens.  A stride of null is a text that is cut (`truncation=strategy`), a number one that becomes windows (`return_overflowing_tokens=True,
stride=...`).  The answer has of each encoding its ids, and how many of them before the first of the type 1 have the type 0; "room" and "stride"
are errors: the other text leaves no room, or a window holds no more than the stride.
"""
import json, os, pathlib, sys

os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TRANSFORMERS_VERBOSITY="error")
from transformers import AutoTokenizer

GOLDEN = pathlib.Path(__file__).parent.parent / "golden"
FOLDERS = ["bert", "roberta"]  # WordPiece; BPE of bytes, whose pairs have two special tokens between them
TEXTS = [
    "", "The film was not bad, and the plot was great!", "Café 東京 naïve unbelievable dullness of the very bad film",
    ["good", "The film was not bad, and the plot was great!"], ["The film was not bad at all and very good", "bad plot"],
    ["the plot was great", "the actors were dull"], ["", "the film was very good and great"], ["the film was very good", ""],
]


def encode(tokenizer, text, limit, strategy, side, stride):
    tokenizer.truncation_side = side
    windows = {} if stride is None else {"return_overflowing_tokens": True, "stride": stride}
    first, second = text if isinstance(text, list) else (text, None)
    try:
        # A batch of one: an empty second text is a text.
        made = tokenizer([first], None if second is None else [second], truncation=strategy, max_length=limit, return_token_type_ids=True, **windows)
    except BaseException as error:  # What panics in Rust is none of Python's exceptions.
        if isinstance(error, KeyboardInterrupt):
            raise
        return "stride" if "stride" in str(error) else {"Truncation error: Sequence to truncate too short to respect the provided max_length": "room"}[str(error)]
    zeros = lambda types: types.index(1) if 1 in types else len(types)
    return [[ids, zeros(types)] for ids, types in zip(made["input_ids"], made["token_type_ids"])]


def cases(tokenizer):
    for number, text in enumerate(TEXTS):
        pair = isinstance(text, list)
        special = tokenizer.num_special_tokens_to_add(pair)
        whole = len(encode(tokenizer, text, 10**6, True, "right", None)[0][0])
        # Around what fits, and so few that next to nothing does.
        limits = sorted({limit for limit in [special, special + 1, special + 4, special + 9, whole - 1, whole] if limit >= special})
        for limit in limits:
            for strategy in ["longest_first", "only_first", "only_second"] if pair else ["longest_first"]:
                for side in ["right", "left"]:
                    yield number, limit, strategy, side, None
        for limit in [limit for limit in limits if limit > special]:
            for strategy in ["only_first", "only_second"] if pair else ["only_first"]:
                lengths = [len(tokenizer(part, add_special_tokens=False)["input_ids"]) for part in (text if pair else [text, ""])]
                room = limit - special - lengths[0 if strategy == "only_second" else 1]
                for stride in sorted({stride for stride in [0, 1, 7, room - 1, room] if 0 <= stride < limit}):
                    for side in ["right", "left"]:
                        yield number, limit, strategy, side, stride


def main():
    tables = []
    for folder in FOLDERS:
        tokenizer = AutoTokenizer.from_pretrained(GOLDEN / folder)
        assert tokenizer.is_fast
        made = [[*case, encode(tokenizer, TEXTS[case[0]], *case[1:])] for case in cases(tokenizer)]
        lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in made)
        tables.append(f'{{"folder":"{folder}","cases":[\n{lines}]}}')
        print(f"{folder}: {len(made)} cases, {sum(isinstance(case[-1], str) for case in made)} errors")
    texts = json.dumps(TEXTS, ensure_ascii=False)
    pathlib.Path(sys.argv[1]).write_text(f'{{"texts":{texts},\n"folders":[{",".join(tables)}]}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
