"""The loops of the exchange algorithm. Compiled by Numba, cached.

Words are numbers. `starts`, `befores` and `counts` say for each word w which words v come before it
and how often: entries starts[w] to starts[w + 1] hold v and N(v, w). `follows` is N(v, c), how
often a word of cluster c follows v; `sizes` is N(c); `table` is x log x for small x.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit, types

NOTHING_GAINED = 1e-6  # nats; a smaller gain is rounding, and would move words to and fro

_WORDS = types.Array(types.int32, 1, "C", readonly=True)
_STARTS = types.Array(types.int64, 1, "C", readonly=True)
_TABLE = types.Array(types.float64, 1, "C", readonly=True)
_FOLLOWS = types.Array(types.uint32, 2, "C")


@njit(cache=True, nogil=True, inline="always")
def _x_log_x(x, table):
    return table[x] if x < len(table) else float(x) * math.log(float(x))


@njit(cache=True, nogil=True)
def _best_cluster(w, old, frequencies, starts, befores, counts, follows, sizes, table, gains):
    """The cluster where the likelihood is highest, all other words being where they are.

    With w taken out, cluster c gains the sum over v before w of f(N(v, c) + n) - f(N(v, c)), less
    f(N(c) + N(w)) - f(N(c)), where n = N(v, w) and f(x) = x log x; nothing else changes.
    """
    clusters = len(sizes)
    gains[:] = 0.0
    stay = 0.0
    limit = np.uint32(len(table))
    for e in range(starts[w], starts[w + 1]):
        v = befores[e]
        n = counts[e]
        row = follows[v]
        if frequencies[v] < limit:
            for c in range(clusters):
                gains[c] += table[row[c] + n] - table[row[c]]
            if old >= 0:
                stay += table[row[old]] - table[row[old] - n]
        else:
            alone = _x_log_x(n, table)
            for c in range(clusters):
                x = row[c]
                if x == 0:
                    gains[c] += alone
                else:
                    gains[c] += _x_log_x(x + n, table) - _x_log_x(x, table)
            if old >= 0:
                stay += _x_log_x(row[old], table) - _x_log_x(row[old] - n, table)
    best = old
    most = stay + NOTHING_GAINED
    if old >= 0:
        most -= _x_log_x(sizes[old], table) - _x_log_x(sizes[old] - frequencies[w], table)
    else:
        most = -np.inf
    for c in range(clusters):
        if c != old:
            bigger = _x_log_x(sizes[c] + frequencies[w], table)
            gain = gains[c] - (bigger - _x_log_x(sizes[c], table))
            if gain > most:
                most = gain
                best = c
    return best


@njit(cache=True, nogil=True)
def _move(w, old, new, frequencies, starts, befores, counts, follows, sizes):
    for e in range(starts[w], starts[w + 1]):
        follows[befores[e], old] -= counts[e]
        follows[befores[e], new] += counts[e]
    sizes[old] -= frequencies[w]
    sizes[new] += frequencies[w]


_COUNTS = types.Array(types.uint32, 1, "C", readonly=True)
_SIZES = types.int64[::1]
_FREQUENCIES = types.Array(types.int64, 1, "C", readonly=True)
_IN, _OUT = types.Array(types.int32, 1, "A", readonly=True), types.int32[::1]


@njit(
    types.int64(_IN, _OUT, _FREQUENCIES, _STARTS, _WORDS, _COUNTS, _FOLLOWS, _SIZES, _TABLE),
    cache=True,
    nogil=True,
)
def exchange(words, clusters, frequencies, starts, befores, counts, follows, sizes, table):
    """Move each of `words` in turn to its best cluster; returns how many moved."""
    gains = np.empty(len(sizes), np.float64)
    moved = 0
    for w in words:
        old = clusters[w]
        new = _best_cluster(
            w, old, frequencies, starts, befores, counts, follows, sizes, table, gains
        )
        if new != old:
            _move(w, old, new, frequencies, starts, befores, counts, follows, sizes)
            clusters[w] = new
            moved += 1
    return moved


@njit(
    types.void(_IN, _OUT, _OUT, _FREQUENCIES, _STARTS, _WORDS, _COUNTS, _FOLLOWS, _SIZES, _TABLE),
    cache=True,
    nogil=True,
)
def choose(words, clusters, chosen, frequencies, starts, befores, counts, follows, sizes, table):
    """Fill `chosen` with the best cluster of each of `words`, with the counts as they stand."""
    gains = np.empty(len(sizes), np.float64)
    for i in range(len(words)):
        w = words[i]
        chosen[i] = _best_cluster(
            w, clusters[w], frequencies, starts, befores, counts, follows, sizes, table, gains
        )


@njit(cache=True, nogil=True)
def _gain(w, old, new, frequencies, starts, befores, counts, follows, sizes, table):
    """How much the likelihood grows where w alone goes from one cluster to another."""
    gain = 0.0
    for e in range(starts[w], starts[w + 1]):
        n = counts[e]
        here = follows[befores[e], old]
        there = follows[befores[e], new]
        gain += _x_log_x(there + n, table) - _x_log_x(there, table)
        gain -= _x_log_x(here, table) - _x_log_x(here - n, table)
    n = frequencies[w]
    gain -= _x_log_x(sizes[new] + n, table) - _x_log_x(sizes[new], table)
    return gain + _x_log_x(sizes[old], table) - _x_log_x(sizes[old] - n, table)


@njit(
    types.int64(_IN, _OUT, _IN, _FREQUENCIES, _STARTS, _WORDS, _COUNTS, _FOLLOWS, _SIZES, _TABLE),
    cache=True,
    nogil=True,
)
def merge(words, clusters, chosen, frequencies, starts, befores, counts, follows, sizes, table):
    """Move each word to the cluster chosen for it if that still gains; returns how many moved."""
    moved = 0
    for i in range(len(words)):
        w = words[i]
        old = clusters[w]
        new = chosen[i]
        if new != old:
            gain = _gain(w, old, new, frequencies, starts, befores, counts, follows, sizes, table)
            if gain > NOTHING_GAINED:
                _move(w, old, new, frequencies, starts, befores, counts, follows, sizes)
                clusters[w] = new
                moved += 1
    return moved


@njit(types.void(_IN, _STARTS, _WORDS, _COUNTS, _FOLLOWS), cache=True, nogil=True)
def count_followers(clusters, starts, befores, counts, follows):
    """Add up N(v, c); words of cluster -1 are left out."""
    for w in range(len(clusters)):
        if clusters[w] >= 0:
            for e in range(starts[w], starts[w + 1]):
                follows[befores[e], clusters[w]] += counts[e]


@njit(types.float64(_FOLLOWS, _TABLE), cache=True, nogil=True)
def sum_x_log_x(follows, table):
    """The sum of x log x over a matrix of counts."""
    total = 0.0
    for v in range(follows.shape[0]):
        for c in range(follows.shape[1]):
            if follows[v, c] > 1:
                total += _x_log_x(follows[v, c], table)
    return total
