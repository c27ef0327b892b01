"""Unpacking postings, looking terms up, and pruned search: loops, compiled, cached.

They stand in one file because a cached function is not recompiled when one it calls changes in
another file. The layout is described in docs/format.md; `ask/index/kernels.py` writes it.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from frugally.ask.index.layout import BLOCK, PADDING, TERM_BLOCK, TF_BITS

WINDOW_BITS = 12  # search looks at 2^12 passages at a time
ONE = 1 << 24  # the fixed point of scores: a share of 1.0

# How far above its value a float bound is put, so that no rounding can take it below a share.
_SAFE = 1.0 + 1e-6

_U8, _U32, _U64 = types.uint8, types.uint32, types.uint64
_I64, _F32, _F64 = types.int64, types.float32, types.float64


def _stored(dtype: types.Type) -> types.Array:
    return types.Array(dtype, 1, "C", readonly=True)


@intrinsic
def _load(context, array, position):
    """Eight bytes at any position of a byte array, as a little-endian number."""

    def generate(context, builder, signature, arguments):
        view = context.make_array(signature.args[0])(context, builder, arguments[0])
        address = cgutils.gep_inbounds(builder, view.data, arguments[1])
        wide = builder.bitcast(address, ir.IntType(64).as_pointer())
        loaded = builder.load(wide)
        loaded.align = 1
        return loaded

    return types.uint64(array, types.int64), generate


@njit(cache=True, nogil=True, inline="always")
def _get(data, bit, width):
    """`width` (up to 32) bits from bit `bit` on."""
    word = _load(data, bit >> 3) >> np.uint64(bit & 7)
    return word & ((np.uint64(1) << np.uint64(width)) - np.uint64(1))


@njit(cache=True, nogil=True)
def _unpack_block(data, position, count, doc_bits, docs, tfs, at):
    """The inverse of `_pack_block`, into `docs[at:]`, `tfs[at:]`; where the block ends, or -1."""
    gap_bits = np.int64(data[position] & 31)
    tf_bits = TF_BITS[data[position] >> 5]
    bit = (position + 1) * 8
    end = (bit + doc_bits + (count - 1) * gap_bits + count * tf_bits + 7) >> 3
    if end + PADDING > len(data):
        return -1  # not what was written; the caller reports it
    doc = np.int64(_get(data, bit, doc_bits))
    bit += doc_bits
    docs[at] = doc
    if gap_bits:
        for i in range(1, count):
            doc += np.int64(_get(data, bit, gap_bits)) + 1
            bit += gap_bits
            docs[at + i] = doc
    else:
        for i in range(1, count):
            docs[at + i] = doc + i
    if tf_bits:
        for i in range(count):
            tfs[at + i] = np.int64(_get(data, bit, tf_bits)) + 1
            bit += tf_bits
    else:
        for i in range(count):
            tfs[at + i] = 1
    return end


@njit(cache=True, nogil=True)
def _unpack_directory(data, position, key, doc_bits, postings, skips, rows):
    """Read a directory block into `rows`; returns how many rows, or -1.

    A row: hash, passages, bytes of the list (0: inline), inline payload, position of the list, and
    its first skip (if it has more than BLOCK passages).
    """
    if position < 0 or position + 2 + PADDING > len(data):
        return -1
    count = np.int64(data[position]) + 1
    gap_bits = np.int64(data[position + 1])
    bit = (position + 2) * 8
    kinds = bit + (count - 1) * gap_bits
    payload = kinds + count
    if gap_bits > 32 or (payload >> 3) + PADDING > len(data):
        return -1
    rows[0, 0] = key
    for i in range(1, count):
        key += np.int64(_get(data, bit, gap_bits)) + 1
        bit += gap_bits
        rows[i, 0] = key
    for i in range(count):
        if _get(data, kinds + i, 1):
            if (payload >> 3) + PADDING > len(data):
                return -1
            rows[i, 1] = 1
            rows[i, 2] = 0
            rows[i, 3] = np.int64(_get(data, payload, doc_bits + 1))
            payload += doc_bits + 1
        else:
            rows[i, 2] = 1
    position = (payload + 7) >> 3
    for i in range(count):
        if rows[i, 2] == 0:
            continue
        for field in range(1, 3):
            value, shift = np.int64(0), 0
            while True:
                if position >= len(data) or shift > 35:
                    return -1
                byte = np.int64(data[position])
                position += 1
                value |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            rows[i, field] = value
        rows[i, 1] += 1
        if rows[i, 1] > 1 << doc_bits:
            return -1
        rows[i, 4] = postings
        rows[i, 5] = skips
        postings += rows[i, 2]
        if rows[i, 1] > BLOCK:
            skips += (rows[i, 1] + BLOCK - 1) // BLOCK
    return count


@njit(
    _I64(
        _I64[::1], _stored(_U8), _stored(_U32), _stored(_U64), _stored(_U64), _stored(_U32),
        _I64, _I64[:, ::1],
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def look_up(
    keys, directory, block_keys, block_positions, block_postings, block_skips, doc_bits, found
):
    """For each key, its row (see `_unpack_directory`) in `found`; 0 passages if it does not occur.

    Returns 0, or -1 if the directory is not what was written.
    """
    rows = np.empty((TERM_BLOCK, 6), np.int64)
    for i in range(len(keys)):
        found[i, :] = 0
        block = np.searchsorted(block_keys, np.uint32(keys[i]), side="right") - 1
        if block < 0:
            continue
        count = _unpack_directory(
            directory, np.int64(block_positions[block]), np.int64(block_keys[block]), doc_bits,
            np.int64(block_postings[block]), np.int64(block_skips[block]), rows,
        )  # fmt: skip
        if count < 0:
            return -1
        for j in range(count):
            if rows[j, 0] == keys[i]:
                found[i, :] = rows[j]
                break
    return 0


@njit(cache=True, nogil=True)
def _unpack_list(row, postings, doc_bits, docs, tfs, at):
    """All postings of a term into `docs[at:]`, `tfs[at:]`; returns 0, or -1."""
    if row[2] == 0:
        docs[at] = row[3] >> 1
        tfs[at] = (row[3] & 1) + 1
        return 0
    position = row[4]
    left = row[1]
    while left > 0:
        size = min(left, BLOCK)
        if position < 0 or position + 1 + PADDING > len(postings):
            return -1
        position = _unpack_block(postings, position, size, doc_bits, docs, tfs, at)
        if position < 0:
            return -1
        at += size
        left -= size
    return 0


@njit(_I64(_I64[::1], _stored(_U8), _I64, _U32[::1], _U32[::1]), cache=True, nogil=True)
def unpack_list(row, postings, doc_bits, docs, tfs):
    """All passages and frequencies of a term; returns 0, or -1 if they are damaged."""
    return _unpack_list(row, postings, doc_bits, docs, tfs, 0)


@njit(
    types.UniTuple(_I64, 2)(
        _stored(_U8), _stored(_U32), _stored(_U64), _stored(_U64), _stored(_U32), _stored(_U8),
        _I64, _I64, _I64, _U64[::1], _U32[::1],
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def unpack_blocks(
    directory, block_keys, block_positions, block_postings, block_skips, postings,
    doc_bits, first, last, packed, frequencies,
):  # fmt: skip
    """The postings of blocks `first` to `last` as `term << 32 | passage`, and frequencies.

    Stops before a block that might not fit in `packed`; returns the block it stopped at (or -1)
    and how many postings it wrote.
    """
    rows = np.empty((TERM_BLOCK, 6), np.int64)
    docs = np.empty(BLOCK, np.int64)
    tfs = np.empty(BLOCK, np.int64)
    written = 0
    for block in range(first, last):
        count = _unpack_directory(
            directory, np.int64(block_positions[block]), np.int64(block_keys[block]), doc_bits,
            np.int64(block_postings[block]), np.int64(block_skips[block]), rows,
        )  # fmt: skip
        if count < 0:
            return -1, written
        total = 0
        for j in range(count):
            total += rows[j, 1]
        if written + total > len(packed):
            return block, written
        for j in range(count):
            high = np.uint64(rows[j, 0]) << np.uint64(32)
            position, left = rows[j, 4], rows[j, 1]
            while left > 0:
                size = min(left, BLOCK)
                if rows[j, 2] == 0:
                    docs[0] = rows[j, 3] >> 1
                    tfs[0] = (rows[j, 3] & 1) + 1
                else:
                    if position < 0 or position + 1 + PADDING > len(postings):
                        return -1, written
                    position = _unpack_block(postings, position, size, doc_bits, docs, tfs, 0)
                    if position < 0:
                        return -1, written
                for i in range(size):
                    packed[written] = high | np.uint64(docs[i])
                    frequencies[written] = tfs[i]
                    written += 1
                left -= size
    return last, written


@njit(cache=True, nogil=True, inline="always")
def _share(weight, tf, norm, bm25, k1):
    """A term's share of a score, in fixed point; `norm` is K (bm25) or a factor (tfidf)."""
    if bm25:
        value = weight * (tf * (k1 + 1.0)) / (tf + norm)
    else:
        value = weight * np.log1p(tf) * norm
    return np.int64(value * ONE + 0.5)


@njit(cache=True, nogil=True, inline="always")
def _worse(score, doc, other_score, other_doc):
    """Whether the first of two hits ranks below the second: lower score, or later passage."""
    return score < other_score or (score == other_score and doc > other_doc)


@njit(cache=True, nogil=True)
def _offer(scores, docs, state, score, doc):
    """Offer a hit to the heap of the best; the worst of them is on top."""
    size = state[0]
    if size < len(scores):
        i = size
        state[0] += 1
        while i > 0:
            parent = (i - 1) >> 1
            if not _worse(score, doc, scores[parent], docs[parent]):
                break
            scores[i], docs[i] = scores[parent], docs[parent]
            i = parent
    else:
        if not _worse(scores[0], docs[0], score, doc):
            return
        i = 0
        while True:
            child = 2 * i + 1
            if child >= size:
                break
            if child + 1 < size and _worse(
                scores[child + 1], docs[child + 1], scores[child], docs[child]
            ):
                child += 1
            if not _worse(scores[child], docs[child], score, doc):
                break
            scores[i], docs[i] = scores[child], docs[child]
            i = child
    scores[i], docs[i] = score, doc


@njit(
    _I64(
        _I64[:, ::1], _F64[::1], _stored(_U8), _stored(_U32), _stored(_U32), _stored(_U8),
        _stored(_U32), _I64, _I64, _F32[::1], _F64[::1], _stored(_U8), types.boolean, _F64,
        types.boolean, _I64, _I64[::1], _I64[::1], _I64[::1], _U32[::1], _U32[::1],
    ),
    cache=True,
    nogil=True,
)  # fmt: skip
def search(
    found, weights, postings, skip_last, skip_position, impacts,
    impact_ends, doc_bits, passages, norms, code_norms, deleted, bm25, k1,
    prune, base, scores, docs, state, all_docs, all_tfs,
):  # fmt: skip
    """Offer the best passages of a segment to a heap: block-max MaxScore over windows of passages.

    `found` are rows of `look_up`, `weights` what each term's share is multiplied by. `norms` is per
    passage, `code_norms` per length code (never above what any passage of that code has, for bm25;
    never below, for tfidf). `deleted` is a bitmap, or empty. `scores`, `docs` are the heap, with
    passage numbers from `base` on; `state` is [hits in the heap, postings scored, postings of the
    query's terms, bytes of the lists unpacked]. Windows whose bound is below the worst score of a
    full heap are skipped; in the others only passages that the essential terms (Turtle and Flood
    1995; per block: Ding and Suel 2011) touch are candidates. `all_docs` and `all_tfs` are scratch
    for all postings of the terms, each list rounded up to whole blocks. Returns 0, or -1 if the
    postings are not what was written.
    """
    n_terms = len(found)
    window = 1 << WINDOW_BITS
    n_windows = (passages + window - 1) >> WINDOW_BITS
    blocks = np.zeros(n_terms + 1, np.int64)  # where each term's blocks begin in what follows
    for t in range(n_terms):
        blocks[t + 1] = blocks[t] + (found[t, 1] + BLOCK - 1) // BLOCK
        state[2] += found[t, 1]
    unpacked = np.zeros(blocks[n_terms], np.uint8)
    bounds = np.zeros((n_terms, n_windows), np.int64)
    for t in range(n_terms):
        if found[t, 1] == 0:
            continue
        if found[t, 1] <= BLOCK:
            if _unpack_list(found[t], postings, doc_bits, all_docs, all_tfs, blocks[t] * BLOCK) < 0:
                return -1
            unpacked[blocks[t]] = 1
            state[3] += found[t, 2]
            for i in range(blocks[t] * BLOCK, blocks[t] * BLOCK + found[t, 1]):
                doc = np.int64(all_docs[i])
                if doc >= passages:
                    return -1
                share = _share(weights[t], np.float64(all_tfs[i]), norms[doc], bm25, k1)
                w = doc >> WINDOW_BITS
                bounds[t, w] = max(bounds[t, w], share)
            continue
        start = np.int64(0)
        first = found[t, 5]
        n_blocks = blocks[t + 1] - blocks[t]
        if first + n_blocks > len(skip_last):
            return -1
        for b in range(n_blocks):
            if impact_ends[first + b] > len(impacts):
                return -1
            pair = np.int64(impact_ends[first + b - 1]) if first + b > 0 else 0
            bound = np.int64(0)
            while pair < impact_ends[first + b]:
                tf = np.float64(impacts[pair]) if impacts[pair] < 255 else 1e9
                norm = code_norms[impacts[pair + 1]]
                value = _share(weights[t] * _SAFE, tf, norm, bm25, k1) + 1
                bound = max(bound, value)
                pair += 2
            last = np.int64(skip_last[first + b])
            if last >= passages:
                return -1
            for w in range(start >> WINDOW_BITS, (last >> WINDOW_BITS) + 1):
                bounds[t, w] = max(bounds[t, w], bound)
            start = last + 1
    totals = np.zeros(n_windows, np.int64)
    for t in range(n_terms):
        for w in range(n_windows):
            totals[w] += bounds[t, w]

    sums = np.zeros(window, np.int64)
    touched = np.empty(window, np.int64)  # where sums are not zero
    order = np.empty(n_terms, np.int64)
    # The most promising windows first, so that the threshold is high for all the others.
    leaders = min(8, n_windows) if prune else 0
    for turn in range(leaders + n_windows):
        if turn < leaders:
            w = 0
            for i in range(1, n_windows):
                if totals[i] > totals[w]:
                    w = i
        else:
            w = turn - leaders
        total = totals[w]
        if total <= 0:
            continue
        totals[w] = 0  # done
        threshold = scores[0] if prune and state[0] == len(scores) else np.int64(0)
        if total < threshold:
            continue
        # Terms by their bound in this window; the first `optional` together cannot reach the
        # threshold, so a passage must have one of the others.
        used = 0
        for t in range(n_terms):
            if bounds[t, w] > 0:
                i = used
                while i > 0 and bounds[order[i - 1], w] > bounds[t, w]:
                    order[i] = order[i - 1]
                    i -= 1
                order[i] = t
                used += 1
        rest = np.int64(0)
        optional = 0
        while optional < used and rest + bounds[order[optional], w] < threshold:
            rest += bounds[order[optional], w]
            optional += 1
        low, high = w << WINDOW_BITS, (w + 1) << WINDOW_BITS
        n_touched = 0
        for turn_of_term in range(used):
            # First the essential terms, in any order, then the others from the highest bound down.
            i = used - 1 - turn_of_term
            t = order[i]
            essential = i >= optional
            needed = np.int64(1)
            if not essential:
                needed = max(np.int64(1), threshold - rest)
                rest -= bounds[t, w]
                any_left = False
                for j in range(n_touched):
                    if sums[touched[j]] >= needed:
                        any_left = True
                        break
                if not any_left:
                    break
            weight = weights[t]
            if found[t, 1] <= BLOCK:
                block, last_block = np.int64(0), np.int64(1)
            else:
                first = found[t, 5]
                last_block = blocks[t + 1] - blocks[t]
                block = np.searchsorted(skip_last[first : first + last_block], np.uint32(low))
            while block < last_block:
                at = (blocks[t] + block) * BLOCK
                size = min(BLOCK, found[t, 1] - block * BLOCK)
                if not unpacked[blocks[t] + block]:
                    position = found[t, 4] + np.int64(skip_position[found[t, 5] + block])
                    if position < 0 or position + 1 + PADDING > len(postings):
                        return -1
                    after = _unpack_block(postings, position, size, doc_bits, all_docs, all_tfs, at)
                    if after < 0:
                        return -1
                    state[3] += after - position
                    unpacked[blocks[t] + block] = 1
                begin, end = at, at + size
                while begin < end:  # the first posting in the window
                    middle = (begin + end) >> 1
                    if np.int64(all_docs[middle]) < low:
                        begin = middle + 1
                    else:
                        end = middle
                for i in range(begin, at + size):
                    doc = np.int64(all_docs[i])
                    if doc >= high:
                        break
                    if essential or sums[doc - low] >= needed:
                        if doc >= passages:
                            return -1
                        share = _share(weight, np.float64(all_tfs[i]), norms[doc], bm25, k1)
                        if sums[doc - low] == 0 and share > 0:
                            touched[n_touched] = doc - low
                            n_touched += 1
                        sums[doc - low] += share
                        state[1] += 1
                if np.int64(all_docs[at + size - 1]) >= high - 1:
                    break
                block += 1
        for j in range(n_touched):
            doc = low + touched[j]
            if sums[touched[j]] >= threshold and (
                len(deleted) == 0 or not (deleted[doc >> 3] >> (doc & 7)) & 1
            ):
                _offer(scores, docs, state, sums[touched[j]], base + doc)
            sums[touched[j]] = 0
    return 0
