"""The seed system's tokens with their places: the same tokens, in the text as it was given."""

import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from frugally.text.drqa import placed_tokens, tokens


def test_places_are_in_the_text_before_nfd():
    text = "Don't touch Café №1!"
    placed = placed_tokens(text)
    assert [text[start:end] for _, start, end in placed] == [
        "Don", "'", "t", "touch", "Café", "№", "1", "!",
    ]  # fmt: skip
    assert placed[4][0] == unicodedata.normalize("NFD", "café")


def test_what_is_made_of_one_character_has_its_place():
    assert placed_tokens("a≠b") == [("a", 0, 1), ("=", 1, 2), ("\u0338b", 1, 3)]


@given(st.text())
@example("≠")
@example("\u0315\u0300a")
def test_the_tokens_are_those_of_the_index(text):
    assert [token for token, _, _ in placed_tokens(text)] == tokens(text)
