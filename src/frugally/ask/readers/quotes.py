"""Where a quotation stands in a text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_QUOTATION_MARKS = "\"'`“”‘’«»„"
# From Thai on, scripts write words without spaces, and a word's edge is not to be seen.
_SPACELESS = 0x0E00


def locate(quotation: str, text: str) -> tuple[int, int] | None:
    """Characters `(start, end)` of the first place where `text` says this word for word.

    White space counts as white space, whatever its kind and length. Quotation marks around it and
    a full stop behind it may be the quoter's. It begins and ends where words do: `art` does not
    stand in `party`. None if it does not stand there.
    """
    for wording in dict.fromkeys(_wordings(quotation)):
        parts = wording.split()
        if not parts:
            continue
        pattern = re.compile(r"\s+".join(map(re.escape, parts)))
        at = 0
        while match := pattern.search(text, at):
            if not _inside_word(text, match.start()) and not _inside_word(text, match.end()):
                return match.span()
            at = match.start() + 1
    return None


def _wordings(quotation: str) -> Iterator[str]:
    yield quotation
    bare = quotation.strip().strip(_QUOTATION_MARKS)
    yield bare
    yield bare.rstrip(".")


def _inside_word(text: str, at: int) -> bool:
    """Whether a word goes on from before `at` to behind it."""
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    if unicodedata.category(after).startswith("M"):  # a mark on the letter before it
        return True
    if max(ord(before), ord(after)) >= _SPACELESS:
        return False
    return (before.isalpha() and after.isalpha()) or (before.isdigit() and after.isdigit())
