"""Whole documents for a question: each ranks as its best passage does."""

from __future__ import annotations

from frugally.ask.collection import Collection
from frugally.ask.document import Document
from frugally.errors import UsageError

MOST_LOOKED_AT = 1 << 12
"""So many passages at most are looked at for documents that differ."""


class BestDocuments:
    """A `DocumentSearch` over one commit of a collection."""

    def __init__(self, collection: Collection) -> None:
        self._snapshot = collection.snapshot

    def documents(self, question: str, k: int) -> list[Document]:
        """The k best documents, best first; none for a question without a word."""
        snapshot, looked_at = self._snapshot, 4 * k
        while True:
            try:
                matches = snapshot.match(question, looked_at)
            except UsageError:
                return []
            found: dict[tuple[int, int], Document] = {}
            for match in matches:
                segment, local = snapshot.searcher.locate(match.passage)
                stored = snapshot.segments[segment].documents.holding(local)
                found.setdefault((segment, stored.first), stored.document)
                if len(found) == k:
                    break
            if len(found) == k or len(matches) < looked_at or looked_at >= MOST_LOOKED_AT:
                return list(found.values())
            looked_at = min(4 * looked_at, MOST_LOOKED_AT)
