"""Matplotlib's figures in files: .png, .svg or .pdf, whatever the path ends in."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

from frugally.errors import UsageError
from frugally.files.disk import write_whole

# Without a date an equal figure has equal bytes.
_UNDATED: dict[str, dict[str, Any]] = {
    ".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None},
}  # fmt: skip


def check_figure_path(path: Path) -> None:
    """Refuse a place that no figure can be saved at, before anything is computed for it.

    Raises:
        UsageError: the file's ending names no format, or its folder is not there.
    """
    if path.suffix.lower() not in _UNDATED:
        raise UsageError(f"{path} names no picture", hint=f"end it in {', '.join(_UNDATED)}")
    if not path.parent.is_dir() or path.is_dir():
        raise UsageError(f"{path} cannot be written: there is no such folder, or it is one")


def save_figure(figure: Any, path: Path) -> None:
    """Write a figure, whole or not at all.

    Raises:
        UsageError: the file's ending names no format, or its folder is not there.
        FrugallyError: the file cannot be written.
    """
    from matplotlib import rc_context

    check_figure_path(path)
    form, made = path.suffix.lower(), io.BytesIO()
    # The names of an SVG's parts are made with the salt, by chance if there is none.
    style = rc_context({"svg.hashsalt": "frugally", "svg.fonttype": "none"})
    with style, warnings.catch_warnings():
        # A name in a script that no font here has is drawn as boxes.
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(made, format=form.removeprefix("."), metadata=_UNDATED[form])
    write_whole(path, made.getvalue())
