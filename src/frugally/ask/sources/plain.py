"""Plain text: any length, in documents of bounded size."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from frugally.ask.document import Document
from frugally.ask.passages import whole_characters
from frugally.ask.sources.opening import SourceFile
from frugally.ask.sources.source import Report, report_replaced

# The most characters in one document: a book fits, and a machine's log does not fill the memory.
LONGEST_DOCUMENT = 4_000_000


class PlainText:
    """Text as it stands; a file past the longest document becomes `path`, `path#2` and so on."""

    name = "text"
    suffixes: tuple[str, ...] = (".txt", ".text", ".log", ".rst", ".tex", ".org", ".adoc")

    def recognises(self, head: bytes) -> bool:
        """Nothing speaks for plain text; it is what is left when nothing else fits."""
        return False

    def documents(self, file: SourceFile, report: Report) -> Iterator[Document]:
        """Yield the text in order. Reports undecodable bytes."""
        for number, part in enumerate(bounded_parts(file.text(), LONGEST_DOCUMENT), 1):
            name = file.name if number == 1 else f"{file.name}#{number}"
            yield Document(id=name, text=part, title=file.stem, source=file.name)
        report_replaced(file, report)


def bounded_parts(pieces: Iterable[str], longest: int) -> Iterator[str]:
    """Yield the text of `pieces` in parts of at most `longest` characters, none of them blank.

    A part ends at a line end if there is one in its last eighth, else at white space, else
    anywhere between two whole characters.
    """
    waiting = ""
    for piece in pieces:
        waiting += piece
        while len(waiting) > longest:
            cut = _cut(waiting, longest)
            part, waiting = waiting[:cut], waiting[cut:]
            if not part.isspace():
                yield part
    if waiting and not waiting.isspace():
        yield waiting


def _cut(text: str, longest: int) -> int:
    """Return where the first part of `text` ends."""
    earliest = longest - longest // 8
    for mark in ("\n", " ", "\t", "\u3000"):
        if (found := text.rfind(mark, earliest, longest)) > 0:
            return found + 1
    return whole_characters(text, longest, earliest)
