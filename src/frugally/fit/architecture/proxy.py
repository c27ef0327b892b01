"""What a cell is worth without training: a score of its random weights, as an `Evaluator`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from frugally.fit.architecture.evaluator import Score
from frugally.fit.architecture.zero_cost import gradient_norm, kernel_score, synaptic_flow
from frugally.fit.vision.pictures import PictureSet
from frugally.nets.vision.cells.cell import Cell
from frugally.nets.vision.cells.stacking import Stack, stacked
from frugally.nets.vision.images import as_input

Kind = Literal["kernel", "flow", "gradient"]
_PASSES = {"kernel": 1, "flow": 3, "gradient": 3}  # forward is one, backward about two more


class Proxy:
    """A score for one batch of pictures, in seconds; see `zero_cost` for what each `kind` is.

    That of "kernel" is divided by the pictures: ln det K of N of them is about N ln ReLUs.
    """

    def __init__(
        self,
        train: PictureSet,
        stack: Stack,
        *,
        mean: Sequence[float],
        deviation: Sequence[float],
        kind: Kind = "kernel",
        images: int = 64,
    ) -> None:
        self._train, self._stack, self._kind = train, replace(stack, drop=0.0), kind
        self._mean, self._deviation = mean, deviation
        self._images = min(images, len(train))
        self._side = train.images[:1].shape[1]

    def evaluate(self, cell: Cell, seed: int, budget: float) -> Score:
        """Its score; there are no passes over the pictures, whatever the `budget`."""
        began = time.perf_counter()
        graph = stacked(cell, self._stack, self._side, len(self._train.classes))
        chosen = self._chosen(seed)
        images = as_input(self._train.images[chosen], self._mean, self._deviation)
        if self._kind == "kernel":
            value = kernel_score(graph, images, seed) / len(images)
        elif self._kind == "flow":
            value = synaptic_flow(graph, seed)
        else:
            value = gradient_norm(graph, images, self._train.labels[chosen], seed)
        count = 1 if self._kind == "flow" else len(images)
        flops = 2 * graph.macs * _PASSES[self._kind] * count
        return Score(value=value, seconds=time.perf_counter() - began, flops=flops)

    def _chosen(self, seed: int) -> NDArray[np.int64]:
        """Pictures drawn by chance, each once: no network tells a copy from its original."""
        found: dict[bytes, int] = {}
        for one in np.random.default_rng((seed, 5)).permutation(len(self._train)):
            found.setdefault(self._train.images[one : one + 1].tobytes(), int(one))
            if len(found) == self._images:
                break
        return np.sort(np.array(list(found.values())))
