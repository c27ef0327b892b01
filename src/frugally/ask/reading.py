"""Reading the best passages first, and no more of them than can change the answer."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from frugally.ask.evidence import Evidence
from frugally.ask.hit import Hit
from frugally.ask.search.ranking import Ranking
from frugally.ask.span_cache import Asked, SpanCache
from frugally.ask.weighing import Weighing
from frugally.budget import Budget, format_flops, format_seconds
from frugally.errors import BudgetError, UsageError

if TYPE_CHECKING:
    from frugally.ask.snapshot import Snapshot
    from frugally.nets.reading import Reader, Span

_QUICKEST = 1e-6  # seconds; no passage is read sooner
_PROBED = 80  # characters of a passage by which its time is foretold

Stopped = Literal["end", "settled", "limit"]
"""Why reading stopped: nothing was left, nothing left could change the answer, or a limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was read: evidence best first, hits in the order of the search, and what was left."""

    evidence: tuple[Evidence, ...]
    hits: tuple[Hit, ...]
    unread: int
    stopped: Stopped


def read_best_first(
    snapshot: Snapshot,
    question: str,
    reader: Reader | None,
    *,
    weighing: Weighing,
    limit: Budget | None = None,
    ranking: Ranking | None = None,
    cache: SpanCache | None = None,
) -> Reading:
    """Read passages in the order of the search, a few at a time, until the answer is settled.

    It is settled when the best score so far is one that no unread passage can reach: its search
    score is known, and `weighing.ceiling` is what its reader's score is taken to be at most.
    `limit` caps the passages, the floating-point operations and the seconds of search and reading;
    loading the reader, by default the shipped one, is not among them. What is in the `cache` is not
    read again, and costs nothing.

    Raises:
        UsageError: the question has no word, or the limit is on what cannot be known.
        BudgetError: not one passage can be read within the limit.
    """
    limit = limit or Budget()
    if limit.size is not None:
        raise UsageError("bytes are no limit on reading", hint="write it like 100ms or 2GFLOP")
    began = time.perf_counter()
    most = weighing.passages if limit.passages is None else limit.passages
    matches = snapshot.match(question, max(most, weighing.passages), ranking=ranking)
    searched = time.perf_counter() - began
    if not matches:
        return Reading(evidence=(), hits=(), unread=0, stopped="end")
    if reader is None:
        from frugally.nets.reader import shipped_reader

        reader = shipped_reader()
    pace = _Pace((cache or SpanCache()).asked(reader, question), limit, searched)
    hits: list[Hit] = []
    evidence: list[Evidence] = []
    stopped: Stopped = "end"
    size = weighing.together
    while len(hits) < len(matches):
        group = [snapshot.hit(m.passage, m.score) for m in matches[len(hits) : len(hits) + size]]
        group = pace.within(group, most - len(hits))
        if not group:
            stopped = "limit"
            break
        for hit, span in zip(group, pace.read(group), strict=True):
            hits.append(hit)
            if span is not None:
                score = span.score + weighing.retrieval * (hit.score - hits[0].score)
                evidence.append(Evidence.of(snapshot, hit, span, score))
        best = max((one.score for one in evidence), default=float("-inf"))
        if len(hits) < len(matches) and best > weighing.highest(
            matches[len(hits)].score - matches[0].score
        ):
            stopped = "settled"
            break
        size += weighing.together
    return Reading(
        evidence=tuple(sorted(evidence, key=lambda one: -one.score)),
        hits=tuple(hits),
        unread=len(matches) - len(hits),
        stopped=stopped,
    )


class _Pace:
    """Keeps reading within a limit."""

    def __init__(self, asked: Asked, limit: Budget, searched: float) -> None:
        self._asked, self._limit = asked, limit
        self._started = time.perf_counter() - searched
        self._flops = 0
        self._slowest: float | None = None  # seconds a passage
        self._measured = False
        self._begun = False

    def within(self, group: Sequence[Hit], passages: int) -> list[Hit]:
        """As many of the next hits as the limit leaves room for, `passages` at most.

        Raises:
            BudgetError: none, and nothing has been read yet.
        """
        limit, texts = self._limit, [hit.text for hit in group]
        if limit.flops is not None and not self._flops_of(texts[:1]):
            raise UsageError(
                "nobody knows the floating-point operations of this reader",
                hint="limit its passages or its time",
            )
        count = least = min(len(group), max(0, passages))
        smallest = "1 passage"
        if limit.flops is not None:
            while count and self._flops + self._flops_of(self._asked.unread(texts[:count])) > (
                limit.flops
            ):
                count -= 1
            if least and not count:
                smallest = format_flops(self._flops_of(texts[:1]))
        if limit.seconds is not None and (new := self._asked.unread(texts[:count])):
            if self._slowest is None:
                self._slowest = self._probe(new[0])
            passed = time.perf_counter() - self._started
            room = int((limit.seconds - passed) / max(self._slowest, _QUICKEST))
            if room < 1:
                smallest = f"about {format_seconds(1.2 * (passed + self._slowest))}"
            while count and len(self._asked.unread(texts[:count])) > room:
                count -= 1
        if not count and not self._begun:
            raise BudgetError(
                f"not one passage can be read within {limit}",
                hint=f"the smallest that works is {smallest}",
            )
        return list(group[:count])

    def read(self, group: Sequence[Hit]) -> list[Span | None]:
        """What the reader finds in some hits."""
        texts = [hit.text for hit in group]
        new = self._asked.unread(texts)
        if self._limit.flops is not None and new:
            self._flops += self._flops_of(new)
        began = time.perf_counter()
        spans = self._asked.read(texts)
        if new:
            took = (time.perf_counter() - began) / len(new)
            # What the probe foretold gives way to what was measured.
            self._slowest = max(self._slowest or 0.0, took) if self._measured else took
            self._measured = True
        self._begun = True
        return spans

    def _flops_of(self, texts: Sequence[str]) -> int:
        return self._asked.reader.flops(self._asked.question, texts)

    def _probe(self, text: str) -> float:
        """What a passage will take in seconds, by its first words; 0 if even these cost money."""
        first = text[:_PROBED]
        if not self._flops_of([first]):
            return 0.0
        began = time.perf_counter()
        # Outside of any scope of costs: it is no part of what is read.
        Context().run(self._asked.reader.read, self._asked.question, [first])
        return (time.perf_counter() - began) * max(1.0, len(text) / _PROBED)
