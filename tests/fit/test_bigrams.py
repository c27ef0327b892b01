"""What is counted of running text, and what bad files come to."""

import json
import lzma
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugally.errors import SourceError, UsageError
from frugally.fit.clusters import bigrams as module
from frugally.fit.clusters.bigrams import FIRST, RARE, count_bigrams, read_texts
from frugally.fit.clusters.running_text import sentences_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He didn't go.", [["He", "did", "n't", "go", "."]]),
        ("It’s Ann's.", [["It", "’s", "Ann", "'s", "."]]),
        ("The U.S. Army paid 3,000.50.", [["The", "U.S.", "Army", "paid", "3,000.50", "."]]),
        ("Mr. Ng left. He ran!", [["Mr", ".", "Ng", "left", "."], ["He", "ran", "!"]]),
        ('"Go on." Then... no', [['"', "Go", "on", ".", '"', "Then", "...", "no"]]),
        ('"Go away." Then... no', [['"', "Go", "away", ".", '"'], ["Then", "...", "no"]]),
        ("one\ntwo\n\n", [["one"], ["two"]]),
        ("これは。そう。", [["これは", "。"], ["そう", "。"]]),
        ("MP3 x86 -- snake_case", [["MP3", "x86", "--", "snake_case"]]),
        (" \t ", []),
    ],
)
def test_sentences(text, expected):
    assert list(sentences_of(text)) == expected


@given(st.text())
def test_sentences_keep_every_visible_character(text):
    words = [word for sentence in sentences_of(text) for word in sentence]
    assert "".join(words) == "".join(text.split())


@given(
    st.lists(st.lists(st.sampled_from("abcde"), min_size=1, max_size=9), min_size=1, max_size=9),
    st.integers(1, 3),
)
def test_counts_are_those_of_the_text(sentences, least):
    texts = [" ".join(words) for words in sentences]
    frequencies = Counter(word for words in sentences for word in words)
    kept = sorted(
        (w for w in frequencies if frequencies[w] >= least), key=lambda w: (-frequencies[w], w)
    )
    if not kept:
        with pytest.raises(UsageError):
            count_bigrams(texts, least)
        return
    found = count_bigrams(texts, least)
    assert list(found.words) == kept
    number = {word: FIRST + i for i, word in enumerate(kept)}
    tokens = [0]
    for words in sentences:
        tokens += [number.get(word, RARE) for word in words] + [0]
    pairs = {
        (v, w): n
        for w in range(len(found.frequencies))
        for v, n in zip(
            found.befores[found.starts[w] : found.starts[w + 1]].tolist(),
            found.counts[found.starts[w] : found.starts[w + 1]].tolist(),
            strict=True,
        )
    }
    assert pairs == dict(Counter(pairwise(tokens)))
    expected = Counter(tokens[1:])
    assert found.frequencies.tolist() == [expected[w] for w in range(len(found.frequencies))]


def test_text_in_chunks_counts_the_same(monkeypatch, paragraphs):
    whole = count_bigrams(paragraphs, 2)
    monkeypatch.setattr(module, "_CHUNK", 500)
    parts = count_bigrams(paragraphs, 2)
    assert whole.words == parts.words
    for name in ("frequencies", "starts", "befores", "counts"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))


def test_digits_are_one_word_and_case_is_kept():
    found = count_bigrams(["In 1987 and in 2015"], 1)
    assert dict(zip(found.words, found.frequencies[FIRST:].tolist(), strict=True)) == {
        "0000": 2, "In": 1, "and": 1, "in": 1,
    }  # fmt: skip


@pytest.mark.parametrize("texts", [[], [""], ["\n\n"]])
def test_no_text_is_refused(texts):
    with pytest.raises(UsageError):
        count_bigrams(texts, 1)


def test_reading_skips_and_names_bad_lines(tmp_path):
    path = tmp_path / "a.jsonl"
    good = json.dumps({"text": "good \ud800 text"}).encode()
    bad = [b"{", b"[1]", b'{"text": 3}', b'"x"', b"null", b'{"title": "t"}', b"9" * 9]
    path.write_bytes(b"\n".join([good, *bad, b"", b'{"text": "caf\xc3 au"}']) + b"\n")
    said = []
    assert list(read_texts([path], said.append)) == ["good ? text", "caf  au"]
    assert sum("skipped" in line for line in said) == 5
    assert any("2 more lines" in line for line in said)
    assert any("1 lines are not all UTF-8" in line for line in said)


def test_plain_text_and_xz_read_alike(tmp_path):
    (tmp_path / "a.txt").write_text("one two\nthree\n")
    (tmp_path / "a.txt.xz").write_bytes(lzma.compress(b"one two\nthree\n"))
    for name in ("a.txt", "a.txt.xz"):
        assert [t.strip() for t in read_texts([tmp_path / name], print)] == ["one two", "three"]


@pytest.mark.parametrize("keep", [0, 10, 60, -1])
def test_truncated_archives_are_refused(tmp_path, keep):
    path = tmp_path / "a.txt.xz"
    path.write_bytes(lzma.compress(b"one two three\n" * 1000)[:keep])
    with pytest.raises(SourceError, match=r"a\.txt\.xz"):
        list(read_texts([path], print))


def test_other_files_are_refused(tmp_path):
    with pytest.raises(UsageError):
        list(read_texts([tmp_path / "a.pdf"], print))
    with pytest.raises(SourceError):
        list(read_texts([tmp_path / "missing.txt"], print))
