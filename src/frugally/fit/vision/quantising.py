"""`frugally fit quantise`: an image classifier that was fitted in floats, in 8 bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from frugally.errors import UsageError
from frugally.files.disk import make_folder
from frugally.fit.vision.pictures import PictureSet, read_pictures
from frugally.fit.vision.quantisation import Quantised, quantised
from frugally.fit.vision.scores import probabilities, scores_of
from frugally.nets.card import Card
from frugally.nets.vision.image_classifier import NETWORK, ImageClassifier, save_image_classifier
from frugally.nets.vision.images import as_input

CALIBRATED = 256
"""Pictures by which the ranges of activations are set."""

_TOGETHER = 32


def in_eight_bits(model: bytes, train: PictureSet, mean: Any, deviation: Any) -> Quantised:
    """The network with 8-bit weights and activations, calibrated on some pictures learnt from."""
    step = max(1, len(train) // CALIBRATED)
    some = as_input(train.images[np.arange(0, len(train), step)], mean, deviation)
    return quantised(model, np.array_split(some, max(1, len(some) // _TOGETHER)))


def quantise_classifier(
    folder: Path, data: Path, out: Path, *, report: Callable[[str], None] = lambda _: None
) -> Card:
    """Write the classifier of a folder to `out` in 8 bits; returns its card.

    `data` are pictures as `fit_vision` takes them: some set the ranges of activations, those held
    out are scored in floats and in 8 bits.

    Raises:
        UsageError: it has 8 bits already, or the pictures are of other classes.
        NetError: there is no such classifier, or it is damaged.
    """
    before = ImageClassifier.load(folder, threads=1)
    if before.card.get("bits") == 8:
        raise UsageError(f"{folder} has 8 bits already")
    given = before.input
    if given.height != given.width:
        raise UsageError("pictures are read as squares; this network takes others")
    make_folder(out)
    pictures = read_pictures(data, out / "pictures", side=given.height, report=report)
    if pictures.classes != before.labels:
        raise UsageError(f"the pictures in {data} are of other classes than {folder} tells")
    found = in_eight_bits(
        (folder / NETWORK).read_bytes(), pictures.train, given.mean, given.deviation
    )
    about = {name: value for name, value in asdict(found).items() if name != "model"}
    card: Card = {**before.card, "bits": 8, "eight_bits": about}
    held = pictures.test or pictures.validation
    floats = float((probabilities(before, held).argmax(axis=1) == held.labels).mean())
    save_image_classifier(out, found.model, before.labels, given, before.macs, card)
    card["scores"] = scores_of(ImageClassifier.load(out, threads=1), held, out)
    about["accuracy_in_floats"] = floats
    size = save_image_classifier(out, found.model, before.labels, given, before.macs, card)
    report(
        f"{size:,} bytes, {found.size_ratio:.2f} of the network before; accuracy "
        f"{card['scores']['accuracy']:.3f}, in floats {floats:.3f}, on {len(held):,} pictures; "
        f"{found.milliseconds / found.float_milliseconds:.2f} of its time"
    )
    return card
