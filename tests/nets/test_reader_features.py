"""Features of passage words mean what their docstring says."""

import threading

import numpy as np

from frugally.nets.reader_features import FEATURES, Lexicon, passage_features, shape, split


def features(question, passage):
    lexicon = Lexicon()
    asked = lexicon.number(split(question)[0])
    read = lexicon.number(split(passage)[0])
    return passage_features(asked, read, lexicon)


def test_exact_match_is_as_written_then_lower_then_stem():
    found = features("Which cities did Rome rule?", "Rome ROME city ruled")
    assert found.shape == (4, FEATURES)
    np.testing.assert_array_equal(found[:, :3], [[1, 1, 1], [0, 1, 1], [0, 0, 1], [0, 0, 1]])


def test_term_frequency_is_ten_times_the_share_in_lower_case():
    found = features("x", "The cat and the dog")
    np.testing.assert_allclose(found[:, 3], [4, 2, 2, 4, 2])


def test_shape_bits():
    assert shape("Paris") == (True, False, False, False)
    assert shape("NASA") == (True, True, False, False)
    assert shape("3rd") == (False, False, True, False)
    assert shape("—") == (False, False, False, True)
    assert shape("I") == (True, False, False, False)


def test_an_empty_passage_has_no_rows():
    assert features("who", "").shape == (0, FEATURES)


def test_a_lexicon_shared_by_threads_gives_each_word_one_number():
    lexicon = Lexicon()
    surfaces = [f"w{i % 300}" for i in range(3000)]
    numbers = []
    threads = [
        threading.Thread(target=lambda: numbers.append(lexicon.number(surfaces))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lexicon) == 300
    assert all((n == numbers[0]).all() for n in numbers)
    assert len(lexicon.columns()[0]) == 300
