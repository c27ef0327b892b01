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

WINDOW_BITS = 13  # search looks at 2^13 passages at a time
ONE = 1 << 24  # the fixed point of scores: a share of 1.0

# How far above its value a float bound is put, so that no rounding can take it below a share.
_SAFE = 1.0 + 1e-6

_U8, _U16, _U32, _U64 = types.uint8, types.uint16, types.uint32, types.uint64
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


@njit(cache=True, nogil=True, inline="always")
def _ones(data, bit, count):
    """How many of `count` bits from bit `bit` on are set."""
    ones = 0
    for start in range(0, count, 32):
        word = _get(data, bit + start, min(32, count - start))
        while word:
            word &= word - np.uint64(1)
            ones += 1
    return ones


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

    Reads no further than the key. Returns 0, or -1 if the directory is not what was written.
    """
    found[:] = 0
    for i in range(len(keys)):
        block = np.searchsorted(block_keys, np.uint32(keys[i]), side="right") - 1
        if block < 0:
            continue
        position = np.int64(block_positions[block])
        if position < 0 or position + 2 + PADDING > len(directory):
            return -1
        count = np.int64(directory[position]) + 1
        gap_bits = np.int64(directory[position + 1])
        bit = (position + 2) * 8
        kinds = bit + (count - 1) * gap_bits
        payload = kinds + count
        if gap_bits > 32 or (payload >> 3) + PADDING > len(directory):
            return -1
        key, place = np.int64(block_keys[block]), np.int64(0)
        while key < keys[i] and place < count - 1:
            key += np.int64(_get(directory, bit, gap_bits)) + 1
            bit += gap_bits
            place += 1
        if key != keys[i]:
            continue
        inline = _ones(directory, kinds, place)  # those before it
        if _get(directory, kinds + place, 1):
            payload += inline * (doc_bits + 1)
            if (payload >> 3) + PADDING > len(directory):
                return -1
            found[i, 0], found[i, 1] = key, 1
            found[i, 3] = np.int64(_get(directory, payload, doc_bits + 1))
            continue
        payload += (inline + _ones(directory, kinds + place, count - place)) * (doc_bits + 1)
        position = (payload + 7) >> 3
        start, skip = np.int64(block_postings[block]), np.int64(block_skips[block])
        passages = size = np.int64(0)
        for _ in range(place - inline + 1):  # the lists before it, and its own
            start += size
            if passages > BLOCK:
                skip += (passages + BLOCK - 1) // BLOCK
            for field in range(2):
                value, shift = np.int64(0), 0
                while True:
                    if position >= len(directory) or shift > 35:
                        return -1
                    byte = np.int64(directory[position])
                    position += 1
                    value |= (byte & 127) << shift
                    shift += 7
                    if byte < 128:
                        break
                if field == 0:
                    passages = value + 1
                else:
                    size = value
            if passages > 1 << doc_bits:
                return -1
        found[i, 0], found[i, 1], found[i, 2] = key, passages, size
        found[i, 4], found[i, 5] = start, skip
    return 0


@njit(cache=True, nogil=True)
def _unpack_list(row, postings, doc_bits, docs, tfs):
    """All postings of a term; returns 0, or -1."""
    if row[2] == 0:
        docs[0] = row[3] >> 1
        tfs[0] = (row[3] & 1) + 1
        return 0
    position = row[4]
    left = row[1]
    at = 0
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
    return _unpack_list(row, postings, doc_bits, docs, tfs)


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


@njit(
    types.void(_I64[::1], _I64[::1], _I64[::1], _I64, types.boolean, _F64, _F64, _F64[::1]),
    cache=True,
    nogil=True,
)
def weigh(frequencies, kinds, having, passages, bm25, bigram, characters, weights):
    """What each term's share is multiplied by; kinds and formulas as in `Ranking`."""
    for t in range(len(weights)):
        ratio = (passages - having[t] + 0.5) / (having[t] + 0.5)
        if bm25:
            factor = bigram if kinds[t] == 1 else characters if kinds[t] == 2 else 1.0
            weights[t] = factor * frequencies[t] * np.log1p(ratio)
        else:
            idf = max(0.0, np.log(max(ratio, 1e-300)))
            weights[t] = np.log1p(np.float64(frequencies[t])) * idf * idf


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


@njit(_I64(_stored(_U8), _stored(_U32), _F32[:, ::1], _F32[::1]), cache=True, nogil=True)
def block_gains(impacts, impact_ends, gains, best):
    """The highest of `gains` (frequencies, length codes) of each block of the long lists.

    Returns 0, or -1 if the impacts are not what was written.
    """
    pair = np.int64(0)
    for b in range(len(impact_ends)):
        best[b] = 0.0
        if impact_ends[b] > len(impacts):
            return -1
        while pair < np.int64(impact_ends[b]):
            best[b] = max(best[b], gains[impacts[pair], impacts[pair + 1]])
            pair += 2
    return 0


@njit(cache=True, nogil=True, error_model="numpy")
def _bound(
    found, weights, postings, skip_last, gains, doc_bits, passages, lengths, norms, bm25, k1,
    blocks, bounds, starts, all_docs,
):  # fmt: skip
    """What each term adds at most to a passage of each window, into `bounds` (windows, terms).

    Short lists are unpacked into `all_docs`. Of the others, `starts` (terms, windows + 1) gets the
    first block that reaches a window. Returns 0, or -1.
    """
    window = 1 << WINDOW_BITS
    tfs = np.empty(BLOCK, np.uint32)
    for t in range(len(found)):
        if found[t, 1] <= BLOCK:
            listed = all_docs[blocks[t] * BLOCK :]
            if found[t, 1] and _unpack_list(found[t], postings, doc_bits, listed, tfs) < 0:
                return -1
            for i in range(found[t, 1]):
                doc = np.int64(listed[i])
                if doc >= passages:
                    return -1
                norm = norms[lengths[doc]] if bm25 else norms[doc]
                share = _share(weights[t], np.float64(tfs[i]), norm, bm25, k1)
                bounds[doc >> WINDOW_BITS, t] = max(bounds[doc >> WINDOW_BITS, t], share)
            continue
        first, count = found[t, 5], blocks[t + 1] - blocks[t]
        if first + count > len(skip_last):
            return -1
        start = np.int64(0)
        for b in range(count):
            last = np.int64(skip_last[first + b])
            if last >= passages:
                return -1
            bound = np.int64(weights[t] * gains[first + b] * _SAFE * ONE) + 2
            for w in range(start >> WINDOW_BITS, (last >> WINDOW_BITS) + 1):
                bounds[w, t] = max(bounds[w, t], bound)
            for w in range((start + window - 1) >> WINDOW_BITS, (last >> WINDOW_BITS) + 1):
                starts[t, w] = b
            start = last + 1
        for w in range((start + window - 1) >> WINDOW_BITS, starts.shape[1]):
            starts[t, w] = count - 1
    return 0


@njit(
    _I64(
        _I64[:, ::1], _F64[::1], _stored(_U8), _stored(_U32), _stored(_U32), _I64, _I64,
        _stored(_U16), _F32[::1], _F32[::1], _stored(_U8), types.boolean, _F64, types.boolean,
        _I64, _I64[::1], _I64[::1], _I64[::1], _U32[::1], _I64[:, ::1],
    ),
    cache=True,
    nogil=True,
    error_model="numpy",
)  # fmt: skip
def search(
    found, weights, postings, skip_last, skip_position, doc_bits, passages,
    lengths, norms, gains, deleted, bm25, k1, prune,
    base, scores, docs, state, all_docs, slots,
):  # fmt: skip
    """Offer the best passages of a segment to a heap: block-max MaxScore over windows of passages.

    `found` are rows of `look_up`, `weights` what each term's share is multiplied by; rows of terms
    that weigh nothing are struck out. `norms` are per length for bm25, per passage for tfidf;
    `gains` are those of `block_gains`. `deleted` is a bitmap, or empty. `scores`, `docs` are the
    heap, with passage numbers from `base` on; `state` is [hits in the heap, postings scored,
    postings of the query's terms, bytes of the lists unpacked].
    Windows whose bound is below the worst score of a full heap are skipped; in the others only
    passages that the essential terms (Turtle and Flood 1995; per block: Ding and Suel 2011) touch
    are candidates. Scratch: `all_docs` for the passages of all terms, each list rounded up to whole
    blocks; `slots` for three numbers per passage of a window, and one more. Returns 0, or how long
    `all_docs` must be if it is shorter, or -1 if the postings are not what was written.
    """
    n_terms = len(found)
    window = 1 << WINDOW_BITS
    mask = np.uint64(window - 1)
    n_windows = (passages + window - 1) >> WINDOW_BITS
    by_length = np.empty(n_terms, np.int64)  # the longest list first
    blocks = np.zeros(n_terms + 1, np.int64)  # where each term's blocks begin in what follows
    for t in range(n_terms):
        if weights[t] <= 0.0:
            found[t] = 0
        i = t
        while i > 0 and found[by_length[i - 1], 1] < found[t, 1]:
            by_length[i] = by_length[i - 1]
            i -= 1
        by_length[i] = t
        blocks[t + 1] = blocks[t] + (found[t, 1] + BLOCK - 1) // BLOCK
    if blocks[n_terms] * BLOCK > len(all_docs):
        return blocks[n_terms] * BLOCK
    state[2] += found[:, 1].sum()
    bounds = np.zeros((n_windows, n_terms), np.int64)
    starts = np.zeros((n_terms, n_windows + 1), np.int64)
    if _bound(
        found, weights, postings, skip_last, gains, doc_bits, passages, lengths, norms, bm25, k1,
        blocks, bounds, starts, all_docs,
    ) < 0:  # fmt: skip
        return -1
    unpacked = np.zeros(blocks[n_terms], np.uint8)
    for t in range(n_terms):
        if 0 < found[t, 1] <= BLOCK:
            unpacked[blocks[t]] = 1
            state[3] += found[t, 2]
    totals = np.zeros(n_windows, np.int64)
    for w in range(n_windows):
        for t in range(n_terms):
            totals[w] += bounds[w, t]

    sums, touched, candidates = slots[0], slots[1], slots[2]  # `touched`: where sums are not zero
    sums[:] = 0
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
        # The longest lists that together cannot reach the threshold are optional: a passage must
        # have one of the other terms. Optional ones stand at the end, the shortest list first.
        rest = np.int64(0)
        essentials, optionals = np.int64(0), n_terms
        for i in range(n_terms):
            t = by_length[i]
            if bounds[w, t] == 0:
                continue
            if rest + bounds[w, t] < threshold:
                rest += bounds[w, t]
                optionals -= 1
                order[optionals] = t
            else:
                order[essentials] = t
                essentials += 1
        low = w << WINDOW_BITS
        high = np.uint64(min(low + window, passages))
        n_touched = np.int64(0)
        n_candidates = np.int64(-1)  # not known yet
        for place in range(n_terms):
            essential = place < essentials
            if not essential and place < optionals:
                continue
            t = order[place]
            weight, first, last_block = weights[t], found[t, 5], starts[t, w + 1]
            visits = last_block + 1 - starts[t, w]
            probing = False
            needed = np.int64(0)
            if not essential:
                # Passages that can still reach the threshold: where they are few they are looked
                # up, where they are many the list is run through.
                needed = threshold - rest
                rest -= bounds[w, t]
                kept = np.int64(0)
                if n_candidates < 0:
                    for j in range(n_touched):
                        candidates[kept] = touched[j]
                        kept += sums[np.uint64(touched[j])] >= needed
                        if kept > visits:
                            break
                    else:
                        n_candidates = kept
                else:
                    for j in range(n_candidates):
                        candidates[kept] = candidates[j]
                        kept += sums[np.uint64(candidates[j])] >= needed
                    n_candidates = kept
                if kept == 0:
                    break
                probing = kept <= visits
                if probing:
                    visits = kept
            wanted = low
            for visit in range(visits):
                block = starts[t, w]
                if probing:
                    wanted = low + candidates[visit]
                    stop = last_block
                    while block < stop:
                        middle = (block + stop) >> 1
                        if np.int64(skip_last[first + middle]) < wanted:
                            block = middle + 1
                        else:
                            stop = middle
                else:
                    block += visit
                at = (blocks[t] + block) * BLOCK
                size = min(BLOCK, found[t, 1] - block * BLOCK)
                # Frequencies are read where they lie, and only those that are scored.
                once, tf_bits, tf_bit = np.int64(1), np.int64(0), np.int64(0)
                if found[t, 2] == 0:
                    once += found[t, 3] & 1
                else:
                    position = found[t, 4]
                    if found[t, 1] > BLOCK:
                        position += np.int64(skip_position[first + block])
                    if position < 0 or position + 1 + PADDING > len(postings):
                        return -1
                    gap_bits = np.int64(postings[position] & 31)
                    tf_bits = TF_BITS[postings[position] >> 5]
                    bit = (position + 1) * 8 + doc_bits
                    tf_bit = bit + (size - 1) * gap_bits
                    if not unpacked[blocks[t] + block]:
                        after = (tf_bit + size * tf_bits + 7) >> 3
                        if after + PADDING > len(postings):
                            return -1
                        doc = np.int64(_get(postings, bit - doc_bits, doc_bits))
                        all_docs[at] = doc
                        for i in range(np.uint64(at + 1), np.uint64(at + size)):
                            doc += np.int64(_get(postings, bit, gap_bits)) + 1
                            bit += gap_bits
                            all_docs[i] = doc
                        if doc >= passages:
                            return -1
                        state[3] += after - position
                        unpacked[blocks[t] + block] = 1
                tf_bit -= at * tf_bits
                begin, end = at, at + size
                if np.int64(all_docs[at]) < wanted:
                    # The first posting from there on, without a branch to guess wrong.
                    while size > 1:
                        half = size >> 1
                        size -= half
                        below = np.int64(all_docs[np.uint64(begin + half - 1)]) - wanted
                        begin += half & (below >> 63)
                    begin += np.int64(all_docs[np.uint64(begin)]) < wanted
                if probing:
                    found_it = begin < end and np.int64(all_docs[np.uint64(begin)]) == wanted
                    end = begin + found_it
                for i in range(np.uint64(begin), np.uint64(end)):
                    doc = np.uint64(all_docs[i])
                    if doc >= high:
                        break
                    slot = doc & mask
                    if essential or sums[slot] >= needed:
                        tf = once + np.int64(
                            _get(postings, tf_bit + np.int64(i) * tf_bits, tf_bits)
                        )
                        norm = norms[lengths[doc]] if bm25 else norms[doc]
                        share = _share(weight, np.float64(tf), norm, bm25, k1)
                        touched[n_touched] = slot
                        n_touched += (sums[slot] == 0) & (share > 0)
                        sums[slot] += share
                        state[1] += 1
        for j in range(n_touched):
            slot = np.uint64(touched[j])
            score = sums[slot]
            sums[slot] = 0
            # A call costs more than this: only what may enter the heap is offered.
            if score >= threshold:
                doc = low + np.int64(slot)
                if len(deleted) == 0 or not (deleted[doc >> 3] >> (doc & 7)) & 1:
                    _offer(scores, docs, state, score, base + doc)
                    if state[0] == len(scores):
                        threshold = scores[0]
    return 0
