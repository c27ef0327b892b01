"""The loop over characters that finds the rows of n-grams. Compiled by Numba, cached."""

from __future__ import annotations

import numpy as np
from numba import njit, types

_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_U32 = np.uint32
MOST_ORDER = 8
_BEGIN, _END = 94, 36  # ^ and $


@njit(
    types.int64(
        _BYTES,
        types.int64[::1],
        types.int64,
        types.int64,
        types.int32[::1],
        types.uint8[::1],
        types.int32[::1],
        types.int64[::1],
    ),
    cache=True,
    nogil=True,
)
def ngram_rows(text, ends, order, rows, becomes, in_word, found, row_ends):
    """Write the row of each n-gram of `order` characters of the texts that end at `ends`.

    `becomes` and `in_word` say what a code point is read as and whether it is of a word. The rows
    of text t are `found[row_ends[t - 1]:row_ends[t]]`. Returns how many there are.
    """
    window = np.zeros(MOST_ORDER, np.uint32)  # the last characters, the newest at `order - 1`
    written = 0
    position = np.int64(0)
    for t in range(len(ends)):
        end = ends[t]
        length = 0  # of the word so far, with its mark at the front
        while True:
            at_end = position >= end
            code = np.int64(-1)  # parts words
            if not at_end:
                byte = text[position]
                position += 1
                if byte < 0x80:
                    code = np.int64(byte)
                else:
                    need = 0
                    if 0xC2 <= byte < 0xE0:
                        need, code = 1, np.int64(byte & 0x1F)
                    elif 0xE0 <= byte < 0xF0:
                        need, code = 2, np.int64(byte & 0x0F)
                    elif 0xF0 <= byte < 0xF5:
                        need, code = 3, np.int64(byte & 0x07)
                    for _ in range(need):
                        if position < end and (text[position] & 0xC0) == 0x80:
                            code = (code << 6) | np.int64(text[position] & 0x3F)
                            position += 1
                        else:
                            code = np.int64(-1)
                            break
            if 0 <= code < len(becomes):
                code = np.int64(becomes[code]) if in_word[code] else np.int64(-1)
            if code < 0 and length == 0:
                if at_end:
                    break
                continue
            # The mark at the front, if a word begins; then the letter, or the mark at the end.
            for step in range(2):
                if step == 0:
                    if length > 0:
                        continue
                    character = _BEGIN
                else:
                    character = code if code >= 0 else _END
                for i in range(order - 1):
                    window[i] = window[i + 1]
                window[order - 1] = character
                length += 1
                if length >= order:
                    h = _U32(0)
                    for i in range(order):
                        k = _U32(window[i] * _U32(0xCC9E2D51))
                        k = _U32((k << _U32(15)) | (k >> _U32(17)))
                        h = _U32(h ^ _U32(k * _U32(0x1B873593)))
                        h = _U32((h << _U32(13)) | (h >> _U32(19)))
                        h = _U32(_U32(h * _U32(5)) + _U32(0xE6546B64))
                    h = _U32(h ^ _U32(4 * order))
                    h = _U32(h ^ (h >> _U32(16)))
                    h = _U32(h * _U32(0x85EBCA6B))
                    h = _U32(h ^ (h >> _U32(13)))
                    h = _U32(h * _U32(0xC2B2AE35))
                    h = _U32(h ^ (h >> _U32(16)))
                    found[written] = h % _U32(rows)
                    written += 1
            if code < 0:
                length = 0
            if at_end:
                break
        row_ends[t] = written
    return written
