"""The seed system's tokens with their places: the same tokens, in the text as it was given."""

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from frugally.text.drqa import placed_tokens, tokens


def test_places_are_in_the_text_before_nfd():
    text = "Don't touch Café №1!"
    placed = placed_tokens(text)
    assert [text[start:end] for _, start, end in placed] == [
        "Don", "'", "t", "touch", "Café", "№", "1", "!",
    ]  # fmt: skip
    assert placed[4][0] == unicodedata.normalize("NFD", "café")


@given(st.text())
def test_the_tokens_are_those_of_the_index(text):
    normal = unicodedata.normalize("NFC", text)  # a mark of its own may be reordered by NFD
    assert [token for token, _, _ in placed_tokens(normal)] == tokens(normal)
