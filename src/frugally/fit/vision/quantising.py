"""`frugally fit quantise`: an image classifier that was fitted in floats, in 8 bits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from frugally.errors import UsageError
from frugally.files.disk import make_folder
from frugally.fit.vision.pictures import PictureSet, read_pictures
from frugally.fit.vision.quantisation import Quantised, quantised
from frugally.fit.vision.saving import MEASURED, PICTURES, apart, save_fitted, seed_of
from frugally.fit.vision.scores import probabilities
from frugally.nets.card import Card
from frugally.nets.vision.image_classifier import NETWORK, ImageClassifier
from frugally.nets.vision.images import as_input

Colours = tuple[float, ...]

CALIBRATED = 256
"""Pictures by which the ranges of activations are set."""

_TOGETHER = 32


def in_eight_bits(
    model: bytes, train: PictureSet, mean: Colours, deviation: Colours,
    activations: str | None = None,
) -> Quantised:  # fmt: skip
    """The network with 8-bit weights and activations, calibrated on some pictures learnt from.

    `activations` as for `quantised`.
    """
    step = max(1, len(train) // CALIBRATED)
    some = as_input(train.images[np.arange(0, len(train), step)], mean, deviation)
    batches = np.array_split(some, max(1, len(some) // _TOGETHER))
    return quantised(model, batches, activations=activations)


def quantise_classifier(
    folder: Path, data: Path, out: Path, *, report: Callable[[str], None] = lambda _: None
) -> Card:
    """Write the classifier of a folder to `out` in 8 bits; returns its card.

    `data` are pictures as `fit_vision` takes them: some set the ranges of activations, those held
    out are scored in floats and in 8 bits.

    Raises:
        UsageError: it has 8 bits already, the pictures are of other classes, or `out` is `folder`.
        NetError: there is no such classifier, or it is damaged.
    """
    apart(out, folder / NETWORK)
    before = ImageClassifier.load(folder, threads=1)
    if before.card.get("bits") == 8:
        raise UsageError(f"{folder} has 8 bits already")
    given = before.input
    if given.height != given.width:
        raise UsageError("pictures are read as squares; this network takes others")
    make_folder(out)
    seed = seed_of(before.card, 0)
    pictures = read_pictures(data, out / PICTURES, side=given.height, seed=seed, report=report)
    if pictures.classes != before.labels:
        raise UsageError(f"the pictures in {data} are of other classes than {folder} tells")
    found = in_eight_bits(
        (folder / NETWORK).read_bytes(), pictures.train, given.mean, given.deviation
    )
    held = pictures.test or pictures.validation
    floats = float((probabilities(before, held).argmax(axis=1) == held.labels).mean())
    # What is told of the float network alone is told anew: that the budget is met stands last.
    card = {name: value for name, value in before.card.items() if name not in MEASURED}
    card.update(bits=8, eight_bits={**found.as_dict(), "accuracy_in_floats": floats})
    card = save_fitted(out, found.model, before.macs, pictures, given, card, None, report)
    times = found.milliseconds / found.float_milliseconds
    report(f"accuracy in floats {floats:.3f}; {times:.2f} times the time in floats")
    report(str(found))
    return card
