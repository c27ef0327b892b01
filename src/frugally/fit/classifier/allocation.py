"""How the bytes of a budget are shared between a classifier's tables and its layers."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from frugally.nets.classifier import GROUPS, text_rows
from frugally.nets.feedforward import Group, Shape
from frugally.nets.quantised import Quantised

# Shares of the tables' bytes, in the order of GROUPS.
_PROFILES = {
    "letters": (0.01, 0.06, 0.28, 0.40, 0.20, 0.05),
    "even": (0.01, 0.04, 0.15, 0.25, 0.35, 0.20),
    "words": (0.01, 0.02, 0.07, 0.10, 0.50, 0.30),
}
# The width of the vectors and of the hidden layer.
_WIDTHS = ((8, 32), (16, 64), (32, 128))
_LEAST_ROWS = 16
_MOST_DENSE = 0.5  # of the budget
_TWICE = 2  # rows for each distinct run: beyond that few would share one anyhow
_MANY = 1 << 22  # rows of a table in which hardly anything collides: to count what is distinct


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """A way to share bytes: width of the vectors, hidden units, shares of the tables."""

    width: int
    hidden: int
    shares: tuple[float, ...]

    def shape(self, size: int, labels: int, distinct: Mapping[str, int]) -> Shape | None:
        """The largest net of this kind in `size` bytes of arrays; None if even the least is more.

        No table has more than twice the rows of the `distinct` runs that it is for; what it leaves
        goes to the others.
        """
        widths = [max(4, self.width // 2), *[self.width] * (len(GROUPS) - 1)]
        dense = Quantised.size(self.hidden, sum(widths)) + Quantised.size(labels, self.hidden)
        left = size - dense - 4 * (self.hidden + labels)
        if left <= 0 or size - left > _MOST_DENSE * size:
            return None
        most = [max(_LEAST_ROWS, _TWICE * distinct[name]) for name in GROUPS]
        rows = [0] * len(GROUPS)
        share = sum(self.shares)
        # Those that their share fills first: what they leave is there for the others.
        filling = [most[i] * (widths[i] + 2) / self.shares[i] for i in range(len(GROUPS))]
        for i in np.argsort(filling, kind="stable").tolist():
            rows[i] = min(most[i], int(left * self.shares[i] / share) // (widths[i] + 2))
            if rows[i] < _LEAST_ROWS:
                return None
            left -= Quantised.size(rows[i], widths[i])
            share -= self.shares[i]
        groups = tuple(
            Group(name=name, rows=rows[i], width=widths[i]) for i, name in enumerate(GROUPS)
        )
        return Shape(groups=groups, hidden=self.hidden, labels=labels)


LEAST = Allocation(width=4, hidden=8, shares=_PROFILES["even"])


def distinct_runs(texts: Sequence[bytes], at_once: int = 1_000) -> dict[str, int]:
    """How many distinct runs of letters and words of each group some texts have."""
    seen = {name: np.zeros(_MANY, bool) for name in GROUPS}
    for start in range(0, len(texts), at_once):
        for name in GROUPS:
            seen[name][text_rows(texts[start : start + at_once], name, _MANY).rows] = True
    return {name: int(rows.sum()) for name, rows in seen.items()}


def least_size(labels: int, distinct: Mapping[str, int]) -> int:
    """The bytes of arrays that the smallest net takes."""
    low, high = 0, 1 << 30
    while high - low > 1:
        middle = (low + high) // 2
        fits = LEAST.shape(middle, labels, distinct) is not None
        low, high = (low, middle) if fits else (middle, high)
    return high


def smallest(labels: int, distinct: Mapping[str, int]) -> Shape:
    """The smallest net."""
    shape = LEAST.shape(least_size(labels, distinct), labels, distinct)
    assert shape is not None
    return shape


def candidates(
    size: int, labels: int, distinct: Mapping[str, int], fits: Callable[[Shape], bool]
) -> list[Shape]:
    """The nets worth a trial in `size` bytes of arrays; the smallest if there are none."""
    found = []
    for shares, (width, hidden) in itertools.product(_PROFILES.values(), _WIDTHS):
        shape = Allocation(width=width, hidden=hidden, shares=shares).shape(size, labels, distinct)
        if shape is not None and shape not in found and fits(shape):
            found.append(shape)
    if not found:
        shape = LEAST.shape(size, labels, distinct)
        found = [shape] if shape is not None and fits(shape) else []
    return found
