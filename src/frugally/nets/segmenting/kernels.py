"""Loops of the segmenter: rows of n-grams and of words, and where words begin.

Compiled by Numba, cached.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

_I32 = types.Array(types.int32, 1, "C", readonly=True)
_U8 = types.Array(types.uint8, 1, "C", readonly=True)
_KEYS = types.Array(types.uint32, 1, "C", readonly=True)
_F32 = types.float32
_U32 = np.uint32
# Kinds of characters that rules speak of.
OUTSIDE, SPACE, DIGIT, LETTER, MARK, JOINER = range(6)
APPEND, SPLIT, ASK = 0, 1, 2


@njit(nogil=True)
def _mixed(h, character):
    """The state of MurmurHash3 after one more block: a character in UTF-32."""
    k = _U32(_U32(character) * _U32(0xCC9E2D51))
    k = _U32((k << _U32(15)) | (k >> _U32(17)))
    h = _U32(h ^ _U32(k * _U32(0x1B873593)))
    h = _U32((h << _U32(13)) | (h >> _U32(19)))
    return _U32(_U32(h * _U32(5)) + _U32(0xE6546B64))


@njit(nogil=True)
def _finished(h, characters):
    """The hash of so many characters."""
    h = _U32(h ^ _U32(4 * characters))
    h = _U32(h ^ (h >> _U32(16)))
    h = _U32(h * _U32(0x85EBCA6B))
    h = _U32(h ^ (h >> _U32(13)))
    h = _U32(h * _U32(0xC2B2AE35))
    return _U32(h ^ (h >> _U32(16)))


@njit(nogil=True)
def _hashed(codes, start, characters):
    """The hash of so many characters from a place on."""
    h = _U32(0)
    for j in range(characters):
        h = _mixed(h, codes[start + j])
    return _finished(h, characters)


@njit(nogil=True)
def _row(slot, count, level):
    """The row of a word of a level in a slot, -1 for no word."""
    return slot * count + level if level > 0 else -1


@njit(nogil=True)
def _find(key, keys, values):
    """The value of a key in a table made by `fill_table`, -1 if it has none."""
    mask = len(keys) - 1
    place = np.int64(key) & mask
    while values[place] >= 0:
        if keys[place] == key:
            return values[place]
        place = (place + 1) & mask
    return np.int32(-1)


@njit(
    types.void(_KEYS, _I32, types.uint32[::1], types.int32[::1]),
    cache=True,
    nogil=True,
)
def fill_table(found, numbers, keys, values):
    """Put keys with their numbers (0 or more) into an empty table: `values` all -1.

    Its length is a power of two, larger than the number of keys; a key lies at its place modulo the
    length, or at the next that is free.
    """
    mask = len(keys) - 1
    for i in range(len(found)):
        place = np.int64(found[i]) & mask
        while values[place] >= 0:
            place = (place + 1) & mask
        keys[place] = found[i]
        values[place] = numbers[i]


@njit(types.void(_I32, types.int64, types.uint32[::1]), cache=True, nogil=True)
def hash_ngrams(codes, order, hashes):
    """Write the hash of the `order` characters that begin at each place; `hashes` is so long.

    That of a run is the 32-bit MurmurHash3 (x86, seed 0) of its code points as UTF-32.
    """
    for p in range(len(hashes)):
        hashes[p] = _hashed(codes, p, order)


@njit(
    types.void(
        _I32, types.int64, types.int64, types.int64, types.int64,
        types.uint32[::1], types.int32[::1], types.Array(types.int32, 2, "A"),
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def ngram_rows(codes, low, high, order, first, keys, values, out):
    """The rows of the n-grams around each place from `low` to `high`, -1 for those not known.

    Slot s of a place p is the n-gram that begins at p + first + s; `out` [places, slots].
    """
    slots = out.shape[1]
    for q in range(low + first, high + first + slots - 1):
        row = _find(_hashed(codes, q, order), keys, values)
        for s in range(slots):
            p = q - first - s
            if low <= p < high:
                out[p - low, s] = row


@njit(
    types.void(_I32, types.uint32[::1], types.int32[::1], types.uint8[:, ::1]),
    cache=True,
    nogil=True,
)
def word_levels(codes, keys, values, out):
    """Write the level of the 1, 2, ... characters from each place on, 0 for what is no word.

    `out` [places, characters of the longest]; `codes` goes on for that many after the last place.
    """
    longest = out.shape[1]
    for p in range(len(out)):
        h = _U32(0)
        for n in range(longest):
            h = _mixed(h, codes[p + n])
            out[p, n] = max(0, _find(_finished(h, n + 1), keys, values))


@njit(
    types.void(types.uint8[:, ::1], types.int64, types.Array(types.int32, 2, "A")),
    cache=True,
    nogil=True,
)
def word_rows(levels, count, out):
    """The rows of the words that end at a place, begin at it, and lie over it; -1 for no word.

    `levels` [longest + places, longest] begins `longest` places before the first. Slots: words of
    1, 2, ... characters that end here; that begin here; then, for words of 2, 3, ... characters,
    those with 1, 2, ... of them before the place. A row is slot x `count` + level.
    """
    longest = levels.shape[1]
    for i in range(len(out)):
        p = i + longest
        for n in range(longest):
            out[i, n] = _row(n, count, levels[p - n - 1, n])
            out[i, longest + n] = _row(longest + n, count, levels[p, n])
        slot = 2 * longest
        for n in range(1, longest):
            for before in range(1, n + 1):
                out[i, slot] = _row(slot, count, levels[p - before, n])
                slot += 1


@njit(types.void(_U8, types.uint8[::1]), cache=True, nogil=True)
def rules(kinds, out):
    """Whether a word begins at each place by rule: SPLIT, APPEND, or ASK the net.

    Spaces stand apart from what is not space; marks, letters of one word and digits of one number
    hold together. At the ends of a text there is nothing to split.
    """
    base = OUTSIDE  # the last kind that is no mark: a letter with its accent is still a letter
    for p in range(len(kinds)):
        before, here = kinds[p - 1] if p > 0 else OUTSIDE, kinds[p]
        if before == OUTSIDE or here == OUTSIDE:
            out[p] = APPEND
        elif before == SPACE or here == SPACE:
            out[p] = APPEND if before == here else SPLIT
        elif here == MARK or here == JOINER or before == JOINER:
            out[p] = APPEND
        elif base == here and (here == LETTER or here == DIGIT):
            out[p] = APPEND
        else:
            out[p] = ASK
        if here != MARK:
            base = here


@njit(
    types.void(
        types.int32[:, ::1], types.int64[::1], types.int64[::1], _F32[:, ::1], _F32[::1],
        _F32[:, ::1], _F32[::1], types.uint8[::1],
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def decide(rows, starts, steps, sums, bias, output, output_bias, out):
    """Set `out` to SPLIT or APPEND where it is ASK.

    `rows` [places, slots], -1 for none. What row r of slot s adds to the hidden layer is
    `sums[starts[s] + r * steps[s]]`; `output` [2, hidden].
    """
    hidden, slots = len(bias), rows.shape[1]
    layer = np.empty(hidden, np.float32)
    for i in range(len(out)):
        if out[i] != ASK:
            continue
        layer[:] = bias
        for s in range(slots):
            row = rows[i, s]
            if row >= 0:
                part = sums[starts[s] + row * steps[s]]
                for j in range(hidden):
                    layer[j] += part[j]
        append, split = output_bias[APPEND], output_bias[SPLIT]
        for j in range(hidden):
            x = layer[j]
            if x > 0:
                append += x * output[APPEND, j]
                split += x * output[SPLIT, j]
        out[i] = SPLIT if split > append else APPEND
