"""What words are counted and looked up under."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugally.text.spelling import other_spellings, spelling


@pytest.mark.parametrize(
    ("word", "expected"),
    [("1987", "0000"), ("B2B", "B0B"), ("don’t", "don't"), ("Été", "Été"), ("٣", "٣"), ("", "")],
)
def test_spelling(word, expected):
    assert spelling(word) == expected


@given(st.text(st.characters()))
def test_spelling_changes_digits_and_apostrophes_alone(text):
    found = spelling(text)
    assert spelling(found) == found
    pairs = zip(text, found, strict=True)
    assert all(b == ("0" if a in "0123456789" else "'" if a == "’" else a) for a, b in pairs)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("LONDON", ["london", "London"]),
        ("Running", ["running"]),
        ("london", ["London"]),
        ("Mr.", ["mr.", "Mr"]),
        ("...", ["."]),
        ("!!", ["!"]),
        ("zz", ["Zz"]),
        ("-", []),
        ("", []),
    ],
)
def test_other_spellings(word, expected):
    assert list(other_spellings(word)) == expected
