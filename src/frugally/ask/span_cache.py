"""What a reader found in passages, kept for when the same is asked again."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from frugally.nets.reading import Reader, Span

_MOST = 20_000  # spans; beyond this the cache starts again


class SpanCache:
    """The spans that one reader found, by question and text of the passage.

    Commits do not matter to it, another reader empties it. Threads may share it.
    """

    def __init__(self) -> None:
        self._kept: tuple[Reader | None, dict[bytes, Span | None]] = (None, {})

    def asked(self, reader: Reader, question: str) -> Asked:
        """What the reader has found for a question."""
        of, found = self._kept
        if of is not reader or len(found) > _MOST:
            found = {}
            self._kept = (reader, found)
        return Asked(reader, question, found)


class Asked:
    """A reader with a question, that reads no passage twice."""

    def __init__(self, reader: Reader, question: str, found: dict[bytes, Span | None]) -> None:
        self.reader = reader
        self.question = question
        self._found = found

    def unread(self, passages: Sequence[str]) -> list[str]:
        """Those that were not read before."""
        return [passage for passage in passages if self._key(passage) not in self._found]

    def read(self, passages: Sequence[str]) -> list[Span | None]:
        """The best span of each passage, in their order; `None` for one without words."""
        if new := self.unread(passages):
            spans = self.reader.read(self.question, new)
            self._found.update(zip(map(self._key, new), spans, strict=True))
        return [self._found[self._key(passage)] for passage in passages]

    def _key(self, passage: str) -> bytes:
        both = f"{self.question}\0{passage}"
        return blake2b(both.encode("utf-8", "surrogatepass"), digest_size=16).digest()
