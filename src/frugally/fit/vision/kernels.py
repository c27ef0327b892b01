"""Images moved, turned and recoloured, in integers: the same everywhere. By Numba, cached."""

from __future__ import annotations

import numpy as np
from numba import njit, types

# The operations of RandAugment that change colours; each takes one whole number, its level.
BRIGHTNESS, CONTRAST, SATURATION, SHARPNESS, POSTERISE, SOLARISE, EQUALISE, AUTOCONTRAST = range(8)

_IMAGES = types.Array(types.uint8, 4, "C", readonly=True)
_OUT = types.Array(types.uint8, 4, "C")
_NUMBERS = types.Array(types.int64, 2, "C", readonly=True)


@njit(inline="always")
def _reflected(place, size):
    """A place outside of 0 … size - 1, mirrored at the middle of the outermost pixels."""
    if size == 1:
        return 0
    place = abs(place) % (2 * size - 2)
    return min(place, 2 * size - 2 - place)


@njit(types.void(_IMAGES, _NUMBERS, _OUT), cache=True, nogil=True)
def warp(images, maps, out):
    """Fill `out` with images under affine maps, bilinear; beyond an image is its reflection.

    `maps`: (N, 6), in units of 1/65536 pixel. The pixel (i, j) of the output n is the point
    (a i + b j + c, d i + e j + f) of the input n.
    """
    high, wide = images.shape[1], images.shape[2]
    for n in range(out.shape[0]):
        image = images[n]
        a, b, c = maps[n, 0], maps[n, 1], maps[n, 2]
        d, e, f = maps[n, 3], maps[n, 4], maps[n, 5]
        for i in range(out.shape[1]):
            for j in range(out.shape[2]):
                down = a * i + b * j + c
                across = d * i + e * j + f
                y0, x0 = down >> 16, across >> 16
                v, u = (down >> 8) & 255, (across >> 8) & 255
                y1, x1 = y0 + 1, x0 + 1
                if y0 < 0 or y1 >= high:
                    y0, y1 = _reflected(y0, high), _reflected(y1, high)
                if x0 < 0 or x1 >= wide:
                    x0, x1 = _reflected(x0, wide), _reflected(x1, wide)
                p, q = (256 - v) * (256 - u), (256 - v) * u
                r, s = v * (256 - u), v * u
                for k in range(3):
                    out[n, i, j, k] = np.uint8(
                        (
                            p * image[y0, x0, k]
                            + q * image[y0, x1, k]
                            + r * image[y1, x0, k]
                            + s * image[y1, x1, k]
                            + 32768
                        )
                        >> 16
                    )


@njit(inline="always")
def _blend(base, value, factor):
    """base + (value - base) × factor / 256, cut to 0 … 255."""
    return np.uint8(min(max((base * 256 + (value - base) * factor + 128) >> 8, 0), 255))


@njit(inline="always")
def _grey(image, i, j):
    """Luma (ITU-R BT.601), in weights of 1/65536."""
    return (
        image[i, j, 0] * 19595 + image[i, j, 1] * 38470 + image[i, j, 2] * 7471 + 32768
    ) >> np.int64(16)


@njit(nogil=True)
def _equalised(counts, table):
    """The table that spreads a histogram evenly, as Pillow's `ImageOps.equalize` does."""
    total, last = np.int64(0), np.int64(0)
    for level in range(256):
        total += counts[level]
        if counts[level]:
            last = counts[level]
    step = (total - last) // 255
    sum_ = step // 2
    for level in range(256):
        table[level] = np.uint8(min(sum_ // step, 255)) if step else np.uint8(level)
        sum_ += counts[level]


@njit(nogil=True)
def _stretched(counts, table):
    """The table that stretches a histogram from 0 to 255."""
    low, high = 0, 255
    while low < 255 and not counts[low]:
        low += 1
    while high > 0 and not counts[high]:
        high -= 1
    for level in range(256):
        if high <= low:
            table[level] = np.uint8(level)
        else:
            table[level] = np.uint8(min(max((level - low) * 255 // (high - low), 0), 255))


@njit(nogil=True)
def _through_table(image, operation, level):
    high, wide = image.shape[0], image.shape[1]
    table = np.empty(256, np.uint8)
    counts = np.empty(256, np.int64)
    mean = np.int64(0)
    if operation == CONTRAST:
        for i in range(high):
            for j in range(wide):
                mean += _grey(image, i, j)
        mean = (2 * mean + high * wide) // (2 * high * wide)
    for k in range(3):
        if operation in (EQUALISE, AUTOCONTRAST):
            counts[:] = 0
            for i in range(high):
                for j in range(wide):
                    counts[image[i, j, k]] += 1
            if operation == EQUALISE:
                _equalised(counts, table)
            else:
                _stretched(counts, table)
        elif k == 0:
            for value in range(256):
                if operation == POSTERISE:
                    table[value] = np.uint8(value >> (8 - level) << (8 - level))
                elif operation == SOLARISE:
                    table[value] = np.uint8(value if value < level else 255 - value)
                else:
                    table[value] = _blend(mean, value, level)  # mean is 0 for BRIGHTNESS
        for i in range(high):
            for j in range(wide):
                image[i, j, k] = table[image[i, j, k]]


@njit(nogil=True)
def _saturated(image, level):
    for i in range(image.shape[0]):
        for j in range(image.shape[1]):
            grey = _grey(image, i, j)
            for k in range(3):
                image[i, j, k] = _blend(grey, np.int64(image[i, j, k]), level)


@njit(nogil=True)
def _sharpened(image, level):
    """Away from what a 3 × 3 mean with a centre of weight 5 makes of it; the rim stays."""
    before = image.copy()
    for i in range(1, image.shape[0] - 1):
        for j in range(1, image.shape[1] - 1):
            for k in range(3):
                total = np.int64(4) * before[i, j, k]
                for y in range(i - 1, i + 2):
                    for x in range(j - 1, j + 2):
                        total += before[y, x, k]
                image[i, j, k] = _blend((total + 6) // 13, np.int64(before[i, j, k]), level)


@njit(types.void(_OUT, _NUMBERS, _NUMBERS), cache=True, nogil=True)
def recolour(images, operations, levels):
    """Change images in place by operations, (N, n), one after another; those below 0 do nothing.

    `levels`: (N, n): for brightness, contrast, saturation and sharpness the factor in 1/256 of
    what an image differs by from black, its mean grey, its greys or its blur; for posterise the
    bits that are kept; for solarise the least value that is inverted.
    """
    for n in range(images.shape[0]):
        for m in range(operations.shape[1]):
            operation, level = operations[n, m], levels[n, m]
            if operation == SATURATION:
                _saturated(images[n], level)
            elif operation == SHARPNESS:
                _sharpened(images[n], level)
            elif operation >= 0:
                _through_table(images[n], operation, level)
