"""One commit of a collection, as its readers see it; nothing in it ever changes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from frugally.ask.hit import Hit, place_of
from frugally.ask.index.documents import SourceRecord, StoredDocument
from frugally.ask.index.manifest import Manifest
from frugally.ask.index.segment import Segment
from frugally.ask.languages import known_language, languages_of
from frugally.ask.search.ranking import Ranking
from frugally.ask.search.searcher import Match, Searcher, Share
from frugally.cost import spend
from frugally.errors import UsageError
from frugally.text.analysis import make_analyser
from frugally.text.hashed_analyser import WordSegmenter
from frugally.text.terms import QueryTerm

_RANKING = Ranking()
MOST_LOOKED_AT = 1 << 14
"""So many passages at most are looked at for those in a language."""


def with_languages(hits: Sequence[Hit]) -> list[Hit]:
    """The same hits, with the languages of their passages."""
    codes = languages_of(hit.text for hit in hits)
    return [replace(hit, language=code) for hit, code in zip(hits, codes, strict=True)]


def _empty() -> UsageError:
    return UsageError("the question is empty", hint="ask with at least one word")


class Snapshot:
    """The segments that one manifest names; threads may share it.

    Numbers of passages, as in `Match` and `Hit`, belong to the snapshot that gave them.

    Raises:
        CorruptionError: a segment is damaged.
    """

    def __init__(
        self, path: Path, manifest: Manifest, segmenter: WordSegmenter | None = None
    ) -> None:
        self.path = path
        self.manifest = manifest
        self.segments = [Segment(path, entry) for entry in manifest.segments]
        self.searcher = Searcher(self.segments)
        self.segmenter = segmenter
        self._analyser = make_analyser(manifest.recipe, segmenter)
        self._analysing = threading.Lock()  # an analyser numbers words as it meets them

    def __len__(self) -> int:
        """How many documents there are."""
        deleted = sum(
            int(segment.is_deleted(segment.first_passages).sum())
            for segment in self.segments
            if segment.entry.deleted
        )
        return sum(e.documents for e in self.manifest.segments) - deleted

    @cached_property
    def passages(self) -> int:
        """How many passages can be found."""
        return sum(e.passages - e.deleted for e in self.manifest.segments)

    def query(self, question: str) -> list[QueryTerm]:
        """The terms that a question is searched by.

        Raises:
            UsageError: the question has no word.
        """
        with self._analysing:
            terms = self._analyser.query(question)
        if not terms:
            raise _empty()
        return terms

    def match(
        self, question: str, k: int, *, ranking: Ranking | None = None, prune: bool = True
    ) -> list[Match]:
        """The numbers and scores of the k best passages, best first.

        Raises:
            UsageError: the question has no word, or k is below 1.
        """
        with self._analysing:
            terms = self._analyser.query_keys(question)
        if not terms.size:
            raise _empty()
        spend(passages_total=self.passages)
        return self.searcher.search(terms, k, ranking or _RANKING, prune=prune)

    def search(
        self, question: str, k: int, *, ranking: Ranking | None = None, prune: bool = True
    ) -> list[Hit]:
        """The k best passages for a question, best first; fewer if fewer have any of its terms.

        Raises:
            UsageError: the question has no word, or k is below 1.
        """
        matches = self.match(question, k, ranking=ranking, prune=prune)
        return [self.hit(match.passage, match.score) for match in matches]

    def search_in(
        self, language: str, question: str, k: int, *, ranking: Ranking | None = None
    ) -> list[Hit]:
        """As `search`, of the passages in a language; looks at the best MOST_LOOKED_AT for them.

        Raises:
            UsageError: the question has no word, k is below 1, or no such language is known.
        """
        wanted = known_language(language)
        most, seen = max(16, 4 * k), 0
        found: list[Hit] = []
        while True:
            matches = self.match(question, most, ranking=ranking)
            new = [self.hit(match.passage, match.score) for match in matches[seen:]]
            found += [hit for hit in with_languages(new) if hit.language == wanted]
            seen = len(matches)
            if len(found) >= k or seen < most or seen >= MOST_LOOKED_AT:
                return found[:k]
            most = min(4 * most, MOST_LOOKED_AT)

    def explain(self, question: str, hit: Hit, *, ranking: Ranking | None = None) -> list[Share]:
        """What each term of the question added to a hit's score."""
        self._locate(hit.passage)
        return self.searcher.explain(self.query(question), hit.passage, ranking or _RANKING)

    def hit(self, passage: int, score: float) -> Hit:
        """A passage by its number, with its text and place."""
        stored, local = self._locate(passage)
        where = stored.passages[local]
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
        stored, local = self._locate(hit.passage)
        return place_of(stored.document, stored.passages[local], offset)

    def _locate(self, passage: int) -> tuple[StoredDocument, int]:
        """The document of a passage, and which of its passages that is."""
        if not 0 <= passage < self.searcher.passages:
            raise UsageError(
                f"there is no passage {passage}", hint="search again: the collection has changed"
            )
        i, local = self.searcher.locate(passage)
        stored = self.segments[i].documents.holding(local)
        return stored, local - stored.first

    def documents(self) -> Iterator[StoredDocument]:
        """Every document that has not been deleted, in order."""
        for segment in self.segments:
            for stored in segment.documents.all():
                if not segment.is_deleted(np.array([stored.first]))[0]:
                    yield stored

    def sources(self) -> dict[str, SourceRecord]:
        """The files that living documents came from, by path."""
        return {
            record.path: record
            for segment in self.segments
            for number, record in segment.documents.sources.items()
            if any(
                not segment.is_deleted(np.arange(first, end)).all()
                for first, end in segment.documents.of_source(number)
            )
        }

    def superseded_sources(self) -> dict[str, SourceRecord]:
        """Files of which no document lives because others with the same ids came after, by path."""
        found = {}
        for segment in self.segments:
            for number, record in segment.documents.sources.items():
                ranges = segment.documents.of_source(number)
                if ranges and self.has(segment.documents.ids_at(np.array(ranges[0][:1]))[0]):
                    found[record.path] = record
        return found

    def has(self, name: str) -> bool:
        """Whether a living document has this id."""
        from frugally.ask.index.writer import hash_ids

        name = name.encode("utf-8", "replace").decode()  # as it is stored
        hashes = hash_ids([name])
        for segment in self.segments:
            firsts = segment.starting_at(hashes)
            if name in segment.documents.ids_at(firsts[~segment.is_deleted(firsts)]):
                return True
        return False

    def verify(self) -> list[str]:
        """Compare every file with its checksum; returns what is wrong, empty if nothing is."""
        return [problem for segment in self.segments for problem in segment.verify()]

    def status(self) -> dict[str, Any]:
        """Counts, bytes, and the share of terms that meet another in their bucket."""
        entries = self.manifest.segments
        files = [(n, size) for e in entries for n, (size, _) in e.files.items()]
        texts = sum(size for n, size in files if n.startswith("documents"))
        expected, measured = self._collisions()
        return {
            "path": str(self.path),
            "commit": self.manifest.commit,
            "analyser": self.manifest.recipe.as_dict(),
            "documents": len(self),
            "passages": self.passages,
            "deleted_passages": sum(e.deleted for e in entries),
            "words": sum(e.words for e in entries),
            "segments": len(entries),
            "postings": sum(e.postings for e in entries),
            "terms_of_largest_segment": max((e.terms for e in entries), default=0),
            "colliding_terms_expected": expected,
            "colliding_terms_measured": measured,
            "index_bytes": sum(size for _, size in files) - texts,
            "documents_bytes": texts,
        }

    def _collisions(self) -> tuple[float, float | None]:
        """The share of terms that have their number from another too: expected, measured."""
        buckets = 1 << self.manifest.recipe.bits
        # n terms thrown into m buckets leave m (1 - (1 - 1/m)^n) of them occupied.
        occupied = max((e.terms for e in self.manifest.segments), default=0)
        filled = min(1 - 1e-12, occupied / buckets)
        terms = float(np.log1p(-filled) / np.log1p(-1 / buckets))
        expected = 1 - (1 - 1 / buckets) ** max(0.0, terms - 1)
        samples = [segment.tables["sample"] for segment in self.segments]
        whole = np.unique(np.concatenate([np.zeros(0, np.uint64), *samples]))
        _, counts = np.unique(whole >> np.uint64(32), return_counts=True)
        if not len(counts):
            return expected, None
        return expected, float(counts[counts > 1].sum() / counts.sum())
