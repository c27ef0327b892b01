"""Passages for a prompt stay inside their tokens."""

from hypothesis import given
from hypothesis import strategies as st

from frugally.ask.hit import Hit
from frugally.ask.prompt import count_tokens, fit_tokens, prompt


def hit(number, text):
    return Hit(
        passage=number, score=1.0, id=f"d{number}", title="", url="", source="f", text=text,
        start=0, end=len(text), place="",
    )  # fmt: skip


@given(st.lists(st.text(max_size=200), max_size=8), st.integers(1, 200))
def test_never_more_than_asked_and_best_first(texts, tokens):
    hits = [hit(i, text) for i, text in enumerate(texts)]
    kept = fit_tokens(hits, tokens)
    assert [h for h in hits if h in kept] == kept
    # Entries are counted one by one, so their sum bounds the whole.
    assert not kept or count_tokens(prompt(kept)) <= tokens


def test_a_long_passage_gives_way_to_a_shorter_one():
    kept = fit_tokens([hit(1, "long " * 100), hit(2, "short")], 20)
    assert [h.id for h in kept] == ["d2"]
    assert prompt(kept) == "[1] d2 (f)\nshort\n\n"


def test_counts_follow_bytes_words_and_wide_characters():
    assert count_tokens("abcdefgh") == 2
    assert count_tokens("a b c d e f") == 6
    assert count_tokens("東京都庁舎") == 5
