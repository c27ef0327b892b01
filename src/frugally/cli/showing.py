"""Text of documents made fit for a terminal."""

from __future__ import annotations

import re

# C0 and C1 control characters and DEL, but for tab and newline: a document must not move the
# cursor, set colours, or write to the clipboard.
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """The text without control characters; line breaks and tabs stay."""
    return _CONTROLS.sub("", text)


def one_line(text: str) -> str:
    """The text on one line, without control characters."""
    return printable(" ".join(text.split()))
