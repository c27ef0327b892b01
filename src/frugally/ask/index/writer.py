"""Building segments in bounded memory: parse, analyse and store side by side."""

from __future__ import annotations

import sys
import threading
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
from frugally.budget import format_bytes
from frugally.errors import BudgetError
from frugally.files import disk
from frugally.text.analysis import Analyser, Recipe, make_analyser

# The interpreter, its libraries and the batches under way take this much; an occurrence takes eight
# bytes, and what grows with them (words met, buffers of packing) is allowed as much again.
_BASE = 275_000_000
_PER_OCCURRENCE = 16
SMALLEST_MEMORY = 350_000_000
_BATCH_BYTES = 1 << 20
_UNDER_WAY = 3  # batches


def occurrences_within(memory: int) -> int:
    """How many occurrences a segment may have if the process is to stay within `memory` bytes.

    Raises:
        BudgetError: it is below SMALLEST_MEMORY.
    """
    if memory < SMALLEST_MEMORY:
        raise BudgetError(
            f"indexing in {format_bytes(memory)} of memory is not possible",
            hint=f"the smallest that works is {format_bytes(SMALLEST_MEMORY)}",
        )
    return (memory - _BASE) // _PER_OCCURRENCE


def hash_ids(ids: Iterable[str]) -> NDArray[np.uint32]:
    """The 32-bit hashes under which documents are looked up by id."""
    from frugally.text.kernels import hash_words

    encoded = [name.encode("utf-8", "replace") for name in ids]
    ends = np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)))
    hashes: NDArray[np.uint32] = hash_words(np.frombuffer(b"".join(encoded), np.uint8), ends)
    return hashes


@dataclass(slots=True)
class _Batch:
    """Passages on their way to be analysed: title and text of each, as bytes."""

    spans: list[bytes] = field(default_factory=list)
    size: int = 0
    sent: Future[int] | None = None


class _OpenSegment:
    """The segment being filled: documents by the main thread, occurrences by the analysing one."""

    def __init__(self, folder: Path, capacity: int) -> None:
        self.folder = folder
        disk.make_folder(folder)
        self.store = DocumentsWriter(folder / DOCUMENTS)
        self.rows: list[Row] = []
        self.passages = 0
        self.sources: dict[int, SourceRecord] = {}
        self.id_hashes: list[NDArray[np.uint32]] = []
        self.id_passages: list[NDArray[np.uint32]] = []
        self.packed = np.empty(capacity, np.uint64)
        self.used = 0
        self.lengths: list[NDArray[np.int64]] = []
        self.sample = np.zeros(0, np.uint64)

    def store_rows(self) -> None:
        """Write the rows at hand."""
        rows, self.rows = self.rows, []
        self.id_hashes.append(hash_ids(row[1] for row in rows))
        self.id_passages.append(np.fromiter((row[0] for row in rows), np.uint32, len(rows)))
        self.store.add(rows)

    def analyse(self, analyser: Analyser, spans: list[bytes], first: int) -> int:
        """Take in the terms of passages numbered from `first`; returns how many occurrences."""
        terms = analyser.terms(spans, first)
        end = self.used + len(terms.packed)
        if end > len(self.packed):  # one huge document
            self.packed = np.concatenate([self.packed, np.empty(end - len(self.packed), np.uint64)])
        self.packed[self.used : end] = terms.packed
        self.used = end
        self.lengths.append(terms.lengths)
        self.sample = np.union1d(self.sample, terms.sample)
        return len(terms.packed)

    def finish(self, pool: ThreadPoolExecutor) -> SegmentEntry:
        """Sort and pack what was gathered; all of it is on disk afterwards."""
        self.store_rows()
        stored = pool.submit(self._finish_store)
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
        files = {**written.files, DOCUMENTS: stored.result()}
        disk.sync_folder(self.folder)
        return SegmentEntry(
            name=self.folder.name,
            documents=len(hashes),
            passages=self.passages,
            words=int(lengths.sum()),
            postings=written.postings,
            terms=written.terms,
            files=files,
        )

    def _finish_store(self) -> tuple[int, str]:
        self.store.finish(self.sources.items())
        path = self.folder / DOCUMENTS
        return path.stat().st_size, disk.digest_of(path)


class _QuickSwitching:
    """The interpreter's switch interval at 0.2 ms while any writer is at work.

    The analysing thread needs the interpreter for moments only; with the usual 5 ms it would wait
    longer for it than it works.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._writers = 0
        self._usual = 0.0

    def enter(self) -> None:
        """One more writer."""
        with self._lock:
            if not self._writers:
                self._usual = sys.getswitchinterval()
                sys.setswitchinterval(2e-4)
            self._writers += 1

    def leave(self) -> None:
        """One writer less; the last one sets it back."""
        with self._lock:
            self._writers -= 1
            if not self._writers:
                sys.setswitchinterval(self._usual)


_quick_switching = _QuickSwitching()


class SegmentsWriter:
    """Writes documents into as many segments as the memory allowed makes necessary.

    `name` gives each new segment's name. The same documents with the same `memory` make the same
    posting files, whatever the threads do. Use as a context; `finish` returns the segments.

    Raises:
        BudgetError: `memory` is below SMALLEST_MEMORY.
    """

    def __init__(
        self, folder: Path, recipe: Recipe, name: Callable[[], str], *, memory: int
    ) -> None:
        self._folder = folder
        self._analyser: Analyser = make_analyser(recipe)
        self._most_per_byte = max(1, recipe.title_weight)
        self._name = name
        self._capacity = occurrences_within(memory)
        self._batch = _Batch()
        self._pending: deque[_Batch] = deque()
        self._pool = ThreadPoolExecutor(1, "analyse")
        self._open: _OpenSegment | None = None
        self._known = 0  # occurrences of the batches that are done, in the open segment
        self._sources: dict[int, SourceRecord] = {}
        self._finished: list[SegmentEntry] = []

    def __enter__(self) -> SegmentsWriter:
        _quick_switching.enter()
        return self

    def __exit__(self, *exception: object) -> None:
        _quick_switching.leave()
        self._pool.shutdown(cancel_futures=True)
        if self._open is not None:
            self._open.store.abandon()

    def add_source(self, number: int, record: SourceRecord) -> None:
        """Say where documents come from, before the first of them, or say it anew."""
        self._sources[number] = record
        if self._open is not None and number in self._open.sources:
            self._open.sources[number] = record

    def add(self, document: Document, passages: list[Passage], source: int) -> None:
        """Take in a document; `source` is the number of a record given to `add_source`, or -1."""
        segment, batch = self._open or self._start(), self._batch
        title = document.title.encode("utf-8", "replace")
        text = document.text
        for passage in passages:
            body = text[passage.start : passage.end].encode("utf-8", "replace")
            batch.spans += (title, body)
            batch.size += len(body) + len(title) + 2
        segment.rows.append(make_row(document, passages, source, segment.passages))
        segment.passages += len(passages)
        if source >= 0:
            segment.sources[source] = self._sources[source]
        if batch.size >= _BATCH_BYTES:
            self._send()
            self._make_room()

    def finish(self) -> list[SegmentEntry]:
        """Write out everything; returns the segments, in the order of their documents."""
        self._close_segment()
        return self._finished

    def _start(self) -> _OpenSegment:
        self._open = _OpenSegment(self._folder / self._name(), self._capacity)
        self._known = 0
        return self._open

    def _send(self) -> None:
        """Hand the batch over to the analysing thread."""
        segment, batch = self._open, self._batch
        if segment is None or not batch.spans:
            return
        self._batch = _Batch()
        first = segment.passages - len(batch.spans) // 2
        batch.sent = self._pool.submit(segment.analyse, self._analyser, batch.spans, first)
        batch.spans = []
        self._pending.append(batch)
        segment.store_rows()

    def _make_room(self) -> None:
        """Close the segment if the next batch might not fit."""
        # Counting only batches that are certainly done makes the cut the same on every run.
        for most in (_UNDER_WAY, 0):
            self._wait(most)
            ahead = sum(b.size for b in self._pending) + 2 * _BATCH_BYTES
            if self._known + ahead * self._most_per_byte <= self._capacity:
                return
        self._close_segment()

    def _wait(self, most: int) -> None:
        """Wait until at most so many batches are under way."""
        while len(self._pending) > most:
            sent = self._pending.popleft().sent
            assert sent is not None
            self._known += sent.result()

    def _close_segment(self) -> None:
        if self._open is None:
            return
        self._send()
        self._wait(0)
        self._finished.append(self._open.finish(self._pool))
        self._open = None
        # Words are numbered anew in each segment: no collection outgrows the memory.
        self._analyser.forget()
