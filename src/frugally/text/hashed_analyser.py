"""The compiled analyser: folded words of all of Unicode, stems, bigrams past stop words.

A term is a 32-bit number: the MurmurHash3 of a folded, stemmed word, or of two such hashes (a
bigram), cut to the recipe's number of bits.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from frugally.text.murmur import murmur3_32
from frugally.text.recipe import Recipe
from frugally.text.stopwords import STOP_WORDS
from frugally.text.terms import QueryTerm, Spans, Terms, merged
from frugally.text.unicode_table import SOLO, WORD_BREAK, covering, unicode_table

# Words of questions that a process which answers for long keeps.
_MOST_REMEMBERED = 1 << 17


class WordSegmenter(Protocol):
    """Finds words in text of some scripts without spaces."""

    @property
    def scripts(self) -> Sequence[str]:
        """The scripts, by their names in `unicode_table.SPACELESS`."""
        ...

    def segment_all(self, texts: Sequence[str]) -> list[list[str]]:
        """The words of each text, end to end the text itself."""
        ...


class HashedAnalyser:
    """The compiled analyser: folded words of all of Unicode, stems, bigrams past stop words."""

    def __init__(self, recipe: Recipe, segmenter: WordSegmenter | None = None) -> None:
        import Stemmer

        self._recipe = recipe
        self._table = unicode_table()
        self._segmenter = segmenter
        if segmenter is not None:
            self._table = self._table.with_words_in(segmenter.scripts)
            self._covered = covering(segmenter.scripts)
        # Without the stemmer's own cache: every word comes here once.
        self._stem = (
            Stemmer.Stemmer("english", 0).stemWords if recipe.analyser == "english" else None
        )
        self.forget()

    def forget(self) -> None:
        """Drop the words seen so far, to bound memory."""
        self._slots = np.zeros(1 << 16, np.uint64)
        self._numbers = np.zeros(1 << 16, np.int32)
        self._state = np.zeros(2, np.int64)
        self._words = np.empty(1 << 18, np.uint8)
        self._word_ends = np.zeros(1 << 15, np.int64)
        self._keys = np.zeros(1 << 15, np.uint32)
        self._flags = np.zeros(1 << 15, np.uint8)
        self._hashed = 0  # words that have their key and their flags

    def prepare(self, spans: Spans, passage: int) -> Callable[[], Terms]:
        """What gives the terms of passages numbered from `passage`; spans are title, text, …."""
        tokens, ends = self._tokenise(spans)
        # What comes to be known stands behind the words known by now, or in other arrays.
        return partial(self._emit, tokens, ends, passage, self._keys, self._flags)

    def _emit(
        self,
        tokens: NDArray[np.int32],
        ends: NDArray[np.int64],
        passage: int,
        keys: NDArray[np.uint32],
        flags: NDArray[np.uint8],
    ) -> Terms:
        from frugally.text.kernels import emit_terms

        repeats = max(1, self._recipe.title_weight)
        packed = np.empty(2 * repeats * len(tokens), np.uint64)
        lengths = np.zeros(len(ends) // 2, np.int64)
        sample = np.zeros(1 + len(packed) // 64, np.uint64)
        written = emit_terms(
            tokens, ends, passage, keys, flags, self._recipe.title_weight, self._recipe.bits,
            packed, lengths, sample,
        )  # fmt: skip
        return Terms(packed[:written], lengths, np.unique(sample[1 : 1 + int(sample[0])]))

    def query(self, question: str) -> list[QueryTerm]:
        """The terms of a question, each once, without stop words unless there is nothing else."""
        from frugally.text.kernels import ALONE, STOP

        words = [self._word(number) for number in self._numbers_of(question).tolist()]
        kept = [i for i, (_, flags, _) in enumerate(words) if not flags & STOP]
        found = [(key, text, "word") for key, _, text in ([words[i] for i in kept] or words)]
        for i, j in pairwise(kept):
            (key, flags, first), (other, others, second) = words[i], words[j]
            alone = flags & others & ALONE and j == i + 1
            pair = murmur3_32(struct.pack("<II", key, other))
            found.append((pair, f"{first} {second}", "characters" if alone else "bigram"))
        mask = (1 << self._recipe.bits) - 1
        return merged((key & mask, text, kind) for key, text, kind in found)

    def query_keys(self, question: str) -> NDArray[np.int64]:
        """What `query` says but the texts, sooner: as `keys_of` of it."""
        from frugally.text.kernels import query_terms

        numbers = self._numbers_of(question)
        terms: NDArray[np.int64] = query_terms(numbers, self._keys, self._flags, self._recipe.bits)
        return terms

    def _numbers_of(self, question: str) -> NDArray[np.int32]:
        """The numbers of the words of a question."""
        if self._state[0] > _MOST_REMEMBERED:
            self.forget()
        spans = self._segmented(Spans.of([question.encode("utf-8", "replace")]))
        room = len(spans.text) + 1
        tokens, token_ends = np.empty(2 * room, np.int32), np.zeros(1, np.int64)
        while not self._number(spans, 0, tokens, token_ends)[0]:
            self._grow(room)
        self._hash_new_words()
        return tokens[: int(token_ends[0])]

    def _word(self, number: int) -> tuple[int, int, str]:
        """The hash, flags and text of a word."""
        start = int(self._word_ends[number - 1]) if number else 0
        text = self._words[start : int(self._word_ends[number]) - 1].tobytes().decode()
        return int(self._keys[number]), int(self._flags[number]), text

    def _segmented(self, spans: Spans) -> Spans:
        """The same text with a break between words that the segmenter finds."""
        if self._segmenter is None:
            return spans
        whole = spans.text.tobytes()
        if not self._covered.search(whole.decode("utf-8", "replace")):
            return spans
        bounds = zip(spans.starts.tolist(), spans.ends.tolist(), strict=True)
        texts = [whole[start:end].decode("utf-8", "replace") for start, end in bounds]
        asked = [text for text in dict.fromkeys(texts) if self._covered.search(text)]
        words = dict(zip(asked, self._segmenter.segment_all(asked), strict=True))
        return Spans.of([(self._parted(words[t]) if t in words else t).encode() for t in texts])

    def _parted(self, words: Sequence[str]) -> str:
        """Words end to end, with a break beside each that begins or ends in a covered script."""
        parts = list(words[:1])
        for before, after in pairwise(words):
            if self._covered.match(before, len(before) - 1) or self._covered.match(after):
                parts.append(WORD_BREAK)
            parts.append(after)
        return "".join(parts)

    def _tokenise(self, spans: Spans) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Word numbers of the spans laid end to end, and where each span ends in them."""
        spans = self._segmented(spans)
        sizes = spans.ends - spans.starts
        count = len(sizes)
        token_ends = np.zeros(count, np.int64)
        # A byte is a token at most, and every span may end one; short texts fold longer.
        room = int(sizes.max(initial=0)) + 1
        tokens = np.empty(int(sizes.sum()) + count + 2 * room, np.int32)
        chunks: list[NDArray[np.int32]] = [] if count else [tokens[:0]]
        span, base = 0, 0
        while span < count:
            following, written = self._number(spans, span, tokens, token_ends)
            chunks.append(tokens[:written].copy() if following < count else tokens[:written])
            token_ends[span:following] += base
            base += written
            if following < count:
                self._grow(int(sizes[following]) + 1)
            span = following
        self._hash_new_words()
        return (np.concatenate(chunks) if len(chunks) != 1 else chunks[0]), token_ends

    def _number(
        self, spans: Spans, first: int, tokens: NDArray[np.int32], token_ends: NDArray[np.int64]
    ) -> tuple[int, int]:
        """As many spans from `first` on as there is room for: the next one, and tokens written."""
        from frugally.text.kernels import tokenise

        table = self._table
        following, written = tokenise(
            spans.text, spans.starts, spans.ends, first, table.pages, table.entries, table.folds,
            self._slots, self._numbers, self._state, self._words, self._word_ends, tokens,
            token_ends,
        )  # fmt: skip
        return following, written

    def _grow(self, room: int) -> None:
        words, size = self._state.tolist()
        if 2 * (words + 2 * room) > len(self._slots) or words + 2 * room > len(self._word_ends):
            while 2 * (words + 2 * room) > len(self._slots) // 2:
                self._slots, self._numbers = _rehashed(self._slots, self._numbers)
            more = len(self._slots) // 2
            self._word_ends = _longer(self._word_ends, more)
            self._keys = _longer(self._keys, more)
            self._flags = _longer(self._flags, more)
        if size + 15 * room > len(self._words):
            self._words = _longer(self._words, 2 * (size + 15 * room))

    def _hash_new_words(self) -> None:
        """Stem and hash the words that have been met since the last time."""
        from frugally.text.kernels import ALONE, STOP, hash_words

        done, count = self._hashed, int(self._state[0])
        if done == count:
            return
        start = int(self._word_ends[done - 1]) if done else 0
        text = self._words[start : int(self._word_ends[count - 1]) - 1].tobytes()
        new = text.decode().split("\n")
        for number, word in enumerate(new, done):
            if word in STOP_WORDS:
                self._flags[number] = STOP
            elif not word.isascii() and self._table.kind(word[0]) == SOLO:
                self._flags[number] = ALONE
        words = new if self._stem is None else self._stem(new)
        stems = Spans.of([word.encode() for word in words])
        self._keys[done:count] = hash_words(stems.text, stems.starts, stems.ends)
        self._hashed = count


def _longer(array: NDArray[Any], length: int) -> NDArray[Any]:
    """The same numbers, and zeros after them."""
    longer = np.zeros(length, array.dtype)
    longer[: len(array)] = array
    return longer


def _rehashed(
    slots: NDArray[np.uint64], numbers: NDArray[np.int32]
) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    from frugally.text.kernels import rehash

    bigger = np.zeros(2 * len(slots), np.uint64), np.zeros(2 * len(slots), np.int32)
    rehash(slots, numbers, *bigger)
    return bigger
