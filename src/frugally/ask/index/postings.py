"""From sorted occurrences to the posting files of a segment, in pieces of bounded memory."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frugally.ask.index.layout import BLOCK, PADDING, TERM_BLOCK
from frugally.files.disk import NewFile
from frugally.files.tensors import save_tensors

POSTINGS, TERMS, TABLES = "postings.bin", "terms.bin", "tables.safetensors"

# Lengths are stored exactly; the bounds of blocks use one of 256 codes, rounded down.
LENGTH_FLOORS = np.concatenate(
    [np.arange(64), np.floor(64 * 1.045 ** np.arange(192))]
).astype(np.int64)  # fmt: skip


def length_codes(lengths: NDArray[Any]) -> NDArray[np.uint8]:
    """The code of each length in words: the last floor that is not above it."""
    return (np.searchsorted(LENGTH_FLOORS, lengths, side="right") - 1).astype(np.uint8)


def doc_bits(passages: int) -> int:
    """Bits that the number of a passage takes."""
    return max(1, (passages - 1).bit_length())


@dataclass(frozen=True, slots=True)
class Packed:
    """What was written: how many postings and distinct terms, and size and digest of each file."""

    postings: int
    terms: int
    files: dict[str, tuple[int, str]]


Piece = Callable[[], tuple[NDArray[np.uint64], NDArray[np.uint32]]]
"""Gives occurrences (`term << 32 | passage`, sorted) and how much each counts; none: once."""


@dataclass(frozen=True, slots=True)
class _PackedPiece:
    """A piece as `pack_postings` leaves it; `impact_ends` count from its own first impact."""

    terms: NDArray[np.uint32]
    postings: bytes
    skip_last: NDArray[np.uint32]
    skip_position: NDArray[np.uint32]
    impacts: NDArray[np.uint8]
    impact_ends: NDArray[np.uint32]


class _Packer:
    """Packs pieces of a segment, in memory that each thread has once for all of them."""

    def __init__(self, bits: int, codes: NDArray[np.uint8]) -> None:
        self._bits = bits
        self._codes = codes
        self._local = threading.local()

    def pack(self, piece: Piece) -> _PackedPiece:
        """One piece."""
        from frugally.ask.index.kernels import pack_postings

        packed, frequencies = piece()
        out, terms, last, position, ends, impacts = self._room(len(packed))
        n_terms, n_bytes, n_skips, n_impacts = pack_postings(
            packed, frequencies, self._bits, self._codes, out, terms, last, position, impacts, ends
        )
        return _PackedPiece(
            terms[:n_terms].copy(), out[:n_bytes].tobytes(), last[:n_skips].copy(),
            position[:n_skips].copy(), impacts[:n_impacts].copy(), ends[:n_skips].copy(),
        )  # fmt: skip

    def _room(self, count: int) -> list[NDArray[Any]]:
        """Bytes, terms, three tables of skips and impacts for so many occurrences."""
        room = 2 * count // BLOCK + 1  # lists of BLOCK + 1 passages have two skips each
        wanted: list[tuple[type, tuple[int, ...]]] = [
            (np.uint32, (count, 4)), (np.uint32, (room,)), (np.uint32, (room,)),
            (np.uint32, (room,)), (np.uint8, (9 * count + 64,)), (np.uint8, (2 * count + 2,)),
        ]  # fmt: skip
        sizes = [np.dtype(dtype).itemsize * math.prod(shape) for dtype, shape in wanted]
        slab: NDArray[np.uint8] | None = getattr(self._local, "slab", None)
        if slab is None or len(slab) < sum(sizes):
            slab = self._local.slab = np.empty(sum(sizes), np.uint8)
        ends = np.cumsum(sizes).tolist()
        parts: list[NDArray[Any]] = [
            slab[end - size : end].view(dtype).reshape(shape)
            for (dtype, shape), size, end in zip(wanted, sizes, ends, strict=True)
        ]
        terms, last, position, skip_ends, out, impacts = parts
        return [out, terms, last, position, skip_ends, impacts]


class _Directory:
    """Writes the directory of terms, block by block, and keeps the table of the blocks."""

    def __init__(self, file: NewFile, bits: int) -> None:
        self._file = file
        self._bits = bits
        self._waiting = np.zeros((0, 4), np.uint32)
        self._lists = self._skips = 0
        self._blocks: list[NDArray[np.int64]] = []

    def add(self, terms: NDArray[np.uint32], *, last: bool = False) -> None:
        """Take in rows of terms; all but the last block of the directory are full."""
        from frugally.ask.index.kernels import pack_directory

        rows = np.concatenate([self._waiting, terms])
        full = len(rows) if last else len(rows) - len(rows) % TERM_BLOCK
        self._waiting = rows[full:].copy()
        if not full:
            return
        rows = rows[:full]
        blocks = np.zeros((-(-full // TERM_BLOCK) + 1, 4), np.int64)
        out = np.zeros(16 * full + 16 * len(blocks), np.uint8)
        size = pack_directory(rows, self._bits, out, blocks)
        lists, skips = int(blocks[-1, 2]), int(blocks[-1, 3])
        blocks[:, 1:] += (self._file.size, self._lists, self._skips)
        self._blocks.append(blocks[:-1])
        self._file.write(out[:size].tobytes())
        self._lists += lists
        self._skips += skips

    def tables(self) -> dict[str, NDArray[Any]]:
        """First hash, position, postings and skips of each block."""
        columns = np.concatenate([np.zeros((0, 4), np.int64), *self._blocks])
        return {
            "block_keys": columns[:, 0].astype(np.uint32),
            "block_positions": columns[:, 1].astype(np.uint64),
            "block_postings": columns[:, 2].astype(np.uint64),
            "block_skips": columns[:, 3].astype(np.uint32),
        }


def write_postings(
    folder: Path,
    pieces: Iterable[Piece],
    lengths: NDArray[Any],
    more_tables: dict[str, NDArray[Any]],
) -> Packed:
    """Write `postings.bin`, `terms.bin` and `tables.safetensors` of a segment.

    `pieces` are in the order of their terms, no term in two of them, and called in a thread each;
    `lengths` are the passages' lengths in words; `more_tables` are stored beside the tables of the
    postings.
    """
    bits = doc_bits(len(lengths))
    codes = length_codes(lengths)
    skips: list[_PackedPiece] = []
    n_postings = n_terms = 0
    with (
        NewFile(folder / POSTINGS) as postings,
        NewFile(folder / TERMS) as terms,
        ThreadPoolExecutor(2, "pack") as pool,
    ):
        directory = _Directory(terms, bits)
        for piece in _in_order(pool, _Packer(bits, codes).pack, pieces):
            postings.write(piece.postings)
            directory.add(piece.terms)
            n_terms += len(piece.terms)
            n_postings += int(piece.terms[:, 1].sum(dtype=np.int64))
            # Not a slice of the terms: it would keep all of them.
            skips.append(replace(piece, postings=b"", terms=np.zeros((0, 4), np.uint32)))
        directory.add(np.zeros((0, 4), np.uint32), last=True)
        postings.write(bytes(PADDING))
        terms.write(bytes(PADDING))
    sizes = np.cumsum([0, *(len(piece.impacts) for piece in skips)])
    impact_ends = [
        (piece.impact_ends + size).astype(np.uint32)
        for piece, size in zip(skips, sizes, strict=False)
    ]
    small = lengths.max(initial=0) < 1 << 16
    with NewFile(folder / TABLES) as tables:
        save_tensors(
            tables,
            {
                **directory.tables(),
                "skip_last": _joined([p.skip_last for p in skips], np.uint32),
                "skip_position": _joined([p.skip_position for p in skips], np.uint32),
                "impacts": _joined([p.impacts for p in skips], np.uint8),
                "impact_ends": _joined(impact_ends, np.uint32),
                "lengths": lengths.astype(np.uint16 if small else np.uint32),
                **more_tables,
            },
        )
    files = {f.path.name: (f.size, f.digest) for f in (postings, terms, tables)}
    return Packed(n_postings, n_terms, files)


def _joined(parts: list[NDArray[Any]], dtype: type) -> NDArray[Any]:
    return np.concatenate([np.zeros(0, dtype), *parts])


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[[Piece], _PackedPiece], pieces: Iterable[Piece]
) -> Iterator[_PackedPiece]:
    """Results in the order of the pieces, a few being worked on at a time."""
    pending: deque[Future[_PackedPiece]] = deque()
    for piece in pieces:
        pending.append(pool.submit(work, piece))
        if len(pending) > 2:
            yield pending.popleft().result()
    while pending:
        yield pending.popleft().result()
