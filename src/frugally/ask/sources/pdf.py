"""PDF: the text of every page, its lines joined to paragraphs again."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

from frugally.ask.document import Document
from frugally.ask.sources.opening import SourceFile
from frugally.ask.sources.source import Problem, Report
from frugally.errors import SourceError


class Pdf:
    """One document a file, with the offsets at which its pages begin."""

    name = "pdf"
    suffixes: tuple[str, ...] = (".pdf",)

    def recognises(self, head: bytes) -> bool:
        """Whether the mark of a PDF is near the start; some begin with a few bytes of rubbish."""
        return b"%PDF-" in head[:1024]

    def documents(self, file: SourceFile, report: Report) -> Iterator[Document]:
        """Yield the document. Reports unreadable pages; raises SourceError if none has text."""
        if not self.recognises(file.head):
            raise SourceError("is not a PDF")
        with _quiet_parser():
            title, pages, unreadable = _read_pages(file.seekable())
        if not any(pages):
            raise SourceError(
                f"its {len(pages)} pages hold no text, only pictures of it, perhaps",
                hint="run text recognition (OCR) over it first",
            )
        if unreadable:
            reason = f"{len(unreadable)} of {len(pages)} pages: {unreadable[0]}"
            report(Problem(path=file.name, reason=reason))
        offsets = [0]
        for page in pages[:-1]:
            offsets.append(offsets[-1] + len(page) + len(_PAGE_BREAK))
        yield Document(
            id=file.name,
            text=_PAGE_BREAK.join(pages),
            title=title or file.stem,
            source=file.name,
            pages=tuple(offsets),
        )


_PAGE_BREAK = "\n\n"


def _read_pages(file: BinaryIO) -> tuple[str, list[str], list[str]]:
    """Return title, the text of every page, and what was wrong with the unreadable ones."""
    import pypdf

    pages: list[str] = []
    unreadable: list[str] = []
    try:
        reader = pypdf.PdfReader(file)
        if reader.is_encrypted and not reader.decrypt(""):
            raise SourceError("needs a password", hint="save it without one first")
        count = len(reader.pages)
        title = str(reader.metadata.title or "") if reader.metadata else ""
    except SourceError:
        raise
    # A damaged file takes the parser to places where it raises whatever comes.
    except Exception as error:
        raise SourceError(f"cannot be read as a PDF: {_described(error)}") from error
    for number in range(count):
        try:
            text = reader.pages[number].extract_text()
        except Exception as error:
            unreadable.append(f"page {number + 1}: {_described(error)}")
            text = ""
        pages.append(rejoin_lines(_storable(text)))
    return " ".join(_storable(title).split()), pages, unreadable


def _storable(text: str) -> str:
    """Return `text` without NULs and halves of surrogate pairs, which broken fonts map to."""
    return text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _described(error: Exception) -> str:
    """Return one line about `error`."""
    return " ".join(str(error).split())[:200] or type(error).__name__


@contextmanager
def _quiet_parser() -> Iterator[None]:
    """Keep pypdf's warnings about what it works around off the user's terminal."""
    logger = logging.getLogger("pypdf")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def rejoin_lines(page: str) -> str:
    """Return the text of a page with lines that only the margin broke joined again.

    A line goes on in the next one if it is nearly as long as the page's long lines and the next
    one does not start an item, or if the next one begins in the middle of a sentence. A hyphen
    before a small letter is taken out.
    """
    lines = [" ".join(_LEADERS.sub(" … ", line).split()) for line in page.split("\n")]
    lengths = sorted(len(line) for line in lines if line)
    if not lengths:
        return ""
    full = max(_NARROWEST, 0.7 * lengths[len(lengths) * 9 // 10])
    joined: list[str] = []
    previous = ""
    for line in lines:
        # A full line that ends a sentence may also end a paragraph: nothing tells, so it goes on.
        in_sentence = line[:1].islower() or _STOP.match(line)
        goes_on = len(previous) >= full or (in_sentence and _UNFINISHED.search(previous))
        if not line or not joined or not goes_on or _ITEM.match(line):
            joined += [line] if line else []
        elif _SPLIT_WORD.search(joined[-1]) and line[0].islower():
            joined[-1] = joined[-1][:-1] + line
        else:
            joined[-1] += line if line[0] in ",.;:!?)" else f" {line}"
        previous = line
    return "\n".join(joined)


# Columns of text are wider than this; shorter lines are titles, cells and labels.
_NARROWEST = 30
_ITEM = re.compile(r"[•▪‣·*–—-]\s|\(?\d{1,3}[.)]\s|\d{1,2}(?:\.\d{1,2})+\.?\s[A-Z]|\(?[a-z][.)]\s")
# Between two words of a sentence some writers of PDF change the line at every change of font.
_UNFINISHED = re.compile(r"[\w,;()\u00ad\u2010-]$")
_STOP = re.compile(r"[,.;:!?)](?:\s|$)")
# The dots between title and page in a table of contents.
_LEADERS = re.compile(r"(?:\s?\.){4,}")
_SPLIT_WORD = re.compile(r"[^\W\d_]{2}[-\u00ad\u2010]$")
