"""A segment as readers see it: immutable files, memory-mapped."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frugally.ask.index.documents import NAME as DOCUMENTS
from frugally.ask.index.documents import DocumentStore
from frugally.ask.index.manifest import SegmentEntry
from frugally.ask.index.postings import POSTINGS, TABLES, TERMS, doc_bits
from frugally.errors import CorruptionError
from frugally.files import disk
from frugally.files.tensors import map_bytes, map_tensors

# Files up to this size are compared with their checksums when a segment is opened.
_CHECK_UP_TO = 1 << 24


def _check_file(path: Path, size: int, digest: str) -> None:
    try:
        found = path.stat().st_size
        right = found == size and (size > _CHECK_UP_TO or disk.digest_of(path) == digest)
    except OSError as error:
        reason = error.strerror or error
        raise CorruptionError(f"cannot read {path}: {reason}", hint=HINT) from error
    if found != size:
        raise CorruptionError(f"{path} should have {size:,} bytes; found {found:,}", hint=HINT)
    if not right:
        raise CorruptionError(f"{path} is damaged: its checksum does not match", hint=HINT)


class Segment:
    """The postings, lengths and documents of one segment.

    Raises:
        CorruptionError: a file is missing, has another size, or (small files) another checksum.
    """

    def __init__(self, folder: Path, entry: SegmentEntry) -> None:
        self.entry = entry
        self.folder = folder / entry.name
        for name, (size, digest) in entry.files.items():
            _check_file(self.folder / name, size, digest)
        self.postings = map_bytes(self.folder / POSTINGS)
        self.directory = map_bytes(self.folder / TERMS)
        self.tables = map_tensors(self.folder / TABLES)
        # Opened now: a writer may merge the segment away while this commit is still read.
        self.documents = DocumentStore(self.folder / DOCUMENTS, entry.passages)
        self.bits = doc_bits(entry.passages)
        self.deleted = np.zeros(0, np.uint8)
        if entry.tombstones:
            self.deleted = map_bytes(self.folder / entry.tombstones)
        self._check_tables()

    @property
    def lengths(self) -> NDArray[Any]:
        """The length of each passage in words."""
        return self.tables["lengths"]

    def _check_tables(self) -> None:
        """Check what the kernels rely on, but not the numbers in it: they check those."""
        for names, dtypes in _LAYOUT:
            tables = [self.tables[name] for name in names if name in self.tables]
            right = len({len(t) for t in tables if t.ndim}) == 1 and len(tables) == len(names)
            if not right or any(
                t.ndim != 1 or t.dtype.str not in dtypes or not t.flags.aligned for t in tables
            ):
                raise CorruptionError(f"{self.folder / TABLES} is damaged", hint=HINT)
        if len(self.lengths) != self.entry.passages:
            raise CorruptionError(
                f"{self.folder / TABLES} does not belong to this segment", hint=HINT
            )

    def look_up(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """Per term hash a row: hash, passages, bytes, inline payload, position, first skip.

        Raises:
            CorruptionError: the directory is damaged.
        """
        from frugally.ask.search.kernels import look_up

        found = np.empty((len(keys), 6), np.int64)
        if look_up(keys, self.directory, *self.blocks, self.bits, found) < 0:
            raise CorruptionError(f"{self.folder / TERMS} is damaged", hint=HINT)
        return found

    @cached_property
    def blocks(self) -> tuple[NDArray[Any], ...]:
        """The tables of the directory's blocks: first hash, position, postings, skips."""
        names = ("block_keys", "block_positions", "block_postings", "block_skips")
        return tuple(self.tables[name] for name in names)

    def postings_of(self, row: NDArray[np.int64]) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """All passages that have a term, and how often, from its row of `look_up`."""
        from frugally.ask.search.kernels import unpack_list

        docs, tfs = np.empty(int(row[1]), np.uint32), np.empty(int(row[1]), np.uint32)
        if row[1] and unpack_list(row, self.postings, self.bits, docs, tfs) < 0:
            raise CorruptionError(f"{self.folder / POSTINGS} is damaged", hint=HINT)
        return docs, tfs

    def pieces(
        self, size: int = 1 << 21
    ) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.uint32]]]:
        """All postings in order of terms, as `term << 32 | passage` and frequencies.

        They come in pieces of about `size` (more where 256 neighbouring terms have more) that share
        no term.
        """
        from frugally.ask.search.kernels import unpack_blocks

        block, blocks, room = 0, len(self.blocks[0]), size
        last = np.zeros(0, np.uint64)
        while block < blocks:
            packed, frequencies = np.empty(room, np.uint64), np.empty(room, np.uint32)
            following, written = unpack_blocks(
                self.directory, *self.blocks, self.postings, self.bits, block, blocks,
                packed, frequencies,
            )  # fmt: skip
            if following < 0:
                raise CorruptionError(f"{self.folder} is damaged", hint=HINT)
            if following == block:
                room *= 2
                continue
            block, room = following, size
            packed, frequencies = packed[:written], frequencies[:written]
            passages = packed & np.uint64(0xFFFFFFFF)
            if (
                (packed[1:] <= packed[:-1]).any()
                or (packed[: len(last)] <= last).any()
                or passages.max(initial=0) >= self.entry.passages
                or not frequencies.all()
            ):
                raise CorruptionError(f"{self.folder} is damaged", hint=HINT)
            last = packed[-1:]
            yield packed, frequencies

    def is_deleted(self, passages: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of some passages are deleted.

        Raises:
            CorruptionError: there are no such passages.
        """
        beyond = passages.max(initial=0) >= self.entry.passages or passages.min(initial=0) < 0
        if beyond and len(passages):
            raise CorruptionError(f"{self.folder} is damaged", hint=HINT)
        if not len(self.deleted):
            return np.zeros(len(passages), bool)
        bits = self.deleted[passages >> 3] >> (passages & 7).astype(np.uint8) & 1
        return np.asarray(bits, bool)

    @cached_property
    def first_passages(self) -> NDArray[np.int64]:
        """First passages of all documents, in the order of the hashes of their ids.

        Raises:
            CorruptionError: the table is damaged.
        """
        firsts = self.tables["id_passages"].astype(np.int64)
        if firsts.max(initial=-1) >= self.entry.passages:
            raise CorruptionError(f"{self.folder / TABLES} is damaged", hint=HINT)
        return firsts

    @cached_property
    def _firsts(self) -> NDArray[np.int64]:
        """First passages of all documents, in order, and the number of passages after the last."""
        firsts = np.sort(self.first_passages)
        return np.append(firsts, self.entry.passages)

    def documents_within(self, first: int, end: int) -> NDArray[np.int64]:
        """First passages of the documents that begin from passage `first` on and before `end`."""
        low, high = np.searchsorted(self._firsts[:-1], (first, end))
        return self._firsts[low:high]

    def passages_of(self, firsts: NDArray[np.int64]) -> NDArray[np.int64]:
        """All passages of the documents that begin at some passages, in their order."""
        counts = self._firsts[np.searchsorted(self._firsts, firsts, "right")] - firsts
        starts = np.repeat(firsts - (np.cumsum(counts) - counts), counts)
        return starts + np.arange(len(starts))

    def starting_at(self, name_hashes: NDArray[np.uint32]) -> NDArray[np.int64]:
        """First passages of the documents whose id has one of these hashes."""
        hashes, rows = self.tables["id_hashes"], self.first_passages
        low = np.searchsorted(hashes, name_hashes, "left")
        high = np.searchsorted(hashes, name_hashes, "right")
        counts = high - low
        places = np.repeat(low - (np.cumsum(counts) - counts), counts)
        return rows[places + np.arange(len(places))]

    def verify(self) -> list[str]:
        """What is wrong with the files of this segment; empty if nothing is."""
        return [
            f"{self.folder / name}: checksum does not match"
            for name, (_, digest) in self.entry.files.items()
            if disk.digest_of(self.folder / name) != digest
        ]


# Tables that have an entry each for the same things, and the dtypes they may have.
_LAYOUT = (
    (("block_keys", "block_skips"), ("<u4",)),
    (("block_positions", "block_postings"), ("<u8",)),
    (("block_keys", "block_positions"), ("<u4", "<u8")),
    (("skip_last", "skip_position", "impact_ends"), ("<u4",)),
    (("impacts",), ("|u1",)),
    (("lengths",), ("<u2", "<u4")),
    (("id_hashes", "id_passages"), ("<u4",)),
    (("sample",), ("<u8",)),
)

HINT = "restore it from a backup, or index the files again"
