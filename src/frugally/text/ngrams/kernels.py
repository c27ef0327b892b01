"""The loops over characters that find the rows of n-grams. Compiled by Numba, cached."""

from __future__ import annotations

import numpy as np
from numba import njit, types

_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_U32 = np.uint32
_BEGIN, _END = 94, 36  # ^ and $
_SPACE = 32
_ALONE = 2  # `ALONE`, of a character that is a word


@njit(nogil=True)
def _character_at(text, position, end, becomes, in_word):
    """The character at `position`, or -1 if it parts words, and where the next begins.

    `becomes` and `in_word` say what a code point is read as and whether it is of a word.
    """
    byte = text[position]
    position += 1
    code = np.int64(byte)
    if byte >= 0x80:
        need, least, code = 0, 0, np.int64(-1)
        if 0xC2 <= byte < 0xE0:
            need, least, code = 1, 0x80, np.int64(byte & 0x1F)
        elif 0xE0 <= byte < 0xF0:
            need, least, code = 2, 0x800, np.int64(byte & 0x0F)
        elif 0xF0 <= byte < 0xF5:
            need, least, code = 3, 0x10000, np.int64(byte & 0x07)
        for _ in range(need):
            if position < end and (text[position] & 0xC0) == 0x80:
                code = (code << 6) | np.int64(text[position] & 0x3F)
                position += 1
            else:
                code = np.int64(-1)
                break
        if code < least or code > 0x10FFFF:
            code = np.int64(-1)
    if 0 <= code < len(becomes):
        code = np.int64(becomes[code]) if in_word[code] else np.int64(-1)
    return code, position


@njit(nogil=True)
def _scrambled(character):
    """MurmurHash3's scrambling of a block of four bytes: a character in UTF-32."""
    k = _U32(_U32(character) * _U32(0xCC9E2D51))
    k = _U32((k << _U32(15)) | (k >> _U32(17)))
    return _U32(k * _U32(0x1B873593))


@njit(nogil=True)
def _mixed(h, k):
    """The state of the hash after one more block."""
    h = _U32(h ^ k)
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
def _remainder(h, rows, inverse):
    """`h % rows` without a division, given 2**64 / rows rounded up (Lemire, Kaser, Kurz 2019)."""
    low = np.uint64(inverse * np.uint64(h))
    high = (low >> np.uint64(32)) * rows
    high += ((low & np.uint64(0xFFFFFFFF)) * rows) >> np.uint64(32)
    return np.int64(high >> np.uint64(32))


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

    The rows of text t are `found[row_ends[t - 1]:row_ends[t]]`. Returns how many there are.
    """
    states = np.zeros(order, np.uint32)  # the hash, so far, of the last 1, 2 .. characters
    written = 0
    position = np.int64(0)
    for t in range(len(ends)):
        end = ends[t]
        length = 0  # of the word so far, with its mark at the front
        while position < end or length > 0:
            code = np.int64(-1)
            if position < end:
                code, position = _character_at(text, position, end, becomes, in_word)
            if code < 0 and length == 0:
                continue
            # The mark at the front, if a word begins; then the letter, or the mark at the end.
            for step in range(2):
                if step == 0 and length > 0:
                    continue
                k = _scrambled(_BEGIN if step == 0 else (code if code >= 0 else _END))
                length += 1
                for n in range(min(length, order) - 1, 0, -1):
                    states[n] = _mixed(states[n - 1], k)
                states[0] = _mixed(_U32(0), k)
                if length >= order:
                    found[written] = _finished(states[order - 1], order) % _U32(rows)
                    written += 1
            if code < 0:
                length = 0
        row_ends[t] = written
    return written


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
def word_rows(text, ends, order, rows, becomes, in_word, found, row_ends):
    """Write the row of each run of `order` words of the texts that end at `ends`.

    The rows of text t are `found[row_ends[t - 1]:row_ends[t]]`. Returns how many there are.
    """
    states = np.zeros(order, np.uint32)  # the hash, so far, of the last 1, 2 .. words
    sizes = np.zeros(order, np.int64)  # and their characters
    written = 0
    position = np.int64(0)
    for t in range(len(ends)):
        end = ends[t]
        words = 0  # that have ended
        inside = alone = False
        while position < end or inside:
            code = np.int64(-1)
            if position < end:
                code, position = _character_at(text, position, end, becomes, in_word)
            kind = 0
            if code >= 0:
                kind = np.int64(in_word[code]) if code < len(in_word) else _ALONE
            if inside and (alone or kind != 1):
                words += 1
                inside = False
                if words >= order:
                    found[written] = _finished(states[order - 1], sizes[order - 1]) % _U32(rows)
                    written += 1
            if kind == 0:
                continue
            if not inside:
                for n in range(min(words, order - 1), 0, -1):
                    states[n] = _mixed(states[n - 1], _scrambled(_SPACE))
                    sizes[n] = sizes[n - 1] + 1
                states[0], sizes[0] = _U32(0), 0
                inside, alone = True, kind == _ALONE
            k = _scrambled(code)
            for n in range(min(words + 1, order)):
                states[n] = _mixed(states[n], k)
                sizes[n] += 1
        row_ends[t] = written
    return written


@njit(
    types.void(
        _BYTES,
        types.int64[::1],
        types.int32[::1],
        types.uint8[::1],
        types.int64[::1],
        types.int64[::1],
        types.int64[::1],
        types.float32[::1],
        types.Array(types.float32, 2, "C"),
    ),
    cache=True,
    nogil=True,
)
def ngram_means(text, ends, becomes, in_word, rows, widths, starts, vectors, means):
    """Fill row t of `means` with the mean vectors of text t's n-grams, n = 1 .. len(rows).

    The table of n has `rows[n - 1]` vectors of `widths[n - 1]` numbers and begins at
    `starts[n - 1]` of `vectors`; its mean stands after those of the smaller n, and is 0 where a
    text has no n-grams. They are those of `ngram_rows`, all found in one reading: the hash of an
    n-gram goes on from that of its first n - 1 characters.
    """
    orders = len(rows)
    states = np.zeros(orders, np.uint32)  # as in `ngram_rows`
    counts = np.zeros(orders, np.int64)
    columns = np.zeros(orders, np.int64)
    divisors = rows.astype(np.uint64)
    inverses = np.uint64(0xFFFFFFFFFFFFFFFF) // divisors + np.uint64(1)
    for n in range(1, orders):
        columns[n] = columns[n - 1] + widths[n - 1]
    position = np.int64(0)
    for t in range(len(ends)):
        end = ends[t]
        total = means[t]
        total[:] = 0
        counts[:] = 0
        length = 0
        while position < end or length > 0:
            code = np.int64(-1)
            if position < end:
                code, position = _character_at(text, position, end, becomes, in_word)
            if code < 0 and length == 0:
                continue
            for step in range(2):
                if step == 0 and length > 0:
                    continue
                k = _scrambled(_BEGIN if step == 0 else (code if code >= 0 else _END))
                length += 1
                for n in range(min(length, orders) - 1, -1, -1):
                    states[n] = _mixed(states[n - 1] if n > 0 else _U32(0), k)
                    row = _remainder(_finished(states[n], n + 1), divisors[n], inverses[n])
                    place = starts[n] + row * widths[n]
                    column = columns[n]
                    for j in range(widths[n]):
                        total[column + j] += vectors[place + j]
                    counts[n] += 1
            if code < 0:
                length = 0
        for n in range(orders):
            count = np.float32(max(counts[n], 1))
            for j in range(widths[n]):
                total[columns[n] + j] /= count
