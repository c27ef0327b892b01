"""Regularised evolution (Real, Aggarwal, Huang, Le 2019, arXiv:1802.01548, algorithm 1).

A population of P cells, at first by chance. Then again and again: of S of them, drawn with
replacement, the best is changed in one decision, the child joins, and the oldest dies. That the
oldest dies and not the worst keeps out cells that were only lucky.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from frugally.errors import UsageError
from frugally.fit.architecture.space import Decisions, Space


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The paper's: P = 100, S = 25, one child in twenty is as its parent."""

    population: int = 100
    sample: int = 25
    unchanged: float = 0.05

    def __post_init__(self) -> None:
        if not 1 <= self.sample <= self.population or not 0 <= self.unchanged < 1:
            raise UsageError(
                "evolution draws 1 parent or more, and no more than there are in the population"
            )


class Evolution:
    """Children of the best of a few."""

    def __init__(self, space: Space, seed: int = 0, settings: Settings | None = None) -> None:
        self._space = space
        self._settings = settings or Settings()
        self._random = np.random.default_rng(seed)
        self._population: deque[tuple[float, Decisions]] = deque(maxlen=self._settings.population)
        self._proposed = 0

    def propose(self) -> Decisions:
        """Decisions by chance at first, then those of a child."""
        self._proposed += 1
        if self._proposed <= self._settings.population or not self._population:
            return self._space.sample(self._random)
        drawn = self._random.integers(len(self._population), size=self._settings.sample)
        _, parent = max((self._population[i] for i in drawn), key=lambda one: one[0])
        return self._mutated(parent)

    def tell(self, decisions: Decisions, reward: float | None) -> None:
        """Let them join the population; what came to nothing does not."""
        if reward is not None:
            self._population.append((reward, decisions))

    def _mutated(self, parent: Decisions) -> Decisions:
        """One decision made anew: on a state, on an operation or on how to combine, each as likely.

        The paper has no decision on how to combine; its two mutations are equally likely too.
        """
        if self._random.random() < self._settings.unchanged:
            return parent
        sizes, kinds = self._space.sizes, self._space.kinds
        free = [i for i, size in enumerate(sizes) if size > 1]
        present = sorted({kinds[i] for i in free})
        if not present:
            return parent
        kind = present[self._random.integers(len(present))]
        places = [i for i in free if kinds[i] == kind]
        place = places[self._random.integers(len(places))]
        # One of the others: never what it was.
        step = 1 + int(self._random.integers(sizes[place] - 1))
        child = list(parent)
        child[place] = (child[place] + step) % sizes[place]
        return tuple(child)
