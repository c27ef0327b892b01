"""What each dense convolution of a network could be exchanged for, and in which order to do it.

A form has two numbers: what it saves, measured alone on this machine, and how far it takes what the
network says from what it said, before anything is learnt anew. Both are nearly additive over
layers, so that the best exchanges for any total saved are those of one price, damage for saving, in
all layers at once: the lower convex hull of each layer's forms, and the steps of all hulls in the
order of their slopes (Lagrange; Shoham and Gersho 1988, https://doi.org/10.1109/29.90373).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from frugally.fit.vision.grouping import Kind, can_be_swapped, swapped
from frugally.fit.vision.network import Arrays, GraphNetwork
from frugally.fit.vision.onnx_export import onnx_model
from frugally.fit.vision.pictures import PictureSet
from frugally.fit.vision.timer import Timer
from frugally.fit.vision.weights import random_weights
from frugally.nets.vision.graph import INPUT, Graph, Node
from frugally.nets.vision.image_classifier import Input
from frugally.nets.vision.images import as_input

GROUPS = (2, 4, 8)
_MACS = 7e10  # of the pictures that tell the damage of one form: about a second
_PICTURES = (32, 512)  # the fewest and the most of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One convolution and another form of it: parameters, MACs and milliseconds of both, alone.

    `damage` is the mean KL divergence of what the network says with only this exchanged, norms
    estimated anew, from what it said, in nats. `outcome` is "kept", "slower here" or
    "lost accuracy"; "" while that is open.
    """

    node: str
    kind: Kind
    groups: int
    parameters: tuple[int, int]
    macs: tuple[int, int]
    milliseconds: tuple[float, float]
    damage: float
    outcome: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> Exchange:
        """What `as_dict` gave, read from JSON."""
        pairs = {name: tuple(entry[name]) for name in ("parameters", "macs", "milliseconds")}
        return cls(**{**entry, **pairs})

    def saved(self, *, slower: bool) -> float:
        """Milliseconds; with `slower`, multiply-adds."""
        was, now = self.macs if slower else self.milliseconds
        return was - now


def exchanges_of(
    graph: Graph, weights: Arrays, pictures: PictureSet, given: Input
) -> list[Exchange]:
    """Every other form of every dense convolution, in the order of the graph."""
    low, high = _PICTURES
    count = min(len(pictures), int(np.clip(_MACS / graph.macs, low, high)))
    chosen = np.linspace(0, len(pictures) - 1, count).astype(np.int64)
    images = torch.from_numpy(as_input(pictures.images[chosen], given.mean, given.deviation))
    said = _said(graph, weights, images)
    found = []
    for node in graph.nodes:
        forms = _forms(graph, node)
        taken = _alone(graph, node, forms) if forms else []
        for (kind, groups), (alone, form, milliseconds) in zip(forms, taken, strict=True):
            changed, arrays = swapped(graph, weights, node.name, kind, groups)
            now = _said(changed, arrays, images)
            damage = float((np.exp(said) * (said - now)).sum(axis=1).mean())
            found.append(Exchange(
                node=node.name, kind=kind, groups=groups, damage=max(0.0, damage),
                parameters=(alone.parameters, form.parameters), macs=(alone.macs, form.macs),
                milliseconds=milliseconds,
            ))  # fmt: skip
    return found


def _forms(graph: Graph, node: Node) -> list[tuple[Kind, int]]:
    forms: list[tuple[Kind, int]] = [("grouped", groups) for groups in GROUPS]
    forms.append(("separable", 1))
    return [one for one in forms if can_be_swapped(graph, node, *one)]


def _alone(
    graph: Graph, node: Node, forms: Sequence[tuple[Kind, int]]
) -> list[tuple[Graph, Graph, tuple[float, float]]]:
    """The convolution alone, each form of it, and the milliseconds of both, timed in turns."""
    alone = replace(graph, input=graph.given(node)[0], nodes=(replace(node, inputs=(INPUT,)),))
    weights = random_weights(alone)
    made = [swapped(alone, weights, node.name, *form)[0] for form in forms]
    models = [onnx_model(one, random_weights(one)) for one in (alone, *made)]
    image = np.random.default_rng(0).standard_normal((1, *alone.input), np.float32)
    dense, *taken = Timer(image, 1).milliseconds(models)
    return [(alone, one, (dense, ms)) for one, ms in zip(made, taken, strict=True)]


def _said(graph: Graph, weights: Arrays, images: torch.Tensor) -> NDArray[np.float64]:
    """Logarithms of probabilities, (N, classes), with norms estimated for these images."""
    network = GraphNetwork(graph, weights)
    batches = torch.split(images.contiguous(memory_format=torch.channels_last), 64)
    network.estimate(batches)
    network.eval()
    with torch.no_grad():
        scores = torch.cat([network(batch) for batch in batches])
        return scores.double().log_softmax(dim=1).numpy()


def ordered(found: Iterable[Exchange], *, slower: bool) -> list[Exchange]:
    """The exchanges to make one after another, least damage for what is saved first.

    A later one may be of the same convolution: then it stands in place of the earlier. What saves
    nothing is left out.
    """
    layers: dict[str, list[Exchange]] = {}
    for one in found:
        layers.setdefault(one.node, []).append(one)
    steps: list[tuple[float, Exchange]] = []
    for forms in layers.values():
        saved, damage = 0.0, 0.0
        while left := [one for one in forms if one.saved(slower=slower) > saved]:
            slope, best = min(
                (((one.damage - damage) / (one.saved(slower=slower) - saved), one) for one in left),
                key=lambda pair: (pair[0], -pair[1].saved(slower=slower)),
            )
            steps.append((slope, best))
            saved, damage = best.saved(slower=slower), best.damage
    return [one for _, one in sorted(steps, key=lambda step: step[0])]
