"""CIFAR-10: the best network of at most 1 M parameters and 45 MMACs, and a ShuffleNet beside it.

    python -m benchmarks.images.cifar --data DIR [--work FOLDER] [--minutes M] [--hours 1.15]

DIR (or the environment variable FRUGALLY_DATA) holds vision/cifar10.tar.xz. Both networks are
trained for the same time on two cores, each for as many epochs as its speed allows, on all 50,000
pictures (network, recipe and hours were set beforehand: nothing is chosen by what comes out); the
accuracy is that of the 10,000 test pictures. What is done is kept in
benchmarks/results/image-cifar.json, and training goes on from its checkpoint. Then both are timed
in turns, in floats and in 8 bits.

In 69 minutes of two idle cores quick-resnet-1x sees its pictures some 90 times and the ShuffleNet
some 25 times: begin on idle cores, as the speed then decides how many epochs there are. The recipe
is that of `frugally fit vision` (bfloat16 and channels-last; Nesterov's momentum, batches of 128, a
rate of 0.2 that falls as a cosine; weight decay 5e-4, label smoothing 0.1, averaged weights) with a
smaller cutout: in 40 epochs it was right on 88.2 % of 5,000 pictures held out, and on 86.9 % with
mixup, cutmix and RandAugment in its place. Pictures are seen in their full size from the first
epoch on: the time saved otherwise would go into more epochs, of which there are many. None is
mirrored for the test, which would double the multiply-adds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from benchmarks.images.training import (
    CIFAR,
    NOTE,
    SIDE,
    Work,
    classifier,
    in_eight,
    kept,
    parser,
    percent,
    work_of,
)
from frugally.budget import format_bytes
from frugally.fit.vision.timer import Timer
from frugally.fit.vision.training import Settings
from frugally.nets.vision.image_classifier import NETWORK
from frugally.nets.vision.registry import make

NAME = "image-cifar"
NETWORKS = ("quick-resnet-1x", "shufflenet-1x-g3")  # 0.99 and 0.91 M parameters, 44 and 43 MMACs
HOURS = 1.15
SETTINGS = Settings()
TOGETHER = 64  # images in a run, for images a second


def measure(work: Work, name: str, hours: float) -> dict[str, Any]:
    """One network, trained, saved and scored, in floats and in 8 bits."""
    pictures = work.whole_cifar()
    graph = make(name, SIDE, len(pictures.classes))
    card = classifier(graph, pictures, SETTINGS, work.folder / name, hours=hours)
    small = in_eight(work.folder / name, work.data / CIFAR, work.folder / f"{name}-8")
    return {
        "parameters": graph.parameters,
        "macs": graph.macs,
        "epochs": card["training"]["epochs"],
        "seconds": card["training"]["seconds"],
        "accuracy": percent(card["scores"]["accuracy"]),
        "bytes": card["budget"]["met"],
        "milliseconds": card["milliseconds"],
        "eight_bits": {
            "accuracy": percent(small["scores"]["accuracy"]),
            "bytes": small["budget"]["met"],
            "agreement": small["eight_bits"]["agreement"],
        },
    }


def timings(folder: Path) -> dict[str, dict[str, float]]:
    """Milliseconds for an image in one thread and images a second in two, all in turns."""
    names = [f"{name}{bits}" for name in NETWORKS for bits in ("", "-8")]
    models = [(folder / name / NETWORK).read_bytes() for name in names]
    random = np.random.default_rng(0)
    images = random.standard_normal((TOGETHER, 3, SIDE, SIDE), np.float32)
    alone = Timer(images[:1], 1).milliseconds(models)
    many = Timer(images, 2).milliseconds(models)
    return {
        name: {"milliseconds": one, "images_per_second": 1e3 * TOGETHER / all_}
        for name, one, all_ in zip(names, alone, many, strict=True)
    }


def render(result: dict[str, Any]) -> str:
    """The tables of docs/benchmarks.md."""
    head = ["network", "accuracy", "parameters", "MMACs", "bytes", "epochs", "hours"]
    rows = [
        [
            name, f"{one['accuracy']:.2f}", f"{one['parameters']:,}", f"{one['macs'] / 1e6:.1f}",
            f"{one['bytes']:,}", f"{one['epochs']:g}", f"{one['seconds'] / 3600:.2f}",
        ]
        for name, one in result["networks"].items()
    ]  # fmt: skip
    told = f"{NOTE}\n\n{machine.table(head, rows)}"
    speed = result.get("speed")
    if speed is None:
        return told
    head = ["network", "accuracy", "bytes", "ms, one image", "images/s, two threads"]
    rows = []
    for name, one in result["networks"].items():
        small = one["eight_bits"]
        for title, key, entry in ((name, name, one), (f"{name}, 8 bits", f"{name}-8", small)):
            took = speed[key]
            rows.append([
                title, f"{entry['accuracy']:.2f}", format_bytes(entry["bytes"]),
                f"{took['milliseconds']:.2f}", f"{took['images_per_second']:,.0f}",
            ])  # fmt: skip
        slow, quick = speed[name], speed[f"{name}-8"]
        rows.append([
            "8 bits : floats", f"{small['accuracy'] - one['accuracy']:+.2f}",
            f"{small['bytes'] / one['bytes']:.2f} ×",
            f"{quick['milliseconds'] / slow['milliseconds']:.2f} ×",
            f"{quick['images_per_second'] / slow['images_per_second']:.2f} ×",
        ])  # fmt: skip
    return f"{told}\n\n{machine.table(head, rows)}"


def main() -> None:
    """Measure, write and print."""
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--hours", type=float, default=HOURS, help="of training, for each")
    given = options.parse_args()
    work = work_of(given, CIFAR)
    result = kept(NAME, networks={})
    for name in NETWORKS:
        if name not in result["networks"] and not work.late:
            result["networks"][name] = measure(work, name, given.hours)
            machine.save(NAME, result)
    if len(result["networks"]) == len(NETWORKS) and "speed" not in result:
        result["speed"] = timings(work.folder)
        machine.save(NAME, result)
    print(render(result))


if __name__ == "__main__":
    main()
