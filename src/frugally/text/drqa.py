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
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from frugally.text.murmur import murmur3_32
from frugally.text.recipe import Recipe
from frugally.text.stopwords import STOP_WORDS
from frugally.text.terms import QueryTerm, Spans, Terms, keys_of, merged


def tokens(text: str) -> list[str]:
    """The lower-cased tokens of a text, after NFD."""
    normal = unicodedata.normalize("NFD", text)
    return [token.lower() for token in _pattern().findall(normal)]


def placed_tokens(text: str) -> list[tuple[str, int, int]]:
    """The tokens as `(token, start, end)`, places in the text as it was given, before NFD.

    The tokens are those of `tokens`. Two that NFD makes of one character, such as of ≠, both have
    its place.
    """
    # NFD reorders marks, but never beyond a character that is none: the places of a run stay.
    parts = [unicodedata.normalize("NFD", character) for character in text]
    places = [place for place, part in enumerate(parts) for _ in part]
    found = _pattern().finditer(unicodedata.normalize("NFD", text))
    placed = ((match.group().lower(), places[slice(*match.span())]) for match in found)
    return [(token, min(where), max(where) + 1) for token, where in placed]


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


class DrqaAnalyser:
    """The seed system's terms exactly (Chen et al. 2017, section 3.1)."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe

    def forget(self) -> None:
        """Nothing is remembered."""

    def prepare(self, spans: Spans, passage: int) -> Callable[[], Terms]:
        """What gives the terms of passages numbered from `passage`; spans are title, text, …."""
        return partial(self._terms, spans, passage)

    def _terms(self, spans: Spans, passage: int) -> Terms:
        packed: list[int] = []
        lengths = np.zeros(len(spans.starts) // 2, np.int64)
        whole = spans.text.tobytes()
        bounds = zip(spans.starts.tolist(), spans.ends.tolist(), strict=True)
        fields = [whole[start:end] for start, end in bounds]
        for i in range(0, len(fields), 2):
            number = passage + i // 2
            pieces = [fields[i]] * self._recipe.title_weight + [fields[i + 1]]
            text = b" ".join(pieces).decode("utf-8", "replace")
            words = tokens(text)
            lengths[i // 2] = len(words)
            packed += (bucket(gram, self._recipe.bits) << 32 | number for gram in ngrams(words))
        return Terms(np.array(packed, np.uint64), lengths, np.zeros(0, np.uint64))

    def query(self, question: str) -> list[QueryTerm]:
        """The terms of a question that the seed system would use.

        If its stop rule leaves none, the words themselves: its index holds no stop words, so they
        find nothing, and a search says so instead of calling the question empty.
        """
        whole = question.encode("utf-8", "replace").decode()  # as texts are read
        words = tokens(whole)
        grams: Iterable[str] = list(ngrams(words))
        if not grams:
            grams = (word for word in words if not is_punctuation(word))
        return merged(
            (bucket(gram, self._recipe.bits), gram, "bigram" if " " in gram else "word")
            for gram in grams
        )

    def query_keys(self, question: str) -> NDArray[np.int64]:
        """What `query` says but the texts: as `keys_of` of it."""
        return keys_of(self.query(question))
