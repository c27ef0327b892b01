"""Batch norm, the addition behind it and its ReLU in one pass over bfloat16. By Numba, cached.

What is done by itself reads and writes every number once more, and torch's own kernels for it run
far below the speed of this memory. Arrays are (rows, channels), rows being places of all images; a
bfloat16 is the upper half of a float32, held as uint16. Sums are taken in float32 over some rows,
and in float64 over these.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

_ROWS = 64  # that are summed in float32

_READ = types.Array(types.uint16, 2, "C", readonly=True)
_WRITE = types.Array(types.uint16, 2, "C")
_BY_CHANNEL = types.Array(types.float32, 1, "C", readonly=True)
_FOUND = types.Array(types.float32, 1, "C")


@intrinsic
def _as_float(_, bits):
    def code(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.uint32), code


@intrinsic
def _as_bits(_, number):
    def code(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.uint32(types.float32), code


@njit(inline="always")
def _wide(half):
    return _as_float(np.uint32(half) << np.uint32(16))


@njit(inline="always")
def _narrow(number):
    """To the nearest, of equals to the even one; what is no number stays none."""
    bits = _as_bits(number)
    odd = (bits >> np.uint32(16)) & np.uint32(1)
    rounded = np.uint16((bits + np.uint32(0x7FFF) + odd) >> np.uint32(16))
    return np.uint16(0x7FC0) if np.isnan(number) else rounded


@njit(inline="always")
def _positive(number):
    return np.float32(0) if number <= np.float32(0) else number


@njit(inline="always")
def _fold(rows, channels):
    """How many rows are seen as one, so that the inner loop has whole vectors of sixteen."""
    fold = 1
    while (fold * channels < 64 or fold * channels % 16) and fold < 16 and rows % (2 * fold) == 0:
        fold *= 2
    return fold


@njit(inline="always")
def _repeated(numbers, fold):
    channels = len(numbers)
    out = np.empty(fold * channels, np.float32)
    for i in range(fold):
        out[i * channels : (i + 1) * channels] = numbers
    return out


@njit(inline="always")
def _folded(numbers, fold):
    channels = len(numbers) // fold
    out = np.zeros(channels)
    for i in range(fold):
        for c in range(channels):
            out[c] += numbers[i * channels + c]
    return out


@njit(
    types.void(_READ, _READ, _BY_CHANNEL, _BY_CHANNEL, types.float64, types.boolean,
               _WRITE, _FOUND, _FOUND),
    cache=True, nogil=True, error_model="numpy", fastmath={"contract"},
)  # fmt: skip
def norm_forward(x, other, scale, bias, epsilon, relu, out, mean, inverse):
    """Fill `out` with scale · (x - mean) · inverse + bias, + `other` if it has rows, cut at 0.

    `mean` and `inverse`, 1 / √(variance + epsilon), of x by channel, are filled in as well.
    """
    channels = x.shape[1]
    count = x.shape[0]
    fold = _fold(count, channels)
    rows, width = count // fold, fold * channels
    x, out = x.reshape((rows, width)), out.reshape((rows, width))
    sums, squares = np.zeros(width), np.zeros(width)
    some, square = np.empty(width, np.float32), np.empty(width, np.float32)
    for start in range(0, rows, _ROWS):
        some[:] = np.float32(0)
        square[:] = np.float32(0)
        for row in range(start, min(rows, start + _ROWS)):
            for c in range(width):
                value = _wide(x[row, c])
                some[c] += value
                square[c] += value * value
        for c in range(width):
            sums[c] += some[c]
            squares[c] += square[c]
    sums, squares = _folded(sums, fold), _folded(squares, fold)
    factor, shift = np.empty(channels, np.float32), np.empty(channels, np.float32)
    for c in range(channels):
        middle = sums[c] / count
        mean[c] = middle
        inverse[c] = 1 / np.sqrt(max(squares[c] / count - middle * middle, 0.0) + epsilon)
        factor[c] = scale[c] * inverse[c]
        shift[c] = bias[c] - mean[c] * factor[c]
    factor, shift = _repeated(factor, fold), _repeated(shift, fold)
    if len(other):
        other = other.reshape((rows, width))
        for row in range(rows):
            for c in range(width):
                value = _wide(x[row, c]) * factor[c] + shift[c] + _wide(other[row, c])
                out[row, c] = _narrow(_positive(value) if relu else value)
    else:
        for row in range(rows):
            for c in range(width):
                value = _wide(x[row, c]) * factor[c] + shift[c]
                out[row, c] = _narrow(_positive(value) if relu else value)


@njit(
    types.void(_READ, _READ, _READ, _BY_CHANNEL, _BY_CHANNEL, _BY_CHANNEL, types.boolean,
               _WRITE, _WRITE, _FOUND, _FOUND),
    cache=True, nogil=True, error_model="numpy", fastmath={"contract"},
)  # fmt: skip
def norm_backward(x, out, above, scale, mean, inverse, relu, kept, below, to_scale, to_bias):
    """Fill `below`, `to_scale` and `to_bias` with the gradients of x, scale and bias.

    `above` is that of `out`. With `relu` it is 0 where `out` is, and so it is written to `kept`, if
    that has rows: the gradient of what was added.
    """
    channels = x.shape[1]
    count = x.shape[0]
    fold = _fold(count, channels)
    rows, width = count // fold, fold * channels
    x, above, below = (
        x.reshape((rows, width)), above.reshape((rows, width)), below.reshape((rows, width))
    )  # fmt: skip
    keeps = len(kept) > 0
    if keeps:
        kept = kept.reshape((rows, width))
    if relu:
        out = out.reshape((rows, width))
    sums, products = np.zeros(width), np.zeros(width)
    some, product = np.empty(width, np.float32), np.empty(width, np.float32)
    for start in range(0, rows, _ROWS):
        some[:] = np.float32(0)
        product[:] = np.float32(0)
        for row in range(start, min(rows, start + _ROWS)):
            if keeps:
                for c in range(width):
                    half = above[row, c] if out[row, c] else np.uint16(0)
                    kept[row, c] = half
                    value = _wide(half)
                    some[c] += value
                    product[c] += value * _wide(x[row, c])
            elif relu:
                for c in range(width):
                    value = _wide(above[row, c] if out[row, c] else np.uint16(0))
                    some[c] += value
                    product[c] += value * _wide(x[row, c])
            else:
                for c in range(width):
                    value = _wide(above[row, c])
                    some[c] += value
                    product[c] += value * _wide(x[row, c])
        for c in range(width):
            sums[c] += some[c]
            products[c] += product[c]
    sums, products = _folded(sums, fold), _folded(products, fold)
    by_above, by_x = np.empty(channels, np.float32), np.empty(channels, np.float32)
    constant = np.empty(channels, np.float32)
    for c in range(channels):
        found = (products[c] - mean[c] * sums[c]) * inverse[c]
        to_scale[c], to_bias[c] = found, sums[c]
        factor = scale[c] * np.float64(inverse[c])
        slope = -factor * inverse[c] * found / count
        by_above[c], by_x[c] = factor, slope
        constant[c] = -factor * sums[c] / count - slope * mean[c]
    by_above, by_x = _repeated(by_above, fold), _repeated(by_x, fold)
    constant = _repeated(constant, fold)
    masks = relu and not keeps
    source = kept if keeps else above
    for row in range(rows):
        if masks:
            for c in range(width):
                value = _wide(source[row, c] if out[row, c] else np.uint16(0))
                below[row, c] = _narrow(
                    value * by_above[c] + _wide(x[row, c]) * by_x[c] + constant[c]
                )
        else:
            for c in range(width):
                below[row, c] = _narrow(
                    _wide(source[row, c]) * by_above[c] + _wide(x[row, c]) * by_x[c] + constant[c]
                )
