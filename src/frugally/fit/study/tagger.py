"""Tagging for studies: taggers of three sizes on some of a treebank's sentences.

With a second treebank it is the transfer that is studied: the net that the first has taught goes on
with the second, always the same sentences of it, and is scored there.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from frugally.errors import UsageError
from frugally.files.disk import digest_of
from frugally.fit.conllu import Sentence, Treebank, find_parts, load_treebank
from frugally.fit.tagger.allocation import SHARES, Limits, distinct_rows, largest
from frugally.fit.tagger.encoding import Stream
from frugally.fit.tagger.fitting import recipe_for
from frugally.fit.tagger.training import TaggerNet, accuracy, exact, train_tagger
from frugally.nets.feedforward import Shape
from frugally.nets.trainer import Outcome, Run

CAPACITIES = {"small": (30_000, 8, 16), "middle": (150_000, 8, 48), "large": (750_000, 16, 128)}
"""Learnt numbers, width of the vectors, hidden units."""

_TRANSFERRED = 500  # sentences of a second treebank


@dataclass(frozen=True, slots=True, kw_only=True)
class TaggerTrainer:
    """A `Trainer` on a treebank; on `then`, a second one, after it if there is such.

    Sentences are gone through as often as `fit tagger` would, at most `epochs` times.
    """

    bank: Path
    then: Path | None = None
    epochs: float = 24.0
    seed: int = 1013

    def about(self) -> dict[str, Any]:
        """See `Trainer`."""
        data = _Data.of(self)
        return {
            "task": "tagging",
            "unit": "sentences",
            "examples": len(data.bank.train),
            "labels": len(data.labels),
            "held_out": sum(map(len, data.held)),
            "capacities": list(CAPACITIES),
            "variants": ["plain" if self.then is None else "transfer"],
            "data": {name: digest_of(path) for name, path in _named(self.bank)},
            "then": {name: digest_of(path) for name, path in _named(self.then)},
            "epochs": self.epochs,
            "split_seed": self.seed,
        }

    def train(self, run: Run) -> Outcome:
        """See `Trainer`; the error is of tagged words of the test part, in 32 bits."""
        data, began = _Data.of(self), time.perf_counter()
        order = np.random.default_rng(run.seed).permutation(len(data.bank.train))
        shape = data.shape(run.capacity)
        net = data.taught(None, shape, [data.bank.train[i] for i in order[: run.size]],
                          run.seed, self.epochs)  # fmt: skip
        if data.then is not None:
            net = data.taught(net, shape, data.then.train[:_TRANSFERRED], run.seed,
                              self.epochs)  # fmt: skip

        stream = Stream.of(data.held, data.labels)
        right = accuracy(
            exact(shape, data.labels, net.arrays()), stream, [s.words for s in data.held]
        )
        return Outcome(
            error=1 - right,
            held_out=sum(map(len, data.held)),
            parameters=shape.weights,
            seconds=time.perf_counter() - began,
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Data:
    bank: Treebank
    then: Treebank | None
    labels: list[str]

    @staticmethod
    @cache
    def of(trainer: TaggerTrainer) -> _Data:
        """The treebanks, read once in a process."""
        bank = load_treebank(trainer.bank, seed=trainer.seed)
        then = None if trainer.then is None else load_treebank(trainer.then, seed=trainer.seed)
        both = [*bank.train, *(then.train if then else [])]
        labels = sorted({tag for sentence in both for tag in sentence.tags if tag})
        if not 2 <= len(labels) <= 255:
            raise UsageError(f"{bank.name} has {len(labels)} tags; a tagger takes 2 to 255")
        return _Data(bank, then, labels)

    @property
    def held(self) -> list[Sentence]:
        """What nets are scored on."""
        scored = self.then or self.bank
        return scored.test or scored.dev

    def shape(self, capacity: str) -> Shape:
        """The net of a capacity: of all sentences, however many are learnt from."""
        weights, width, hidden = CAPACITIES[capacity]
        words = Stream.of(self.bank.train, self.labels).words
        shape = largest(
            Limits(weights=weights), SHARES["even"], width, hidden, len(self.labels),
            distinct_rows(words),
        )  # fmt: skip
        assert shape is not None
        return shape

    def taught(
        self, net: TaggerNet | None, shape: Shape, sentences: list[Sentence], seed: int,
        epochs: float,
    ) -> TaggerNet:  # fmt: skip
        """A net, or one that has been taught before, taught with some sentences."""
        recipe = recipe_for(sum(map(len, sentences)))
        recipe = replace(recipe, seed=seed, epochs=min(epochs, recipe.epochs))
        fresh = TaggerNet(shape, recipe)
        if net is not None:
            fresh.load_state_dict(net.state_dict())
        torch.manual_seed(seed)
        train_tagger(
            fresh,
            Stream.of(sentences, self.labels),
            self.labels,
            score=lambda tagger: 0.0,
            report=lambda line: None,
            evaluations=1,
        )
        return fresh


def _named(bank: Path | None) -> list[tuple[str, Path]]:
    """The files of a treebank by name."""
    if bank is None:
        return []
    if not bank.is_dir():
        return [(bank.name, bank)]
    return [(path.name, path) for files in find_parts(bank).values() for path in files]
