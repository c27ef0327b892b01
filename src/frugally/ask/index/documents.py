"""The texts and metadata of a segment: an SQLite file, written once, then immutable."""

from __future__ import annotations

import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frugally.ask.document import Document, Passage
from frugally.ask.index.records import (
    PASSAGES,
    Block,
    Sizes,
    bytes_of,
    pack_block,
    read_record,
)
from frugally.errors import CorruptionError, FrugallyError
from frugally.files import disk

NAME = "documents.sqlite"
_SELECT = "SELECT passage, source, documents FROM blocks"

# Large enough for rows and half-filled pages to cost little, small enough to be read for one
# document.
_BLOCK_BYTES = 1 << 15

_SCHEMA = """
CREATE TABLE blocks (
    passage INTEGER PRIMARY KEY,  -- number of its first passage in the segment
    source INTEGER NOT NULL,      -- of all its documents; -1: none
    documents BLOB NOT NULL       -- as index/records.py packs them
);
CREATE TABLE sources (
    number INTEGER PRIMARY KEY, path TEXT NOT NULL, size INTEGER NOT NULL,
    modified INTEGER NOT NULL, sha256 TEXT NOT NULL
);
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecord:
    """A file that documents came from, as it was: bytes, time of change in ns, SHA-256."""

    path: str
    size: int
    modified: int
    sha256: str


def _storable(text: str) -> bool:
    """Whether it is without lone surrogates, which UTF-8 cannot hold."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(path: str) -> str:
    """A path that can be printed, whatever bytes are in it; as the sources name it."""
    return path if _storable(path) else os.fsencode(path).decode("utf-8", "backslashreplace")


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say what a failing write means to the user."""
    try:
        yield
    except sqlite3.IntegrityError as error:  # rows that a merge read from a damaged segment
        raise CorruptionError(f"cannot store in {path}: {error}") from error
    except sqlite3.Error as error:
        raise FrugallyError(
            f"cannot write {path}: {error}",
            hint="free some space and run the same command again; nothing stored was lost",
        ) from error


class DocumentsWriter:
    """Fills the SQLite file of a new segment."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with _explained(path):
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            # The file counts only once a manifest names it: SQLite's own journal would be waste.
            self._database.executescript(
                "PRAGMA page_size=4096; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
                "PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-8000;" + _SCHEMA + "BEGIN;"
            )

    def add(self, passage: int, sources: NDArray[np.int64], sizes: Sizes, data: bytes) -> None:
        """Insert documents: records end to end, the first one's first passage, source of each."""
        if not len(sizes):
            return
        ends = np.cumsum(bytes_of(sizes))
        passages = passage + np.cumsum(sizes[:, PASSAGES], dtype=np.int64)
        # A block ends where another source begins, or where it has enough.
        full = np.diff(ends // _BLOCK_BYTES) != 0
        cuts = np.flatnonzero(full | (np.diff(sources) != 0)) + 1
        view = memoryview(data)
        rows = []
        first = start = 0
        for last, end in zip(
            [*cuts.tolist(), len(sizes)], [*ends[cuts - 1].tolist(), len(data)], strict=True
        ):
            rows.append(
                (passage, int(sources[first]), pack_block(sizes[first:last], view[start:end]))
            )
            first, start, passage = last, end, int(passages[last - 1])
        with _explained(self.path):
            self._database.executemany("INSERT INTO blocks VALUES (?,?,?)", rows)

    def finish(self, sources: Iterable[tuple[int, SourceRecord]]) -> None:
        """Insert the sources and make the file durable."""
        with _explained(self.path):
            self._database.executemany(
                "INSERT INTO sources VALUES (?,?,?,?,?)",
                (
                    # Names of files are bytes: where they are not UTF-8, they are stored as such.
                    (n, s.path if _storable(s.path) else os.fsencode(s.path), s.size, s.modified,
                     s.sha256)
                    for n, s in sources
                ),
            )  # fmt: skip
            self._database.execute("COMMIT")
            self._database.close()
        disk.sync_file(self.path)

    def abandon(self) -> None:
        """Close without keeping anything."""
        self._database.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDocument:
    """A document as it lies in a segment, with the numbers of its passages."""

    document: Document
    passages: tuple[Passage, ...]
    first: int


class DocumentStore:
    """Reads the SQLite file of a segment of so many passages."""

    def __init__(self, path: Path, passages: int) -> None:
        self._path = path
        self._passages = passages
        quoted = path.resolve().as_uri()
        try:
            self._database = sqlite3.connect(
                f"{quoted}?mode=ro&immutable=1", uri=True, check_same_thread=False
            )
            self._sources = {
                n: SourceRecord(path=os.fsdecode(p), size=s, modified=m, sha256=h)
                for n, p, s, m, h in self._query("SELECT * FROM sources")
            }
        except (sqlite3.Error, TypeError) as error:
            raise CorruptionError(f"cannot read {path}: {error}") from error

    def __del__(self) -> None:
        # A connection and its cache of statements hold each other: its file would stay open until
        # the garbage collector comes by.
        if hasattr(self, "_database"):
            self._database.close()

    def _query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            return self._database.execute(sql, values).fetchall()
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise CorruptionError(f"cannot read {self._path}: {error}") from error

    @property
    def sources(self) -> dict[int, SourceRecord]:
        """The files that documents of this segment came from, by number."""
        return self._sources

    def holding(self, passage: int) -> StoredDocument:
        """The document that a passage belongs to."""
        block = self._block(passage)
        i = int(np.searchsorted(block.firsts, passage, "right")) - 1
        stored = self._stored(block, i)
        if not 0 <= passage - stored.first < len(stored.passages):
            raise CorruptionError(f"{self._path} has no document with passage {passage}")
        return stored

    def ids_at(self, firsts: NDArray[np.int64]) -> list[str]:
        """The ids of the documents that begin at some passages."""
        ids = [""] * len(firsts)
        order = np.argsort(firsts, kind="stable")
        firsts = firsts[order]
        done = 0
        while done < len(order):
            block = self._block(int(firsts[done]))
            inside = block.firsts
            end = max(done + 1, int(np.searchsorted(firsts, inside[-1], "right")))
            places, wanted = order[done:end], firsts[done:end]
            rows = np.searchsorted(inside, wanted)
            if rows[-1] == len(inside) or (inside[rows] != wanted).any():
                raise CorruptionError(f"{self._path} has no document at one of {wanted}")
            try:
                found = block.ids(rows)
            except ValueError as error:
                raise CorruptionError(f"{self._path} is damaged: {error}") from error
            for place, name in zip(places.tolist(), found, strict=True):
                ids[place] = name
            done = end
        return ids

    def all(self) -> Iterator[StoredDocument]:
        """Every document, in order."""
        for block in self.blocks():
            for i in range(len(block.sizes)):
                yield self._stored(block, i)

    def blocks(self) -> Iterator[Block]:
        """The documents as they are stored, some at a time."""
        try:
            for row in self._database.execute(f"{_SELECT} ORDER BY passage"):
                yield self._unpacked(row)
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise CorruptionError(f"cannot read {self._path}: {error}") from error

    def of_source(self, source: int) -> list[tuple[int, int]]:
        """The passages of the documents of a source, as ranges."""
        return self._by_source.get(source, [])

    @cached_property
    def _by_source(self) -> dict[int, list[tuple[int, int]]]:
        """One pass over all, since there may be as many sources as documents."""
        found: dict[int, list[tuple[int, int]]] = {}
        rows = self._query("SELECT source, passage FROM blocks ORDER BY passage")
        ends = [*(first for _, first in rows[1:]), self._passages]
        for (source, first), end in zip(rows, ends, strict=True):
            ranges = found.setdefault(source, [])
            begin = ranges.pop()[0] if ranges and ranges[-1][1] == first else first
            ranges.append((begin, end))
        return found

    def _block(self, passage: int) -> Block:
        """The block that a passage is in."""
        rows = self._query(f"{_SELECT} WHERE passage <= ? ORDER BY passage DESC LIMIT 1", passage)
        if not rows:
            raise CorruptionError(f"{self._path} has no document with passage {passage}")
        return self._unpacked(rows[0])

    def _unpacked(self, row: tuple[Any, ...]) -> Block:
        try:
            return Block.unpack(*row)
        except (ValueError, TypeError) as error:
            raise CorruptionError(f"{self._path} is damaged: {error}") from error

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _stored(self, block: Block, i: int) -> StoredDocument:
        record = self._sources.get(block.source)
        try:
            document, passages = read_record(
                *block.record(i), _shown(record.path) if record else ""
            )
        except (zlib.error, ValueError, TypeError, AttributeError) as error:
            raise CorruptionError(
                f"the document at passage {block.firsts[i]} in {self._path} is damaged: {error}"
            ) from error
        return StoredDocument(
            document=document, passages=tuple(passages), first=int(block.firsts[i])
        )
