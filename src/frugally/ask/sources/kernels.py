"""The loop over JSON lines: those that hold one short document, without an object made of them.

Compiled by Numba, cached. Whatever is not plainly such a line is left to `jsonlines`, which says
what is wrong with it.
"""

from __future__ import annotations

import numpy as np
from numba import njit, types

_BYTES = types.Array(types.uint8, 1, "C", readonly=True)
_ID, _TITLE, _URL, _TEXT = 0, 1, 2, 3
_QUOTE, _BACKSLASH = 34, 92


@njit(cache=True, nogil=True, inline="always")
def _is_space(code):
    """Whether Python calls this code point white space."""
    return (
        code == 32
        or 9 <= code <= 13
        or 28 <= code <= 31
        or code == 0x85
        or code == 0xA0
        or code == 0x1680
        or 0x2000 <= code <= 0x200A
        or code == 0x2028
        or code == 0x2029
        or code == 0x202F
        or code == 0x205F
        or code == 0x3000
    )


@njit(cache=True, nogil=True, inline="always")
def _hex(byte):
    if 48 <= byte <= 57:
        return np.int64(byte) - 48
    letter = byte | 0x20
    if 97 <= letter <= 102:
        return np.int64(letter) - 87
    return np.int64(-1)


@njit(
    types.UniTuple(types.int64, 4)(
        _BYTES,
        types.int64,
        types.int64,
        types.int64,
        types.int64,
        _BYTES,
        types.uint8[::1],
        types.uint32[:, ::1],
    ),
    cache=True,
    nogil=True,
)
def parse_lines(data, position, number, longest, most, prefix, out, sizes):
    """Read lines of `data` from `position` on, up to the first that is not plainly a document.

    A plain line is an object of strings, numbers and literals with a `text` of at most `longest`
    code points and fewer than `most` bytes that has no line break and is not all white space; its
    `id` is a string or digits, `title` and `url` are strings. Blank lines are passed over. A
    document without an id is named `prefix` and the number of its line, `number` being that of
    the first line read.

    Id, title, url and text of each go to `out` end to end, their sizes to a row of `sizes`.
    Returns the place of the first line that was not read (the end of `data` if none is left), its
    number, how many documents and how many bytes of `out` there are.
    """
    starts = np.zeros(4, np.int64)
    ends = np.zeros(4, np.int64)
    escaped = np.zeros(4, np.bool_)
    count, written = np.int64(0), np.int64(0)
    size = len(data)
    while position < size and count < len(sizes):
        # Where each field's value lies, quotes excluded; nothing is copied before all is checked.
        for field in range(4):
            starts[field] = -1
            escaped[field] = False
        characters = np.int64(0)
        i = position
        while i < size and (data[i] == 32 or data[i] == 9 or data[i] == 13):
            i += 1
        if i < size and data[i] == 10:  # a blank line
            position = i + 1
            number += 1
            continue
        plain = i < size and data[i] == 123
        i += 1
        first = True
        while plain:
            while i < size and (data[i] == 32 or data[i] == 9):
                i += 1
            if first and i < size and data[i] == 125:
                i += 1
                break
            first = False
            # A key, without escapes, and what it names.
            if i >= size or data[i] != _QUOTE:
                plain = False
                break
            i += 1
            key = i
            while i < size and 32 <= data[i] < 128 and data[i] != _QUOTE and data[i] != _BACKSLASH:
                i += 1
            if i >= size or data[i] != _QUOTE:
                plain = False
                break
            length = i - key
            field = -1
            if length == 2 and data[key] == 105 and data[key + 1] == 100:
                field = _ID
            elif length == 3 and data[key] == 117 and data[key + 1] == 114 and data[key + 2] == 108:
                field = _URL
            elif length == 4 and data[key] == 116 and data[key + 1] == 101:
                if data[key + 2] == 120 and data[key + 3] == 116:
                    field = _TEXT
            elif length == 5 and data[key] == 116 and data[key + 1] == 105 and data[key + 2] == 116:
                if data[key + 3] == 108 and data[key + 4] == 101:
                    field = _TITLE
            i += 1
            while i < size and (data[i] == 32 or data[i] == 9):
                i += 1
            if i >= size or data[i] != 58 or (field >= 0 and starts[field] >= 0):
                plain = False
                break
            i += 1
            while i < size and (data[i] == 32 or data[i] == 9):
                i += 1
            start = i
            if i < size and data[i] == _QUOTE:
                i += 1
                start = i
                length = np.int64(0)  # in code points
                any_escaped = False
                while True:
                    while (
                        i < size
                        and 32 <= data[i] < 128
                        and data[i] != _QUOTE
                        and data[i] != _BACKSLASH
                    ):
                        i += 1
                        length += 1
                    if i >= size or data[i] < 32:
                        plain = False
                        break
                    byte = data[i]
                    if byte == _QUOTE:
                        break
                    length += 1
                    if byte == _BACKSLASH:
                        any_escaped = True
                        kind = data[i + 1] if i + 1 < size else np.uint8(0)
                        i += 2
                        if kind == 117:  # \u
                            code = np.int64(0)
                            for j in range(4):
                                digit = _hex(data[i + j]) if i + j < size else np.int64(-1)
                                code = (code << 4) | digit if digit >= 0 and code >= 0 else -1
                            i += 4
                            # No NUL, and of surrogates whole pairs only.
                            if 0xD800 <= code < 0xDC00:
                                low = np.int64(-1)
                                if i + 5 < size and data[i] == _BACKSLASH and data[i + 1] == 117:
                                    low = np.int64(0)
                                    for j in range(2, 6):
                                        digit = _hex(data[i + j])
                                        low = (low << 4) | digit if digit >= 0 and low >= 0 else -1
                                i += 6
                                code = 0xFFFF if 0xDC00 <= low < 0xE000 else -1
                            if code <= 0 or 0xDC00 <= code < 0xE000:
                                plain = False
                                break
                        elif kind == 110 or kind == 114:  # \n, \r
                            if field == _TEXT:
                                plain = False
                                break
                        elif not (
                            kind == _QUOTE or kind == _BACKSLASH or kind == 47
                            or kind == 98 or kind == 102 or kind == 116
                        ):  # fmt: skip
                            plain = False
                            break
                        continue
                    need = 0
                    code = np.int64(0)
                    if 0xC2 <= byte < 0xE0:
                        need, code = 1, np.int64(byte & 0x1F)
                    elif 0xE0 <= byte < 0xF0:
                        need, code = 2, np.int64(byte & 0x0F)
                    elif 0xF0 <= byte < 0xF5:
                        need, code = 3, np.int64(byte & 0x07)
                    if need == 0 or i + need >= size:
                        plain = False
                        break
                    for j in range(1, need + 1):
                        if data[i + j] & 0xC0 != 0x80:
                            plain = False
                        code = (code << 6) | np.int64(data[i + j] & 0x3F)
                    # No form longer than needed, no half of a surrogate pair.
                    if (
                        not plain
                        or code < 1 << (5 * need + (need > 1))
                        or 0xD800 <= code < 0xE000
                        or code > 0x10FFFF
                    ):
                        plain = False
                        break
                    i += need + 1
                if not plain:
                    break
                if field >= 0:
                    starts[field] = start
                    ends[field] = i
                    escaped[field] = any_escaped
                if field == _TEXT:
                    characters = length
                i += 1
            elif i < size and (data[i] == 45 or 48 <= data[i] <= 57):
                negative = data[i] == 45
                i += 1 if negative else 0
                digits = i
                while i < size and 48 <= data[i] <= 57:
                    i += 1
                # Python has a limit on the digits of a number; nothing sensible comes near it.
                plain = 0 < i - digits < 400 and (data[digits] != 48 or i - digits == 1)
                whole = i
                if i < size and data[i] == 46:
                    i += 1
                    digits = i
                    while i < size and 48 <= data[i] <= 57:
                        i += 1
                    plain = plain and i > digits
                if i < size and data[i] | 0x20 == 101:
                    i += 1
                    if i < size and (data[i] == 43 or data[i] == 45):
                        i += 1
                    digits = i
                    while i < size and 48 <= data[i] <= 57:
                        i += 1
                    plain = plain and i > digits
                if field == _ID and not negative and i == whole:
                    starts[field] = start
                    ends[field] = i
                elif field >= 0:
                    plain = False
            elif field < 0 and i + 4 < size and data[i] == 110:
                plain = data[i + 1] == 117 and data[i + 2] == 108 and data[i + 3] == 108
                i += 4
            elif field < 0 and i + 4 < size and data[i] == 116:
                plain = data[i + 1] == 114 and data[i + 2] == 117 and data[i + 3] == 101
                i += 4
            elif field < 0 and i + 5 < size and data[i] == 102:
                plain = data[i + 1] == 97 and data[i + 2] == 108 and data[i + 3] == 115
                plain = plain and data[i + 4] == 101
                i += 5
            else:
                plain = False
            if not plain:
                break
            while i < size and (data[i] == 32 or data[i] == 9):
                i += 1
            if i < size and data[i] == 44:
                i += 1
                continue
            plain = i < size and data[i] == 125
            i += 1
            break
        while i < size and (data[i] == 32 or data[i] == 9 or data[i] == 13):
            i += 1
        if i < size and data[i] != 10:
            plain = False
        if not plain or starts[_TEXT] < 0 or characters > longest:
            break
        # Escapes only ever shorten; a name made up is as long as its prefix and 20 digits.
        if written + (i - position) + len(prefix) + 20 > len(out):
            break
        begin = written
        for field in range(4):
            begin = written
            if starts[field] < 0:
                pass
            elif not escaped[field]:
                length = ends[field] - starts[field]
                for j in range(length):
                    out[written + j] = data[starts[field] + j]
                written += length
            else:
                j = starts[field]
                while j < ends[field]:
                    byte = data[j]
                    if byte != _BACKSLASH:
                        out[written] = byte
                        written += 1
                        j += 1
                        continue
                    kind = data[j + 1]
                    j += 2
                    if kind != 117:
                        if kind == 98:
                            kind = np.uint8(8)
                        elif kind == 102:
                            kind = np.uint8(12)
                        elif kind == 110:
                            kind = np.uint8(10)
                        elif kind == 114:
                            kind = np.uint8(13)
                        elif kind == 116:
                            kind = np.uint8(9)
                        out[written] = kind
                        written += 1
                        continue
                    code = np.int64(0)
                    for k in range(4):
                        code = (code << 4) | _hex(data[j + k])
                    j += 4
                    if 0xD800 <= code < 0xDC00:
                        low = np.int64(0)
                        for k in range(2, 6):
                            low = (low << 4) | _hex(data[j + k])
                        j += 6
                        code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)
                    if code < 0x80:
                        out[written] = code
                        written += 1
                    elif code < 0x800:
                        out[written] = 0xC0 | (code >> 6)
                        out[written + 1] = 0x80 | (code & 0x3F)
                        written += 2
                    elif code < 0x10000:
                        out[written] = 0xE0 | (code >> 12)
                        out[written + 1] = 0x80 | ((code >> 6) & 0x3F)
                        out[written + 2] = 0x80 | (code & 0x3F)
                        written += 3
                    else:
                        out[written] = 0xF0 | (code >> 18)
                        out[written + 1] = 0x80 | ((code >> 12) & 0x3F)
                        out[written + 2] = 0x80 | ((code >> 6) & 0x3F)
                        out[written + 3] = 0x80 | (code & 0x3F)
                        written += 4
            if field == _ID and written == begin:
                for j in range(len(prefix)):
                    out[written + j] = prefix[j]
                written += len(prefix)
                digits = 1
                while number >= 10**digits:
                    digits += 1
                for j in range(digits):
                    out[written + digits - 1 - j] = 48 + (number // 10**j) % 10
                written += digits
            sizes[count, field] = written - begin
        # The text is what was written last: too long, or nothing but white space?
        odd = written - begin >= most
        at = begin
        while not odd:
            if at == written:
                odd = True
                break
            code = np.int64(out[at])
            size_of = 1 + (code >= 0xC0) + (code >= 0xE0) + (code >= 0xF0)
            if size_of == 2:
                code = ((code & 0x1F) << 6) | np.int64(out[at + 1] & 0x3F)
            elif size_of == 3:
                code = ((code & 0x0F) << 12) | (np.int64(out[at + 1] & 0x3F) << 6)
                code |= np.int64(out[at + 2] & 0x3F)
            if not _is_space(code):
                break
            at += size_of
        if odd:
            for field in range(4):
                written -= np.int64(sizes[count, field])
            break
        count += 1
        number += 1
        position = min(i + 1, size)
    return position, number, count, written
