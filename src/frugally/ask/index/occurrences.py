"""The occurrences of terms in a segment being made, four bytes each, until they are packed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from frugally.ask.index.layout import GROUP_BITS
from frugally.ask.index.postings import Piece

_GROUP = 1 << GROUP_BITS  # passages
_TERM_BITS = 32 - GROUP_BITS
_SLAB = 1 << 24  # occurrences
_PIECE = 1 << 20  # occurrences packed at a time, or those of one part


class Occurrences:
    """Occurrences of terms of `bits` bits, in the order of passages.

    Passages come in groups. In a group, occurrences are sorted into parts by the high bits of their
    term; the low bits and the passage's number in the group make a number of 32 bits.
    """

    def __init__(self, bits: int) -> None:
        self._counts = np.zeros(1 << max(0, bits - _TERM_BITS), np.int64)
        self._groups: list[tuple[int, NDArray[np.uint32], NDArray[np.uint32]]] = []
        self._slab = np.empty(0, np.uint32)
        self._used = 0
        self._local = threading.local()

    def add(self, packed: NDArray[np.uint64], first: int, passages: int) -> None:
        """Take in `term << 32 | passage` of the passages from `first` on, in their order."""
        from frugally.ask.index.kernels import partition

        starts = np.arange(first, first + passages, _GROUP)
        cuts = [0, len(packed)]
        if passages > _GROUP:
            cuts[1:1] = np.searchsorted(packed & np.uint64(0xFFFFFFFF), starts[1:]).tolist()
        for number, start, end in zip(starts.tolist(), cuts, cuts[1:], strict=False):
            values = self._room(end - start)
            ends = np.zeros(len(self._counts), np.uint32)
            partition(packed[start:end], number, values, ends)
            self._counts += np.diff(ends, prepend=np.uint32(0))
            self._groups.append((number, values, ends))

    def _room(self, count: int) -> NDArray[np.uint32]:
        """Memory for some occurrences, from slabs large enough to be given back when they go."""
        if self._used + count > len(self._slab):
            self._slab, self._used = np.empty(max(_SLAB, count), np.uint32), 0
        self._used += count
        return self._slab[self._used - count : self._used]

    def pieces(self) -> Iterator[Piece]:
        """All occurrences in order of terms and passages, in pieces that share no term.

        What a piece gives is good until its thread calls for the next one.
        """
        whole = np.cumsum(self._counts)
        part = 0
        while part < len(whole):
            before = int(whole[part - 1]) if part else 0
            following = max(part + 1, int(np.searchsorted(whole, before + _PIECE, "right")))
            yield partial(self._piece, part, following)
            part = following

    def _piece(self, part: int, following: int) -> tuple[NDArray[np.uint64], NDArray[np.uint32]]:
        from frugally.ask.index.kernels import gather

        count = int(self._counts[part:following].sum())
        room: NDArray[np.uint64] | None = getattr(self._local, "room", None)
        if room is None or len(room) < count:
            room = self._local.room = np.empty(max(count, 4 * _PIECE), np.uint64)
        packed = room[:count]
        at = 0
        for first, values, ends in self._groups:
            at = gather(values, ends, part, following, first, packed, at)
        packed.sort()
        return packed, np.zeros(0, np.uint32)
