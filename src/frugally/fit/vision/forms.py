"""The fastest of several equal ways to write a network, found by measuring on this machine.

What a layer costs hangs on its neighbours: the runtime keeps channels in blocks where it can, and
pays for each change to and from them. So candidates are timed within the whole network, beside the
best so far, in turns. First all layers are written one way, then those of each image size another,
then those of each part of the network, then each kind of layer by itself; what is not clearly
quicker is not taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from hashlib import sha256
from typing import Any

import numpy as np

from frugally.errors import NetError
from frugally.fit.vision.channel_layout import Relayout, relaid
from frugally.fit.vision.folding import folded, is_depthwise
from frugally.fit.vision.onnx_export import is_pointwise, onnx_model
from frugally.fit.vision.timer import Timer
from frugally.fit.vision.weights import Weights
from frugally.nets.vision.ceilings import Ceilings
from frugally.nets.vision.graph import Graph, Node
from frugally.nets.vision.layers import (
    ChannelShuffle,
    Concatenation,
    Convolution,
    LocalResponseNorm,
)
from frugally.nets.vision.profiling import profile

# Layouts, what becomes of shuffles, and whether concatenations are ordered.
_PLANS = (
    ("plain", "transposition", True),
    ("plain", "gather", True),
    ("plain", "folded", True),
    ("padded", "folded", False),
    ("made", "folded", False),
    ("taken", "folded", False),
    ("made", "regrouped", False),
    ("made", "regrouped", True),
)

# Forms that are layouts' matter, and no way to write a node.
_LAID = ("dense", "folded", "gather", "regrouped", "ordered")

# Nobody asks here what the machine could do.
_UNKNOWN = Ceilings(gflops=1.0, gigabytes=1.0)

Report = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Choice:
    """How to write a network, and what it took on the machine that found this.

    `layouts` and `forms` are by node: layouts as in `channel_layout`; a convolution's form as in
    `onnx_export`, or "dense" for one group; a shuffle's "transposition", "gather", "regrouped" or
    "folded"; "ordered" for concatenations (see `Relayout`). `before` and `after` are milliseconds
    for one run of `batch` images in `threads` threads, as the graph says and as chosen, and
    `nodes_before` and `nodes_after` those of each node by the runtime's name, changes of order it
    puts in among them. If `as_written` nothing is changed, not even batch norms folded.
    """

    network: str
    image: tuple[int, ...]
    batch: int = 1
    threads: int = 1
    as_written: bool = False
    layouts: Mapping[str, str] = field(default_factory=dict)
    forms: Mapping[str, str] = field(default_factory=dict)
    before: float = 0.0
    after: float = 0.0
    nodes_before: Mapping[str, float] = field(default_factory=dict)
    nodes_after: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "image": list(self.image)}

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> Choice:
        """What `as_dict` gave.

        Raises:
            NetError: it is no choice.
        """
        try:
            choice = cls(**{**entry, "image": tuple(entry["image"])})
        except (KeyError, TypeError) as error:
            raise NetError(f"this is no choice of forms: {error!r}") from error
        for named in (choice.layouts, choice.forms):
            if not isinstance(named, dict) or not all(isinstance(v, str) for v in named.values()):
                raise NetError("this is no choice of forms: they are not given by node")
        return choice


def written(graph: Graph, weights: Weights, choice: Choice) -> bytes:
    """The network as ONNX in chosen forms, without measuring; the same bytes each time.

    Raises:
        NetError: the choice is for another network, or does not fit it.
    """
    if (choice.network, choice.image) != (graph.name, graph.input):
        raise NetError(f"these forms were chosen for {choice.network}, not for {graph.name}")
    if choice.as_written:
        return onnx_model(graph, weights)
    graph, arrays = folded(graph, weights)
    named = {form: frozenset(n for n, f in choice.forms.items() if f == form) for form in _LAID}
    change = Relayout(
        choice.layouts,
        dense=named["dense"], folded=named["folded"], gathered=named["gather"],
        regrouped=named["regrouped"], ordered=named["ordered"],
    )  # fmt: skip
    graph, arrays = relaid(graph, arrays, change)
    there = {node.name for node in graph.nodes}
    forms = {n: f for n, f in choice.forms.items() if n in there and f not in _LAID}
    return onnx_model(graph, arrays, forms)


def optimised(
    graph: Graph,
    weights: Weights,
    *,
    threads: int = 1,
    batch: int = 1,
    report: Report = lambda line: None,
) -> tuple[bytes, Choice]:
    """The network as ONNX in the quickest forms found on this machine, and which these are.

    It is never slower than as the graph says: if nothing was found, it is written like that.
    `report` is given a line for each step forward.

    Raises:
        NetError: a weight is missing or has another shape.
    """
    plain = Choice(network=graph.name, image=graph.input, batch=batch, threads=threads)
    original = written(graph, weights, replace(plain, as_written=True))
    images = np.random.default_rng(0).standard_normal((batch, *graph.input), np.float32)
    timer = Timer(images, threads)
    best, model = plain, written(graph, weights, plain)
    # Of equal files one is timed, of equal choices one is written.
    timed, considered = {sha256(model).digest()}, [best]
    for change in _changes(graph):
        candidate = change(best)
        if candidate in considered:
            continue
        considered.append(candidate)
        try:
            other = written(graph, weights, candidate)
        except NetError:  # a form that does not fit the node in its present layout
            continue
        digest = sha256(other).digest()
        if digest not in timed and timer.is_quicker(other, model):
            best, model = candidate, other
            report(f"{graph.name}: {timer.last:.2f} ms")
        timed.add(digest)
    before, after = timer.milliseconds([original, model])
    if after > before:
        model, best, after = original, replace(plain, as_written=True), before
    best = replace(
        best,
        before=before,
        after=after,
        nodes_before=_by_node(original, threads, batch),
        nodes_after=_by_node(model, threads, batch),
    )
    return model, best


def _by_node(model: bytes, threads: int, batch: int) -> dict[str, float]:
    found = profile(model, threads=threads, dimensions={"N": batch}, measured=_UNKNOWN)
    return {node.name: round(node.milliseconds, 4) for node in found.nodes}


def _changes(graph: Graph) -> Iterator[Callable[[Choice], Choice]]:
    """What to try: other layouts of all nodes, of those of a size or part, forms of alike nodes."""
    sizes: dict[tuple[int, ...], list[Node]] = {}
    parts: dict[str, list[Node]] = {}
    kinds: dict[object, list[Node]] = {}
    for node in graph.nodes:
        sizes.setdefault(graph.shapes[node.name][1:], []).append(node)
        parts.setdefault(node.name.partition(".")[0], []).append(node)
        kinds.setdefault((node.layer, graph.given(node)), []).append(node)
    for some in (list(graph.nodes), *sizes.values(), *parts.values()):
        for plan in _PLANS:
            yield partial(_laid, graph, some, plan)
    for some in kinds.values():
        for form in _forms(graph, some[0]):
            yield partial(_formed, some, form)


def _formed(nodes: list[Node], form: str, choice: Choice) -> Choice:
    return replace(choice, forms={**choice.forms, **{node.name: form for node in nodes}})


def _laid(graph: Graph, nodes: list[Node], plan: tuple[str, str, bool], choice: Choice) -> Choice:
    layout, shuffle, ordered = plan
    layouts, forms = dict(choice.layouts), dict(choice.forms)
    for node in nodes:
        if isinstance(node.layer, Convolution):
            if not is_depthwise(node.layer, graph.given(node)[0][0]):
                layouts[node.name] = layout
        elif isinstance(node.layer, ChannelShuffle):
            forms[node.name] = shuffle
        elif isinstance(node.layer, Concatenation):
            forms.pop(node.name, None)
            if ordered:
                forms[node.name] = "ordered"
    return replace(choice, layouts=layouts, forms=forms)


def _forms(graph: Graph, node: Node) -> tuple[str, ...]:
    """The forms of a node besides the one it has at first."""
    layer = node.layer
    match layer:
        case Convolution() if is_depthwise(layer, graph.given(node)[0][0]):
            return ()
        case Convolution():
            product = ("product",) if is_pointwise(layer) else ()
            return (*product, *(("split", "dense") if layer.groups > 1 else ()))
        case ChannelShuffle():
            return ("folded", "gather", "regrouped", "transposition")
        case LocalResponseNorm():
            return ("convolution",)
    return ()
