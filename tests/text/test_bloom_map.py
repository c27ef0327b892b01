"""The Bloom map and the plain one: exact for what they hold, small, and seldom wrong otherwise."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugally.errors import CorruptionError
from frugally.nets.ngram_vectors import murmur3_x64_128
from frugally.text.bloom_map import BloomMap, canonical_codes, code_lengths
from frugally.text.sorted_map import SortedMap
from frugally.text.word_maps import hash_all

FORMS = [BloomMap, SortedMap]
MASK = (1 << 64) - 1


def entropy(values):
    shares = np.unique(values, return_counts=True)[1] / len(values)
    return float(-(shares * np.log2(shares)).sum())


def skewed(count, seed=0, kinds=256):
    """Words and values, some values much more frequent than others."""
    rng = np.random.default_rng(seed)
    words = [f"word{i}é" if i % 7 else f"w{i}" for i in range(count)]
    return words, rng.choice(kinds, count, p=rng.dirichlet(np.ones(kinds)))


@pytest.mark.parametrize("form", FORMS)
@given(st.dictionaries(st.text(), st.integers(0, 255), max_size=60), st.integers(0, 2**40))
def test_every_known_word_has_its_value(form, wanted, seed):
    found = form.build(list(wanted), np.array(list(wanted.values()), np.int64), seed=seed)
    assert found.find(list(wanted)).tolist() == list(wanted.values())
    for word in list(wanted)[:3]:
        assert found.get(word) == wanted[word]
    again = form.from_arrays(found.arrays())
    assert again.find([*wanted, "other"]).tolist() == found.find([*wanted, "other"]).tolist()


@pytest.mark.parametrize("stride", [1, 2, 3, 64])
@pytest.mark.parametrize("eps", [1 / 2, 1 / 4, 1 / 16, 1 / 50])
def test_no_known_word_is_wrong_and_unknown_ones_seldom(eps, stride):
    words, values = skewed(4000)
    found = BloomMap.build(words, values, false_positives=eps, stride=stride)
    assert (found.find(words) == values).all()
    unknown = found.find([f"unknown{i}" for i in range(20_000)])
    # Three standard deviations of so many draws above the rate asked for.
    assert (unknown >= 0).mean() <= eps + 3 * math.sqrt(eps / 20_000)
    assert found.fill <= 0.75


def test_the_size_is_near_its_bound():
    words, values = skewed(60_000)
    found = BloomMap.build(words, values, false_positives=1 / 16)
    assert 8 * found.nbytes / len(words) <= 1.5 * (4 + entropy(values))
    assert (found.find(words) == values).all()


def test_order_makes_no_difference():
    words, values = skewed(500)
    one = BloomMap.build(words, values, seed=3).arrays()
    other = BloomMap.build(words[::-1], values[::-1], seed=3).arrays()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name])


def slow_find(arrays, word):
    """A lookup by recursion over the codes, with plain Python's numbers."""
    seed, leaf_bits, stride, _ = arrays["settings"].tolist()
    lengths = arrays["lengths"].tolist()
    codes = dict(zip(canonical_codes(lengths), arrays["values"].tolist(), strict=True))
    inner = {code[:d] for code in codes for d in range(stride, len(code), stride)}
    number = {code: i for i, code in enumerate(sorted(inner | set(codes)))}
    size = 64 * len(arrays["bits"])
    parts = murmur3_x64_128(word.encode("utf-8", "surrogatepass"), seed)
    key = parts[0] | parts[1] << 32

    def finish(k):
        k = (k ^ k >> 33) * 0xFF51AFD7ED558CCD & MASK
        k = (k ^ k >> 33) * 0xC4CEB9FE1A85EC53 & MASK
        return k ^ k >> 33

    def holds(node, level, count):
        mark = finish(key ^ ((node | level << 32) * 0x9E3779B97F4A7C15 & MASK))
        for i in range(count):
            place = (mark + i * (mark >> 32 | 1) & 0xFFFFFFFF) * size >> 32
            if not int(arrays["bits"][place // 64]) >> place % 64 & 1:
                return False
        return True

    def reached(code):
        above = [code[:d] for d in range(stride, len(code), stride)]
        own = leaf_bits + len(code) - len(above)
        return all(holds(number[c], 0, 1) for c in above) and holds(number[code], 0, own)

    for code in sorted(codes):
        if reached(code):
            node = number[code]
            level = next(
                n for n in itertools.count()
                if not holds(node, n + 1, leaf_bits + 1 if n == 0 else 2)
            )  # fmt: skip
            if level % 2 == 0:
                return codes[code]
    return -1


@pytest.mark.parametrize("stride", [1, 3])
def test_lookup_equals_plain_python(stride):
    words, values = skewed(400, kinds=20)
    found = BloomMap.build(words, values, false_positives=1 / 5, stride=stride, seed=9)
    asked = [*words[:100], *(f"unknown {i}" for i in range(150)), "", "\ud800"]
    arrays = found.arrays()
    assert found.find(asked).tolist() == [slow_find(arrays, word) for word in asked]


@given(st.lists(st.text(), max_size=20), st.integers(0, 2**32 - 1))
def test_hashes_are_murmurs(words, seed):
    expected = [murmur3_x64_128(word.encode(), seed)[:2] for word in words]
    assert hash_all(words, seed).tolist() == [low | high << 32 for low, high in expected]


@given(st.lists(st.integers(1, 1000), min_size=1, max_size=40))
def test_codes_are_huffmans(counts):
    lengths = code_lengths(counts)
    codes = canonical_codes(lengths)
    assert sum(2.0**-n for n in lengths) == 1.0
    for a, b in itertools.permutations(codes, 2):
        assert not b.startswith(a)
    total = sum(counts)
    mean = sum(c * n for c, n in zip(counts, lengths, strict=True)) / total
    bound = -sum(c / total * math.log2(c / total) for c in counts)
    assert bound - 1e-9 <= mean < bound + 1


@pytest.mark.parametrize("form", FORMS)
def test_bad_arguments_are_refused(form):
    with pytest.raises(ValueError, match="twice"):
        form.build(["a", "a"], np.array([1, 2]))
    with pytest.raises(ValueError, match="value"):
        form.build(["a"], np.array([-1]))
    with pytest.raises(ValueError, match="value"):
        form.build(["a"], np.array([1 << 16]))
    with pytest.raises(ValueError, match="value"):
        form.build(["a"], np.array([1, 2]))


@pytest.mark.parametrize("rate", [0.0, 1e-12, 0.6, 1.0, -1.0, math.nan])
def test_bad_rates_are_refused(rate):
    with pytest.raises(ValueError, match="rate"):
        BloomMap.build(["a"], np.array([1]), false_positives=rate)


@pytest.mark.parametrize("form", FORMS)
def test_arrays_of_something_else_are_refused(form):
    good = form.build(["a", "b", "c"], np.array([1, 2, 1])).arrays()
    for name, array in good.items():
        for other in (array[:-1], array.astype(np.float32)):
            with pytest.raises(CorruptionError):
                form.from_arrays({**good, name: other})
        with pytest.raises(CorruptionError):
            form.from_arrays({n: a for n, a in good.items() if n != name})


def test_wide_hashes_tell_more_words_apart():
    words, values = skewed(3000)
    narrow, wide = (SortedMap.build(words, values, hash_bits=n) for n in (32, 64))
    assert (wide.find(words) == values).all()
    assert wide.nbytes > narrow.nbytes
    assert set(wide.find([f"unknown{i}" for i in range(5000)]).tolist()) == {-1}
