"""Reading best first: the same answer as reading everything, and never beyond a limit."""

import math
import random
import time

import pytest

from frugally import Collection, Document, NoAnswer
from frugally.ask.reading import read_best_first
from frugally.ask.span_cache import SpanCache
from frugally.ask.weighing import DEFAULT_WEIGHING, Weighing
from frugally.budget import Budget
from frugally.cost import metered, spend
from frugally.errors import BudgetError, UsageError
from frugally.nets.reading import Span

PASSAGES = 40


class Scores:
    """A reader whose score of a passage is written in it; it notes what it was given."""

    def __init__(self, seconds=0.0):
        self.seconds, self.calls = seconds, []

    def read(self, question, passages):
        self.calls.append(len(passages))
        spend(passages_read=len(passages))
        time.sleep(self.seconds * sum(len(passage) for passage in passages))
        return [
            None if "none" in passage else Span(start=0, end=4, score=float(passage.split()[1]))
            for passage in passages
        ]

    def flops(self, question, passages):
        return 10 * sum(len(passage) for passage in passages)

    def confidence(self, score):
        return 0.5


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory):
    source = random.Random(0)
    made = Collection.create(tmp_path_factory.mktemp("read") / "c")
    made.add(
        Document(
            id=str(i),
            text=f"a{i:03} {source.gauss(0, 4):.3f} "
            + "word " * source.randint(1, 5)
            + "filler " * source.randint(0, 30)
            + ("none" if i % 7 == 0 else ""),
        )
        for i in range(PASSAGES)
    )
    return made.snapshot


def read(snapshot, reader=None, **weighing):
    return read_best_first(
        snapshot, "word", reader or Scores(), weighing=Weighing(passages=PASSAGES, **weighing)
    )


@pytest.mark.parametrize("retrieval", [0.0, 1.0, 30.0])
@pytest.mark.parametrize("together", [1, 2, 7, 100])
def test_with_a_ceiling_that_holds_the_best_is_that_of_all(snapshot, retrieval, together):
    everything = read(snapshot, ceiling=math.inf, retrieval=retrieval)
    assert (everything.unread, everything.stopped) == (0, "end")
    assert len(everything.hits) == PASSAGES
    highest = max(float(hit.text.split()[1]) for hit in everything.hits if "none" not in hit.text)
    some = read(snapshot, ceiling=highest, retrieval=retrieval, together=together)
    assert some.evidence[0] == everything.evidence[0]
    assert some.unread + len(some.hits) == PASSAGES
    assert some.hits == everything.hits[: len(some.hits)]
    if retrieval == 30.0 and together < 100:
        assert some.stopped == "settled"
        assert some.unread > 0


def test_passages_are_read_in_growing_groups(snapshot):
    reader = Scores()
    read(snapshot, reader, ceiling=math.inf)
    assert reader.calls == [2, 4, 6, 8, 10, 10]


def test_evidence_is_best_first_and_passages_without_an_answer_have_none(snapshot):
    scores = [one.score for one in read(snapshot, ceiling=math.inf, retrieval=0.0).evidence]
    assert scores == sorted(scores, reverse=True)
    assert len(scores) == PASSAGES - 6


@pytest.mark.parametrize(
    ("limit", "most"),
    [
        (Budget(passages=5), 5),
        (Budget(passages=1), 1),
        (Budget(flops=3000), None),
        (Budget(flops=3000, passages=3), 3),
    ],
)
def test_limits_hold_and_are_named(snapshot, limit, most):
    reader = Scores()
    found = read_best_first(
        snapshot, "word", reader, weighing=Weighing(ceiling=math.inf), limit=limit
    )
    assert found.stopped == "limit"
    assert found.unread == DEFAULT_WEIGHING.passages - len(found.hits) > 0
    assert most is None or len(found.hits) == most
    if limit.flops is not None:
        assert 0 < 10 * sum(len(hit.text) for hit in found.hits) <= limit.flops


def test_a_limit_above_the_usual_number_reads_more(snapshot):
    limit = Budget(passages=30)
    found = read_best_first(
        snapshot, "word", Scores(), weighing=Weighing(ceiling=math.inf), limit=limit
    )
    assert (len(found.hits), found.unread, found.stopped) == (30, 0, "end")


def test_a_limit_of_time_is_kept(snapshot):
    reader = Scores(seconds=6e-4)
    with metered() as cost:
        found = read_best_first(
            snapshot, "word", reader, weighing=Weighing(ceiling=math.inf), limit=Budget(seconds=0.2)
        )
    assert found.stopped == "limit"
    assert 0 < len(found.hits) < DEFAULT_WEIGHING.passages
    assert cost.passages_read == len(found.hits)


def test_a_reader_of_unknown_cost_is_not_probed_and_has_no_limit_of_flops(snapshot):
    class Unknown(Scores):
        def flops(self, question, passages):
            return 0

    reader = Unknown()
    every = Weighing(ceiling=math.inf, passages=12)
    found = read_best_first(snapshot, "word", reader, weighing=every, limit=Budget(seconds=3600))
    assert (len(found.hits), found.stopped) == (12, "end")
    assert reader.calls == [2, 4, 6]
    with pytest.raises(UsageError, match="operations"):
        read_best_first(snapshot, "word", reader, weighing=Weighing(), limit=Budget(flops=10))


@pytest.mark.parametrize(
    ("limit", "hint"),
    [
        (Budget(passages=0), "1 passage"),
        (Budget(flops=1), "FLOP"),
        (Budget(seconds=1e-9), "ms"),
    ],
)
def test_a_limit_that_leaves_nothing_is_refused_with_the_smallest(snapshot, limit, hint):
    with pytest.raises(BudgetError, match="not one passage") as refused:
        read_best_first(snapshot, "word", Scores(seconds=1e-4), weighing=Weighing(), limit=limit)
    assert hint in refused.value.hint


def test_a_limit_on_bytes_makes_no_sense(snapshot):
    with pytest.raises(UsageError, match="bytes"):
        read_best_first(snapshot, "word", Scores(), weighing=Weighing(), limit=Budget(size=5))


def test_nothing_found_is_nothing_read_whatever_the_limit(snapshot):
    found = read_best_first(snapshot, "qqq", None, weighing=Weighing(), limit=Budget(flops=1))
    assert (found.evidence, found.hits, found.unread, found.stopped) == ((), (), 0, "end")


def test_answers_that_are_equal_stand_together_and_others_beside_them(tmp_path):
    made = Collection.create(tmp_path / "c")
    texts = {"a": "1889 3 tower", "b": "1889 5 tower", "c": "1999 4 tower", "d": "none 1 tower"}
    made.add([Document(id=name, text=text) for name, text in texts.items()])
    result = made.ask(
        "tower", reader=Scores(), weighing=Weighing(retrieval=0.0, threshold=0.0, ceiling=9.0)
    )
    assert (result.text, result.sources) == ("1889", 2)
    assert [evidence.hit.id for evidence in result.evidence] == ["b", "a"]
    assert [(rival.text, rival.sources) for rival in result.rivals] == [("1999", 1)]
    shown = result.as_dict()
    assert shown["sources"] == 2
    assert shown["rivals"][0]["answer"] == "1999"
    assert shown["stopped"] == "end"
    refused = made.ask("tower", reader=Scores(), threshold=1.0)
    assert isinstance(refused, NoAnswer)
    assert refused.as_dict()["unread"] == 0


def test_what_was_read_before_is_not_read_again(snapshot):
    cache, reader, reading = SpanCache(), Scores(), Weighing(passages=8, ceiling=math.inf)

    def ask(question="word", reader=reader, limit=None):
        reader.calls.clear()
        with metered() as cost:
            found = read_best_first(
                snapshot, question, reader, weighing=reading, limit=limit, cache=cache
            )
        return found, cost.passages_read, sum(reader.calls)

    first, spent, given = ask(limit=Budget.parse("3passages"))
    assert (len(first.hits), spent, given) == (3, 3, 3)
    whole, spent, given = ask()
    assert (len(whole.hits), spent, given) == (8, 5, 5)
    again, spent, given = ask()
    assert (again, spent, given) == (whole, 0, 0)
    # What was read costs nothing: a limit is for what is new.
    flops = reader.flops("word", [whole.hits[0].text])
    assert ask(limit=Budget.parse(f"{flops}FLOP"))[0].hits == whole.hits
    assert ask(limit=Budget.parse("1us"))[0].hits == whole.hits
    assert ask("filler", limit=Budget.parse("8passages"))[1:] == (8, 8)
    other = Scores()
    assert ask(reader=other)[1:] == (8, 8)
    assert ask()[1:] == (8, 8)  # another reader had emptied it
    assert read_best_first(snapshot, "word", reader, weighing=reading) == whole


def test_the_cache_starts_again_before_it_grows_without_end(monkeypatch):
    monkeypatch.setattr("frugally.ask.span_cache._MOST", 3)
    cache, reader = SpanCache(), Scores()
    for number in range(10):
        asked = cache.asked(reader, f"question {number}")
        assert asked.read(["a 1", "a 2", "none"])[2] is None
        assert asked.unread(["a 1", "a 3"]) == ["a 3"]
    assert sum(reader.calls) == 30
    assert len(cache._kept[1]) <= 3 + 3


def test_a_collection_keeps_what_it_read_while_it_is_open(tmp_path):
    made = Collection.create(tmp_path / "c")
    made.add([Document(id="a", text="a word 1889"), Document(id="b", text="b word none")])
    reader = Scores()
    reader.read = lambda question, passages: (
        reader.calls.append(len(passages)) or [Span(start=0, end=1, score=9.0) for _ in passages]
    )
    sure = Weighing(retrieval=0.0, slope=1.0, margin=0.0, offset=0.0, threshold=0.1)
    first = made.ask("word", reader=reader, weighing=sure)
    made.add([Document(id="c", text="c word")])
    again = made.ask("word", reader=reader, weighing=sure)
    assert len(again.evidence) + len(again.rivals) > len(first.evidence) + len(first.rivals)
    assert sum(reader.calls) == 3
