"""The power laws that the data allow: the region under a likelihood threshold, as a set of points.

An interval of a quantity by profile likelihood is the range of the quantity over all parameters
whose likelihood lies above a threshold. So the region's boundary is sampled once, for each exponent
along rays from its best factor and offset, and every quantity (offset, forecast, gain) has its
interval by evaluating it there. Small samples have t quantiles for chi-square ones: exact for a
linear model, and near it for this one, whose curvature is mostly in its parameters (Bates and
Watts 1988, chapter 6).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from frugally.plan.curves import Floats
from frugally.plan.noise import Pooled
from frugally.plan.power_law import (
    LEAST,
    MOST,
    Profile,
    centre_of,
    constant,
    profile,
    squares_of,
    without_offset,
)

_EXPONENTS, _RAYS, _HALVINGS = 33, 40, 16
_EDGE = 33  # points that narrow the ends of the exponents' range, thrice


@dataclass(frozen=True, slots=True)
class Region:
    """Power laws at the boundary, (p,) each; a is for size over centre.

    open_above: exponents up to the largest told apart are allowed. flat: so is a constant.
    """

    centre: float
    a: Floats
    b: Floats
    c: Floats
    open_above: bool
    flat: bool

    def errors_at(self, size: float | Floats) -> Floats:
        """The error of each law, (p,), at one size or at a size of its own."""
        errors: Floats = self.a * (size / self.centre) ** -self.b + self.c
        return errors


def region(data: Pooled, threshold: float) -> Region:
    """The laws whose squares are at most the threshold, by their boundary.

    The threshold must be above the least squares of any law.
    """
    grid = np.geomspace(LEAST, MOST, 65)
    found = profile(data, grid)
    low, high = _ends(data, found, threshold)
    exponents = np.geomspace(low, high, _EXPONENTS) if high > low else np.array([low])
    middle = profile(data, exponents)
    a, b, c = _boundary(data, middle, threshold)
    edge_a, edge_b = _edge(data, exponents, threshold)
    parts = [(a, b, c), (edge_a, edge_b, np.zeros_like(edge_a)), (middle.a, middle.b, middle.c)]
    level, flat_squares = constant(data)
    flat = flat_squares <= threshold
    if flat:
        width = np.sqrt((threshold - flat_squares) / data.weight.sum())
        levels = level * np.exp([-width, width])
        parts.append((np.zeros(2), np.full(2, exponents[0]), levels))
    joined = [np.concatenate([part[i] for part in parts]) for i in range(3)]
    return Region(
        centre_of(data), joined[0], joined[1], joined[2], bool(high >= MOST * 0.999), bool(flat)
    )


def _ends(data: Pooled, found: Profile, threshold: float) -> tuple[float, float]:
    """The least and largest exponent under the threshold, past the grid's by bisection."""
    inside = np.flatnonzero(found.squares <= threshold)
    if not len(inside):  # between two points of the grid
        best = int(np.argmin(found.squares))
        brackets = [(found.b[max(best - 1, 0)], found.b[best]),
                    (found.b[best], found.b[min(best + 1, len(found.b) - 1)])]  # fmt: skip
        fine = np.geomspace(brackets[0][0], brackets[1][1], 513)
        again = profile(data, fine)
        inside = np.flatnonzero(again.squares <= threshold)
        if not len(inside):
            at = float(fine[np.argmin(again.squares)])
            return at, at
        found = again
    first, last = int(inside[0]), int(inside[-1])
    low = float(found.b[first])
    high = float(found.b[last])
    if first > 0:
        low = _cross(data, float(found.b[first - 1]), low, threshold)
    if last < len(found.b) - 1:
        high = _cross(data, float(found.b[last + 1]), high, threshold)
    return low, high


def _cross(data: Pooled, outside: float, inside: float, threshold: float) -> float:
    """Where the squares cross the threshold between two exponents."""
    for _ in range(2):
        grid = np.geomspace(inside, outside, _EDGE)
        under = profile(data, grid).squares <= threshold
        last = int(np.argmin(under)) - 1 if not under.all() else _EDGE - 2
        last = max(last, 0)
        inside, outside = float(grid[last]), float(grid[last + 1])
    return inside


def _boundary(data: Pooled, middle: Profile, threshold: float) -> tuple[Floats, Floats, Floats]:
    """Where rays from each exponent's best a and c leave the region or the quarter plane."""
    z = np.log(data.size / centre_of(data))
    powers = np.exp(-middle.b[:, None] * z)  # (m, k)
    curve = middle.a[:, None] * powers + middle.c[:, None]
    left, right = powers / curve, 1 / curve
    ll, rr = (data.weight * left**2).sum(-1), (data.weight * right**2).sum(-1)
    lr = (data.weight * left * right).sum(-1)
    # Directions are even where the squares are a circle: whitened by Cholesky, [l 0; m n]ᵀ.
    l11 = np.sqrt(ll)
    l21 = lr / l11
    l22 = np.sqrt(np.maximum(rr - l21**2, 1e-10 * rr))
    angles = np.linspace(0, 2 * np.pi, _RAYS, endpoint=False)
    across = np.sin(angles)[None, :] / l22[:, None]  # of c, (m, r)
    along = (np.cos(angles)[None, :] - l21[:, None] * across) / l11[:, None]  # of a
    room = np.sqrt(np.maximum(threshold - middle.squares, 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        wall_a = np.where(along < 0, middle.a[:, None] / -along, np.inf)
        wall_c = np.where(across < 0, middle.c[:, None] / -across, np.inf)
    wall = np.minimum(wall_a, wall_c)
    low = np.zeros_like(wall)
    # In log space upward is shorter than a straight line says, so four times is beyond it...
    high = np.minimum(wall, 4.0 * room[:, None])
    for _ in range(_HALVINGS):
        half = (low + high) / 2
        a, c = middle.a[:, None] + half * along, middle.c[:, None] + half * across
        bent = a[..., None] * powers[:, None, :] + c[..., None]
        under = squares_of(data, bent) <= threshold
        low, high = np.where(under, half, low), np.where(under, high, half)
    a = np.maximum(middle.a[:, None] + low * along, 0.0)
    c = np.maximum(middle.c[:, None] + low * across, 0.0)
    return a.ravel(), np.repeat(middle.b, _RAYS), c.ravel()


def _edge(data: Pooled, exponents: Floats, threshold: float) -> tuple[Floats, Floats]:
    """The ends of the region on the line c = 0, in closed form."""
    z = np.log(data.size / centre_of(data))
    best, squares = without_offset(data, np.exp(-exponents[:, None] * z))
    under = squares <= threshold
    width = np.sqrt((threshold - squares[under]) / data.weight.sum())
    ends = np.concatenate([best[under] * np.exp(-width), best[under] * np.exp(width)])
    return ends, np.tile(exponents[under], 2)
