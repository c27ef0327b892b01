"""Names in questions: the rules one by one, and how often they agree with a person."""

import json
from pathlib import Path

import pytest

from frugally.text.entities import entities, unseen

QUESTIONS = Path(__file__).parent.parent / "data" / "entities" / "questions.jsonl"


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("What country is Berlin in?", ["Berlin"]),
        ("Berlin was where Einstein lived", ["Berlin", "Einstein"]),
        ("Berlin is the capital of what country?", []),  # as any first word: see below
        ('Who wrote "the art of war" in China?', ["the art of war", "China"]),
        ("Who wrote “war and peace”?", ["war and peace"]),
        ("When was the Great Wall of China built?", ["Great Wall of China"]),
        ("Who was the President of the United States in 1961?", ["United States", "1961"]),
        ("Who founded the Bank of America?", ["Bank of America"]),
        ("What is Scarlett O'Hara's house?", ["Scarlett O'Hara"]),
        ("Where was George W. Bush born?", ["George W. Bush"]),
        ("How many agencies does the U.S. have?", ["U.S"]),
        ("Who sells Coca-Cola?", ["Coca-Cola"]),
        ("What did Apollo 11 bring back?", ["Apollo 11"]),
        ("Did I see May in Paris?", ["May", "Paris"]),
        ("What is Mark Twain's real name?", ["Mark Twain"]),
        ("Is Paris older than Paris?", ["Paris"]),
        ("", []),
        ("?", []),
        ("WHO WROTE HAMLET?", []),  # says no more of names than small letters do
    ],
)
def test_questions_with_capitals(question, names):
    assert entities(question) == names


TEXTS = [
    "Justin Bieber\nHis brother is Jaxon. Many fans of Justin Bieber know it.\nBrother and name.",
    "The Lord of the Rings\nA book called The Lord of the Rings, by J. R. R. Tolkien.",
]


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("what is the name of justin bieber brother?", ["justin bieber"]),
        ("What is the name of justin bieber brother?", ["justin bieber"]),
        ("who wrote lord of the rings", ["lord of the rings"]),
        ("did tolkien meet justin?", ["tolkien", "justin"]),  # never neighbours: two names
        ("did j r r tolkien write in 1937?", ["j r r tolkien", "1937"]),
        ("what is it?", []),
        ("Tolkien wrote what?", ["Tolkien"]),
    ],
)
def test_small_letters_are_judged_by_what_was_found(question, names):
    assert entities(question, TEXTS) == names
    assert entities(question) == [name for name in names if name.isdigit()]


def test_words_that_begin_sentences_say_nothing():
    texts = ["Brother is a word. Brother again.\nBrother: a heading"]
    assert entities("whose brother?", texts) == []
    assert unseen("whose brother of 3?", texts) == ["whose", "brother"]
    assert unseen("whose brother?", [*texts, "my brother and whose"]) == []
    assert unseen("Whose brother is Bob?", texts) == []


def agreement(which):
    right = total = found = wanted = both = 0
    for line in QUESTIONS.read_text("utf-8").splitlines():
        entry = json.loads(line)
        if entry["set"] != which:
            continue
        given, names = set(entities(entry["question"], entry["texts"])), set(entry["names"])
        total += 1
        right += given == names
        found, wanted, both = found + len(given), wanted + len(names), both + len(given & names)
    return total, right, both / found, both / wanted


def test_a_person_marks_the_same_names():
    """docs/distant.md has these figures."""
    total, right, precision, recall = agreement("rules were written with it")
    assert (total, right) == (50, 46)
    assert (round(precision, 2), round(recall, 2)) == (0.88, 0.93)
    total, right, precision, recall = agreement("unseen")
    assert (total, right) == (40, 34)
    assert (round(precision, 2), round(recall, 2)) == (0.86, 0.93)
