"""Dense convolutions swapped for group convolution and shuffle, or for depthwise and pointwise.

The essay's advice is to exchange regular convolutions for group convolutions by default. Here one
convolution of a graph is exchanged, its weights taken from those of the dense one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from frugally.errors import UsageError
from frugally.nets.vision.channel_shuffle import order
from frugally.nets.vision.graph import Graph, Node
from frugally.nets.vision.layers import ChannelShuffle, Convolution

Weights = Mapping[str, NDArray[np.float32]]
Kind = Literal["grouped", "separable"]


def can_be_swapped(graph: Graph, node: Node, kind: Kind, groups: int = 1) -> bool:
    """Whether a node is a dense convolution that has such a form."""
    layer = node.layer
    if not isinstance(layer, Convolution) or layer.groups != 1:
        return False
    channels = graph.given(node)[0][0]
    if kind == "grouped":
        return groups > 1 and channels % groups == 0 and layer.out % groups == 0
    return layer.kernel != (1, 1) and channels > 3


def swapped(
    graph: Graph, weights: Weights, name: str, kind: Kind, groups: int = 1
) -> tuple[Graph, dict[str, NDArray[np.float32]]]:
    """The graph with the convolution of that name exchanged, and weights to start from.

    "grouped": a convolution in `groups` and a channel shuffle. Of the dense weight it keeps what
    lies within the groups, each output channel's scaled so that its length stays; outputs are put
    in the order that the shuffle undoes, so that each means what it meant.

    "separable": a depthwise convolution and a pointwise one. For each input channel i the weights
    W[:, i], (out, kernel), are the closest product u vᵀ to them, the first of a singular value
    decomposition: v is the depthwise kernel, u the pointwise column.

    Raises:
        UsageError: the node is no such convolution.
    """
    place = next((i for i, node in enumerate(graph.nodes) if node.name == name), None)
    if place is None or not can_be_swapped(graph, graph.nodes[place], kind, groups):
        raise UsageError(f"{name} of {graph.name} has no {kind} form")
    node = graph.nodes[place]
    layer = node.layer
    assert isinstance(layer, Convolution)
    arrays = {key: value for key, value in weights.items() if not key.startswith(f"{name}.")}
    dense = weights[f"{name}.weight"]
    bias = weights.get(f"{name}.bias")
    if kind == "grouped":
        first, second = _grouped(name, layer, node.inputs, dense, bias, groups, arrays)
    else:
        first, second = _separable(name, layer, node.inputs, dense, bias, arrays)
    after = [
        replace(one, inputs=tuple(second.name if i == name else i for i in one.inputs))
        for one in graph.nodes[place + 1 :]
    ]
    changed = replace(graph, nodes=(*graph.nodes[:place], first, second, *after))
    return changed, arrays


def _grouped(
    name: str, layer: Convolution, inputs: tuple[str, ...], dense: NDArray[np.float32],
    bias: NDArray[np.float32] | None, groups: int, arrays: dict[str, NDArray[np.float32]],
) -> tuple[Node, Node]:  # fmt: skip
    # Shuffled output i is grouped output source[i]: so grouped output source[i] is dense output i.
    source = order(layer.out, groups)
    meant = np.argsort(source)
    width = dense.shape[1] // groups
    group = np.arange(layer.out) // (layer.out // groups)
    inside = group[:, None] * width + np.arange(width)
    kept = np.take_along_axis(dense[meant], inside[:, :, None, None], axis=1)
    lengths = [np.sqrt((one**2).sum(axis=(1, 2, 3), keepdims=True)) for one in (dense[meant], kept)]
    arrays[f"{name}.weight"] = kept * (lengths[0] / np.maximum(lengths[1], 1e-12))
    if bias is not None:
        arrays[f"{name}.bias"] = bias[meant]
    conv = Node(name=name, layer=replace(layer, groups=groups), inputs=inputs)
    shuffle = Node(name=f"{name}.shuffle", layer=ChannelShuffle(groups=groups), inputs=(name,))
    return conv, shuffle


def _separable(
    name: str, layer: Convolution, inputs: tuple[str, ...], dense: NDArray[np.float32],
    bias: NDArray[np.float32] | None, arrays: dict[str, NDArray[np.float32]],
) -> tuple[Node, Node]:  # fmt: skip
    out, channels, *kernel = dense.shape
    u, s, v = np.linalg.svd(
        dense.transpose(1, 0, 2, 3).reshape(channels, out, -1), full_matrices=False
    )
    # Each factor has the root of the product's length, so that both learn as fast.
    root = np.sqrt(s[:, 0])
    arrays[f"{name}.depthwise.weight"] = np.ascontiguousarray(
        (v[:, 0] * root[:, None]).reshape(channels, 1, *kernel), np.float32
    )
    arrays[f"{name}.weight"] = np.ascontiguousarray(
        (u[:, :, 0] * root[:, None]).T.reshape(out, channels, 1, 1), np.float32
    )
    if bias is not None:
        arrays[f"{name}.bias"] = bias
    depthwise = Convolution(
        out=channels, kernel=layer.kernel, stride=layer.stride, padding=layer.padding,
        dilation=layer.dilation, groups=channels,
    )  # fmt: skip
    pointwise = Convolution(out=out, kernel=(1, 1), bias=layer.bias)
    below = f"{name}.depthwise"
    return (
        Node(name=below, layer=depthwise, inputs=inputs),
        Node(name=name, layer=pointwise, inputs=(below,)),
    )
