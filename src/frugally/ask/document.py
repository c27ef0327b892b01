"""What is stored and found: documents, their passages, and where they came from."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """A subtitle cue: characters `start` to `end` of the document, said from `begins` to `ends`.

    Times are in seconds.
    """

    start: int
    end: int
    begins: float
    ends: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One unit of a source, as text.

    `id` is unique in a collection (adding it again replaces it). `source` is the file it came
    from. `url` is where a reader may look it up. `pages` are the character offsets at which the
    pages of a PDF begin; `cues` are the times of a subtitle file.
    """

    id: str
    text: str
    title: str = ""
    url: str = ""
    source: str = ""
    pages: tuple[int, ...] = ()
    cues: tuple[Cue, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """Characters `start` to `end` of a document; `begins` and `ends` are seconds, for subtitles."""

    start: int
    end: int
    begins: float | None = None
    ends: float | None = None
