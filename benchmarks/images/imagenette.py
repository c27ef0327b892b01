"""The classifier that ships: ten classes of ImageNet in at most 1.5 MB, in 8 bits, with its card.

    python -m benchmarks.images.imagenette --data DIR [--work FOLDER]

DIR (or the environment variable FRUGALLY_DATA) holds vision/imagenette-96.zip, folders `train`
and `val` of Imagenette (https://github.com/fastai/imagenette) at 96 x 96. What ships was fitted on
`train` by scripts/make_shipped_classifier.py; it is asked for the 3,925 pictures of `val`, of which
one number was learnt, the temperature of its probabilities, and nothing chosen. The result is kept
in benchmarks/results/image-imagenette.json.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.images.training import IMAGENETTE, Work, kept, parser, percent, work_of
from frugally.errors import UsageError
from frugally.fit.vision.pictures import read_pictures
from frugally.fit.vision.scores import probabilities
from frugally.fit.vision.timer import Timer
from frugally.nets.card import CARD, load_card
from frugally.nets.vision.image_classifier import NETWORK, TASK, ImageClassifier
from frugally.nets.zoo import SHIPPED

NAME = "image-imagenette"
CLASSIFIER = SHIPPED / "classifier"


def measure(work: Work) -> dict[str, Any]:
    """The classifier, loaded and asked for all held-out pictures."""
    card, shipped = load_card(CLASSIFIER, TASK), ImageClassifier.load(CLASSIFIER, threads=1)
    side = shipped.input.height
    pictures = read_pictures(
        work.data / IMAGENETTE, work.folder / "imagenette-pictures", side=side,
        seed=card["data"]["seed"], report=print,
    )  # fmt: skip
    if list(pictures.classes) != card["labels"]:
        raise UsageError(f"{IMAGENETTE} has other classes than what ships")
    held = pictures.test or pictures.validation
    right = (probabilities(shipped, held).argmax(axis=1) == held.labels).mean()
    image = np.zeros((1, 3, side, side), np.float32)
    timer = Timer(image, 1)
    return {
        "network": card["network"],
        "parameters": card["parameters"],
        "macs": card["macs"],
        "side": side,
        "epochs": card["training"]["epochs"],
        "seconds": card["training"]["seconds"],
        "pictures": len(held),
        "accuracy": percent(float(right)),
        "calibration_error": percent(card["scores"]["expected_calibration_error"]),
        "bytes": sum((CLASSIFIER / name).stat().st_size for name in (NETWORK, CARD)),
        "milliseconds": timer.milliseconds([(CLASSIFIER / NETWORK).read_bytes()])[0],
    }


def render(result: dict[str, Any]) -> str:
    """The table of docs/benchmarks.md."""
    one = result["classifier"]
    head = ["network", "accuracy", "calibration error", "bytes with its card", "parameters",
            "MMACs", "ms, one image", "epochs", "hours of training"]  # fmt: skip
    row = [
        f"{one['network']} at {one['side']} × {one['side']}, 8 bits", f"{one['accuracy']:.2f}",
        f"{one['calibration_error']:.2f}", f"{one['bytes']:,}", f"{one['parameters']:,}",
        f"{one['macs'] / 1e6:.1f}", f"{one['milliseconds']:.2f}", f"{one['epochs']:g}",
        f"{one['seconds'] / 3600:.2f}",
    ]  # fmt: skip
    return machine.table(head, [row])


def main() -> None:
    """Measure, write and print."""
    work = work_of(parser(__doc__.splitlines()[0]).parse_args(), IMAGENETTE)
    result = {**kept(NAME), "classifier": measure(work)}
    machine.save(NAME, result)
    print(render(result))


if __name__ == "__main__":
    main()
