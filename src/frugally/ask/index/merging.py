"""Several segments into one, without the passages that were deleted, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from frugally.ask.index.documents import NAME as DOCUMENTS
from frugally.ask.index.documents import DocumentsWriter
from frugally.ask.index.manifest import SegmentEntry
from frugally.ask.index.postings import Piece, write_postings
from frugally.ask.index.records import PASSAGES
from frugally.ask.index.segment import HINT, Segment
from frugally.errors import CorruptionError
from frugally.files import disk

_PIECE = 1 << 20  # postings of all segments looked at together
FANOUT = 8  # so many segments of about one size are merged into one
_SMALLEST_TIER = 1024  # passages


def due_for_merging(segments: Sequence[SegmentEntry]) -> int:
    """How many of the last segments to merge into one, 0 for none (a tiered policy).

    Tiers grow by FANOUT; when FANOUT neighbours at the end are of a tier, they become one segment
    of the next. Those of lower tiers behind them count as one: else a few small segments would
    have a large one written anew. Only neighbours are merged, so passages keep their order.
    """
    limit, smaller = _SMALLEST_TIER, 0
    while smaller < len(segments):
        run = smaller
        while run < len(segments) and segments[-1 - run].passages <= limit:
            run += 1
        if run - smaller + (smaller > 0) >= FANOUT:
            return run
        limit, smaller = limit * FANOUT, run
    return 0


def tidied(
    folder: Path, entries: Sequence[SegmentEntry], number: int
) -> tuple[list[SegmentEntry], int]:
    """Segments without those in which nothing is alive, merged as the policy says.

    New ones are numbered from `number` on; returns the number after theirs, too.
    """
    kept = [entry for entry in entries if entry.deleted < entry.passages]
    while run := due_for_merging(kept):
        tail = [Segment(folder, entry) for entry in kept[-run:]]
        kept = kept[:-run] + merge_living(folder, tail, number)
        number += 1
    return kept, number


def merge_living(folder: Path, segments: Sequence[Segment], number: int) -> list[SegmentEntry]:
    """The segment, by its number, that has what is alive in some; none if nothing is."""
    live = [s for s in segments if s.entry.deleted < s.entry.passages]
    return [merge_segments(folder, live, f"seg-{number:06d}")] if live else []


def merge_segments(folder: Path, segments: Sequence[Segment], name: str) -> SegmentEntry:
    """Write the live passages of some segments, in order, as one; returns its manifest entry."""
    target = folder / name
    disk.make_folder(target)
    renumbered = _renumbered(segments)
    lengths = np.concatenate(
        [s.lengths[numbers >= 0] for s, numbers in zip(segments, renumbered, strict=True)]
    )
    documents = _merge_documents(target / DOCUMENTS, segments, renumbered)
    written = write_postings(
        target,
        _merged(segments, renumbered),
        lengths,
        {
            **_id_tables(segments, renumbered),
            "sample": np.unique(np.concatenate([s.tables["sample"] for s in segments])),
        },
    )
    path = target / DOCUMENTS
    files = {**written.files, DOCUMENTS: (path.stat().st_size, disk.digest_of(path))}
    disk.sync_folder(target)
    return SegmentEntry(
        name=name,
        documents=documents,
        passages=len(lengths),
        words=int(lengths.sum(dtype=np.int64)),
        postings=written.postings,
        terms=written.terms,
        files=files,
    )


def _renumbered(segments: Sequence[Segment]) -> list[NDArray[np.int32]]:
    """Per segment the new number of each passage, -1 for those that are deleted."""
    renumbered = []
    base = 0
    for segment in segments:
        live = ~segment.is_deleted(np.arange(segment.entry.passages))
        numbers = np.cumsum(live, dtype=np.int32) + np.int32(base - 1)
        numbers[~live] = -1
        renumbered.append(numbers)
        base += int(live.sum())
    return renumbered


def _id_tables(
    segments: Sequence[Segment], renumbered: Sequence[NDArray[np.int32]]
) -> dict[str, NDArray[np.uint32]]:
    """Hashes of the ids of live documents, in order, and their first passages."""
    hashes = np.concatenate([segment.tables["id_hashes"] for segment in segments])
    firsts = np.concatenate(
        [numbers[s.first_passages] for s, numbers in zip(segments, renumbered, strict=True)]
    )
    hashes, firsts = hashes[firsts >= 0], firsts[firsts >= 0]
    order = np.argsort(hashes, kind="stable")
    return {"id_hashes": hashes[order], "id_passages": firsts[order].astype(np.uint32)}


def _merge_documents(
    path: Path, segments: Sequence[Segment], renumbered: Sequence[NDArray[np.int32]]
) -> int:
    writer = DocumentsWriter(path)
    numbers: dict[str, int] = {}
    sources = {}
    passages = documents = 0
    try:
        for segment, mapping in zip(segments, renumbered, strict=True):
            own = {}
            for number, record in segment.documents.sources.items():
                own[number] = numbers.setdefault(record.path, len(numbers))
                sources[own[number]] = record
            for block in segment.documents.blocks():
                sizes, data = block.selected(mapping[block.firsts] >= 0)
                writer.add(passages, np.full(len(sizes), own.get(block.source, -1)), sizes, data)
                passages += int(sizes[:, PASSAGES].sum())
                documents += len(sizes)
        writer.finish(sources.items())
    except (IndexError, TypeError) as error:
        raise CorruptionError(f"cannot merge into {path}: {error}", hint=HINT) from error
    finally:
        writer.abandon()
    return documents


class _Stream:
    """The postings of a segment, renumbered, in order of terms, a bounded number at a time."""

    def __init__(self, segment: Segment, renumbered: NDArray[np.int32], piece: int) -> None:
        self._renumbered = renumbered
        self._pieces = segment.pieces(piece)
        self.exhausted = False
        self.packed = np.zeros(0, np.uint64)
        self.frequencies = np.zeros(0, np.uint32)

    def fill(self) -> None:
        """Read on if nothing is at hand; `exhausted` when nothing is left on disk either."""
        while not len(self.packed) and not self.exhausted:
            piece = next(self._pieces, None)
            if piece is None:
                self.exhausted = True
                return
            packed, frequencies = piece
            numbers = self._renumbered[(packed & np.uint64(0xFFFFFFFF)).astype(np.int64)]
            live = numbers >= 0
            terms = packed & np.uint64(0xFFFFFFFF00000000)
            self.packed = terms[live] | numbers[live].astype(np.uint64)
            self.frequencies = frequencies[live]

    @property
    def first(self) -> int:
        """The next term at hand."""
        return int(self.packed[0]) >> 32

    def count(self, limit: int) -> int:
        """How many postings at hand are of terms up to `limit`."""
        if limit >= 0xFFFFFFFF:
            return len(self.packed)
        return int(np.searchsorted(self.packed, np.uint64((limit + 1) << 32)))

    def take(self, limit: int | None) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
        """What is at hand of terms up to `limit`."""
        end = len(self.packed) if limit is None else self.count(limit)
        piece = self.packed[:end], self.frequencies[:end]
        self.packed, self.frequencies = self.packed[end:], self.frequencies[end:]
        return piece


def _within(streams: Sequence[_Stream], limit: int | None) -> int | None:
    """The last term up to `limit` with which a piece is not too large; at least the next one."""

    def count(term: int) -> int:
        return sum(stream.count(term) for stream in streams)

    least = min((s.first for s in streams if len(s.packed)), default=0)
    most = 0xFFFFFFFF if limit is None else limit
    if count(most) <= _PIECE:
        return limit
    while least < most:
        middle = (least + most + 1) // 2
        least, most = (middle, most) if count(middle) <= _PIECE else (least, middle - 1)
    return least


def _in_order(
    packed: NDArray[np.uint64], frequencies: NDArray[np.uint32]
) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
    # One term of all segments is in order already, and may have as many postings as passages.
    if (packed[1:] > packed[:-1]).all():
        return packed, frequencies
    order = np.argsort(packed, kind="stable")
    return packed[order], frequencies[order]


def _merged(
    segments: Sequence[Segment], renumbered: Sequence[NDArray[np.int32]]
) -> Iterator[Piece]:
    piece = _PIECE // len(segments) + 1
    streams = [_Stream(s, n, piece) for s, n in zip(segments, renumbered, strict=True)]
    while True:
        for stream in streams:
            stream.fill()
        # A term is complete once every stream that has more to read has read past it; a block of
        # the directory never splits a term.
        limits = [int(s.packed[-1]) >> 32 for s in streams if not s.exhausted]
        limit = min(limits) if limits else None
        if limit == 0xFFFFFFFF:
            limit = None
        limit = _within(streams, limit)
        pieces = [stream.take(limit) for stream in streams]
        packed = np.concatenate([p for p, _ in pieces])
        if len(packed):
            yield partial(_in_order, packed, np.concatenate([f for _, f in pieces]))
        elif limit is None:
            return
