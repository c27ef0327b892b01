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
