"""A network for images as a graph: nodes in order, each a layer with the names of its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

from frugally.errors import NetError
from frugally.nets.vision.layers import (
    LARGEST,
    Activation,
    Add,
    BatchNorm,
    Channels,
    ChannelShuffle,
    Concatenation,
    Convolution,
    Dropout,
    Flatten,
    GlobalAverage,
    Layer,
    Linear,
    Pair,
    Pool,
    Scale,
    Shape,
    layer_as_dict,
    layer_from_dict,
)

INPUT = "image"
_NOT_LEARNED = ("mean", "variance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A layer, its name, and the names of the nodes whose outputs it takes (or `image`)."""

    name: str
    layer: Layer
    inputs: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Graph:
    """A network: its `nodes` in an order in which they can be computed; the last is its output.

    `input` is the shape of one image, (channels, height, width).
    """

    name: str
    input: Shape
    nodes: tuple[Node, ...]

    def __repr__(self) -> str:
        return (
            f"Graph({self.name!r}, {self.parameters:,} parameters, "
            f"{self.macs / 1e6:.2f} MMACs at {self.input[1]}x{self.input[2]})"
        )

    @cached_property
    def shapes(self) -> dict[str, Shape]:
        """The shape of each node's output, and of the image.

        Raises:
            NetError: a layer does not fit what it is given, or is given what is not there.
        """
        shapes: dict[str, Shape] = {INPUT: self.input}
        if not self.nodes:
            raise NetError(f"{self.name} has no layers")
        if len(self.input) != 3 or not all(1 <= side <= LARGEST for side in self.input):
            raise NetError(f"{self.name} takes (channels, height, width), all of them 1 or more")
        for node in self.nodes:
            wanted = node.layer.inputs
            if node.name in shapes or not node.inputs or wanted not in (0, len(node.inputs)):
                raise NetError(f"{node.name} in {self.name} has a name or inputs that cannot be")
            try:
                shapes[node.name] = node.layer.shape(*(shapes[name] for name in node.inputs))
            except KeyError as error:
                raise NetError(f"{node.name} takes {error}, which is not there") from error
            except NetError as error:
                raise NetError(f"{node.name} of {self.name}: {error}") from error
            if max(shapes[node.name]) > LARGEST:
                raise NetError(f"{node.name} of {self.name} makes too many numbers")
        return shapes

    def given(self, node: Node) -> tuple[Shape, ...]:
        """The shapes of a node's inputs."""
        return tuple(self.shapes[name] for name in node.inputs)

    @property
    def output(self) -> Shape:
        """The shape of the output."""
        return self.shapes[self.nodes[-1].name]

    @cached_property
    def weights(self) -> dict[str, Shape]:
        """The names, node.array, and shapes of all arrays, running means and variances too."""
        return {
            f"{node.name}.{name}": shape
            for node in self.nodes
            for name, shape in node.layer.weights(*self.given(node)).items()
        }

    @property
    def parameters(self) -> int:
        """How many numbers are learned."""
        return sum(
            prod(shape)
            for name, shape in self.weights.items()
            if name.rpartition(".")[2] not in _NOT_LEARNED
        )

    @cached_property
    def macs(self) -> int:
        """Multiply-adds of convolutions and products for one image."""
        return sum(node.layer.macs(*self.given(node)) for node in self.nodes)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.name,
            "input": list(self.input),
            "nodes": [
                {"name": node.name, "inputs": list(node.inputs), **layer_as_dict(node.layer)}
                for node in self.nodes
            ],
        }

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> Graph:
        """The graph that `as_dict` wrote.

        Raises:
            NetError: it is no graph.
        """
        if not isinstance(entry, Mapping):
            raise NetError("this is no network")
        try:
            nodes = tuple(_node_from_dict(one) for one in _list_of(dict, entry, "nodes"))
            shape = tuple(_list_of(int, entry, "input"))
            graph = cls(name=_text(entry, "name"), input=shape, nodes=nodes)
        except KeyError as error:
            raise NetError(f"this is no network: it has no {error}") from error
        _ = graph.shapes
        return graph


def _node_from_dict(entry: Mapping[str, Any]) -> Node:
    layer = {key: value for key, value in entry.items() if key not in ("name", "inputs")}
    inputs = tuple(_list_of(str, entry, "inputs"))
    return Node(name=_text(entry, "name"), layer=layer_from_dict(layer), inputs=inputs)


def _text(entry: Mapping[str, Any], key: str) -> str:
    if not isinstance(entry[key], str):
        raise NetError(f"this is no network: its {key} is no text")
    return str(entry[key])


def _list_of(kind: type, entry: Mapping[str, Any], key: str) -> list[Any]:
    values = entry[key]
    if not isinstance(values, list) or not all(type(value) is kind for value in values):
        raise NetError(f"this is no network: its {key} are not what they should be")
    return values


class Builder:
    """Adds layer after layer; each method returns the name of what it added.

    Names are given by prefix and kind: within `builder.at("stage2.0")` a convolution is
    `stage2.0.conv`, the next one `stage2.0.conv2`.
    """

    def __init__(self, name: str, input: Shape) -> None:
        self._name = name
        self._nodes: list[Node] = []
        self._shapes: dict[str, Shape] = {INPUT: input}
        self._activated: dict[tuple[str, str], str] = {}
        self._prefix = ""
        self.image = INPUT

    def at(self, prefix: str) -> None:
        """Names of what comes now begin with this."""
        self._prefix = f"{prefix}." if prefix else ""

    def add(self, kind: str, layer: Layer, *inputs: str) -> str:
        """Add any layer.

        Raises:
            NetError: it does not fit its inputs.
        """
        name, number = f"{self._prefix}{kind}", 1
        while name in self._shapes:
            number += 1
            name = f"{self._prefix}{kind}{number}"
        try:
            self._shapes[name] = layer.shape(*(self._shapes[one] for one in inputs))
        except NetError as error:
            raise NetError(f"{name} of {self._name}: {error}") from error
        self._nodes.append(Node(name=name, layer=layer, inputs=inputs))
        return name

    def channels(self, x: str) -> int:
        """How many channels x has."""
        return self._shapes[x][0]

    def size(self, x: str) -> Pair:
        """How high and how wide x is."""
        _, height, width = self._shapes[x]
        return height, width

    def convolution(
        self, x: str, out: int, kernel: int | Pair = 1, *, stride: int = 1,
        padding: int | None = None, groups: int = 1, bias: bool = False,
    ) -> str:  # fmt: skip
        """A convolution, by default padded so that a stride of 1 keeps the size."""
        high, wide = (kernel, kernel) if isinstance(kernel, int) else kernel
        down, across = (high // 2, wide // 2) if padding is None else (padding, padding)
        layer = Convolution(
            out=out, kernel=(high, wide), stride=(stride, stride),
            padding=(down, across, down, across), groups=groups, bias=bias,
        )  # fmt: skip
        return self.add("conv", layer, x)

    def normalised(
        self, x: str, out: int, kernel: int = 1, *, stride: int = 1, groups: int = 1,
        activation: str | None = None,
    ) -> str:  # fmt: skip
        """Convolution, batch norm and, if named, activation."""
        x = self.convolution(x, out, kernel, stride=stride, groups=groups)
        x = self.norm(x)
        return x if activation is None else self.activation(x, activation)

    def norm(self, x: str) -> str:
        """Batch norm."""
        return self.add("norm", BatchNorm(), x)

    def activation(self, x: str, kind: str = "relu") -> str:
        """An activation, the same one for all who ask for it, named as standing beside x."""
        if (x, kind) not in self._activated:
            here, self._prefix = self._prefix, x[: x.rfind(".") + 1]
            self._activated[x, kind] = self.add(kind, Activation(kind=kind), x)
            self._prefix = here
        return self._activated[x, kind]

    def shuffle(self, x: str, groups: int, *, random: bool = False) -> str:
        """A channel shuffle; none for one group."""
        if groups == 1:
            return x
        return self.add("shuffle", ChannelShuffle(groups=groups, random=random), x)

    def pool(self, x: str, kind: str, kernel: int, *, stride: int, padding: int = 0) -> str:
        """The maximum or average of windows."""
        layer = Pool(
            kind="max" if kind == "max" else "average", kernel=(kernel, kernel),
            stride=(stride, stride), padding=(padding,) * 4,
        )  # fmt: skip
        return self.add("pool", layer, x)

    def cut(self, x: str, start: int, stop: int) -> str:
        """Some channels."""
        return self.add("channels", Channels(start=start, stop=stop), x)

    def sum(self, *inputs: str) -> str:
        """The sum."""
        return self.add("add", Add(), *inputs)

    def concatenation(self, *inputs: str) -> str:
        """Side by side."""
        return self.add("concat", Concatenation(), *inputs)

    def squeeze_excite(self, x: str, middle: int) -> str:
        """x · sigmoid(W₂ ReLU(W₁ mean(x))) for each channel (Hu et al. 2017, section 3)."""
        squeezed = self.add("squeeze", GlobalAverage(), x)
        squeezed = self.convolution(squeezed, middle, bias=True)
        squeezed = self.activation(squeezed)
        squeezed = self.convolution(squeezed, self.channels(x), bias=True)
        return self.add("scale", Scale(), x, self.activation(squeezed, "sigmoid"))

    def head(self, x: str, classes: int, dropout: float = 0.0) -> str:
        """Mean of each channel, and a linear layer over them."""
        x = self.add("mean", GlobalAverage(), x)
        x = self.add("flat", Flatten(), x)
        if dropout:
            x = self.add("dropout", Dropout(share=dropout), x)
        return self.add("linear", Linear(out=classes), x)

    def build(self) -> Graph:
        """The graph; its output is what was added last."""
        return Graph(name=self._name, input=self._shapes[INPUT], nodes=tuple(self._nodes))
