"""Distractors are sentences, say something else than the passage, and repeat themselves."""

import random
from pathlib import Path

import numpy as np
import pytest

from frugally.fit.reader.distractors.asked import asked
from frugally.fit.reader.distractors.declaration import declare
from frugally.fit.reader.distractors.insertion import boundaries, moved
from frugally.fit.reader.distractors.kinds import answer_kind, name_kind
from frugally.fit.reader.distractors.making import Distractor, Distractors, Why, reasons
from frugally.fit.reader.distractors.neighbours import neighbour, plural
from frugally.fit.reader.distractors.pieces import analysed
from frugally.fit.reader.distractors.verbs import past, third_person
from frugally.fit.squad import load_squad
from frugally.nets.reader_features import split
from frugally.nets.tagger import shipped_tagger
from frugally.text.stopwords import STOP_WORDS
from frugally.text.words import words

SAMPLE = Path(__file__).parent.parent / "data" / "squad_sample"


@pytest.fixture(scope="module")
def paragraphs():
    return load_squad(SAMPLE, "train-v1.1")


@pytest.fixture(scope="module")
def maker(paragraphs):
    return Distractors(paragraphs)


def sentence(question, answer="X"):
    form = asked(analysed([question], shipped_tagger())[0])
    return None if form is None else declare(form, answer)


@pytest.mark.parametrize(
    ("question", "answer", "expected"),
    [
        ("What prize did Peter Higgs win?", "X", "Peter Higgs won X."),
        ("When did the Jugurthine War end?", "1850", "The Jugurthine War ended in 1850."),
        ("When did it rain?", "May 5, 1850", "It rained on May 5, 1850."),
        ("In what year did Tesla return?", "1850", "Tesla returned in 1850."),
        ("Where did Tesla return to in 1873?", "Rome", "Tesla returned to Rome in 1873."),
        ("What ocean does Portugal border?", "X", "Portugal borders X."),
        ("Who invented the first engine?", "Bob Hall", "Bob Hall invented the first engine."),
        ("Who was ABC sold to in 1974?", "X", "ABC was sold to X in 1974."),
        ("What was the focus of Luther's sermon?", "X", "The focus of Luther's sermon was X."),
        ("Where is Warsaw located?", "X", "Warsaw is located in X."),
        ("When was Warsaw founded?", "1850", "Warsaw was founded in 1850."),
        ("How many hymns did Luther write?", "45", "Luther wrote 45 hymns."),
        ("How many people live in Paris?", "45", "45 people live in Paris."),
        ("How old was Newton during Super Bowl 50?", "26", "Newton was 26 during Super Bowl 50."),
        ("To which network did Monday Night Football move?", "X",
         "Monday Night Football moved to X."),
        ("In 1951, what did ABC buy?", "X", "In 1951, ABC bought X."),
        ("Opera was introduced in what year?", "1850", "Opera was introduced in 1850."),
        ("What has Beyoncé sold?", "X", "Beyoncé has sold X."),
        ("Whose army attacked Rome?", "Bob", "Bob's army attacked Rome."),
        ("Why did Tesla leave Paris?", "heavy rain", "Tesla left Paris because of heavy rain."),
        ("What percentage of people in Kenya speak English?", "5%",
         "5% of people in Kenya speak English."),
    ],
)  # fmt: skip
def test_a_question_and_an_answer_become_a_sentence(question, answer, expected):
    assert sentence(question, answer) == expected


@pytest.mark.parametrize(
    "question",
    ["What did Tesla do?", "Was Tesla a physicist?", "Name a town in Peru.", "Between what is it?"],
)
def test_where_no_rule_applies_there_is_no_sentence(question):
    assert sentence(question) is None


@pytest.mark.parametrize(
    ("verb", "before", "present"),
    [("take", "took", "takes"), ("stop", "stopped", "stops"), ("carry", "carried", "carries"),
     ("visit", "visited", "visits"), ("refer", "referred", "refers"), ("go", "went", "goes"),
     ("have", "had", "has"), ("play", "played", "plays"), ("use", "used", "uses")],
)  # fmt: skip
def test_verbs_are_inflected(verb, before, present):
    assert (past(verb), third_person(verb)) == (before, present)


def test_neighbours_keep_number_and_capital_and_keep_away():
    assert neighbour("Rivers", random.Random(0), ()) in {"Mountains", "Lakes", "Deserts"}
    assert neighbour("largest", random.Random(0), ()) == "smallest"
    assert neighbour("largest", random.Random(0), {"smallest"}) is None
    assert neighbour("zymurgy", random.Random(0), ()) is None
    assert plural("city") == "cities"


@pytest.mark.parametrize(
    ("text", "kind"),
    [("1987", "year"), ("1980s", "decade"), ("5,200", "number"), ("Apollo 11", "numbered"),
     ("May", "month"), ("Oxford University", "school"), ("Rhine River", "water"),
     ("NASA", "acronym"), ("Paris", "place"), ("Ann Lee", "person"), ("Huguenots", "plural"),
     ("Egyptian", "adjective")],
)  # fmt: skip
def test_kinds_of_names(text, kind):
    assert name_kind(text, "PROPN", {"Ann", "Lee", "Ann Lee"}, {"Paris"}) == kind


@pytest.mark.parametrize(
    ("text", "tags", "kind"),
    [("12%", ["NUM", "SYM"], "percent"), ("$5 million", ["SYM", "NUM", "NUM"], "money"),
     ("May 5, 1850", ["PROPN", "NUM", "PUNCT", "NUM"], "date"), ("45", ["NUM"], "number"),
     ("340 miles", ["NUM", "NOUN"], "quantity"), ("the 9th century", ["DET", "ADJ", "NOUN"],
     "century"), ("a small dog", ["DET", "ADJ", "NOUN"], "noun"), ("small dogs", ["ADJ", "NOUN"],
     "nouns"), ("Nobel Prize", ["PROPN", "PROPN"], "award"), ("to win it", ["PART", "VERB", "PRON"],
     "other")],
)  # fmt: skip
def test_kinds_of_answers(text, tags, kind):
    assert answer_kind(text, tags, set(), set()) == kind


def test_most_questions_have_a_distractor(maker, paragraphs):
    made = list(maker.of_all(paragraphs, 1))
    counts = reasons(made)
    assert counts.total() == sum(len(p.questions) for p in paragraphs)
    # So small a sample has few names to draw from; of SQuAD's dev set it is 0.81.
    assert counts["made"] > 0.5 * len(made)
    assert set(counts) <= {"made", *map(str, Why)}


def test_a_distractor_says_nothing_of_the_passage_or_the_answer(maker, paragraphs):
    made = iter(maker.of_all(paragraphs, 1))
    for paragraph in paragraphs:
        for question in paragraph.questions:
            one = next(made)
            if not isinstance(one, Distractor):
                continue
            assert one.text[0] == one.text[0].upper()
            assert one.text.endswith(".")
            assert "?" not in one.text
            assert one.answer[1:] in one.text
            said = {w.lower() for w, _, _ in words(one.answer) if w.isalpha()} - STOP_WORDS
            known = {w.lower() for w, _, _ in words(paragraph.context)}
            units = {"percent", "million", "years", "century", "people", "may", "times"}
            assert not (said - units) & known
            assert one.answer not in question.answers


def test_the_same_seed_makes_the_same_distractors_in_any_order(maker, paragraphs):
    once = list(maker.of_all(paragraphs, 1))
    assert once == list(Distractors(paragraphs).of_all(paragraphs, 1))
    assert once != list(maker.of_all(paragraphs, 2))
    last = paragraphs[-1:]
    assert list(maker.of_all(last, 1)) == once[-len(last[0].questions) :]
    one, question = paragraphs[0], paragraphs[0].questions[0]
    assert maker.distractor(one, question, random.Random(3)) == maker.distractor(
        one, question, random.Random(3)
    )


def test_boundaries_are_the_first_words_of_sentences_and_the_end():
    text = "Tesla left. He went to Paris. There he lived."
    found, places = split(text)
    assert [found[i] for i in boundaries(text, places)[:-1]] == ["Tesla", "He", "There"]
    assert boundaries(text, places)[-1] == len(found)
    assert boundaries(text, places[:5]) == [0, 3, 5]
    assert boundaries("", np.zeros((0, 2), np.int32)) == [0]


def test_spans_move_with_what_stands_before_them():
    assert moved([(0, 1), (4, 5)], 3, 10, 100) == [(0, 1), (14, 15)]
    assert moved([(2, 4)], 3, 10, 100) == []  # would be cut in two
    assert moved([(2, 4), (90, 95)], 2, 10, 100) == [(12, 14)]  # one pushed out
