"""The names in a question: what an answering paragraph should hold as well.

A rule in place of the named-entity recognisers of Chen et al. 2017 (CoreNLP and NLTK), for English:

1. What stands in double quotes is a name.
2. In a question with capitals, names are the longest runs of capitalised words. The first word
   counts unless it is a question word or another stop word. Small words such as `of the` join two
   capitalised ones; a title (President, King) is cut off before a join.
3. A question without capitals after its first word, as people type them into a search box, is
   judged by texts that it found: a word is a name's if it is capitalised there more often than not,
   beginnings of sentences aside, and neighbours are one name if they are neighbours there.
4. Words with a digit (years, numbers) are names, part of the run that they follow at once.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from frugally.text.stopwords import STOP_WORDS
from frugally.text.words import words

Word = tuple[str, int, int]

_QUOTED = re.compile(r"[\"“”]([^\"“”]*\w[^\"“”]*)[\"“”]|``([^'`]*\w[^'`]*)''")
_JOINS = {"of", "the", "de", "la", "le", "du", "del", "des", "von", "van", "der", "den", "di", "da",
          "al", "el", "&", "-", "–"}  # fmt: skip
_OPENERS = STOP_WORDS | {
    "whose", "name", "list", "give", "tell", "define", "find", "show", "many", "much", "would",
    "could", "may", "might", "shall", "must", "please", "according", "i",
}  # fmt: skip
_TITLES = {"president", "king", "queen", "prince", "princess", "emperor", "pope", "governor",
           "senator", "minister", "secretary", "mayor", "general", "duke"}  # fmt: skip
_ENDS = frozenset('.!?:;…"“”([\n')


def entities(question: str, texts: Sequence[str] = ()) -> list[str]:
    """The names in a question, as they are written there, in order; see the module's rules.

    `texts` are what a search for the question found; without them a question in small letters has
    only its quotes and numbers.
    """
    quoted, rest = _quotes(question)
    placed = words(rest)
    if _tells_case(placed):
        runs = _cased_runs(rest, placed)
    else:
        runs = _small_runs(placed, Casing(texts, {word.lower() for word, _, _ in placed}))
    spans = sorted([*quoted, *((run[0][1], run[-1][2]) for run in runs)])
    # `Jr.` may stand in a text without its point, `U.S.` holds `U.S`.
    return list(dict.fromkeys(question[start:end].rstrip(".") for start, end in spans))


def unseen(question: str, texts: Sequence[str]) -> list[str]:
    """The words of a question without capitals of whose writing the texts say nothing."""
    placed = words(question)
    if _tells_case(placed):
        return []
    small = dict.fromkeys(word.lower() for word, _, _ in placed if word.isalpha())
    casing = Casing(texts, set(small))
    return [w for w in small if w not in STOP_WORDS and not casing.knows(w)]


def _quotes(question: str) -> tuple[list[tuple[int, int]], str]:
    """Where the quoted names stand, and the question with a full stop over each."""
    spans, rest = [], question
    for match in _QUOTED.finditer(question):
        start, end = match.span(1 if match.group(1) is not None else 2)
        spans.append((start, end))
        low, high = match.span()
        rest = rest[:low] + "." * (high - low) + rest[high:]
    return spans, rest


def _tells_case(placed: Sequence[Word]) -> bool:
    """Whether some word after the first has a capital and some word has none."""
    letters = [word for word, _, _ in placed if word[0].isalpha() and word not in ("I", "s")]
    return any(w[0].isupper() for w in letters[1:]) and any(w.islower() for w in letters)


def _is_name(word: str, first: bool) -> bool:
    if any(map(str.isdigit, word)):
        return True
    if not word[0].isupper():
        return False
    if len(word) == 1:
        return word not in "IA"  # an initial, though the list of stop words has `s` and `o`
    # `May` and `Will` inside a question are names; `The` and `In` are not.
    return word.lower() not in (_OPENERS if first else STOP_WORDS - {"will"})


def _cased_runs(text: str, placed: Sequence[Word]) -> list[list[Word]]:
    runs: list[list[Word]] = []
    run: list[Word] = []
    i = 0
    while i < len(placed):
        word = placed[i]
        if _is_name(word[0], first=i == 0):
            run.append(word)
            i += 1
            continue
        joined = _joined(text, placed, i) if run else 0
        if joined:
            if run[-1][0].lower() in _TITLES and placed[i][0] == "of":
                run = []  # the president of the United States: the country is the name
            else:
                run += placed[i : i + joined]
            i += joined
            continue
        if run:
            runs.append(run)
        run = []
        i += 1
    return [*runs, run] if run else runs


def _joined(text: str, placed: Sequence[Word], i: int) -> int:
    """How many words from i join the name before with one after; 0 if they do not."""
    word, start, end = placed[i]
    if word in ".'’":  # an initial (`W. Bush`, `U.S.`) or a name like O'Hara
        before, _, ends = placed[i - 1]
        if ends != start or len(before) > (3 if word == "." else 1) or not before[0].isupper():
            return 0
        after = placed[i + 1][0] if i + 1 < len(placed) else ""
        return int(after != "s" and (word == "." or (bool(after) and placed[i + 1][1] == end)))
    count = 0
    while i + count < len(placed) and placed[i + count][0] in _JOINS and count < 2:
        word, start, end = placed[i + count]
        if word in "-–" and (text[start - 1 : start].isspace() or text[end : end + 1].isspace()):
            return 0
        count += 1
    follows = i + count < len(placed) and _is_name(placed[i + count][0], first=False)
    return count if follows and not placed[i + count][0].isdigit() else 0


class Casing:
    """How texts write the words of a question: with a capital or without, and who stands by whom.

    Words that begin a sentence say nothing. `wanted` are the words to look for, in small letters.
    """

    def __init__(self, texts: Iterable[str], wanted: set[str]) -> None:
        self._balance: Counter[str] = Counter()
        self._neighbours: set[tuple[str, ...]] = set()
        for text in texts:
            self._read(text, wanted)

    def _read(self, text: str, wanted: set[str]) -> None:
        # No point behind an initial: people who type `george w bush` type none.
        placed = [word for word in words(text) if word[0] not in ".'’" or not _inside(text, word)]
        last_end = 0
        begins = True
        for i, (word, start, end) in enumerate(placed):
            begins = begins or "\n" in text[last_end:start]
            small = word.lower()
            if small in wanted:
                if not begins:
                    self._balance[small] += 1 if word[0].isupper() else -1
                if word[0].isupper():
                    self._neighbours.update(_pairs(placed, i))
            begins = word in _ENDS
            last_end = end

    def knows(self, word: str) -> bool:
        """Whether a text has it other than as the beginning of a sentence."""
        return word in self._balance

    def capitalised(self, word: str) -> bool:
        """Whether it is written with a capital more often than not."""
        return self._balance[word] > 0

    def neighbours(self, *run: str) -> bool:
        """Whether two capitalised words, with no more than two between, stand so in a text."""
        return run in self._neighbours


def _inside(text: str, word: Word) -> bool:
    """Whether a mark stands right behind a single capital, as in `W. Bush` and `O'Hara`."""
    before = text[max(0, word[1] - 2) : word[1]]
    return before[-1:].isupper() and not before[:-1].isalnum()


def _pairs(placed: Sequence[Word], i: int) -> Iterable[tuple[str, ...]]:
    """The runs from word i to one of the next three that is capitalised, in small letters."""
    for j in range(i + 1, min(i + 4, len(placed))):
        if placed[j][0][0].isupper() or placed[j][0][0].isdigit():
            yield tuple(word.lower() for word, _, _ in placed[i : j + 1])


def _small_runs(placed: Sequence[Word], casing: Casing) -> list[list[Word]]:
    small = [word.lower() for word, _, _ in placed]
    named = [
        any(map(str.isdigit, word)) or (word not in STOP_WORDS and casing.capitalised(word))
        for word in small
    ]
    runs: list[list[Word]] = []
    i = 0
    while i < len(placed):
        if not named[i]:
            i += 1
            continue
        end = i
        while (step := _step(small, named, end, casing)) > 0:
            end += step
        # `president` is mostly written large where presidents are named, and is nobody's name.
        if end > i or small[i] not in _TITLES:
            runs.append(list(placed[i : end + 1]))
        i = end + 1
    return runs


def _step(small: Sequence[str], named: Sequence[bool], at: int, casing: Casing) -> int:
    """How far from a name's word the next word of the same name is; 0 if there is none."""
    for step in (1, 2, 3):
        after = at + step
        between = small[at + 1 : after]
        if after < len(small) and named[after] and all(w in _JOINS | {"."} for w in between):
            return step if casing.neighbours(*small[at : after + 1]) else 0
    return 0
