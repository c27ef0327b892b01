"""What kind of thing a name or an answer is, as far as a rule can tell."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence

MONTHS = {"january", "february", "march", "april", "may", "june", "july", "august", "september",
          "october", "november", "december"}  # fmt: skip
_DAYS = {"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"}
_NUMBER_WORDS = {
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fifteen", "sixteen", "twenty", "thirty", "forty", "fifty", "sixty",
    "seventy", "eighty", "ninety", "hundred", "thousand", "million", "billion", "dozen",
}  # fmt: skip
# The last word of a name tells what is named; each line is a kind.
_LAST_WORDS = {
    "school": "university college school academy institute seminary conservatory",
    "organisation": "company corporation party army navy bank club council committee commission "
    "court association society league union agency department ministry parliament senate congress "
    "church foundation group organization organisation inc bureau board assembly guard network",
    "building": "museum library hospital palace cathedral castle tower hall stadium theatre "
    "theater abbey temple house bridge station airport building center centre park garden "
    "gardens dam",
    "water": "river lake ocean sea bay gulf canal creek strait",
    "land": "mountain mountains island islands valley desert peninsula coast hills forest basin "
    "plateau plain plains mount",
    "street": "street avenue road boulevard square highway",
    "region": "county province state republic kingdom empire district region territory city town",
    "war": "war wars battle revolution rebellion crisis campaign siege uprising crusade",
    "law": "act treaty constitution agreement accord pact declaration amendment bill code",
    "award": "prize award awards medal trophy cup bowl",
    "age": "age era dynasty period century",
}
_KIND_OF_LAST = {word: kind for kind, words in _LAST_WORDS.items() for word in words.split()}
_YEAR = re.compile(r"(?:1\d|20)\d\d")
_NUMBER = re.compile(r"\d[\d,.]*")
_SMALL = {"of", "the", "and", "de", "la", "le", "du", "del", "von", "van", "der", "in", "for",
          "on", "at", "to", "a", "an", "'s", "al", "el", "&"}  # fmt: skip


def name_kind(text: str, tag: str, persons: Container[str], places: Container[str]) -> str:
    """The kind of a name in a question.

    `year`, `decade`, `number`, `numbered` (a name with digits), `month`, `weekday`, `acronym`,
    `adjective`, `plural`, `person`, `place`, a kind told by its last word, or `name`. `persons`
    holds full names, first names and last names; `places` names of places.
    """
    lower = text.lower()
    if _YEAR.fullmatch(text):
        return "year"
    if re.fullmatch(r"\d{3}0'?s", lower):
        return "decade"
    if _NUMBER.fullmatch(text):
        return "number"
    if any(map(str.isdigit, text)):
        return "numbered"
    if lower in MONTHS:
        return "month"
    if lower in _DAYS:
        return "weekday"
    words = text.split()
    last = words[-1].lower().rstrip(".")
    if len(words) > 1 and (kind := _KIND_OF_LAST.get(last) or _KIND_OF_LAST.get(words[0].lower())):
        return kind
    if text in places:
        return "place"
    if text in persons or (len(words) > 1 and words[0] in persons and words[-1][0].isupper()):
        return "person" if len(words) > 1 else "surname"
    if len(words) == 1:
        if re.fullmatch(r"(?:[A-Z]\.?){2,6}", text):
            return "acronym"
        if tag == "ADJ" or (re.search(r"(?:[ie]an|ish|ese)$", lower) and tag != "NOUN"):
            return "adjective"
        if re.search(r"[^suix]s$", lower) and len(text) > 4:
            return "plural"
        return "name"
    return "names"


def answer_kind(
    text: str, tags: Sequence[str], persons: Container[str], places: Container[str]
) -> str:
    """The kind of an answer.

    `percent`, `money`, `year`, `decade`, `century`, `date`, `number`, `decimal`, `quantity`, a kind
    of name (`thing` if no more is known), or of common words `adjective`, `noun`, `nouns` (a
    plural) and `other`.
    """
    lower = text.lower()
    words = lower.split()
    digit = any(map(str.isdigit, text))
    if "%" in text or "percent" in lower:
        return "percent"
    if re.search(r"[$€£¥]|\b(?:dollars|euros|pounds)\b", lower):
        return "money"
    if _YEAR.fullmatch(text):
        return "year"
    if re.fullmatch(r"(?:the )?\d{3}0s", lower):
        return "decade"
    if any(word.strip(",.") in MONTHS for word in words) and (digit or len(words) == 1):
        return "date"
    if "century" in words:
        return "century"
    if re.fullmatch(r"\d+\.\d+", text):
        return "decimal"
    if all(re.fullmatch(r"[\d.,]+", w) or w in _NUMBER_WORDS for w in words):
        return "number"
    if (_NUMBER.fullmatch(words[0]) or words[0] in _NUMBER_WORDS) and len(words) <= 4:
        return "quantity"
    content = [w for w in text.split() if w.lower() not in _SMALL]
    if content and all(w[0].isupper() for w in content) and len(words) <= 6:
        bare = text[4:] if lower.startswith("the ") else text
        kind = name_kind(bare, tags[-1], persons, places)
        return "thing" if kind in ("name", "names", "numbered", "acronym") else kind
    return _common(tags, words)


def _common(tags: Sequence[str], words: Sequence[str]) -> str:
    if len(words) > 5 or not all(word.replace("-", "").isalpha() for word in words):
        return "other"
    if len(words) == 1 and tags == ["ADJ"]:
        return "adjective"
    plain = set(tags) <= {"DET", "ADJ", "NOUN", "ADP"} and "NOUN" in tags
    if plain and tags[-1] == "NOUN" and tags[0] != "ADP" and tags.count("ADP") <= 1:
        return "nouns" if words[-1].endswith("s") and words[0] not in ("a", "an") else "noun"
    return "other"
