"""Building segments in bounded memory: parse, analyse and store side by side."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from frugally.ask.document import Document, Passage
from frugally.ask.index.documents import NAME as DOCUMENTS
from frugally.ask.index.documents import DocumentsWriter, Row, SourceRecord, make_row
from frugally.ask.index.manifest import SegmentEntry
from frugally.ask.index.postings import split_by_term, write_postings
from frugally.files import disk
from frugally.text.analysis import Analyser, Recipe, make_analyser

# Memory that is not occurrences: the interpreter and its libraries, batches under way, the words
# met, the buffers of packing.
_RESERVE = 420_000_000
_LEAST = 1 << 20  # occurrences a segment may always have
_BATCH_BYTES = 1 << 21
_UNDER_WAY = 3  # batches


def hash_ids(ids: Iterable[str]) -> NDArray[np.uint32]:
    """The 32-bit hashes under which documents are looked up by id."""
    from frugally.text.kernels import hash_words

    encoded = [name.encode("utf-8", "replace") for name in ids]
    ends = np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)))
    return hash_words(np.frombuffer(b"".join(encoded), np.uint8), ends)


@dataclass(slots=True)
class _Batch:
    """Documents on their way: title and text of each passage as bytes, and the rows to store."""

    spans: list[bytes] = field(default_factory=list)
    documents: list[tuple[Document, list[Passage], int]] = field(default_factory=list)
    sources: dict[int, SourceRecord] = field(default_factory=dict)
    size: int = 0


class _OpenSegment:
    """The segment being filled."""

    def __init__(self, folder: Path, capacity: int) -> None:
        self.folder = folder
        disk.make_folder(folder)
        self.store = DocumentsWriter(folder / DOCUMENTS)
        self.packed = np.empty(capacity, np.uint64)
        self.used = 0
        self.passages = 0
        self.documents = 0
        self.lengths: list[NDArray[np.int64]] = []
        self.sample = np.zeros(0, np.uint64)
        self.id_hashes: list[NDArray[np.uint32]] = []
        self.id_passages: list[NDArray[np.uint32]] = []
        self.sources: dict[int, SourceRecord] = {}

    def finish(self) -> SegmentEntry:
        """Sort and pack what was gathered; all of it is on disk afterwards."""
        occurrences = self.packed[: self.used]
        occurrences.sort()
        hashes = np.concatenate(self.id_hashes)
        order = np.argsort(hashes, kind="stable")
        lengths = np.concatenate(self.lengths)
        written = write_postings(
            self.folder,
            split_by_term(occurrences),
            lengths,
            {
                "id_hashes": hashes[order],
                "id_passages": np.concatenate(self.id_passages)[order],
                "sample": self.sample,
            },
        )
        self.store.finish(self.sources.items())
        path = self.folder / DOCUMENTS
        files = {**written.files, DOCUMENTS: (path.stat().st_size, disk.digest_of(path))}
        disk.sync_folder(self.folder)
        return SegmentEntry(
            name=self.folder.name,
            documents=self.documents,
            passages=self.passages,
            words=int(lengths.sum()),
            postings=written.postings,
            terms=written.terms,
            files=files,
        )


class SegmentsWriter:
    """Writes documents into as many segments as the memory allowed makes necessary.

    `name` gives each new segment's name. The same documents with the same `memory` make the same
    posting files, whatever the threads do. Use as a context; `finish` returns the segments.
    """

    def __init__(
        self, folder: Path, recipe: Recipe, name: Callable[[], str], *, memory: int
    ) -> None:
        self._folder = folder
        self._analyser: Analyser = make_analyser(recipe)
        self._name = name
        self._capacity = max(_LEAST, (memory - _RESERVE) // 8)
        self._batch = _Batch()
        self._pending: deque[Future[None]] = deque()
        self._analysis = ThreadPoolExecutor(1, "analyse")
        self._storage = ThreadPoolExecutor(1, "store")
        self._stored: Future[None] | None = None
        self._open: _OpenSegment | None = None
        self._finished: list[SegmentEntry] = []

    def __enter__(self) -> SegmentsWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        for pending in self._pending:
            pending.cancel()
        self._analysis.shutdown(cancel_futures=True)
        self._storage.shutdown(cancel_futures=True)
        if self._open is not None:
            self._open.store.abandon()

    def add(self, document: Document, passages: list[Passage], source: int) -> None:
        """Take in a document; `source` is the number of a record given to `add_source`."""
        batch = self._batch
        title = document.title.encode("utf-8", "replace")
        text = document.text
        for passage in passages:
            body = text[passage.start : passage.end].encode("utf-8", "replace")
            batch.spans += (title, body)
            batch.size += len(body) + len(title)
        batch.documents.append((document, passages, source))
        if batch.size >= _BATCH_BYTES or len(batch.documents) >= 1 << 14:
            self._send()

    def add_source(self, number: int, record: SourceRecord) -> None:
        """Say where the documents that follow come from, before the first of them."""
        self._batch.sources[number] = record

    def finish(self) -> list[SegmentEntry]:
        """Write out everything; returns the segments, in the order of their documents."""
        self._send()
        while self._pending:
            self._pending.popleft().result()
        self._close_segment()
        return self._finished

    def _send(self) -> None:
        batch, self._batch = self._batch, _Batch()
        # A source may go on in the next batch, which may be in another segment.
        self._batch.sources = dict(list(batch.sources.items())[-1:])
        if batch.documents:
            self._pending.append(self._analysis.submit(self._process, batch))
        while len(self._pending) > _UNDER_WAY:
            self._pending.popleft().result()

    def _process(self, batch: _Batch) -> None:
        """On the analysing thread: terms of a batch, into the open segment or a new one."""
        terms = self._analyser.terms(batch.spans, 0)
        segment = self._open
        if segment is not None and segment.used + len(terms.packed) > self._capacity:
            self._close_segment()
            segment = None
        if segment is None:
            capacity = max(self._capacity, len(terms.packed))
            segment = self._open = _OpenSegment(self._folder / self._name(), capacity)
        first = segment.passages
        end = segment.used + len(terms.packed)
        np.add(terms.packed, np.uint64(first), out=segment.packed[segment.used : end])
        segment.used = end
        segment.lengths.append(terms.lengths)
        segment.sample = np.union1d(segment.sample, terms.sample)
        segment.sources.update(batch.sources)
        rows: list[Row] = []
        number = first
        for document, passages, source in batch.documents:
            rows.append(make_row(document, passages, source, number))
            number += len(passages)
        segment.id_hashes.append(hash_ids(row[2] for row in rows))
        segment.id_passages.append(np.fromiter((row[0] for row in rows), np.uint32, len(rows)))
        segment.passages = number
        segment.documents += len(rows)
        if self._stored is not None:
            self._stored.result()
        self._stored = self._storage.submit(segment.store.add, rows)

    def _close_segment(self) -> None:
        if self._stored is not None:
            self._stored.result()
            self._stored = None
        if self._open is not None:
            self._finished.append(self._open.finish())
            self._open = None
            # Words are numbered anew in each segment: no collection outgrows the memory.
            self._analyser.forget()
