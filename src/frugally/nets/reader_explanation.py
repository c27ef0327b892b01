"""Why a reader chose a span: what it looked at, how starts and ends scored, what came close."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frugally.nets.spans import best_spans

RUNNERS_UP = 4


@dataclass(frozen=True, slots=True)
class ScoredSpan:
    """Characters `start` to `end` of the passage, and the score of this span there."""

    text: str
    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True)
class AlignedWord:
    """A word of the passage, the word of the question it is most like, and that one's share.

    `at` is the character of the passage where it begins; `start` and `end` are the scores of an
    answer that starts or ends with it.
    """

    word: str
    at: int
    asked: str
    share: float
    start: float
    end: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderExplanation:
    """What the network computed on its way to the best span of a passage.

    `asked` are the words of the question with their shares in its vector q; `words` those of the
    passage. The score of a span is start + end - `null`, the score of "not in this passage".
    """

    asked: tuple[tuple[str, float], ...]
    words: tuple[AlignedWord, ...]
    null: float
    best: ScoredSpan
    runners_up: tuple[ScoredSpan, ...]

    def as_dict(self) -> dict[str, Any]:
        """By name, for JSON."""
        return {
            "question": [{"word": word, "share": round(share, 4)} for word, share in self.asked],
            "passage": [
                {
                    "word": one.word,
                    "at": one.at,
                    "aligned": one.asked,
                    "share": round(one.share, 4),
                    "start": round(one.start, 3),
                    "end": round(one.end, 3),
                }
                for one in self.words
            ],
            "not_in_passage": round(self.null, 3),
            "spans": [
                {"text": span.text, "start": span.start, "end": span.end,
                 "score": round(span.score, 3)}
                for span in (self.best, *self.runners_up)
            ],
        }  # fmt: skip


def explained(
    passage: str,
    places: NDArray[np.int32],
    asked: list[str],
    outputs: dict[str, NDArray[np.float32]],
) -> ReaderExplanation:
    """From the outputs of the network for one passage.

    `places` (T, 2) are the characters of its words; `outputs` has `start` and `end` (T,), `null`
    (1,), `aligned` (T, Q), rows of shares, and `weights` (Q,), shares of the question's words.
    """
    start, end, null = outputs["start"], outputs["end"], float(outputs["null"][0])
    most = outputs["aligned"].argmax(axis=1)
    words = tuple(
        AlignedWord(
            passage[low:high],
            low,
            asked[most[i]],
            float(outputs["aligned"][i, most[i]]),
            float(start[i]),
            float(end[i]),
        )
        for i, (low, high) in enumerate(places.tolist())
    )
    spans = [
        ScoredSpan(
            passage[int(places[first, 0]) : int(places[last, 1])],
            int(places[first, 0]),
            int(places[last, 1]),
            score - null,
        )
        for first, last, score in best_spans(start, end, 1 + RUNNERS_UP)
    ]
    return ReaderExplanation(
        asked=tuple(zip(asked, map(float, outputs["weights"]), strict=True)),
        words=words,
        null=null,
        best=spans[0],
        runners_up=tuple(spans[1:]),
    )
