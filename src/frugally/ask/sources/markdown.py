"""Markdown: the words without the marks, line for line, so that line numbers stay true."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from frugally.ask.document import Document
from frugally.ask.sources.opening import SourceFile
from frugally.ask.sources.source import Report, report_replaced


class Markdown:
    """One document a file, titled by its front matter or its first heading."""

    name = "markdown"
    suffixes: tuple[str, ...] = (".md", ".markdown", ".mdx", ".mkd", ".rmd", ".qmd")

    def recognises(self, head: bytes) -> bool:
        """Markdown without its ending is read as plain text, which it also is."""
        return False

    def documents(self, file: SourceFile, report: Report) -> Iterator[Document]:
        """Yield the document, if it has any text. Reports undecodable bytes."""
        title, text = from_markdown(file.whole_text())
        report_replaced(file, report)
        if text.strip():
            yield Document(id=file.name, text=text, title=title or file.stem, source=file.name)


def from_markdown(source: str) -> tuple[str, str]:
    """Return title ("" if there is none) and text; the text has a line for every source line."""
    title, source = _front_matter(source)
    source = _without_comments(source)
    lines: list[str] = []
    fence = ""
    for line in source.split("\n"):
        mark = _FENCE.match(line)
        if mark and (not fence or (mark[1].startswith(fence) and not mark[2].strip())):
            fence = "" if fence else mark[1]
            lines.append("")
        elif fence or (line.startswith(("    ", "\t")) and not _LIST_ITEM.match(line)):
            lines.append(line)
        elif _MARKS.issuperset(line) or _REFERENCE.match(line):
            lines.append("")
        else:
            heading = _HEADING.match(line)
            plain = _inline(_heading_text(heading[1]) if heading else _BLOCK_MARK.sub("", line))
            lines.append(plain)
            if heading and not title:
                title = plain
    if not title:
        title = _underlined_heading(source)
    return title, "\n".join(lines)


def _front_matter(source: str) -> tuple[str, str]:
    """Return the title in a YAML or TOML block at the start, and the rest behind blank lines."""
    block = _FRONT_MATTER.match(source)
    if not block:
        return "", source
    named = _FRONT_TITLE.search(block[0])
    title = named[1].strip().strip("\"'") if named else ""
    return title, _line_ends(block[0]) + source[block.end() :]


def _underlined_heading(source: str) -> str:
    """Return the first heading that is underlined with = or -, "" if there is none."""
    found = _UNDERLINED.search(source)
    return _inline(found[1]) if found else ""


def _without_comments(source: str) -> str:
    """Return `source` with its HTML comments reduced to their line ends."""
    pieces = []
    start = 0
    while (begins := source.find("<!--", start)) >= 0:
        ends = source.find("-->", begins)
        if ends < 0:
            break
        pieces += [source[start:begins], _line_ends(source[begins:ends])]
        start = ends + 3
    return "".join([*pieces, source[start:]])


def _line_ends(text: str) -> str:
    """Return as many line ends as `text` has."""
    return "\n" * text.count("\n")


def _heading_text(text: str) -> str:
    """Return a heading without its closing marks and its anchor."""
    text = _ANCHOR.sub("", text.rstrip())
    opened = text.rstrip("#")
    return opened if opened != text and opened[-1:].isspace() else text


def _inline(line: str) -> str:
    """Return `line` without the marks of emphasis, links, images, code, tags and tables."""
    verbatim: list[str] = []

    def keep(found: re.Match[str]) -> str:
        verbatim.append(found[2].strip() if found[2] else found[3])
        return f"\0{len(verbatim) - 1}\0"

    line = _VERBATIM.sub(keep, line)
    if "|" in line and line.strip().startswith("|"):
        line = "\t".join(cell.strip() for cell in line.strip().strip("|").split("|"))
    # Twice, as the text of a link may be an image.
    line = _LINK.sub(r"\1", _LINK.sub(r"\1", line))
    line = _AUTOLINK.sub(r"\1", line)
    line = _TAG.sub("", line)
    for emphasis in _EMPHASIS:
        line = emphasis.sub(r"\1", line)
    line = _KEPT.sub(lambda found: verbatim[int(found[1])], html.unescape(line))
    return line.rstrip()


_FRONT_MATTER = re.compile(
    r"\A(?:---\n.*?\n(?:---|\.\.\.)|\+\+\+\n.*?\n\+\+\+)[ \t]*(?:\n|\Z)", re.S
)
_FRONT_TITLE = re.compile(r"^title\s*[:=]\s*(.+)$", re.M | re.I)
_FENCE = re.compile(r"\s{0,3}(`{3,}|~{3,})([^`]*)$")
_LIST_ITEM = re.compile(r"\s*(?:[-*+]|\d{1,9}[.)])\s")
# Lines of nothing else are rules, underlines of headings and of the first rows of tables.
_MARKS = frozenset("-*_=:|+ \t")
_REFERENCE = re.compile(r"\s{0,3}\[[^\]^]+\]:\s*\S+")
_HEADING = re.compile(r"\s{0,3}#{1,6}\s+(.*)$")
_ANCHOR = re.compile(r"\s\{#[^{}]*\}$")
_UNDERLINED = re.compile(r"^(\S.*)\n(?:=+|-+)[ \t]*$", re.M)
_BLOCK_MARK = re.compile(r"^\s*(?:>\s?)*\s*(?:[-*+]\s+(?:\[[ xX]\]\s+)?)?")
# Lengths are bounded: many marks that nothing closes would each be sought to the end of the line.
_VERBATIM = re.compile(r"(?<!`)(`+)(?!`)(.{1,1000}?)(?<!`)\1(?!`)|\\([!-/:-@\[-`{-~])")
_KEPT = re.compile("\0(\\d+)\0")
_LINK = re.compile(
    r"!?\[((?:[^\[\]]|\[[^\[\]]*\])*)\](?:\([^()\s]*(?:\([^()]*\)[^()\s]*)*(?:\s+[^()]*)?\)|\[[^\]]*\])"
)
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^>\s]+)>")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")
_EMPHASIS = (
    re.compile(r"\*\*\*(?=\S)(.{1,1000}?)(?<=\S)\*\*\*"),
    re.compile(r"\*\*(?=\S)(.{1,1000}?)(?<=\S)\*\*"),
    re.compile(r"(?<!\w)__(?=\S)(.{1,1000}?)(?<=\S)__(?!\w)"),
    re.compile(r"(?<![\w*])\*(?=[^\s*])([^*]{1,1000}?)(?<=\S)\*(?!\*)"),
    re.compile(r"(?<!\w)_(?=\S)([^_]{1,1000}?)(?<=\S)_(?!\w)"),
    re.compile(r"~~(?=\S)(.{1,1000}?)(?<=\S)~~"),
)
