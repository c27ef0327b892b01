"""How the bytes of a budget are shared between tables and layers, and which share does best.

Candidates fill the budget to the last row; a tournament of short trainings finds the one to train
in full.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

from frugally.nets.feedforward import Group, Shape
from frugally.nets.quantised import Quantised

ORDERS = (1, 2, 3, 4)

# Shares of the tables' bytes by n, and the width of the vectors of n = 1 and 2 beside 3 and 4.
_PROFILES = ((0.02, 0.08, 0.35, 0.55), (0.01, 0.05, 0.27, 0.67))
_WIDTHS = (4, 8, 12, 16, 24)
_HIDDEN_PER_WIDTH = 6
_LEAST_ROWS = 16
_MOST_ROWS = (2_000, 100_000, 1_000_000, 1_000_000)
_MOST_DENSE = 0.4  # of the budget
_SENSIBLE = (2_000, 64_000)  # rows of n = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """A way to share bytes: width of the vectors, hidden units, shares of the tables by n."""

    width: int
    hidden: int
    shares: tuple[float, ...]

    def shape(self, size: int, labels: int) -> Shape | None:
        """The largest net of this kind in `size` bytes of arrays; None if even the least is more.

        Of one-letter and two-letter runs there are few: what their tables leave goes to the others.
        """
        widths = [max(4, self.width // 2), *[self.width] * 3]
        inputs = sum(widths)
        dense = Quantised.size(self.hidden, inputs) + Quantised.size(labels, self.hidden)
        left = size - dense - 4 * (self.hidden + labels)
        if left <= 0 or size - left > _MOST_DENSE * size:
            return None
        groups = []
        share = sum(self.shares)
        for order, width, part, most in zip(ORDERS, widths, self.shares, _MOST_ROWS, strict=True):
            rows = min(most, int(left * part / share) // (width + 2))
            if rows < _LEAST_ROWS:
                return None
            groups.append(Group(name=f"{order}", rows=rows, width=width))
            left -= Quantised.size(rows, width)
            share -= part
        return Shape(groups=tuple(groups), hidden=self.hidden, labels=labels)


LEAST = Allocation(width=4, hidden=16, shares=_PROFILES[0])


def least_size(labels: int) -> int:
    """The bytes of arrays that the smallest net takes."""
    low, high = 0, 1 << 30
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if LEAST.shape(middle, labels) else (middle, high)
    return high


def smallest(labels: int) -> Shape:
    """The smallest net."""
    shape = LEAST.shape(least_size(labels), labels)
    assert shape is not None
    return shape


def candidates(size: int, labels: int, fits: Callable[[Shape], bool]) -> list[Shape]:
    """The nets worth a trial in `size` bytes of arrays: each width with each profile.

    Widths are left out whose table of n = 4 would have more rows than text fills or so few that
    most n-grams share theirs; if that leaves none, all stay.
    """
    found = []
    for width, shares in itertools.product(_WIDTHS, _PROFILES):
        allocation = Allocation(width=width, hidden=_HIDDEN_PER_WIDTH * width, shares=shares)
        shape = allocation.shape(size, labels)
        if shape is not None and fits(shape):
            found.append(shape)
    sensible = [shape for shape in found if _SENSIBLE[0] <= shape.groups[3].rows <= _SENSIBLE[1]]
    if not found:
        shape = LEAST.shape(size, labels)
        found = [shape] if shape is not None and fits(shape) else []
    return sensible or found
