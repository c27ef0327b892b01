"""From sorted occurrences to the posting files of a segment, in pieces of bounded memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frugally.files.disk import NewFile
from frugally.files.tensors import save_tensors

POSTINGS, TERMS, TABLES = "postings.bin", "terms.bin", "tables.safetensors"

_PIECE = 1 << 20  # occurrences packed at a time

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


Piece = tuple[NDArray[np.uint64], NDArray[np.uint32]]


def split_by_term(packed: NDArray[np.uint64]) -> Iterable[Piece]:
    """Cut sorted occurrences into pieces that share no term; every one counts once."""
    no_frequencies = np.zeros(0, np.uint32)
    start = 0
    while start < len(packed):
        end = min(start + _PIECE, len(packed))
        if end < len(packed):
            following = ((packed[end] >> np.uint64(32)) + np.uint64(1)) << np.uint64(32)
            end = start + int(np.searchsorted(packed[start:], following))
        yield packed[start:end], no_frequencies
        start = end


def write_postings(
    folder: Path,
    pieces: Iterable[Piece],
    lengths: NDArray[np.int64],
    more_tables: dict[str, NDArray[Any]],
) -> Packed:
    """Write `postings.bin`, `terms.bin` and `tables.safetensors` of a segment.

    `pieces` are (occurrences, frequencies) in order, no term in two of them; `lengths` are the
    passages' lengths in words; `more_tables` are stored beside the tables of the postings.
    """
    from frugally.ask.index.kernels import BLOCK, PADDING, TERM_BLOCK, pack_directory, pack_postings

    bits = doc_bits(len(lengths))
    codes = length_codes(lengths)
    blocks: list[tuple[int, int, int, int]] = []
    skip_parts: list[tuple[NDArray[Any], ...]] = []
    waiting = np.zeros((0, 4), np.uint32)
    n_postings = n_terms = n_impacts = 0
    list_start = list_skips = 0
    out = np.zeros(0, np.uint8)
    block_bytes = np.zeros(4096 + TERM_BLOCK * 16, np.uint8)
    with NewFile(folder / POSTINGS) as postings, NewFile(folder / TERMS) as directory:

        def flush(rows: NDArray[np.uint32]) -> None:
            """Write one block of the directory."""
            nonlocal list_start, list_skips
            block_bytes[:] = 0
            size = pack_directory(rows, 0, bits, block_bytes)
            blocks.append((int(rows[0, 0]), directory.size, list_start, list_skips))
            directory.write(block_bytes[:size].tobytes())
            list_start += int(rows[:, 2].sum(dtype=np.int64))
            long = rows[:, 1][rows[:, 1] > BLOCK].astype(np.int64)
            list_skips += int(((long + BLOCK - 1) // BLOCK).sum())

        for packed, frequencies in pieces:
            count = len(packed)
            if len(out) < 9 * count + 64:
                out = np.zeros(9 * count + 64, np.uint8)
            terms = np.empty((count, 4), np.uint32)
            room = count // BLOCK + 2
            last, position, ends = (np.empty(room, np.uint32) for _ in range(3))
            impacts = np.empty(2 * count + 2, np.uint8)
            used_terms, used, used_skips, used_impacts = pack_postings(
                packed, frequencies, bits, codes, out, terms,
                last, position, impacts, ends, n_impacts,
            )  # fmt: skip
            postings.write(out[:used].tobytes())
            out[:used] = 0
            skip_parts.append(
                (last[:used_skips].copy(), position[:used_skips].copy(), ends[:used_skips].copy(),
                 impacts[:used_impacts].copy())
            )  # fmt: skip
            n_terms += used_terms
            n_impacts += used_impacts
            n_postings += int(terms[:used_terms, 1].sum(dtype=np.int64))
            waiting = np.concatenate([waiting, terms[:used_terms]])
            full = len(waiting) - len(waiting) % TERM_BLOCK
            for i in range(0, full, TERM_BLOCK):
                flush(waiting[i : i + TERM_BLOCK])
            waiting = waiting[full:].copy()
        if len(waiting):
            flush(waiting)
        postings.write(bytes(PADDING))
        directory.write(bytes(PADDING))
    columns = np.array(blocks, np.uint64).reshape(-1, 4)
    kinds = (np.uint32, np.uint32, np.uint32, np.uint8)
    joined = [
        np.concatenate([part[i] for part in skip_parts]) if skip_parts else np.zeros(0, kind)
        for i, kind in enumerate(kinds)
    ]
    small = lengths.max(initial=0) < 1 << 16
    with NewFile(folder / TABLES) as tables:
        save_tensors(
            tables,
            {
                "block_keys": columns[:, 0].astype(np.uint32),
                "block_positions": columns[:, 1],
                "block_postings": columns[:, 2],
                "block_skips": columns[:, 3].astype(np.uint32),
                "skip_last": joined[0],
                "skip_position": joined[1],
                "impact_ends": joined[2],
                "impacts": joined[3],
                "lengths": lengths.astype(np.uint16 if small else np.uint32),
                **more_tables,
            },
        )
    files = {
        file.path.name: (file.size, file.digest) for file in (postings, directory, tables)
    }
    return Packed(n_postings, n_terms, files)
