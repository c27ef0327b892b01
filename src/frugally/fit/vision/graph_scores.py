"""What a graph with its weights says of images, computed by torch: no file is written for it."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from frugally.fit.scoring import temperature
from frugally.fit.vision.folding import folded
from frugally.fit.vision.network import Arrays, GraphNetwork
from frugally.fit.vision.pictures import PictureSet
from frugally.nets.vision.graph import Graph
from frugally.nets.vision.image_classifier import Input
from frugally.nets.vision.images import as_input
from frugally.nets.vision.layers import Linear

_TOGETHER = 256
_ENOUGH = 100  # pictures that a temperature can be told by


class GraphScores:
    """Images as the network takes them, (N, 3, H, W), to its scores, (N, classes).

    Computed as what is written would be, with batch norms folded into their convolutions.
    """

    def __init__(self, graph: Graph, weights: Arrays, *, bfloat16: bool = False) -> None:
        self._network = GraphNetwork(*folded(graph, weights)).eval()
        self._bfloat16 = bfloat16

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """From several threads at once, if need be."""
        x = torch.from_numpy(images).contiguous(memory_format=torch.channels_last)
        with (
            torch.no_grad(),
            torch.autocast("cpu", torch.bfloat16, enabled=self._bfloat16, cache_enabled=False),
        ):
            scores: NDArray[np.float32] = self._network(x).float().numpy()
        return scores


def scores_of_pictures(
    graph: Graph, weights: Arrays, pictures: PictureSet, given: Input
) -> NDArray[np.float32]:
    """What a network says of each picture, (N, classes)."""
    network = GraphScores(graph, weights)
    found = [np.empty((0, *graph.output), np.float32)]
    for start in range(0, len(pictures), _TOGETHER):
        images = pictures.images[start : start + _TOGETHER]
        found.append(network(as_input(images, given.mean, given.deviation)))
    return np.concatenate(found)


def accuracy(graph: Graph, weights: Arrays, pictures: PictureSet, given: Input) -> float:
    """The share of pictures that a network is right on."""
    said = scores_of_pictures(graph, weights, pictures, given).argmax(axis=1)
    return int((said == pictures.labels).sum()) / max(1, len(pictures))


def calibrated(
    graph: Graph, weights: Arrays, pictures: PictureSet, given: Input
) -> tuple[dict[str, NDArray[np.float32]], float]:
    """Weights whose probabilities fit how often they are right, and the temperature that does it.

    The last product is divided by it (Guo et al. 2017, arXiv:1706.04599, section 4.2): the order of
    classes stays, and nothing is computed that was not before. A network that learnt from smoothed
    labels and changed pictures is less sure of plain ones than it should be. `pictures` are some
    that it did not learn from; of fewer than 100, and for a network that does not end in a product,
    the temperature is 1.
    """
    last, arrays = graph.nodes[-1], dict(weights)
    if not isinstance(last.layer, Linear) or len(pictures) < _ENOUGH:
        return arrays, 1.0
    said = scores_of_pictures(graph, weights, pictures, given)
    heat = temperature([said], pictures.labels.astype(np.int32), np.ones(said.shape[1]))
    for name in last.layer.weights(*graph.given(last)):
        key = f"{last.name}.{name}"
        arrays[key] = arrays[key] / np.float32(heat)
    return arrays, heat
