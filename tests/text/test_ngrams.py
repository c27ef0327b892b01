"""Hashed n-grams: the kernels equal the slow way, and the hash is the published one."""

import re
import unicodedata

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from frugally.text.murmur import murmur3_32
from frugally.text.ngrams import (
    ALONE,
    NgramTables,
    all_characters,
    letters,
    ngram_rows,
    ngrams_of,
    row_of,
    word_characters,
    word_rows,
)


def slow_ngrams(text, order, only_letters=True):
    """N-grams as the module's page says, word by word."""
    words, word = [], ""
    for char in text:
        if not only_letters:
            word += char
        elif ord(char) >= 0x20000 or unicodedata.category(char)[0] in "LM":
            lower = char.lower() if ord(char) < 0x20000 else char
            word += lower if len(lower) == 1 else char
        else:
            words.append(word)
            word = ""
    words.append(word)
    marked = [f"^{word}$" for word in words if word]
    return [word[i : i + order] for word in marked for i in range(len(word) - order + 1)]


def slow_rows(text, order, rows, only_letters=True):
    found = slow_ngrams(text, order, only_letters)
    return [murmur3_32(ngram.encode("utf-32-le")) % rows for ngram in found]


def by_text(found):
    return [part.tolist() for part in np.split(found.rows, found.ends[:-1])]


TEXTS = ["", "a", "Dette er en TEST.", "日本語 and 𠀀𠀁", "¿İstanbul?", "🦊", "don't"]
TEXTS += ["e\u0301té", "Ǆ ß"]


@pytest.mark.parametrize(
    ("ngram", "expected"), [("^a", 0x24D12937), ("the", 0x9F46A006), ("日本$", 0x3C7958DE)]
)
def test_version_1_of_the_hash(ngram, expected):
    assert murmur3_32(ngram.encode("utf-32-le")) == expected
    assert row_of(ngram, 1000) == expected % 1000
    word = ngram.strip("^$").encode()
    found = ngram_rows([word], len(ngram), 0x7FFFFFFF, letters()).rows
    assert expected % 0x7FFFFFFF in found


@pytest.mark.parametrize("order", range(1, 9))
def test_rows_equal_the_slow_way(order):
    found = ngram_rows([t.encode() for t in TEXTS], order, 997, letters())
    assert by_text(found) == [slow_rows(text, order, 997) for text in TEXTS]
    whole = ngram_rows([t.encode() for t in TEXTS], order, 997, all_characters())
    assert by_text(whole) == [slow_rows(text, order, 997, only_letters=False) for text in TEXTS]


@given(st.lists(st.text(max_size=20), max_size=5), st.integers(1, 5))
def test_rows_equal_the_slow_way_whatever_the_text(texts, order):
    found = ngram_rows([t.encode() for t in texts], order, 31, letters())
    assert texts == [] or by_text(found) == [slow_rows(text, order, 31) for text in texts]
    assert [ngrams_of(t.encode(), order) for t in texts] == [slow_ngrams(t, order) for t in texts]


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=5))
def test_bytes_that_are_not_utf8_part_words(blobs):
    """Python's decoder puts U+FFFD, which is no letter, where bytes are no character."""
    expected = [slow_rows(blob.decode("utf-8", "replace"), 2, 101) for blob in blobs]
    assert by_text(ngram_rows(blobs, 2, 101, letters())) == expected


def tables(widths=(2, 3, 5), rows=(7, 50, 90)):
    random = np.random.default_rng(3)
    sizes = zip(rows, widths, strict=True)
    return [random.normal(size=size).astype(np.float32) for size in sizes]


@given(st.lists(st.one_of(st.text(max_size=30), st.sampled_from(TEXTS)), max_size=5))
def test_means_equal_the_slow_way(texts):
    found = NgramTables.of(tables()).means([t.encode() for t in texts])
    assert found.shape == (len(texts), 10)
    for text, mean in zip(texts, found, strict=True):
        parts = []
        for order, table in enumerate(tables(), start=1):
            rows = slow_rows(text, order, len(table))
            parts.append(table[rows].mean(axis=0) if rows else np.zeros(table.shape[1]))
        np.testing.assert_allclose(mean, np.concatenate(parts), rtol=1e-4, atol=1e-5)


def slow_words(text):
    table = word_characters()
    words, word = [], ""
    for char in text:
        code = ord(char)
        kind = table.in_word[code] if code < 0x20000 else ALONE
        shown = chr(table.becomes[code]) if code < 0x20000 else char
        if kind == 1:
            word += shown
            continue
        words += [word] * bool(word) + [shown] * int(kind == ALONE)
        word = ""
    return words + [word] * bool(word)


def test_words_are_letters_and_digits_and_each_mark_by_itself():
    assert slow_words("The cat's ❤\ufe0f 3.5 STARS!") == [
        *("the", "cat", "'", "s", "❤", "3", ".", "5", "stars", "!")
    ]
    assert slow_words("日本語 สวัสดี e\u0301té\u200b𠀀") == [*"日本語", *"สวัสดี", "e\u0301té", "𠀀"]


@given(
    st.lists(st.one_of(st.text(max_size=20), st.sampled_from(TEXTS)), max_size=5),
    st.integers(1, 3),
)
def test_rows_of_words_equal_the_slow_way(texts, order):
    found = word_rows([t.encode() for t in texts], order, 997)
    expected = []
    for text in texts:
        words = slow_words(text)
        runs = [" ".join(words[i : i + order]) for i in range(len(words) - order + 1)]
        expected.append([row_of(run, 997) for run in runs])
    assert texts == [] or by_text(found) == expected


@given(st.lists(st.binary(max_size=20), min_size=1, max_size=5))
@example(["\ufffd".encode()])
def test_bytes_that_are_not_utf8_part_words_of_runs_too(blobs):
    texts = [
        re.sub("[\udc80-\udcff]", " ", blob.decode("utf-8", "surrogateescape")).encode()
        for blob in blobs
    ]
    assert by_text(word_rows(blobs, 1, 101)) == by_text(word_rows(texts, 1, 101))


def test_version_1_of_the_hash_of_words():
    assert murmur3_32("the cat".encode("utf-32-le")) == 0x7FAF543A
    assert word_rows([b"The cat!"], 2, 0x7FFFFFFF).rows[0] == 0x7FAF543A
