"""What a reader is: it looks for the answer to a question in passages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The best answer in one passage: characters `start` to `end` of it.

    `score` is a log-odds that this span answers the question, against "not in this passage";
    scores of different passages compare.
    """

    start: int
    end: int
    score: float


class Reader(Protocol):
    """Anything that extracts answers from passages."""

    def read(self, question: str, passages: Sequence[str]) -> list[Span | None]:
        """The best span of each passage, in their order; `None` for a passage without words."""
        ...

    def flops(self, question: str, passages: Sequence[str]) -> int:
        """Floating-point operations of reading them; 0 where that cannot be known."""
        ...

    def confidence(self, score: float) -> float:
        """The calibrated probability, 0 to 1, that an answer with this score is right."""
        ...
