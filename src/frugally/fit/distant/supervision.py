"""Distant supervision of Chen et al. 2017, section 4.2, step by step.

Source: facebookresearch/DrQA, scripts/distant/generate.py. Where this differs, it says so: names
come from `frugally.text.entities` in place of CoreNLP and NLTK, and are compared as whole words in
any case; documents rank by their best passage.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from frugally.fit.distant.examples import DistantExample
from frugally.fit.distant.patterns import PatternError, PatternMatcher
from frugally.fit.distant.sought import Sought
from frugally.text import drqa
from frugally.text.document_search import DocumentSearch, FoundDocument
from frugally.text.entities import entities, unseen

DOCUMENTS = 5
WORD_DOCUMENTS = 2
SHORTEST, LONGEST = 25, 1500  # characters of a paragraph
WINDOW = 20  # tokens on either side of an answer
LEAST_SCORE = 1
KEPT = 5  # paragraphs for a question

Token = tuple[str, int, int]
_BREAKS = re.compile(r"\n+")


@dataclass(slots=True)
class Yield:
    """What became of a source's questions and of the paragraphs that were found for them.

    Each count of paragraphs is of those that the one before left over; `questions_with` are those
    that have an example, `given_up` those whose expression could not be matched.
    """

    questions: int = 0
    documents: int = 0
    paragraphs: int = 0
    of_length: int = 0
    with_answer: int = 0
    with_names: int = 0
    accepted: int = 0
    examples: int = 0
    questions_with: int = 0
    given_up: int = 0
    reasons: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A paragraph that passed, and where its answer stands (tokens `first` to `last`)."""

    score: int
    document: int
    paragraph: int
    text: str
    start: int
    end: int
    answers: tuple[str, ...]


def paragraphs(text: str) -> list[str]:
    """Step 1: the lines of a document; empty ones are none."""
    return [line for line in _BREAKS.split(text) if line]


def of_length(paragraph: str) -> bool:
    """Step 2: neither a heading nor a wall."""
    return SHORTEST <= len(paragraph) <= LONGEST


def answers_in(
    sought: Sought, texts: Sequence[str], matcher: PatternMatcher
) -> list[tuple[str, ...]]:
    """Step 3: the answers that occur in each text, as it writes them.

    Raises:
        PatternError: the answer is an expression that was given up.
    """
    if sought.pattern is not None:
        return [tuple(found) for found in matcher.found(sought.pattern, texts)]
    return [tuple(answer for answer in sought.answers if answer in text) for text in texts]


def names_of(
    sought: Sought, found: Sequence[FoundDocument], search: DocumentSearch
) -> list[list[list[str]]]:
    """What step 4 asks for: each name's forms, as tokens.

    How a question in small letters should be written is judged by the documents found; of a word
    that they do not have, by the best for that word alone. A word that no document has is a name
    that the collection does not know, so that no paragraph holds it.
    """
    if sought.needs is not None:
        return [[_lettered(drqa.tokens(form)) for form in forms] for forms in sought.needs]
    texts = [f"{document.title}\n{document.text}" for document in found]
    unknown = []
    for word in unseen(sought.question, texts):
        others = search.documents(word, WORD_DOCUMENTS)
        texts += [document.text for document in others]
        if not others:
            unknown.append(word)
    names = [*entities(sought.question, texts), *unknown]
    return [[_lettered(drqa.tokens(name))] for name in names]


def holds(words: Sequence[str], names: Sequence[Sequence[Sequence[str]]]) -> bool:
    """Step 4: whether each name stands in the paragraph, in one of its forms.

    Marks do not count: `W. Bush` is also `W Bush`.
    """
    bare = _lettered(words)
    return all(any(_places(bare, form) for form in forms) for forms in names)


def best_window(
    question: Sequence[str], words: Sequence[str], answers: Sequence[Sequence[str]]
) -> tuple[int, int, int]:
    """Step 5: `(score, first, last)` of the answer whose surroundings are most like the question.

    The score is the size of the multiset intersection of the question's uni- and bigrams with those
    of the answer and the WINDOW tokens on either side; 0 if no answer occurs as tokens.
    """
    asked = Counter(drqa.ngrams(question))
    best = (0, 0, 0)
    for answer in answers:
        for place in _places(words, answer):
            low, high = max(place - WINDOW, 0), place + len(answer) + WINDOW
            score = (Counter(drqa.ngrams(words[low:high])) & asked).total()
            if score > best[0]:
                best = score, place, place + len(answer) - 1
    return best


def kept(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Step 6: the best by score, earlier document, earlier paragraph.

    The original goes on to chance, but no two candidates are the same paragraph.
    """
    accepted = [c for c in candidates if c.score >= LEAST_SCORE]
    return sorted(accepted, key=lambda c: (-c.score, c.document, c.paragraph))[:KEPT]


def supervise(
    sought: Sought, search: DocumentSearch, matcher: PatternMatcher, source: str, counts: Yield
) -> Iterator[DistantExample]:
    """All steps for one question: its examples, best first. Adds to `counts`."""
    counts.questions += 1
    found = search.documents(sought.question, DOCUMENTS)
    counts.documents += len(found)
    whole = [(d, p, t) for d, each in enumerate(found) for p, t in enumerate(paragraphs(each.text))]
    counts.paragraphs += len(whole)
    fitting = [entry for entry in whole if of_length(entry[2])]
    counts.of_length += len(fitting)
    try:
        answers = answers_in(sought, [text for _, _, text in fitting], matcher)
    except PatternError as error:
        counts.given_up += 1
        counts.reasons[error.message] = counts.reasons.get(error.message, 0) + 1
        return
    candidates = list(_candidates(sought, found, fitting, answers, search, counts))
    chosen = kept(candidates)
    counts.accepted += sum(c.score >= LEAST_SCORE for c in candidates)
    counts.examples += len(chosen)
    counts.questions_with += bool(chosen)
    for candidate in chosen:
        document = found[candidate.document]
        yield DistantExample(
            question=sought.question,
            passage=candidate.text,
            start=candidate.start,
            end=candidate.end,
            answers=candidate.answers,
            source=source,
            score=candidate.score,
            document=document.id,
            title=document.title,
        )


def _candidates(
    sought: Sought,
    found: Sequence[FoundDocument],
    fitting: Sequence[tuple[int, int, str]],
    answers: Sequence[tuple[str, ...]],
    search: DocumentSearch,
    counts: Yield,
) -> Iterator[Candidate]:
    """The paragraphs that steps 3 and 4 leave, with what step 5 says of them."""
    if not any(answers):
        return
    names = names_of(sought, found, search)
    asked = drqa.tokens(sought.question)
    for (document, paragraph, text), here in zip(fitting, answers, strict=True):
        if not here:
            continue
        counts.with_answer += 1
        placed = drqa.placed_tokens(text)
        words = [word for word, _, _ in placed]
        if not holds(words, names):
            continue
        counts.with_names += 1
        score, first, last = best_window(asked, words, [drqa.tokens(answer) for answer in here])
        start, end = placed[first][1], placed[last][2]
        said = (text[start:end], *here, *sought.answers)
        yield Candidate(score, document, paragraph, text, start, end, tuple(dict.fromkeys(said)))


def _lettered(words: Sequence[str]) -> list[str]:
    return [word for word in words if not drqa.is_punctuation(word)]


def _places(words: Sequence[str], wanted: Sequence[str]) -> list[int]:
    """Where some words stand in others, as a run."""
    if not wanted:
        return []
    first, size = wanted[0], len(wanted)
    found: list[int] = []
    i = -1
    while True:
        try:
            i = words.index(first, i + 1)
        except ValueError:
            return found
        if words[i : i + size] == wanted:
            found.append(i)
