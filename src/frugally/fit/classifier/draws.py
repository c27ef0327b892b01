"""Batches of a classifier's training: which texts, which part of them, and their rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from frugally.fit.distillation import Taught
from frugally.fit.feedforward import Bags, Examples
from frugally.nets.classifier import text_rows
from frugally.nets.feedforward import Shape

_WINDOW = 1_000  # bytes of a text that are looked at together
_LABELLED = 0.25  # of a batch, at least, have a label


def bags_of(texts: Sequence[bytes], shape: Shape) -> Bags:
    """The rows of some UTF-8 texts in each group."""
    found = (text_rows(texts, group.name, group.rows) for group in shape.groups)
    return [(rows.rows, rows.ends) for rows in found]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pool:
    """What a classifier is drawn examples from, in UTF-8.

    `labels` (int64) are of the first texts; those after have none, but what the teacher says.
    `taught` is of all texts, if there is a teacher, and `said` [labels] how often it says each
    label of those that have none.
    """

    texts: list[bytes]
    labels: NDArray[np.int64]
    names: int
    taught: Taught | None = None
    said: NDArray[np.float64] | None = None

    @property
    def labelled(self) -> float:
        """The part of a batch that has labels."""
        return max(_LABELLED, len(self.labels) / len(self.texts))

    def prior(self) -> NDArray[np.float64]:
        """How often each class is drawn among texts with labels: by the root of its texts.

        Between drawing all texts alike, which forgets rare classes, and all classes alike, which
        sees the few texts of a rare one again and again.
        """
        roots = np.sqrt(np.bincount(self.labels, minlength=self.names))
        found: NDArray[np.float64] = roots / roots.sum()
        return found

    def bias(self) -> NDArray[np.float32]:
        """What logits lack for having been learnt from draws: log(share of texts / of draws).

        (Menon et al. 2021, "Long-tail learning via logit adjustment", section 3.)
        """
        real = np.bincount(self.labels, minlength=self.names) / len(self.labels)
        drawn = self.prior()
        if self.said is not None:
            drawn = self.labelled * drawn + (1 - self.labelled) * self.said
        return np.log(real / drawn).astype(np.float32)


class Drawer:
    """Draws batches from a pool."""

    def __init__(self, pool: Pool, shape: Shape, *, dropout: float, seed: int) -> None:
        """`dropout` is the share of rows that are left out of each text."""
        self._pool = pool
        self._shape = shape
        self._dropout = dropout
        self._random = np.random.default_rng(seed)
        self._order = np.argsort(pool.labels, kind="stable")
        self._ends = np.cumsum(np.bincount(pool.labels, minlength=pool.names))
        self._bounds = np.cumsum(pool.prior())

    def draw(self, count: int) -> Examples:
        """`count` texts, or a window of those that are long, with some rows left out."""
        random, pool = self._random, self._pool
        classes = np.searchsorted(self._bounds[:-1], random.random(count), side="right")
        starts = np.concatenate([[0], self._ends[:-1]])[classes]
        places = starts + (random.random(count) * (self._ends[classes] - starts)).astype(np.int64)
        chosen = self._order[places]
        labels = pool.labels[chosen]
        more = len(pool.texts) - len(pool.labels)
        if more:
            unlabelled = random.random(count) >= pool.labelled
            others = len(pool.labels) + random.integers(more, size=count)
            chosen = np.where(unlabelled, others, chosen)
            labels = np.where(unlabelled, 0, labels)
        texts = [self._window(pool.texts[i]) for i in chosen.tolist()]
        bags = [self._thinned(*bag) for bag in bags_of(texts, self._shape)]
        return Examples(
            bags=bags,
            labels=labels,
            weights=np.ones(count, np.float32),
            taught=None if pool.taught is None else pool.taught.some(chosen),
        )

    def _window(self, text: bytes) -> bytes:
        if len(text) <= _WINDOW:
            return text
        start = int(self._random.integers(len(text) - _WINDOW + 1))
        return text[start : start + _WINDOW]

    def _thinned(
        self, rows: NDArray[np.int32], ends: NDArray[np.int64]
    ) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        kept = self._random.random(len(rows), np.float32) >= self._dropout
        counts = np.concatenate([[0], np.cumsum(kept)])
        return rows[kept], counts[ends]
