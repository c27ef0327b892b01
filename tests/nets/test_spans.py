"""The best span is the one a search over all pairs finds."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from frugally.nets.spans import best_span, best_spans


@given(st.integers(1, 40), st.integers(1, 15), st.integers(0, 2**32 - 1))
def test_best_span_equals_a_full_search(n, longest, seed):
    rng = np.random.default_rng(seed)
    start, end = rng.normal(size=(2, n)).astype(np.float32)
    first, last, score = best_span(start, end, longest)
    every = [
        (float(start[i] + end[j]), i, j) for i in range(n) for j in range(i, min(n, i + longest))
    ]
    assert 0 <= last - first < longest
    assert score == float(start[first] + end[last]) == max(every)[0]


@given(st.integers(1, 25), st.integers(1, 8), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_the_best_spans_share_no_word_and_each_is_the_best_of_what_is_left(n, longest, count, seed):
    rng = np.random.default_rng(seed)
    start, end = rng.normal(size=(2, n)).astype(np.float32)
    found = best_spans(start, end, count, longest)
    assert found[0] == best_span(start, end, longest)
    taken = set()
    for first, last, score in found:
        left = [
            float(start[i] + end[j])
            for i in range(n)
            for j in range(i, min(n, i + longest))
            if not taken & set(range(i, j + 1))
        ]
        assert score == float(start[first] + end[last]) == max(left)
        taken |= set(range(first, last + 1))
    assert len(found) == count or len(taken) == n
