"""Layers that need not be computed: the same function as a shorter graph with other weights."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from frugally.fit.vision.weights import Weights
from frugally.nets.vision.graph import Graph, Node
from frugally.nets.vision.layers import BatchNorm, Convolution, Dropout, Layer

Folded = tuple[Graph, dict[str, NDArray[np.float32]]]


def folded(graph: Graph, weights: Weights) -> Folded:
    """The graph without dropout and without the batch norms that follow a convolution.

    With s = scale / √(variance + epsilon), norm(W x + b) = (s W) x + (bias + s (b - mean)): a
    convolution with a bias, whose output nothing but the norm takes. It keeps its name, and other
    layers keep their weights.
    """
    takers = Counter(name for node in graph.nodes for name in node.inputs)
    nodes: dict[str, Node] = {}
    known = dict(weights)
    instead: dict[str, str] = {}
    for node in graph.nodes:
        inputs = tuple(instead.get(name, name) for name in node.inputs)
        before = nodes.get(inputs[0])
        if isinstance(node.layer, Dropout):
            instead[node.name] = inputs[0]
        elif (
            isinstance(node.layer, BatchNorm)
            and before is not None
            and isinstance(before.layer, Convolution)
            and takers[node.inputs[0]] == 1
        ):
            _fold(known, before.name, node.name, node.layer)
            nodes[before.name] = replace(before, layer=replace(before.layer, bias=True))
            instead[node.name] = before.name
        else:
            nodes[node.name] = replace(node, inputs=inputs)
    short = replace(graph, nodes=tuple(nodes.values()))
    return short, {name: known[name] for name in short.weights}


def _fold(
    weights: dict[str, NDArray[np.float32]], convolution: str, norm: str, layer: BatchNorm
) -> None:
    """Put the norm's numbers into the convolution's; in double precision, rounded once."""
    scale, bias, mean, variance = (
        weights[f"{norm}.{key}"].astype(np.float64) for key in ("scale", "bias", "mean", "variance")
    )
    scale /= np.sqrt(variance + layer.epsilon)
    weight = weights[f"{convolution}.weight"] * scale[:, None, None, None]
    shift = weights.get(f"{convolution}.bias", np.float64(0)) - mean
    weights[f"{convolution}.weight"] = weight.astype(np.float32)
    weights[f"{convolution}.bias"] = (bias + scale * shift).astype(np.float32)


def is_depthwise(layer: Layer, channels: int) -> bool:
    """Whether it is a convolution of each of so many channels by itself."""
    return isinstance(layer, Convolution) and layer.groups == layer.out == channels > 1
