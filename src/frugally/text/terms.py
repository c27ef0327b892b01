"""Terms: what an analyser makes of passages for the index, and of questions for a search."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

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


def merged(found: Iterable[tuple[int, str, str]]) -> list[QueryTerm]:
    """Each hash once, in order of appearance, with the text and the kind it was last met as."""
    merged: dict[int, QueryTerm] = {}
    for key, text, kind in found:
        frequency = merged[key].frequency + 1 if key in merged else 1
        merged[key] = QueryTerm(key, frequency, text, kind)
    return list(merged.values())
