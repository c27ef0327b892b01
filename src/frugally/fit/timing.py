"""How long nets take, on this machine: for one item, and which of some are quick enough."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np

from frugally.budget import Budget
from frugally.nets.feedforward import Shape

Timed = tuple[float, Shape]
"""The seconds that a net of a shape takes for an item."""


def median_seconds(run: Callable[[], object], times: int = 200) -> float:
    """The median wall-clock of some runs of the same."""
    found = []
    for _ in range(times):
        started = time.perf_counter()
        run()
        found.append(time.perf_counter() - started)
    return float(np.median(found))


def seconds_per_item(
    items: int, run: Callable[[], object], forget: Callable[[], None], *, rounds: int = 3
) -> float:
    """Wall-clock for each of the items of a run, all of them new: the best of rounds.

    What was kept of the round before, `forget` drops; NaN where there are no items.
    """
    if not items:
        return math.nan
    best = math.inf
    for _ in range(rounds):
        forget()
        began = time.perf_counter()
        run()
        best = min(best, time.perf_counter() - began)
    return best / items


def quick_enough(
    candidates: Callable[[int | None], list[Shape]],
    seconds: Callable[[Shape], float],
    budget: Budget,
    report: Callable[[float], None],
) -> tuple[list[Shape], Timed | None]:
    """The shapes that keep a budget's time, the quickest first; all of them if it sets none.

    `candidates` are those of at most so many operations, at first the budget's. Where all are too
    slow, the shortest time is reported, and those of half the operations are tried. If there are
    none at last, what is returned beside the empty list is the quickest that was timed, if any was.
    """
    fastest: Timed | None = None
    flops = budget.flops
    while found := candidates(flops):
        if budget.seconds is None:
            return found, None
        timed = sorted(((seconds(shape), shape) for shape in found), key=lambda entry: entry[0])
        quick = [shape for taken, shape in timed if taken <= budget.seconds]
        if quick:
            return quick, None
        if fastest is None or timed[0][0] < fastest[0]:
            fastest = timed[0]
        report(timed[0][0])
        flops = min(shape.dense_flops for shape in found) // 2
    return [], fastest
