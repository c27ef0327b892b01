"""The figures of the language benchmark, by hand."""

import lzma

import pytest
from benchmarks.language import accuracy, load, right


def test_norwegian_is_right_for_both_written_forms():
    assert right("nb", "no")
    assert right("nn", "no")
    assert not right("da", "no")
    assert not right("nb", "nn")


def test_languages_count_alike_and_only_those_that_are_asked_for():
    codes, found = ["da", "da", "sv", "fi"], ["da", "sv", "sv", "da"]
    assert accuracy(codes, found, {"da", "sv"}) == pytest.approx(0.75)


def test_the_same_texts_are_drawn_each_time(tmp_path):
    path = tmp_path / "t.tsv.xz"
    lines = "".join(f"{code}\ttext {n}\n" for code in ("da", "sv") for n in range(200))
    path.write_bytes(lzma.compress((lines + "fi\tlone\n").encode()))
    drawn = load(path)
    assert drawn == load(path)
    assert len(drawn) == 201
    assert drawn.count(("fi", "lone")) == 1
