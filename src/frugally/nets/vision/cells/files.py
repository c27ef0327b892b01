"""Cells in files: JSON as `Cell.as_dict` gives it."""

from __future__ import annotations

import json
from pathlib import Path

from frugally.errors import NetError
from frugally.files.disk import write_whole
from frugally.nets.vision.cells.cell import Cell


def load_cell(path: Path) -> Cell:
    """The cell of a file.

    Raises:
        NetError: it holds none; the message says why.
    """
    try:
        entry = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise NetError(f"{path} holds no cell: {error}") from error
    try:
        return Cell.from_dict(entry)
    except NetError as error:
        raise NetError(f"{path}: {error.message}", hint=error.hint) from error


def save_cell(path: Path, cell: Cell) -> None:
    """Write a cell."""
    write_whole(path, (json.dumps(cell.as_dict(), indent=1) + "\n").encode())
