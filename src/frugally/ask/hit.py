"""A found passage, with everything a person needs to see it and look it up."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from frugally.ask.document import Document, Passage
from frugally.ask.places import clock, line_of, page_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A passage of a document and its score.

    `text` is the passage, characters `start` to `end` of the document; `place` says where that is
    in the source, in words (`line 12`, `page 3`, `0:12:34`); `begins` and `ends` are seconds, for
    subtitles. `passage` is its number in the collection, by which ties are broken. `language` is
    the code of its language if it was asked for, empty where that is not clear.
    """

    passage: int
    score: float
    id: str
    title: str
    url: str
    source: str
    text: str
    start: int
    end: int
    place: str
    begins: float | None = None
    ends: float | None = None
    language: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """By name, for JSON."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def where(self) -> str:
        """Title or id, and place, for people."""
        name = self.title or self.id
        return f"{name}, {self.place}" if self.place else name


def place_of(document: Document, passage: Passage, offset: int | None = None) -> str:
    """Where a passage, or an offset in the document, stands: `0:12:34`, `page 3` or `line 12`."""
    at = passage.start if offset is None else offset
    if passage.begins is not None:
        said = [cue.begins for cue in document.cues if cue.start <= at]
        return clock(max(passage.begins, said[-1] if said else 0.0))
    if document.pages:
        return f"page {page_of(document.pages, at)}"
    return f"line {line_of(document.text, at)}" if "\n" in document.text else ""
