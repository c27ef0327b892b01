"""The procedure of distant supervision, a test for each numbered step (docs/distant.md)."""

import random
from collections import Counter

import pytest

from frugally.fit.distant.patterns import PatternError, PatternMatcher
from frugally.fit.distant.sought import Sought
from frugally.fit.distant.supervision import (
    DOCUMENTS,
    KEPT,
    WINDOW,
    Candidate,
    Yield,
    answers_in,
    best_window,
    holds,
    kept,
    names_of,
    of_length,
    paragraphs,
    supervise,
)
from frugally.text.drqa import ngrams, tokens


@pytest.fixture(scope="module")
def matcher():
    with PatternMatcher(2.0) as matcher:
        yield matcher


def test_step_1_documents_are_cut_at_line_ends():
    assert paragraphs("a b\n\n\nc\n d\n") == ["a b", "c", " d"]
    assert paragraphs("") == []


@pytest.mark.parametrize(("size", "kept"), [(24, False), (25, True), (1500, True), (1501, False)])
def test_step_2_neither_short_nor_long(size, kept):
    assert of_length("x" * size) is kept


def test_step_3_answers_occur(matcher):
    sought = Sought(question="who?", answers=("Ann Lee", "ann", "Bo"))
    assert answers_in(sought, ["Ann Lee sang", "Bob", "ANN LEE"], matcher) == [
        ("Ann Lee",), ("Bo",), (),
    ]  # fmt: skip
    sought = Sought(question="when?", pattern=r"19\d\d|may")
    assert answers_in(sought, ["May 1951 and 1951", "June"], matcher) == [("May", "1951"), ()]


def test_step_4_every_name_occurs_in_one_of_its_forms():
    names = [[["george", "w", "bush"]], [["u", "s"], ["america"]]]
    assert holds(tokens("George W. Bush led the U.S. then."), names)
    assert holds(tokens("America and GEORGE W BUSH"), names)
    assert not holds(tokens("George Bush led the U.S."), names)
    assert not holds(tokens("George W. Bush led Americans"), names)
    assert holds([], [])


def test_step_4_names_are_the_questions_or_those_given(few):
    search = few("Some say Bieber sings.", "others")
    given = Sought(question="Who is Ann?", answers=("x",), needs=(("Ann B.", "Bo"),))
    assert names_of(given, [], search) == [[["ann", "b"], ["bo"]]]
    asked = Sought(question="Who is Ann?", answers=("x",))
    assert names_of(asked, [], search) == [[["ann"]]]
    # No document was found that has the word: the search is asked for the word alone.
    small = Sought(question="who is bieber?", answers=("x",))
    assert names_of(small, [], search) == [[["bieber"]]]
    # Nor has any document the word: it is a name that the collection does not know.
    small = Sought(question="who is bieber beliebska?", answers=("x",))
    assert names_of(small, [], search) == [[["bieber"]], [["beliebska"]]]


def window_by_hand(question, words, answer):
    best = 0
    grams = Counter(ngrams(question))
    for i in range(len(words)):
        if words[i : i + len(answer)] == answer:
            near = words[max(i - WINDOW, 0) : min(i + WINDOW + len(answer), len(words))]
            best = max(best, sum((Counter(ngrams(near)) & grams).values()))
    return best


def test_step_5_the_window_most_like_the_question():
    question = tokens("Where was Ann Lee born?")
    text = tokens("York is old . " + "word " * 30 + ". Ann Lee was born in York in 1900 .")
    score, first, last = best_window(question, text, [["york"]])
    assert text[first : last + 1] == ["york"]
    assert first > 30
    assert score == 4  # ann, lee, born, and "ann lee"; "was born" has a stop word
    assert best_window(question, text, [["paris"]]) == (0, 0, 0)
    assert best_window(question, text, [[]]) == (0, 0, 0)
    # A word that the question has once counts once.
    assert best_window(["york"], ["york"] * 9, [["york"]]) == (1, 0, 0)


def test_step_5_reaches_twenty_tokens_to_either_side():
    for gap, score in ((WINDOW - 1, 1), (WINDOW, 0)):
        behind = ["answer", *["x"] * gap, "key"]
        assert best_window(["key"], behind, [["answer"]])[0] == score
    for gap, score in ((WINDOW - 1, 1), (WINDOW, 0)):
        before = ["key", *["x"] * gap, "answer"]
        assert best_window(["key"], before, [["answer"]])[0] == score


def test_step_5_equals_the_definition():
    source = random.Random(0)
    letters = ["ann", "lee", "the", "born", ",", "york", "in"]
    for _ in range(300):
        question = source.choices(letters, k=source.randint(1, 8))
        words = source.choices([*letters, "x", "y"], k=source.randint(1, 80))
        answer = source.choices(letters, k=source.randint(1, 2))
        assert best_window(question, words, [answer])[0] == window_by_hand(question, words, answer)


def candidate(score, document, paragraph):
    return Candidate(score, document, paragraph, "text", 0, 4, ("text",))


def test_step_6_the_best_five_by_score_document_paragraph():
    places = [(0, 0, 0), (1, 4, 0), (1, 0, 9), (3, 2, 2), (1, 0, 1), (3, 1, 7), (1, 5, 0)]
    chosen = kept([candidate(*place) for place in places])
    assert len(chosen) == KEPT
    assert [(c.score, c.document, c.paragraph) for c in chosen] == [
        (3, 1, 7), (3, 2, 2), (1, 0, 1), (1, 0, 9), (1, 4, 0),
    ]  # fmt: skip
    assert kept([candidate(0, 0, 0)]) == []


def test_all_steps(few, matcher):
    search = few(
        "Short: Ann.\nAnn Lee was born in York, a city of the north.\nYork is a city in England.",
        "Ann Lee was born, some people say, in New York or York.\n" + "Ann Lee, York. " * 150,
        "Nothing of the kind is told in this document of ours.",
    )
    counts = Yield()
    sought = Sought(question="Where was Ann Lee born?", answers=("York", "Eboracum"))
    found = list(supervise(sought, search, matcher, "some", counts))
    assert [(e.document, e.answer, e.title) for e in found] == [
        ("d0", "York", "Title 0"), ("d1", "York", "Title 1"),
    ]  # fmt: skip
    assert all(e.score == 4 and e.source == "some" for e in found)
    assert found[0].answers == ("York", "Eboracum")
    assert (counts.questions, counts.documents, counts.paragraphs, counts.of_length) == (1, 2, 5, 3)
    assert (counts.with_answer, counts.with_names, counts.accepted) == (3, 2, 2)
    assert (counts.examples, counts.questions_with, counts.given_up) == (2, 1, 0)


def test_a_search_that_finds_nothing(few, matcher):
    counts = Yield()
    sought = Sought(question="Where?", answers=("York",))
    assert list(supervise(sought, few(), matcher, "some", counts)) == []
    assert (counts.questions, counts.documents, counts.examples) == (1, 0, 0)


def test_expressions_that_are_given_up_are_counted(few):
    counts = Yield()
    search = few("Is it " + "a" * 60 + "!")
    with PatternMatcher(0.3) as matcher:
        for pattern in ("(a+)+$", "(", "a"):
            sought = Sought(question="Is it?", pattern=pattern)
            list(supervise(sought, search, matcher, "some", counts))
    assert counts.questions == 3
    assert counts.given_up == 2
    assert sum(counts.reasons.values()) == 2
    with pytest.raises(PatternError), PatternMatcher() as matcher:
        answers_in(Sought(question="?", pattern="("), ["x"], matcher)


def test_no_more_documents_than_five_are_asked_for(few, matcher):
    search = few(*(f"Ann Lee was born in York in {year}." for year in range(1900, 1920)))
    counts = Yield()
    sought = Sought(question="Where was Ann Lee born?", answers=("York",))
    assert len(list(supervise(sought, search, matcher, "some", counts))) == KEPT
    assert counts.documents == DOCUMENTS
