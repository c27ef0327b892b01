"""HTML: what a reader reads on a page, without scripts, styles and navigation."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from frugally.ask.document import Document
from frugally.ask.sources.encodings import detect_encoding, with_bom
from frugally.ask.sources.opening import SourceFile
from frugally.ask.sources.source import Problem, Report
from frugally.errors import SourceError


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What was read from a page of HTML: paragraphs are separated by blank lines in `text`.

    `title` is that of the window, `heading` the first of the highest level.
    """

    title: str
    heading: str
    text: str
    url: str


class Html:
    """One document a page, with the address that the page itself calls its own."""

    name = "html"
    suffixes: tuple[str, ...] = (".html", ".htm", ".xhtml", ".shtml")

    def recognises(self, head: bytes) -> bool:
        """Whether it begins with a doctype or an html tag."""
        return _START.match(head) is not None

    def documents(self, file: SourceFile, report: Report) -> Iterator[Document]:
        """Yield the page. Reports undecodable bytes; raises SourceError if nothing is left."""
        page, replaced = read_html(file.whole())
        if replaced:
            reason = f"{replaced:,} characters made no sense and were replaced"
            report(Problem(path=file.name, reason=reason, kind="repaired"))
        if not page.text:
            raise SourceError("holds no text to read")
        yield Document(
            id=file.name,
            text=page.text,
            title=page.title or page.heading or file.stem,
            url=page.url,
            source=file.name,
        )


def read_html(data: bytes) -> tuple[Page, int]:
    """Return the page and the number of characters replaced because they made no sense.

    The page is parsed as a stream of tags, never as a tree, so that neither depth nor size costs
    more than time in proportion.
    """
    from lxml import etree

    encoding = _declared_encoding(data)
    source = data.decode(encoding, "replace").replace("\0", "")
    reader = _PageReader()
    parser = etree.HTMLParser(target=reader, encoding="utf-8", remove_comments=True)
    parser.feed(_XML_DECLARATION.sub("", source).encode("utf-8", "replace"))
    parser.close()
    return reader.page(), source.count("\ufffd") if "\ufffd".encode() not in data else 0


def _declared_encoding(data: bytes) -> str:
    """Return the encoding of a page: its mark, its own declaration if that decodes, or a guess."""
    if named := with_bom(data):
        return named
    declared = _CHARSET.search(data, 0, 4096)
    if declared:
        name = declared[1].decode("ascii").lower()
        # Browsers read these two as the Windows code page, and pages count on it.
        name = "cp1252" if name in ("iso-8859-1", "latin1", "us-ascii") else name
        try:
            data.decode(name)
        except (LookupError, UnicodeDecodeError, ValueError):
            pass
        else:
            return name
    found = _BEYOND_ASCII.search(data)
    start = max(0, found.start() - 4096) if found else 0
    return detect_encoding(data[start:])


class _PageReader:
    """Takes the parser's tags and characters and keeps the blocks of text that are for reading."""

    def __init__(self) -> None:
        self._open: list[str] = []
        # How many tags were open when a part to leave out began; None outside of one.
        self._left_out_at: int | None = None
        self._blocks: list[_Block] = []
        self._words: list[str] = []
        self._linked = 0
        self._links = 0
        self._main = 0
        self._preformatted = 0
        self._title: list[str] = []
        self._heading = ""
        self._in_heading = False
        self.url = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """Take an opening tag."""
        self._open.append(tag)
        if tag in ("link", "meta"):
            self._note_address(tag, attributes)
        if self._left_out_at is not None:
            return
        if self._to_leave_out(tag, attributes):
            self._end_block()
            self._left_out_at = len(self._open)
            return
        if tag in _BLOCK_TAGS:
            self._end_block()
        if tag in ("td", "th"):
            self._words.append("\t")
        elif tag == "br":
            self._words.append("\n" if self._preformatted else " ")
        self._count(tag, 1)

    def end(self, tag: str) -> None:
        """Take a closing tag; the parser closes what the page forgot to."""
        depth = len(self._open)
        if self._open:
            self._open.pop()
        if self._left_out_at is not None:
            if depth == self._left_out_at:
                self._left_out_at = None
            return
        if tag in _BLOCK_TAGS:
            self._end_block()
        self._count(tag, -1)

    def data(self, characters: str) -> None:
        """Take characters between tags."""
        # A title inside of an image is left out with the image.
        if self._open and self._open[-1] == "title" and self._left_out_at == len(self._open):
            self._title.append(characters)
        elif self._left_out_at is None:
            self._words.append(characters)
            if self._links:
                self._linked += len(characters.strip())

    def close(self) -> None:
        """End the last block."""
        self._end_block()

    def page(self) -> Page:
        """Return what was read, without the blocks that are only a way to other pages."""
        blocks = self._blocks
        main = [block for block in blocks if block.main]
        if sum(len(b.text) for b in main) * 4 >= sum(len(b.text) for b in blocks):
            kept = main
        else:
            kept = _without_menus(blocks) or blocks
        return Page(
            title=_squeeze("".join(self._title)),
            heading=self._heading,
            text="\n\n".join(block.text for block in kept),
            url=self.url,
        )

    def _count(self, tag: str, step: int) -> None:
        """Keep count of how many links, main parts and preformatted parts are open."""
        if tag == "a":
            self._links = max(0, self._links + step)
        elif tag in ("main", "article"):
            self._main = max(0, self._main + step)
        elif tag in ("pre", "textarea"):
            self._preformatted = max(0, self._preformatted + step)
        elif tag == "h1":
            self._in_heading = step > 0

    def _to_leave_out(self, tag: str, attributes: dict[str, str]) -> bool:
        """Whether `tag` begins a part that is not for reading."""
        if tag in _NEVER_READ or (tag in _AROUND_THE_TEXT and not self._main):
            return True
        if "hidden" in attributes or attributes.get("aria-hidden") == "true":
            # Some pages hide themselves until a script shows them.
            return tag not in ("html", "body", "main", "article")
        if attributes.get("role") in _ROLES:
            return True
        names = f"{attributes.get('class', '')} {attributes.get('id', '')}".lower().split()
        if tag == "sup" and "reference" in names:
            return True
        return tag not in ("html", "body", "main", "article") and not _NAMES.isdisjoint(names)

    def _note_address(self, tag: str, attributes: dict[str, str]) -> None:
        """Keep the page's own address, if this tag tells it."""
        if tag == "link" and attributes.get("rel") == "canonical":
            address = attributes.get("href", "")
        elif tag == "meta" and attributes.get("property") == "og:url":
            address = attributes.get("content", "")
        else:
            return
        if not self.url and address.startswith(("http://", "https://")):
            self.url = address.strip()

    def _end_block(self) -> None:
        """Keep the characters since the last block as a block, if there are any."""
        joined = "".join(self._words)
        text = _trimmed_lines(joined) if self._preformatted else _squeeze(joined)
        if text:
            self._blocks.append(
                _Block(text=text, linked=self._linked * 2 > len(text), main=self._main > 0)
            )
            if self._in_heading and not self._heading:
                self._heading = text
        self._words.clear()
        self._linked = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """A paragraph, heading, list item or table row; `linked` if more than half of it is links."""

    text: str
    linked: bool
    main: bool


def _without_menus(blocks: list[_Block]) -> list[_Block]:
    """Return the blocks without runs of three or more that are hardly more than short links."""
    kept: list[_Block] = []
    run: list[_Block] = []
    for block in blocks:
        if block.linked and len(block.text) < 100:
            run.append(block)
            continue
        kept += run if len(run) < 3 else []
        run = []
        kept.append(block)
    return kept + (run if len(run) < 3 else [])


def _squeeze(text: str) -> str:
    """Return `text` with each run of white space one space, or one tab between table cells."""
    cells = (" ".join(cell.split()) for cell in text.split("\t\t" if "\t\t" in text else "\t"))
    return "\t".join(cell for cell in cells if cell)


def _trimmed_lines(text: str) -> str:
    """Return preformatted text without blank lines around it and space at the ends of lines."""
    return "\n".join(line.rstrip() for line in text.split("\n")).strip("\n")


_START = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html)\b",
    re.I | re.S,
)
_XML_DECLARATION = re.compile(r"\A\ufeff?\s*<\?xml[^>]*>")
_CHARSET = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_.:-]+)""", re.I)
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")


def _words(text: str) -> frozenset[str]:
    """Return the set of words of `text`."""
    return frozenset(text.split())


_NEVER_READ = _words(
    "script style template noscript svg math canvas iframe object embed audio video map nav menu "
    "button select option datalist input dialog footer title"
)
_AROUND_THE_TEXT = frozenset(("header", "aside"))
_ROLES = frozenset(("navigation", "banner", "contentinfo", "search", "menu", "menubar", "dialog"))
# Names by which common site builders, documentation tools and wikis call what is not the text.
_NAMES = _words(
    "nav navbar navigation menu sidebar breadcrumb breadcrumbs toc table-of-contents "
    "footer site-footer site-header page-footer cookie-banner cookie-notice skip-link "
    "navbox catlinks noprint printfooter mw-editsection mw-jump-link mw-navigation "
    "headerlink sphinxsidebar related share social-share pagination"
)
_BLOCK_TAGS = _words(
    "address article aside blockquote body caption center dd details div dl dt fieldset figcaption "
    "figure footer form h1 h2 h3 h4 h5 h6 header hr html legend li main ol p pre section summary "
    "table tbody tfoot thead tr ul"
)
