"""Figures in files."""

import pytest

Figure = pytest.importorskip("matplotlib.figure").Figure

from frugally.errors import UsageError  # noqa: E402
from frugally.files.figure import save_figure  # noqa: E402


def drawn():
    figure = Figure()
    axes = figure.subplots()
    axes.fill_between([0, 1], [0, 1], [1, 2], label="a", hatch="/")
    axes.legend()
    return figure


@pytest.mark.parametrize(
    ("ending", "begins"), [(".png", b"\x89PNG"), (".svg", b"<?xml"), (".PDF", b"%PDF")]
)
def test_an_equal_figure_is_an_equal_file(tmp_path, ending, begins):
    first, again = tmp_path / f"a{ending}", tmp_path / f"b{ending}"
    for path in (first, again):
        save_figure(drawn(), path)
    assert first.read_bytes() == again.read_bytes()
    assert first.read_bytes().startswith(begins)


@pytest.mark.parametrize("wrong", ["a.txt", "a", "missing/a.png", "folder.png"])
def test_what_cannot_be_written_is_refused(tmp_path, wrong):
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(UsageError):
        save_figure(drawn(), tmp_path / wrong)


def test_names_in_scripts_that_no_font_here_has_are_drawn_without_a_word(tmp_path, recwarn):
    figure = drawn()
    figure.suptitle("\U0001f9ff 猫")
    save_figure(figure, tmp_path / "a.png")
    assert not recwarn.list
