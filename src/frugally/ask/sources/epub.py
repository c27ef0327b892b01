"""EPUB: the chapters of a book, in reading order."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from frugally.ask.document import Document
from frugally.ask.sources.archives import open_archive, parse_xml, read_member
from frugally.ask.sources.html import read_html
from frugally.ask.sources.opening import SourceFile
from frugally.ask.sources.source import Problem, Report
from frugally.errors import SourceError


class Epub:
    """One document a chapter file, `book.epub#chapter.xhtml`, titled with book and chapter."""

    name = "epub"
    suffixes: tuple[str, ...] = (".epub",)

    def recognises(self, head: bytes) -> bool:
        """Whether it is a zip archive whose first member says EPUB, as the standard asks."""
        return head.startswith(b"PK\x03\x04") and b"application/epub+zip" in head[:256]

    def documents(self, file: SourceFile, report: Report) -> Iterator[Document]:
        """Yield the chapters. Reports unreadable ones; raises SourceError if it is no EPUB."""
        found = False
        with open_archive(file.seekable()) as archive:
            if "META-INF/encryption.xml" in archive.namelist() and _is_locked(archive):
                raise SourceError("is locked by copy protection (DRM)")
            book, chapters = _reading_order(archive)
            for chapter in chapters:
                try:
                    page, _ = read_html(read_member(archive, chapter))
                except SourceError as error:
                    report(Problem(path=file.name, reason=error.message))
                    continue
                if page.text:
                    found = True
                    yield Document(
                        id=f"{file.name}#{chapter}",
                        text=page.text,
                        title=_title(book or file.stem, page.heading),
                        source=file.name,
                    )
        if not found:
            raise SourceError("holds no text")


def _title(book: str, chapter: str) -> str:
    """Return the title of a chapter, with its book's unless it says that itself.

    The chapter's own title element is no help: many tools write the name of the file there.
    """
    return f"{book}: {chapter}" if chapter and book not in chapter else chapter or book


def _is_locked(archive: Any) -> bool:
    """Whether chapters are encrypted; fonts may be without harm."""
    uris = parse_xml(read_member(archive, "META-INF/encryption.xml")).iter("{*}CipherReference")
    return any(uri.get("URI", "").lower().endswith((".xhtml", ".html", ".htm")) for uri in uris)


def _reading_order(archive: Any) -> tuple[str, list[str]]:
    """Return the book's title and the names of its chapter files in the order of the spine."""
    container = parse_xml(read_member(archive, "META-INF/container.xml"))
    root = container.find(".//{*}rootfile")
    if root is None:
        raise SourceError("does not say where its contents are listed")
    package_name = root.get("full-path", "")
    package = parse_xml(read_member(archive, package_name))
    folder = posixpath.dirname(package_name)
    files = {
        item.get("id"): posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))
        for item in package.iterfind("{*}manifest/{*}item")
        # The table of contents is a page of links to the others.
        if "html" in item.get("media-type", "") and "nav" not in item.get("properties", "").split()
    }
    spine = [ref.get("idref") for ref in package.iterfind("{*}spine/{*}itemref")]
    title = package.findtext(".//{http://purl.org/dc/elements/1.1/}title") or ""
    # dict.fromkeys: a file listed twice in the spine is read once.
    return " ".join(title.split()), list(dict.fromkeys(files[i] for i in spine if i in files))
