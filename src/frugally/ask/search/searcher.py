"""Exact top-k over the segments of one commit."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frugally.ask.index.layout import BLOCK
from frugally.ask.index.postings import LENGTH_FLOORS
from frugally.ask.index.segment import HINT, Segment
from frugally.ask.search.ranking import Ranking
from frugally.cost import spend
from frugally.errors import CorruptionError, UsageError
from frugally.text.analysis import QueryTerm

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
        self._local = threading.local()
        self._norms: dict[Ranking, list[tuple[NDArray[np.float32], NDArray[np.float64]]]] = {}

    def search(
        self, terms: Sequence[QueryTerm], k: int, ranking: Ranking, *, prune: bool = True
    ) -> list[Match]:
        """The k best passages that have a term, best first, ties by passage number.

        `prune=False` scores every posting of the terms; the result is the same to the last bit.

        Raises:
            UsageError: k is below 1.
            CorruptionError: a segment is damaged.
        """
        from frugally.ask.search.kernels import ONE, search

        if k < 1:
            raise UsageError(f"cannot return {k} hits", hint="ask for at least 1")
        rows, weights = self._look_up(terms, ranking)
        k = min(k, self.passages)
        scores, docs = np.zeros(k, np.int64), np.zeros(k, np.int64)
        state = np.zeros(4, np.int64)
        norms = self._norms_of(ranking)
        scratch = self._scratch(rows)
        for i, segment in enumerate(self._segments):
            tables = segment.tables
            used = np.flatnonzero(rows[i][:, 1])
            if not len(used):
                continue
            status = search(
                rows[i][used], weights[used], segment.postings, tables["skip_last"],
                tables["skip_position"], tables["impacts"], tables["impact_ends"], segment.bits,
                segment.entry.passages, *norms[i], segment.deleted, ranking.name == "bm25",
                ranking.k1, prune, int(self._bases[i]), scores, docs, state, *scratch,
            )  # fmt: skip
            if status < 0:
                raise CorruptionError(f"{segment.folder} is damaged", hint=HINT)
        spend(
            postings_scored=int(state[1]),
            postings_total=int(state[2]),
            bytes_read=int(state[3]),
        )
        count = int(state[0])
        order = np.lexsort((docs[:count], -scores[:count]))
        return [Match(passage=int(docs[i]), score=int(scores[i]) / ONE) for i in order]

    def explain(self, terms: Sequence[QueryTerm], passage: int, ranking: Ranking) -> list[Share]:
        """What each term adds to a passage's score, the highest first."""
        from frugally.ask.search.kernels import ONE

        rows, weights = self._look_up(terms, ranking)
        i, local = self.locate(passage)
        norm = float(self._norms_of(ranking)[i][0][local])
        having = np.sum([found[:, 1] for found in rows], axis=0)
        shares = []
        for t, term in enumerate(terms):
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

    def _scratch(self, rows: list[NDArray[np.int64]]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Room for all postings of the terms in any one segment, kept for the next question."""
        needed = max((int((-(-found[:, 1] // BLOCK)).sum()) * BLOCK for found in rows), default=0)
        kept: tuple[NDArray[Any], NDArray[Any]] | None = getattr(self._local, "scratch", None)
        if kept is None or len(kept[0]) < needed:
            kept = np.empty(2 * needed, np.uint32), np.empty(2 * needed, np.uint32)
            self._local.scratch = kept
        return kept

    def _look_up(
        self, terms: Sequence[QueryTerm], ranking: Ranking
    ) -> tuple[list[NDArray[np.int64]], NDArray[np.float64]]:
        """Per segment the rows of the terms, and the terms' weights (0 beyond MOST_TERMS)."""
        keys = np.array([t.key for t in terms], np.int64)
        rows = [segment.look_up(keys) for segment in self._segments]
        having = np.sum([found[:, 1] for found in rows], axis=0) if rows else np.zeros(len(keys))
        weights = ranking.weights(terms, self.passages, np.asarray(having, np.int64))
        if len(terms) > MOST_TERMS:
            dropped = np.argsort(-weights, kind="stable")[MOST_TERMS:]
            weights[dropped] = 0.0
        for found in rows:
            found[weights <= 0.0] = 0
        return rows, weights

    def _norms_of(self, ranking: Ranking) -> list[tuple[NDArray[np.float32], NDArray[np.float64]]]:
        if ranking not in self._norms:
            if ranking.name == "bm25":
                codes = ranking.norms(LENGTH_FLOORS, self._average)
                self._norms[ranking] = [
                    (
                        ranking.norms(s.lengths.astype(np.int64), self._average).astype(np.float32),
                        codes,
                    )
                    for s in self._segments
                ]
            elif ranking.similarity == "dot":
                self._norms[ranking] = [
                    (np.ones(s.entry.passages, np.float32), np.ones(256)) for s in self._segments
                ]
            else:
                self._norms[ranking] = self._cosine_factors()
        return self._norms[ranking]

    def _cosine_factors(self) -> list[tuple[NDArray[np.float32], NDArray[np.float64]]]:
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
        with np.errstate(divide="ignore"):
            factors = [np.where(s > 0.0, 1.0 / np.sqrt(s), 0.0).astype(np.float32) for s in squares]
        return [(f, np.full(256, float(f.max(initial=0.0)))) for f in factors]
