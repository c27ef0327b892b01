"""Eight bits with a scale a row."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from frugally.nets.quantised import BIAS, Quantised

MATRICES = arrays(
    np.float32,
    array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=8),
    elements=st.floats(-1000, 1000, width=32),
)


@given(MATRICES)
def test_no_number_is_off_by_more_than_half_a_step(matrix):
    kept = Quantised.of(matrix)
    assert kept.codes.dtype == np.uint8
    assert kept.scales.dtype == np.float16
    steps = np.maximum(kept.scales.astype(np.float64)[:, None], 1e-7)
    assert (np.abs(kept.matrix() - matrix) <= 0.5001 * steps).all()


def test_the_formula_by_hand():
    kept = Quantised.of(np.array([[127.0, -63.4, 0.4, 0.5]]))
    assert kept.scales.tolist() == [1.0]
    assert kept.codes.tolist() == [[BIAS + 127, BIAS - 63, BIAS, BIAS + 1]]


def test_a_row_of_zeros_stays_zeros():
    assert (Quantised.of(np.zeros((2, 3))).matrix() == 0).all()


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e9])
def test_what_has_no_eight_bits_is_refused(wrong):
    with pytest.raises(ValueError, match=r"not finite|too large"):
        Quantised.of(np.array([[1.0, wrong]]))


def test_the_size_is_that_of_the_arrays():
    kept = Quantised.of(np.ones((5, 7)))
    assert Quantised.size(5, 7) == kept.codes.nbytes + kept.scales.nbytes
