"""ShuffleNet 0.5x in three groups against AlexNet in two, one thread, by resolution.

    python -m benchmarks.images.shufflenet [--again]

All networks of one resolution are timed in turns, in one run: as their graphs say, and in the
quickest equal form that was found on this machine (kept with the result; --again searches anew,
which takes minutes); AlexNet without its local response norms too, which later descriptions of it
leave out; and both in 8 bits. Weights are random: time does not hang on them. What each layer of
ShuffleNet took as written and in its quickest form is in benchmarks/results/image-shufflenet.json,
and how far the outputs of the two are apart.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks import machine
from frugally.fit.vision.forms import Choice, optimised, written
from frugally.fit.vision.onnx_export import onnx_model
from frugally.fit.vision.quantisation import quantised
from frugally.fit.vision.weights import random_weights
from frugally.nets.onnx_session import open_session
from frugally.nets.vision.graph import INPUT, Graph
from frugally.nets.vision.layers import LocalResponseNorm
from frugally.nets.vision.registry import make

NAME = "image-shufflenet"
OUR_NETWORK = "shufflenet-0.5x-g3"
SIZES = ((224, 224), (480, 640), (720, 1280))
SECONDS = 12.0  # of timing, for each resolution
OURS = ("ShuffleNet as written", "ShuffleNet, quickest form", "ShuffleNet, 8 bits")
THEIRS = (
    "AlexNet as written", "AlexNet, quickest form", "AlexNet without response norms",
    "AlexNet without them, quickest form", "AlexNet without them, 8 bits",
)  # fmt: skip
PAIRS = (
    ("as written", THEIRS[0], OURS[0]),
    ("as written by quickest", THEIRS[0], OURS[1]),
    ("quickest", THEIRS[1], OURS[1]),
    ("no norms, as written", THEIRS[2], OURS[0]),
    ("no norms as written by quickest", THEIRS[2], OURS[1]),
    ("no norms, quickest", THEIRS[3], OURS[1]),
    ("no norms, 8 bits", THEIRS[4], OURS[2]),
)


def unnormed(graph: Graph) -> Graph:
    """A graph without its local response norms."""
    gone = {n.name: n.inputs[0] for n in graph.nodes if isinstance(n.layer, LocalResponseNorm)}
    kept = [node for node in graph.nodes if node.name not in gone]
    nodes = [replace(n, inputs=tuple(gone.get(i, i) for i in n.inputs)) for n in kept]
    return replace(graph, name=f"{graph.name}-unnormed", nodes=tuple(nodes))


def quickest(graph: Graph, known: dict[str, Any]) -> bytes:
    """A graph in its quickest form, searched for if it is not known."""
    weights = random_weights(graph)
    key = f"{graph.name} {graph.input[1]}x{graph.input[2]}"
    if key not in known:
        model, choice = optimised(graph, weights, report=print)
        known[key] = choice.as_dict()
        return model
    return written(graph, weights, Choice.from_dict(known[key]))


def measured(size: tuple[int, int], known: dict[str, Any]) -> dict[str, Any]:
    """The median milliseconds of each network, and what they multiply."""
    ours, theirs = make(OUR_NETWORK, size), make("alexnet", size)
    bare = unnormed(theirs)
    image = np.random.default_rng(0).standard_normal((1, *ours.input), np.float32)
    models = {
        OURS[0]: onnx_model(ours, random_weights(ours)),
        OURS[1]: quickest(ours, known),
        THEIRS[0]: onnx_model(theirs, random_weights(theirs)),
        THEIRS[1]: quickest(theirs, known),
        THEIRS[2]: onnx_model(bare, random_weights(bare)),
        THEIRS[3]: quickest(bare, known),
    }
    models[OURS[2]] = quantised(models[OURS[1]], [image]).model
    models[THEIRS[4]] = quantised(models[THEIRS[3]], [image]).model
    sessions = {name: open_session(model, 1) for name, model in models.items()}
    taken: dict[str, list[float]] = {name: [] for name in sessions}
    began = time.perf_counter()
    names = list(sessions)
    turn = 0
    while turn < 5 or time.perf_counter() - began < SECONDS:
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            sessions[name].run(None, {INPUT: image})
            start = time.perf_counter()
            sessions[name].run(None, {INPUT: image})
            taken[name].append(1e3 * (time.perf_counter() - start))
        turn += 1
    plain, chosen = (sessions[name].run(None, {INPUT: image})[0] for name in OURS[:2])
    return {
        "milliseconds": {name: float(np.median(times)) for name, times in taken.items()},
        "difference": float(np.abs(chosen - plain).max() / np.abs(plain).max()),
        "macs": {"ShuffleNet": ours.macs, "AlexNet": theirs.macs},
        "bytes": {name: len(model) for name, model in models.items()},
    }


def render(result: dict[str, Any]) -> str:
    """The tables of docs/benchmarks.md."""
    sizes = list(result["sizes"])
    rows = [
        [name, *(f"{result['sizes'][size]['milliseconds'][name]:.2f}" for size in sizes)]
        for name in (*THEIRS, *OURS)
    ]
    first = machine.table(["ms for one image, one thread", *sizes], rows)
    rows = []
    for label, slow, quick in PAIRS:
        ratios = []
        for size in sizes:
            ms = result["sizes"][size]["milliseconds"]
            ratios.append(ms[slow] / ms[quick])
        rows.append([label, *(f"{r:.1f}" for r in ratios), f"**{np.mean(ratios):.1f}**"])
    macs = [result["sizes"][size]["macs"] for size in sizes]
    shares = [one["AlexNet"] / one["ShuffleNet"] for one in macs]
    rows.append(["multiply-adds", *(f"{s:.1f}" for s in shares), f"{np.mean(shares):.1f}"])
    second = machine.table(["AlexNet : ShuffleNet", *sizes, "mean"], rows)
    apart = max(one["difference"] for one in result["sizes"].values())
    return (
        f"{first}\n\n{second}\n\n{by_part(result)}\n\nThe outputs of ShuffleNet as written and in "
        f"its quickest form are apart by at most {apart:.0e} of the largest."
    )


def by_part(result: dict[str, Any]) -> str:
    """What the parts of ShuffleNet took as written and in its quickest form, by resolution."""
    sizes = list(result["sizes"])
    parts: dict[str, dict[str, list[float]]] = {}
    for size in sizes:
        choice = result["forms"][f"{OUR_NETWORK} {size}"]
        for place, key in enumerate(("nodes_before", "nodes_after")):
            for node, ms in choice[key].items():
                part = node.partition(".")[0] if "." in node else "head and changes of order"
                parts.setdefault(part, {}).setdefault(size, [0.0, 0.0])[place] += ms
    rows = []
    for part, took in parts.items():
        pairs = [took.get(size, [0.0, 0.0]) for size in sizes]
        rows.append([part, *(f"{before:.2f} → {after:.2f}" for before, after in pairs)])
    return machine.table(["ShuffleNet, ms as written → quickest form", *sizes], rows)


def main() -> None:
    """Measure, write and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--again", action="store_true", help="search for the quickest forms anew")
    options = parser.parse_args()
    before = machine.load(NAME) or {}
    forms = {} if options.again else before.get("forms", {})
    result: dict[str, Any] = {
        "machine": machine.describe("numpy", "onnxruntime"), "forms": forms, "sizes": {},
    }  # fmt: skip
    for size in SIZES:
        result["sizes"][f"{size[0]}x{size[1]}"] = measured(size, forms)
        machine.save(NAME, result)
    print(render(result))


if __name__ == "__main__":
    main()
