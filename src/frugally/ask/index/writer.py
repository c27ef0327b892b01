"""Building segments in bounded memory: parse, analyse and store side by side."""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from frugally.ask.batch import Batch
from frugally.ask.document import Document, Passage
from frugally.ask.index.batching import Part, PendingDocuments
from frugally.ask.index.documents import NAME as DOCUMENTS
from frugally.ask.index.documents import DocumentsWriter, SourceRecord
from frugally.ask.index.manifest import SegmentEntry
from frugally.ask.index.occurrences import Occurrences
from frugally.ask.index.postings import write_postings
from frugally.ask.index.records import (
    ID,
    PASSAGES,
    bytes_of,
)
from frugally.budget import format_bytes
from frugally.errors import BudgetError
from frugally.files import disk
from frugally.text.analysis import make_analyser
from frugally.text.hashed_analyser import WordSegmenter
from frugally.text.recipe import Recipe
from frugally.text.terms import Analyser, Spans, Terms

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
        self.samples: list[NDArray[np.uint64]] = []

    def add(self, part: Part) -> None:
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
        self.samples.append(terms.sample)
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
                    "sample": np.unique(np.concatenate(self.samples)),
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

    `name` gives each new segment's name; `segmenter` is the recipe's, if it has one. The same
    documents with the same `memory` make the same posting files, whatever the threads do. Use
    as a context; `finish` returns the segments.

    Raises:
        BudgetError: `memory` is below SMALLEST_MEMORY.
    """

    def __init__(
        self,
        folder: Path,
        recipe: Recipe,
        name: Callable[[], str],
        *,
        memory: int,
        segmenter: WordSegmenter | None = None,
    ) -> None:
        self._folder = folder
        self._bits = recipe.bits
        self._most_per_byte = max(1, recipe.title_weight)
        self._name = name
        self._capacity = occurrences_within(memory)
        self._analyser: Analyser = make_analyser(recipe, segmenter)
        self._batch = PendingDocuments()
        self._pending: deque[tuple[int, Future[Future[int]]]] = deque()  # bytes of each batch
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
        self._batch = PendingDocuments()
        part = batch.take()
        sent = self._words.submit(self._analyse, segment, part.spans, segment.passages)
        segment.add(part)
        self._pending.append((batch.size, sent))

    def _analyse(self, segment: _OpenSegment, spans: Spans, first: int) -> Future[int]:
        """Number the words of passages from `first` on, and send them on."""
        return self._terms.submit(segment.take_in, self._analyser.prepare(spans, first), first)

    def _make_room(self) -> None:
        """Close the segment if the next batch might not fit."""
        # Counting only batches that are certainly done makes the cut the same on every run.
        for most in (_UNDER_WAY, 0):
            self._wait(most)
            ahead = sum(size for size, _ in self._pending) + 2 * _BATCH_BYTES
            if self._known + ahead * self._most_per_byte <= self._capacity:
                return
        self._close_segment()

    def _wait(self, most: int) -> None:
        """Wait until at most so many batches are under way."""
        while len(self._pending) > most:
            _, sent = self._pending.popleft()
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
