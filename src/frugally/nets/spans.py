"""The best span of a passage from the scores of its starts and ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LONGEST = 15


def best_span(
    start: NDArray[np.float32], end: NDArray[np.float32], longest: int = LONGEST
) -> tuple[int, int, float]:
    """`(first, last, start[first] + end[last])`, the largest with last - first < `longest`.

    `start` and `end` are (n,), n >= 1. Of equal spans the one that ends (and then starts)
    first wins. DrQA's limit is 15 words.
    """
    n = len(start)
    # For each end, the best start among the `longest` words up to it.
    padded = np.concatenate([np.full(longest - 1, -np.inf, np.float32), start])
    windows = np.lib.stride_tricks.sliding_window_view(padded, longest)
    offset = windows.argmax(axis=1)
    totals = windows[np.arange(n), offset] + end
    last = int(totals.argmax())
    return last - (longest - 1) + int(offset[last]), last, float(totals[last])


def best_spans(
    start: NDArray[np.float32], end: NDArray[np.float32], count: int, longest: int = LONGEST
) -> list[tuple[int, int, float]]:
    """The best span as `best_span` finds it, then the best that shares no word with those before.

    At most `count` of them; fewer if the words are used up.
    """
    start, end = start.astype(np.float32), end.astype(np.float32)
    found: list[tuple[int, int, float]] = []
    free = np.ones(len(start), np.bool_)
    while len(found) < count and free.any():
        best: tuple[int, int, float] | None = None
        # Between the words that are taken, runs of free ones.
        edges = np.flatnonzero(np.diff(np.concatenate([[False], free, [False]]).astype(np.int8)))
        for low, high in edges.reshape(-1, 2).tolist():
            first, last, score = best_span(start[low:high], end[low:high], longest)
            if best is None or score > best[2]:
                best = (first + low, last + low, score)
        assert best is not None
        found.append(best)
        free[best[0] : best[1] + 1] = False
    return found
