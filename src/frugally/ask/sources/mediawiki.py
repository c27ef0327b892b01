"""MediaWiki XML dumps: the articles of a wiki, one by one, however large the dump."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from frugally.ask.document import Document
from frugally.ask.sources.archives import refuse_entities
from frugally.ask.sources.opening import SourceFile
from frugally.ask.sources.source import Problem, Report
from frugally.ask.sources.wikitext import WikitextReader
from frugally.errors import SourceError


class MediaWiki:
    """One document an article: namespace 0, redirects left out, the last revision of each.

    Articles are named by their address, so that a newer dump replaces those of an older one; in
    a dump that does not tell its site they are named `path#title`.
    """

    name = "mediawiki"
    suffixes: tuple[str, ...] = (".xml",)

    def recognises(self, head: bytes) -> bool:
        """Whether a mediawiki tag is near the start."""
        return b"<mediawiki" in head[:4096]

    def documents(self, file: SourceFile, report: Report) -> Iterator[Document]:
        """Yield the articles. Raises SourceError where the XML breaks."""
        from lxml import etree

        events = etree.iterparse(
            file.stream,
            events=("start", "end"),
            tag=("{*}mediawiki", "{*}siteinfo", "{*}revision", "{*}page"),
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            remove_comments=True,
            remove_pis=True,
        )
        try:
            yield from _articles(events, file.name, report)
        except etree.XMLSyntaxError as error:
            raise SourceError(f"the XML breaks in line {error.lineno or 1}: {error.msg}") from error


def _articles(events: Any, name: str, report: Report) -> Iterator[Document]:
    """Yield the articles among the parser's events, forgetting each element as it ends."""
    site = _Site()
    reader = WikitextReader()
    wikitext = ""
    dump = False
    for event, element in events:
        kind = element.tag.rpartition("}")[2]
        if not dump:
            dump = _check_root(element, kind)
        if event == "start":
            if kind == "page":
                wikitext = ""
        elif kind == "siteinfo":
            site = _Site.read(element)
            reader = WikitextReader(
                file_names=site.names(6), category_names=site.names(14), prefixes=site.prefixes
            )
        elif kind == "revision":
            wikitext = _revision_text(element)
            element.clear()
        elif kind == "page":
            title = " ".join((element.findtext("{*}title") or "").split())
            if title and wikitext and site.is_article(element, title):
                document = _document(
                    title, wikitext, site=site, reader=reader, name=name, report=report
                )
                if document is not None:
                    yield document
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    if not dump:
        raise SourceError("is not a MediaWiki dump, the only XML that is read")


def _check_root(element: Any, kind: str) -> bool:
    """Return True for the root of a dump. Raises SourceError for anything else."""
    refuse_entities(element)
    if kind != "mediawiki":
        raise SourceError("is not a MediaWiki dump, the only XML that is read")
    return True


def _revision_text(revision: Any) -> str:
    """Return the wikitext of a revision, "" if it is a redirect or not wikitext."""
    model = revision.findtext("{*}model") or "wikitext"
    text = revision.findtext("{*}text") or ""
    return "" if model != "wikitext" or _REDIRECT.match(text) else text


def _document(
    title: str,
    wikitext: str,
    *,
    site: _Site,
    reader: WikitextReader,
    name: str,
    report: Report,
) -> Document | None:
    """Return the article as a document; reports one that cannot be read, None if it is empty."""
    try:
        text = reader.text(wikitext)
    # The parser gives up on some nests of markup with whatever error comes.
    except Exception as error:
        report(Problem(path=name, reason=f"article {title!r} cannot be read: {error}"))
        return None
    if not text:
        return None
    url = site.url(title)
    return Document(id=url or f"{name}#{title}", text=text, title=title, url=url, source=name)


class _Site:
    """What a dump says of its wiki: where articles are, and what its namespaces are called."""

    def __init__(self, base: str = "", namespaces: dict[int, str] | None = None) -> None:
        self._base = base
        self._namespaces = namespaces or {}
        self.prefixes = frozenset(name.lower() for name in self._namespaces.values() if name)

    @classmethod
    def read(cls, siteinfo: Any) -> _Site:
        """Return what a siteinfo element says."""
        page = (siteinfo.findtext("{*}base") or "").strip()
        # The main page's address: articles' addresses differ in what follows the last / or =.
        found = _LAST_PART.match(page)
        namespaces = {
            int(element.get("key", "0")): (element.text or "").strip()
            for element in siteinfo.iterfind("{*}namespaces/{*}namespace")
        }
        return cls(found[0] if found else "", namespaces)

    def names(self, number: int) -> tuple[str, ...]:
        """Return what the wiki calls a namespace besides its English name."""
        name = self._namespaces.get(number, "")
        return (name,) if name else ()

    def is_article(self, page: Any, title: str) -> bool:
        """Whether a page is in the main namespace and no redirect."""
        if page.find("{*}redirect") is not None:
            return False
        number = page.findtext("{*}ns")
        if number is not None:
            return bool(number.strip() == "0")
        # Dumps of before 2010 have no numbers.
        return title.partition(":")[0].lower() not in self.prefixes or ":" not in title

    def url(self, title: str) -> str:
        """Return the address of an article, "" if the dump does not say."""
        if not self._base:
            return ""
        return self._base + quote(title.replace(" ", "_"), safe="/:@!$*'(),;~")


_LAST_PART = re.compile(r"https?://.*[/=]")
# In any language: #REDIRECT [[...]]. A list item that starts with a link has no word between.
_REDIRECT = re.compile(r"\s*#[^\s\[#*:]+\s*:?\s*\[\[")
