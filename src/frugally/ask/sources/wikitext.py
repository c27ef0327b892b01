"""Wikitext to the text that a reader of the wiki sees, less tables, notes and pictures."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any


class WikitextReader:
    """Turns wikitext into text: a paragraph, heading or list item a line.

    `file_names` and `category_names` are what the wiki calls these besides English; `prefixes`
    are all its namespaces.
    """

    def __init__(
        self,
        *,
        file_names: Iterable[str] = (),
        category_names: Iterable[str] = (),
        prefixes: Iterable[str] = (),
    ) -> None:
        self._unseen = frozenset(
            name.lower()
            for name in ("file", "image", "media", "category", *file_names, *category_names)
        )
        self._prefixes = frozenset(prefixes)
        unseen = "|".join(re.escape(name) for name in sorted(self._unseen))
        # What the parser took for text because its brackets do not match.
        self._debris = re.compile(rf"\[\[\s*(?:{unseen})\s*:[^\n]*", re.I)

    def text(self, wikitext: str) -> str:
        """Return the text of a page, "" if nothing remains of it.

        Raises ValueError for a page with thousands of marks that nothing closes: the parser tries
        each to the end of the page, which would take it hours.
        """
        import mwparserfromhell

        if (unclosed := _unclosed(wikitext)) > _MOST_UNCLOSED:
            raise ValueError(f"{unclosed:,} brackets or tags that nothing closes")
        pieces: list[str] = []
        self._read(mwparserfromhell.parse(wikitext, skip_style_tags=False), pieces)
        return _tidy(self._debris.sub("", "".join(pieces)))

    def _read(self, code: Any, pieces: list[str]) -> None:
        """Add the text of every node of `code` to `pieces`."""
        from mwparserfromhell import nodes

        for node in code.nodes:
            if isinstance(node, nodes.Text):
                pieces.append(node.value)
            elif isinstance(node, nodes.Wikilink):
                self._read_link(node, pieces)
            elif isinstance(node, nodes.Tag):
                self._read_tag(node, pieces)
            elif isinstance(node, nodes.Template):
                self._read_template(node, pieces)
            elif isinstance(node, nodes.Heading):
                pieces.append("\n\n")
                self._read(node.title, pieces)
                pieces.append(f"{_HEADING_MARK}\n")
            elif isinstance(node, nodes.ExternalLink):
                if node.title is not None:
                    self._read(node.title, pieces)
            elif isinstance(node, nodes.HTMLEntity):
                pieces.append(_entity(node))

    def _read_link(self, link: Any, pieces: list[str]) -> None:
        """Add what a link shows; nothing for pictures, categories and other languages."""
        target = str(link.title).strip()
        prefix, colon, rest = target.partition(":")
        prefix = prefix.strip().lower()
        if colon and (
            prefix in self._unseen or (_LANGUAGE.fullmatch(prefix) and link.text is None)
        ):
            return
        if link.text is not None and str(link.text).strip():
            self._read(link.text, pieces)
            return
        target = target.removeprefix(":")
        if link.text is not None and colon and rest:
            # The pipe trick: [[Help:Links|]] shows "Links".
            target = rest
        pieces.append(target.replace("_", " "))

    def _read_tag(self, tag: Any, pieces: list[str]) -> None:
        """Add what stands in a tag, except in those that show no running text."""
        name = str(tag.tag).strip().lower()
        if name in _UNSEEN_TAGS:
            return
        if name == "br":
            pieces.append("\n")
        elif tag.wiki_markup and name in ("li", "dd", "dt"):
            # The mark of a list item; what follows is its text.
            return
        elif tag.contents is not None:
            block = name in _BLOCK_TAGS
            pieces.append("\n" if block else "")
            self._read(tag.contents, pieces)
            pieces.append("\n" if block else "")

    def _read_template(self, template: Any, pieces: list[str]) -> None:
        """Add the text of the few templates that stand within sentences, nothing for others."""
        name = " ".join(str(template.name).replace("_", " ").split()).lower()
        if name in _SIGNS:
            pieces.append(_SIGNS[name])
            return
        values = [p.value for p in template.params if not p.showkey]
        if name in ("convert", "cvt") and len(values) >= 2:
            self._read(values[0], pieces)
            pieces.append(" ")
            self._read(values[1], pieces)
        elif (place := _SHOWN_PARAMETER.get(name)) is not None and len(values) > place:
            pieces.append(_PREFIXED.get(name, ""))
            self._read(values[place], pieces)
        elif name.startswith("lang-") and values:
            self._read(values[0], pieces)


def _unclosed(wikitext: str) -> int:
    """Return about how many more brackets or tags open in a page than close."""
    square, curly, tags = (
        wikitext.count(opening) - wikitext.count(closing)
        for opening, closing in (("[", "]"), ("{", "}"), ("<", "</"))
    )
    alone = sum(map(wikitext.count, ("</", "/>", "<!--", "<br", "<li", "< ")))
    return max(square, curly, tags - alone)


# The parser takes half a second for as many.
_MOST_UNCLOSED = 2000


def _entity(node: Any) -> str:
    """Return the character of an entity, the entity as it stands if there is no such character."""
    try:
        character: str = node.normalize()
    except (ValueError, OverflowError, KeyError):
        return str(node)
    return " " if character in "\xa0\u2009\u202f" else character


def _tidy(text: str) -> str:
    """Return `text` without leftovers of markup, sections that lost all text, and double spaces."""
    text = text.replace("\0", "").replace("\xa0", " ").replace("&nbsp;", " ")
    for pattern, replacement in _LEFTOVERS:
        text = pattern.sub(replacement, text)
    lines: list[str] = []
    for line in text.split("\n"):
        stripped = line.strip()
        if stripped.endswith(_HEADING_MARK) and stripped != _HEADING_MARK:
            # A heading with nothing under it goes when the next heading comes.
            while lines and (not lines[-1] or lines[-1].endswith(_HEADING_MARK)):
                lines.pop()
            lines.append("")
            lines.append(stripped.removesuffix(_HEADING_MARK).rstrip() + _HEADING_MARK)
        elif stripped and stripped != _HEADING_MARK:
            lines.append(stripped)
        elif lines and lines[-1]:
            lines.append("")
    while lines and (not lines[-1] or lines[-1].endswith(_HEADING_MARK)):
        lines.pop()
    return "\n".join(lines).replace(_HEADING_MARK, "").strip("\n")


# Marks lines that are headings until it is known what stands under them.
_HEADING_MARK = "\x01"

_LEFTOVERS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"__[A-Z]{3,}__"), ""),
    (re.compile(r"^[ \t]*(?:\{\||\|).*$", re.M), ""),
    (re.compile(r"^[ \t]*!.*(?:!!|\|).*$", re.M), ""),
    (re.compile(r"\{\{[^{}\n]*\}\}|\{\{|\}\}|'{2,}|\[\[|\]\]"), ""),
    (
        re.compile(
            r"</?(?:ref|small|sup|sub|div|span|br|center|nowiki|blockquote|p|i|b|u|s|tt)\b[^<>\n]*>",
            re.I,
        ),
        "",
    ),
    # What templates and pronunciations leave: "( ; )", "(, born", "word ,".
    (re.compile(r"\([\s,;:]*\)"), ""),
    (re.compile(r"\([\s,;:]+"), "("),
    (re.compile(r"[ ,;:]+\)"), ")"),
    (re.compile(r"(?<=\S)[ \t]+(?=[,.;:](?:\s|$))"), ""),
    (re.compile(r"[ \t]{2,}"), " "),
    (re.compile(r"^[*#:;]+[ \t]*", re.M), ""),
    (re.compile(r"^[.,;:*# \t]+$", re.M), ""),
)

_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z]+)*|simple")


def _words(text: str) -> frozenset[str]:
    """Return the set of words of `text`."""
    return frozenset(text.split())


_UNSEEN_TAGS = _words(
    "ref references table gallery timeline math chem score imagemap templatestyles hr graph "
    "mapframe maplink section inputbox categorytree ce hiero style script"
)
_BLOCK_TAGS = _words("div p blockquote poem pre center ul ol li dl dd dt syntaxhighlight source")
_SIGNS = {
    "ndash": "–",
    "mdash": "—",
    "snd": " – ",
    "spnd": " – ",
    "spaced ndash": " – ",
    "spaced en dash": " – ",
    "dash": " – ",
    "'": "'",
    "'s": "'s",
    "·": " · ",
    "nbsp": " ",
    "!": "|",
    "=": "=",
}
# Templates that show one of their values: the number of it.
_SHOWN_PARAMETER = {
    "lang": 1,
    "transl": 1,
    "nowrap": 0,
    "nobr": 0,
    "nobold": 0,
    "small": 0,
    "smaller": 0,
    "big": 0,
    "abbr": 0,
    "tooltip": 0,
    "c.": 0,
    "circa": 0,
    "sup": 0,
    "sub": 0,
    "em": 0,
    "strong": 0,
    "quote": 0,
    "blockquote": 0,
    "cquote": 0,
    "quotation": 0,
    "as of": 0,
    "main other": 0,
    "formatnum": 0,
    "val": 0,
    "mvar": 0,
    "math": 0,
    "ill": 0,
    "interlanguage link": 0,
    "linktext": 0,
    "visible anchor": 0,
}
_PREFIXED = {"c.": "c. ", "circa": "c. ", "as of": "As of "}
