"""Training a classifier: how long and how, batches, and its score on the development part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from frugally.fit import scoring
from frugally.fit.classifier.allocation import distinct_runs
from frugally.fit.classifier.draws import Drawer, Pool, bags_of
from frugally.fit.feedforward import Net, Settings, logits_of, train
from frugally.fit.labelled import Split
from frugally.fit.scoring import Guessed
from frugally.nets.feedforward import Shape
from frugally.nets.text_net import utf8

Report = Callable[[str], None]

AT_ONCE = 500  # texts whose rows are in memory together


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How a classifier is fitted.

    `dropout` is the share of rows left out of each text, `spread` the standard deviation of the
    tables before the first step.
    """

    steps: int
    dropout: float
    batch: int
    learning_rate: float = 1.6e-2
    label_smoothing: float = 0.1
    spread: float = 0.05
    seed: int = 1013

    @classmethod
    def of(cls, texts: int, seed: int) -> Fit:
        """What does well for so many texts: of few, each is seen often, and never the same."""
        return cls(
            steps=min(max(texts // 10, 800), 6_000),
            dropout=0.7 if texts < 3_000 else 0.5 if texts < 20_000 else 0.2,
            batch=128 if texts < 3_000 else 256,
            seed=seed,
        )

    @property
    def trial_steps(self) -> int:
        """Steps of each candidate in the first round."""
        return max(self.steps // 12, min(self.steps, 150))


class Work:
    """The data of a fit as the trainer and the scores need it."""

    def __init__(self, parts: Split, pool: Pool, fit: Fit, report: Report) -> None:
        self.parts, self.pool, self.fit, self.report = parts, pool, fit, report
        self.distinct = distinct_runs(pool.texts)
        self.bias = pool.bias()
        # Where no class can spare a text, there are only those learnt from to look at.
        self.dev = parts.dev if parts.dev.texts else parts.train
        self.dev_texts = [utf8(text) for text in self.dev.texts]
        self.held_texts = [utf8(text) for text in parts.held.texts]

    def train(self, shape: Shape, steps: int) -> Net:
        """A net of a shape, trained; the best of its evaluations on dev."""
        return self._train(shape, steps, trial=False)[0]

    def trial(self, shape: Shape, steps: int) -> float:
        """What a net of a shape scores on dev after a short training."""
        return self._train(shape, steps, trial=True)[1]

    def logits(self, net: Net, shape: Shape) -> NDArray[np.float32]:
        """What a net says of dev."""
        texts = self.dev_texts
        starts = range(0, len(texts), AT_ONCE)
        found = [logits_of(net, bags_of(texts[i : i + AT_ONCE], shape)) for i in starts]
        return np.concatenate(found) + self.bias

    def _train(self, shape: Shape, steps: int, *, trial: bool) -> tuple[Net, float]:
        fit = self.fit
        drawer = Drawer(self.pool, shape, dropout=fit.dropout, seed=fit.seed)
        net = Net(shape, fit.seed, spread=fit.spread)
        settings = Settings(
            steps=steps,
            learning_rate=fit.learning_rate,
            label_smoothing=fit.label_smoothing,
            averaged=0.99 if trial else 0.998,
            evaluate_every=steps if trial else max(50, steps // 20),
            patience=8,
            warm_up=max(1, steps // 10),
            seed=fit.seed,
        )
        reached = train(
            net,
            lambda step: drawer.draw(fit.batch),
            settings,
            score=lambda trained: _score(self.logits(trained, shape), self.dev.labels),
            report=(lambda line: None) if trial else self.report,
        )
        return net, reached


def _score(logits: NDArray[np.float32], labels: NDArray[np.int32]) -> float:
    """What nets are compared by: the mean of accuracy and macro F1."""
    guessed = Guessed(labels, logits.argmax(axis=1).astype(np.int32), logits.max(axis=1))
    f1 = scoring.f1_by_label([guessed], [str(i) for i in range(logits.shape[1])])
    return (float(guessed.right.mean()) + scoring.macro_f1(f1)) / 2


def forget_unseen(
    tables: Mapping[str, NDArray[np.float32]], texts: Sequence[bytes], shape: Shape
) -> None:
    """Rows that no text has are as they were drawn, noise: set them to zero."""
    unseen = {group.name: np.ones(group.rows, bool) for group in shape.groups}
    for start in range(0, len(texts), AT_ONCE):
        some = bags_of(texts[start : start + AT_ONCE], shape)
        for group, (rows, _) in zip(shape.groups, some, strict=True):
            unseen[group.name][rows] = False
    for name, rows in unseen.items():
        tables[name][rows] = 0
