"""Hashed n-gram vectors equal floret's, survive 8 bits, and refuse damaged files."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugally.errors import NetError
from frugally.nets.ngram_vectors import (
    NgramRecipe,
    NgramVectors,
    hash_ngrams,
    murmur3_x64_128,
    ngrams,
    quantise_rows,
)

# Rows of a table of 1,000 that floret 0.10.5's get_subwords gives (minn 3, maxn 5, 2 hashes),
# n-grams sorted; 日本語 and 🎉🎊 have n-grams of 3- and 4-byte characters.
FLORET_ROWS = {
    "der": [(755, 896), (474, 46), (676, 933), (755, 896), (507, 703), (743, 681), (420, 532)],
    "日本語": [(256, 143), (939, 738), (592, 371), (256, 143), (344, 743), (783, 504), (100, 297)],
    "🎉🎊": [(612, 227), (357, 550), (612, 227), (13, 823)],
    "cat": [(587, 415), (102, 46), (821, 654), (587, 415), (861, 539), (326, 370), (173, 141)],
}


def number(parts):
    return sum(part << (32 * i) for i, part in enumerate(parts))


@pytest.mark.parametrize(
    ("data", "seed", "expected"),
    [
        # From the README of mmh3 (https://github.com/hajimes/mmh3), hash128 in x64 form.
        (b"foo", 0, 168394135621993849475852668931176482145),
        (b"foo", 42, 215966891540331383248189432718888555506),
        # Two whole blocks and a tail; a value quoted by most ports of the function.
        (b"The quick brown fox jumps over the lazy dog", 0, 0x7A433CA9C49A9347E34BBC7BBC071B6C),
        (b"", 0, 0),
    ],
)
def test_murmur_has_its_published_values(data, seed, expected):
    assert number(murmur3_x64_128(data, seed)) == expected


@given(st.lists(st.text(max_size=12), min_size=1))
def test_hashing_many_equals_hashing_one(strings):
    recipe = NgramRecipe(hash_count=4)
    hashes = hash_ngrams(strings, recipe)
    expected = [murmur3_x64_128(s.encode(), recipe.seed) for s in strings]
    assert [tuple(row) for row in hashes.tolist()] == expected


@pytest.mark.parametrize("word", FLORET_ROWS)
def test_rows_are_florets(word):
    recipe = NgramRecipe()
    rows = hash_ngrams(ngrams(word, recipe), recipe) % 1000
    assert sorted(map(tuple, rows.tolist())) == sorted(FLORET_ROWS[word])


def test_a_long_word_is_hashed_whole_and_in_parts():
    recipe = NgramRecipe()
    strings = ngrams("antidisestablishmentarianism", recipe)
    rows = hash_ngrams(strings, recipe) % 1000
    assert len(strings) * 2 == 164  # as floret has it
    assert tuple(rows[0]) == (412, 307)


def test_vectors_are_the_mean_of_their_rows():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(50, 6)).astype(np.float32)
    vectors = NgramVectors.quantise(table, NgramRecipe())
    rows = hash_ngrams(ngrams("word", vectors.recipe), vectors.recipe) % 50
    expected = table[rows.reshape(-1)].mean(axis=0)
    found = vectors.vectors(["other", "word", "word"])
    np.testing.assert_allclose(found[1], expected, atol=0.02)
    np.testing.assert_array_equal(found[1], found[2])
    assert vectors.vectors([]).shape == (0, 6)


@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3))
def test_quantised_entries_are_within_half_a_step(seed, size):
    table = np.random.default_rng(seed).normal(size=(8, 12)).astype(np.float32) * np.float32(size)
    q, scale = quantise_rows(table)
    back = (q.astype(np.float32) - 128) * scale.astype(np.float32)[:, None]
    # The largest entry may lie past 127 steps by float16's rounding of the step, 2^-11 of it.
    allowed = (0.5 + 127 * 2**-11) * scale.astype(np.float32)[:, None] * 1.001
    assert (np.abs(back - table) <= allowed).all()


def test_a_row_of_zeros_stays_zero():
    q, scale = quantise_rows(np.zeros((1, 4), np.float32))
    assert (q == 128).all()
    assert (scale > 0).all()


def test_saved_vectors_load_equal(tmp_path):
    recipe = NgramRecipe(min_chars=2, max_chars=4, hash_count=1, seed=7)
    vectors = NgramVectors.quantise(np.eye(9, dtype=np.float32), recipe)
    vectors.save(tmp_path / "v.safetensors")
    loaded = NgramVectors.load(tmp_path / "v.safetensors")
    assert loaded.digest() == vectors.digest()
    assert loaded.recipe == recipe


@pytest.mark.parametrize("keep", [0, 7, 100, -1])
def test_truncated_vectors_are_refused(tmp_path, keep):
    path = tmp_path / "v.safetensors"
    NgramVectors.quantise(np.eye(9, dtype=np.float32), NgramRecipe()).save(path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(NetError, match=r"v\.safetensors"):
        NgramVectors.load(path)


def test_missing_vectors_are_refused(tmp_path):
    with pytest.raises(NetError):
        NgramVectors.load(tmp_path / "none.safetensors")


def test_every_word_has_florets_vector(tmp_path):
    floret = pytest.importorskip("floret")
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat , naïve 東京タワー 🎉 internationalisation .\n" * 20)
    model = floret.train_unsupervised(
        str(text), model="skipgram", mode="floret", bucket=200, hashCount=2, minn=3, maxn=5,
        dim=8, minCount=1, epoch=1, thread=1, verbose=0,
    )  # fmt: skip
    table = model.get_input_matrix()[-200:]
    recipe = NgramRecipe()
    # floret itself answers otherwise for its word number 0 and for its end-of-line mark.
    for word in [w for w in model.get_words()[1:] if w != "</s>"]:
        rows = hash_ngrams(ngrams(word, recipe), recipe).reshape(-1) % 200
        np.testing.assert_allclose(table[rows].mean(axis=0), model.get_word_vector(word), atol=1e-6)
