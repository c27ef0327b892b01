"""A graph of layers as a torch module, to be trained."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from frugally.errors import NetError
from frugally.fit.vision.convolution import CONVOLUTIONS
from frugally.nets.vision.graph import INPUT, Graph
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
        self._layers: list[tuple[str, nn.Module, tuple[str, ...]]] = []
        last = {name: node.name for node in graph.nodes for name in node.inputs}
        self._done: dict[str, list[str]] = {}
        for name, user in last.items():
            self._done.setdefault(user, []).append(name)
        for node in graph.nodes:
            build = _MODULES.get(type(node.layer))
            if build is None:
                raise NetError(f"{node.name} is a {type(node.layer).__name__}: none for torch")
            form = (forms or {}).get(node.name, "torch")
            module = build(node.layer, graph.given(node), form, self.draws)
            self.add_module(node.name.replace(".", "/"), module)
            self._layers.append((node.name, module, node.inputs))
        self.load(weights)

    def forward(self, x: Tensor) -> Tensor:
        """The outputs of the last node."""
        values = {INPUT: x}
        for name, module, inputs in self._layers:
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
        return [module for _, module, _ in self._layers if isinstance(module, Norm)]

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
            for name, module, _ in self._layers
            for key, tensor in module.state_dict(keep_vars=True).items()
        }


class Norm(nn.Module):
    """Batch norm by the batch in training, by the estimated mean and variance otherwise."""

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int, epsilon: float) -> None:
        super().__init__()
        self.epsilon = epsilon
        self.scale = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))
        self._sums: list[Tensor] | None = None
        self._count = 0

    def begin(self) -> None:
        """From now on collect sums of what comes through."""
        self._sums = [torch.zeros_like(self.scale, dtype=torch.float64) for _ in range(2)]
        self._count = 0

    def end(self) -> None:
        """Set mean and variance to those of what came through."""
        assert self._sums is not None
        mean = self._sums[0] / self._count
        self.mean.copy_(mean)
        self.variance.copy_((self._sums[1] / self._count - mean**2).clamp_min(0))
        self._sums = None

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same."""
        if self._sums is not None:
            seen = x.detach().float()
            self._sums[0] += seen.sum(dim=(0, 2, 3), dtype=torch.float64)
            self._sums[1] += (seen**2).sum(dim=(0, 2, 3), dtype=torch.float64)
            self._count += x.shape[0] * x.shape[2] * x.shape[3]
        elif not self.training:
            return functional.batch_norm(
                x, self.mean, self.variance, self.scale, self.bias, False, 0.0, self.epsilon
            )
        return functional.batch_norm(x, None, None, self.scale, self.bias, True, 0.0, self.epsilon)


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

    def pooled(x: Tensor) -> Tensor:
        if layer.kind == "max":
            if any(layer.padding):
                x = functional.pad(x, (left, right, top, bottom), value=float("-inf"))
            return functional.max_pool2d(x, layer.kernel, layer.stride)
        if (top, left) == (bottom, right):
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
