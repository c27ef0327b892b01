"""Hashed character n-grams: words as bags of rows of small tables, with no word unknown.

A word is written between `^` and `$` and cut into its runs of n characters; a run is a row, the
32-bit MurmurHash3 (x86, seed 0) of its code points as UTF-32, little-endian, modulo the rows of
the table (Botha et al. 2017, "Natural Language Processing with Small Feed-Forward Networks",
section 2.1). Version 1 of the hash has these test vectors, before the modulo:

    ^a      0x24d12937
    the     0x9f46a006
    日本$    0x3c7958de

Runs of whole words are hashed alike, with a space between two words and no marks:

    the cat 0x7faf543a
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from frugally.text.murmur import murmur3_32
from frugally.text.unicode_table import SOLO, unicode_table

HASH_VERSION = 1

_CODES = 0x20000  # code points in the tables; those beyond are letters, and their own lower case


@dataclass(frozen=True, slots=True, eq=False)
class Characters:
    """What each code point below 0x20000 becomes (int32), and whether it is of a word (uint8)."""

    becomes: NDArray[np.int32]
    in_word: NDArray[np.uint8]


@functools.cache
def letters() -> Characters:
    """Words are runs of letters and their marks, in lower case; everything else parts them."""
    becomes = np.arange(_CODES, dtype=np.int32)
    in_word = np.zeros(_CODES, np.uint8)
    for code in range(_CODES):
        char = chr(code)
        if unicodedata.category(char)[0] in "LM":
            in_word[code] = 1
            lower = char.lower()
            if len(lower) == 1:
                becomes[code] = ord(lower)
    return Characters(becomes, in_word)


@functools.cache
def all_characters() -> Characters:
    """Every text is one word, as it is written."""
    return Characters(np.arange(_CODES, dtype=np.int32), np.ones(_CODES, np.uint8))


ALONE = 2


@functools.cache
def word_characters() -> Characters:
    """Words are runs of letters, marks and digits in lower case; `in_word` is `ALONE` for others.

    These are a word each: punctuation, symbols, and letters of scripts without spaces. What is not
    visible parts words.
    """
    table = unicode_table()
    found = letters()
    in_word = np.zeros(_CODES, np.uint8)
    for code in range(_CODES):
        category = unicodedata.category(chr(code))[0]
        if (
            category in "PS"
            or table.entries[table.pages[code >> 8] * 256 + (code & 255)] & 7 == SOLO
        ):
            in_word[code] = ALONE
        elif category in "LMN":
            in_word[code] = 1
    in_word[0xFE00:0xFE10] = 0  # variation selectors say how the character before is drawn
    return Characters(found.becomes, in_word)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of several texts end to end (int32), and where those of each text end (int64)."""

    rows: NDArray[np.int32]
    ends: NDArray[np.int64]


def ngram_rows(texts: Sequence[bytes], order: int, rows: int, characters: Characters) -> Rows:
    """The rows of the n-grams of `order` characters of some UTF-8 texts.

    A word shorter than `order`, marks included, has none; bytes that are not UTF-8 part words.
    """
    from frugally.text.ngrams.kernels import ngram_rows as kernel

    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    ends = np.cumsum(sizes)
    # A word of k letters has k + 2 characters; a letter takes a byte at least.
    found = np.empty(3 * int(sizes.sum()) + 2 * len(texts) + 2, np.int32)
    row_ends = np.zeros(len(texts), np.int64)
    text = np.frombuffer(b"".join(texts), np.uint8)
    written = kernel(
        text, ends, order, rows, characters.becomes, characters.in_word, found, row_ends
    )
    return Rows(found[:written], row_ends)


def word_rows(texts: Sequence[bytes], order: int, rows: int) -> Rows:
    """The rows of the runs of `order` words of some UTF-8 texts, words as in `word_characters`.

    Bytes that are not UTF-8 part words.
    """
    from frugally.text.ngrams.kernels import word_rows as kernel

    ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)))
    text = np.frombuffer(b"".join(texts), np.uint8)
    found = np.empty(len(text), np.int32)  # a word takes a byte at least
    row_ends = np.zeros(len(texts), np.int64)
    table = word_characters()
    written = kernel(text, ends, order, rows, table.becomes, table.in_word, found, row_ends)
    return Rows(found[:written], row_ends)


@dataclass(frozen=True, slots=True, eq=False)
class NgramTables:
    """Tables of vectors for n = 1, 2 .., end to end, for `means`.

    `rows` and `widths` (int64) of each, where each begins in `vectors` (int64; float32).
    """

    rows: NDArray[np.int64]
    widths: NDArray[np.int64]
    starts: NDArray[np.int64]
    vectors: NDArray[np.float32]

    @classmethod
    def of(cls, tables: Sequence[NDArray[np.float32]]) -> NgramTables:
        """From tables of [rows, width]."""
        sizes = np.array([table.size for table in tables], np.int64)
        return cls(
            rows=np.array([len(table) for table in tables], np.int64),
            widths=np.array([table.shape[1] for table in tables], np.int64),
            starts=np.cumsum(sizes) - sizes,
            vectors=np.concatenate([table.ravel() for table in tables]),
        )

    def means(self, texts: Sequence[bytes]) -> NDArray[np.float32]:
        """The mean vectors of the n-grams of some UTF-8 texts, those of all n side by side.

        [texts, sum of widths], zeros where a text has no n-grams. Letters only, in lower case.
        The n-grams are those of `ngram_rows`; memory does not grow with their number.
        """
        from frugally.text.ngrams.kernels import ngram_means as kernel

        means = np.empty((len(texts), int(self.widths.sum())), np.float32)
        kernel(
            np.frombuffer(b"".join(texts), np.uint8),
            np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts))),
            letters().becomes,
            letters().in_word,
            self.rows,
            self.widths,
            self.starts,
            self.vectors,
            means,
        )
        return means


def ngrams_of(text: bytes, order: int) -> list[str]:
    """The n-grams of `order` characters of a UTF-8 text as strings, for people; the slow way."""
    table = letters()
    words, word = [], ""
    for char in text.decode("utf-8", "replace") + " ":
        code = ord(char)
        if code >= _CODES or table.in_word[code]:
            word += char if code >= _CODES else chr(table.becomes[code])
        elif word:
            words.append(f"^{word}$")
            word = ""
    return [word[i : i + order] for word in words for i in range(len(word) - order + 1)]


def row_of(ngram: str, rows: int) -> int:
    """The row of an n-gram in a table of `rows`."""
    return murmur3_32(ngram.encode("utf-32-le")) % rows
