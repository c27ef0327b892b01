"""A question as tagged pieces: its words, with each name or number one piece."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from frugally.nets.tagger import Tagger
from frugally.text.entities import entities
from frugally.text.sentences import Token, tokens

_NEVER_NAMES = {"ADP", "ADV", "SCONJ", "VERB", "AUX", "PRON", "DET", "CCONJ", "PART"}
_OPENING = {"prior", "other", "due", "similar", "besides", "most", "some", "many", "people"}
_QUOTES = {'"', "“", "”", "``", "''", "‘", "’"}
_WH_OPENERS = {"what", "which", "who", "whom", "whose", "when", "where", "why", "how"}


@dataclass(frozen=True, slots=True)
class Piece:
    """A word or a whole name, its universal part of speech, and whether a space stands before."""

    text: str
    tag: str
    spaced: bool = True
    name: bool = False

    @property
    def lower(self) -> str:
        """The text in small letters."""
        return self.text.lower()


def joined(pieces: Iterable[Piece]) -> str:
    """The text of pieces, with the spaces that stood between them."""
    return "".join(" " * p.spaced + p.text for p in pieces).strip()


def analysed(questions: Sequence[str], tagger: Tagger) -> list[list[Piece]]:
    """The pieces of each question, without the marks at its end.

    A name is a run that `text.entities` finds, or a number; a name that is one adjective (Roman)
    keeps this tag, a number is NUM, every other name PROPN. A first word is in small letters
    unless it is a name.
    """
    found = [list(tokens(question)) for question in questions]
    tags = tagger.tag([[token.text for token in one] for one in found])
    return [
        _pieces(question, one, tag)
        for question, one, tag in zip(questions, found, tags, strict=True)
    ]


def _pieces(question: str, found: Sequence[Token], tags: Sequence[str]) -> list[Piece]:
    names = _name_spans(question, found, tags)
    pieces: list[Piece] = []
    i, parted = 0, False
    while i < len(found):
        token, end, tag, name = found[i], i + 1, tags[i], False
        spaced = i > 0 and token.start > found[i - 1].end
        if token.start in names:
            name, stop = True, names[token.start]
            while end < len(found) and found[end].end <= stop:
                end += 1
            text = question[token.start : found[end - 1].end]
            if text.replace(",", "").replace(".", "").isdigit():
                tag = "NUM"
            elif not (end == i + 1 and tag == "ADJ"):
                tag = "PROPN"
        else:
            text = token.text
            if not pieces and (tag != "PROPN" or text.lower() in _WH_OPENERS):
                text = text.lower()
        if text in _QUOTES:
            parted = parted or spaced
        else:
            pieces.append(Piece(text, tag, spaced or (parted and tag != "PUNCT"), name))
            parted = False
        i = end
    while pieces and not any(map(str.isalnum, pieces[-1].text)):
        pieces.pop()
    return pieces


def _name_spans(question: str, found: Sequence[Token], tags: Sequence[str]) -> dict[int, int]:
    """Where names begin, at a token, and where they end."""
    begins = {token.start: i for i, token in enumerate(found)}
    spans: dict[int, int] = {}
    after = 0
    for name in entities(question):
        start = question.find(name, after)
        if start not in begins:
            continue
        after = start + len(name)
        opens = start == 0 and " " not in name
        if opens and (tags[0] in _NEVER_NAMES or name.lower() in _OPENING):
            continue  # `Along`, `Prior`: a capital for its place only
        spans[start] = after
    # The tagger's proper nouns and numbers that the rule for names passed over.
    inside = [range(start, end) for start, end in spans.items()]
    for token, tag in zip(found, tags, strict=True):
        digit = token.text[:1].isdigit()
        if (digit or (tag == "PROPN" and token.text[:1].isupper())) and not any(
            token.start in span for span in inside
        ):
            spans[token.start] = token.end
    return _apart(spans)


def _apart(spans: dict[int, int]) -> dict[int, int]:
    """The spans without those that begin inside another."""
    kept: dict[int, int] = {}
    last = -1
    for start, end in sorted(spans.items()):
        if start >= last:
            kept[start] = last = end
    return kept
