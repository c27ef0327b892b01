"""What storing pictures as JPEG takes from what can be learnt from them, at the size of CIFAR's.

    python -m benchmarks.images.jpeg --data DIR [--work FOLDER] [--minutes M]

DIR (or the environment variable FRUGALLY_DATA) holds vision/imagenette-96.zip. Its pictures are
brought to 32 x 32, stored as JPEG of some quality as Pillow does it (half the colour, 4:2:0), and
read again; one small network is learnt from each, and scored on validation pictures stored in the
same way. CIFAR-10 itself is only at hand as JPEG. What is done is kept in
benchmarks/results/image-jpeg.json after every training: twelve, of less than a minute each.
"""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import machine
from benchmarks.images.training import (
    IMAGENETTE,
    SIDE,
    Work,
    input_of,
    kept,
    learned,
    paired,
    parser,
    percent,
    spread,
    work_of,
)
from frugally.fit.vision.graph_scores import accuracy
from frugally.fit.vision.pictures import Pictures, PictureSet, read_pictures
from frugally.fit.vision.training import Settings
from frugally.nets.vision.registry import make

NAME = "image-jpeg"
NETWORK = "quick-resnet-0.5x"
SEEDS = (1013, 1014, 1015)
SETTINGS = Settings(epochs=16)
WHOLE = "as they are"
QUALITIES = {WHOLE: None, "90": 90, "75": 75, "50": 50}

Images = NDArray[np.uint8]


def stored(images: Images, quality: int) -> Images:
    """Images of (N, height, width, 3), each written as JPEG and read again."""
    found = np.empty_like(images)
    for place, image in enumerate(images):
        file = BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=quality)
        found[place] = np.asarray(Image.open(file))
    return found


def decibels(images: Images, others: Images) -> float:
    """The mean over images of the ratio of the highest signal to the noise (PSNR)."""
    squares = np.square(images.astype(np.float32) - others).mean(axis=(1, 2, 3))
    return float(np.mean(10 * np.log10(255**2 / np.maximum(squares, 1e-9))))


def pictures_as(pictures: Pictures, quality: int | None) -> Pictures:
    """All pictures stored as JPEG; as they are, if of no quality."""
    if quality is None:
        return pictures

    def again(some: PictureSet) -> PictureSet:
        return PictureSet(stored(some.images[:], quality), some.labels, some.classes)

    return replace(
        pictures, train=again(pictures.train), validation=again(pictures.validation), test=None
    )


def render(result: dict[str, Any]) -> str:
    """The table of docs/benchmarks.md."""
    runs, rows = result["runs"], []
    whole = runs.get(WHOLE, {})
    for kind, found in runs.items():
        if not found:
            continue
        both = [seed for seed in found if seed in whole and kind != WHOLE]
        lost = paired([found[s] for s in both], [whole[s] for s in both]) if both else ""
        noise = f"{result['decibels'][kind]:.1f}" if kind in result["decibels"] else ""
        rows.append([kind, noise, spread(list(found.values())), lost])
    head = ["Imagenette at 32 x 32 as JPEG of quality", "PSNR, dB", "accuracy, %",
            "points to as they are"]  # fmt: skip
    return machine.table(head, rows)


def measure(work: Work, kind: str, pictures: Pictures) -> dict[str, float]:
    """The accuracy in percent of each seed's network; of those that were not begun too late."""
    graph, given = make(NETWORK, SIDE, len(pictures.classes)), input_of(pictures)
    found = {}
    for seed in SEEDS:
        if work.late:
            break
        folder = work.folder / "jpeg" / f"{kind.replace(' ', '-')}-{seed}"
        weights, _, _ = learned(graph, pictures, replace(SETTINGS, seed=seed), folder)
        found[f"{seed}"] = percent(accuracy(graph, weights, pictures.validation, given))
        print(kind, seed, found[f"{seed}"], flush=True)
    return found


def main() -> None:
    """Measure, write and print."""
    given = parser(__doc__.splitlines()[0]).parse_args()
    work = work_of(given, IMAGENETTE)
    result = kept(NAME, runs={}, decibels={})
    whole = read_pictures(
        work.data / IMAGENETTE, work.folder / "imagenette-32", side=SIDE, seed=SETTINGS.seed,
        report=print,
    )  # fmt: skip
    for kind, quality in QUALITIES.items():
        if len(result["runs"].get(kind, {})) < len(SEEDS):
            pictures = pictures_as(whole, quality)
            if quality is not None:
                noise = decibels(whole.validation.images[:], pictures.validation.images[:])
                result["decibels"][kind] = round(noise, 2)
            result["runs"][kind] = measure(work, kind, pictures)
            machine.save(NAME, result)
    print(render(result))


if __name__ == "__main__":
    main()
