"""Where in a document something stands, in the words of its reader: line, page, time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence


def line_of(text: str, offset: int) -> int:
    """Return the number of the line, from 1, that the character at `offset` is in."""
    return text.count("\n", 0, offset) + 1


def page_of(pages: Sequence[int], offset: int) -> int:
    """Return the number of the page, from 1, that the character at `offset` is on.

    `pages` are the offsets at which pages begin, as in `Document.pages`. A page without text
    begins where the next one does or before it, and is never the answer.
    """
    return max(1, bisect_right(pages, offset))


def clock(seconds: float) -> str:
    """Return a time in a video as hours, minutes and whole seconds: 0:12:34."""
    whole = max(0, int(seconds))
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
