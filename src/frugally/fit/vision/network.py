"""A graph of layers as a torch module, to be trained."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from frugally.errors import NetError
from frugally.fit.vision.convolution import CONVOLUTIONS
from frugally.fit.vision.norm import Norm
from frugally.nets.vision.graph import INPUT, Graph, Node
from frugally.nets.vision.layers import (
    Activation,
    Add,
    BatchNorm,
    Channels,
    ChannelShuffle,
    Concatenation,
    Convolution,
    Dropout,
    DropPath,
    Flatten,
    GlobalAverage,
    Layer,
    Linear,
    LocalResponseNorm,
    PadChannels,
    Pool,
    Scale,
    Shape,
)

Arrays = Mapping[str, NDArray[np.float32]]


class GraphNetwork(nn.Module):
    """The layers of a graph with their weights; images (N, C, H, W) to outputs (N, classes).

    `forms` names for a node how its convolution is computed (see CONVOLUTIONS), where that is not
    torch's own way. In training, batch norm normalises by the batch, and keeps no running numbers:
    `estimate` sets its means and variances when the weights are final, so that they fit these
    weights, averaged ones too, and threads that share the network have nothing to write.
    """

    def __init__(
        self, graph: Graph, weights: Arrays, forms: Mapping[str, str] | None = None
    ) -> None:
        super().__init__()
        self.graph = graph
        self.draws = Draws()
        self._of: dict[str, nn.Module] = {}
        # What is run in turn: a batch norm with what stands behind it in place of the last of them.
        self._runs: list[tuple[str, nn.Module, tuple[str, ...]]] = []
        chains = {chain.nodes[-1]: chain for chain in chains_of(graph)}
        joined = {name for chain in chains.values() for name in chain.nodes[:-1]}
        for node in graph.nodes:
            build = _MODULES.get(type(node.layer))
            if build is None:
                raise NetError(f"{node.name} is a {type(node.layer).__name__}: none for torch")
            form = (forms or {}).get(node.name, "torch")
            module, inputs = build(node.layer, graph.given(node), form, self.draws), node.inputs
            if chain := chains.get(node.name):
                inputs = chain.inputs
                module = _Function(partial(self._of[chain.nodes[0]], relu=chain.relu))
            self.add_module(node.name.replace(".", "/"), module)
            self._of[node.name] = module
            if node.name not in joined:
                self._runs.append((node.name, module, inputs))
        last = {name: user for user, _, inputs in self._runs for name in inputs}
        self._done: dict[str, list[str]] = {}
        for name, user in last.items():
            self._done.setdefault(user, []).append(name)
        self.load(weights)

    def forward(self, x: Tensor) -> Tensor:
        """The outputs of the last node."""
        values = {INPUT: x}
        for name, module, inputs in self._runs:
            values[name] = module(*(values[one] for one in inputs))
            for old in self._done.get(name, ()):
                del values[old]
        return values[self.graph.nodes[-1].name]

    def load(self, weights: Arrays) -> None:
        """Take over arrays, by the names of `Graph.weights`.

        Raises:
            NetError: one is missing or has another shape.
        """
        mine = self._tensors()
        for name, shape in self.graph.weights.items():
            if name not in weights or weights[name].shape != shape:
                raise NetError(f"{self.graph.name} needs {name} of {shape}")
            with torch.no_grad():
                mine[name].copy_(torch.from_numpy(np.array(weights[name], np.float32)))

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Copies of all arrays, by the names of `Graph.weights`."""
        return {name: tensor.detach().numpy().copy() for name, tensor in self._tensors().items()}

    def norms(self) -> list[Norm]:
        """The batch norms, in order."""
        return [module for module in self._of.values() if isinstance(module, Norm)]

    def estimate(self, batches: Any) -> None:
        """Set the means and variances of batch norms to those over some batches of images.

        Nothing is dropped or shuffled by chance meanwhile, as nothing is in use.
        """
        by_chance = [m for m in self.modules() if isinstance(m, _ByChance) and m.training]
        norms = self.norms()
        for module in by_chance:
            module.eval()
        for norm in norms:
            norm.begin()
        with torch.no_grad():
            for batch in batches:
                self(batch)
        for norm in norms:
            norm.end()
        for module in by_chance:
            module.train()

    def drop_paths(self, done: float) -> None:
        """From now on drop paths as at a point of training, from 0 to 1: that much of their share.

        A new network is at the end. Growing it with each step is ScheduledDropPath (Zoph et al.
        2017, arXiv:1707.07012, section 4).
        """
        for module in self.modules():
            if isinstance(module, _DropPath):
                module.done = done

    def _tensors(self) -> dict[str, Tensor]:
        return {
            f"{name}.{key}": tensor
            for name, module in self._of.items()
            for key, tensor in module.state_dict(keep_vars=True).items()
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """A batch norm and what is computed with it: an addition, a ReLU, or both, in this order."""

    nodes: tuple[str, ...]
    inputs: tuple[str, ...]
    relu: bool


def chains_of(graph: Graph) -> list[Chain]:
    """Batch norms of a graph, each with the addition and ReLU that alone see its output."""
    users: dict[str, list[Node]] = {}
    for node in graph.nodes:
        for name in node.inputs:
            users.setdefault(name, []).append(node)
    found: list[Chain] = []
    taken: set[str] = set()
    for node in graph.nodes:
        if not isinstance(node.layer, BatchNorm):
            continue
        nodes, inputs, relu = [node.name], node.inputs, False
        after = users.get(node.name, [])
        if len(after) == 1 and after[0].name not in taken:
            add = after[0]
            if isinstance(add.layer, Add) and len(add.inputs) == 2:
                inputs += tuple(name for name in add.inputs if name != node.name)
                nodes.append(add.name)
                taken.add(add.name)
                after = users.get(add.name, [])
        if len(after) == 1 and after[0].layer == Activation(kind="relu"):
            nodes.append(after[0].name)
            relu = True
        if len(nodes) > 1:
            found.append(Chain(nodes=tuple(nodes), inputs=inputs, relu=relu))
    return found


class Draws(threading.local):
    """Where the numbers of a thread's dropout and random shuffles are drawn from."""

    generator: torch.Generator | None = None


class _ByChance(nn.Module):
    """A layer that does something else in training, drawn by chance."""


class _Shuffle(_ByChance):
    def __init__(self, groups: int, draws: Draws | None) -> None:
        super().__init__()
        self.groups, self.draws = groups, draws

    def forward(self, x: Tensor) -> Tensor:
        if self.draws is not None and self.training:
            return x[:, torch.randperm(x.shape[1], generator=self.draws.generator)]
        return functional.channel_shuffle(x, self.groups)


class _Dropout(_ByChance):
    def __init__(self, share: float, draws: Draws) -> None:
        super().__init__()
        self.share, self.draws = share, draws

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or not self.share:
            return x
        kept = torch.rand(x.shape, generator=self.draws.generator) >= self.share
        return x * (kept.to(x.dtype) / (1 - self.share))


class _DropPath(_ByChance):
    def __init__(self, share: float, draws: Draws) -> None:
        super().__init__()
        self.share, self.draws = share, draws
        self.done = 1.0

    def forward(self, x: Tensor) -> Tensor:
        share = self.share * self.done
        if not self.training or not share:
            return x
        kept = torch.rand((len(x), 1, 1, 1), generator=self.draws.generator) >= share
        return x * (kept.to(x.dtype) / (1 - share))


class _Function(nn.Module):
    """A layer without weights."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self._function = function

    def forward(self, *inputs: Tensor) -> Tensor:
        return self._function(*inputs)


_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": functional.relu,
    "relu6": functional.relu6,
    "hardswish": functional.hardswish,
    "hardsigmoid": functional.hardsigmoid,
    "sigmoid": torch.sigmoid,
    "silu": functional.silu,
    "gelu": functional.gelu,
    "tanh": torch.tanh,
}


def _convolution(layer: Convolution, given: tuple[Shape, ...], form: str, _: Draws) -> nn.Module:
    return CONVOLUTIONS[form](layer, given[0])


def _pool(layer: Pool, *_: Any) -> nn.Module:
    top, left, bottom, right = layer.padding
    even = (top, left) == (bottom, right)

    def pooled(x: Tensor) -> Tensor:
        if layer.kind == "max":
            if even and 2 * top <= layer.kernel[0] and 2 * left <= layer.kernel[1]:
                return functional.max_pool2d(x, layer.kernel, layer.stride, (top, left))
            if any(layer.padding):
                x = functional.pad(x, (left, right, top, bottom), value=float("-inf"))
            return functional.max_pool2d(x, layer.kernel, layer.stride)
        if even:
            return functional.avg_pool2d(
                x, layer.kernel, layer.stride, (top, left), count_include_pad=layer.padded_counts
            )
        if not layer.padded_counts:
            raise NetError("uneven padding that does not count is not averaged in torch")
        padded = functional.pad(x, (left, right, top, bottom))
        return functional.avg_pool2d(padded, layer.kernel, layer.stride)

    return _Function(pooled)


def _linear(layer: Linear, given: tuple[Shape, ...], *_: Any) -> nn.Module:
    return nn.Linear(given[0][0], layer.out, bias=layer.bias)


def _response_norm(layer: LocalResponseNorm, *_: Any) -> nn.Module:
    return nn.LocalResponseNorm(layer.size, layer.alpha, layer.beta, layer.bias)


_MODULES: dict[type[Layer], Callable[[Any, tuple[Shape, ...], str, Draws], nn.Module]] = {
    Convolution: _convolution,
    Linear: _linear,
    BatchNorm: lambda layer, given, *_: Norm(given[0][0], layer.epsilon),
    Activation: lambda layer, *_: _Function(_ACTIVATIONS[layer.kind]),
    ChannelShuffle: lambda layer, _, __, draws: _Shuffle(
        layer.groups, draws if layer.random else None
    ),
    Pool: _pool,
    GlobalAverage: lambda *_: _Function(lambda x: x.mean(dim=(2, 3), keepdim=True)),
    Flatten: lambda *_: _Function(lambda x: x.flatten(1)),
    Channels: lambda layer, *_: _Function(lambda x: x[:, layer.start : layer.stop]),
    Add: lambda *_: _Function(lambda *inputs: torch.stack(inputs).sum(0) if len(inputs) > 2
                              else inputs[0] + inputs[-1]),
    Concatenation: lambda *_: _Function(lambda *inputs: torch.cat(inputs, dim=1)),
    PadChannels: lambda layer, *_: _Function(
        lambda x: functional.pad(x, (0, 0, 0, 0, 0, layer.count))
    ),
    Scale: lambda *_: _Function(lambda x, by: x * by),
    LocalResponseNorm: _response_norm,
    Dropout: lambda layer, _, __, draws: _Dropout(layer.share, draws),
    DropPath: lambda layer, _, __, draws: _DropPath(layer.share, draws),
}  # fmt: skip
