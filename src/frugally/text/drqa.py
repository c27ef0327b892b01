"""The seed system's terms: its tokens, stop rule, n-grams and buckets.

Source: facebookresearch/DrQA, drqa/retriever/utils.py and tokenizers/simple_tokenizer.py (described
in Chen et al. 2017, section 3.1). Tokens are runs of letters, numbers and marks, or any other
single character that is neither space nor control; lower-cased; an n-gram of one or two is
dropped if any of its tokens is a stop word or all punctuation; bucket = murmur3_32 mod 2^24.
"""

from __future__ import annotations

import functools
import re
import sys
import unicodedata
from collections.abc import Iterator, Sequence

from frugally.text.murmur import murmur3_32
from frugally.text.stopwords import STOP_WORDS


def tokens(text: str) -> list[str]:
    """The lower-cased tokens of a text, after NFD."""
    normal = unicodedata.normalize("NFD", text)
    return [token.lower() for token in _pattern().findall(normal)]


def ngrams(words: Sequence[str]) -> Iterator[str]:
    """The uni- and bigrams that the stop rule leaves, in order of appearance."""
    kept = [not _filtered(word) for word in words]
    for i, word in enumerate(words):
        if kept[i]:
            yield word
            if i + 1 < len(words) and kept[i + 1]:
                yield f"{word} {words[i + 1]}"


def bucket(gram: str, bits: int) -> int:
    """The number of the bucket of an n-gram, below 2^bits."""
    return murmur3_32(gram.encode("utf-8", "replace")) & ((1 << bits) - 1)


def is_punctuation(word: str) -> bool:
    """Whether a token is punctuation and nothing else."""
    return all(unicodedata.category(c)[0] == "P" for c in unicodedata.normalize("NFD", word))


@functools.lru_cache(1 << 16)
def _filtered(word: str) -> bool:
    return unicodedata.normalize("NFD", word).lower() in STOP_WORDS or is_punctuation(word)


@functools.cache
def _pattern() -> re.Pattern[str]:
    """Built from `unicodedata`, since `re` knows no categories."""
    kinds = {"L": [], "N": [], "M": [], "Z": [], "C": []}  # type: dict[str, list[int]]
    for code in range(sys.maxunicode + 1):
        kind = unicodedata.category(chr(code))[0]
        if kind in kinds:
            kinds[kind].append(code)
    inside = _ranges(sorted(kinds["L"] + kinds["N"] + kinds["M"]))
    outside = _ranges(sorted(kinds["Z"] + kinds["C"]))
    return re.compile(f"[{inside}]+|[^{inside}{outside}]")


def _ranges(codes: list[int]) -> str:
    parts, start = [], 0
    for i in range(1, len(codes) + 1):
        if i == len(codes) or codes[i] != codes[i - 1] + 1:
            parts.append(f"\\U{codes[start]:08x}-\\U{codes[i - 1]:08x}")
            start = i
    return "".join(parts)
