"""What holds for every kind of reader: one table, all that are registered."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import frugally
import tiny_qa
from frugally.ask.readers.registry import READERS, open_reader
from frugally.cost import metered
from frugally.errors import UsageError

SHIPPED = Path(frugally.__file__).parent / "shipped" / "reader"
QUESTION = "When was the tower built?"
PASSAGES = [
    "The tower was built in 1889. It stands in Paris.",
    "The tower stands in Paris.",
    "It was built in 1958 and it stands.",
]
STRANGE = {
    "emoji": "👩‍🚀👩‍🚀 the tower 🗼 was built in 1889 👍🏽",
    "marks": "The towe\u0301r, Pari\u0308s, was built in 1889\u0301 a\u0301\u0323.",
    "line ends": "The tower\r\n\r\nwas built\r\nin 1889\r\n",
    "surrogates": "the \udcff tower \ud83d was built in 1889 \udc00",
    "controls": "\x00the\x07 tower\u200b was built in\u00a01889\ufffd\ufeff",
    "no spaces": "東京タワーは1958年に完成した。",
    "one letter": "a",
    "no letters": "?! … —",
}
# How much a score may differ where a passage is read by itself.
TOLERANCE = {"shipped": 1.0, "folder": 1.0, "onnx": 1e-5, "http": 0.0}


@pytest.fixture(params=[kind.name for kind in READERS])
def kind(request):
    return request.param


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return tiny_qa.save(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def opened(kind, tiny, server):
    written = {"shipped": "shipped", "folder": str(SHIPPED), "onnx": f"onnx:{tiny}"}
    return open_reader(written.get(kind, server.address))


@pytest.fixture
def reader(opened):
    return opened.reader


def test_every_kind_is_in_the_table():
    assert {kind.name for kind in READERS} == set(TOLERANCE)


def check(passage, span):
    """A span lies in its passage and holds more than spaces, at both ends."""
    assert 0 <= span.start < span.end <= len(passage)
    assert not passage[span.start].isspace()
    assert not passage[span.end - 1].isspace()


def test_spans_lie_in_their_passages_in_order(reader):
    spans = reader.read(QUESTION, PASSAGES)
    assert len(spans) == len(PASSAGES)
    found = [n for n, span in enumerate(spans) if span]
    assert 0 in found
    for n in found:
        check(PASSAGES[n], spans[n])
    backwards = reader.read(QUESTION, PASSAGES[::-1])
    number, best = max(((n, spans[n].score) for n in found), key=lambda pair: pair[1])
    if sum(span is not None for span in spans) > 1:  # a reader of each passage by itself
        assert backwards[len(PASSAGES) - 1 - number].score == pytest.approx(best, abs=1.0)
    assert PASSAGES[0][spans[0].start : spans[0].end] == "1889"


def test_passages_without_words_have_no_span(reader):
    spans = reader.read(QUESTION, ["", PASSAGES[0], " \r\n\t ", "\u2003"])
    assert [span is None for span in spans] == [True, False, True, True]
    assert reader.read(QUESTION, ["", " "]) == [None, None]


def test_no_passages_are_no_spans(reader):
    assert reader.read(QUESTION, []) == []


def test_the_same_call_gives_the_same(reader):
    assert reader.read(QUESTION, PASSAGES) == reader.read(QUESTION, PASSAGES)


def test_a_passage_alone_is_read_as_in_company(reader, kind):
    together = reader.read(QUESTION, PASSAGES)
    for passage, span in zip(PASSAGES, together, strict=True):
        if span is not None:
            (alone,) = reader.read(QUESTION, [passage])
            assert (alone.start, alone.end) == (span.start, span.end)
            assert alone.score == pytest.approx(span.score, abs=TOLERANCE[kind])


@pytest.mark.parametrize("passage", STRANGE.values(), ids=STRANGE)
def test_strange_characters_keep_their_places(reader, passage):
    for given in ([passage], [PASSAGES[1], passage]):
        span = reader.read(QUESTION, given)[-1]
        if span is not None:
            check(passage, span)
    assert len(reader.read(QUESTION, list(STRANGE.values()))) == len(STRANGE)


@pytest.mark.parametrize("name", ["emoji", "line ends", "surrogates", "controls"])
def test_what_stands_before_an_answer_does_not_move_it(reader, kind, name):
    passage = STRANGE[name]
    span = reader.read(QUESTION, [passage])[0]
    check(passage, span)
    if kind in ("onnx", "http"):  # these know a year when they see it
        assert passage[span.start : span.end] == "1889"


def test_a_passage_of_100_000_words(reader):
    passage = "sheep eat " * 40_000 + PASSAGES[0] + " grass all day" * 7_000
    passages = [PASSAGES[0], passage]
    spans = reader.read(QUESTION, passages)
    assert spans[0] is not None
    for given, span in zip(passages, spans, strict=True):
        if span is not None:
            check(given, span)


@pytest.mark.parametrize("question", ["", "  ", "\n"])
def test_a_question_without_words_makes_no_sense(reader, question):
    with pytest.raises(UsageError):
        reader.read(question, PASSAGES)


@pytest.mark.parametrize("question", [*STRANGE.values(), "when was it built? " * 500])
def test_any_other_question_is_read(reader, question):
    for passage, span in zip(PASSAGES, reader.read(question, PASSAGES), strict=True):
        if span is not None:
            check(passage, span)


def test_confidence_is_a_probability_that_rises(opened):
    scores = [-1e6, -20.0, -1.0, 0.0, 1.0, 20.0, 1e6]
    for confidence in (opened.reader.confidence, lambda s: opened.weighing.confidence(s, None)):
        values = [confidence(score) for score in scores]
        assert values == sorted(values)
        assert 0 <= values[0] < values[2] < values[-1] <= 1


def test_confidence_of_an_answer_is_the_reader_s_own(opened, kind):
    if kind == "shipped":
        pytest.skip("weighed with the search")
    for score in (-3.0, 0.0, 2.5):
        for runner_up in (None, score - 1):
            weighed = opened.weighing.confidence(score, runner_up)
            assert weighed == pytest.approx(opened.reader.confidence(score), abs=1e-12)


def test_reading_states_its_cost(reader):
    with metered() as cost:
        reader.read(QUESTION, PASSAGES)
    assert cost.passages_read == len(PASSAGES)
    assert cost.bytes_read == sum(len(passage.encode()) for passage in PASSAGES)
    assert cost.flops == reader.flops(QUESTION, PASSAGES)


def test_threads_may_share_it(reader):
    expected = [reader.read(QUESTION, [passage]) for passage in PASSAGES]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda passage: reader.read(QUESTION, [passage]), PASSAGES * 4))
    assert found == expected * 4
