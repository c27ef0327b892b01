"""Labelled texts, and the parts that a fit learns from, chooses by and is scored on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Labelled = tuple[str, str]
"""A label and a text."""


def plain(text: str) -> str:
    """A text with single spaces: two that are equal so are one."""
    return " ".join(text.split())


def is_text(label: str) -> bool:
    """Whether a label can be written: halves of surrogate pairs, as JSON may have, cannot."""
    try:
        label.encode()
    except UnicodeEncodeError:
        return False
    return True


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """Texts and the number of each one's label (int32)."""

    texts: list[str]
    labels: NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """What is learnt from, what is chosen by (`dev`), and what is only scored on (`held`)."""

    names: list[str]
    train: Texts
    dev: Texts
    held: Texts
