"""From a question and an answer to one declarative sentence, by rules over word order.

After the rules of Jia and Liang 2017 over a parse, here over tags of words: the answer gets the
preposition that it needs, the auxiliary goes back behind its subject (`inversion`), and the answer
to where the wh-phrase was taken from.
"""

from __future__ import annotations

import re

from frugally.fit.reader.distractors.asked import BE, DO, HAVE, MODAL, Asked
from frugally.fit.reader.distractors.inversion import stranded, with_be, with_do, with_other
from frugally.fit.reader.distractors.pieces import Piece, joined

_TIMES = {"year": "in", "month": "in", "century": "in", "decade": "in", "season": "in", "era": "in",
          "date": "on", "day": "on"}  # fmt: skip
_ADVERBIAL = {"when", "where", "why", "how"}
_MONTHLY = re.compile(r"(?i)(january|february|march|april|may|june|july|august|september|october|"
                      r"november|december)\.? \d{1,2}\b(?!\d)|\d{1,2} [A-Z][a-z]+")  # fmt: skip
_HAS_PREPOSITION = re.compile(
    r"(?i)(in|on|at|from|since|during|after|before|between|until|by|around|near|under|through|"
    r"within|throughout|outside|inside|over|along|because|due|to|as|with|via|using|late)\b"
)


def declare(question: Asked, answer: str) -> str | None:
    """A sentence that says that `answer` answers the question; None where no rule applies."""
    noun = _answer(question, answer)
    before = list(question.before)
    if not question.inverted:
        body: list[Piece] | None = [*noun, *question.rest]
    else:
        body = _statement(question, noun)
    if body is None:
        return None
    text = joined([*before, *body]).replace(" ,", ",").strip(" ,.?;:")
    if not re.search(r"\w+ \w+ \w", text):
        return None
    return text[0].upper() + text[1:] + "."


def _answer(question: Asked, answer: str) -> list[Piece]:
    """The answer as it stands in the sentence, with its preposition and what is kept beside it."""
    if re.match(r"(?:The|An?) ", answer):
        answer = answer[0].lower() + answer[1:]
    if question.wh == "whose":
        own = [Piece(answer, "PROPN"), Piece("'s", "PART", False), *question.kept]
        if question.preposition is None:
            return own
        return [Piece(question.preposition.lower, "ADP"), *own]
    kept = question.kept
    if question.wh in ("many", "much") and not re.search(r"[\d%]$|^[\w-]+$", answer):
        kept = kept if kept and kept[0].tag == "ADP" else ()  # `40 miles` needs no other noun
    pieces = [Piece(answer, "PROPN"), *kept]
    preposition = _preposition(question, answer)
    if preposition and question.inverted:
        pieces.insert(0, Piece(preposition, "ADP"))
    return pieces


def _preposition(question: Asked, answer: str) -> str:
    """What stands before the answer: the question's own preposition, or that of a time or place."""
    if question.preposition is not None:
        return question.preposition.lower
    if _HAS_PREPOSITION.match(answer):
        return ""
    if question.wh == "when" or (question.wh == "what" and question.head in _TIMES):
        if question.wh == "what" and stranded(question.rest):
            return ""
        return "on" if _MONTHLY.match(answer) else _TIMES.get(question.head, "in")
    if question.wh == "where" and not stranded(question.rest):
        return "in"
    if question.wh == "why":
        return "because of"
    return ""


def _statement(question: Asked, noun: list[Piece]) -> list[Piece] | None:
    first, rest = question.rest[0], list(question.rest[1:])
    if question.preposition is not None and question.preposition.lower in ("between", "among"):
        return None  # one answer would not do
    if question.wh == "when" and rest and rest[-1].lower == "at":
        rest = rest[:-1]
    word = first.lower
    adverbial = (
        question.wh in _ADVERBIAL
        or question.preposition is not None
        or (question.wh == "what" and question.head in _TIMES)
        or (question.wh == "degree" and word not in BE)
        or (question.wh == "many" and question.head == "times")
    )
    if word in DO and rest:
        return with_do(word, rest, noun, adverbial)
    if word in BE and rest:
        return with_be(question, first, rest, noun, adverbial)
    if word in HAVE | MODAL and rest:
        return with_other(question, first, rest, noun, adverbial)
    if first.tag in ("VERB", "AUX", "ADV") and question.wh not in _ADVERBIAL:
        if question.preposition is not None or (rest and rest[0].lower in DO):
            return None
        return [*noun, first, *rest]
    return None
