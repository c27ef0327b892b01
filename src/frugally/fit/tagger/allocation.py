"""How a tagger's bytes may be spent: candidates that fill a budget, each in another way.

A candidate says how wide the vectors and the hidden layer are, and how the bytes that are left
after the dense layers are shared among the tables. No table gets more rows than TWICE the distinct
things that the treebank would look up in it: beyond that few would collide anyhow.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from frugally.nets.feedforward import Group, Shape
from frugally.nets.tagging.features import SHAPES, SLOTS, TAGS, word_bags

TWICE = 2
TAG_WIDTH, SHAPE_WIDTH = 8, 4
LEAST_ROWS = 32
_MANY = 1 << 20  # rows of a table in which hardly anything collides: to count what is distinct

# The bytes of tables, by how they are shared.
SHARES: Mapping[str, Mapping[str, float]] = {
    "even": {"ngrams2": 1, "ngrams3": 2, "ngrams4": 2, "prefix2": 0.5, "prefix3": 1,
             "suffix2": 0.5, "suffix3": 1.5, "lower": 4},
    "words": {"ngrams2": 1, "ngrams3": 2, "prefix2": 0.5, "suffix2": 0.5, "suffix3": 2,
              "lower": 7},
    "runs": {"ngrams1": 0.2, "ngrams2": 1, "ngrams3": 3, "ngrams4": 3, "prefix2": 0.5,
             "suffix2": 0.5, "suffix3": 2, "lower": 2},
    "ends": {"ngrams2": 0.7, "ngrams3": 1.5, "prefix2": 0.5, "prefix3": 1, "suffix1": 0.1,
             "suffix2": 0.7, "suffix3": 2, "suffix4": 2, "lower": 3},
}  # fmt: skip
SMALLEST = {"ngrams2": 1.0, "suffix2": 1.0, "suffix3": 1.0}
WIDTHS = (8, 12, 16)
HIDDEN = (32, 48, 64, 96, 128, 192, 256)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a shape may take: bytes of arrays, learnt numbers, operations for a new word."""

    size: int | None = None
    weights: int | None = None
    flops: int | None = None

    def hold(self, shape: Shape) -> bool:
        """Whether a shape keeps within all of them."""
        limits = (self.size, self.weights, self.flops)
        needed = (shape.size, shape.weights, shape.dense_flops)
        return all(limit is None or n <= limit for limit, n in zip(limits, needed, strict=True))


def distinct_rows(words: Sequence[str]) -> dict[str, int]:
    """How many distinct things of each group a treebank's words have."""
    names = sorted({name for shares in SHARES.values() for name in shares})
    return {name: len(np.unique(word_bags(words, name, _MANY).rows)) for name in names}


def _shape(
    scale: float,
    shares: Mapping[str, float],
    width: int,
    hidden: int,
    labels: int,
    distinct: Mapping[str, int],
    clusters: int,
) -> Shape:
    groups = []
    for name, share in shares.items():
        narrow = width if name in ("lower", "ngrams2", "ngrams3", "ngrams4") else max(4, width // 2)
        rows = min(int(scale * share / (narrow + 2)), TWICE * distinct[name])
        groups.append(Group(name=name, rows=max(rows, LEAST_ROWS), width=narrow, slots=SLOTS))
    if clusters:
        groups.append(Group(name="cluster", rows=clusters + 1, width=width, slots=SLOTS))
    groups.append(Group(name="shape", rows=SHAPES, width=SHAPE_WIDTH, slots=SLOTS))
    groups.append(Group(name=TAGS, rows=labels + 1, width=TAG_WIDTH, slots=3))
    return Shape(groups=tuple(groups), hidden=hidden, labels=labels)


def largest(
    limits: Limits,
    shares: Mapping[str, float],
    width: int,
    hidden: int,
    labels: int,
    distinct: Mapping[str, int],
    clusters: int = 0,
) -> Shape | None:
    """The shape of this kind with the largest tables that keep within the limits, if any does."""

    def made(scale: float) -> Shape:
        return _shape(scale, shares, width, hidden, labels, distinct, clusters)

    low, high = 0.0, float(1 << 26)
    if not limits.hold(made(low)):
        return None
    if limits.hold(made(high)):
        return made(high)
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if limits.hold(made(middle)) else (low, middle)
    return made(low)


def smallest(labels: int, distinct: Mapping[str, int], clusters: int = 0) -> Shape:
    """The least tagger worth the name."""
    return _shape(0.0, SMALLEST, 8, 16, labels, distinct, clusters)


def candidates(
    limits: Limits,
    labels: int,
    distinct: Mapping[str, int],
    *,
    count: int,
    seed: int,
    clusters: int = 0,
) -> list[Shape]:
    """Up to `count` different shapes within the limits, chosen by chance.

    Those whose dense layers would leave less than a third of the bytes to the tables are left out,
    unless there are no others.
    """
    found: list[Shape] = []
    poor: list[Shape] = []
    for shares in SHARES.values():
        for width in WIDTHS:
            for hidden in HIDDEN:
                shape = largest(limits, shares, width, hidden, labels, distinct, clusters)
                if shape is None:
                    continue
                tables = sum(g.rows * (g.width + 2) for g in shape.groups)
                (found if 3 * tables >= shape.size else poor).append(shape)
    chosen = found or poor
    least = smallest(labels, distinct, clusters)
    if not chosen:
        return [least] if limits.hold(least) else []
    # The wider half of the hidden layers that fit: bytes not spent were given for nothing.
    chosen.sort(key=lambda shape: shape.hidden)
    chosen = chosen[len(chosen) // 2 :] if len(chosen) > count else chosen
    return random.Random(seed).sample(chosen, min(count, len(chosen)))
