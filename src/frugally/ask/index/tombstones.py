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

    def _mark(self, i: int, first: int, end: int) -> None:
        """Mark passages `first` to `end` of segment i: all passages of some documents."""
        dead = self._dead[i]
        self.documents += int((~dead[self._segments[i].documents_within(first, end)]).sum())
        dead[first:end] = True

    def add_source(self, path: str, *, segments: range | None = None) -> int:
        """Mark the documents of a source; returns how many were alive."""
        before = self.documents
        for i, number in self._places_of_sources.get(path, ()):
            if segments is None or i in segments:
                for first, end in self._segments[i].documents.of_source(number):
                    self._mark(i, first, end)
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
            for first in segment.starting_at(hash_ids([name])).tolist():
                if segment.documents.id_at(first) == name:
                    self._mark(i, first, segment.end_of_document(first))
        return self.documents - before

    def add_superseded(self, old: int) -> int:
        """Mark documents whose id came again from segment `old` on; returns how many."""
        before = self.documents
        for j in range(old, len(self._segments)):
            newer = self._segments[j]
            hashes = newer.tables["id_hashes"]
            for i in range(j):
                candidates = np.intersect1d(hashes, self._segments[i].tables["id_hashes"])
                names = {newer.documents.id_at(f) for f in newer.starting_at(candidates).tolist()}
                self._mark_named(i, self._segments[i].starting_at(candidates), names)
            repeated = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
            last: dict[str, int] = {}
            firsts = sorted(newer.starting_at(repeated).tolist())
            for first in firsts:
                last[newer.documents.id_at(first)] = first
            for first in firsts:
                if last[newer.documents.id_at(first)] != first:
                    self._mark(j, first, newer.end_of_document(first))
        return self.documents - before

    def _mark_named(self, i: int, firsts: NDArray[np.int64], names: set[str]) -> None:
        for first in firsts.tolist():
            if self._segments[i].documents.id_at(first) in names:
                self._mark(i, first, self._segments[i].end_of_document(first))

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
