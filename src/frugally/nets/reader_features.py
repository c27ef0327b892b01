"""What the reader sees of each word: numbers, exact matches with the question, shape, frequency.

The same code makes the features in training and in reading, so they cannot drift apart; `RECIPE`
names it in the card of every net trained with it.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
import Stemmer
from numpy.typing import NDArray

from frugally.text.words import words

# Changes whenever the features of any text change; a reader refuses to run with another one.
RECIPE = "words-1,lower-floret,exact-cased-lower-stem,tf10,shape4-1"

SHAPE_BITS = 4
EXACT_BITS = 3
FEATURES = EXACT_BITS + 1 + SHAPE_BITS


def shape(word: str) -> tuple[bool, bool, bool, bool]:
    """Whether a word is capitalised, all capitals, has a digit, is punctuation."""
    return (
        word[:1].isupper(),
        len(word) > 1 and word.isupper(),
        any(map(str.isdigit, word)),
        not any(map(str.isalnum, word)),
    )


class Lexicon:
    """Gives each distinct word a number, and each number its lower case, stem and shape.

    Columns, indexed by the number of a surface word: `lower` and `stem` (numbers of lower-cased
    words and of stems, each counted from 0 on their own), `shapes` (SHAPE_BITS of 0 or 1).
    `lower_words[k]` is the k-th lower-cased word. Safe to share between threads.
    """

    def __init__(self) -> None:
        self._surface: dict[str, int] = {}
        self._lower: dict[str, int] = {}
        self._stem: dict[str, int] = {}
        self._stemmer = Stemmer.Stemmer("english")
        self._lock = threading.Lock()
        self._lower_of: list[int] = []
        self._stem_of: list[int] = []
        self._shape_of: list[tuple[bool, bool, bool, bool]] = []
        self.lower_words: list[str] = []
        self._columns: tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]] | None = (
            None
        )

    def __len__(self) -> int:
        return len(self._surface)

    def number(self, surface: Sequence[str]) -> NDArray[np.int32]:
        """The numbers of surface words, (n,) int32; words not met before get new numbers."""
        with self._lock:
            known = self._surface
            for word in surface:
                if word not in known:
                    self._add(word)
            return np.fromiter((known[word] for word in surface), np.int32, len(surface))

    def _add(self, word: str) -> None:
        lower = word.lower()
        if lower not in self._lower:
            self._lower[lower] = len(self._lower)
            self.lower_words.append(lower)
        try:
            stem = self._stemmer.stemWord(lower)
        except UnicodeEncodeError:  # a lone surrogate, from a badly decoded file
            stem = lower
        self._lower_of.append(self._lower[lower])
        self._stem_of.append(self._stem.setdefault(stem, len(self._stem)))
        self._shape_of.append(shape(word))
        self._columns = None
        self._surface[word] = len(self._surface)

    def columns(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
        """`(lower, stem, shapes)` over all numbers given so far."""
        with self._lock:
            if self._columns is None:
                self._columns = (
                    np.array(self._lower_of, np.int32),
                    np.array(self._stem_of, np.int32),
                    np.array(self._shape_of, np.float32).reshape(-1, SHAPE_BITS),
                )
            return self._columns


def split(text: str) -> tuple[list[str], NDArray[np.int32]]:
    """The words of a text and their `(start, end)` characters, (n, 2) int32."""
    found = words(text)
    places = np.array([(start, end) for _, start, end in found], np.int32).reshape(-1, 2)
    return [word for word, _, _ in found], places


def term_frequency(lower: NDArray[np.int32]) -> NDArray[np.float32]:
    """Ten times the share of the passage's words that are this word, (n,) float32.

    DrQA's f_token (Chen et al. 2017, section 3.2) with a factor that brings it near the size of
    the other features.
    """
    if not len(lower):
        return np.zeros(0, np.float32)
    _, place, counts = np.unique(lower, return_inverse=True, return_counts=True)
    return (10.0 * counts[place] / len(lower)).astype(np.float32)


def passage_features(
    question: NDArray[np.int32], passage: NDArray[np.int32], lexicon: Lexicon
) -> NDArray[np.float32]:
    """The features of each passage word beside its vector, (n, FEATURES) float32.

    Columns: is in the question as written, in lower case, by stem (DrQA's f_exact_match, the stem
    in the lemma's place); term frequency; the shape bits. Both arguments are surface numbers.
    """
    lower, stem, shapes = lexicon.columns()
    out = np.empty((len(passage), FEATURES), np.float32)
    out[:, 0] = np.isin(passage, question)
    out[:, 1] = np.isin(lower[passage], lower[question])
    out[:, 2] = np.isin(stem[passage], stem[question])
    out[:, EXACT_BITS] = term_frequency(lower[passage])
    out[:, EXACT_BITS + 1 :] = shapes[passage]
    return out
