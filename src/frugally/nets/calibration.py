"""From a score to a probability: Platt scaling."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """confidence = 1 / (1 + exp(-(a · score + b))), after Platt 1999; a is above zero.

    As it stands it takes the score for the log-odds that it should be.
    """

    a: float = 1.0
    b: float = 0.0

    def confidence(self, score: float) -> float:
        """The probability, 0 to 1, that an answer with this score is right."""
        logit = self.a * score + self.b
        if logit >= 0:
            return 1 / (1 + math.exp(-logit))
        return math.exp(logit) / (1 + math.exp(logit))
