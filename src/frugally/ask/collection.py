"""A collection: documents in, passages and answers out, and nothing lost on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from frugally.ask.batch import Batch
from frugally.ask.changes import Changes, Item, Progress, gone, named
from frugally.ask.document import Document
from frugally.ask.hit import Hit
from frugally.ask.index.documents import SourceRecord, StoredDocument
from frugally.ask.index.garbage import collect_garbage
from frugally.ask.index.manifest import (
    NAME,
    Manifest,
    SegmentEntry,
    check_recipe,
    load_manifest,
)
from frugally.ask.index.merging import merge_living, tidied
from frugally.ask.index.segment import Segment
from frugally.ask.index.segmenter import (
    keep_segmenter,
    kept_segmenter,
    segmenter_digest,
    segmenter_name,
    usable_segmenter,
)
from frugally.ask.index.tombstones import Deletions
from frugally.ask.index.writer import SegmentsWriter
from frugally.ask.passages import LONGEST, split_passages
from frugally.ask.search.ranking import Ranking
from frugally.ask.search.searcher import Match, Share
from frugally.ask.snapshot import Snapshot
from frugally.ask.sources import Problem
from frugally.ask.span_cache import SpanCache
from frugally.ask.weighing import DEFAULT_WEIGHING, Weighing
from frugally.budget import Budget
from frugally.errors import (
    CollectionError,
    CorruptionError,
    FrugallyError,
    UsageError,
)
from frugally.files import disk
from frugally.files.lock import writer_lock
from frugally.text.recipe import Recipe

if TYPE_CHECKING:
    from frugally.ask.answer import Answer, NoAnswer
    from frugally.nets.reading import Reader

LOCK = "lock"
DEFAULT_MEMORY = 1_000_000_000


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

    A collection sees the commit that it opened, or that it made itself last; `snapshot` holds on to
    one. Any number of readers may be open while one process writes; threads may share it.
    """

    def __init__(self, snapshot: Snapshot) -> None:
        self.path = snapshot.path
        self.snapshot = snapshot
        self._found = SpanCache()

    def __repr__(self) -> str:
        return f"Collection({str(self.path)!r}, {self.passages:,} passages)"

    # Making and opening

    @classmethod
    def create(
        cls,
        path: str | Path,
        *,
        analyser: str = "english",
        bits: int = 24,
        title_weight: int = 1,
        segmenter: str | Path | None = None,
    ) -> Collection:
        """Make an empty collection in a new or empty folder.

        `segmenter` is the folder of a net that finds the words of a script without spaces; the
        collection keeps a copy.

        Raises:
            CollectionError: the folder holds something already.
            UsageError: no such analyser, or one that takes no segmenter.
            NetError: there is no such segmenter, or it is damaged.
        """
        folder = Path(path)
        digest = segmenter_digest(usable_segmenter(Path(segmenter))) if segmenter else ""
        recipe = Recipe.make(analyser, bits=bits, title_weight=title_weight, segmenter=digest)
        _must_be_empty(folder, recipe)
        disk.make_folder(folder)
        with writer_lock(folder / LOCK):
            _must_be_empty(folder, recipe)  # another process may have been quicker
            if segmenter:
                keep_segmenter(Path(segmenter), folder, digest)
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
            check_recipe(folder, manifest.recipe, analyser)
            digest = manifest.recipe.segmenter
            segmenter = kept_segmenter(folder, digest) if digest else None
            try:
                return cls(Snapshot(folder, manifest, segmenter))
            except CorruptionError:
                # A writer may have merged these segments away since the manifest was read.
                if load_manifest(folder) == manifest:
                    raise
        raise CollectionError(f"{folder} changes faster than it can be opened", hint="try again")

    # Reading

    def __len__(self) -> int:
        """How many documents there are."""
        return len(self.snapshot)

    @property
    def passages(self) -> int:
        """How many passages can be found."""
        return self.snapshot.passages

    def search(
        self, question: str, k: int = 10, *, ranking: Ranking | None = None, prune: bool = True
    ) -> list[Hit]:
        """The k best passages for a question, best first; fewer if fewer have any of its terms.

        `prune=False` scores every posting of the question's terms; the result is the same.

        Raises:
            UsageError: the question has no word, or k is below 1.
        """
        return self.snapshot.search(question, k, ranking=ranking, prune=prune)

    def search_in(
        self, language: str, question: str, k: int = 10, *, ranking: Ranking | None = None
    ) -> list[Hit]:
        """As `search`, of the passages in a language, by its ISO 639 code.

        Of the best 16,384 passages each is looked at until k are found.

        Raises:
            UsageError: the question has no word, k is below 1, or no such language is known.
        """
        return self.snapshot.search_in(language, question, k, ranking=ranking)

    def match(self, question: str, k: int = 10, *, ranking: Ranking | None = None) -> list[Match]:
        """As `search`, but only the passages' numbers and scores, without their texts."""
        return self.snapshot.match(question, k, ranking=ranking)

    def explain(self, question: str, hit: Hit, *, ranking: Ranking | None = None) -> list[Share]:
        """What each term of the question added to a hit's score."""
        return self.snapshot.explain(question, hit, ranking=ranking)

    def ask(
        self,
        question: str,
        *,
        reader: Reader | None = None,
        limit: Budget | None = None,
        threshold: float | None = None,
        ranking: Ranking | None = None,
        weighing: Weighing = DEFAULT_WEIGHING,
    ) -> Answer | NoAnswer:
        """Search, read the best passages, and answer from the one that scores best.

        `limit` caps what is read: its `passages`, `flops` and `seconds`. `threshold` is the
        confidence below which there is no answer, by default what `weighing` was fitted with;
        `reader` defaults to the shipped one. While the collection is open, no passage is read for
        the same question twice.

        Raises:
            UsageError: the question has no word, or the limit is on something else.
            BudgetError: not one passage can be read within the limit.
        """
        from frugally.ask.answer import answer

        return answer(
            self.snapshot,
            question,
            reader=reader,
            limit=limit,
            threshold=threshold,
            ranking=ranking,
            weighing=weighing,
            cache=self._found,
        )

    def documents(self) -> Iterator[StoredDocument]:
        """Every document, in order."""
        return self.snapshot.documents()

    def sources(self) -> dict[str, SourceRecord]:
        """The files that documents came from, by path."""
        return self.snapshot.sources()

    def verify(self) -> list[str]:
        """Compare every file with its checksum; returns what is wrong, empty if nothing is."""
        return self.snapshot.verify()

    def status(self) -> dict[str, Any]:
        """Counts, bytes, and the share of terms that meet another in their bucket."""
        return self.snapshot.status()

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
            lambda changes: changes.items(
                paths, inside=self.path, longest=longest, prune=prune, progress=progress
            ),
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
            dead = Deletions(self.snapshot.segments)
            living = self.snapshot.sources()
            for name in names:
                if name not in living and not self.snapshot.has(name):
                    raise UsageError(
                        f"the collection has no document or source {name!r}",
                        hint="frugally collection status --sources lists them",
                    )
                dead.add_source(name)
                dead.add_id(name)
            if dead.documents:
                entries = dead.write(self.snapshot.manifest.commit + 1)
                self._commit(entries, self.snapshot.manifest.next_segment)
            return dead.documents

    def compact(self) -> None:
        """Merge all segments into one and drop what was deleted; memory stays bounded."""
        with self._writing():
            manifest, segments = self.snapshot.manifest, self.snapshot.segments
            if len(segments) > 1 or any(e.deleted for e in manifest.segments):
                merged = merge_living(self.path, segments, manifest.next_segment)
                self._commit(merged, manifest.next_segment + 1)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Hold the lock, see the newest commit, and clean up what a crash may have left."""
        with writer_lock(self.path / LOCK):
            newest = load_manifest(self.path)
            if newest != self.snapshot.manifest:
                self.snapshot = self._seen(newest)
            collect_garbage(self.path, self.snapshot.manifest)
            try:
                yield
            finally:
                # After an error too: the next writer should find the disk as the manifest says. If
                # the error came after the commit, what to keep is for the next writer to find out.
                if load_manifest(self.path) == self.snapshot.manifest:
                    collect_garbage(self.path, self.snapshot.manifest)

    def _write(
        self,
        items: Callable[[Changes], Iterable[Item]],
        *,
        memory: int,
        longest: int,
        prune: Sequence[Path] = (),
    ) -> Added:
        if longest < 1:
            raise UsageError(f"passages of {longest} characters", hint="choose at least 1")
        with self._writing():
            living = self.snapshot.sources()
            changes = Changes({**self.snapshot.superseded_sources(), **living}, living)
            added = Added(problems=changes.problems)
            new, next_segment = self._fill(items(changes), changes, added, memory, longest)
            added.unchanged = changes.unchanged
            fresh = [Segment(self.path, entry) for entry in new]
            dead = Deletions([*self.snapshot.segments, *fresh])
            old = len(self.snapshot.segments)
            for path in gone(prune, living) if prune else ():
                added.removed += dead.add_source(path, segments=range(old))
            for path in changes.whole:
                added.replaced += dead.add_source(path, segments=range(old))
            added.replaced += dead.add_superseded(old)
            if new or dead.documents:
                entries = dead.write(self.snapshot.manifest.commit + 1)
                entries, next_segment = tidied(self.path, entries, next_segment)
                self._commit(entries, next_segment)
        return added

    def _fill(
        self, items: Iterable[Item], changes: Changes, added: Added, memory: int, longest: int
    ) -> tuple[list[SegmentEntry], int]:
        """Write what is added into new segments; returns them and the number after theirs."""
        next_segment = self.snapshot.manifest.next_segment

        def name() -> str:
            nonlocal next_segment
            next_segment += 1
            return f"seg-{next_segment - 1:06d}"

        numbers: dict[str, int] = {}
        recipe = self.snapshot.manifest.recipe
        with SegmentsWriter(
            self.path, recipe, name, memory=memory, segmenter=self.snapshot.segmenter
        ) as writer:
            for item, file in items:
                record = file or named(item.source)
                if record is not None and record.path not in numbers:
                    numbers[record.path] = len(numbers)
                    writer.add_source(numbers[record.path], record)
                number = numbers[record.path] if record is not None else -1
                if isinstance(item, Batch):
                    added.documents += len(item)
                    added.passages += len(item)
                    writer.add_short(item, number)
                    continue
                passages = split_passages(item, longest=longest)
                if not passages:
                    reason = f"document {item.id!r} has no text"
                    changes.problems.append(Problem(path=item.source, reason=reason))
                    continue
                added.documents += 1
                added.passages += len(passages)
                writer.add(item, passages, number)
            for path in changes.records.keys() & numbers:
                writer.add_source(numbers[path], changes.records[path])
            new = writer.finish()
        return new, next_segment

    def _commit(self, entries: Sequence[SegmentEntry], next_segment: int) -> None:
        disk.sync_folder(self.path)
        manifest = replace(
            self.snapshot.manifest,
            commit=self.snapshot.manifest.commit + 1,
            next_segment=next_segment,
            segments=tuple(entries),
        )
        manifest.save(self.path)
        self.snapshot = self._seen(manifest)

    def _seen(self, manifest: Manifest) -> Snapshot:
        return Snapshot(self.path, manifest, self.snapshot.segmenter)


def _must_be_empty(folder: Path, recipe: Recipe) -> None:
    try:
        names = {path.name for path in folder.iterdir()} if folder.exists() else set()
    except NotADirectoryError:
        names = {folder.name}
    except OSError as error:
        raise FrugallyError(f"cannot read {folder}: {error.strerror}") from error
    # What a process that died while it made this collection may have left.
    if names - {LOCK, NAME + ".partial", segmenter_name(recipe.segmenter)}:
        raise CollectionError(
            f"{folder} exists and is not empty", hint="open it, or choose another place"
        )
