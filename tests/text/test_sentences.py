"""Tokens and sentences of plain text, as the English treebanks cut them."""

import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugally.text.sentences import sentences, tokens


def cut(text):
    return [token.text for token in tokens(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I don't.", ["I", "do", "n't", "."]),
        ("It’s John's, cannot", ["It", "’s", "John", "'s", ",", "can", "not"]),
        ("They shouldn't've", ["They", "should", "n't", "'ve"]),
        ("well-known $5.50", ["well", "-", "known", "$", "5.50"]),
        ("at 3:30 p.m., 10%", ["at", "3:30", "p.m.", ",", "10", "%"]),
        ("Mr. Smith of the U.S.", ["Mr.", "Smith", "of", "the", "U.S."]),
        ("see http://a.org/b?c=1.", ["see", "http://a.org/b?c=1", "."]),
        ("mail x.y@z.com!!", ["mail", "x.y@z.com", "!!"]),
        ("no... :) 713-853-3989", ["no", "...", ":)", "713-853-3989"]),
        ("", []),
        (" \n\t", []),
        ("😀\0é", ["😀", "\0", "é"]),
    ],
)
def test_tokens(text, expected):
    assert cut(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He left. She stayed.", ["He left .", "She stayed ."]),
        # A closing quotation mark belongs to what it closes, and "he" goes on.
        ('"Go!" he said. "Why?"', ['" Go ! " he said .', '" Why ? "']),
        ("Dr. Who came in. Yes", ["Dr. Who came in .", "Yes"]),
        ("One line\n\ntwo", ["One line", "two"]),
        ("It cost 3.50 in all. (Yes.) No", ["It cost 3.50 in all .", "( Yes . )", "No"]),
    ],
)
def test_sentences(text, expected):
    found = [" ".join(token.text for token in sentence) for sentence in sentences(text)]
    assert found == expected


@given(st.text(max_size=200))
def test_offsets_point_at_the_text_and_nothing_visible_is_lost(text):
    found = [token for sentence in sentences(text) for token in sentence]
    assert all(text[t.start : t.end] == t.text and t.text for t in found)
    assert all(a.end <= b.start for a, b in itertools.pairwise(found))
    assert "".join(t.text for t in found) == "".join(text.split())


@pytest.mark.parametrize("unit", ["a.b", "n't", "a@", ".", "-", "a-", "A.", "'s", "^_", "1,", "a&"])
def test_long_runs_take_time_in_proportion(unit):
    def seconds(count):
        begin = time.process_time()
        assert sum(1 for _ in tokens(unit * count))
        return time.process_time() - begin

    # Quadratic work would be a hundred times more; the constant absorbs a busy machine.
    assert seconds(20_000) < 40 * seconds(2_000) + 0.5
