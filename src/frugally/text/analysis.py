"""From text to hashed terms: the recipe that an index is built with and a question is read with.

A term is a 32-bit number: the MurmurHash3 of a folded, stemmed word, or of two such hashes (a
bigram), cut to the recipe's number of bits. Index and question must use the same recipe, so the
recipe is stored with the index and compared when it is opened.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from frugally.errors import UsageError
from frugally.text import drqa
from frugally.text.murmur import murmur3_32
from frugally.text.stemming import stemmer_digest
from frugally.text.stopwords import STOP_WORDS
from frugally.text.unicode_table import SOLO, VERSION, unicode_table

HASH_VERSION = 1

# Words of questions that a process which answers for long keeps.
_MOST_REMEMBERED = 1 << 17


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything that decides which terms a text has.

    `analyser`: `english` (Snowball English stems of words in a-z), `plain` (no stemming) or `drqa`
    (the seed system's tokens). `bits`: terms are numbers below 2^bits. `title_weight`: how often
    a title counts. `stemmer` says how the stemmer behaves, not which release it is of.
    """

    analyser: str = "english"
    bits: int = 24
    title_weight: int = 1
    hash_version: int = HASH_VERSION
    unicode: str = VERSION
    stemmer: str = ""

    @classmethod
    def make(cls, analyser: str = "english", *, bits: int = 24, title_weight: int = 1) -> Recipe:
        """A recipe for what is installed here.

        Raises:
            UsageError: no such analyser, or bits not in 8 to 32.
        """
        if analyser not in ANALYSERS:
            raise UsageError(f"no analyser {analyser!r}", hint=f"known: {', '.join(ANALYSERS)}")
        if not 8 <= bits <= 32:
            raise UsageError(f"terms of {bits} bits", hint="choose 8 to 32; 24 is the default")
        if not 0 <= title_weight <= 16:
            raise UsageError(f"a title weight of {title_weight}", hint="choose 0 to 16")
        stemmer = stemmer_digest() if analyser == "english" else ""
        return cls(analyser=analyser, bits=bits, title_weight=title_weight, stemmer=stemmer)

    def as_dict(self) -> dict[str, str | int]:
        """The recipe as it stands in a manifest."""
        return asdict(self)

    @property
    def digest(self) -> str:
        """A short name of the recipe: equal digests, equal terms."""
        return hashlib.sha256(json.dumps(self.as_dict(), sort_keys=True).encode()).hexdigest()[:16]


# What a term may be: `characters` are a bigram of a script without spaces.
KINDS = ("word", "bigram", "characters")


class QueryTerm(NamedTuple):
    """A term of a question: its hash, how often it occurs, what it looked like, and which kind.

    Two spellings may have one hash: the text and the kind, one of `KINDS`, are of the last.
    """

    key: int
    frequency: int
    text: str
    kind: str


@dataclass(frozen=True, slots=True, eq=False)
class Spans:
    """Pieces of UTF-8 text: bytes (uint8), and where each piece starts and ends in them (int64)."""

    text: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    @classmethod
    def of(cls, pieces: Sequence[bytes]) -> Spans:
        """Some pieces, laid end to end."""
        sizes = np.fromiter(map(len, pieces), np.int64, len(pieces))
        ends = np.cumsum(sizes)
        return cls(np.frombuffer(b"".join(pieces), np.uint8), ends - sizes, ends)


@dataclass(slots=True)
class Terms:
    """Terms of passages in order: `packed` is `hash << 32 | passage`; `lengths` in words.

    `sample` holds `hash << 32 | uncut hash` of one in 1,024 hashes, to measure collisions with.
    """

    packed: NDArray[np.uint64]
    lengths: NDArray[np.int64]
    sample: NDArray[np.uint64]


class Analyser(Protocol):
    """Turns passages into terms for the index, and questions into query terms."""

    def prepare(self, spans: Spans, passage: int) -> Callable[[], Terms]:
        """What gives the terms of passages numbered from `passage`; spans are title, text, ….

        One call at a time; the result may be called in any thread, whenever.
        """
        ...

    def query(self, question: str) -> list[QueryTerm]:
        """The terms of a question, each once, without stop words unless there is nothing else."""
        ...

    def query_keys(self, question: str) -> NDArray[np.int64]:
        """What `query` says but the texts, sooner: as `keys_of` of it."""
        ...

    def forget(self) -> None:
        """Drop the words seen so far, to bound memory."""
        ...


def keys_of(terms: Sequence[QueryTerm]) -> NDArray[np.int64]:
    """Terms as a search takes them: hashes, frequencies, places in `KINDS`; shape (3, terms)."""
    rows = [(term.key, term.frequency, KINDS.index(term.kind)) for term in terms]
    return np.array(rows, np.int64).reshape(-1, 3).T.copy()


def _merged(found: Iterable[tuple[int, str, str]]) -> list[QueryTerm]:
    """Each hash once, in order of appearance, with the text and the kind it was last met as."""
    merged: dict[int, QueryTerm] = {}
    for key, text, kind in found:
        frequency = merged[key].frequency + 1 if key in merged else 1
        merged[key] = QueryTerm(key, frequency, text, kind)
    return list(merged.values())


class HashedAnalyser:
    """The compiled analyser: folded words of all of Unicode, stems, bigrams past stop words."""

    def __init__(self, recipe: Recipe) -> None:
        import Stemmer

        self._recipe = recipe
        self._table = unicode_table()
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
        return _merged((key & mask, text, kind) for key, text, kind in found)

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
        text = np.frombuffer(question.encode("utf-8", "replace"), np.uint8)
        room = len(text) + 1
        spans = Spans(text, np.zeros(1, np.int64), np.array([len(text)]))
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

    def _tokenise(self, spans: Spans) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Word numbers of the spans laid end to end, and where each span ends in them."""
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
            elif not word.isascii() and _is_alone(word):
                self._flags[number] = ALONE
        words = new if self._stem is None else self._stem(new)
        stems = Spans.of([word.encode() for word in words])
        self._keys[done:count] = hash_words(stems.text, stems.starts, stems.ends)
        self._hashed = count


def _is_alone(word: str) -> bool:
    table = unicode_table()
    code = ord(word[0])
    return int(table.entries[int(table.pages[code >> 8]) * 256 + (code & 255)]) & 7 == SOLO


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


class DrqaAnalyser:
    """The seed system's terms exactly (papers: Chen et al. 2017; see `text/drqa.py`)."""

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
            tokens = drqa.tokens(text)
            lengths[i // 2] = len(tokens)
            packed += (
                drqa.bucket(gram, self._recipe.bits) << 32 | number for gram in drqa.ngrams(tokens)
            )
        return Terms(np.array(packed, np.uint64), lengths, np.zeros(0, np.uint64))

    def query(self, question: str) -> list[QueryTerm]:
        """The terms of a question that the seed system would use.

        If its stop rule leaves none, the words themselves: its index holds no stop words, so they
        find nothing, and a search says so instead of calling the question empty.
        """
        whole = question.encode("utf-8", "replace").decode()  # as texts are read
        words = drqa.tokens(whole)
        grams: Iterable[str] = list(drqa.ngrams(words))
        if not grams:
            grams = (word for word in words if not drqa.is_punctuation(word))
        return _merged(
            (drqa.bucket(gram, self._recipe.bits), gram, "bigram" if " " in gram else "word")
            for gram in grams
        )

    def query_keys(self, question: str) -> NDArray[np.int64]:
        """What `query` says but the texts: as `keys_of` of it."""
        return keys_of(self.query(question))


ANALYSERS: dict[str, Callable[[Recipe], Analyser]] = {
    "english": HashedAnalyser,
    "plain": HashedAnalyser,
    "drqa": DrqaAnalyser,
}


def make_analyser(recipe: Recipe) -> Analyser:
    """The analyser that follows a recipe."""
    return ANALYSERS[recipe.analyser](recipe)
