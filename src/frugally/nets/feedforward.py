"""Small feed-forward nets: groups of embeddings, one hidden layer, softmax; no torch needed.

    h0 = [X_g E_g for all groups g],   h1 = ReLU(W h0 + b),   P(y) ~ exp(V h1 + c)

(Botha et al. 2017, "Natural Language Processing with Small Feed-Forward Networks", section 2). A
group has one table E_g and one or more slots: places of the input that look up the same table (the
words of a window) and are concatenated. What an input is, is the task's business; here are the
tables, the dense layers, and how a net is kept.

A net is a folder: `net.safetensors` and `card.json`. Every matrix is in eight bits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frugally.errors import CorruptionError, NetError
from frugally.files.tensors import map_tensors
from frugally.nets.card import Card, load_card, save_net
from frugally.nets.quantised import Quantised

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A table of `rows` vectors of `width` numbers, looked up in `slots` places of the input."""

    name: str
    rows: int
    width: int
    slots: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The sizes of a net."""

    groups: tuple[Group, ...]
    hidden: int
    labels: int

    @property
    def inputs(self) -> int:
        """How many numbers h0 has."""
        return sum(group.width * group.slots for group in self.groups)

    @property
    def weights(self) -> int:
        """How many numbers are learnt."""
        tables = sum(group.rows * group.width for group in self.groups)
        return tables + (self.inputs + 1) * self.hidden + (self.hidden + 1) * self.labels

    @property
    def size(self) -> int:
        """The bytes of the arrays as they are kept; the file's header and the card come on top."""
        tables = sum(Quantised.size(group.rows, group.width) for group in self.groups)
        dense = Quantised.size(self.hidden, self.inputs) + Quantised.size(self.labels, self.hidden)
        return tables + dense + 4 * (self.hidden + self.labels)

    @property
    def dense_flops(self) -> int:
        """Floating-point operations of the two dense layers for one input."""
        return 2 * self.hidden * (self.inputs + self.labels)


@dataclass(frozen=True, slots=True, eq=False)
class FeedForward:
    """A net that can be run.

    `tables` by group [rows, width]; `hidden_weight` [hidden, inputs], `hidden_bias` [hidden],
    `output_weight` [labels, hidden], `output_bias` [labels].
    """

    shape: Shape
    tables: Mapping[str, Quantised]
    hidden_weight: Floats
    hidden_bias: Floats
    output_weight: Floats
    output_bias: Floats

    @classmethod
    def load(cls, folder: Path, task: str) -> tuple[FeedForward, Card]:
        """A net for a task from its folder, and its card.

        Raises:
            NetError: there is none, it is for another task, of a newer format, or damaged.
        """
        card = load_card(folder, task)
        try:
            arrays = map_tensors(folder / "net.safetensors")
            shape = _shape_of(card["shape"])
            net = cls(
                shape=shape,
                tables={g.name: _matrix(arrays, f"table.{g.name}") for g in shape.groups},
                hidden_weight=_matrix(arrays, "hidden.weight").matrix(),
                hidden_bias=arrays["hidden.bias"].astype(np.float32),
                output_weight=_matrix(arrays, "output.weight").matrix(),
                output_bias=arrays["output.bias"].astype(np.float32),
            )
            net._check()
        except (CorruptionError, KeyError, TypeError, ValueError) as error:
            raise NetError(f"{folder} is not a whole net: {error}") from error
        return net, card

    def _check(self) -> None:
        shape = self.shape
        expected = {
            **{g.name: (g.rows, g.width) for g in shape.groups},
            "hidden": (shape.hidden, shape.inputs),
            "output": (shape.labels, shape.hidden),
        }
        found = {
            **{name: table.codes.shape for name, table in self.tables.items()},
            "hidden": self.hidden_weight.shape,
            "output": self.output_weight.shape,
        }
        biases = self.hidden_bias.shape == (shape.hidden,) and self.output_bias.shape == (
            shape.labels,
        )
        if found != expected or not biases:
            raise ValueError(f"arrays of {found} instead of {expected}")

    def logits(self, inputs: Floats) -> Floats:
        """What the net says of each row of h0 [n, inputs]: numbers [n, labels] before softmax."""
        hidden: Floats = inputs @ self.hidden_weight.T + self.hidden_bias
        np.maximum(hidden, np.float32(0), out=hidden)
        logits: Floats = hidden @ self.output_weight.T + self.output_bias
        return logits

    def probabilities(self, inputs: Floats) -> Floats:
        """As `logits`, after softmax."""
        logits = self.logits(inputs)
        shares: Floats = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        return shares


def save_feedforward(
    folder: Path,
    shape: Shape,
    *,
    tables: Mapping[str, NDArray[Any]],
    hidden: tuple[NDArray[Any], NDArray[Any]],
    output: tuple[NDArray[Any], NDArray[Any]],
    card: Card,
    more: Mapping[str, NDArray[Any]] | None = None,
) -> int:
    """Keep a net, its matrices in eight bits, with a card; returns the bytes of all its files.

    `hidden` and `output` are weight and bias; `more` are arrays of the task's own.
    """
    arrays: dict[str, NDArray[Any]] = dict(more or {})
    matrices = {f"table.{name}": table for name, table in tables.items()}
    matrices |= {"hidden.weight": hidden[0], "output.weight": output[0]}
    for name, matrix in matrices.items():
        kept = Quantised.of(matrix)
        arrays |= {name: kept.codes, f"{name}.scales": kept.scales}
    arrays |= {
        "hidden.bias": hidden[1].astype(np.float32),
        "output.bias": output[1].astype(np.float32),
    }
    return save_net(folder, arrays, {**card, "shape": asdict(shape)})


def mean_of_rows(
    table: Quantised, rows: NDArray[np.int32], ends: NDArray[np.int64], out: Floats
) -> None:
    """Fill `out` [texts, width] with the mean of each text's rows of a table, 0 where it has none.

    `out` may be some columns of h0.
    """
    from frugally.nets.kernels import mean_of_rows as kernel

    kernel(table.codes, table.scales.astype(np.float32), rows, ends, out)


def _matrix(arrays: Mapping[str, NDArray[Any]], name: str) -> Quantised:
    codes, scales = arrays[name], arrays[f"{name}.scales"]
    if codes.dtype != np.uint8 or scales.dtype != np.float16 or scales.shape != codes.shape[:1]:
        raise ValueError(f"{name} is not a matrix in eight bits")
    return Quantised(codes, scales)


def _shape_of(entry: Mapping[str, Any]) -> Shape:
    groups: Sequence[Mapping[str, Any]] = entry["groups"]
    return Shape(
        groups=tuple(Group(**group) for group in groups),
        hidden=int(entry["hidden"]),
        labels=int(entry["labels"]),
    )
