"""How a segmenter's bytes may be spent: candidates that fill a budget, each in another way.

A candidate says how wide the vectors and the hidden layer are, how far the net looks, and how the
bytes that are left after the dense layers are shared among the n-grams. An n-gram takes its vector,
the scale of its row, and its hash, by which it is known; the most frequent come first.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

from frugally.nets.feedforward import Group, Shape
from frugally.nets.segmenter import LABELS
from frugally.nets.segmenting.features import KIND_COUNT, KINDS, LEVELS, WORDS, word_slots

KEY_BYTES, WORD_BYTES = 4, 5
KIND_WIDTH, LEVEL_WIDTH = 6, 4
LEAST_ROWS = 32
WORDS_SHARE = 0.12  # of the bytes, at most

# The bytes of n-grams, by how they are shared.
SHARES: Mapping[str, Mapping[int, float]] = {
    "even": {1: 0.15, 2: 0.5, 3: 0.35},
    "runs": {1: 0.1, 2: 0.4, 3: 0.5},
    "long": {1: 0.08, 2: 0.25, 3: 0.37, 4: 0.3},
}
SMALLEST = {1: 0.5, 2: 0.5}
SLOTS = {1: 6, 2: 5, 3: 4, 4: 3}
WIDTHS = (8, 12, 16, 24)
HIDDEN = (32, 64, 96, 128)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a net may take: bytes of arrays, operations for a place where every row is new."""

    size: int | None = None
    flops: int | None = None

    def hold(self, shape: Shape, words: int) -> bool:
        """Whether a net that knows so many words keeps within all of them."""
        limits = (self.size, self.flops)
        needed = (array_bytes(shape, words), shape.dense_flops)
        return all(limit is None or n <= limit for limit, n in zip(limits, needed, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What there is to know: n-grams by n, words, and the characters of the longest word."""

    ngrams: Mapping[int, int]
    words: int
    longest: int


def array_bytes(shape: Shape, words: int) -> int:
    """The bytes of a net's arrays with the hashes of its n-grams, and its words."""
    keys = sum(group.rows for group in shape.groups if group.name.startswith("ngrams"))
    return shape.size + KEY_BYTES * keys + WORD_BYTES * words


def words_within(limits: Limits, known: Known) -> int:
    """How many words a net within the limits should know."""
    if limits.size is None:
        return known.words
    return max(0, min(known.words, int(WORDS_SHARE * limits.size) // WORD_BYTES))


def _shape(
    scale: float, shares: Mapping[int, float], width: int, hidden: int, known: Known, words: int
) -> Shape:
    groups = []
    for order, share in shares.items():
        # There are few characters, and much to say of each.
        wide = width + width // 2 if order == 1 else width
        rows = min(int(scale * share / (wide + 2 + KEY_BYTES)), known.ngrams[order])
        rows = max(rows, min(LEAST_ROWS, known.ngrams[order]), 1)
        groups.append(Group(name=f"ngrams{order}", rows=rows, width=wide, slots=SLOTS[order]))
    groups.append(Group(name=KINDS, rows=KIND_COUNT, width=KIND_WIDTH, slots=6))
    if words:
        slots = word_slots(known.longest)
        groups.append(Group(name=WORDS, rows=slots * LEVELS, width=LEVEL_WIDTH, slots=slots))
    return Shape(groups=tuple(groups), hidden=hidden, labels=len(LABELS))


def largest(
    limits: Limits, shares: Mapping[int, float], width: int, hidden: int, known: Known, words: int
) -> Shape | None:
    """The shape of this kind with the most n-grams that keeps within the limits, if any does."""

    def made(scale: float) -> Shape:
        return _shape(scale, shares, width, hidden, known, words)

    low, high = 0.0, float(1 << 28)
    if not limits.hold(made(low), words):
        return None
    if limits.hold(made(high), words):
        return made(high)
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if limits.hold(made(middle), words) else (low, middle)
    return made(low)


def smallest(known: Known) -> Shape:
    """The least segmenter worth the name; it knows no words."""
    return _shape(0.0, SMALLEST, 4, 8, known, 0)


def candidates(limits: Limits, known: Known, *, count: int, seed: int) -> list[Shape]:
    """Up to `count` different shapes within the limits, chosen by chance."""
    words = words_within(limits, known)
    found: list[Shape] = []
    for shares in SHARES.values():
        for width in WIDTHS:
            for hidden in HIDDEN:
                shape = largest(limits, shares, width, hidden, known, words)
                # Where there is room for all n-grams that there are, two of a kind may be equal.
                if shape is not None and shape not in found:
                    found.append(shape)
    if not found:
        least = smallest(known)
        return [least] if limits.hold(least, 0) else []
    return random.Random(seed).sample(found, min(count, len(found)))
