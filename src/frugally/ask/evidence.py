"""Where an answer stands: its passage, its place, and the sentence around it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from frugally.ask.hit import Hit

if TYPE_CHECKING:
    from frugally.ask.snapshot import Snapshot
    from frugally.nets.reading import Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Where an answer stands: characters `start` to `end` of the document, in `sentence`.

    `score` is the reader's weighed with the search's; `place` is that of the answer, not of the
    passage.
    """

    hit: Hit
    start: int
    end: int
    text: str
    sentence: str
    place: str
    reader_score: float
    score: float

    @classmethod
    def of(cls, snapshot: Snapshot, hit: Hit, span: Span, score: float) -> Evidence:
        """A span that a reader found in a hit, with its score."""
        return cls(
            hit=hit,
            start=hit.start + span.start,
            end=hit.start + span.end,
            text=hit.text[span.start : span.end],
            sentence=sentence_around(hit.text, span.start, span.end),
            place=snapshot.place(hit, hit.start + span.start),
            reader_score=span.score,
            score=score,
        )

    @property
    def answer(self) -> str:
        """The text without case, articles and punctuation, as SQuAD's evaluation compares them."""
        words = re.sub(r"[^\w\s]", "", self.text.lower()).split()
        return " ".join(word for word in words if word not in ("a", "an", "the"))

    def as_dict(self) -> dict[str, Any]:
        """By name, for JSON."""
        return {
            "text": self.text,
            "start": self.start,
            "end": self.end,
            "sentence": self.sentence,
            "place": self.place,
            "score": round(self.score, 4),
            "reader_score": round(self.reader_score, 4),
            "id": self.hit.id,
            "title": self.hit.title,
            "url": self.hit.url,
            "source": self.hit.source,
            "begins": self.hit.begins,
            "ends": self.hit.ends,
        }


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
