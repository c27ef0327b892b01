import pytest

from frugally.ask.places import clock, line_of, page_of


def test_lines_are_counted_from_one():
    text = "a\nb\n\nc"
    assert [line_of(text, text.index(c)) for c in "abc"] == [1, 2, 4]
    assert line_of(text, 1) == 1


def test_pages_are_counted_from_one():
    pages = (0, 10, 20)
    assert [page_of(pages, offset) for offset in (0, 9, 10, 19, 20, 500)] == [1, 1, 2, 2, 3, 3]
    assert page_of((), 5) == 1


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00:00"), (754.9, "0:12:34"), (36_000, "10:00:00"), (-1, "0:00:00")],
)
def test_clock(seconds, shown):
    assert clock(seconds) == shown
