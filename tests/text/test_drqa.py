"""The seed system's terms, by its definition: tokens, stop rule, n-grams, buckets."""

import unicodedata

import numpy as np
import pytest

from frugally.text import drqa
from frugally.text.analysis import make_analyser
from frugally.text.murmur import murmur3_32
from frugally.text.recipe import Recipe
from frugally.text.terms import Spans


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Who wrote Hamlet?", ["who", "wrote", "hamlet", "?"]),
        ("don't e-mail", ["don", "'", "t", "e", "-", "mail"]),
        ("$3.50 + 10%", ["$", "3", ".", "50", "+", "10", "%"]),
        ("a\tb\n\nc\x00d\u200be", ["a", "b", "c", "d", "e"]),
        ("Café", ["cafe\u0301"]),
        ("日本。x²", ["日本", "。", "x²"]),
        ("", []),
    ],
)
def test_tokens(text, tokens):
    assert drqa.tokens(text) == [unicodedata.normalize("NFD", t) for t in tokens]


@pytest.mark.parametrize(
    ("text", "grams"),
    [
        # 'any' rule: a bigram with a stop word or punctuation in it is gone, and none spans one.
        ("the king of france", ["king", "france"]),
        ("Eiffel Tower, Paris", ["eiffel", "eiffel tower", "tower", "paris"]),
        ("$ 5", ["$", "$ 5", "5"]),  # a currency sign is a symbol, not punctuation
        ("who is it?", []),
        ("new york new york", ["new", "new york", "york", "york new", "new", "new york", "york"]),
    ],
)
def test_ngrams(text, grams):
    assert list(drqa.ngrams(drqa.tokens(text))) == grams


def test_buckets():
    assert drqa.bucket("eiffel tower", 24) == murmur3_32(b"eiffel tower") % 2**24
    assert drqa.bucket("\ud800", 8) == murmur3_32(b"?") % 256


def test_analyser_gives_the_same_terms_to_texts_and_questions():
    analyser = make_analyser(Recipe.make("drqa", title_weight=1))
    found = analyser.prepare(Spans.of([b"Paris", b"the Eiffel Tower", b"", b"of"]), 3)()
    grams = ["paris", "eiffel", "eiffel tower", "tower"]
    assert found.packed.tolist() == [drqa.bucket(g, 24) << 32 | 3 for g in grams]
    assert found.lengths.tolist() == [4, 1]
    asked = analyser.query("Eiffel tower? Eiffel Tower!")
    assert {(t.text, t.frequency, t.kind) for t in asked} == {
        ("eiffel", 2, "word"), ("tower", 2, "word"), ("eiffel tower", 2, "bigram")
    }  # fmt: skip
    assert analyser.query("?!") == []
    analyser.forget()
    assert np.array_equal(
        analyser.prepare(Spans.of([b"", b""]), 0)().packed, np.zeros(0, np.uint64)
    )
