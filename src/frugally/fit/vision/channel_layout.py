"""The channels of a network in another order, with channels of zeros between: the same function.

A layout says for each place in a tensor which channel lies there, or that none does. A convolution
turns any layout into any other, since its weights can be put in any order and padded with zeros;
most other layers take each channel by itself and keep the layout they are given. So:

- a channel shuffle moves nothing, it only gives the channels other names; if a grouped convolution
  is then given channels that lie in the wrong group, its weight is written as a dense one with
  zeros;
- where the processor works on 16 channels at a time, groups are padded to multiples of 16.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import gcd
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from frugally.errors import NetError
from frugally.fit.vision.folding import Folded, is_depthwise
from frugally.fit.vision.weights import Weights
from frugally.nets.vision.channel_shuffle import order
from frugally.nets.vision.graph import INPUT, Graph, Node
from frugally.nets.vision.layers import (
    Activation,
    Add,
    BatchNorm,
    ChannelShuffle,
    Concatenation,
    Convolution,
    Dropout,
    Flatten,
    GlobalAverage,
    Linear,
    Pool,
    Scale,
    Shape,
)

Layout = NDArray[np.intp]
_NONE = -1
_BY_CHANNEL = (Activation, BatchNorm, Pool, GlobalAverage, Dropout, Add, Scale)

LAYOUTS = ("plain", "padded", "made", "taken")


@dataclass(frozen=True, slots=True)
class Relayout:
    """What to change: all names are those of nodes.

    `layouts`: for a convolution, the layout of its output, one of

    - "plain": as it is;
    - "padded": zeros at the end, up to a multiple of `block`;
    - "made": each of the groups that it is made in padded to a multiple;
    - "taken": the channels in the order in which the next grouped convolution takes them, and each
      of its groups padded.

    Where a sum asks for the layout of its other term, that one counts. `dense`: convolutions to
    write in one group. `folded`: shuffles to be left out; `gathered`: those to be written as a
    Selection; `regrouped`: likewise, into the layout "taken". `ordered`: concatenations whose
    inputs are put in order, without zeros.
    """

    layouts: Mapping[str, str]
    dense: frozenset[str] = frozenset()
    folded: frozenset[str] = frozenset()
    gathered: frozenset[str] = frozenset()
    regrouped: frozenset[str] = frozenset()
    ordered: frozenset[str] = frozenset()
    block: int = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The channels of its input at some places: moved in memory, which costs time."""

    inputs: ClassVar[int] = 1
    places: tuple[int, ...]

    def shape(self, *inputs: Shape) -> Shape:
        """(places, ...)."""
        return (len(self.places), *inputs[0][1:])

    def weights(self, *inputs: Shape) -> dict[str, Shape]:
        """None."""
        return {}

    def macs(self, *inputs: Shape) -> int:
        """None."""
        return 0


def relaid(graph: Graph, weights: Weights, change: Relayout) -> Folded:
    """The same network in another layout; nodes keep their names.

    Where a layer needs its channels in an order that they are not in, a Selection is put in.

    Raises:
        NetError: there is no such layout.
    """
    return _Relaying(graph, weights, change).run()


class _Relaying:
    def __init__(self, graph: Graph, weights: Weights, change: Relayout) -> None:
        self._graph, self._old, self._change = graph, weights, change
        self._spaces = spaces(graph)
        self._layouts: dict[str, Layout] = {INPUT: np.arange(graph.input[0])}
        self._of_space: dict[str, Layout] = {}
        self._new: dict[str, NDArray[np.float32]] = {}
        self._instead: dict[str, str] = {}
        self._nodes: list[Node] = []

    def run(self) -> Folded:
        for node in self._graph.nodes:
            written = self._written(node)
            if written is not None:
                inputs = tuple(self._instead.get(name, name) for name in written.inputs)
                self._nodes.append(replace(written, inputs=inputs))
        self._ordered(self._graph.nodes[-1].name, np.arange(self._graph.output[0]))
        return replace(self._graph, nodes=tuple(self._nodes)), self._new

    def _written(self, node: Node) -> Node | None:
        """The node in its new form, if any; its layout and weights are noted."""
        layer, name = node.layer, node.name
        shapes = self._graph.given(node)
        inputs, given = node.inputs, [self._layouts[one] for one in node.inputs]
        written: Node | None = node
        match layer:
            case Convolution() if not is_depthwise(layer, shapes[0][0]):
                known = self._of_space.get(self._spaces[name])
                made = self._chosen(node, layer) if known is None else known
                layer = self._convolution(node, layer, given[0], made)
            case Convolution() | BatchNorm() | Activation() | Pool() | GlobalAverage() | Dropout():
                made = given[0]
                self._by_channel(node, made)
                if isinstance(layer, Convolution):
                    layer = replace(layer, out=len(made), groups=len(made))
            case Add() | Scale():
                made = given[0]
                inputs = tuple(self._ordered(one, made) for one in inputs)
            case Concatenation():
                if name in self._change.ordered:
                    given = [np.arange(shape[0]) for shape in shapes]
                    pairs = zip(inputs, given, strict=True)
                    inputs = tuple(self._ordered(one, layout) for one, layout in pairs)
                starts = np.cumsum([0, *(shape[0] for shape in shapes)])
                parts = zip(given, starts[:-1], strict=True)
                made = np.concatenate([_moved(layout, start) for layout, start in parts])
            case ChannelShuffle() if name in self._change.folded:
                made = _renamed(given[0], np.argsort(order(shapes[0][0], layer.groups)))
                self._instead[name] = self._instead.get(inputs[0], inputs[0])
                written = None
            case ChannelShuffle() if name in self._change.gathered | self._change.regrouped:
                taken = order(len(made := np.arange(shapes[0][0])), layer.groups)
                if name in self._change.regrouped:
                    made = self._taken(name, len(made))
                self._instead[name] = self._ordered(inputs[0], _renamed(made, taken))
                written = None
            case Flatten():
                made = _flat(given[0], shapes[0])
            case Linear():
                made = np.arange(layer.out)
                weight = self._old[f"{name}.weight"]
                self._new[f"{name}.weight"] = _placed(weight, given[0], axis=1)
                if layer.bias:
                    self._new[f"{name}.bias"] = self._old[f"{name}.bias"]
            case _:
                given = [np.arange(shape[0]) for shape in shapes]
                pairs = zip(inputs, given, strict=True)
                inputs = tuple(self._ordered(one, layout) for one, layout in pairs)
                made = np.arange(self._graph.shapes[name][0])
        self._layouts[name] = made
        self._of_space.setdefault(self._spaces[name], made)
        return written and replace(written, layer=layer, inputs=inputs)

    def _ordered(self, name: str, wanted: Layout) -> str:
        """The name of what holds the same channels in a wanted layout."""
        layout = self._layouts[name]
        if np.array_equal(layout, wanted):
            return self._instead.get(name, name)
        place = np.zeros(self._graph.shapes[name][0], np.intp)
        place[layout[layout != _NONE]] = np.flatnonzero(layout != _NONE)
        # Where no channel is wanted any will do: nothing looks at it.
        places = tuple(place[np.maximum(wanted, 0)].tolist())
        new = f"{name}.selected{len(self._nodes)}"
        given = (self._instead.get(name, name),)
        self._nodes.append(Node(name=new, layer=Selection(places=places), inputs=given))
        return new

    def _convolution(
        self, node: Node, layer: Convolution, given: Layout, made: Layout
    ) -> Convolution:
        channels, weight = self._channels(node), self._old[f"{node.name}.weight"]
        dense = np.zeros((layer.out, channels, *layer.kernel), np.float32)
        out_of, in_of = _group_of(layer.out, layer.groups), _group_of(channels, layer.groups)
        for group in range(layer.groups):
            rows, columns = out_of == group, in_of == group
            dense[np.ix_(rows, columns)] = weight[rows]
        dense = _placed(_placed(dense, made, axis=0), given, axis=1)
        groups = 1
        if node.name not in self._change.dense:
            groups = _groups(_renamed(made, out_of), _renamed(given, in_of), layer.groups)
        blocks = zip(np.split(dense, groups), range(groups), strict=True)
        width = len(given) // groups
        self._new[f"{node.name}.weight"] = np.concatenate(
            [block[:, start * width : (start + 1) * width] for block, start in blocks]
        )
        if layer.bias:
            self._new[f"{node.name}.bias"] = _placed(self._old[f"{node.name}.bias"], made, axis=0)
        return replace(layer, out=len(made), groups=groups)

    def _by_channel(self, node: Node, layout: Layout) -> None:
        for key in node.layer.weights(*self._graph.given(node)):
            # Of the channels that are not there none has a variance of 0.
            fill = 1.0 if key == "variance" else 0.0
            name = f"{node.name}.{key}"
            self._new[name] = _placed(self._old[name], layout, axis=0, fill=fill)

    def _chosen(self, node: Node, layer: Convolution) -> Layout:
        block, channels = self._change.block, np.arange(layer.out)
        match self._change.layouts.get(node.name, "plain"):
            case "plain":
                return channels
            case "padded":
                return _in_groups(channels, np.zeros_like(channels), block)
            case "made":
                return _in_groups(channels, _group_of(layer.out, layer.groups), block)
            case "taken":
                return self._taken(node.name, layer.out)
        raise NetError(f"{node.name} cannot have the layout {self._change.layouts[node.name]!r}")

    def _taken(self, name: str, channels: int) -> Layout:
        """By the groups of the first grouped convolution that takes what this one makes.

        Follows the channels down the graph, through shuffles, and beside those of a concatenation,
        whose places are known by then if they come first.
        """
        # Of each tensor that has them: the numbers they have there, and the layouts beside them.
        followed = {name: (np.arange(channels), np.empty(0, np.intp))}
        for node in self._graph.nodes:
            tensor = next((one for one in node.inputs if one in followed), None)
            if tensor is None:
                continue
            names, before = followed[tensor]
            layer = node.layer
            if isinstance(layer, ChannelShuffle):
                if node.name in self._change.folded:
                    to = np.argsort(order(self._channels(node), layer.groups))
                    names, before = to[names], _renamed(before, to)
            elif isinstance(layer, Concatenation):
                shapes = self._graph.given(node)
                starts = np.cumsum([0, *(shape[0] for shape in shapes)])
                place = node.inputs.index(tensor)
                names, before = names + starts[place], _moved(before, starts[place])
                for other, one in enumerate(node.inputs):
                    if other != place and one in self._layouts:
                        before = np.concatenate([before, _moved(self._layouts[one], starts[other])])
            elif isinstance(layer, Convolution) and layer.groups > 1 and not is_depthwise(
                layer, self._channels(node)
            ):  # fmt: skip
                of = _group_of(self._channels(node), layer.groups)
                held = _places(_renamed(before, of), layer.groups)
                return _in_groups(np.arange(channels), of[names], self._change.block, held)
            elif self._spaces[node.name] != self._spaces[tensor]:
                continue
            followed[node.name] = (names, before)
        return _in_groups(np.arange(channels), np.zeros(channels, np.intp), self._change.block)

    def _channels(self, node: Node) -> int:
        return self._graph.given(node)[0][0]


def spaces(graph: Graph) -> dict[str, str]:
    """For each node one that has its channels in the same order as it, the same for all of them.

    Layers that take each channel by itself share the space of their inputs; so do terms of a sum.
    """
    root = {INPUT: INPUT}

    def find(name: str) -> str:
        while root[name] != name:
            name = root[name]
        return name

    for node in graph.nodes:
        root[node.name] = node.name
        if isinstance(node.layer, _BY_CHANNEL) or is_depthwise(node.layer, graph.given(node)[0][0]):
            first = find(node.inputs[0])
            for name in (node.name, *node.inputs[1:]):
                root[find(name)] = first
    return {name: find(name) for name in root}


def _in_groups(channels: Layout, groups: Layout, block: int, held: Layout | None = None) -> Layout:
    """Channels by group; each group, with `held` places held by others, padded to one size."""
    count = int(groups.max()) + 1 if held is None else len(held)
    held = np.zeros(count, np.intp) if held is None else held
    sizes = np.bincount(groups, minlength=count)
    size = -(-int((held + sizes).max()) // block) * block
    parts = []
    for group in range(count):
        parts.append(channels[groups == group])
        if sizes[group]:
            parts.append(np.full(size - held[group] - sizes[group], _NONE))
    return np.concatenate(parts)


def _places(groups: Layout, count: int) -> Layout:
    """How many places each group holds, those of zeros counted with the channel before them."""
    held, current = np.zeros(count, np.intp), 0
    for group in groups:
        current = current if group == _NONE else int(group)
        held[current] += 1
    return held


def _groups(out_of: Layout, in_of: Layout, most: int) -> int:
    """In how many groups a convolution between two layouts can be, given each place's old group."""
    for groups in range(most, 1, -1):
        if gcd(len(out_of), len(in_of)) % groups or most % groups:
            continue
        # The old groups in each new one; no old one may reach into two.
        parts = zip(np.split(out_of, groups), np.split(in_of, groups), strict=True)
        found = [set(np.concatenate(pair)) - {_NONE} for pair in parts]
        if sum(map(len, found)) == len(set().union(*found)):
            return groups
    return 1


def _group_of(channels: int, groups: int) -> Layout:
    return np.arange(channels) // (channels // groups)


def _renamed(layout: Layout, names: Layout) -> Layout:
    return np.where(layout == _NONE, _NONE, names[layout])


def _moved(layout: Layout, start: int) -> Layout:
    return np.where(layout == _NONE, _NONE, layout + start)


def _placed(
    array: NDArray[np.float32], layout: Layout, *, axis: int, fill: float = 0.0
) -> NDArray[np.float32]:
    """The array with its entries along an axis in the places of a layout."""
    placed = np.take(array, np.maximum(layout, 0), axis)
    placed[(slice(None),) * axis + (layout == _NONE,)] = fill
    return placed


def _flat(layout: Layout, shape: tuple[int, ...]) -> Layout:
    """The layout of all numbers of images, a channel's after another's."""
    pixels = int(np.prod(shape[1:]))
    numbers = layout[:, None] * pixels + np.arange(pixels)
    return np.where(layout[:, None] == _NONE, _NONE, numbers).reshape(-1)
