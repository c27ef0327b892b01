"""A treebank as running text in numbers, and what is counted in it: n-grams, and words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frugally.fit.conllu import Sentence
from frugally.nets.segmenting.features import LEVELS, OUTSIDE, REACH, by_rule, kinds_of
from frugally.nets.segmenting.kernels import ASK, SPACE, hash_ngrams
from frugally.text.unicode_table import SPACELESS, covering

_UINT32 = 1 << 32


def spaces_stated(sentences: Sequence[Sentence]) -> bool:
    """Whether a treebank says where there are spaces: some word, somewhere, has `SpaceAfter=No`."""
    return any(any(sentence.joined) for sentence in sentences)


def scripts_of(texts: Sequence[Sequence[str]]) -> list[str]:
    """The scripts without spaces that make up a hundredth of a treebank's text, or more."""
    text = "".join(piece for pieces in texts for piece in pieces)
    found = {script: len(covering([script]).findall(text)) for script in SPACELESS}
    return [script for script, count in found.items() if 100 * count >= len(text)]


def pieces_of(sentence: Sentence, spaced: bool) -> list[str]:
    """The words of a sentence with the spaces between them: end to end, the sentence as written.

    Where the treebank does not say (`spaced` is false) there are none.
    """
    if not spaced:
        return list(sentence.words)
    pieces = []
    for word, joined in zip(sentence.words, sentence.joined, strict=True):
        pieces += [word] if joined else [word, " "]
    return pieces if sentence.joined[-1] else pieces[:-1]


@dataclass(frozen=True, slots=True, eq=False)
class Running:
    """Sentences end to end, REACH places OUTSIDE before, between and after them.

    Of each place: its character and kind, the number of its sentence (-1 outside), and whether a
    word begins there (`truth`). `asked` are the places where the net is asked.
    """

    codes: NDArray[np.int32]
    kinds: NDArray[np.uint8]
    sentences: NDArray[np.int64]
    truth: NDArray[np.bool_]
    asked: NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[Sequence[str]]) -> Running:
        """From the pieces of each sentence."""
        margin = np.full(REACH, OUTSIDE, np.int32)
        codes, sentences, truth = [margin], [np.full(REACH, -1)], [np.zeros(REACH, np.bool_)]
        for number, pieces in enumerate(texts):
            text = "".join(pieces)
            codes.append(np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.int32))
            begins = np.zeros(len(text), np.bool_)
            ends = np.cumsum([len(piece) for piece in pieces])
            begins[0] = True
            begins[ends[:-1]] = True
            truth.append(begins)
            sentences.append(np.full(len(text), number))
            codes.append(margin)
            truth.append(np.zeros(REACH, np.bool_))
            sentences.append(np.full(REACH, -1))
        joined = np.concatenate(codes)
        kinds = kinds_of(joined)
        return cls(
            codes=joined,
            kinds=kinds,
            sentences=np.concatenate(sentences),
            truth=np.concatenate(truth),
            asked=np.flatnonzero(by_rule(kinds) == ASK),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """Hashes of n-grams or words and how often they stand in the text; the most frequent first."""

    hashes: NDArray[np.uint32]
    counts: NDArray[np.int64]

    @classmethod
    def of(cls, hashes: NDArray[np.uint32], counts: NDArray[np.int64], least: int) -> Counted:
        """In order, those that are there `least` times."""
        hashes, counts = hashes[counts >= least], counts[counts >= least]
        order = np.lexsort((hashes, -counts))
        return cls(hashes[order], counts[order])

    def first(self, count: int) -> Counted:
        """The `count` most frequent, by hash."""
        order = np.argsort(self.hashes[:count])
        return Counted(self.hashes[:count][order], self.counts[:count][order])


def count_ngrams(running: Running, order: int, least: int = 2) -> Counted:
    """The runs of `order` characters; those met once teach the net nothing that lasts."""
    hashes = _hashes(running.codes, order)
    found, counts = np.unique(hashes, return_counts=True)
    return Counted.of(found, counts, least)


def _hashes(codes: NDArray[np.int32], order: int) -> NDArray[np.uint32]:
    hashes = np.empty(len(codes) - order + 1, np.uint32)
    hash_ngrams(codes, order, hashes)
    return hashes


def level(words: NDArray[Any], strings: NDArray[Any]) -> NDArray[np.uint8]:
    """The level of strings that were words so often, of so many times that they were there.

    0 never, 1 once; otherwise by the share: 2 under 1/4, 3 under 6/10, 4 under 9/10, 5 above.
    """
    share = words / np.maximum(strings, 1)
    by_share = np.select([share < 0.25, share < 0.6, share < 0.9], [2, 3, 4], LEVELS - 1)
    return np.where(words <= 0, 0, np.where(words == 1, 1, by_share)).astype(np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Strings:
    """The strings of some length at every place of a text, and which of them are words there.

    `which` [places] numbers the strings; of each, by number: its hash, and how often it is a word
    and there at all. `own_words` and `own_strings` [places] count those of the same sentence.
    """

    hashes: NDArray[np.uint32]
    which: NDArray[np.int64]
    words: NDArray[np.int64]
    strings: NDArray[np.int64]
    own_words: NDArray[np.int64]
    own_strings: NDArray[np.int64]

    @classmethod
    def of(cls, running: Running, length: int) -> Strings:
        """Count the strings of `length` characters within sentences."""
        hashes, which = np.unique(_hashes(running.codes, length), return_inverse=True)
        places = np.arange(len(which))
        inside = running.sentences
        whole = (inside[places] >= 0) & (inside[places] == inside[places + length - 1])
        ends = np.append(running.truth, True) | (np.append(inside, -1) < 0)
        # A word of this length begins here, ends there, and no other begins within.
        before = np.concatenate([[0], np.cumsum(ends)])
        word = whole & running.truth[places] & ends[places + length]
        word &= running.kinds[places] != SPACE
        word &= before[places + length] - before[places + 1] == 0
        _, pairs = np.unique(which * _UINT32 + np.maximum(inside[places], 0), return_inverse=True)
        return cls(
            hashes=hashes,
            which=which,
            words=np.bincount(which, weights=word, minlength=len(hashes)).astype(np.int64),
            strings=np.bincount(which, weights=whole, minlength=len(hashes)).astype(np.int64),
            own_words=np.bincount(pairs, weights=word).astype(np.int64)[pairs],
            own_strings=np.bincount(pairs, weights=whole).astype(np.int64)[pairs],
        )

    def levels_elsewhere(self, known: NDArray[np.uint32]) -> NDArray[np.uint8]:
        """The level that each place's string would have without its own sentence [places].

        What a net sees of a sentence in training must not come from that sentence. Strings whose
        hash is not among the `known`, ascending, have none.
        """
        found = level(
            self.words[self.which] - self.own_words, self.strings[self.which] - self.own_strings
        )
        if not len(known):
            return np.zeros_like(found)
        places = np.minimum(np.searchsorted(known, self.hashes), len(known) - 1)
        among = known[places] == self.hashes
        return np.where(among[self.which], found, np.uint8(0))


@dataclass(frozen=True, slots=True, eq=False)
class Lexicon:
    """The words that a segmenter is to know: hashes ascending, and levels.

    `elsewhere` [places, longest] are levels in the training text as `Strings` has them.
    """

    words: NDArray[np.uint32]
    levels: NDArray[np.uint8]
    elsewhere: NDArray[np.uint8]

    @classmethod
    def of(cls, running: Running, longest: int, most: int) -> Lexicon:
        """The `most` frequent words of up to `longest` characters."""
        lengths = [Strings.of(running, length) for length in range(1, longest + 1)]
        hashes = np.concatenate([strings.hashes for strings in lengths])
        counts = np.concatenate([strings.words for strings in lengths])
        levels = np.concatenate([level(strings.words, strings.strings) for strings in lengths])
        # Words of different lengths may have one hash; the first counts.
        words, first = np.unique(hashes, return_index=True)
        chosen = Counted.of(words, counts[first], 1).first(most).hashes
        elsewhere = np.zeros((len(running.codes), longest), np.uint8)
        for column, strings in enumerate(lengths):
            found = strings.levels_elsewhere(chosen)
            elsewhere[: len(found), column] = found
        return cls(chosen, levels[first][np.searchsorted(words, chosen)], elsewhere)


def longest_word(texts: Sequence[Sequence[str]]) -> int:
    """The least length, 4 to REACH, that 97 in 100 of the words do not pass."""
    lengths = np.array([len(piece) for pieces in texts for piece in pieces if piece != " "])
    return int(np.clip(np.quantile(lengths, 0.97, method="higher"), 4, REACH))
