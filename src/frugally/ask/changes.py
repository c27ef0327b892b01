"""Which files are new or have changed since they were added, and what is in them."""

from __future__ import annotations

import hashlib
import os
import stat
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from frugally.ask.batch import Batch
from frugally.ask.document import Document
from frugally.ask.index.documents import SourceRecord
from frugally.ask.sources import Problem, discover, read_batches, read_documents
from frugally.files import disk

Progress = Callable[[str, int], None]
"""Called with what is being read and how many documents there are so far."""

Item = tuple[Document | Batch, SourceRecord | None]

# The digest of a larger file is computed while it is read.
_LARGE = 1 << 20


@dataclass(slots=True)
class Changes:
    """Reads files, passing over those that are as they were when they were added.

    `known` are the files of the collection by path; those of `living` have documents in it. What
    came of it: `unchanged` files, `problems`, and by path the `whole` ones, read to their end, and
    `records` that replace those that were given out with their documents.
    """

    known: Mapping[str, SourceRecord]
    living: Mapping[str, SourceRecord]
    unchanged: int = 0
    documents: int = 0
    problems: list[Problem] = field(default_factory=list)
    whole: set[str] = field(default_factory=set)
    records: dict[str, SourceRecord] = field(default_factory=dict)
    _reading: str = ""

    def items(
        self,
        paths: Sequence[str | Path],
        *,
        inside: Path,
        longest: int,
        prune: bool,
        progress: Progress | None,
    ) -> Iterator[Item]:
        """What is in files and folders, each with its file; the folder `inside` is left out."""
        inside = inside.resolve()
        present = [p for p in paths if not (prune and is_gone(p) and _holds(p, self.living))]
        for path in discover(present, self._report):
            name = str(path)
            if name == "-":
                self._reading = name
                record = SourceRecord(path=name, size=-1, modified=0, sha256="")
                for document in read_documents(path, self._report):
                    yield _told_apart(document), record
            # The collection may lie in the folder that is indexed.
            elif not path.resolve().is_relative_to(inside):
                yield from self._items_of(path, name, longest, progress)

    def _items_of(
        self, path: Path, name: str, longest: int, progress: Progress | None
    ) -> Iterator[Item]:
        known = self.known.get(name)
        record, digest = _examined(path, name, known)
        if record is not None and record.size >= 0 and record == known:
            self.unchanged += 1
            return
        self._reading = name
        for count, item in enumerate(read_batches(path, self._report, longest=longest)):
            if progress is not None and (count % 256 == 0 or isinstance(item, Batch)):
                progress(name, self.documents)
            self.documents += len(item) if isinstance(item, Batch) else 1
            yield item, record
        if record is None or record.size < 0 or name in self.records:
            return
        self.whole.add(name)
        if digest is not None:
            self.records[name] = digest.added_to(record)

    def _report(self, problem: Problem) -> None:
        """Take note of something left out."""
        self.problems.append(problem)
        if problem.cut:
            self.records[self._reading] = _unlike_any(self._reading)


def _unlike_any(name: str) -> SourceRecord:
    """A record that no file is like, so that the next time it is read again."""
    return SourceRecord(path=name, size=0, modified=0, sha256="")


class _Digest(threading.Thread):
    """Computes the SHA-256 of a file that is read meanwhile; dies with the process."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self._path = path
        self._sha256 = ""
        self.start()

    def run(self) -> None:
        try:
            self._sha256 = disk.digest_of(self._path)
        except OSError:
            self._sha256 = ""

    def added_to(self, record: SourceRecord) -> SourceRecord:
        """The record with the digest, if the file is still what it was."""
        self.join()
        try:
            now = self._path.stat()
        except OSError:
            return _unlike_any(record.path)
        if not self._sha256 or (now.st_size, now.st_mtime_ns) != (record.size, record.modified):
            return _unlike_any(record.path)
        return replace(record, sha256=self._sha256)


def _examined(
    path: Path, name: str, known: SourceRecord | None
) -> tuple[SourceRecord | None, _Digest | None]:
    """The file as it is now, None where it cannot be read (the source reports why).

    The digest of a large file that is not known is still to come.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # a pipe: it can be read once
            return SourceRecord(path=name, size=-1, modified=0, sha256=""), None
        if known and (known.size, known.modified) == (status.st_size, status.st_mtime_ns):
            return known, None
        now = SourceRecord(path=name, size=status.st_size, modified=status.st_mtime_ns, sha256="")
        if known is None and status.st_size > _LARGE:
            return now, _Digest(path)
        digest = disk.digest_of(path)
    except OSError:
        return None, None
    return known if known and known.sha256 == digest else replace(now, sha256=digest), None


def named(source: str) -> SourceRecord | None:
    """A source that is only a name: its documents did not come from a file that we read."""
    name = source.encode("utf-8", "replace").decode()
    return SourceRecord(path=name, size=-1, modified=0, sha256="") if name else None


def gone(folders: Sequence[Path], sources: Mapping[str, SourceRecord]) -> set[str]:
    """Paths of known files in some folders that are no longer there."""
    return {
        path
        for path, record in sources.items()
        if record.size >= 0  # a file when it was added, and not only a name
        and any(Path(path).is_relative_to(folder) for folder in folders)
        and is_gone(path)
    }


def is_gone(path: str | Path) -> bool:
    """Whether nothing is there; a folder that cannot be looked into is not gone."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def _told_apart(document: Document) -> Document:
    """A text from standard input, named so that the next one does not replace it."""
    if document.id != "-" and not document.id.startswith("-#"):
        return document
    digest = hashlib.sha256(document.text.encode("utf-8", "replace")).hexdigest()[:12]
    return replace(document, id=f"-#{digest}")


def _holds(folder: str | Path, paths: Iterable[str]) -> bool:
    return any(Path(path).is_relative_to(folder) for path in paths)
