"""Exact top-k over the segments of one commit."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frugally.ask.index.postings import LENGTH_FLOORS
from frugally.ask.index.segment import HINT, Segment
from frugally.ask.search.ranking import LONGEST, Ranking
from frugally.cost import spend
from frugally.errors import CorruptionError, UsageError
from frugally.text.terms import QueryTerm, keys_of

# A question of a hundred thousand characters is answered by its rarest terms.
MOST_TERMS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A passage by its number in the collection, and its score."""

    passage: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one term of the question added to a score; `having` is how many passages have it."""

    term: QueryTerm
    frequency: int
    having: int
    score: float


class Searcher:
    """Searches segments; caches what depends on the ranking but not on the question."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._segments = segments
        self._bases = np.cumsum([0, *(s.entry.passages for s in segments)])
        words = sum(s.entry.words for s in segments)
        self.passages = int(self._bases[-1])
        self._average = words / max(1, self.passages)
        # Most are of that type as they lie, and stay where they lie.
        self._lengths = [
            s.lengths
            if s.lengths.dtype == np.uint16
            else np.minimum(s.lengths, LONGEST).astype(np.uint16)
            for s in segments
        ]
        self._local = threading.local()
        self._norms: dict[Ranking, list[tuple[NDArray[np.float32], NDArray[np.float32]]]] = {}

    def search(
        self, terms: NDArray[np.int64], k: int, ranking: Ranking, *, prune: bool = True
    ) -> list[Match]:
        """The k best passages that have a term, best first, ties by passage number.

        Terms are as `Analyser.query_keys` and `keys_of` give them.
        `prune=False` scores every posting of the terms; the result is the same to the last bit.

        Raises:
            UsageError: k is below 1.
            CorruptionError: a segment is damaged.
        """
        from frugally.ask.search.kernels import ONE, search

        if k < 1:
            raise UsageError(f"cannot return {k} hits", hint="ask for at least 1")
        rows, _, weights = self._look_up(terms, ranking)
        if len(weights) > MOST_TERMS:
            used = np.flatnonzero(weights)
            rows, weights = [found[used] for found in rows], weights[used]
        k = min(k, self.passages)
        scores, docs = np.zeros(k, np.int64), np.zeros(k, np.int64)
        state = np.zeros(4, np.int64)
        norms = self._norms_of(ranking)
        for i, segment in enumerate(self._segments):
            tables = segment.tables
            room = 1
            while room > 0:
                room = search(
                    rows[i], weights, segment.postings, tables["skip_last"],
                    tables["skip_position"], segment.bits, segment.entry.passages, self._lengths[i],
                    *norms[i], segment.deleted, ranking.name == "bm25", ranking.k1, prune,
                    int(self._bases[i]), scores, docs, state, *self._scratch(room),
                )  # fmt: skip
            if room < 0:
                raise CorruptionError(f"{segment.folder} is damaged", hint=HINT)
        hits, scored, total, read = state.tolist()
        spend(postings_scored=scored, postings_total=total, bytes_read=read)
        best = sorted(zip((-scores[:hits]).tolist(), docs[:hits].tolist(), strict=True))
        return [Match(passage=passage, score=-score / ONE) for score, passage in best]

    def explain(self, terms: Sequence[QueryTerm], passage: int, ranking: Ranking) -> list[Share]:
        """What each term adds to a passage's score, the highest first."""
        from frugally.ask.search.kernels import ONE

        rows, having, weights = self._look_up(keys_of(terms), ranking)
        i, local = self.locate(passage)
        norms, _ = self._norms_of(ranking)[i]
        norm = float(norms[self._lengths[i][local] if ranking.name == "bm25" else local])
        shares = []
        for t, term in enumerate(terms):
            if weights[t] <= 0.0:
                continue
            docs, tfs = self._segments[i].postings_of(rows[i][t])
            at = int(np.searchsorted(docs, local))
            if at == len(docs) or docs[at] != local:
                continue
            tf = float(tfs[at])
            if ranking.name == "bm25":
                value = weights[t] * (tf * (ranking.k1 + 1.0)) / (tf + norm)
            else:
                value = weights[t] * math.log1p(tf) * norm  # as compiled; numpy's differs
            score = int(value * ONE + 0.5) / ONE
            shares.append(Share(term=term, frequency=int(tf), having=int(having[t]), score=score))
        return sorted(shares, key=lambda share: -share.score)

    def locate(self, passage: int) -> tuple[int, int]:
        """Which segment a passage is in, and its number there."""
        i = int(np.searchsorted(self._bases, passage, side="right")) - 1
        return i, passage - int(self._bases[i])

    def _scratch(self, needed: int) -> tuple[NDArray[Any], NDArray[Any]]:
        """Room for so many passages of the terms in a segment, and for a window of passages.

        Kept for the thread's next question: fresh memory costs more than filling it.
        """
        from frugally.ask.search.kernels import WINDOW_BITS

        kept: tuple[NDArray[Any], NDArray[Any]] | None = getattr(self._local, "scratch", None)
        if kept is None or len(kept[0]) < needed:
            slots = np.empty((3, (1 << WINDOW_BITS) + 1), np.int64)
            kept = self._local.scratch = np.empty(2 * needed, np.uint32), slots
        return kept

    def _look_up(
        self, terms: NDArray[np.int64], ranking: Ranking
    ) -> tuple[list[NDArray[np.int64]], NDArray[np.int64], NDArray[np.float64]]:
        """Per segment the rows of the terms, how many passages have them, and their weights.

        Beyond MOST_TERMS the weights are 0.
        """
        keys = terms[0]
        rows = [segment.look_up(keys) for segment in self._segments]
        having = sum((found[:, 1] for found in rows), start=np.zeros(len(keys), np.int64))
        weights = ranking.weights(terms, self.passages, having)
        if len(keys) > MOST_TERMS:
            dropped = np.argsort(-weights, kind="stable")[MOST_TERMS:]
            weights[dropped] = 0.0
        return rows, having, weights

    def _norms_of(self, ranking: Ranking) -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """Per segment the norms (bm25: of each length, else of each passage), and blocks' gains."""
        kept = self._norms.get(ranking)
        if kept is None:
            if ranking.name == "bm25":
                norms = ranking.norms(np.arange(LONGEST + 1), self._average).astype(np.float32)
                gains = ranking.gains(ranking.norms(LENGTH_FLOORS, self._average))
                kept = [(norms, _block_gains(s, gains)) for s in self._segments]
            else:
                kept = [
                    (n, _block_gains(s, ranking.gains(np.full(256, n.max(initial=0.0)))))
                    for s, n in zip(self._segments, self._factors(ranking), strict=True)
                ]
            self._norms[ranking] = kept
        return kept

    def _factors(self, ranking: Ranking) -> list[NDArray[np.float32]]:
        """What each passage's TF-IDF shares are multiplied by."""
        if ranking.similarity == "dot":
            return [np.ones(s.entry.passages, np.float32) for s in self._segments]
        return self._cosine_factors()

    def _cosine_factors(self) -> list[NDArray[np.float32]]:
        """1 / the Euclidean length of each passage's TF-IDF weights: one pass over all postings."""
        having: dict[int, int] = {}
        squares = [np.zeros(s.entry.passages) for s in self._segments]
        several = len(self._segments) > 1
        if several:
            for segment in self._segments:
                for packed, _ in segment.pieces():
                    terms, counts = np.unique(packed >> np.uint64(32), return_counts=True)
                    for term, count in zip(terms.tolist(), counts.tolist(), strict=True):
                        having[term] = having.get(term, 0) + count
        for segment, sums in zip(self._segments, squares, strict=True):
            for packed, frequencies in segment.pieces():
                terms, inverse, counts = np.unique(
                    packed >> np.uint64(32), return_inverse=True, return_counts=True
                )
                if several:
                    counts = np.array([having[t] for t in terms.tolist()])
                idf = np.maximum(0.0, np.log((self.passages - counts + 0.5) / (counts + 0.5)))
                weights = np.log1p(frequencies) * idf[inverse]
                docs = (packed & np.uint64(0xFFFFFFFF)).astype(np.int64)
                np.add(sums, np.bincount(docs, weights * weights, len(sums)), out=sums)
        # A passage without any weight has no share either; its factor must not raise the bounds.
        return [
            np.divide(1.0, np.sqrt(s), out=np.zeros(len(s)), where=s > 0.0).astype(np.float32)
            for s in squares
        ]


def _block_gains(segment: Segment, gains: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a weight of 1 gives at most in each block of a segment's long lists."""
    from frugally.ask.search.kernels import block_gains

    best = np.empty(len(segment.tables["impact_ends"]), np.float32)
    if block_gains(segment.tables["impacts"], segment.tables["impact_ends"], gains, best) < 0:
        raise CorruptionError(f"{segment.folder} is damaged", hint=HINT)
    return best
