"""Words point back at the text they were found in, whatever the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugally.text.words import words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("  \n\t", []),
        ("Don't!", ["Don", "'", "t", "!"]),
        ("in 1973, $12.50", ["in", "1973", ",", "$", "12", ".", "50"]),
        ("naïve café", ["naïve", "café"]),
        ("東京タワー。", ["東京タワー", "。"]),
        ("İstanbul ß ﬁ", ["İstanbul", "ß", "ﬁ"]),
        ("👩‍🚀 ok", ["👩", "\u200d", "🚀", "ok"]),
    ],
)
def test_words_of_known_texts(text, expected):
    assert [word for word, _, _ in words(text)] == expected


@given(st.text())
def test_offsets_are_in_order_and_cover_all_but_spaces(text):
    found = words(text)
    assert all(text[start:end] == word for word, start, end in found)
    ends = [0, *(end for _, _, end in found)]
    starts = [*(start for _, start, _ in found), len(text)]
    assert all(not text[a:b].strip() for a, b in zip(ends, starts, strict=True))
