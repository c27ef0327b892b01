"""Building segments in bounded memory: parse, analyse and store side by side."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from frugally.ask.batch import Batch
from frugally.ask.document import Document, Passage
from frugally.ask.index.documents import NAME as DOCUMENTS
from frugally.ask.index.documents import DocumentsWriter, SourceRecord
from frugally.ask.index.manifest import SegmentEntry
from frugally.ask.index.occurrences import Occurrences
from frugally.ask.index.postings import write_postings
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
from frugally.budget import format_bytes
from frugally.errors import BudgetError
from frugally.files import disk
from frugally.text.analysis import Analyser, Recipe, Spans, Terms, make_analyser

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

    spans = Spans.of([name.encode("utf-8", "replace") for name in ids])
    hashes: NDArray[np.uint32] = hash_words(spans.text, spans.starts, spans.ends)
    return hashes


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Documents in order: their records and sources, and title and text of each passage."""

    sizes: Sizes
    data: bytes
    sources: NDArray[np.int64]
    spans: Spans

    @classmethod
    def of_short(cls, batch: Batch, source: int) -> _Part:
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


def _joined(parts: Sequence[_Part]) -> _Part:
    if len(parts) == 1:
        return parts[0]
    bases = np.cumsum([0, *(len(part.spans.text) for part in parts[:-1])])
    based = list(zip(parts, bases, strict=True))
    return _Part(
        np.concatenate([part.sizes for part in parts]),
        b"".join(part.data for part in parts),
        np.concatenate([part.sources for part in parts]),
        Spans(
            np.concatenate([part.spans.text for part in parts]),
            np.concatenate([part.spans.starts + base for part, base in based]),
            np.concatenate([part.spans.ends + base for part, base in based]),
        ),
    )


class _Batch:
    """Documents on their way to be stored and analysed."""

    def __init__(self) -> None:
        self.size = 0  # of titles and texts, in bytes
        self.sent: Future[Future[int]] | None = None
        self._parts: list[_Part] = []
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
        self._parts.append(_Part.of_short(batch, source))
        self.size += len(batch.data) + 2 * len(batch)

    def take(self) -> _Part:
        """All of it, once."""
        self._seal()
        parts, self._parts = self._parts, []
        return _joined(parts)

    def _seal(self) -> None:
        if self._rows:
            sizes = np.array(self._rows, np.uint32)
            sources = np.array(self._sources, np.int64)
            data = b"".join(self._records)
            self._parts.append(_Part(sizes, data, sources, Spans.of(self._pieces)))
            self._clear()


class _OpenSegment:
    """The segment being filled: documents by the main thread, occurrences by the analysing ones."""

    def __init__(self, folder: Path, bits: int) -> None:
        self.folder = folder
        disk.make_folder(folder)
        self.store = DocumentsWriter(folder / DOCUMENTS)
        self.passages = 0
        self.sources: dict[int, SourceRecord] = {}
        self.id_hashes: list[NDArray[np.uint32]] = []
        self.id_passages: list[NDArray[np.uint32]] = []
        self.occurrences = Occurrences(bits)
        self.lengths: list[NDArray[np.int64]] = []
        self.sample = np.zeros(0, np.uint64)

    def add(self, part: _Part) -> None:
        """Store documents."""
        from frugally.text.kernels import hash_words

        first, counts = self.passages, part.sizes[:, PASSAGES].astype(np.int64)
        self.store.add(first, part.sources, part.sizes, part.data)
        sizes = bytes_of(part.sizes)
        starts = np.cumsum(sizes) - sizes
        data = np.frombuffer(part.data, np.uint8)
        self.id_hashes.append(hash_words(data, starts, starts + part.sizes[:, ID]))
        firsts = first + np.cumsum(counts) - counts
        self.id_passages.append(firsts.astype(np.uint32))
        self.passages += int(counts.sum())

    def take_in(self, prepared: Callable[[], Terms], first: int) -> int:
        """Take in the terms of the passages from `first` on; returns how many occurrences."""
        terms = prepared()
        self.occurrences.add(terms.packed, first, len(terms.lengths))
        self.lengths.append(terms.lengths)
        self.sample = np.union1d(self.sample, terms.sample)
        return len(terms.packed)

    def finish(self) -> SegmentEntry:
        """Sort and pack what was gathered; all of it is on disk afterwards."""
        with ThreadPoolExecutor(1, "store") as pool:
            stored = pool.submit(self._finish_store)
            hashes = np.concatenate(self.id_hashes)
            order = np.argsort(hashes, kind="stable")
            lengths = np.concatenate(self.lengths)
            written = write_postings(
                self.folder,
                self.occurrences.pieces(),
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
        self._bits = recipe.bits
        self._most_per_byte = max(1, recipe.title_weight)
        self._name = name
        self._capacity = occurrences_within(memory)
        self._analyser: Analyser = make_analyser(recipe)
        self._batch = _Batch()
        self._pending: deque[_Batch] = deque()
        # A thread each for what is done in order: numbering words, then gathering their terms.
        self._words = ThreadPoolExecutor(1, "words")
        self._terms = ThreadPoolExecutor(1, "terms")
        self._open: _OpenSegment | None = None
        self._known = 0  # occurrences of the batches that are done, in the open segment
        self._sources: dict[int, SourceRecord] = {}
        self._finished: list[SegmentEntry] = []

    def __enter__(self) -> SegmentsWriter:
        _quick_switching.enter()
        return self

    def __exit__(self, *exception: object) -> None:
        _quick_switching.leave()
        for pool in (self._words, self._terms):
            pool.shutdown(cancel_futures=True)
        if self._open is not None:
            self._open.store.abandon()

    def add_source(self, number: int, record: SourceRecord) -> None:
        """Say where documents come from, before the first of them, or say it anew."""
        self._sources[number] = record
        if self._open is not None and number in self._open.sources:
            self._open.sources[number] = record

    def add(self, document: Document, passages: Sequence[Passage], source: int) -> None:
        """Take in a document; `source` is the number of a record given to `add_source`, or -1."""
        self._belongs(source)
        self._batch.add(document, passages, source)
        self._send_if_full()

    def add_short(self, batch: Batch, source: int) -> None:
        """Take in many short documents; `source` as for `add`."""
        self._belongs(source)
        self._batch.add_short(batch, source)
        self._send_if_full()

    def finish(self) -> list[SegmentEntry]:
        """Write out everything; returns the segments, in the order of their documents."""
        self._close_segment()
        return self._finished

    def _belongs(self, source: int) -> None:
        """Make sure that a segment is open and knows a source."""
        if self._open is None:
            self._open = _OpenSegment(self._folder / self._name(), self._bits)
            self._known = 0
        if source >= 0:
            self._open.sources[source] = self._sources[source]

    def _send_if_full(self) -> None:
        if self._batch.size >= _BATCH_BYTES:
            self._send()
            self._make_room()

    def _send(self) -> None:
        """Store the batch and hand it over to an analysing thread."""
        segment, batch = self._open, self._batch
        if segment is None or not batch.size:
            return
        self._batch = _Batch()
        part = batch.take()
        batch.sent = self._words.submit(self._analyse, segment, part.spans, segment.passages)
        segment.add(part)
        self._pending.append(batch)

    def _analyse(self, segment: _OpenSegment, spans: Spans, first: int) -> Future[int]:
        """Number the words of passages from `first` on, and send them on."""
        return self._terms.submit(segment.take_in, self._analyser.prepare(spans, first), first)

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
            self._known += sent.result().result()

    def _close_segment(self) -> None:
        if self._open is None:
            return
        self._send()
        self._wait(0)
        self._finished.append(self._open.finish())
        self._open = None
        # Words are numbered anew in each segment: no collection outgrows the memory.
        self._analyser.forget()
