"""Hashing words, and looking their hashes up in the bits of a Bloom map or in a sorted list."""

from __future__ import annotations

import numpy as np
from numba import njit, types

MOST_LEVELS = (
    40  # corrections of one key at one node; the map is made bigger before it needs so many
)
LEVEL_BITS = 2  # bits of a correction of a correction

_U64 = np.uint64
_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_INTS = types.Array(types.int64, 1, "C", readonly=True)
_HASHES = types.Array(types.uint64, 1, "C", readonly=True)
_SMALL = types.Array(types.int32, 1, "C", readonly=True)


@njit(cache=True, nogil=True, inline="always")
def _rotate(x, by):
    return (x << _U64(by)) | (x >> _U64(64 - by))


@njit(cache=True, nogil=True, inline="always")
def _finish(k):
    k ^= k >> _U64(33)
    k *= _U64(0xFF51AFD7ED558CCD)
    k ^= k >> _U64(33)
    k *= _U64(0xC4CEB9FE1A85EC53)
    return k ^ (k >> _U64(33))


@njit(cache=True, nogil=True, inline="always")
def _little_endian(text, start, end):
    k = _U64(0)
    shift = _U64(0)
    for i in range(start, end):
        k |= _U64(text[i]) << shift
        shift += _U64(8)
    return k


@njit(types.uint64[::1](_BYTES, _INTS, types.uint64), cache=True, nogil=True)
def hash_words_64(text, ends, seed):
    """The first 64 bits of MurmurHash3_x64_128 of words that lie end to end."""
    c1, c2 = _U64(0x87C37B91114253D5), _U64(0x4CF5AD432745937F)
    hashes = np.empty(len(ends), np.uint64)
    start = np.int64(0)
    for w in range(len(ends)):
        end = ends[w]
        h1 = seed
        h2 = seed
        i = start
        while i + 16 <= end:
            h1 ^= _rotate(_little_endian(text, i, i + 8) * c1, 31) * c2
            h1 = (_rotate(h1, 27) + h2) * _U64(5) + _U64(0x52DCE729)
            h2 ^= _rotate(_little_endian(text, i + 8, i + 16) * c2, 33) * c1
            h2 = (_rotate(h2, 31) + h1) * _U64(5) + _U64(0x38495AB5)
            i += 16
        h1 ^= _rotate(_little_endian(text, i, min(i + 8, end)) * c1, 31) * c2
        h2 ^= _rotate(_little_endian(text, min(i + 8, end), end) * c2, 33) * c1
        h1 ^= _U64(end - start)
        h2 ^= _U64(end - start)
        h1 += h2
        h2 += h1
        hashes[w] = _finish(h1) + _finish(h2)
        start = end
    return hashes


@njit(cache=True, nogil=True, inline="always")
def _mark(key, node, level):
    """The hash of a key at a node of the code tree, and at a level of corrections there."""
    return _finish(key ^ ((_U64(node) | _U64(level) << _U64(32)) * _U64(0x9E3779B97F4A7C15)))


@njit(cache=True, nogil=True, inline="always")
def _place(mark, i, size):
    """The i-th bit of a mark among `size`: two halves make any number of hashes.

    Kirsch and Mitzenmacher 2006, "Less Hashing, Same Performance".
    """
    low = (mark + _U64(i) * ((mark >> _U64(32)) | _U64(1))) & _U64(0xFFFFFFFF)
    return (low * _U64(size)) >> _U64(32)


@njit(cache=True, nogil=True, inline="always")
def _holds(bits, size, key, node, level, count):
    mark = _mark(key, node, level)
    for i in range(count):
        place = _place(mark, i, size)
        if (bits[place >> _U64(6)] >> (place & _U64(63))) & _U64(1) == _U64(0):
            return False
    return True


@njit(cache=True, nogil=True, inline="always")
def _add(bits, size, key, node, level, count):
    mark = _mark(key, node, level)
    for i in range(count):
        place = _place(mark, i, size)
        bits[place >> _U64(6)] |= _U64(1) << (place & _U64(63))


@njit(cache=True, nogil=True, inline="always")
def _corrections(bits, size, key, node, veto_bits):
    """How many corrections of a key at a leaf stand one upon another: odd means "not here"."""
    level = 0
    while level < MOST_LEVELS and _holds(
        bits, size, key, node, level + 1, veto_bits if level == 0 else LEVEL_BITS
    ):
        level += 1
    return level


_TREE = (_SMALL, _SMALL, _SMALL)


@njit(types.int32[::1](_HASHES, _HASHES, types.int64, *_TREE, types.int64), cache=True, nogil=True)
def find_values(keys, bits, size, counts, skips, values, veto_bits):
    """The value of each key, -1 where the walk ends without one.

    Nodes are in preorder: `counts` bits are asked of each; `skips` is where to go on if one of them
    is not set; `values` is that of a leaf, -1 for a node inside.
    """
    found = np.empty(len(keys), np.int32)
    for k in range(len(keys)):
        node = 0
        found[k] = -1
        while node < len(counts):
            if not _holds(bits, size, keys[k], node, 0, counts[node]):
                node = skips[node]
            elif values[node] < 0 or _corrections(bits, size, keys[k], node, veto_bits) & 1:
                node += 1
            else:
                found[k] = values[node]
                break
    return found


@njit(
    types.void(_HASHES, _SMALL, _SMALL, _SMALL, _SMALL, types.uint64[::1], types.int64),
    cache=True,
    nogil=True,
)
def set_bits(keys, paths, starts, nodes, counts, bits, size):
    """Set the bits of each key at the nodes nodes[starts[p]:starts[p + 1]] of its path p."""
    for k in range(len(keys)):
        for i in range(starts[paths[k]], starts[paths[k] + 1]):
            _add(bits, size, keys[k], nodes[i], 0, counts[nodes[i]])


@njit(
    types.int64(_HASHES, _SMALL, types.uint64[::1], types.int64, *_TREE, types.int64),
    cache=True,
    nogil=True,
)
def correct(keys, leaves, bits, size, counts, skips, values, veto_bits):
    """Correct what a walk for each key gets wrong; returns the bits that took, -1 if it cannot."""
    spent = 0
    for k in range(len(keys)):
        node = 0
        while node < len(counts):
            if not _holds(bits, size, keys[k], node, 0, counts[node]):
                node = skips[node]
                continue
            if values[node] >= 0:
                wrong = 0 if node == leaves[k] else 1
                level = _corrections(bits, size, keys[k], node, veto_bits)
                while level & 1 != wrong:
                    if level >= MOST_LEVELS - 1:
                        return -1
                    count = veto_bits if level == 0 else LEVEL_BITS
                    _add(bits, size, keys[k], node, level + 1, count)
                    spent += count
                    level = _corrections(bits, size, keys[k], node, veto_bits)
                if node == leaves[k]:
                    break
            node += 1
    return spent


@njit(
    types.int32[::1](_HASHES, _HASHES, types.Array(types.uint8, 1, "C", readonly=True)),
    cache=True,
    nogil=True,
)
def find_sorted(keys, hashes, values):
    """The value beside each key among sorted hashes, -1 where it is not there."""
    found = np.empty(len(keys), np.int32)
    for k in range(len(keys)):
        low, high = 0, len(hashes)
        while low < high:
            middle = (low + high) >> 1
            if hashes[middle] < keys[k]:
                low = middle + 1
            else:
                high = middle
        found[k] = values[low] if low < len(hashes) and hashes[low] == keys[k] else -1
    return found
