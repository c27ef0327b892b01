"""Cells and small networks of them for the tests of this folder."""

import numpy as np

from frugally.fit.architecture.space import Space
from frugally.fit.vision.pictures import PictureSet
from frugally.fit.vision.weights import random_weights
from frugally.nets.vision.cells.cell import Block, Cell, Wiring
from frugally.nets.vision.cells.operations import OPERATIONS
from frugally.nets.vision.cells.stacking import Stack

SMALL = Stack(cells=1, filters=4)
ALL = Space(blocks=2, operations=tuple(OPERATIONS))
"""Every operation in small cells."""


def uniform(operation, states=(0, 1), combine="add"):
    wiring = Wiring((Block(states, (operation, operation), combine),))
    return Cell(wiring, wiring)


def some_weights(graph, seed=0):
    """Random ones, with norms that change what they are given."""
    random = np.random.default_rng(seed)
    weights = random_weights(graph, seed)
    for name, array in weights.items():
        if name.endswith((".scale", ".variance")):
            weights[name] = random.uniform(0.5, 1.5, array.shape).astype(np.float32)
        elif name.endswith((".bias", ".mean")):
            weights[name] = random.normal(0, 0.3, array.shape).astype(np.float32)
    return weights


def pictures(count=64, side=8, seed=0):
    """Dark ones, and bright ones."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    images = rng.integers(0, 120, (count, side, side, 3)) + 120 * labels[:, None, None, None]
    return PictureSet(images.astype(np.uint8), labels.astype(np.int64), ("dark", "light"))
