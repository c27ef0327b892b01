"""Packing postings and the directory of terms: loops, compiled, cached.

The inverse stands in `ask/search/kernels.py`; the layout is described in docs/format.md.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

from frugally.ask.index.layout import BLOCK, GROUP_BITS, TERM_BLOCK, TF_BITS

_ONE = np.uint32(1)
_U8, _U32, _U64, _I64 = types.uint8, types.uint32, types.uint64, types.int64


@njit(cache=True, nogil=True, inline="always")
def _put(data, at, held, bits, value, width):
    """Append up to 32 bits to the `bits` (fewer than 8) in `held`; whole bytes go to `data[at:]`.

    Returns the three as they are then.
    """
    held |= np.uint64(value) << np.uint64(bits)
    bits += width
    while bits >= 8:
        data[at] = np.uint8(held & np.uint64(255))
        held >>= np.uint64(8)
        at += 1
        bits -= 8
    return at, held, bits


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
    at, held, bits = _put(out, position + 1, np.uint64(0), 0, docs[0], doc_bits)
    for i in range(1, count):
        at, held, bits = _put(out, at, held, bits, docs[i] - docs[i - 1] - 1, gap_bits)
    tf_bits = TF_BITS[kind]
    if tf_bits:
        for i in range(count):
            at, held, bits = _put(out, at, held, bits, tfs[i] - 1, tf_bits)
    if bits:
        out[at] = np.uint8(held)
        at += 1
    return at


@njit(types.void(_U64[::1], _I64, _U32[::1], _U32[::1]), cache=True, nogil=True)
def partition(packed, first, values, ends):
    """Sort the occurrences of a group of passages, from `first` on, into parts by their term.

    `packed` is `term << 32 | passage`; `values` get the term's low bits and the passage's number in
    the group, `ends` (zeros) where each part ends in them.
    """
    shift = np.uint64(64 - GROUP_BITS)
    low = (np.uint64(1) << np.uint64(32 - GROUP_BITS)) - np.uint64(1)
    for i in range(len(packed)):
        ends[packed[i] >> shift] += _ONE
    start = np.uint32(0)
    for part in range(len(ends)):
        count = ends[part]
        ends[part] = start  # for now, where the next one goes
        start += count
    for i in range(len(packed)):
        part = packed[i] >> shift
        term = (packed[i] >> np.uint64(32)) & low
        passage = (packed[i] & np.uint64(0xFFFFFFFF)) - np.uint64(first)
        values[ends[part]] = np.uint32(term << np.uint64(GROUP_BITS) | passage)
        ends[part] += _ONE


@njit(_I64(_U32[::1], _U32[::1], _I64, _I64, _I64, _U64[::1], _I64), cache=True, nogil=True)
def gather(values, ends, part, following, first, out, at):
    """Append the parts from `part` to before `following` as they were; returns the new end."""
    i = np.int64(ends[part - 1]) if part else np.int64(0)
    within = np.uint64((1 << GROUP_BITS) - 1)
    while part < following:
        high = np.uint64(part) << np.uint64(64 - GROUP_BITS)
        while i < ends[part]:
            value = np.uint64(values[i])
            passage = (value & within) + np.uint64(first)
            out[at] = high | (value >> np.uint64(GROUP_BITS)) << np.uint64(32) | passage
            at += 1
            i += 1
        part += 1
    return at


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
    at, held, bits = position + 2, np.uint64(0), 0
    for i in range(first + 1, first + count):
        gap = np.int64(terms[i, 0]) - np.int64(terms[i - 1, 0]) - 1
        at, held, bits = _put(out, at, held, bits, gap, gap_bits)
    for i in range(first, first + count):
        at, held, bits = _put(out, at, held, bits, np.int64(terms[i, 2] == 0), 1)
    for i in range(first, first + count):
        if terms[i, 2] == 0:
            at, held, bits = _put(out, at, held, bits, np.int64(terms[i, 3]), doc_bits + 1)
    if bits:
        out[at] = np.uint8(held)
        at += 1
    position = at
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
