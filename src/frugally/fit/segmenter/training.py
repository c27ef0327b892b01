"""Training one segmenter: places of the treebank by chance, each alone.

An n-gram is hidden with a chance of a / (a + count) (Kiperwasser and Goldberg 2016), since most of
what a net meets in new text it has met rarely or never; what it sees of words was counted in other
sentences only (`encoding.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from frugally.fit.feedforward import Examples, Net, Settings, train
from frugally.fit.saving import in_eight_bits
from frugally.fit.segmenter.encoding import Counted, Lexicon, Running
from frugally.nets.feedforward import FeedForward, Floats, Shape
from frugally.nets.segmenter import LABELS, Segmenter
from frugally.nets.segmenting.features import REACH, RECIPE, Vocabulary, order_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a segmenter is trained, whatever its sizes."""

    epochs: float = 8.0
    batch_places: int = 512
    learning_rate: float = 4e-3
    weight_decay: float = 1e-2
    label_smoothing: float = 0.0
    input_dropout: float = 0.3
    hidden_dropout: float = 0.3
    rare_ngrams: float = 2.0
    averaged: float = 0.999
    seed: int = 1013


class SegmenterNet(Net):
    """A `Net` whose slots have a row or none; `chances` are those of each row to be hidden."""

    def __init__(
        self, shape: Shape, recipe: Recipe, chances: Mapping[str, NDArray[np.float32]]
    ) -> None:
        super().__init__(shape, recipe.seed, spread=0.3)
        self.recipe = recipe
        self._chances = {name: torch.from_numpy(rows) for name, rows in chances.items()}

    def forward(self, rows: Any) -> Tensor:
        """Logits [places, labels] of rows [places, slots], -1 for none."""
        recipe = self.recipe
        parts, start = [], 0
        for group, table in zip(self.shape.groups, self.tables, strict=True):
            asked = rows[:, start : start + group.slots]
            start += group.slots
            there = asked >= 0
            asked = asked.clamp(min=0)
            if group.name in self._chances:
                there &= torch.rand(asked.shape) >= self._chances[group.name][asked]
            vectors = nn.functional.embedding(asked, table.weight) * there[..., None]
            parts.append(vectors.flatten(1))
        inputs = nn.functional.dropout(torch.cat(parts, dim=1), recipe.input_dropout)
        hidden = nn.functional.dropout(torch.relu(self.hidden(inputs)), recipe.hidden_dropout)
        logits: Tensor = self.output(hidden)
        return logits


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """A treebank for nets of one shape: what they know, and the rows of every asked place."""

    vocabulary: Vocabulary
    chances: Mapping[str, NDArray[np.float32]]
    rows: NDArray[np.int32]
    labels: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        running: Running,
        shape: Shape,
        counted: Mapping[int, Counted],
        lexicon: Lexicon,
        rare: float,
    ) -> Material:
        """Look everything up once."""
        keys, chances = {}, {}
        for group in shape.groups:
            if group.name.startswith("ngrams"):
                chosen = counted[order_of(group.name)].first(group.rows)
                keys[group.name] = chosen.hashes
                chances[group.name] = (rare / (rare + chosen.counts)).astype(np.float32)
        vocabulary = Vocabulary(keys, lexicon.words, lexicon.levels)
        rows = vocabulary.rows(
            running.codes,
            running.kinds,
            REACH,
            len(running.codes) - REACH,
            shape.groups,
            lexicon.elsewhere,
        )
        return cls(
            vocabulary=vocabulary,
            chances=chances,
            rows=rows[running.asked - REACH],
            labels=running.truth[running.asked].astype(np.int64),
        )


def assemble(shape: Shape, arrays: Mapping[str, Any], vocabulary: Vocabulary) -> Segmenter:
    """A segmenter in eight bits from a net's arrays, as it would be loaded."""
    net = in_eight_bits(shape, arrays)
    return Segmenter(net, {"labels": LABELS, "features": RECIPE}, vocabulary)


class _ExactSegmenter(Segmenter):
    """One whose tables are arrays in 32 bits."""

    def _vectors(self, group: str, rows: NDArray[np.int32]) -> Floats:
        table: Any = self.net.tables[group]
        return np.ascontiguousarray(table[rows])


def exact(shape: Shape, arrays: Mapping[str, Any], vocabulary: Vocabulary) -> Segmenter:
    """The same segmenter in 32 bits, to see what eight cost."""
    (hidden, hidden_bias), (output, output_bias) = arrays["hidden"], arrays["output"]
    net = FeedForward(
        shape=shape,
        tables=arrays["tables"],
        hidden_weight=hidden,
        hidden_bias=hidden_bias,
        output_weight=output,
        output_bias=output_bias,
    )
    return _ExactSegmenter(net, {"labels": LABELS, "features": RECIPE}, vocabulary)


def train_segmenter(
    net: SegmenterNet,
    material: Material,
    *,
    score: Callable[[Segmenter], float],
    report: Callable[[str], None],
    evaluations: int = 8,
) -> float:
    """Train a net by its recipe; returns the best score that it reached."""
    recipe = net.recipe
    count = len(material.labels)
    batch_places = min(recipe.batch_places, count)
    steps = max(50, round(recipe.epochs * count / batch_places))
    source = np.random.default_rng(recipe.seed)
    queue: list[NDArray[np.int64]] = []

    def batch(step: int) -> Examples:
        if not queue:
            order = source.permutation(count)
            whole = count - count % batch_places
            queue.extend(np.split(order[:whole], whole // batch_places))
        chosen = queue.pop()
        return Examples(
            bags=torch.from_numpy(material.rows[chosen]),  # type: ignore[arg-type]
            labels=material.labels[chosen],
            weights=np.ones(batch_places, np.float32),
        )

    settings = Settings(
        steps=steps,
        learning_rate=recipe.learning_rate,
        weight_decay=recipe.weight_decay,
        label_smoothing=recipe.label_smoothing,
        averaged=recipe.averaged,
        evaluate_every=-(-steps // evaluations),
        patience=evaluations,
        seed=recipe.seed,
    )

    def measured(averaged: Net) -> float:
        return score(assemble(net.shape, averaged.arrays(), material.vocabulary))

    return train(net, batch, settings, score=measured, report=report)
