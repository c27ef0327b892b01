"""Loops of the tagger: hashing whole words, greedy decoding.

Compiled by Numba, cached.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_F32 = types.float32
_U32 = np.uint32


@njit(
    types.void(_BYTES, types.int64[::1], types.int64, types.int32[::1]),
    cache=True,
    nogil=True,
)
def word_rows(text, ends, rows, out):
    """Write the 32-bit MurmurHash3 (x86, seed 0) of each text's bytes, modulo `rows`."""
    start = np.int64(0)
    for t in range(len(ends)):
        end = ends[t]
        length = end - start
        h = _U32(0)
        i = start
        while i < end:
            k = _U32(0)
            take = min(4, end - i)
            for j in range(take):
                k = _U32(k | _U32(_U32(text[i + j]) << _U32(8 * j)))
            k = _U32(k * _U32(0xCC9E2D51))
            k = _U32((k << _U32(15)) | (k >> _U32(17)))
            h = _U32(h ^ _U32(k * _U32(0x1B873593)))
            if take == 4:
                h = _U32((h << _U32(13)) | (h >> _U32(19)))
                h = _U32(_U32(h * _U32(5)) + _U32(0xE6546B64))
            i += 4
        h = _U32(h ^ _U32(length))
        h = _U32(h ^ (h >> _U32(16)))
        h = _U32(h * _U32(0x85EBCA6B))
        h = _U32(h ^ (h >> _U32(13)))
        h = _U32(h * _U32(0xC2B2AE35))
        h = _U32(h ^ (h >> _U32(16)))
        out[t] = h % _U32(rows)
        start = end


@njit(
    types.void(
        types.int32[::1],
        types.int64,
        types.int64,
        _F32[:, :, ::1],
        _F32[:, :, ::1],
        _F32[::1],
        _F32[:, ::1],
        _F32[::1],
        types.uint8[::1],
    ),
    cache=True,
    nogil=True,
)
def decode(ids, low, high, words, history, bias, output, output_bias, tags):
    """Tag the positions `low` to `high` from left to right, each with the tags before it.

    `ids` are rows of `words` [distinct words, slots, hidden]; row 0 stands outside of sentences and
    has no tag. `history` [labels + 1, tags looked back at, hidden] is what the tag one, two, ...
    before adds; `output` [hidden, labels]. `tags` must be filled up to `low`, with `labels` for
    positions outside; `ids` must go on for half a window on both sides.
    """
    slots, hidden, labels = words.shape[1], len(bias), len(output_bias)
    half, back = slots // 2, history.shape[1]
    layer = np.empty(hidden, np.float32)
    scores = np.empty(labels, np.float32)
    for i in range(low, high):
        if ids[i] == 0:
            tags[i] = labels
            continue
        layer[:] = bias
        for s in range(slots):
            part = words[ids[i + s - half], s]
            for j in range(hidden):
                layer[j] += part[j]
        for b in range(back):
            part = history[tags[i - 1 - b], b]
            for j in range(hidden):
                layer[j] += part[j]
        scores[:] = output_bias
        for j in range(hidden):
            x = layer[j]
            if x > 0:
                row = output[j]
                for y in range(labels):
                    scores[y] += x * row[y]
        best = 0
        for y in range(1, labels):
            if scores[y] > scores[best]:
                best = y
        tags[i] = best
