"""The workloads of `wgbert bench model`, id for id: what src/bench/workload.rs makes (tests/peers.rs compares them)."""

import re

VOCABULARY = 30522
MASK = (1 << 64) - 1


def random(state):
    """splitmix64."""
    while True:
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
        yield z ^ (z >> 31)


def lengths(name):
    """Tokens of each text of `8x128` or `ragged32`."""
    match = re.fullmatch(r"(?:(\d+)x(\d+)|ragged(\d+))", name)
    if not match:
        raise ValueError(f"no workload is called {name!r}; there are TEXTSxTOKENS and raggedTEXTS")
    texts, tokens, ragged = match.groups()
    if ragged:
        numbers = random(410)
        return [8 + next(numbers) % 121 for _ in range(int(ragged))]
    return [int(tokens)] * int(texts)


def ids(name):
    """Its texts, each a list of ids."""
    numbers = random(1)
    return [[1000 + next(numbers) % (VOCABULARY - 1000) for _ in range(length)] for length in lengths(name)]
