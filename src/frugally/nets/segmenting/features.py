"""What the segmenter sees around a place between two characters.

| group | slots | row |
|---|---|---|
| `ngrams1`, `ngrams2`, ... | runs of n characters around the place | the run's place, below |
| `kinds` | the characters around the place | one of 14 kinds of characters |
| `words` | strings that end here, begin here, lie over the place | slot x LEVELS + level |

The hash of a run is that of `text/ngrams`; its row is its place among the group's keys, and a run
that is not there has none, as a string that is no word (level 0) has none. A group of s slots of
runs of n begins with the run that begins (s + n - 1) // 2 characters before the place, so that as
many are before it as after it; `kinds` likewise with n = 1. Characters outside of the text are
OUTSIDE. The level of a string says how often it was a word of the training text where it stood.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frugally.errors import NetError
from frugally.nets.feedforward import Group, Shape
from frugally.nets.segmenting.kernels import (
    DIGIT,
    JOINER,
    LETTER,
    MARK,
    SPACE,
    fill_table,
    ngram_rows,
    rules,
    word_levels,
    word_rows,
)
from frugally.text.ngrams import HASH_VERSION

RECIPE = f"segmenter-1,hash-{HASH_VERSION}"
"""Changes whenever the features of any place change; a net runs only with its own."""

REACH = 8
"""No feature looks further than this many characters before or after a place."""

OUTSIDE = 0x110000
KIND_COUNT, LEVELS = 14, 6
KINDS, WORDS = "kinds", "words"
_NGRAMS = re.compile(r"ngrams([1-6])")

_HIRAGANA, _KATAKANA, _HAN, _SOLO, _LEADING, _FOLLOWING, _PUNCTUATION, _SYMBOL = range(6, 14)
# Scripts written without spaces; Thai and Lao have vowels that are written before their consonant,
# and some after it that are no marks.
_SOLO_RANGES = (
    (0x0E00, 0x0F00), (0x1000, 0x10A0), (0x1780, 0x1800), (0x1950, 0x1AB0), (0x3100, 0x3130),
    (0x31A0, 0x31C0), (0xA000, 0xA4D0), (0xA9E0, 0xAA80),
)  # fmt: skip
_LEADING_VOWELS = (*range(0x0E40, 0x0E45), *range(0x0EC0, 0x0EC5))
_FOLLOWING_SIGNS = (0x0E2F, 0x0E30, 0x0E32, 0x0E33, 0x0E45, 0x0E46, 0x0EB0, 0x0EB2, 0x0EB3, 0x0EC6)
_TABLE = 0x20000  # code points in the table; those beyond go by their plane
_Rows = NDArray[np.int32]


def _kind(code: int) -> int:
    char = chr(code)
    category = unicodedata.category(char)
    if char.isspace() or code == 0x200B:
        return SPACE
    if code in (0x200D, 0x2060, 0x034F):
        return JOINER
    if category[0] == "M" or 0x1F3FB <= code <= 0x1F3FF:
        return MARK
    if category == "Nd":
        return DIGIT
    if code in _LEADING_VOWELS:
        return _LEADING
    if code in _FOLLOWING_SIGNS:
        return _FOLLOWING
    if 0x3041 <= code <= 0x309F:
        return _HIRAGANA
    if (0x30A1 <= code <= 0x30FF and code != 0x30FB) or 0x31F0 <= code < 0x3200:
        return _KATAKANA
    if 0xFF66 <= code <= 0xFF9F:
        return _KATAKANA
    if code in (0x3005, 0x3007) or (0x3400 <= code < 0xFB00 and _named(char, "CJK ")):
        return _HAN
    if category[0] == "L":
        solo = any(low <= code < high for low, high in _SOLO_RANGES)
        return _SOLO if solo else LETTER
    return _PUNCTUATION if category[0] == "P" else _SYMBOL


def _named(char: str, start: str) -> bool:
    return unicodedata.name(char, "").startswith(start)


@cache
def _kind_table() -> NDArray[np.uint8]:
    return np.fromiter(map(_kind, range(_TABLE)), np.uint8, _TABLE)


def kinds_of(codes: NDArray[np.int32]) -> NDArray[np.uint8]:
    """The kind of each character, 0 for OUTSIDE."""
    found = _kind_table()[np.minimum(codes, _TABLE - 1)]
    beyond = codes >= _TABLE
    if beyond.any():
        later = codes[beyond]
        # Planes 2 and 3 are ideographs; in plane 14 are selectors of variants and tags.
        other = np.select([later < 0x40000, later >> 16 == 0xE], [_HAN, MARK], _SYMBOL)
        found[beyond] = np.where(later == OUTSIDE, 0, other)
    return found


def first_of(group: Group) -> int:
    """Where the run in the first slot of a group begins, as seen from the place."""
    return -((group.slots + order_of(group.name) - 1) // 2)


def order_of(name: str) -> int:
    """How many characters a run of a group has."""
    match = _NGRAMS.fullmatch(name)
    return int(match[1]) if match else 1


def word_slots(longest: int) -> int:
    """The slots of `words` for words of up to `longest` characters."""
    return 2 * longest + longest * (longest - 1) // 2


def longest_of(group: Group) -> int:
    """The characters of the longest word that a group looks for; 0 if its slots fit none."""
    return next((n for n in range(1, REACH + 1) if word_slots(n) == group.slots), 0)


@dataclass(frozen=True, slots=True, eq=False)
class Vocabulary:
    """What a segmenter knows: the n-grams that have rows, and words with their levels.

    `keys` has the hashes of each group's n-grams, ascending: a row is a place among them (uint32).
    `words` are hashes of words (uint32), `levels` theirs, 1 to LEVELS - 1 (uint8).
    """

    keys: Mapping[str, NDArray[np.uint32]]
    words: NDArray[np.uint32]
    levels: NDArray[np.uint8]
    _tables: dict[str, tuple[NDArray[np.uint32], _Rows]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        for name, keys in self.keys.items():
            self._tables[name] = _table(keys, np.arange(len(keys), dtype=np.int32))
        self._tables[WORDS] = _table(self.words, self.levels.astype(np.int32))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `from_arrays` makes it from again."""
        keys = {f"keys.{name}": array for name, array in self.keys.items()}
        return {**keys, "words": self.words, "levels": self.levels}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], shape: Shape) -> Vocabulary:
        """What `arrays` gave.

        Raises:
            NetError: it does not fit the shape of the net.
        """
        try:
            names = [group.name for group in shape.groups if _NGRAMS.fullmatch(group.name)]
            keys = {name: arrays[f"keys.{name}"] for name in names}
            words, levels = arrays["words"], arrays["levels"]
        except KeyError as error:
            raise NetError(f"this net says nothing of {error}") from error
        sizes = {group.name: group.rows for group in shape.groups}
        whole = all(k.dtype == np.uint32 and len(k) == sizes[name] for name, k in keys.items())
        if not whole or words.dtype != np.uint32 or levels.dtype != np.uint8:
            raise NetError("the n-grams and words of this net are not as many as its rows")
        if len(words) != len(levels) or levels.max(initial=0) >= LEVELS:
            raise NetError(f"{len(words)} words with {len(levels)} levels")
        return cls(keys, words, levels)

    def rows(
        self,
        codes: NDArray[np.int32],
        kinds: NDArray[np.uint8],
        low: int,
        high: int,
        groups: tuple[Group, ...],
        levels: NDArray[np.uint8] | None = None,
    ) -> _Rows:
        """The rows of all slots of the groups, for the places from `low` to `high` of a text.

        [places, slots], -1 for none; `codes` goes on for REACH on both sides. `levels` are those of
        `word_levels`, from REACH before `low` on, if they are not to be looked up.
        """
        out = np.empty((high - low, sum(group.slots for group in groups)), np.int32)
        start = 0
        for group in groups:
            part = out[:, start : start + group.slots]
            start += group.slots
            first = first_of(group)
            if group.name == KINDS:
                for slot in range(group.slots):
                    part[:, slot] = kinds[low + first + slot : high + first + slot]
            elif group.name == WORDS:
                longest = longest_of(group)
                if levels is None:
                    found = self.word_levels(codes[low - longest : high + longest], longest)
                else:
                    found = np.ascontiguousarray(levels[REACH - longest : REACH + high - low])
                word_rows(found, LEVELS, part)
            else:
                order = order_of(group.name)
                ngram_rows(codes, low, high, order, first, *self._tables[group.name], part)
        return out

    def word_levels(self, codes: NDArray[np.int32], longest: int) -> NDArray[np.uint8]:
        """The levels of the 1 to `longest` characters from each place on.

        [places, longest]; the last `longest` characters are only looked at.
        """
        out = np.empty((len(codes) - longest, longest), np.uint8)
        word_levels(codes, *self._tables[WORDS], out)
        return out


def _table(keys: NDArray[np.uint32], values: _Rows) -> tuple[NDArray[np.uint32], _Rows]:
    size = 1 << max(4, (2 * len(keys)).bit_length())
    table = np.zeros(size, np.uint32), np.full(size, -1, np.int32)
    fill_table(keys, values, *table)
    return table


def by_rule(kinds: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """APPEND or SPLIT for each place where a rule says so, ASK elsewhere."""
    out = np.empty(len(kinds), np.uint8)
    rules(kinds, out)
    return out


def known_group(group: Group) -> bool:
    """Whether this recipe can fill a group."""
    if group.name == KINDS:
        return group.rows >= KIND_COUNT and 1 <= group.slots <= REACH
    if group.name == WORDS:
        return longest_of(group) > 0 and group.rows == group.slots * LEVELS
    if not _NGRAMS.fullmatch(group.name) or group.rows < 1:
        return False
    return 1 <= group.slots <= 2 * REACH - order_of(group.name) + 1
