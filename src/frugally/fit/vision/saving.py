"""The folder of a fitted image classifier: what runs, its card, and what one goes on from."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frugally.budget import Budget
from frugally.errors import UsageError
from frugally.files.disk import write_whole
from frugally.fit.timing import median_seconds
from frugally.fit.vision.augmentation import Augmentation
from frugally.fit.vision.forms import Choice
from frugally.fit.vision.pictures import Pictures
from frugally.fit.vision.scores import scores_of
from frugally.fit.vision.training import Settings
from frugally.fit.vision.weights import save_weights
from frugally.nets.card import Card, load_card
from frugally.nets.onnx_session import open_session
from frugally.nets.vision.graph import INPUT, Graph
from frugally.nets.vision.image_classifier import (
    NETWORK,
    TASK,
    ImageClassifier,
    Input,
    card_bytes,
    save_image_classifier,
)
from frugally.nets.vision.layers import Shape

GRAPH, WEIGHTS = "graph.json", "weights.safetensors"
CHECKPOINTS, PICTURES = "checkpoints", "pictures"
"""What lies beside them while a network is fitted."""
MEASURED = ("scores", "milliseconds", "budget", "files")
"""What a card says of what was written, once that is written."""
_SPARE = 600  # bytes: the network's digest and size, and numbers that turn out longer


def save_source(out: Path, graph: Graph, weights: Mapping[str, NDArray[np.float32]]) -> None:
    """Write the graph and its weights in floats, for those who go on from them."""
    save_weights(out / WEIGHTS, weights)
    write_whole(out / GRAPH, json.dumps(graph.as_dict()).encode())


def apart(out: Path, *sources: Path) -> None:
    """Refuse to write a network over one of the files that it is made from.

    Raises:
        UsageError: a source is one of those that are written.
    """
    for source in sources:
        if source.resolve() in [out.resolve() / name for name in (NETWORK, GRAPH, WEIGHTS)]:
            raise UsageError(
                f"{out} holds {source}, which is needed", hint="write to another folder"
            )


def about_training(
    pictures: Pictures, settings: Settings, how: Augmentation, bits: int, *, taught: bool
) -> dict[str, Any]:
    """What a card says of how a network was trained, and on what."""
    return {
        "bits": bits,
        "data": {
            "seed": pictures.seed,
            "train": len(pictures.train),
            "validation": len(pictures.validation),
            "test": len(pictures.test) if pictures.test else 0,
            "skipped": [str(one) for one in pictures.skipped],
        },
        "training": {
            **settings.as_dict(),
            "steps": 0,
            "seconds": 0.0,
            "augmentation": how.as_dict(),
            "taught": taught,
            "machine": f"{platform.machine()} {platform.system()}, CPU only",
            "versions": {name: version(name) for name in ("torch", "onnxruntime")},
        },
    }


def seed_of(card: Card, otherwise: int) -> int:
    """The seed by which pictures were held out when a network was fitted, if its card says it.

    Whoever scores the network has to hold out the same ones: the others it has learnt from.
    """
    return int(card.get("data", {}).get("seed", otherwise))


def described(graph: Graph, choice: Choice) -> dict[str, Any]:
    """What a card says of the network itself."""
    return {"network": graph.name, "parameters": graph.parameters, "forms": choice.as_dict()}


def longest_card(card: Card, given: Input, graph: Graph, pictures: Pictures) -> int:
    """The bytes that the card of a network can take once there are scores on it."""
    held = len(pictures.test or pictures.validation)
    classes = len(pictures.classes)
    number = 0.12345678901234567
    bins = [{"count": held, "confidence": number, "accuracy": number}] * 15
    full: Card = {
        **card,
        "scores": {
            "pictures": held,
            **dict.fromkeys(("accuracy", "top_5", "expected_calibration_error"), number),
            "reliability": bins,
            "confusion": [[held] * classes] * classes,
        },
        "milliseconds": number,
        "budget": {"asked": "x" * 60, "met": 10**9},
    }
    return len(card_bytes(full, pictures.classes, given, graph.macs, {})) + _SPARE


def timed(model: bytes, image: Shape) -> float:
    """The median seconds of a network for one image of a shape, in one thread."""
    session = open_session(model, 1)
    zeros = np.zeros((1, *image), np.float32)
    return median_seconds(lambda: session.run(None, {INPUT: zeros}), times=50)


def save_fitted(
    out: Path, model: bytes, macs: int, pictures: Pictures, given: Input, card: Card,
    budget: Budget | None, report: Callable[[str], None],
) -> Card:  # fmt: skip
    """Write a network, score what was written, and write its card; returns it as it is read."""
    save_image_classifier(out, model, pictures.classes, given, macs, card)
    held = pictures.test or pictures.validation
    card["scores"] = scores_of(ImageClassifier.load(out, threads=1), held, out)
    card["milliseconds"] = 1e3 * timed(model, (3, given.height, given.width))
    size, met = 0, -1
    while size != met:  # the card states its own size, too
        met = size
        card["budget"] = {"asked": str(budget) if budget else "", "met": met}
        size = save_image_classifier(out, model, pictures.classes, given, macs, card)
    report(
        f"{size:,} bytes, {macs / 1e6:.1f} MMACs, {card['milliseconds']:.2f} ms, accuracy "
        f"{card['scores']['accuracy']:.3f} on {len(held):,} pictures"
    )
    for what, taken, limit in (
        ("bytes", size, budget and budget.size),
        ("ms", card["milliseconds"], budget and budget.seconds and 1e3 * budget.seconds),
    ):
        if limit and taken > limit:  # other work on the machine, or a form that came out otherwise
            more = f"more than the {limit:,.8g} asked for"
            report(f"measured again, it takes {taken:,.8g} {what}, {more}")
    return load_card(out, TASK)
