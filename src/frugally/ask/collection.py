"""A collection: documents in, passages and answers out, and nothing lost on the way."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from frugally.ask.document import Document
from frugally.ask.hit import Hit, place_of
from frugally.ask.index.documents import SourceRecord, StoredDocument
from frugally.ask.index.manifest import NAME, Manifest, SegmentEntry, load_manifest
from frugally.ask.index.merging import due_for_merging, merge_segments
from frugally.ask.index.segment import Segment
from frugally.ask.index.tombstones import Deletions
from frugally.ask.index.writer import SegmentsWriter
from frugally.ask.passages import LONGEST, split_passages
from frugally.ask.search.ranking import Ranking
from frugally.ask.search.searcher import Match, Searcher, Share
from frugally.ask.sources import Problem, discover, read_documents
from frugally.cost import spend
from frugally.errors import (
    AnalyserMismatchError,
    CollectionError,
    CorruptionError,
    FrugallyError,
    UsageError,
)
from frugally.files import disk
from frugally.files.lock import writer_lock
from frugally.text.analysis import QueryTerm, Recipe, make_analyser

if TYPE_CHECKING:
    from frugally.ask.answer import Answer, NoAnswer

LOCK = "lock"
DEFAULT_MEMORY = 1_000_000_000
_OURS = ("seg-", "tombstones-", NAME)  # what the collection's files and folders are called

Progress = Callable[[str, int], None]
"""Called with what is being read and how many documents there are so far."""


@dataclass(slots=True, kw_only=True)
class Added:
    """What adding did: documents and passages added, files unchanged, what was left out."""

    documents: int = 0
    passages: int = 0
    replaced: int = 0
    unchanged: int = 0
    removed: int = 0
    problems: list[Problem] = field(default_factory=list)


class Collection:
    """Documents as an index on disk; make one with `create` or `open`.

    A collection sees the commit that it opened, or that it made itself last. Any number of readers
    may be open while one process writes.
    """

    def __init__(self, path: Path, manifest: Manifest, segments: list[Segment]) -> None:
        self.path = path
        self._take(manifest, segments)

    def _take(self, manifest: Manifest, segments: list[Segment]) -> None:
        self._manifest = manifest
        self._segments = segments
        self._searcher = Searcher(segments)
        self._analyser = make_analyser(manifest.recipe)
        self._analysing = threading.Lock()  # an analyser numbers words as it meets them

    def __repr__(self) -> str:
        return f"Collection({str(self.path)!r}, {self._manifest.passages:,} passages)"

    # Making and opening

    @classmethod
    def create(
        cls,
        path: str | Path,
        *,
        analyser: str = "english",
        bits: int = 24,
        title_weight: int = 1,
    ) -> Collection:
        """Make an empty collection in a new or empty folder.

        Raises:
            CollectionError: the folder holds something already.
            UsageError: no such analyser.
        """
        folder = Path(path)
        recipe = Recipe.make(analyser, bits=bits, title_weight=title_weight)
        if folder.exists() and (
            not folder.is_dir() or set(_names(folder)) - {LOCK, NAME + ".partial"}
        ):
            raise CollectionError(
                f"{folder} exists and is not empty", hint="open it, or choose another place"
            )
        disk.make_folder(folder)
        with writer_lock(folder / LOCK):
            Manifest(recipe=recipe).save(folder)
            disk.sync_folder(folder.resolve().parent)
        return cls.open(folder)

    @classmethod
    def open(cls, path: str | Path, *, analyser: str | None = None) -> Collection:
        """Open the last commit of a collection.

        Raises:
            CollectionError: there is none; CorruptionError, FormatVersionError: see there.
            AnalyserMismatchError: it was built with another analyser, or another version of it.
        """
        folder = Path(path)
        for _ in range(5):
            manifest = load_manifest(folder)
            _check_recipe(folder, manifest.recipe, analyser)
            try:
                return cls(folder, manifest, [Segment(folder, e) for e in manifest.segments])
            except CorruptionError:
                # A writer may have merged these segments away since the manifest was read.
                if load_manifest(folder).commit == manifest.commit:
                    raise
        raise CollectionError(f"{folder} changes faster than it can be opened", hint="try again")

    # Writing

    def add(
        self,
        documents: Iterable[Document],
        *,
        memory: int = DEFAULT_MEMORY,
        longest: int = LONGEST,
    ) -> Added:
        """Add documents, replacing those with the same id; one commit, or nothing.

        `memory` bounds the memory of the whole process in bytes, whatever the size of the input;
        `longest` the length of a passage in characters.
        """
        return self._write(lambda _: ((d, None) for d in documents), memory=memory, longest=longest)

    def add_files(
        self,
        paths: Sequence[str | Path],
        *,
        memory: int = DEFAULT_MEMORY,
        longest: int = LONGEST,
        prune: bool = False,
        progress: Progress | None = None,
    ) -> Added:
        """Add files and folders; files that have not changed since they were added are passed over.

        `prune` removes documents whose file under one of `paths` is gone. Files that cannot be read
        are in `problems` and change nothing.

        Raises:
            UsageError: a path does not exist (unless `prune` and the collection knows files there).
        """
        return self._write(
            lambda added: self._documents_of(paths, added, prune=prune, progress=progress),
            memory=memory,
            longest=longest,
            prune=[Path(p) for p in paths] if prune else [],
        )

    def remove(self, names: Sequence[str]) -> int:
        """Remove documents by id, or all documents of a source by its path; returns how many.

        Raises:
            UsageError: a name is neither; nothing is removed then.
        """
        with self._writing():
            dead = Deletions(self._segments)
            for name in names:
                if not dead.add_source(name) and not dead.add_id(name):
                    raise UsageError(
                        f"the collection has no document or source {name!r}",
                        hint="frugally collection status --sources lists them",
                    )
            if dead.documents:
                entries = dead.write(self._manifest.commit + 1)
                self._commit(entries, self._manifest.next_segment)
            return dead.documents

    def compact(self) -> None:
        """Merge all segments into one and drop what was deleted; memory stays bounded."""
        with self._writing():
            if len(self._segments) > 1 or any(e.deleted for e in self._manifest.segments):
                merged = self._merge(self._segments, self._manifest.next_segment)
                self._commit(merged, self._manifest.next_segment + 1)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the lock, see the newest commit, and clean up what a crash may have left."""
        with writer_lock(self.path / LOCK):
            newest = load_manifest(self.path)
            if newest.commit != self._manifest.commit:
                self._take(newest, [Segment(self.path, e) for e in newest.segments])
            self._collect_garbage()
            try:
                yield
            finally:
                # After an error too: the next writer should find the disk as the manifest says. If
                # the error came after the commit, what to keep is for the next writer to find out.
                if load_manifest(self.path).commit == self._manifest.commit:
                    self._collect_garbage()

    def _write(
        self,
        documents: Callable[[Added], Iterable[tuple[Document, SourceRecord | None]]],
        *,
        memory: int,
        longest: int,
        prune: Sequence[Path] = (),
    ) -> Added:
        added = Added()
        with self._writing():
            next_segment = self._manifest.next_segment

            def name() -> str:
                nonlocal next_segment
                next_segment += 1
                return f"seg-{next_segment - 1:06d}"

            changed: set[str] = set()
            numbers: dict[str, int] = {}
            with SegmentsWriter(self.path, self._manifest.recipe, name, memory=memory) as writer:
                for document, file in documents(added):
                    record = file or _named(document.source)
                    if record is not None and record.path not in numbers:
                        numbers[record.path] = len(numbers)
                        writer.add_source(numbers[record.path], record)
                        if file is not None and file.path != "-":
                            changed.add(file.path)  # what was there before is an older version
                    passages = split_passages(document, longest=longest)
                    if not passages:
                        reason = f"document {document.id!r} has no text"
                        added.problems.append(Problem(path=document.source, reason=reason))
                        continue
                    added.documents += 1
                    added.passages += len(passages)
                    number = numbers[record.path] if record is not None else -1
                    writer.add(document, passages, number)
                new = writer.finish()
            fresh = [Segment(self.path, entry) for entry in new]
            dead = Deletions([*self._segments, *fresh])
            old = len(self._segments)
            for path in self._gone(prune) | changed:
                before = dead.documents
                dead.add_source(path, segments=range(old))
                added.removed += (dead.documents - before) * (path not in changed)
                added.replaced += (dead.documents - before) * (path in changed)
            added.replaced += dead.add_superseded(old)
            if new or dead.documents:
                entries = dead.write(self._manifest.commit + 1)
                entries, next_segment = self._tidied(entries, next_segment)
                self._commit(entries, next_segment)
        return added

    def _tidied(
        self, entries: list[SegmentEntry], next_segment: int
    ) -> tuple[list[SegmentEntry], int]:
        """Drop segments with nothing alive, and merge as the policy says, before committing."""
        entries = [e for e in entries if e.deleted < e.passages]
        while run := due_for_merging(entries):
            tail = [Segment(self.path, entry) for entry in entries[-run:]]
            entries = entries[:-run] + self._merge(tail, next_segment)
            next_segment += 1
        return entries, next_segment

    def _merge(self, segments: Sequence[Segment], number: int) -> list[SegmentEntry]:
        live = [s for s in segments if s.entry.deleted < s.entry.passages]
        return [merge_segments(self.path, live, f"seg-{number:06d}")] if live else []

    def _commit(self, entries: Sequence[SegmentEntry], next_segment: int) -> None:
        disk.sync_folder(self.path)
        manifest = replace(
            self._manifest,
            commit=self._manifest.commit + 1,
            next_segment=next_segment,
            segments=tuple(entries),
        )
        manifest.save(self.path)
        self._take(manifest, [Segment(self.path, entry) for entry in entries])

    def _collect_garbage(self) -> None:
        """Remove files that the manifest does not name: what a crash or a merge left behind."""
        named = {entry.name: set(entry.files) for entry in self._manifest.segments}
        litter: list[Path] = []
        for path in sorted(self.path.iterdir()):
            if path.name == NAME + ".partial" or (
                path.name.startswith("seg-") and path.name not in named
            ):
                litter.append(path)
            elif path.name.startswith("seg-"):
                litter += (f for f in sorted(path.iterdir()) if f.name not in named[path.name])
        if litter:
            # The manifest's writer may have died before its name was durable: it must be, before
            # what an older one names is gone.
            disk.sync_folder(self.path)
        for path in litter:
            disk.remove(path)

    def _documents_of(
        self,
        paths: Sequence[str | Path],
        added: Added,
        *,
        prune: bool,
        progress: Progress | None,
    ) -> Iterator[tuple[Document, SourceRecord | None]]:
        known = self.sources()
        present = [p for p in paths if not (prune and not os.path.lexists(p))]
        inside = self.path.resolve()
        for path in discover(present, added.problems.append):
            name = str(path)
            if name != "-" and path.resolve().is_relative_to(inside):
                continue  # the collection may lie in the folder that is indexed
            record = _record(path, name, known.get(name))
            if record is not None and name != "-" and known.get(name) == record:
                added.unchanged += 1
                continue
            for count, document in enumerate(read_documents(path, added.problems.append)):
                if progress is not None and count % 256 == 0:
                    progress(name, added.documents)
                yield document, record

    def _gone(self, folders: Sequence[Path]) -> set[str]:
        return {
            path
            for path, record in (self.sources() if folders else {}).items()
            if record.size >= 0  # a file when it was added, and not only a name
            and any(Path(path).is_relative_to(folder) for folder in folders)
            and not os.path.lexists(path)
        }

    # Reading

    def __len__(self) -> int:
        """How many documents there are."""
        return sum(e.documents for e in self._manifest.segments) - self._deleted_documents()

    def _deleted_documents(self) -> int:
        count = 0
        for segment in self._segments:
            if segment.entry.deleted:
                count += int(segment.is_deleted(segment.first_passages).sum())
        return count

    @property
    def passages(self) -> int:
        """How many passages can be found."""
        return sum(e.passages - e.deleted for e in self._manifest.segments)

    def sources(self) -> dict[str, SourceRecord]:
        """The files that documents came from, by path."""
        return {
            record.path: record
            for segment in self._segments
            for number, record in segment.documents.sources.items()
            if any(
                not segment.is_deleted(np.array([first]))[0]
                for first in segment.documents.of_source(number)
            )
        }

    def query(self, question: str) -> list[QueryTerm]:
        """The terms that a question is searched by.

        Raises:
            UsageError: the question has no word.
        """
        with self._analysing:
            terms = self._analyser.query(question)
        if not terms:
            raise UsageError("the question is empty", hint="ask with at least one word")
        return terms

    def search(
        self, question: str, k: int = 10, *, ranking: Ranking | None = None, prune: bool = True
    ) -> list[Hit]:
        """The k best passages for a question, best first; fewer if fewer have any of its terms.

        Raises:
            UsageError: the question has no word, or k is below 1.
        """
        matches = self.match(question, k, ranking=ranking, prune=prune)
        return [self.hit(match.passage, match.score) for match in matches]

    def match(
        self, question: str, k: int = 10, *, ranking: Ranking | None = None, prune: bool = True
    ) -> list[Match]:
        """As `search`, but only the passages' numbers and scores, without their texts.

        Raises:
            UsageError: the question has no word, or k is below 1.
        """
        terms = self.query(question)
        spend(passages_total=self.passages)
        return self._searcher.search(terms, k, ranking or Ranking(), prune=prune)

    def explain(self, question: str, hit: Hit, *, ranking: Ranking | None = None) -> list[Share]:
        """What each term of the question added to a hit's score."""
        return self._searcher.explain(self.query(question), hit.passage, ranking or Ranking())

    def ask(self, question: str, **options: Any) -> Answer | NoAnswer:
        """Answer a question from the collection; see `frugally.ask.answer.answer`."""
        from frugally.ask.answer import answer

        return answer(self, question, **options)

    def hit(self, passage: int, score: float) -> Hit:
        """A passage by its number, with its text and place."""
        i, local = self._searcher.locate(passage)
        stored = self._segments[i].documents.holding(local)
        where = stored.passages[local - stored.first]
        document = stored.document
        return Hit(
            passage=passage,
            score=score,
            id=document.id,
            title=document.title,
            url=document.url,
            source=document.source,
            text=document.text[where.start : where.end],
            start=where.start,
            end=where.end,
            place=place_of(document, where),
            begins=where.begins,
            ends=where.ends,
        )

    def place(self, hit: Hit, offset: int) -> str:
        """Where a character of a hit's document stands in its source."""
        i, local = self._searcher.locate(hit.passage)
        stored = self._segments[i].documents.holding(local)
        return place_of(stored.document, stored.passages[local - stored.first], offset)

    def documents(self) -> Iterator[StoredDocument]:
        """Every document that has not been deleted, in order."""
        for segment in self._segments:
            for stored in segment.documents.all():
                if not segment.is_deleted(np.array([stored.first]))[0]:
                    yield stored

    # Looking after

    def verify(self) -> list[str]:
        """Compare every file with its checksum; returns what is wrong, empty if nothing is."""
        return [problem for segment in self._segments for problem in segment.verify()]

    def status(self) -> dict[str, Any]:
        """Counts, bytes, and the share of terms that meet another in their bucket."""
        entries = self._manifest.segments
        files = [(n, size) for e in entries for n, (size, _) in e.files.items()]
        texts = sum(size for n, size in files if n.startswith("documents"))
        buckets = 1 << self._manifest.recipe.bits
        sample = [segment.tables["sample"] for segment in self._segments]
        whole = np.unique(np.concatenate(sample)) if sample else np.zeros(0, np.uint64)
        _, counts = np.unique(whole >> np.uint64(32), return_counts=True)
        # n terms thrown into m buckets leave m (1 - (1 - 1/m)^n) of them occupied.
        occupied = max((e.terms for e in entries), default=0)
        filled = min(1 - 1e-12, occupied / buckets)
        terms = np.log1p(-filled) / np.log1p(-1 / buckets)
        return {
            "path": str(self.path),
            "commit": self._manifest.commit,
            "analyser": self._manifest.recipe.as_dict(),
            "documents": len(self),
            "passages": self.passages,
            "deleted_passages": sum(e.deleted for e in entries),
            "words": sum(e.words for e in entries),
            "segments": len(entries),
            "postings": sum(e.postings for e in entries),
            "occupied_buckets_of_largest_segment": occupied,
            "colliding_terms_expected": float(1 - (1 - 1 / buckets) ** max(0.0, terms - 1)),
            "colliding_terms_measured": (
                float(counts[counts > 1].sum() / counts.sum()) if len(counts) else None
            ),
            "index_bytes": sum(size for _, size in files) - texts,
            "documents_bytes": texts,
        }


def _check_recipe(folder: Path, stored: Recipe, wanted: str | None) -> None:
    if wanted is not None and wanted != stored.analyser:
        raise AnalyserMismatchError(
            f"{folder} was built with the analyser {stored.analyser!r}, not {wanted!r}",
            hint="open it without naming an analyser, or index the files again",
        )
    here = Recipe.make(stored.analyser, bits=stored.bits, title_weight=stored.title_weight)
    if here.digest != stored.digest:
        raise AnalyserMismatchError(
            f"{folder} was built with {stored.as_dict()}, here is {here.as_dict()}",
            hint="install the version it was built with, or index the files again",
        )


def _record(path: Path, name: str, known: SourceRecord | None) -> SourceRecord | None:
    """The file as it is now; None where it cannot be read (the source reports why)."""
    if name == "-":
        return SourceRecord(path="-", size=-1, modified=0, sha256="")
    try:
        stat = path.stat()
        if known and (known.size, known.modified) == (stat.st_size, stat.st_mtime_ns):
            return known
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
    if known and known.sha256 == digest:
        return known
    return SourceRecord(path=name, size=stat.st_size, modified=stat.st_mtime_ns, sha256=digest)


def _named(source: str) -> SourceRecord | None:
    """A source that is only a name: its documents did not come from a file that we read."""
    name = source.encode("utf-8", "replace").decode()
    return SourceRecord(path=name, size=-1, modified=0, sha256="") if name else None


def _names(folder: Path) -> list[str]:
    try:
        return [path.name for path in folder.iterdir()]
    except OSError as error:
        raise FrugallyError(f"cannot read {folder}: {error.strerror}") from error
