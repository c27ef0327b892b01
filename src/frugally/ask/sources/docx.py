"""DOCX: the paragraphs and tables of the body, in order."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from frugally.ask.document import Document
from frugally.ask.sources.archives import open_archive, parse_xml, read_member
from frugally.ask.sources.opening import SourceFile
from frugally.ask.sources.source import Report
from frugally.errors import SourceError

_BODY = "word/document.xml"


class Docx:
    """One document a file: a paragraph a line, a table row a line with tabs between its cells.

    The body's XML is read without python-docx, which holds every picture of the file in memory
    and leaves out what stands in content controls and text boxes.
    """

    name = "docx"
    suffixes: tuple[str, ...] = (".docx", ".docm")

    def recognises(self, head: bytes) -> bool:
        """Whether it is a zip archive with a Word folder in it."""
        return head.startswith(b"PK\x03\x04") and b"word/" in head

    def documents(self, file: SourceFile, report: Report) -> Iterator[Document]:
        """Yield the document. Raises SourceError if it is not a Word document or is empty."""
        with open_archive(file.seekable()) as archive:
            text, heading = _body_text(parse_xml(read_member(archive, _BODY)))
            title = _stated_title(archive) or heading or file.stem
        if not text.strip():
            raise SourceError("holds no text")
        yield Document(id=file.name, text=text, title=title, source=file.name)


def _stated_title(archive: Any) -> str:
    """Return the title in the file's properties, "" if there is none."""
    try:
        properties = parse_xml(read_member(archive, "docProps/core.xml"))
    except SourceError:
        return ""
    return " ".join((properties.findtext("{http://purl.org/dc/elements/1.1/}title") or "").split())


def _body_text(root: Any) -> tuple[str, str]:
    """Return the text, a paragraph or table row a line, and the first heading.

    Walks the events of the tree instead of recursing: tables nest as deep as a file likes.
    """
    from lxml import etree

    lines: list[str] = []
    # One list of finished cells for each table row that is open, and one of lines for each cell.
    rows: list[list[str]] = []
    cells: list[list[str]] = []
    paragraphs: list[list[str]] = []
    heading = ""
    left_out = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        if not isinstance(element.tag, str):
            continue
        kind = element.tag.rpartition("}")[2]
        if kind in _LEFT_OUT:
            left_out += 1 if event == "start" else -1
        elif left_out:
            continue
        elif event == "start":
            if kind == "tr":
                rows.append([])
            elif kind == "tc":
                cells.append([])
            elif kind == "p":
                paragraphs.append([])
            elif kind == "pStyle" and not heading and paragraphs:
                style = next(iter(element.attrib.values()), "").lower()
                # Marks the open paragraph; its words come after its style.
                heading = "\0" if style in ("title", "heading1") else ""
        elif kind in ("t", "tab", "br", "cr", "noBreakHyphen") and paragraphs:
            paragraphs[-1].append(_CHARACTERS.get(kind) or element.text or "")
        elif kind == "p" and paragraphs:
            text = "".join(paragraphs.pop()).strip()
            if heading == "\0":
                heading = text
            (cells[-1] if cells else lines).append(text)
        elif kind == "tc" and cells:
            text = " ".join(filter(None, cells.pop()))
            (rows[-1] if rows else lines).append(text)
        elif kind == "tr" and rows:
            text = "\t".join(rows.pop()).strip()
            (cells[-1] if cells else lines).append(text)
    return "\n".join(lines).strip("\n"), heading


# Deleted and moved-away text, and second forms of drawings for old programs.
_LEFT_OUT = frozenset(("del", "moveFrom", "Fallback", "instrText"))
_CHARACTERS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
