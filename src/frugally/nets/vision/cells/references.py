"""Cells that were published, as JSON holds them."""

from __future__ import annotations

from typing import Any

from frugally.nets.vision.cells.cell import Cell


def _block(one: tuple[str, int], other: tuple[str, int]) -> dict[str, Any]:
    return {
        "inputs": [one[1], other[1]], "operations": [one[0], other[0]], "combine": "add",
    }  # fmt: skip


NASNET_A: dict[str, Any] = {
    "normal": {
        "blocks": [
            _block(("separable_5x5", 1), ("separable_3x3", 0)),
            _block(("separable_5x5", 0), ("separable_3x3", 0)),
            _block(("average_3x3", 1), ("identity", 0)),
            _block(("average_3x3", 0), ("average_3x3", 0)),
            _block(("separable_3x3", 1), ("identity", 1)),
        ],
        "output": [0, 2, 3, 4, 5, 6],
    },
    "reduction": {
        "blocks": [
            _block(("separable_5x5", 1), ("separable_7x7", 0)),
            _block(("max_3x3", 1), ("separable_7x7", 0)),
            _block(("average_3x3", 1), ("separable_5x5", 0)),
            _block(("identity", 3), ("average_3x3", 2)),
            _block(("separable_3x3", 2), ("max_3x3", 1)),
        ],
        "output": [3, 4, 5, 6],
    },
}
"""NASNet-A (Zoph et al. 2017, arXiv:1707.07012, figure 4).

Its authors' networks (tensorflow/models, research/slim/nets/nasnet) put more side by side than what
no block takes: in the normal cell what it is given of the cell before the last, and in the
reduction cell the second block too. So does this one: 6 · 4 F = 768 filters at the end for F = 32.
"""

DARTS_V2: dict[str, Any] = {
    "normal": {
        "blocks": [
            _block(("separable_3x3", 0), ("separable_3x3", 1)),
            _block(("separable_3x3", 0), ("separable_3x3", 1)),
            _block(("separable_3x3", 1), ("identity", 0)),
            _block(("identity", 0), ("dilated_separable_3x3", 2)),
        ],
        "output": [2, 3, 4, 5],
    },
    "reduction": {
        "blocks": [
            _block(("max_3x3", 0), ("max_3x3", 1)),
            _block(("identity", 2), ("max_3x3", 1)),
            _block(("max_3x3", 0), ("identity", 2)),
            _block(("identity", 2), ("max_3x3", 1)),
        ],
        "output": [2, 3, 4, 5],
    },
}
"""The second-order cell of DARTS (Liu, Simonyan, Yang 2018, arXiv:1806.09055, figures 4 and 5).

All its states are the output, those that blocks take too.
"""

REFERENCES = {"nasnet-a": NASNET_A, "darts-v2": DARTS_V2}
"""By name, as `Cell.from_dict` reads them."""


def reference(name: str) -> Cell:
    """A published cell by its name in REFERENCES."""
    return Cell.from_dict(REFERENCES[name])
