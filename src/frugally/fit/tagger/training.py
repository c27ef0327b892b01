"""Training one tagger: batches of whole sentences, tags before as the net itself would give them.

At the start the history of a word is the treebank's tags; more and more of it becomes what the
net said of those words when it met them last (scheduled sampling, Bengio et al. 2015), and some of
it is hidden, so that the net learns to do without. Whole words are hidden the more often the rarer
they are, by a / (a + count) (Kiperwasser and Goldberg 2016), since a rare word met in running
looks like no word of the treebank. Its cluster stays: most words that a treebank lacks have one.
Runs of characters are hidden too, since those of a new word are in part new.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from frugally.fit.feedforward import Examples, Net, Settings, train
from frugally.fit.saving import in_eight_bits
from frugally.fit.tagger.encoding import UNTAGGED, Bags, Stream
from frugally.nets.clusters import WordClusters
from frugally.nets.feedforward import FeedForward, Shape
from frugally.nets.tagger import Tagger
from frugally.nets.tagging.features import RECIPE, TAGS
from frugally.text.ngrams import Rows

KNOWN_WORDS = ("word", "lower")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a tagger is trained, whatever its sizes; `spread` is of the tables at first.

    Rows that training seldom meets stay near where they began: a wide spread would be noise.
    """

    epochs: float = 12.0
    batch_tokens: int = 512
    learning_rate: float = 4e-3
    weight_decay: float = 1e-3
    label_smoothing: float = 0.03
    input_dropout: float = 0.2
    hidden_dropout: float = 0.4
    rare_words: float = 3.0
    hidden_ngrams: float = 0.2
    hidden_tags: float = 0.15
    own_tags: float = 0.8
    averaged: float = 0.998
    spread: float = 0.1
    seed: int = 1013


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Positions of some sentences; words are numbered within the batch."""

    bags: list[tuple[Tensor, Tensor]]
    rare: Tensor
    windows: Tensor
    history: Tensor
    positions: NDArray[np.int64]


class TaggerNet(Net):
    """A `Net` that looks each distinct word of a batch up once."""

    def __init__(self, shape: Shape, recipe: Recipe) -> None:
        super().__init__(shape, recipe.seed, spread=recipe.spread)
        self.recipe = recipe

    def forward(self, batch: Any) -> Tensor:
        """Logits [positions, labels] of a `Batch`."""
        recipe = self.recipe
        parts, bags = [], iter(batch.bags)
        for group, table in zip(self.shape.groups, self.tables, strict=True):
            if group.name == TAGS:
                looked = table.weight[batch.history]
                shown = torch.rand(batch.history.shape) >= recipe.hidden_tags
                parts.append((looked * shown[..., None]).flatten(1))
                continue
            rows, begins = next(bags)
            words = table(rows, begins)
            if group.name in KNOWN_WORDS:
                words = words * (torch.rand(len(batch.rare)) >= batch.rare)[:, None]
            parts.append(words[batch.windows].flatten(1))
        inputs = nn.functional.dropout(torch.cat(parts, dim=1), recipe.input_dropout)
        hidden = nn.functional.dropout(torch.relu(self.hidden(inputs)), recipe.hidden_dropout)
        logits: Tensor = self.output(hidden)
        return logits


class Trainer:
    """Batches of a treebank for nets of one shape."""

    def __init__(
        self,
        stream: Stream,
        shape: Shape,
        recipe: Recipe,
        clusters: WordClusters | None = None,
    ) -> None:
        self._stream, self._shape, self._recipe = stream, shape, recipe
        self._bags = [
            Bags(stream.words, group.name, group.rows, clusters)
            for group in shape.groups
            if group.name != TAGS
        ]
        self._back = next((g.slots for g in shape.groups if g.name == TAGS), 0)
        rare = recipe.rare_words / (recipe.rare_words + np.maximum(stream.counts, 1))
        rare[0] = 0.0
        self._rare = rare.astype(np.float32)
        self._random = np.random.default_rng(recipe.seed)
        outside = shape.labels
        self._gold = np.where(stream.labels == UNTAGGED, outside, stream.labels)
        self._said = self._gold.copy()
        self._queue: list[NDArray[np.int64]] = []
        tokens = int((stream.ends - stream.starts).sum())
        self.steps = max(50, round(recipe.epochs * tokens / recipe.batch_tokens))
        self._batch: Batch | None = None

    def _next(self) -> NDArray[np.int64]:
        """Sentences of about `batch_tokens` words; all of the treebank before any again."""
        if not self._queue:
            order = self._random.permutation(len(self._stream.starts))
            sizes = np.cumsum((self._stream.ends - self._stream.starts)[order])
            cuts = sizes // self._recipe.batch_tokens
            self._queue = np.split(order, np.flatnonzero(np.diff(cuts)) + 1)
        return self._queue.pop()

    def batch(self, step: int) -> Examples:
        """The examples of a step."""
        stream = self._stream
        positions = stream.positions(self._next())
        ids, windows = np.unique(stream.windows(positions), return_inverse=True)
        share = self._recipe.own_tags * min(1.0, 2.0 * step / self.steps)
        before = positions[:, None] - 1 - np.arange(self._back)
        own = self._random.random(before.shape) < share
        history = np.where(own, self._said[before], self._gold[before])
        hidden = self._recipe.hidden_ngrams
        bags = [bags.of(ids, hidden, self._random) for bags in self._bags]
        labels = stream.labels[positions]
        self._batch = Batch(
            bags=[(torch.from_numpy(r).long(), torch.from_numpy(b)) for r, b in bags],
            rare=torch.from_numpy(self._rare[ids]),
            windows=torch.from_numpy(windows.reshape(len(positions), -1)),
            history=torch.from_numpy(history),
            positions=positions,
        )
        return Examples(
            bags=self._batch,  # type: ignore[arg-type]
            labels=np.maximum(labels, 0),
            weights=stream.weights[positions],
        )

    def remember(self, positions: NDArray[np.int64], logits: Tensor) -> None:
        """Keep what the net says of some positions, for the histories of later epochs."""
        self._said[positions] = logits.detach().argmax(1).numpy()


def accuracy(tagger: Tagger, stream: Stream, sentences: Sequence[Sequence[str]]) -> float:
    """The share of tagged words that get their tag, decoding greedily."""
    truth = stream.labels[stream.ids > 0]
    tagged = truth != UNTAGGED
    said = tagger.numbers(sentences)
    return float((said == truth)[tagged].mean()) if tagged.any() else math.nan


def assemble(
    shape: Shape,
    labels: Sequence[str],
    arrays: Mapping[str, Any],
    clusters: WordClusters | None = None,
) -> Tagger:
    """A tagger in eight bits from a net's arrays, as it would be loaded."""
    net = in_eight_bits(shape, arrays)
    card = {"labels": list(labels), "features": RECIPE}
    return Tagger(net, card, clusters=clusters)


class _Exact:
    """A table in 32 bits where one in eight stands."""

    def __init__(self, table: NDArray[np.float32]) -> None:
        self._table = table

    def matrix(self) -> NDArray[np.float32]:
        return self._table

    def mean(self, rows: NDArray[np.int32], ends: NDArray[np.int64], out: Any) -> None:
        starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]])
        for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
            out[i] = self._table[rows[start:end]].mean(axis=0) if end > start else 0.0


class _ExactTagger(Tagger):
    def _mean(self, group: str, bags: Rows, out: Any) -> None:
        table: Any = self.net.tables[group]
        table.mean(bags.rows, bags.ends, out)


def exact(
    shape: Shape,
    labels: Sequence[str],
    arrays: Mapping[str, Any],
    clusters: WordClusters | None = None,
) -> Tagger:
    """The same tagger in 32 bits, to see what eight cost."""
    tables: Any = {name: _Exact(table) for name, table in arrays["tables"].items()}
    (hidden, hidden_bias), (output, output_bias) = arrays["hidden"], arrays["output"]
    net = FeedForward(
        shape=shape,
        tables=tables,
        hidden_weight=hidden,
        hidden_bias=hidden_bias,
        output_weight=output,
        output_bias=output_bias,
    )
    return _ExactTagger(net, {"labels": list(labels), "features": RECIPE}, clusters=clusters)


def train_tagger(
    net: TaggerNet,
    stream: Stream,
    labels: Sequence[str],
    *,
    score: Callable[[Tagger], float],
    report: Callable[[str], None],
    clusters: WordClusters | None = None,
    evaluations: int = 8,
) -> float:
    """Train a net on a treebank by its recipe; returns the best score that it reached."""
    shape, recipe = net.shape, net.recipe
    trainer = Trainer(stream, shape, recipe, clusters)

    def remember(module: nn.Module, inputs: Any, logits: Tensor) -> None:
        trainer.remember(inputs[0].positions, logits)

    net.register_forward_hook(remember)
    settings = Settings(
        steps=trainer.steps,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        label_smoothing=recipe.label_smoothing,
        averaged=recipe.averaged,
        evaluate_every=-(-trainer.steps // evaluations),
        patience=evaluations,
        seed=recipe.seed,
    )

    def measured(averaged: Net) -> float:
        return score(assemble(shape, labels, averaged.arrays(), clusters))

    return train(net, trainer.batch, settings, score=measured, report=report)
