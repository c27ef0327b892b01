"""A small plot in the terminal: curves and measured points, on a linear or a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from frugally.plan.chart import Line

_CURVES = "·-=~"
_MEASURED = "oxv"


def plot(
    lines: Sequence[Line], *, logarithmic: bool = True, width: int = 64, height: int = 12
) -> str:
    """The lines over their years, with the axis at the left and what is what below.

    Values that a logarithm does not have, or that are no numbers, are left out.
    """
    points = [
        [(x, y) for x, y in line.points if math.isfinite(y) and (y > 0 or not logarithmic)]
        for line in lines
    ]
    years = [x for one in points for x, _ in one]
    if not years:
        return "nothing to plot"

    def scaled(y: float) -> float:
        return math.log10(y) if logarithmic else y

    heights = [scaled(y) for one in points for _, y in one]
    left, right, low, high = min(years), max(years), min(heights), max(heights)
    if not logarithmic:
        low = min(low, 0.0)
    across, up = (right - left) or 1.0, (high - low) or 1.0
    grid = [[" "] * width for _ in range(height)]
    curves, marks = iter(_CURVES * 8), iter(_MEASURED * 8)
    named = [next(curves if line.curve else marks) for line in lines]
    # Measured points last, so that no curve hides them.
    for i in sorted(range(len(lines)), key=lambda i: not lines[i].curve):
        for x, y in _filled(points[i], across, width) if lines[i].curve else points[i]:
            column = round((x - left) / across * (width - 1))
            row = round((high - scaled(y)) / up * (height - 1))
            grid[row][column] = named[i]
    labels = [""] * height
    for row in (0, (height - 1) // 2, height - 1):
        y = high - row / (height - 1) * up
        labels[row] = short(10**y if logarithmic else y)
    margin = max(map(len, labels))
    shown = [
        f"{label:>{margin}} |{''.join(row)}".rstrip()
        for label, row in zip(labels, grid, strict=True)
    ]
    ends = f"{left:.0f}".ljust(width - 4) + f"{right:.0f}"
    shown += [" " * margin + " +" + "-" * width, " " * (margin + 2) + ends]
    shown += [
        f"{' ' * margin}  {mark} {line.label}" for mark, line in zip(named, lines, strict=True)
    ]
    return "\n".join(shown)


def _filled(
    points: list[tuple[float, float]], across: float, width: int
) -> list[tuple[float, float]]:
    """A curve with points for columns between its own; geometric where it can be."""
    found = points[:1]
    for (x, y), (after, later) in pairwise(points):
        steps = max(1, math.ceil((after - x) / across * width))
        for i in range(1, steps + 1):
            t = i / steps
            both = y > 0 and later > 0
            value = y ** (1 - t) * later**t if both else y + t * (later - y)
            found.append((x + t * (after - x), value))
    return found


def short(value: float) -> str:
    """`3,073`, `0.05`, `2.2e+25`: a number in a few characters."""
    if value == 0:
        return "0"
    if 1 <= abs(value) < 1e7:
        return f"{value:,.0f}" if abs(value) >= 10 else f"{value:.2g}"
    return f"{value:.2g}"
