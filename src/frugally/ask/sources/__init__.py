"""Files of many formats as documents, one at a time, in bounded memory.

Parsers of formats are imported when the first such file comes, not with this package.
"""

from frugally.ask.sources.discovery import discover
from frugally.ask.sources.opening import SourceFile
from frugally.ask.sources.registry import SOURCES, read_batches, read_documents, source_of
from frugally.ask.sources.source import Problem, Report, Source

__all__ = [
    "SOURCES",
    "Problem",
    "Report",
    "Source",
    "SourceFile",
    "discover",
    "read_batches",
    "read_documents",
    "source_of",
]
