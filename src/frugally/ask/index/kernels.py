"""Packing postings and the directory of terms: loops, compiled, cached.

The inverse stands in `ask/search/kernels.py`; the layout is described in docs/format.md.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

from frugally.ask.index.layout import BLOCK, TERM_BLOCK, TF_BITS

_U8, _U32, _U64, _I64 = types.uint8, types.uint32, types.uint64, types.int64


@njit(cache=True, nogil=True, inline="always")
def _put(data, bit, value, width):
    """Or `width` bits into zeroed bytes, from bit `bit` on; returns the bit after them."""
    word = np.uint64(value) << np.uint64(bit & 7)
    at = bit >> 3
    while word != np.uint64(0):
        data[at] |= np.uint8(word & np.uint64(255))
        word >>= np.uint64(8)
        at += 1
    return bit + width


@njit(cache=True, nogil=True, inline="always")
def _width(value):
    width = 0
    while value:
        value >>= 1
        width += 1
    return width


@njit(cache=True, nogil=True)
def _pack_block(out, position, docs, tfs, count, doc_bits):
    """One block: a header byte, the first passage, the gaps, the frequencies; to whole bytes."""
    gaps = 0
    most = 0
    for i in range(count):
        most = max(most, tfs[i] - 1)
        if i:
            gaps |= docs[i] - docs[i - 1] - 1
    gap_bits = _width(gaps)
    kind = 0
    while TF_BITS[kind] < _width(most):
        kind += 1
    out[position] = np.uint8(gap_bits | kind << 5)
    bit = _put(out, (position + 1) * 8, docs[0], doc_bits)
    for i in range(1, count):
        bit = _put(out, bit, docs[i] - docs[i - 1] - 1, gap_bits)
    for i in range(count):
        bit = _put(out, bit, tfs[i] - 1, TF_BITS[kind])
    return (bit + 7) >> 3


@njit(
    types.UniTuple(_I64, 4)(
        _U64[::1], _U32[::1], _I64, _U8[::1], _U8[::1], _U32[:, ::1],
        _U32[::1], _U32[::1], _U8[::1], _U32[::1],
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def pack_postings(
    packed, frequencies, doc_bits, length_codes, out, terms,
    skip_last, skip_position, impacts, impact_ends,
):  # fmt: skip
    """Pack sorted occurrences (`term << 32 | passage`) into posting lists.

    Equal occurrences add up to a frequency; `frequencies`, if any, says how much each counts.
    Per term, a row of `terms`: hash, number of passages, bytes of its list (0 if it is inline),
    and, inline, `passage << 1 | frequency - 1` for a term that occurs in one passage once or twice.
    Lists of more than BLOCK passages have, per block, its last passage, its offset in the list, and
    the Pareto pairs (frequency, length code) that no other posting of the block beats.

    Returns how many terms, bytes of `out`, skips and bytes of `impacts` were written.
    """
    docs = np.empty(BLOCK, np.int64)
    tfs = np.empty(BLOCK, np.int64)
    shortest = np.full(256, 256, np.int64)
    n_terms, n_bytes, n_skips, n_impacts = 0, 0, 0, 0
    i = 0
    while i < len(packed):
        term = packed[i] >> np.uint64(32)
        list_start = n_bytes
        df, filled = 0, 0
        while True:
            # One passage of this term.
            more = i < len(packed) and packed[i] >> np.uint64(32) == term
            if more:
                both = packed[i]
                tf = 0
                while i < len(packed) and packed[i] == both:
                    tf += np.int64(frequencies[i]) if len(frequencies) else 1
                    i += 1
            if filled == BLOCK or (not more and filled > 0):
                inline = not more and df == 1 and tfs[0] <= 2
                if not inline:
                    start = n_bytes
                    n_bytes = _pack_block(out, n_bytes, docs, tfs, filled, doc_bits)
                    if df > BLOCK or more:
                        skip_last[n_skips] = docs[filled - 1]
                        skip_position[n_skips] = start - list_start
                        most = 0
                        for j in range(filled):
                            tf_code = min(tfs[j], 255)
                            code = np.int64(length_codes[docs[j]])
                            shortest[tf_code] = min(shortest[tf_code], code)
                            most = max(most, tf_code)
                        best = 256
                        for j in range(most, 0, -1):
                            if shortest[j] < best:
                                best = shortest[j]
                                impacts[n_impacts] = j
                                impacts[n_impacts + 1] = best
                                n_impacts += 2
                            shortest[j] = 256
                        impact_ends[n_skips] = n_impacts
                        n_skips += 1
                filled = 0
            if not more:
                break
            docs[filled] = np.int64(both & np.uint64(0xFFFFFFFF))
            tfs[filled] = tf
            filled += 1
            df += 1
        terms[n_terms, 0] = np.uint32(term)
        terms[n_terms, 1] = df
        terms[n_terms, 2] = n_bytes - list_start
        if n_bytes == list_start:
            terms[n_terms, 3] = np.uint32(docs[0] << 1 | (tfs[0] - 1))
        n_terms += 1
    return n_terms, n_bytes, n_skips, n_impacts


@njit(cache=True, nogil=True, inline="always")
def _put_varint(out, position, value):
    while value >= 128:
        out[position] = np.uint8((value & 127) | 128)
        value >>= 7
        position += 1
    out[position] = np.uint8(value)
    return position + 1


@njit(cache=True, nogil=True)
def _pack_directory_block(terms, first, count, doc_bits, out, position):
    """Byte 0: rows - 1. Byte 1: bits of a gap between hashes. Then, as bits: the gaps, a bit a term
    (inline or not), the inline payloads; then, from a whole byte on, per list as varints its number
    of passages - 1 and its bytes. Returns where the block ends.
    """
    gaps = np.int64(0)
    for i in range(first + 1, first + count):
        gaps |= np.int64(terms[i, 0]) - np.int64(terms[i - 1, 0]) - 1
    gap_bits = _width(gaps)
    out[position] = np.uint8(count - 1)
    out[position + 1] = np.uint8(gap_bits)
    bit = (position + 2) * 8
    for i in range(first + 1, first + count):
        gap = np.int64(terms[i, 0]) - np.int64(terms[i - 1, 0]) - 1
        bit = _put(out, bit, gap, gap_bits)
    for i in range(first, first + count):
        bit = _put(out, bit, 1 if terms[i, 2] == 0 else 0, 1)
    for i in range(first, first + count):
        if terms[i, 2] == 0:
            bit = _put(out, bit, terms[i, 3], doc_bits + 1)
    position = (bit + 7) >> 3
    for i in range(first, first + count):
        if terms[i, 2] != 0:
            position = _put_varint(out, position, np.int64(terms[i, 1]) - 1)
            position = _put_varint(out, position, np.int64(terms[i, 2]))
    return position


@njit(_I64(_U32[:, ::1], _I64, _U8[::1], _I64[:, ::1]), cache=True, nogil=True)
def pack_directory(terms, doc_bits, out, blocks):
    """Pack rows of `terms`, TERM_BLOCK at a time, into zeroed bytes; returns how many bytes.

    Per block a row of `blocks`: its first hash, its position in `out`, and the bytes and skips of
    the lists of the blocks before it in this call. Row `len(blocks) - 1` has the totals.
    """
    position, lists, skips = np.int64(0), np.int64(0), np.int64(0)
    for block in range(len(blocks) - 1):
        first = block * TERM_BLOCK
        count = min(TERM_BLOCK, len(terms) - first)
        blocks[block, 0] = terms[first, 0]
        blocks[block, 1] = position
        blocks[block, 2] = lists
        blocks[block, 3] = skips
        position = _pack_directory_block(terms, first, count, doc_bits, out, position)
        for i in range(first, first + count):
            lists += np.int64(terms[i, 2])
            if terms[i, 1] > BLOCK:
                skips += (np.int64(terms[i, 1]) + BLOCK - 1) // BLOCK
    blocks[len(blocks) - 1, 1] = position
    blocks[len(blocks) - 1, 2] = lists
    blocks[len(blocks) - 1, 3] = skips
    return position
