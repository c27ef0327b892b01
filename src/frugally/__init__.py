"""frugally: find the little that matters in more text than you could read, and answer from it.

from frugally import Collection
collection = Collection.open("my.collection")
print(collection.ask("Who introduced the term backpropagation?"))
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Added": "frugally.ask.collection",
    "Answer": "frugally.ask.answer",
    "Budget": "frugally.budget",
    "Collection": "frugally.ask.collection",
    "Cost": "frugally.cost",
    "Document": "frugally.ask.document",
    "Evidence": "frugally.ask.evidence",
    "FrugallyError": "frugally.errors",
    "Hit": "frugally.ask.hit",
    "NoAnswer": "frugally.ask.answer",
    "Passage": "frugally.ask.document",
    "Ranking": "frugally.ask.search.ranking",
}

__all__ = [
    "Added",
    "Answer",
    "Budget",
    "Collection",
    "Cost",
    "Document",
    "Evidence",
    "FrugallyError",
    "Hit",
    "NoAnswer",
    "Passage",
    "Ranking",
    "__version__",
]

if TYPE_CHECKING:
    from frugally.ask.answer import Answer, NoAnswer
    from frugally.ask.collection import Added, Collection
    from frugally.ask.document import Document, Passage
    from frugally.ask.evidence import Evidence
    from frugally.ask.hit import Hit
    from frugally.ask.search.ranking import Ranking
    from frugally.budget import Budget
    from frugally.cost import Cost
    from frugally.errors import FrugallyError


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that `import frugally` stays instant."""
    if name not in _HOMES:
        raise AttributeError(f"module 'frugally' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return __all__
