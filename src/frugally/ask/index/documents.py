"""The texts and metadata of a segment: an SQLite file, written once, then immutable."""

from __future__ import annotations

import json
import operator
import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from frugally.ask.document import Cue, Document, Passage
from frugally.errors import CorruptionError, FrugallyError
from frugally.files import disk

NAME = "documents.sqlite"

# Shorter texts gain less from being compressed than it costs to do it.
_COMPRESS_FROM = 2048

_SCHEMA = """
CREATE TABLE documents (
    passage INTEGER PRIMARY KEY,  -- number of its first passage in the segment
    id TEXT NOT NULL,
    title TEXT NOT NULL,
    url TEXT NOT NULL,
    source INTEGER NOT NULL,
    text NOT NULL,                -- TEXT, or a BLOB of zlib over UTF-8
    details TEXT                  -- JSON: passages, pages, cues, times; NULL: one passage, all text
);
CREATE TABLE sources (
    number INTEGER PRIMARY KEY, path TEXT NOT NULL, size INTEGER NOT NULL,
    modified INTEGER NOT NULL, sha256 TEXT NOT NULL
);
"""

_SELECT = "SELECT passage, id, title, url, source, text, details FROM documents"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecord:
    """A file that documents came from, as it was: bytes, time of change in ns, SHA-256."""

    path: str
    size: int
    modified: int
    sha256: str


Row = tuple[int, str, str, str, int, str | bytes, str | None]


def make_row(document: Document, passages: Sequence[Passage], source: int, number: int) -> Row:
    """The row of a document whose first passage has this number."""
    text = document.text
    name, title, url = document.id, document.title, document.url
    stored: str | bytes = text
    # Most documents are short and clean; the rest is told apart by the cheapest tests.
    if len(text) >= _COMPRESS_FROM or not _storable(text):
        stored = zlib.compress(text.encode("utf-8", "replace"), 6)
    if not (_storable(name) and _storable(title) and _storable(url)):
        name, title, url = (s.encode("utf-8", "replace").decode() for s in (name, title, url))
    details = None
    if len(passages) != 1 or document.pages or document.cues or passages[0].end != len(text):
        details = json.dumps(
            {
                "passages": [(p.start, p.end) for p in passages],
                "pages": document.pages,
                "cues": [(c.start, c.end, c.begins, c.ends) for c in document.cues],
                "times": [(p.begins, p.ends) for p in passages] if document.cues else None,
            },
            separators=(",", ":"),
        )
    elif passages[0].start:
        details = json.dumps({"passages": [(passages[0].start, passages[0].end)]})
    return number, name, title, url, source, stored, details


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
                "PRAGMA page_size=16384; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
                "PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-8000;" + _SCHEMA + "BEGIN;"
            )

    def add(self, rows: Iterable[Row]) -> None:
        """Insert documents."""
        with _explained(self.path):
            self._database.executemany("INSERT INTO documents VALUES (?,?,?,?,?,?,?)", rows)

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
    """Reads the SQLite file of a segment."""

    def __init__(self, path: Path) -> None:
        self._path = path
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
        rows = self._query(f"{_SELECT} WHERE passage <= ? ORDER BY passage DESC LIMIT 1", passage)
        if not rows:
            raise CorruptionError(f"{self._path} has no document with passage {passage}")
        stored = self._stored(rows[0])
        if passage - stored.first >= len(stored.passages):
            raise CorruptionError(f"{self._path} has no document with passage {passage}")
        return stored

    def all(self) -> Iterator[StoredDocument]:
        """Every document, in order."""
        for rows in self.raw():
            yield from map(self._stored, rows)

    def raw(self) -> Iterator[list[Row]]:
        """The rows of all documents as they are stored, some at a time."""
        try:
            cursor = self._database.execute(f"{_SELECT} ORDER BY passage")
            while rows := cursor.fetchmany(1 << 12):
                yield rows
        except (sqlite3.Error, UnicodeDecodeError) as error:
            raise CorruptionError(f"cannot read {self._path}: {error}") from error

    def id_at(self, passage: int) -> str:
        """The id of the document that begins at a passage."""
        rows = self._query("SELECT id FROM documents WHERE passage = ?", passage)
        if not rows:
            raise CorruptionError(f"{self._path} has no document at passage {passage}")
        return str(rows[0][0])

    def of_source(self, source: int) -> list[int]:
        """First passages of the documents of a source."""
        return self._by_source.get(source, [])

    @cached_property
    def _by_source(self) -> dict[int, list[int]]:
        """One pass over all, since there may be as many sources as documents."""
        found: dict[int, list[int]] = {}
        for source, first in self._query("SELECT source, passage FROM documents"):
            found.setdefault(source, []).append(first)
        return found

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def _stored(self, row: tuple[Any, ...]) -> StoredDocument:
        first, name, title, url, source, stored, more = row
        record = self._sources.get(source)
        try:
            text = stored if isinstance(stored, str) else zlib.decompress(stored).decode()
            if not all(isinstance(value, str) for value in (name, title, url)):
                raise TypeError("not text")
            details = json.loads(more) if more else {}
            bounds = details.get("passages", [(0, len(text))])
            times = details.get("times") or [(None, None)] * len(bounds)
            return StoredDocument(
                document=Document(
                    id=name,
                    text=text,
                    title=title,
                    url=url,
                    source=_shown(record.path) if record else "",
                    pages=tuple(details.get("pages", ())),
                    cues=tuple(
                        Cue(start=a, end=b, begins=c, ends=d)
                        for a, b, c, d in details.get("cues", ())
                    ),
                ),
                passages=tuple(
                    Passage(start=operator.index(a), end=operator.index(b), begins=c, ends=d)
                    for (a, b), (c, d) in zip(bounds, times, strict=True)
                ),
                first=first,
            )
        except (zlib.error, ValueError, TypeError, AttributeError) as error:
            raise CorruptionError(
                f"document {name!r} in {self._path} is damaged: {error}"
            ) from error
