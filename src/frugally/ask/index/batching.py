"""Documents on their way into a segment: as records to be stored, and spans to be analysed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from frugally.ask.batch import Batch
from frugally.ask.document import Document, Passage
from frugally.ask.index.records import (
    COLUMNS,
    DETAILS,
    ID,
    PASSAGES,
    TEXT,
    TITLE,
    URL,
    Sizes,
    bytes_of,
    make_record,
)
from frugally.text.terms import Spans


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Documents in order: their records and sources, and title and text of each passage."""

    sizes: Sizes
    data: bytes
    sources: NDArray[np.int64]
    spans: Spans

    @classmethod
    def of_short(cls, batch: Batch, source: int) -> Part:
        """Short documents: what is stored is also what is analysed."""
        sizes = np.zeros((len(batch), COLUMNS), np.uint32)
        sizes[:, PASSAGES] = 1
        sizes[:, ID:DETAILS] = batch.sizes
        starts = np.empty((len(batch), 2), np.int64)
        ends = np.empty_like(starts)
        ends[:, 1] = np.cumsum(bytes_of(sizes))
        starts[:, 1] = ends[:, 1] - sizes[:, TEXT]
        ends[:, 0] = starts[:, 1] - sizes[:, URL]
        starts[:, 0] = ends[:, 0] - sizes[:, TITLE]
        text = np.frombuffer(batch.data, np.uint8)
        sources = np.full(len(batch), source, np.int64)
        return cls(sizes, batch.data, sources, Spans(text, starts.ravel(), ends.ravel()))


def _joined(parts: Sequence[Part]) -> Part:
    if len(parts) == 1:
        return parts[0]
    bases = np.cumsum([0, *(len(part.spans.text) for part in parts[:-1])])
    based = list(zip(parts, bases, strict=True))
    return Part(
        np.concatenate([part.sizes for part in parts]),
        b"".join(part.data for part in parts),
        np.concatenate([part.sources for part in parts]),
        Spans(
            np.concatenate([part.spans.text for part in parts]),
            np.concatenate([part.spans.starts + base for part, base in based]),
            np.concatenate([part.spans.ends + base for part, base in based]),
        ),
    )


class PendingDocuments:
    """Documents on their way to be stored and analysed."""

    def __init__(self) -> None:
        self.size = 0  # of titles and texts, in bytes
        self._parts: list[Part] = []
        self._clear()

    def _clear(self) -> None:
        self._rows: list[list[int]] = []
        self._records: list[bytes] = []
        self._sources: list[int] = []
        self._pieces: list[bytes] = []

    def add(self, document: Document, passages: Sequence[Passage], source: int) -> None:
        """Take in a document."""
        row, record = make_record(document, passages)
        self._rows.append(row)
        self._records.append(record)
        self._sources.append(source)
        title = document.title.encode("utf-8", "replace")
        for passage in passages:
            body = document.text[passage.start : passage.end].encode("utf-8", "replace")
            self._pieces += (title, body)
            self.size += len(body) + len(title) + 2

    def add_short(self, batch: Batch, source: int) -> None:
        """Take in many documents."""
        self._seal()
        self._parts.append(Part.of_short(batch, source))
        self.size += len(batch.data) + 2 * len(batch)

    def take(self) -> Part:
        """All of it, once."""
        self._seal()
        parts, self._parts = self._parts, []
        return _joined(parts)

    def _seal(self) -> None:
        if self._rows:
            sizes = np.array(self._rows, np.uint32)
            sources = np.array(self._sources, np.int64)
            data = b"".join(self._records)
            self._parts.append(Part(sizes, data, sources, Spans.of(self._pieces)))
            self._clear()
