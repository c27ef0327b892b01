"""Answers: weighing, merging, evidence, refusal."""

import math

import pytest

from frugally import Answer, Collection, Document, NoAnswer
from frugally.ask.document import Cue
from frugally.ask.evidence import sentence_around
from frugally.ask.weighing import Weighing
from frugally.budget import Budget
from frugally.nets.reading import Span


class Years:
    """A reader that takes the first year of a passage for the answer, later years for likelier."""

    def read(self, question, passages):
        found = []
        for passage in passages:
            at = next((i for i, c in enumerate(passage) if c.isdigit()), None)
            year = passage[at : at + 4] if at is not None else ""
            found.append(Span(start=at, end=at + 4, score=int(year) / 1000) if year else None)
        return found

    def flops(self, question, passages):
        return 100 * len(passages)

    def confidence(self, score):
        return 0.5


TEXTS = {
    "one": "The tower was built in 1889. It stands in Paris.",
    "two": "Some say the tower was built in 1999! It is tall.",
    "three": "The tower is old.",
    "four": "In the year 1999, the tower was built.",
}


@pytest.fixture
def collection(tmp_path):
    made = Collection.create(tmp_path / "c")
    made.add(Document(id=name, text=text) for name, text in TEXTS.items())
    return made


SURE = Weighing(retrieval=0.0, slope=1.0, margin=0.0, offset=0.0, threshold=0.1)


def test_the_best_span_wins_and_equal_answers_stand_beside_it(collection):
    result = collection.ask("When was the tower built?", reader=Years(), weighing=SURE)
    assert isinstance(result, Answer)
    assert result.text == "1999"
    assert {e.hit.id for e in result.evidence} == {"two", "four"}
    for evidence in result.evidence:
        assert TEXTS[evidence.hit.id][evidence.start : evidence.end] == "1999"
    assert result.confidence == pytest.approx(1 / (1 + math.exp(-1.999)), abs=1e-6)


def test_the_search_can_outweigh_the_reader(collection):
    asked = "Was the tower built in 1889 and stands in Paris?"
    result = collection.ask(asked, reader=Years(), weighing=Weighing(retrieval=1, threshold=0))
    assert result.text == "1889"


def test_fewer_passages_read_is_what_the_cost_says(collection):
    result = collection.ask("tower built", reader=Years(), limit=Budget(passages=1), weighing=SURE)
    assert result.cost.passages_total == 4
    assert result.cost.seconds > 0
    assert (result.unread, result.stopped) == (3, "limit")


def test_below_the_threshold_there_is_no_answer_but_the_nearest(collection):
    result = collection.ask("When was the tower built?", reader=Years(), threshold=0.99)
    assert isinstance(result, NoAnswer)
    assert result.best == "1999"
    assert len(result.nearest) == 3
    assert result.as_dict()["answer"] is None


def test_nothing_found_is_no_answer_and_needs_no_reader(collection):
    result = collection.ask("qqq zzz")
    assert isinstance(result, NoAnswer)
    assert result.confidence == 0
    assert not result.nearest


def test_the_place_of_an_answer_in_subtitles_is_its_own_cue(tmp_path):
    text = "First we wait. The year 1989 is said. And on."
    cues = (
        Cue(start=0, end=14, begins=3.0, ends=5.0),
        Cue(start=15, end=37, begins=65.0, ends=70.0),
        Cue(start=38, end=45, begins=71.0, ends=75.0),
    )
    made = Collection.create(tmp_path / "c")
    made.add([Document(id="talk", text=text, cues=cues)])
    result = made.ask("which year is said", reader=Years(), weighing=SURE)
    assert result.text == "1989"
    assert result.evidence[0].place == "0:01:05"


@pytest.mark.parametrize(
    ("text", "answer", "sentence"),
    [
        ("One. Two is here. Three.", "here", "Two is here."),
        ("He (b. 1880) met Dr. Who? Yes! No.", "Yes", "Yes!"),
        ("第一句。第二句在这里。第三句。", "这里", "第二句在这里。"),
        ("no end at all", "end", "no end at all"),
        ("a line\nanother line\n", "another", "another line"),
    ],
)
def test_sentence_around(text, answer, sentence):
    start = text.index(answer)
    assert sentence_around(text, start, start + len(answer)) == sentence


def test_a_source_that_is_only_a_name_is_kept_and_can_be_removed(tmp_path):
    made = Collection.create(tmp_path / "c")
    made.add(
        Document(id=i, text=f"text {i}", source=s) for i, s in [("1", "A"), ("2", "B"), ("3", "A")]
    )
    made.add([Document(id="4", text="text 4", source="A")])
    assert [d.document.source for d in made.documents()] == ["A", "B", "A", "A"]
    assert made.remove(["A"]) == 3
