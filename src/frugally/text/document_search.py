"""What a search for documents is, for rooms that need one and may not import `ask`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class FoundDocument(Protocol):
    """A document of a collection; `frugally.ask.document.Document` is one."""

    @property
    def id(self) -> str:
        """What it is called in its collection."""
        ...

    @property
    def title(self) -> str:
        """Its title, or nothing."""
        ...

    @property
    def text(self) -> str:
        """All of its text."""
        ...


class DocumentSearch(Protocol):
    """Anything that finds documents for a question."""

    def documents(self, question: str, k: int) -> Sequence[FoundDocument]:
        """The k best documents, best first; fewer or none if fewer have any of its words."""
        ...
