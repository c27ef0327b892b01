"""`frugally fit group`: a network's dense convolutions exchanged, where accuracy and time allow it.

All exchanges that pay are tried at once, the network trained briefly to say what it said before
(distillation from itself), and scored. Where it lost too much, each half of the exchanges is tried
by itself, and so on down to single layers; what was kept before stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from frugally.errors import UsageError
from frugally.files.disk import make_folder, remove
from frugally.fit.vision.augmentation import Augmentation
from frugally.fit.vision.forms import optimised
from frugally.fit.vision.grouping import Kind, can_be_swapped, swapped
from frugally.fit.vision.network import GraphNetwork
from frugally.fit.vision.onnx_export import onnx_model
from frugally.fit.vision.pictures import Pictures, PictureSet, proposed_side, read_pictures
from frugally.fit.vision.saving import about_training, described, save_fitted, save_source
from frugally.fit.vision.sources import load_source
from frugally.fit.vision.timer import Timer
from frugally.fit.vision.training import Settings, Trainer
from frugally.fit.vision.weights import random_weights
from frugally.nets.card import Card
from frugally.nets.vision.graph import INPUT, Graph, Node
from frugally.nets.vision.image_classifier import Input
from frugally.nets.vision.images import as_input

Arrays = dict[str, NDArray[np.float32]]
GROUPS = (2, 4, 8)
_TOGETHER = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One convolution and its best other form: parameters, MACs and milliseconds of both.

    `outcome` is "kept", "slower here", "lost accuracy" or "no such form".
    """

    node: str
    kind: str
    groups: int
    parameters: tuple[int, int]
    macs: tuple[int, int]
    milliseconds: tuple[float, float]
    outcome: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """A converted network, what became of each layer, and its accuracy before and after."""

    graph: Graph
    weights: Arrays
    exchanges: tuple[Exchange, ...]
    before: float
    after: float


def convert(
    graph: Graph,
    weights: Mapping[str, NDArray[np.float32]],
    pictures: Pictures,
    given: Input,
    folder: Path,
    settings: Settings,
    *,
    tolerance: float,
    kinds: Sequence[Kind] = ("grouped", "separable"),
    slower: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> Conversion:
    """Exchange what can be exchanged at a loss of at most `tolerance`, a share of the pictures.

    Accuracy is that on the pictures held out for validation. `settings` are those of one brief
    training. Without `slower` an exchange that takes longer on this machine than what it replaces
    is not tried, however few its multiply-adds.

    Raises:
        UsageError: the network has other classes, or says no more than chance before anything.
        FitError: the loss was no number.
    """
    if graph.output != (len(pictures.classes),):
        raise UsageError(f"the network tells {graph.output[0]} classes of {len(pictures.classes)}")
    start = {name: np.asarray(array, np.float32) for name, array in weights.items()}
    before = accuracy(graph, start, pictures.validation, given)
    if before < 1.2 / len(pictures.classes):  # hardly more than chance
        raise UsageError(
            f"the network is right on {before:.1%} of the pictures before anything is exchanged",
            hint="train it first, and check the normalisation (--mean, --deviation)",
        )
    report(f"{graph.name}: {graph.macs / 1e6:.2f} MMACs, right on {before:.1%} before")
    found = [_best(graph, node, kinds) for node in graph.nodes if _is_dense(graph, node)]
    tried = [one for one in found if one.outcome == "" and (slower or _is_quicker(one))]
    refused = [
        replace(one, outcome=one.outcome or "slower here") for one in found if one not in tried
    ]
    for one in refused:
        report(f"{one.node}: {one.kind or 'none'}, {one.outcome}")
    teacher = _Same(graph, start)
    state = (graph, start, before)
    kept: list[Exchange] = []
    lost: list[Exchange] = []
    waiting = [sorted(tried, key=lambda one: one.macs[1] - one.macs[0])] if tried else []
    number = 0
    while waiting:
        chosen = waiting.pop()
        changed, arrays = state[0], dict(state[1])
        for one in chosen:
            changed, arrays = swapped(changed, arrays, one.node, _kind(one), one.groups)
        trainer = Trainer(
            changed, arrays, pictures.train,
            Augmentation.for_side(graph.input[1]), settings, folder / f"try-{number}", report,
            mean=given.mean, deviation=given.deviation, teacher=teacher,
        )  # fmt: skip
        trained = dict(trainer.run())
        now = accuracy(changed, trained, pictures.validation, given)
        number += 1
        said = f"{len(chosen)} exchanged, {changed.macs / 1e6:.2f} MMACs: right on {now:.1%}"
        if now >= before - tolerance:
            report(f"{said}; kept")
            state = (changed, trained, now)
            kept += chosen
        elif len(chosen) == 1:
            report(f"{said}; {chosen[0].node} stays dense")
            lost += chosen
        else:
            report(f"{said}; each half by itself")
            middle = len(chosen) // 2
            waiting += [chosen[middle:], chosen[:middle]]
    outcomes = [
        *refused,
        *(replace(one, outcome="kept") for one in kept),
        *(replace(one, outcome="lost accuracy") for one in lost),
    ]
    places = {node.name: place for place, node in enumerate(graph.nodes)}
    return Conversion(
        graph=state[0], weights=state[1], before=before, after=state[2],
        exchanges=tuple(sorted(outcomes, key=lambda one: places[one.node])),
    )  # fmt: skip


def accuracy(graph: Graph, weights: Arrays, pictures: PictureSet, given: Input) -> float:
    """The share of pictures that a network is right on."""
    network = _Same(graph, weights)
    right = 0
    for start in range(0, len(pictures), _TOGETHER):
        images = as_input(pictures.images[start : start + _TOGETHER], given.mean, given.deviation)
        said = network(images).argmax(axis=1)
        right += int((said == pictures.labels[start : start + _TOGETHER]).sum())
    return right / max(1, len(pictures))


class _Same:
    """A network as a teacher: its scores of images."""

    def __init__(self, graph: Graph, weights: Arrays) -> None:
        self._network = GraphNetwork(graph, weights).eval()

    def __call__(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.no_grad():
            scores: NDArray[np.float32] = self._network(torch.from_numpy(images)).numpy()
        return scores


def _is_dense(graph: Graph, node: Node) -> bool:
    return can_be_swapped(graph, node, "separable") or can_be_swapped(graph, node, "grouped", 2)


def _kind(one: Exchange) -> Kind:
    return "grouped" if one.kind == "grouped" else "separable"


def _is_quicker(one: Exchange) -> bool:
    return one.milliseconds[1] < one.milliseconds[0]


def _best(graph: Graph, node: Node, kinds: Sequence[Kind]) -> Exchange:
    """The quickest form of a convolution, each measured alone with images of its size."""
    alone = replace(graph, input=graph.given(node)[0], nodes=(replace(node, inputs=(INPUT,)),))
    forms: list[tuple[Kind, int, Graph]] = []
    for kind in kinds:
        for groups in GROUPS if kind == "grouped" else (1,):
            if can_be_swapped(graph, node, kind, groups):
                changed, _ = swapped(alone, random_weights(alone), node.name, kind, groups)
                forms.append((kind, groups, changed))
    if not forms:
        return Exchange(
            node=node.name, kind="", groups=1, parameters=(alone.parameters,) * 2,
            macs=(alone.macs,) * 2, milliseconds=(0.0, 0.0), outcome="no such form",
        )  # fmt: skip
    image = np.random.default_rng(0).standard_normal((1, *alone.input), np.float32)
    networks = [alone, *(changed for _, _, changed in forms)]
    models = [onnx_model(one, random_weights(one)) for one in networks]
    dense, *taken = Timer(image, 1).milliseconds(models)
    kind, groups, changed = forms[int(np.argmin(taken))]
    return Exchange(
        node=node.name, kind=kind, groups=groups,
        parameters=(alone.parameters, changed.parameters), macs=(alone.macs, changed.macs),
        milliseconds=(dense, min(taken)), outcome="",
    )  # fmt: skip


def fit_group(
    name: str,
    data: Path,
    out: Path,
    settings: Settings,
    *,
    tolerance: float,
    mean: tuple[float, ...] | None = None,
    deviation: tuple[float, ...] | None = None,
    slower: bool = False,
    report: Callable[[str], None] = lambda _: None,
) -> Card:
    """Convert a network (see `sources.load_source`) on pictures, save it and return its card.

    `mean` and `deviation` normalise the images where the network does not say how; by default as
    ImageNet's are.

    Raises:
        UsageError: there is no such network, or it does not fit the pictures.
        NetError: it cannot be imported.
    """
    make_folder(out)
    graph, weights, given = load_source(name, proposed_side(data))
    height, width = graph.input[1:]
    if height != width:
        raise UsageError(f"pictures are read as squares; {graph.name} takes {height} x {width}")
    defaults = Input(height=height, width=width)
    given = given or replace(
        defaults, mean=mean or defaults.mean, deviation=deviation or defaults.deviation
    )
    pictures = read_pictures(data, out / "pictures", side=height, seed=settings.seed, report=report)
    done = convert(
        graph, weights, pictures, given, out / "checkpoints", settings, tolerance=tolerance,
        slower=slower, report=report,
    )  # fmt: skip
    remove(out / "checkpoints")
    save_source(out, done.graph, done.weights)
    report("looking for the quickest forms, before and after")
    before, _ = optimised(graph, weights)
    model, choice = optimised(done.graph, done.weights)
    image = np.zeros((1, *graph.input), np.float32)
    was, now = Timer(image, 1).milliseconds([before, model])
    card: Card = {
        **described(done.graph, choice),
        **about_training(pictures, settings, Augmentation.for_side(height), 32, taught=True),
        "conversion": {
            "from": graph.name,
            "accuracy": [done.before, done.after],
            "macs": [graph.macs, done.graph.macs],
            "parameters": [graph.parameters, done.graph.parameters],
            "milliseconds": [was, now],
            "exchanges": [one.as_dict() for one in done.exchanges],
        },
    }
    card = save_fitted(out, model, done.graph, pictures, given, card, None, report)
    report(
        f"{graph.macs / done.graph.macs:.2f} times fewer multiply-adds, {was / now:.2f} times as "
        f"fast, {100 * (done.after - done.before):+.2f} points on the pictures held out"
    )
    return card
