"""One table for all of Unicode: what a code point folds to, and what it does to a token.

The table is shipped, made from Python's `unicodedata` by `python -m frugally.text.unicode_table`,
so that two machines with different Pythons index and search alike; its version stands in the
analyser's recipe.

Folding is full compatibility decomposition of the full case folding (Unicode 3.13, UAX #15: the
composition step of NFKC_Casefold is left out, since hashing needs one spelling, not the shortest);
canonical order of marks is restored by the tokeniser.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

VERSION = "14.0.0"
_FILE = Path(__file__).parent / "data" / f"unicode-{VERSION}.npz"

# What a code point does to the token that is being built.
SEPARATOR, WORD, SOLO, IGNORABLE, MARK = range(5)

# Scripts written without spaces: every letter is a token of its own (then bigrams find words).
_SOLO_NAMES = (
    "CJK UNIFIED IDEOGRAPH", "CJK COMPATIBILITY IDEOGRAPH", "HIRAGANA LETTER", "KATAKANA LETTER",
    "BOPOMOFO LETTER", "THAI CHARACTER", "LAO ", "KHMER ", "MYANMAR ", "YI SYLLABLE", "TAI THAM",
    "NEW TAI LUE", "TAI LE ", "JAVANESE ", "BALINESE ",
)  # fmt: skip

SPACELESS = {
    "Han": ((0x3400, 0x4DC0), (0x4E00, 0xA000), (0xF900, 0xFB00), (0x20000, 0x32000)),
    "Hiragana": ((0x3040, 0x30A0), (0x1B001, 0x1B120), (0x1B150, 0x1B153)),
    "Katakana": (
        (0x30A0, 0x3100),
        (0x31F0, 0x3200),
        (0xFF66, 0xFFA0),
        (0x1AFF0, 0x1B000),
        (0x1B000, 0x1B001),
        (0x1B120, 0x1B123),
        (0x1B164, 0x1B168),
    ),
    "Bopomofo": ((0x3100, 0x3130), (0x31A0, 0x31C0)),
    "Thai": ((0x0E00, 0x0E80),),
    "Lao": ((0x0E80, 0x0F00),),
    "Khmer": ((0x1780, 0x1800),),
    "Burmese": ((0x1000, 0x10A0), (0xA9E0, 0xAA00), (0xAA60, 0xAA80)),
    "Yi": ((0xA000, 0xA490),),
    "Javanese": ((0xA980, 0xA9E0),),
}
"""Where the letters of scripts without spaces stand, for those that a segmenter may know."""

WORD_BREAK = "\u200b"
"""Parts words in text of a script whose words are found by a segmenter."""


def covering(scripts: Iterable[str]) -> re.Pattern[str]:
    """A pattern of one character of some scripts, by their names in SPACELESS."""
    ranges = [bounds for script in scripts for bounds in SPACELESS[script]]
    return re.compile(f"[{''.join(f'{chr(low)}-{chr(end - 1)}' for low, end in ranges)}]")


@dataclass(frozen=True, slots=True)
class UnicodeTable:
    """Two-stage table.

    `pages` (uint16, [4352]): code point >> 8 to page. `entries` (uint32, [pages × 256]): bits 0-2
    the kind, bits 3-10 the canonical combining class, bits 11-31 where its folding stands in
    `folds`, 0 for itself. `folds` (int32): a length, then that many code points.
    """

    pages: NDArray[np.uint16]
    entries: NDArray[np.uint32]
    folds: NDArray[np.int32]

    def kind(self, char: str) -> int:
        """What a character does to a token."""
        code = ord(char)
        return int(self.entries[int(self.pages[code >> 8]) * 256 + (code & 255)]) & 7

    def with_words_in(self, scripts: Sequence[str]) -> UnicodeTable:
        """A table by which letters of these scripts stand together, up to a WORD_BREAK."""
        pages = self.pages.copy()
        blocks = list(self.entries.reshape(-1, 256))
        bounds = [pair for script in scripts for pair in SPACELESS[script]]
        for number in sorted({n for low, end in bounds for n in range(low >> 8, (end + 255) >> 8)}):
            codes = np.arange(number << 8, (number + 1) << 8)
            inside = np.any([(low <= codes) & (codes < end) for low, end in bounds], axis=0)
            block = blocks[pages[number]]
            solo = inside & (block & 7 == SOLO)
            pages[number] = len(blocks)
            blocks.append(np.where(solo, block - SOLO + WORD, block))
        code = ord(WORD_BREAK)
        block = blocks[pages[code >> 8]].copy()
        block[code & 255] = SEPARATOR
        pages[code >> 8] = len(blocks)
        return UnicodeTable(pages, np.concatenate([*blocks, block]), self.folds)


@functools.cache
def unicode_table() -> UnicodeTable:
    """The shipped table."""
    with np.load(_FILE, allow_pickle=False) as arrays:
        return UnicodeTable(arrays["pages"], arrays["entries"], arrays["folds"])


def fold(text: str) -> str:
    """The folded form of a text as its tokens see it, in plain Python."""
    import unicodedata

    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())


def _kind(code: int) -> int:
    import unicodedata

    char = chr(code)
    category = unicodedata.category(char)
    if (
        category == "Cf"
        or char == "\u034f"
        or 0xFE00 <= code <= 0xFE0F
        or 0xE0100 <= code <= 0xE01EF
    ):
        return IGNORABLE
    if 0x0300 <= code <= 0x036F:
        return IGNORABLE  # accents on Latin, Greek and Cyrillic: people leave them out in questions
    if category[0] == "M":
        return MARK
    if category[0] == "L" and unicodedata.name(char, "").startswith(_SOLO_NAMES):
        return SOLO
    return WORD if category[0] in "LN" else SEPARATOR


def build() -> UnicodeTable:
    """Make the table from this Python's `unicodedata`."""
    import unicodedata

    folds, seen = [0], {}
    full = np.zeros(0x110000, np.uint32)
    for code in range(0x110000):
        char = chr(code)
        if 0xD800 <= code <= 0xDFFF:
            continue
        entry = _kind(code) | unicodedata.combining(char) << 3
        folded = fold(char)
        if folded != char:
            if folded not in seen:
                seen[folded] = len(folds)
                folds += [len(folded), *map(ord, folded)]
            entry |= seen[folded] << 11
        full[code] = entry
    unique, pages = np.unique(full.reshape(-1, 256), axis=0, return_inverse=True)
    return UnicodeTable(pages.ravel().astype(np.uint16), unique.ravel(), np.array(folds, np.int32))


if __name__ == "__main__":
    made = build()
    _FILE.parent.mkdir(exist_ok=True)
    np.savez_compressed(_FILE, pages=made.pages, entries=made.entries, folds=made.folds)
