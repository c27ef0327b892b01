"""What a cell is worth: the interface, and a short training as the plainest way to find out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

import torch

from frugally.fit.architecture.known_forms import KnownForms
from frugally.fit.vision.augmentation import Augmentation
from frugally.fit.vision.network import GraphNetwork
from frugally.fit.vision.pictures import PictureSet
from frugally.fit.vision.training import Settings, Trainer
from frugally.fit.vision.weights import starting_weights
from frugally.nets.vision.cells.cell import Cell
from frugally.nets.vision.cells.stacking import Stack, stacked
from frugally.nets.vision.images import as_input

_BATCH = 256
_NEVER = 1e9  # seconds until a short training is saved half-way
_ESTIMATED = 4096  # pictures at most that `Trainer.final` estimates the numbers of norms on


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """A cell's worth, the more the better, and what it took to find out."""

    value: float
    seconds: float
    flops: int


class Evaluator(Protocol):
    """Says what cells are worth."""

    def evaluate(self, cell: Cell, seed: int, budget: float) -> Score:
        """The score of a cell, for `budget` passes over the pictures.

        The same arguments give the same value.

        Raises:
            FitError: its training diverged.
        """
        ...


def accuracy(
    network: GraphNetwork, pictures: PictureSet, mean: Sequence[float], deviation: Sequence[float]
) -> float:
    """The share of pictures whose class a network says, as it is in use."""
    network.eval()
    right = 0
    with torch.no_grad():
        for start in range(0, len(pictures), _BATCH):
            part = slice(start, start + _BATCH)
            x = torch.from_numpy(as_input(pictures.images[part], mean, deviation))
            said = network(x.contiguous(memory_format=torch.channels_last)).argmax(dim=1)
            right += int((said.numpy() == pictures.labels[part]).sum())
    return right / len(pictures)


class ShortTraining:
    """Accuracy on pictures held out, after a few epochs on the others.

    Networks are stacked as `stack` says, none of their paths dropped. `settings` are those of the
    training, but for its epochs and its seed. With `forms` layers are computed in their quickest
    ones, which are measured as they are met: the same values again need the same forms.
    """

    def __init__(
        self,
        train: PictureSet,
        validation: PictureSet,
        stack: Stack,
        *,
        mean: Sequence[float],
        deviation: Sequence[float],
        settings: Settings | None = None,
        augmentation: Augmentation | None = None,
        forms: KnownForms | None = None,
        report: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._train, self._validation = train, validation
        self._stack = replace(stack, drop=0.0)
        self._mean, self._deviation = mean, deviation
        self._settings = settings or Settings(warmup=0.2)
        self._side = train.images[:1].shape[1]
        self._augmentation = augmentation or Augmentation.for_side(self._side)
        self._forms = forms
        self._report = report

    def evaluate(self, cell: Cell, seed: int, budget: float) -> Score:
        """Its accuracy after `budget` epochs, begun as `frugally fit vision` begins.

        Raises:
            FitError: the loss was no number.
        """
        began = time.perf_counter()
        graph = stacked(cell, self._stack, self._side, len(self._train.classes))
        settings = replace(
            self._settings, epochs=budget, seed=seed, save_every_seconds=_NEVER,
            warmup=min(self._settings.warmup, budget / 2),
        )  # fmt: skip
        with TemporaryDirectory() as folder:
            trainer = Trainer(
                graph, starting_weights(graph, seed), self._train, self._augmentation, settings,
                Path(folder), self._report, mean=self._mean, deviation=self._deviation,
                forms=self._forms.of(graph) if self._forms else None,
            )  # fmt: skip
            weights = trainer.run()
        network = GraphNetwork(graph, weights)
        value = accuracy(network, self._validation, self._mean, self._deviation)
        seen = trainer.steps * settings.batch
        passed = min(_ESTIMATED, len(self._train)) + len(self._validation)
        # Backward is about two forwards: gradients for the weights, and for what they are given.
        flops = 2 * graph.macs * (3 * seen + passed)
        return Score(value=value, seconds=time.perf_counter() - began, flops=flops)
