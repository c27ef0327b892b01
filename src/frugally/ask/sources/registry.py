"""All the formats that are read, and which of them a file is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import TypeVar

from frugally.ask.batch import Batch
from frugally.ask.document import Document
from frugally.ask.sources.docx import Docx
from frugally.ask.sources.encodings import binary_kind, detect_encoding
from frugally.ask.sources.epub import Epub
from frugally.ask.sources.html import Html
from frugally.ask.sources.jsonlines import JsonLines
from frugally.ask.sources.markdown import Markdown
from frugally.ask.sources.mediawiki import MediaWiki
from frugally.ask.sources.opening import COMPRESSIONS, SourceFile, display_name, open_source
from frugally.ask.sources.pdf import Pdf
from frugally.ask.sources.plain import PlainText
from frugally.ask.sources.source import Problem, Report, Source
from frugally.ask.sources.subtitles import Subtitles
from frugally.errors import SourceError

_PLAIN = PlainText()
_JSON_LINES = JsonLines()

# In the order in which a file of unknown ending is offered to them.
SOURCES: tuple[Source, ...] = (
    Pdf(),
    Epub(),
    Docx(),
    MediaWiki(),
    Html(),
    Subtitles(),
    _JSON_LINES,
    Markdown(),
    _PLAIN,
)

_BY_SUFFIX = {suffix: source for source in SOURCES for suffix in source.suffixes}
_PACKED = ("pdf", "epub", "docx")


def read_documents(path: str | Path, report: Report) -> Iterator[Document]:
    """Yield the documents of one file, "-" being standard input.

    The format is told by the file's ending and, where that says nothing, by its content;
    standard input is JSON lines or plain text. Never raises for what is in the file or for a
    file that cannot be opened: reports a Problem, and what was yielded before it stands.
    """
    return _read(path, report, lambda source, file: source.documents(file, report))


def read_batches(path: str | Path, report: Report, *, longest: int) -> Iterator[Document | Batch]:
    """As `read_documents`, but many short documents as one where the format allows it.

    Short are those of at most `longest` characters, and of what `Batch` says.
    """

    def items(source: Source, file: SourceFile) -> Iterator[Document | Batch]:
        if isinstance(source, JsonLines):
            return source.batches(file, report, longest=longest)
        return source.documents(file, report)

    return _read(path, report, items)


Item = TypeVar("Item", Document, Document | Batch)


def _read(
    path: str | Path, report: Report, items: Callable[[Source, SourceFile], Iterator[Item]]
) -> Iterator[Item]:
    name = display_name(path)
    count = 0
    try:
        with open_source(path) as file:
            reason = ""
            try:
                for item in items(source_of(file), file):
                    count += len(item) if isinstance(item, Batch) else 1
                    yield item
            except SourceError as error:
                reason = _worded(error)
            # Damage to the compressed data is the cause of what a parser then finds missing.
            reason = file.broken or reason
            if not reason and not count and not file.head.strip():
                report(Problem(path=name, reason="is empty"))
    except OSError as error:
        reason = f"cannot be read: {error.strerror or error}"
    if reason:
        kept = f"; the {count:,} documents before that were read" if count else ""
        report(Problem(path=name, reason=reason + kept, cut=True))


def source_of(file: SourceFile) -> Source:
    """Return the source that reads `file`. Raises SourceError if none does."""
    if not file.head:
        # Whatever the format, an empty file is that and nothing else.
        return _PLAIN
    if file.name == "-":
        chosen: Source = _JSON_LINES if _JSON_LINES.recognises(_as_utf8(file.head)) else _PLAIN
    else:
        chosen = _by_content(file.head, packed=True) or _BY_SUFFIX.get(
            _suffix(file.name), _by_content(_as_utf8(file.head), packed=False) or _PLAIN
        )
    if chosen.name not in _PACKED and (kind := binary_kind(file.head)):
        raise SourceError(f"is not text but {kind}")
    return chosen


def _by_content(head: bytes, *, packed: bool) -> Source | None:
    """Return the source that recognises `head`, among packed formats or among texts."""
    for source in SOURCES:
        if (source.name in _PACKED) == packed and source.recognises(head):
            return source
    return None


def _suffix(name: str) -> str:
    """Return the ending that tells the format, in lower case, behind it that of a compression."""
    name = name.lower()
    for ending in COMPRESSIONS:
        name = name.removesuffix(ending)
    return PurePosixPath(name).suffix


def _as_utf8(head: bytes) -> bytes:
    """Return `head` as UTF-8 if it is in UTF-16 or UTF-32, unchanged otherwise."""
    encoding = detect_encoding(head)
    if not encoding.startswith(("utf-16", "utf-32")):
        return head
    return head.decode(encoding, "replace").encode("utf-8", "replace")


def _worded(error: SourceError) -> str:
    """Return message and hint as one line."""
    return f"{error.message} ({error.hint})" if error.hint else error.message
