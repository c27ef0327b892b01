"""Choose the articles that ship with frugally, shorten them, and build the collection.

    python scripts/make_shipped_collection.py --data DATA OUT

DATA holds `wiki/simplewiki-2021.jsonl.xz`: the Simple English Wikipedia, lines of id, title, url
and text. OUT is a new or empty folder. The same input makes the same collection.

The rule, in the order of the functions below:

1. Articles that cannot answer a question are left out: lists, years, days, centuries,
   disambiguation pages, function words, texts under `SHORTEST` characters.
2. An article gets a vote from every other article of some length that has its title in its text.
   An article divides its votes: each counts 1 / sqrt(how many titles it mentions). Voting is
   repeated, and from the second round on those who came in high count for more.
3. The logarithm of the votes, the length of the text and how early the article was written (general
   subjects were written first) make its score. Things with a name, and kinds of thing that
   questions are about, gain; common words, films and songs, and small places lose.
4. The first `ARTICLES` by score are in, and so are all countries, their capitals, the chemical
   elements, and the few subjects in `ALSO` that many ask about and the rule misses.
5. Of each, the introduction and as many of the paragraphs after it are kept as its rank allows.
"""

from __future__ import annotations

import html
import json
import lzma
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from frugally.ask.collection import Collection
from frugally.ask.document import Document
from frugally.text.stopwords import STOP_WORDS

DUMP = Path("wiki", "simplewiki-2021.jsonl.xz")
SOURCE = "Simple English Wikipedia"

ARTICLES = 4600
SHORTEST = 70  # characters of a text; that of San Salvador has 74
MOST_BYTES = 11_500_000

# Votes
VOTER = 400  # characters of a text that may vote
ELECTORATE = 12_000  # the articles that count for more from the second round on,
OTHERS = 0.15  # and what the others count
ROUNDS = 4
LONGEST_TITLE = 8  # words and punctuation marks

# Subjects that many ask about and that the rule misses. The cities are capitals of countries whose
# articles do not say it in a common way.
_ALSO = """
    Ada Lovelace|Alexander Fleming|Antibiotics|Aşgabat|Babe Ruth|Big Ben|Bitcoin|Blue whale|
    Chișinău|Colombo|Diabetes mellitus|Dili|Domestic sheep|Giant panda|Gorilla|IPhone|Islamabad|
    Israeli–Palestinian conflict|Koala|Lake Victoria|Machu Picchu|Madonna (entertainer)|Managua|
    Minecraft|Montevideo|Mount Kilimanjaro|Nassau, Bahamas|Nicosia|Nouakchott|Octopus|
    Orange (fruit)|Pelé|Portuguese language|Pretoria|Proton|Pyongyang|Rabat|Roger Federer|
    San Salvador|Serena Williams|Smartphone|State of Palestine|Steam engine|Swimming|Taj Mahal|
    Tbilisi|Tripoli|Ulan Bator|Usain Bolt|Wright brothers
"""
ALSO = frozenset(title.strip() for title in _ALSO.split("|"))

# Countries whose articles do not say in so many words that they are one.
OTHER_COUNTRIES = frozenset(
    ("Albania", "Algeria", "China", "Guinea", "Israel", "Kosovo", "Maldives", "Monaco")
)

# Countries come in down to this rank, so that what merely sounds like one does not.
COUNTRY_RANK = 15_000

# How many characters an article keeps: LONGEST_TEXT for the first, less with the rank, at the
# least SHORTEST_TEXT.
LONGEST_TEXT = 5000
SHORTEST_TEXT = 2600  # shorter ones would save little, as texts from 2048 bytes on are compressed
HALVED_AT = 1500

_TOKEN = re.compile(r"[^\W_]+|[^\w\s]")
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_NO_SUBJECT = re.compile(
    r"(?:Lists? of|Timeline of|Index of|Outline of|Glossary of|Deaths in|Comparison of)\b"
    r"|\w+:\S"  # a name space
    rf"|(?:{_MONTHS}) \d+$"
    r"|(?:c\. |AD )?\d[\w–-]*(?: (?:BCE?|AD|CE))?$"  # 1984, 1980s, 44 BC
    r"|\d{4} "  # 2004 Summer Olympics
    r"|.*\d(?:st|nd|rd|th) (?:century|millennium)"
    r"|.*\b(?:in \d{4}\b|\d{4}[–-])"
    r"|.*\bseasons?$"
    r"|.*\((?:disambiguation|surname|given name|name|word|letter)\)"
)
_DISAMBIGUATION = re.compile(
    r"[^\n.]*\b(?:may|can|could|might)(?: also)? (?:mean|refer to|stand for|be)\b[^\n.]*:?(?:\n|$)"
    r"|[^\n.]*:(?:\n|$)"
    r"|[^\n]*\b(?:disambiguation|may refer to:|can mean:|could mean:)"
)
_QUALIFIED = re.compile(r"(.+?) ?(?:\(([^)]*)\)|, (.+))$")  # Georgia (country); Cleveland, Ohio

_KINDS = re.compile(
    r"[^.]*?\b(?:is|was|are|were)\b[^.]{0,90}?\b(?:"
    r"mammal|marsupial|bird|reptile|amphibian|insect|predator|primate|whale|bear|cat|fish|animal|"
    r"dinosaur|species|breed|plant|tree|flower|fruit|vegetable|dish|food|drink|bacteria|virus|"
    r"scientist|physicist|chemist|mathematician|astronomer|biologist|engineer|inventor|explorer|"
    r"astronaut|philosopher|painter|sculptor|poet|playwright|writer|author|novelist|composer|"
    r"pianist|musician|singer|actor|actress|director|activist|businessman|businesswoman|"
    r"entrepreneur|president|monarch|king|queen|emperor|prime minister|leader|general|dictator|"
    r"pope|saint|prophet|god|goddess|footballer|runner|sprinter|swimmer|boxer|cricketer|"
    r"tennis player|basketball player|"
    r"continent|ocean|sea|strait|canal|peninsula|mountain|mountain range|volcano|river|lake|"
    r"desert|canyon|waterfall|island|tower|bridge|palace|temple|monument|castle|museum|mausoleum|"
    r"archaeological site|planet|moon|star|comet|galaxy|"
    r"language|programming language|sport|religion|holiday|festival|instrument|disease|organ|gland|"
    r"war|battle|treaty|empire|dynasty|currency|cryptocurrency|novel|epic|painting|sculpture|opera|"
    r"ballet|symphony|invention|machine|vehicle|aircraft|ship|spacecraft|weapon|operating system|"
    r"search engine|website|company|theory|law|particle|element|gas|metal|mineral|gemstone|rock"
    r")s?\b"
)
_SHOWS = re.compile(
    r"\b(?:movie|song|album|single|video game|television series|TV series|sitcom|wrestler|"
    r"wrestling|anime|manga|telenovela)s?\b"
)
_SMALL_PLACES = re.compile(
    r"\b(?:commune|department|prefecture|county|borough|village|suburb|district|municipality|"
    r"town|university|constituency)\b"
)
_COUNTRY = re.compile(
    r"\b(?:is|was|are|make up) (?:officially called )?(?:an?|one of the) "
    r"(?:(?!in|of|song)[\w'’-]+ ){0,5}?(?:country|sovereign state|nation|republic)\b"
    r"(?!-| (?:music|singer|rock|house|pop|band|song|group|(?:in|of) (?:the )?fiction))"
)
# The title, or `It`, is the capital of one of the countries: %s is their names.
_CAPITAL = (
    r"(?:^[^.\n]*?|\bIt |\bcity )\b(?:is|was)(?: also)?"
    r"(?: (?!in\b|at\b|from\b|near\b|of\b|to\b|for\b)[a-z-]+,?)*? capital(?: city)?"
    r"(?: \([^)]*\))?(?:,? and [^.,]{0,40}?)?,? of (?:the )?"
    r"(?:(?:\w+ ){0,2}(?:country|nation|state|Republic|Kingdom|Sultanate|Commonwealth)"
    r" of (?:the )?)?"
    r"(?:%s)\b(?! [A-Z])"
)
_ELEMENT = re.compile(
    r"\batomic number (?:of |is )?\d|\bchemical element|\belement \d+ on the periodic"
)
_UNDISCOVERED = re.compile(r"Un\w{4,}um$")  # Unbibium: elements that nobody has seen

# Sections after which nothing can be read, and what is left of removed markup.
_LAST_SECTIONS = re.compile(
    r"\n(?:Related pages|References|Other websites|Further reading|Notes|Notes and references|"
    r"Gallery|Bibliography|Sources|Footnotes)\.?\n",
)
_REMOVED = (
    # Sentences whose formula is lost.
    (re.compile(r"[^.!?\n]*\b(?:formula|codice)_\d+[^.!?\n]*[.!?]?"), ""),
    (re.compile(r"</?(?:br|mapframe|gallery|score|section|ref)\b[^<>\n]*>"), ""),
    (re.compile(r"\((?:\s*[;,:])+\s*"), "("),
    (re.compile(r" ?\(\s*\)"), ""),
    (re.compile(r"[ \u00a0]+"), " "),
)


@dataclass(slots=True, eq=False)
class Article:
    """An article of the dump, with what is found out about its title."""

    number: int
    title: str
    url: str
    text: str
    common: bool | None = None  # whether its own text has the title as a common noun
    qualifier: frozenset[str] = field(default_factory=frozenset)  # words in parentheses

    @property
    def opening(self) -> str:
        """What tells the kind of thing that it is about."""
        return self.text[:250]


def read_articles(path: Path) -> list[Article]:
    """Return all articles of the dump, by number."""
    with lzma.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    articles = [
        Article(int(row["id"]), html.unescape(row["title"]), row["url"], html.unescape(row["text"]))
        for row in rows
    ]
    return sorted(articles, key=lambda article: article.number)


def is_candidate(article: Article) -> bool:
    """Whether an article is about one subject, and has text."""
    return not (
        len(article.text) < SHORTEST
        or len(article.title) < 2
        or article.title.lower() in STOP_WORDS
        or _NO_SUBJECT.match(article.title)
        or _DISAMBIGUATION.match(article.text)
    )


Names = dict[str, dict[tuple[str, ...], list[Article]]]
"""Articles by the tokens of the names they go by, under the first of these."""


def name_articles(articles: Sequence[Article]) -> Names:
    """Return what to look for in texts, and set `common` and `qualifier` of the articles.

    The name of a qualified title, as `Georgia (country)`, is `Georgia`, and counts in texts that
    have the words of the qualifier too. A title that its own text writes small is looked for
    small and in the plural too.
    """
    names: Names = {}

    def add(tokens: tuple[str, ...], article: Article) -> None:
        if 0 < len(tokens) <= LONGEST_TITLE:
            named = names.setdefault(tokens[0], {}).setdefault(tokens, [])
            if article not in named:
                named.append(article)

    for article in articles:
        match = _QUALIFIED.match(article.title)
        base = match[1] if match else article.title
        if match:
            words = _TOKEN.findall((match[2] or match[3]).lower())
            article.qualifier = frozenset(words)
        tokens = tuple(_TOKEN.findall(base))
        add(tokens, article)
        if base[0].islower() or not tokens:
            continue
        small = base[0].lower() + base[1:]
        as_common = len(re.findall(rf"\b{re.escape(small)}(?:s|es)?\b", article.text))
        as_name = len(re.findall(rf"(?<=[a-z,] ){re.escape(base)}\b", article.text))
        article.common = as_common > as_name
        if article.common:
            lower = (tokens[0].lower(), *tokens[1:])
            for ending in ("", "s", "es"):
                add((*lower[:-1], lower[-1] + ending), article)
                add((*tokens[:-1], tokens[-1] + ending), article)
    for under in names.values():
        for named in under.values():
            # What is qualified is tried first: an article without qualifier takes the rest.
            named.sort(key=lambda a: (not a.qualifier, a.number))
    return names


def mentioned(text: str, names: Names, longest: dict[str, list[int]]) -> set[int]:
    """Return the numbers of the articles that a text has the names of, the longest name first."""
    tokens = _TOKEN.findall(text)
    words: frozenset[str] | None = None
    found: set[int] = set()
    place, end = 0, len(tokens)
    while place < end:
        token = tokens[place]
        step = 1
        for length in longest.get(token, ()):
            named = names[token].get(tuple(tokens[place : place + length]))
            if named is None:
                continue
            step = length
            if length == 1 and token[0].isupper() and _in_longer_name(tokens, place):
                break
            for article in named:
                if article.qualifier and words is None:
                    words = frozenset(w.lower() for w in tokens)
                if not article.qualifier or (words is not None and article.qualifier <= words):
                    found.add(article.number)
                    break
            break
        place += step
    return found


def _in_longer_name(tokens: Sequence[str], place: int) -> bool:
    """Whether the capitalised word before or after belongs to the same name: Eddie in Eddie Murphy.

    The first word of a sentence is capitalised anyway, so function words do not count.
    """
    around = [*tokens[max(0, place - 1) : place], *tokens[place + 1 : place + 2]]
    return any(t[0].isupper() and t.lower() not in STOP_WORDS for t in around)


def count_votes(articles: Sequence[Article], candidates: Sequence[Article]) -> dict[int, float]:
    """Return the votes of each candidate after the last round."""
    names = name_articles(candidates)
    longest = {
        token: sorted({len(tokens) for tokens in under}, reverse=True)
        for token, under in names.items()
    }
    ballots: dict[int, list[int]] = {}
    for article in articles:
        if len(article.text) >= VOTER and not _NO_SUBJECT.match(article.title):
            found = mentioned(article.text, names, longest) - {article.number}
            ballots[article.number] = sorted(found)
    weights = dict.fromkeys(ballots, 1.0)
    votes: dict[int, float] = {}
    for _ in range(ROUNDS):
        votes = dict.fromkeys((a.number for a in candidates), 0.0)
        for voter, found in ballots.items():
            for number in found:
                votes[number] += weights[voter] / math.sqrt(len(found))
        weights = dict.fromkeys(ballots, OTHERS)
        weights.update(dict.fromkeys(sorted(votes, key=lambda n: (-votes[n], n))[:ELECTORATE], 1.0))
    return votes


def score(article: Article, votes: float) -> float:
    """Return how likely it is that people ask for what an article says."""
    opening = article.opening
    length = min(max(len(article.text), 150), 10_000)
    value = math.log(votes + 0.05) + 0.6 * math.log(length)
    value -= 0.25 * math.log(article.number + 2000)
    is_of_kind = bool(_KINDS.match(opening))
    if article.common is not None:
        value += 0.4 if not article.common else -0.5 if is_of_kind else -1.3
    value += 0.8 * is_of_kind
    value -= 0.4 * bool(article.qualifier)
    value -= 0.8 * bool(_SHOWS.search(opening))
    value -= 0.5 * bool(_SMALL_PLACES.search(opening))
    return value


def choose(articles: Sequence[Article]) -> list[Article]:
    """Return the articles that ship, best first."""
    candidates = [article for article in articles if is_candidate(article)]
    votes = count_votes(articles, candidates)
    ranked = sorted(candidates, key=lambda a: (-score(a, votes[a.number]), a.number))
    countries = [a for a in ranked[:COUNTRY_RANK] if not a.common and _COUNTRY.search(a.text[:300])]
    always = {a.number for a in (*countries, *_capitals(ranked, countries), *_elements(ranked))}
    always |= {a.number for a in ranked if a.title in ALSO}
    return ranked[:ARTICLES] + [a for a in ranked[ARTICLES:] if a.number in always]


def _capitals(ranked: Sequence[Article], countries: Sequence[Article]) -> list[Article]:
    names = {_QUALIFIED.sub(r"\1", a.title).removeprefix("The ") for a in countries}
    names |= {a.title for a in ranked[:ARTICLES] if a.title in OTHER_COUNTRIES}
    longest_first = sorted(map(re.escape, names), key=lambda name: (-len(name), name))
    capital = re.compile(_CAPITAL % "|".join(longest_first))
    return [a for a in ranked if not a.common and capital.search(a.text[:300])]


def _elements(ranked: Sequence[Article]) -> list[Article]:
    return [
        a
        for a in ranked
        if " " not in a.title
        and not _UNDISCOVERED.match(a.title)
        and _ELEMENT.search(a.text[:700])
        and ("atomic number" in a.text or "periodic table" in a.text)
    ]


def shorten(text: str, longest: int) -> str:
    """Return the first paragraphs of a text that fit, without what cannot be read."""
    text = _LAST_SECTIONS.split(text + "\n", maxsplit=1)[0]
    for pattern, instead in _REMOVED:
        text = pattern.sub(instead, text)
    kept: list[str] = []
    size = 0
    for line in filter(None, map(str.strip, text.split("\n"))):
        size += len(line) + 1
        if kept and size > longest:
            break
        kept.append(line)
    while len(kept) > 1 and _is_heading(kept[-1]):
        kept.pop()
    return "\n".join(kept)


def _is_heading(line: str) -> bool:
    return len(line) < 60 and len(line.split()) < 7 and line[-1] in ".:" and ". " not in line


def room(rank: int) -> int:
    """Return how many characters the article of a rank keeps."""
    return max(SHORTEST_TEXT, round(LONGEST_TEXT / (1 + rank / HALVED_AT)))


def documents(chosen: Sequence[Article]) -> Iterator[Document]:
    """Yield the documents that are stored."""
    for rank, article in enumerate(chosen):
        yield Document(
            id=article.title,
            title=article.title,
            url=article.url,
            text=shorten(article.text, room(rank)),
            source=SOURCE,
        )


ATTRIBUTION = """\
# Attribution

The texts in this collection are from the Simple English Wikipedia, https://simple.wikipedia.org/,
as it was in 2021. Their authors are the editors of the Simple English Wikipedia; the history of
each article names them. The collection holds the address of every article, `frugally` shows it
beside an answer, and the history is one click from there.

The texts are available under the Creative Commons Attribution-ShareAlike licence: version 3.0
Unported (https://creativecommons.org/licenses/by-sa/3.0/) as Wikipedia stated at the time, and
version 4.0 (https://creativecommons.org/licenses/by-sa/4.0/) as it has stated since June 2023. So
is this collection, which is an adaptation of them; the licence of the `frugally` program is
another.

What was changed: {articles:,} of {of:,} articles were selected; markup, tables, images,
references and formulas were removed; and most articles were shortened to their introduction and
the paragraphs that follow it. The titles and addresses are unchanged.

Made by `scripts/make_shipped_collection.py`. Wikipedia is a trademark of the Wikimedia
Foundation, which neither made nor endorses this collection.
"""


@click.command()
@click.option(
    "--data",
    envvar="FRUGALLY_DATA",
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help=f"The folder that holds {DUMP} (or set FRUGALLY_DATA).",
)
@click.argument("out", type=click.Path(path_type=Path))
def main(data: Path, out: Path) -> None:
    """Build the collection that ships with frugally in the new or empty folder OUT."""
    articles = read_articles(data / DUMP)
    chosen = choose(articles)
    collection = Collection.create(out)
    added = collection.add(documents(chosen))
    collection.compact()
    (out / "lock").unlink(missing_ok=True)
    text = ATTRIBUTION.format(articles=added.documents, of=len(articles))
    (out / "ATTRIBUTION.md").write_text(text, encoding="utf-8")
    size = sum(file.stat().st_size for file in out.rglob("*") if file.is_file())
    click.echo(f"{added.documents:,} articles, {added.passages:,} passages, {size:,} bytes")
    if added.problems or size > MOST_BYTES:
        raise click.ClickException(f"{added.problems} or more than {MOST_BYTES:,} bytes")


if __name__ == "__main__":
    main()
