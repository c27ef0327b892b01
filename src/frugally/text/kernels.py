"""The loops over bytes: folding, tokens, and the hashes of terms. Compiled by Numba, cached."""

from __future__ import annotations

import numpy as np
from numba import njit, types

# Kinds of code points, as in unicode_table.
_SEPARATOR, _WORD, _SOLO, _IGNORABLE, _MARK = 0, 1, 2, 3, 4

LONGEST_TOKEN = 64  # code points; a longer run is cut, so that one line of base64 stays cheap
SAMPLE = np.uint64(1024)  # of the terms, one in so many is kept whole, to measure collisions
STOP, ALONE = 1, 2  # flags of a word: is a stop word; is one letter of a script without spaces

_U32 = np.uint32
_BYTES = types.Array(types.uint8, 1, "C", readonly=True)  # what may come from a file or a string
_FNV_OFFSET, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)


@njit(cache=True, nogil=True, inline="always")
def _mix(h, k):
    k = _U32(k * _U32(0xCC9E2D51))
    k = _U32((k << _U32(15)) | (k >> _U32(17)))
    k = _U32(k * _U32(0x1B873593))
    h = _U32(h ^ k)
    h = _U32((h << _U32(13)) | (h >> _U32(19)))
    return _U32(_U32(h * _U32(5)) + _U32(0xE6546B64))


@njit(cache=True, nogil=True, inline="always")
def _finish(h):
    h = _U32(h ^ (h >> _U32(16)))
    h = _U32(h * _U32(0x85EBCA6B))
    h = _U32(h ^ (h >> _U32(13)))
    h = _U32(h * _U32(0xC2B2AE35))
    return _U32(h ^ (h >> _U32(16)))


@njit(cache=True, nogil=True, inline="always")
def pair_hash(first, second):
    """murmur3_32 of the eight bytes of two word hashes: the hash of a bigram."""
    h = _mix(_mix(_U32(0), _U32(first)), _U32(second))
    return _finish(_U32(h ^ _U32(8)))


@njit(types.uint32[::1](_BYTES, types.int64[::1], types.int64[::1]), cache=True, nogil=True)
def hash_words(text, starts, ends):
    """murmur3_32 of each of several pieces of `text`, by where they start and end."""
    hashes = np.empty(len(ends), np.uint32)
    for w in range(len(ends)):
        h = _U32(0)
        length = ends[w] - starts[w]
        i = starts[w]
        while i + 4 <= ends[w]:
            k = _U32(text[i]) | (_U32(text[i + 1]) << _U32(8))
            k |= (_U32(text[i + 2]) << _U32(16)) | (_U32(text[i + 3]) << _U32(24))
            h = _mix(h, _U32(k))
            i += 4
        if i < ends[w]:
            k = _U32(0)
            shift = _U32(0)
            while i < ends[w]:
                k |= _U32(text[i]) << shift
                shift += _U32(8)
                i += 1
            k = _U32(k * _U32(0xCC9E2D51))
            k = _U32((k << _U32(15)) | (k >> _U32(17)))
            h = _U32(h ^ _U32(k * _U32(0x1B873593)))
        hashes[w] = _finish(_U32(h ^ _U32(length)))
    return hashes


@njit(cache=True, nogil=True)
def _number(h, source, start, length, slots, numbers, state, words, word_ends):
    """The number of a word from its FNV-1a hash; a new word's bytes come from `source[start:]`."""
    h ^= h >> np.uint64(29)
    if h == np.uint64(0):
        h = np.uint64(1)
    mask = np.uint64(len(slots) - 1)
    slot = h & mask
    while slots[slot] != np.uint64(0) and slots[slot] != h:
        slot = (slot + np.uint64(1)) & mask
    if slots[slot] == np.uint64(0):
        slots[slot] = h
        numbers[slot] = state[0]
        for i in range(length):
            byte = source[start + i]
            words[state[1] + i] = byte | 0x20 if 65 <= byte <= 90 else byte
        words[state[1] + length] = 10
        state[1] += length + 1
        word_ends[state[0]] = state[1]
        state[0] += 1
    return numbers[slot]


# ASCII letters in lower case and digits by byte; 0 for what separates words.
_BEYOND = 255  # any byte beyond ASCII
_FOLDED = np.zeros(256, np.uint8)
_FOLDED[48:58] = np.arange(48, 58)
_FOLDED[65:91] = _FOLDED[97:123] = np.arange(97, 123)
_FOLDED[128:] = _BEYOND


@njit(
    types.UniTuple(types.int64, 2)(
        _BYTES,
        types.int64[::1],
        types.int64[::1],
        types.int64,
        types.uint16[::1],
        types.uint32[::1],
        types.int32[::1],
        types.uint64[::1],
        types.int32[::1],
        types.int64[::1],
        types.uint8[::1],
        types.int64[::1],
        types.int32[::1],
        types.int64[::1],
    ),
    cache=True,
    nogil=True,
)
def tokenise(
    text, starts, ends, first, pages, entries, folds,
    slots, numbers, state, words, word_ends, tokens, token_ends,
):  # fmt: skip
    """Number the words of the spans `first`, `first + 1`, … of UTF-8 text (`starts`, `ends`).

    Words are folded; one that is not in the hash table (`slots`: 64-bit FNV-1a of its bytes, 0 is
    free; `numbers`: its number) is given the next number, its UTF-8 bytes and a line feed go to
    `words`, which they fill to `word_ends[number]`. `state` is [words so far, bytes of them]. The
    numbers of the words of span s are `tokens[token_ends[s - 1]:token_ends[s]]` (counted from the
    span `first`).
    Bytes that are not UTF-8 separate tokens.

    Returns the next span to do and how many tokens were written; it stops before a span that might
    not fit in the table, `words` or `tokens`: grow them and call again.
    """
    buffer = np.empty(LONGEST_TOKEN + 24, np.int32)
    encoded = np.empty(4 * LONGEST_TOKEN + 96, np.uint8)
    mask = np.uint64(len(slots) - 1)
    written = np.int64(0)
    for span in range(first, len(starts)):
        end = ends[span]
        room = end - starts[span] + 1
        # Folding lengthens a text at most twelvefold in bytes (U+FDFA) and twofold in tokens.
        if (
            written + 2 * room > len(tokens)
            or 2 * (state[0] + 2 * room) > len(slots)
            or state[0] + 2 * room > len(word_ends)
            or state[1] + 15 * room > len(words)
        ):
            return span, written
        position = starts[span]
        length, alone = 0, False
        while True:
            # Words of ASCII letters and digits, up to one that a byte beyond ASCII follows (it may
            # go on) or that is longer than a token may be. Here, not in a function, and with the
            # lookup of _number once more: passing so many arrays takes longer than the work.
            while length == 0:
                while position < end and _FOLDED[text[position]] == 0:
                    position += 1
                start = position
                h = _FNV_OFFSET
                folded = np.uint8(0)
                while position < end:
                    folded = _FOLDED[text[position]]
                    if folded == 0 or folded == _BEYOND:
                        break
                    h = (h ^ np.uint64(folded)) * _FNV_PRIME
                    position += 1
                size = position - start
                if size == 0 or size > LONGEST_TOKEN or (position < end and folded == _BEYOND):
                    position = start
                    break
                mixed = h ^ (h >> np.uint64(29))
                slot = mixed & mask
                while slots[slot] != np.uint64(0) and slots[slot] != mixed:
                    slot = (slot + np.uint64(1)) & mask
                if slots[slot] != np.uint64(0):
                    tokens[written] = numbers[slot]
                else:
                    tokens[written] = _number(
                        h, text, start, size, slots, numbers, state, words, word_ends
                    )
                written += 1
            at_end = position >= end
            code = 32
            if not at_end:
                byte = text[position]
                if byte < 0x80:
                    code = np.int64(byte)
                    position += 1
                else:
                    need = 0
                    if 0xC2 <= byte < 0xE0:
                        need, code = 1, np.int64(byte & 0x1F)
                    elif 0xE0 <= byte < 0xF0:
                        need, code = 2, np.int64(byte & 0x0F)
                    elif 0xF0 <= byte < 0xF5:
                        need, code = 3, np.int64(byte & 0x07)
                    position += 1
                    good = need > 0
                    for _ in range(need):
                        if position < end and (text[position] & 0xC0) == 0x80:
                            code = (code << 6) | np.int64(text[position] & 0x3F)
                            position += 1
                        else:
                            good = False
                            break
                    # Also no longer forms than needed: every code point has one spelling.
                    if not good or code > 0x10FFFF or code < 1 << (5 * need + 1):
                        code = 32
            entry = entries[np.int64(pages[code >> 8]) * 256 + (code & 255)]
            fold = np.int64(entry >> 11)
            count = np.int64(folds[fold]) if fold else 1
            for j in range(count):
                if fold:
                    code = np.int64(folds[fold + 1 + j])
                    entry = entries[np.int64(pages[code >> 8]) * 256 + (code & 255)]
                kind = entry & 7
                if kind == _IGNORABLE:
                    continue
                # A letter of a script without spaces ends what came before and, with its marks,
                # is a token; a mark joins whatever stands before it.
                if length > 0 and (
                    kind == _SEPARATOR
                    or kind == _SOLO
                    or (alone and kind == _WORD)
                    or length >= LONGEST_TOKEN
                ):
                    n = 0
                    for i in range(length):
                        c = buffer[i]
                        if c < 0x80:
                            encoded[n] = c
                            n += 1
                        elif c < 0x800:
                            encoded[n] = 0xC0 | (c >> 6)
                            encoded[n + 1] = 0x80 | (c & 0x3F)
                            n += 2
                        elif c < 0x10000:
                            encoded[n] = 0xE0 | (c >> 12)
                            encoded[n + 1] = 0x80 | ((c >> 6) & 0x3F)
                            encoded[n + 2] = 0x80 | (c & 0x3F)
                            n += 3
                        else:
                            encoded[n] = 0xF0 | (c >> 18)
                            encoded[n + 1] = 0x80 | ((c >> 12) & 0x3F)
                            encoded[n + 2] = 0x80 | ((c >> 6) & 0x3F)
                            encoded[n + 3] = 0x80 | (c & 0x3F)
                            n += 4
                    h = _FNV_OFFSET
                    for i in range(n):
                        h = (h ^ np.uint64(encoded[i])) * _FNV_PRIME
                    tokens[written] = _number(
                        h, encoded, 0, n, slots, numbers, state, words, word_ends
                    )
                    written += 1
                    length = 0
                if kind == _SEPARATOR:
                    continue
                if length == 0:
                    alone = kind == _SOLO
                at = length
                combining = (entry >> 3) & 255
                if combining:
                    # Canonical ordering (Unicode 3.11): marks sort by class, stably.
                    while at > 0:
                        c = np.int64(buffer[at - 1])
                        before = (entries[np.int64(pages[c >> 8]) * 256 + (c & 255)] >> 3) & 255
                        if before <= combining:
                            break
                        buffer[at] = buffer[at - 1]
                        at -= 1
                buffer[at] = code
                length += 1
            if at_end:
                break
        token_ends[span] = written
    return len(starts), written


@njit(
    types.int64(
        types.int32[::1],
        types.int64[::1],
        types.int64,
        types.uint32[::1],
        types.uint8[::1],
        types.int64,
        types.int64,
        types.uint64[::1],
        types.int64[::1],
        types.uint64[::1],
    ),
    cache=True,
    nogil=True,
)
def emit_terms(
    tokens, token_ends, passage, keys, flags, title_weight, bits, out, lengths, sample
):  # fmt: skip
    """Write the terms of passages, each as `hash << 32 | passage number`, in order of appearance.

    Spans come in pairs, title then text, of the passages `passage`, `passage + 1`, … Terms are the
    words (`keys`: hash of the stem; `flags`: STOP, ALONE) and the bigrams of neighbours among the
    words left after stop words, which do not cross from title to text; a title counts
    `title_weight` times. Hashes keep their low `bits` bits. `lengths` of the passages are in
    words. `sample[1:]` gets `term << 32 | uncut hash` of the terms that are multiples of
    SAMPLE, `sample[0]` how many (what does not fit is dropped). Returns how many terms there are.
    """
    mask = _U32((np.int64(1) << bits) - 1)
    written = 0
    sampled = 0
    begin = np.int64(0)
    for span in range(len(token_ends)):
        number = span // 2
        repeats = title_weight if span % 2 == 0 else 1
        end = token_ends[span]
        low = np.uint64(passage + number)
        for _ in range(repeats):
            previous = -1
            for i in range(begin, end):
                word = tokens[i]
                term = np.uint64(keys[word] & mask)
                out[written] = (term << np.uint64(32)) | low
                written += 1
                if term % SAMPLE == 0 and sampled + 1 < len(sample):
                    sampled += 1
                    sample[sampled] = (term << np.uint64(32)) | np.uint64(keys[word])
                if flags[word] & STOP:
                    continue
                if previous >= 0:
                    pair = pair_hash(keys[previous], keys[word])
                    term = np.uint64(pair & mask)
                    out[written] = (term << np.uint64(32)) | low
                    written += 1
                    if term % SAMPLE == 0 and sampled + 1 < len(sample):
                        sampled += 1
                        sample[sampled] = (term << np.uint64(32)) | np.uint64(pair)
                previous = word
            lengths[number] += end - begin
        begin = end
    sample[0] = sampled
    return written


@njit(
    types.int64[:, ::1](types.int32[::1], types.uint32[::1], types.uint8[::1], types.int64),
    cache=True,
    nogil=True,
)
def query_terms(tokens, keys, flags, bits):
    """The terms of a question, each once, in order of appearance: hashes, frequencies and kinds.

    Terms are the words left after stop words (all words if none is left) and then the bigrams of
    neighbours among them, hashed as in `emit_terms`. Kinds are places in `KINDS` of `analysis`, as
    the term was last met; the shape is (3, terms).
    """
    mask = _U32((np.int64(1) << bits) - 1)
    kept = np.empty(len(tokens), np.int64)
    words = 0
    for i in range(len(tokens)):
        if not flags[tokens[i]] & STOP:
            kept[words] = i
            words += 1
    met = words + max(words - 1, 0)
    if words == 0:
        for i in range(len(tokens)):
            kept[i] = i
        words = met = len(tokens)
    places = 16
    while places < 2 * met:
        places *= 2
    rows = np.zeros(places, np.int32)  # by hash; 0 is free
    terms = np.empty((3, met), np.int64)
    written = 0
    for n in range(met):
        if n < words:
            kind = 0
            key = keys[tokens[kept[n]]]
        else:
            i, j = kept[n - words], kept[n - words + 1]
            first, second = tokens[i], tokens[j]
            kind = 2 if flags[first] & flags[second] & ALONE and j == i + 1 else 1
            key = pair_hash(keys[first], keys[second])
        term = np.int64(key & mask)
        place = term & (places - 1)
        while rows[place] and terms[0, rows[place] - 1] != term:
            place = (place + 1) & (places - 1)
        if rows[place] == 0:
            terms[0, written] = term
            terms[1, written] = 0
            written += 1
            rows[place] = written
        row = rows[place] - 1
        terms[1, row] += 1
        terms[2, row] = kind
    return terms[:, :written].copy()


@njit(
    types.void(types.uint64[::1], types.int32[::1], types.uint64[::1], types.int32[::1]),
    cache=True,
    nogil=True,
)
def rehash(slots, numbers, new_slots, new_numbers):
    """Move the words of a hash table to a larger one; sizes are powers of two."""
    mask = np.uint64(len(new_slots) - 1)
    for i in range(len(slots)):
        h = slots[i]
        if h != np.uint64(0):
            slot = h & mask
            while new_slots[slot] != np.uint64(0):
                slot = (slot + np.uint64(1)) & mask
            new_slots[slot] = h
            new_numbers[slot] = numbers[i]
