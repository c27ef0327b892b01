"""How the reader's score and the search's are weighed into one, and into a confidence.

The constants are fitted by `python -m benchmarks.weighing` on questions that neither training nor
any reported figure has seen; see docs/reader.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighing:
    """The constants of two sums.

    score = reader + retrieval · (search score − best search score);
    confidence = σ(slope · score + margin · min(5, score − runner-up) + offset).

    At most `passages` are read for a question, first `together`, then twice as many, and so on;
    below `threshold` there is no answer. No passage's reader score is taken to be above `ceiling`:
    that settles an answer before all are read.
    """

    retrieval: float = 0.6
    slope: float = 0.1326
    margin: float = 0.3261
    offset: float = -2.0127
    threshold: float = 0.48
    passages: int = 8
    together: int = 2
    ceiling: float = 9.0

    def highest(self, gap: float) -> float:
        """What a passage can score at most whose search score is `gap` above the best one's."""
        return self.ceiling + self.retrieval * gap

    def confidence(self, score: float, runner_up: float | None) -> float:
        """The probability that the answer with this score is right.

        `runner_up` is the best score of another answer, None if there is no other.
        """
        x = self.slope * score + self.margin * lead(score, runner_up) + self.offset
        return 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, x))))


def lead(score: float, runner_up: float | None) -> float:
    """How far the best answer is ahead of any other, at most 5."""
    return 5.0 if runner_up is None else min(5.0, score - runner_up)


DEFAULT_WEIGHING = Weighing()
