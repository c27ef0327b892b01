"""Successive halving: which of some sizes to train in full (Jamieson and Talwalkar 2016).

("Non-stochastic Best Arm Identification and Hyperparameter Optimization", arXiv 1502.07943.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from frugally.nets.feedforward import Shape


def tournament(
    shapes: Sequence[Shape],
    score: Callable[[Shape, int], float],
    *,
    steps: int,
    report: Callable[[str], None],
) -> tuple[Shape, list[dict[str, object]]]:
    """The shape that scores best after short trainings, and what was tried.

    Every round trains twice as long as the one before, and a third go on to the next.
    """
    tried: list[dict[str, object]] = []
    left = list(shapes)
    while len(left) > 1:
        scored = []
        for shape in left:
            reached = score(shape, steps)
            tried.append({"shape": describe(shape), "steps": steps, "score": round(reached, 4)})
            report(f"tried {describe(shape)}, {steps:,} steps: {reached:.4f}")
            scored.append((reached, shape))
        scored.sort(key=lambda pair: -pair[0])
        left = [shape for _, shape in scored[: math.ceil(len(scored) / 3)]]
        steps *= 2
    return left[0], tried


def describe(shape: Shape) -> str:
    """`1: 1000 x 8, 2: 4000 x 12 ...; 64 hidden`."""
    tables = ", ".join(f"{g.name}: {g.rows} x {g.width}" for g in shape.groups)
    return f"{tables}; {shape.hidden} hidden"
