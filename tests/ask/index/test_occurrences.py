"""Occurrences come out as they went in, sorted, in pieces that share no term."""

import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from frugally.ask.index import occurrences
from frugally.ask.index.layout import GROUP_BITS
from frugally.ask.index.occurrences import Occurrences


def gathered(made: Occurrences) -> list[list[int]]:
    found = []
    for piece in made.pieces():
        packed, frequencies = piece()
        assert not len(frequencies)
        found.append(packed.tolist())
    return found


@given(
    st.sampled_from([8, 19, 20, 24, 32]), st.integers(0, 1 << 30), st.sampled_from([1, 50, 1 << 20])
)
def test_all_come_out_in_order(bits, seed, most):
    source = random.Random(seed)
    made, expected, first = Occurrences(bits), [], source.choice([0, 5, 1 << 20])
    for _ in range(source.randint(0, 4)):
        passages = source.choice([1, 2, 100, (1 << GROUP_BITS) + 1, 3 << GROUP_BITS])
        numbers = sorted(first + source.randrange(passages) for _ in range(source.randint(0, 300)))
        terms = [source.randrange(1 << bits) for _ in range(40)] + [0, (1 << bits) - 1]
        packed = [source.choice(terms) << 32 | number for number in numbers]
        made.add(np.array(packed, np.uint64), first, passages)
        expected += packed
        first += passages
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(occurrences, "_PIECE", most)
        pieces = gathered(made)
    assert [value for piece in pieces for value in piece] == sorted(expected)
    of_pieces = [{value >> 32 for value in piece} for piece in pieces]
    assert sum(map(len, of_pieces)) == len(set().union(*of_pieces))


def test_none_are_no_pieces_with_anything():
    assert not any(gathered(Occurrences(24)))
