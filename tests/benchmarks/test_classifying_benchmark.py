"""The classifiers' benchmark: its peers' bytes by hand, and its teacher as a command."""

import sys
import zipfile

import numpy as np
import pytest

pytest.importorskip("sklearn")

from benchmarks.classifying import PAIRS, WORDS, read, regression, stored, write

from frugally.fit.distillation import CommandTeacher

LEARNT = [
    ("food", "warm soup"),
    ("food", "warm soup, süß"),
    ("travel", "a slow train"),
    ("travel", "the slow train"),
    ("music", "low drums"),
    ("music", "low drums again"),
]
ASKED = ["warm soup on a train", "drums", "the slow train, unknown"]


def test_bytes_are_those_of_numbers_and_words():
    model = regression(LEARNT[:4], WORDS)
    words = ["warm", "soup", "süß", "slow", "train", "the"]
    assert sorted(model[0].vocabulary_) == sorted(words)
    letters = sum(len(word.encode()) + 1 for word in words)
    # Of two classes, one row of weights and one bias tell all.
    assert stored(model) == letters + 8 * (len(words) + len(words) + 1)


def test_a_teacher_that_was_kept_says_the_same(tmp_path):
    model = regression(LEARNT, PAIRS)
    path = tmp_path / "teacher.npz"
    write(model, path)
    kept = read(path, PAIRS)
    assert np.array_equal(kept.predict_proba(ASKED), model.predict_proba(ASKED))
    assert stored(kept) == stored(model)
    # Plain arrays: nothing that would be run when it is read.
    with np.load(path, allow_pickle=False) as arrays, zipfile.ZipFile(path) as files:
        assert sorted(arrays) == ["biases", "classes", "idf", "weights", "words"]
        assert [arrays[name].dtype.hasobject for name in arrays] == [False] * 5
        assert len(files.namelist()) == 5


@pytest.mark.parametrize("kind", ["soft", "hard"])
def test_the_teacher_is_a_command_that_labels_the_lines_it_is_given(tmp_path, kind):
    model = regression(LEARNT, PAIRS)
    write(model, tmp_path / "teacher.npz")
    command = f"{sys.executable} -m benchmarks.classifying --teach {tmp_path / 'teacher.npz'}"
    answers = CommandTeacher(f"{command} --kind {kind}").answers(ASKED)
    shares = model.predict_proba(ASKED)
    for answer, row in zip(answers, shares, strict=True):
        best = model.classes_[row.argmax()]
        assert max(answer, key=answer.get) == best
        if kind == "hard":
            assert answer == {best: 1.0}
        else:
            assert answer == pytest.approx(dict(zip(model.classes_, row, strict=True)), abs=1e-4)
