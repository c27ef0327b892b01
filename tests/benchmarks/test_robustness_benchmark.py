"""The robustness benchmark tells a reader that is fooled from one that is not."""

import re
from pathlib import Path

import pytest

from benchmarks import robustness
from frugally.fit.squad import Paragraph, Question, load_squad
from frugally.nets.reading import Span

SAMPLE = Path(__file__).parent.parent / "data" / "squad_sample"


class LastWord:
    """Answers with the last word of the passage, so a sentence at the end is its answer."""

    def read(self, question, passages):
        return [self._last(passage) for passage in passages]

    def _last(self, passage):
        *_, match = re.finditer(r"\w+", passage)
        return Span(start=match.start(), end=match.end(), score=0.0)


@pytest.fixture(scope="module")
def result():
    return robustness.measure(LastWord(), load_squad(SAMPLE, "train-v1.1"), 1000)


def test_answers_from_a_distractor_at_the_end_are_counted(result):
    _, unlike, end, beginning, told = robustness.WAYS
    ways = result["ways"]
    assert ways[end]["from_distractor"]["mean"] == 100
    assert ways[told]["from_distractor"]["mean"] == 100
    assert ways[unlike]["from_distractor"]["mean"] == 100
    assert ways[beginning]["from_distractor"]["mean"] == 0
    assert ways[beginning]["lost"]["mean"] == 0
    assert 0 < ways[end]["wrong_answer"]["mean"] < 100
    counts = {way["exact_match"]["count"] for way in ways.values()}
    assert counts == {result["distractors"]["made"]}


def test_places_are_sentences_and_every_question_is_counted_once(result):
    counted = sum(one["count"] for one in result["places"].values())
    assert counted + result["more_than_one_place"] == result["questions"]
    context = "Ann left. Bob came. Carl ran. Dan slept. Eve ate."
    for start, name in ((0, "first"), (10, "second"), (20, "third"), (40, "fourth and later")):
        question = Question(text="Who?", answers=("X",), starts=(start,))
        paragraph = Paragraph(title="", context=context, questions=(question,))
        assert robustness.place(paragraph, question) == name
    twice = Question(text="Who?", answers=("X",), starts=(0, 10))
    assert robustness.place(paragraph, twice) is None


def test_the_tables_name_every_way(result):
    text = robustness.render(result)
    assert all(way in text for way in (*robustness.WAYS, *robustness.PLACES))


def test_the_interval_is_that_of_a_mean():
    found = robustness.mean([1.0, 0.0, 1.0, 0.0])
    assert found["mean"] == 50
    assert found["half"] == pytest.approx(1.96 * 57.735 / 2, rel=1e-3)
