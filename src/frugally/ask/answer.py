"""From a question to an answer: search, read what was found, weigh, and say what it cost."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from frugally.ask.hit import Hit
from frugally.ask.search.ranking import Ranking
from frugally.ask.weighing import DEFAULT_WEIGHING, Weighing
from frugally.cost import Cost, metered

if TYPE_CHECKING:
    from frugally.ask.snapshot import Snapshot
    from frugally.nets.reading import Reader, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where an answer stands: characters `start` to `end` of the document, in `sentence`.

    `score` is the reader's, weighed with the search's; `place` is that of the answer, not of the
    passage.
    """

    hit: Hit
    start: int
    end: int
    text: str
    sentence: str
    place: str
    score: float

    def as_dict(self) -> dict[str, Any]:
        """By name, for JSON."""
        return {
            "text": self.text,
            "start": self.start,
            "end": self.end,
            "sentence": self.sentence,
            "place": self.place,
            "score": round(self.score, 4),
            "id": self.hit.id,
            "title": self.hit.title,
            "url": self.hit.url,
            "source": self.hit.source,
            "begins": self.hit.begins,
            "ends": self.hit.ends,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer, how likely it is right (0 to 1, calibrated), where it stands, what it cost."""

    question: str
    text: str
    confidence: float
    evidence: tuple[Evidence, ...]
    cost: Cost

    def as_dict(self) -> dict[str, Any]:
        """By name, for JSON."""
        return {
            "question": self.question,
            "answer": self.text,
            "confidence": round(self.confidence, 4),
            "evidence": [evidence.as_dict() for evidence in self.evidence],
            "cost": self.cost.as_dict(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAnswer:
    """No answer in these sources: nothing found, or nothing the reader trusts enough.

    `best` is what it would have said, with the confidence that was too low; `nearest` are the
    passages that came closest.
    """

    question: str
    best: str
    confidence: float
    nearest: tuple[Hit, ...]
    cost: Cost

    def as_dict(self) -> dict[str, Any]:
        """By name, for JSON."""
        return {
            "question": self.question,
            "answer": None,
            "best": self.best or None,
            "confidence": round(self.confidence, 4),
            "nearest": [hit.as_dict() for hit in self.nearest],
            "cost": self.cost.as_dict(),
        }


def answer(
    snapshot: Snapshot,
    question: str,
    *,
    reader: Reader | None = None,
    passages: int | None = None,
    threshold: float | None = None,
    ranking: Ranking | None = None,
    weighing: Weighing = DEFAULT_WEIGHING,
) -> Answer | NoAnswer:
    """Search one commit, read the best passages, and answer from the one that scores best.

    `passages` is how many are read at most, `threshold` the confidence below which there is no
    answer; both default to what `weighing` was fitted with. `reader` defaults to the shipped one.

    Raises:
        UsageError: the question has no word.
    """
    with metered() as cost:
        count = weighing.passages if passages is None else passages
        hits = snapshot.search(question, count, ranking=ranking)
        if not hits:
            evidence: list[Evidence] = []
        else:
            if reader is None:
                from frugally.nets.reader import shipped_reader

                reader = shipped_reader()
            spans = reader.read(question, [hit.text for hit in hits])
            evidence = _weighed(snapshot, hits, spans, weighing)
    if threshold is None:
        threshold = weighing.threshold
    best = evidence[0] if evidence else None
    confidence = 0.0
    if best is not None:
        # Another passage that says the same is no rival.
        others = [e.score for e in evidence if _bare(e.text) != _bare(best.text)]
        confidence = weighing.confidence(best.score, max(others, default=None))
    if best is None or confidence < threshold:
        return NoAnswer(
            question=question,
            best=best.text if best else "",
            confidence=confidence,
            nearest=tuple(hits[:3]),
            cost=cost,
        )
    same = tuple(e for e in evidence if _bare(e.text) == _bare(best.text))
    return Answer(
        question=question, text=best.text, confidence=confidence, evidence=same, cost=cost
    )


def _weighed(
    snapshot: Snapshot, hits: Sequence[Hit], spans: Sequence[Span | None], weighing: Weighing
) -> list[Evidence]:
    """The spans as evidence, best first; equal scores in the order of the search."""
    found = []
    for hit, span in zip(hits, spans, strict=True):
        if span is None:
            continue
        found.append(
            Evidence(
                hit=hit,
                start=hit.start + span.start,
                end=hit.start + span.end,
                text=hit.text[span.start : span.end],
                sentence=sentence_around(hit.text, span.start, span.end),
                place=snapshot.place(hit, hit.start + span.start),
                score=span.score + weighing.retrieval * (hit.score - hits[0].score),
            )
        )
    return sorted(found, key=lambda e: -e.score)


_SENTENCE_END = re.compile(r"[.!?][\"'”’)\]]*\s+(?=[\"'“‘(\[]?[A-Z0-9À-Þ])|[。！？]|\n+")


def sentence_around(text: str, start: int, end: int) -> str:
    """The sentence (or sentences) of `text` that characters `start` to `end` stand in."""
    low, high = 0, len(text)
    for match in _SENTENCE_END.finditer(text):
        if match.end() <= start:
            low = match.end()
        elif match.start() >= end:
            high = match.end()
            break
    return text[low:high].strip()


def _bare(text: str) -> str:
    """An answer without case, articles and punctuation, as SQuAD's evaluation compares them."""
    words = re.sub(r"[^\w\s]", "", text.lower()).split()
    return " ".join(word for word in words if word not in ("a", "an", "the"))
