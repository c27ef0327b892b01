"""Words of running text with their places in it, for nets that must point back at the text."""

from __future__ import annotations

import re

# A run of letters, digits, marks and underscores, or one other visible character.
_WORD = re.compile(r"\w+|[^\w\s]")


def words(text: str) -> list[tuple[str, int, int]]:
    """Split `text` into `(word, start, end)` with `text[start:end] == word`.

    Offsets count characters of the text as it was given: nothing is normalised or folded here, so
    a place found in the words is a place in the source. Spaces belong to no word.
    """
    return [(match.group(), match.start(), match.end()) for match in _WORD.finditer(text)]
