"""Sums of rows of small tables. Compiled by Numba, cached."""

from __future__ import annotations

import numpy as np
from numba import njit, types

_CODES = types.Array(types.uint8, 2, "C", readonly=True)
_F32 = types.float32


@njit(
    types.void(_CODES, _F32[::1], types.int32[::1], types.int64[::1], types.Array(_F32, 2, "A")),
    cache=True,
    nogil=True,
)
def mean_of_rows(codes, scales, rows, ends, out):
    """Fill `out` with the mean of each text's rows: the sum of (code - 128) × scale, over count."""
    width = codes.shape[1]
    total = np.zeros(width, np.float32)
    start = np.int64(0)
    for t in range(len(ends)):
        total[:] = 0
        for i in range(start, ends[t]):
            row = rows[i]
            scale = scales[row]
            for j in range(width):
                total[j] += (np.float32(codes[row, j]) - np.float32(128)) * scale
        count = np.float32(max(ends[t] - start, 1))
        for j in range(width):
            out[t, j] = total[j] / count
        start = ends[t]
