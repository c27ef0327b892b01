"""Deleting documents: bitmaps of dead passages beside segments that never change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from frugally.ask.index.manifest import SegmentEntry
from frugally.ask.index.segment import Segment
from frugally.files import disk


class Deletions:
    """Passages to be marked deleted, per segment."""

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._segments = segments
        self._dead = [s.is_deleted(np.arange(s.entry.passages)) for s in segments]
        self.documents = 0

    def _mark(self, i: int, firsts: NDArray[np.int64]) -> None:
        """Mark the documents of segment i that begin at some passages, each once."""
        dead = self._dead[i]
        self.documents += int((~dead[firsts]).sum())
        dead[self._segments[i].passages_of(firsts)] = True

    def add_source(self, path: str, *, segments: range | None = None) -> int:
        """Mark the documents of a source; returns how many were alive."""
        before = self.documents
        for i, number in self._places_of_sources.get(path, ()):
            if segments is None or i in segments:
                segment = self._segments[i]
                for first, end in segment.documents.of_source(number):
                    self._mark(i, segment.documents_within(first, end))
        return self.documents - before

    @cached_property
    def _places_of_sources(self) -> dict[str, list[tuple[int, int]]]:
        """Per path, segments and the numbers it has there; there may be many paths to mark."""
        places: dict[str, list[tuple[int, int]]] = {}
        for i, segment in enumerate(self._segments):
            for number, record in segment.documents.sources.items():
                places.setdefault(record.path, []).append((i, number))
        return places

    def add_id(self, name: str) -> int:
        """Mark the document with an id; returns how many were alive."""
        from frugally.ask.index.writer import hash_ids

        before = self.documents
        name = name.encode("utf-8", "replace").decode()  # as it is stored
        for i, segment in enumerate(self._segments):
            self._mark_named(i, segment.starting_at(hash_ids([name])), {name})
        return self.documents - before

    def add_superseded(self, old: int) -> int:
        """Mark documents whose id came again from segment `old` on; returns how many."""
        before = self.documents
        for j in range(old, len(self._segments)):
            newer = self._segments[j]
            hashes = newer.tables["id_hashes"]
            for i in range(j):
                older = self._segments[i]
                living = older.tables["id_hashes"][~self._dead[i][older.first_passages]]
                candidates = _common(hashes, living)
                names = set(newer.documents.ids_at(newer.starting_at(candidates)))
                self._mark_named(i, older.starting_at(candidates), names)
            repeated = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
            firsts = np.sort(newer.starting_at(repeated))
            ids = newer.documents.ids_at(firsts)
            last = {name: place for place, name in enumerate(ids)}
            earlier = [place for place, name in enumerate(ids) if last[name] != place]
            self._mark(j, firsts[earlier])
        return self.documents - before

    def _mark_named(self, i: int, firsts: NDArray[np.int64], names: set[str]) -> None:
        ids = self._segments[i].documents.ids_at(firsts)
        self._mark(i, firsts[[place for place, name in enumerate(ids) if name in names]])

    def write(self, commit: int) -> list[SegmentEntry]:
        """Write the tombstone files that have changed; returns all entries as they are now."""
        entries = []
        for segment, dead in zip(self._segments, self._dead, strict=True):
            entry = segment.entry
            deleted = int(dead.sum())
            if deleted != entry.deleted:
                name = f"tombstones-{commit:06d}.bin"
                with disk.NewFile(segment.folder / name) as file:
                    file.write(np.packbits(dead, bitorder="little").tobytes())
                disk.sync_folder(segment.folder)
                files = {n: f for n, f in entry.files.items() if n != entry.tombstones}
                files[name] = (file.size, file.digest)
                entry = replace(entry, files=files, tombstones=name, deleted=deleted)
            entries.append(entry)
        return entries


def _common(some: NDArray[np.uint32], others: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """What two sorted arrays have in common, each once."""
    if not len(some):
        return some
    places = np.minimum(np.searchsorted(some, others), len(some) - 1)
    common: NDArray[np.uint32] = np.unique(others[some[places] == others])
    return common
