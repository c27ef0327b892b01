"""Hashed character n-grams: words as bags of rows of small tables, with no word unknown.

A word is written between `^` and `$` and cut into its runs of n characters; a run is a row, the
32-bit MurmurHash3 (x86, seed 0) of its code points as UTF-32, little-endian, modulo the rows of
the table (Botha et al. 2017, "Natural Language Processing with Small Feed-Forward Networks",
section 2.1). Version 1 of the hash has these test vectors, before the modulo:

    ^a      0x24d12937
    the     0x9f46a006
    日本$    0x3c7958de
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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
