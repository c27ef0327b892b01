"""Sentences of plain text and their tokens, as the English treebanks cut them.

`don't` is `do` and `n't`, `it's` is `it` and `'s`, `cannot` is `can` and `not`; hyphens between
letters, currency signs, per cent signs and units stand alone; addresses, abbreviations, numbers,
emoticons and runs of the same mark stay whole. The rules are of English; other languages that
write spaces get words and punctuation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_ABBREVIATIONS = (
    "Mr|Mrs|Ms|Dr|Prof|Sr|Jr|St|Gen|Sen|Rep|Gov|Lt|Col|Capt|Sgt|Rev|Hon|Messrs|Inc|Ltd|Co|Corp|"
    "Bros|vs|etc|cf|al|Fig|fig|Nos|Vol|pp|ed|eds|approx|dept|Dept|est|Est|Ave|Blvd|Rd|Mt|Ft|Jan|"
    "Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec|Tel|tel|Ext|ext"
)
# After these a new sentence may begin all the same.
_MAY_END = {"Inc", "Ltd", "Co", "Corp", "Bros", "etc", "al", "Jr", "Sr", "Ave", "Blvd", "Rd"}

_APOSTROPHE = "['’`]"
_TOKEN = re.compile(
    rf"""
      (?P<address> (?:https?://|ftp://|www\.)[^\s<>"]*[^\s<>"'.,;:!?)\]}}]
                 | [\w.+-]{{1,64}}@[\w-]{{1,64}}(?:\.[\w-]{{1,64}}){{1,8}}
                 | \b[\w-]{{1,40}}(?:\.[\w-]{{1,40}}){{0,4}}
                   \.(?:com|org|net|edu|gov|co\.uk|html?|doc|pdf|xls)\b )
    | (?P<face> [:;=8][-o*']?[)(\]\[dDpP/\\|}}{{@](?!\w) | <3 | :['’]\( | \^_*\^ )
    | (?P<short> (?:[A-Za-z]\.){{2,}} | \b(?:[aApP])\.(?:m|M)\.
               | \b(?:{_ABBREVIATIONS})\.(?!\w) | \b[A-Z]\.(?=\s+[A-Z]) )
    | (?P<number> \d{{3}}-\d{{3}}-\d{{4}}\b | \d{{3}}-\d{{4}}\b
               | \d+(?:[.,:/]\d+)+ | \.\d+(?!\w) | \d+(?:st|nd|rd|th)\b | \d+s\b | \d+ )
    | (?P<word> [^\W\d_](?:[\w]|(?<=\w)&(?=\w))*(?:{_APOSTROPHE}[^\W\d_]+)* )
    | (?P<clitic> {_APOSTROPHE}(?:s|m|re|ve|ll|d|S|M|RE|VE|LL|D|em|til|cause|tis|twas)\b )
    | (?P<same> \.{{2,}} | …+ | !+[!?]* | \?+[!?]* | \.[?!]+ | -{{2,}} | ={{2,}} | \*{{2,}}
              | _{{2,}} | ~{{2,}} | \#{{2,}} | ,{{2,}} | <<+ | >>+ | ’’ | ‘’ | `` | '' )
    | (?P<other> [^\s] )
    """,
    re.VERBOSE,
)
_NOT = re.compile(rf"(?<=\w)n{_APOSTROPHE}t$", re.IGNORECASE)
_CLITIC = re.compile(rf"(?<=\w){_APOSTROPHE}(?:s|m|re|ve|ll|d)$", re.IGNORECASE)
# Words of two that are written as one, and where they part.
_JOINED = {
    "cannot": 3, "gonna": 3, "wanna": 3, "gotta": 3, "gimme": 3, "lemme": 3, "dunno": 2, "dont": 2,
    "didnt": 3, "doesnt": 4, "isnt": 2, "wasnt": 3, "wont": 2, "cant": 2, "couldnt": 5, "im": 1,
    "ive": 1, "thats": 4,
}  # fmt: skip
_ENDS = re.compile(r"[.!?…。！？]+")
_CLOSING = set("\"'”’)]}»")
_BREAK = re.compile(r"\n[ \t\r]*\n")


@dataclass(frozen=True, slots=True)
class Token:
    """A word or a mark, at the characters `start` to `end` of the text."""

    text: str
    start: int
    end: int


def tokens(text: str, start: int = 0, end: int | None = None) -> Iterator[Token]:
    """The tokens of a text, or of its characters `start` to `end`, in their order."""
    stop = len(text) if end is None else end
    for match in _TOKEN.finditer(text, start, stop):
        first, last = match.span()
        if match.lastgroup == "word":
            for low, high in _parts(match.group()):
                yield Token(text[first + low : first + high], first + low, first + high)
        else:
            yield Token(match.group(), first, last)


def _parts(word: str) -> list[tuple[int, int]]:
    """Where the syntactic words of a written word lie."""
    cut = _JOINED.get(word.lower()) if len(word) > 2 else None
    if cut is not None:
        return [(0, cut), (cut, len(word))]
    end, parts = len(word), []
    while True:
        # Four characters hold the longest clitic and the letter before it.
        near = max(0, end - 4)
        found = _NOT.search(word, near, end) or _CLITIC.search(word, near, end)
        if found is None:
            break
        parts.append((found.start(), end))
        end = found.start()
    parts.append((0, end))
    return parts[::-1]


def sentences(text: str) -> Iterator[list[Token]]:
    """The sentences of a text as their tokens; an empty line ends one, whatever stands there."""
    start = 0
    for gap in [*(match.span() for match in _BREAK.finditer(text)), (len(text), len(text))]:
        yield from _paragraph(text, start, gap[0])
        start = gap[1]


def _paragraph(text: str, start: int, end: int) -> Iterator[list[Token]]:
    sentence: list[Token] = []
    ended = False  # the tokens so far may be a whole sentence
    for token in tokens(text, start, end):
        if ended and sentence:
            spaced = token.start > sentence[-1].end
            if spaced and _begins(token.text):
                yield sentence
                sentence, ended = [], False
            elif not set(token.text) <= _CLOSING:
                ended = False
        sentence.append(token)
        if _ENDS.fullmatch(token.text) or (
            token.text.endswith(".") and token.text[:-1] in _MAY_END
        ):
            ended = True
    if sentence:
        yield sentence


def _begins(word: str) -> bool:
    """Whether a sentence may begin with this after a full stop."""
    return not word[0].islower()
