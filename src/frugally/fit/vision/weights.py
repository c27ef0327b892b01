"""The weights of a graph: random ones to begin with, and files of them."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod, sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from frugally.errors import CorruptionError, NetError
from frugally.files.disk import NewFile
from frugally.files.tensors import map_tensors, save_tensors
from frugally.nets.vision.graph import Graph
from frugally.nets.vision.layers import Add, BatchNorm, Convolution, Linear

Weights = Mapping[str, NDArray[np.float32]]
"""Arrays by the names of `Graph.weights`."""


def random_weights(graph: Graph, seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Weights to start training from; the same for the same seed.

    Convolutions are normal with variance 2 / fan out, kernel · out / groups (He et al. 2015,
    https://arxiv.org/abs/1502.01852, section 2.2), linear layers uniform within 1 / √inputs;
    biases are 0 and norms change nothing.
    """
    random = np.random.default_rng(seed)
    arrays: dict[str, NDArray[np.float32]] = {}
    for node in graph.nodes:
        layer = node.layer
        for key, shape in layer.weights(*graph.given(node)).items():
            if key == "weight" and isinstance(layer, Convolution):
                deviation = sqrt(2 * layer.groups / (layer.out * prod(layer.kernel)))
                array = random.standard_normal(shape, np.float32) * np.float32(deviation)
            elif key == "weight" and isinstance(layer, Linear):
                bound = 1 / sqrt(shape[1])
                array = random.uniform(-bound, bound, shape).astype(np.float32)
            else:
                ones = isinstance(layer, BatchNorm) and key in ("scale", "variance")
                array = np.full(shape, float(ones), np.float32)
            arrays[f"{node.name}.{key}"] = array
    return arrays


def starting_weights(graph: Graph, seed: int = 0) -> dict[str, NDArray[np.float32]]:
    """Random weights of which each sum begins as one of its inputs: a norm before it is 0.

    Residual units begin as nothing but their shortcut (Goyal et al. 2017,
    https://arxiv.org/abs/1706.02677, section 5.1), so that a deep network takes large steps.
    """
    arrays = random_weights(graph, seed)
    norms = {node.name for node in graph.nodes if isinstance(node.layer, BatchNorm)}
    for node in graph.nodes:
        if isinstance(node.layer, Add):
            # Where all inputs are norms, a projection among them, the last but one stays.
            for name in [one for one in node.inputs if one in norms][: len(node.inputs) - 1]:
                arrays[f"{name}.scale"][:] = 0
    return arrays


def save_weights(path: Path, weights: Weights) -> None:
    """Write them as safetensors, in one step."""
    with NewFile(path.with_name(path.name + ".partial")) as file:
        save_tensors(file, weights)
    file.path.replace(path)


def load_weights(path: Path, graph: Graph) -> dict[str, NDArray[np.float32]]:
    """Read the weights of a graph.

    Raises:
        NetError: the file holds no tensors, or not those of this graph.
    """
    try:
        arrays = map_tensors(path)
    except CorruptionError as error:
        raise NetError(error.message) from error
    found = {name: (array.shape, array.dtype) for name, array in arrays.items()}
    wanted = {name: (shape, np.dtype(np.float32)) for name, shape in graph.weights.items()}
    if found != wanted:
        differs = min(name for name in {*found, *wanted} if found.get(name) != wanted.get(name))
        raise NetError(
            f"{path} does not hold the weights of {graph.name}: {differs} is "
            f"{found.get(differs, ('missing',))[0]}, not {wanted.get(differs, ('expected',))[0]}"
        )
    return arrays
