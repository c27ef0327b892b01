"""How the reader's score and the search's are weighed into one, and into a confidence.

The constants are fitted by `python -m benchmarks.weighing` on questions that neither training nor
any reported figure has seen; see docs/reader.md.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighing:
    """The constants of two sums.

    score = reader + retrieval · (search score − best search score);
    confidence = σ(slope · score + margin · (score − runner-up) + offset).

    `passages` are read for a question; below `threshold` there is no answer.
    """

    retrieval: float = 0.5
    slope: float = 0.5
    margin: float = 0.0
    offset: float = -1.0
    threshold: float = 0.2
    passages: int = 12

    def confidence(self, scores: Sequence[float]) -> float:
        """The probability that the first of these scores, best first, belongs to a right answer."""
        margin = scores[0] - scores[1] if len(scores) > 1 else 5.0
        x = self.slope * scores[0] + self.margin * min(margin, 5.0) + self.offset
        return 1.0 / (1.0 + math.exp(-max(-50.0, min(50.0, x))))


DEFAULT_WEIGHING = Weighing()
