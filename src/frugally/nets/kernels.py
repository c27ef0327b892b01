"""Sums of rows of small tables, dense layers, and their parts. Compiled by Numba, cached."""

from __future__ import annotations

import numpy as np
from numba import njit, types

_CODES = types.Array(types.uint8, 2, "C", readonly=True)
_F32 = types.float32
_BLOCK = 16


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


_ROWS = types.Array(_F32, 2, "C", readonly=True)
_BIAS = types.Array(_F32, 1, "C", readonly=True)


@njit(nogil=True)
def _add_rows(total, weights, values, chosen, count):
    """Add `values[i] * weights[chosen[i]]` for the first `count`, four at a time."""
    whole = count - count % 4
    for i in range(0, whole, 4):
        p, q, r, s = values[i], values[i + 1], values[i + 2], values[i + 3]
        a, b = weights[chosen[i]], weights[chosen[i + 1]]
        c, d = weights[chosen[i + 2]], weights[chosen[i + 3]]
        for j in range(len(total)):
            total[j] += (p * a[j] + q * b[j]) + (r * c[j] + s * d[j])
    for i in range(whole, count):
        value, row = values[i], weights[chosen[i]]
        for j in range(len(total)):
            total[j] += value * row[j]


@njit(
    types.void(_ROWS, _ROWS, _BIAS, _ROWS, _BIAS, types.Array(_F32, 2, "C")),
    cache=True,
    nogil=True,
)
def dense_logits(inputs, hidden_columns, hidden_bias, output_columns, output_bias, logits):
    """Fill `logits` [n, labels] from h0 [n, inputs], one input after another.

    The weights are transposed, [inputs, hidden] and [hidden, labels], so that the inner loops run
    along memory; hidden units at zero are skipped. Each input is worked through alone and in the
    same order of additions: what is said of it does not depend on its company, as it may with a
    matrix product.
    """
    width = inputs.shape[1]
    every = np.arange(width)
    hidden = np.empty(len(hidden_bias), np.float32)
    active = np.empty(len(hidden_bias), np.float32)
    chosen = np.empty(len(hidden_bias), np.int64)
    for t in range(len(inputs)):
        hidden[:] = hidden_bias
        _add_rows(hidden, hidden_columns, inputs[t], every, width)
        count = 0
        for i in range(len(hidden)):
            if hidden[i] > 0:
                active[count] = hidden[i]
                chosen[count] = i
                count += 1
        logits[t] = output_bias
        _add_rows(logits[t], output_columns, active, chosen, count)


@njit(
    types.void(_F32[:, ::1], _F32[:, :, ::1], _F32[:, :, ::1]),
    cache=True,
    nogil=True,
)
def contributions(features, weights, out):
    """What each unit of a window adds to the hidden layer from each slot.

    `features` [units, width], `weights` [slots, width, hidden], `out` [units, slots, hidden]. Each
    unit's sums run in one order, so that they do not depend on the units beside it.
    """
    slots, width, hidden = weights.shape
    # Units in blocks: a row of weights is read from memory once for all units of a block.
    for first in range(0, len(features), _BLOCK):
        last = min(first + _BLOCK, len(features))
        out[first:last] = 0
        for s in range(slots):
            for k in range(width):
                row = weights[s, k]
                for u in range(first, last):
                    x = features[u, k]
                    if x != 0:
                        total = out[u, s]
                        for j in range(hidden):
                            total[j] += x * row[j]
