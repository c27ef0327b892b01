"""What the tagger sees of a word: bags of rows, by the name of the group that looks them up.

| group | rows of a word |
|---|---|
| `ngrams2`, `ngrams3`, ... | its runs of n characters between `^` and `$` |
| `prefix2`, ... | the run of n + 1 characters at its front, with `^` |
| `suffix2`, ... | the run of n + 1 characters at its end, with `$` |
| `word`, `lower` | the whole word as it is written, in lower case |
| `shape` | one of 60 kinds of letters' case, digits and punctuation |
| `cluster` | the number of its cluster, plus 1; 0 if it is in none |

A word too short for a run has none, and outside of the sentence there is only a shape, row 0. The
group `tags` belongs to no word: its rows are labels, and the row after the last is "outside".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from frugally.errors import NetError
from frugally.nets.clusters import WordClusters
from frugally.text.ngrams import HASH_VERSION, Rows, all_characters, ngram_rows

RECIPE = f"tagger-1,hash-{HASH_VERSION}"
"""Changes whenever the features of any word change; a net runs only with its own."""

HALF = 3
SLOTS = 2 * HALF + 1
"""The window: so many words before, the word, so many after."""

TAGS = "tags"
SHAPES = 61
_NUMBERED = re.compile(r"(ngrams|prefix|suffix)([1-7])")


def shape(word: str) -> int:
    """1 to 60: case of the letters (5 kinds) x digits (3) x punctuation (4)."""
    letters = [c for c in word if c.isalpha()]
    if not letters:
        case = 0
    elif all(c.isupper() for c in letters):
        case = 3 if len(letters) > 1 else 2
    elif letters[0].isupper() and word[0].isalpha():
        case = 2
    elif any(c.isupper() for c in letters):
        case = 4
    else:
        case = 1
    digits = sum(c.isdigit() for c in word)
    digit = 0 if not digits else 2 if digits == len(word) else 1
    if not any(c.isalnum() for c in word):
        other = 3
    elif "-" in word:
        other = 1
    else:
        other = 0 if word.isalnum() else 2
    return 1 + case + 5 * (digit + 3 * other)


def known_group(name: str) -> bool:
    """Whether this recipe can fill a group of this name."""
    return name in ("word", "lower", "shape", "cluster", TAGS) or bool(_NUMBERED.fullmatch(name))


def word_bags(
    words: Sequence[str], group: str, rows: int, clusters: WordClusters | None = None
) -> Rows:
    """The rows of each word in a group of `rows` rows; words as they stand in a sentence."""
    match = _NUMBERED.fullmatch(group)
    if match is None:
        return _whole(words, group, rows, clusters)
    kind, size = match[1], int(match[2])
    texts = [_bytes(word) for word in words]
    order = size if kind == "ngrams" else size + 1
    found = ngram_rows(texts, order, rows, all_characters())
    if kind == "ngrams":
        return found
    starts = np.concatenate([np.zeros(1, np.int64), found.ends[:-1]])
    some = found.ends > starts
    chosen = (starts if kind == "prefix" else found.ends - 1)[some]
    return Rows(found.rows[chosen], np.cumsum(some, dtype=np.int64))


def _whole(words: Sequence[str], group: str, rows: int, clusters: WordClusters | None) -> Rows:
    """A row a word."""
    count = len(words)
    if group in ("word", "lower"):
        from frugally.nets.tagging.kernels import word_rows

        texts = [_bytes(word if group == "word" else word.lower()) for word in words]
        ends = np.cumsum(np.fromiter(map(len, texts), np.int64, count), dtype=np.int64)
        out = np.empty(count, np.int32)
        word_rows(np.frombuffer(b"".join(texts) or b"\0", np.uint8), ends, rows, out)
    elif group == "shape":
        out = np.fromiter(map(shape, words), np.int32, count)
    elif group == "cluster" and clusters is not None:
        out = clusters.array(words) + np.int32(1)
        if out.max(initial=0) >= rows:
            raise NetError(f"clusters go beyond the {rows - 1} that the tagger was fitted with")
    else:
        raise ValueError(f"no features are called {group!r}")
    return Rows(out, np.arange(1, count + 1))


def _bytes(word: str) -> bytes:
    return word.encode("utf-8", "surrogatepass")


def outside_bags(group: str) -> NDArray[np.int32]:
    """The rows of a place outside of the sentence."""
    return np.zeros(1 if group == "shape" else 0, np.int32)
