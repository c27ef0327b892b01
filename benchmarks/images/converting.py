r"""`frugally fit group` on a ResNet-18 for CIFAR-10: how many multiply-adds go at half a point.

    python -m benchmarks.images.converting --data DIR [--work FOLDER] [--minutes M]

DIR (or the environment variable FRUGALLY_DATA) holds vision/cifar10.tar.xz. The network is
ResNet-18 of half its width, 32 to 256 channels, with a first convolution of 3 x 3 and no pooling,
as is usual for CIFAR; of full width it would have four times the multiply-adds, and take hours. It
learns from 45,000 pictures; 5,000 held out decide what is kept of the exchanges, and 10,000 for the
test, which decide nothing, are scored before and after. Then it is what

    frugally fit group FOLDER/resnet-18-half --data vision/cifar10.tar.xz --epochs 20 --resume \
        -o FOLDER/converted

does: while exchanges are tried the network learns for some more epochs, to say what it said
before. The dense network before it is kept in FOLDER, both results in
benchmarks/results/image-converting.json; what was interrupted goes on. On two idle cores the dense
network takes 33 minutes (680 pictures a second) and each try 15 to 20 (800), of which seven are
expected.
"""

from __future__ import annotations

from typing import Any

from benchmarks import machine
from benchmarks.images.training import (
    CIFAR,
    NOTE,
    SIDE,
    Work,
    classifier,
    finished,
    kept,
    parser,
    percent,
    work_of,
)
from frugally.files.disk import remove
from frugally.fit.vision.converting import fit_group
from frugally.fit.vision.saving import CHECKPOINTS, PICTURES
from frugally.fit.vision.training import Settings
from frugally.nets.card import Card, load_card
from frugally.nets.vision.graph import Builder, Graph
from frugally.nets.vision.image_classifier import TASK
from frugally.nets.vision.stem import add_stem, image

NAME = "image-converting"
WIDTH, UNITS = 32, (2, 2, 2, 2)
SETTINGS = Settings(epochs=30)
BRIEF = Settings(epochs=20, rate=0.05)
TOLERANCE = 0.005


def resnet_18(width: int = WIDTH, classes: int = 10) -> Graph:
    """ResNet-18 (He et al. 2015, table 1, option B) from `width` channels on, 64 in the paper."""
    builder = Builder("resnet-18-half" if width == WIDTH else f"resnet-18-{width}", image(SIDE))
    x = add_stem(builder, width, SIDE)
    for stage, units in enumerate(UNITS):
        out = width << stage
        for number in range(units):
            builder.at(f"stage{stage + 2}.{number}")
            stride = 2 if stage and not number else 1
            y = builder.normalised(x, out, 3, stride=stride, activation="relu")
            y = builder.normalised(y, out, 3)
            if stride > 1:
                x = builder.normalised(x, out, stride=stride)
            x = builder.activation(builder.sum(x, y))
    builder.at("")
    builder.head(x, classes)
    return builder.build()


def before(work: Work) -> dict[str, Any]:
    """The dense network, trained and scored."""
    pictures = work.cifar()
    graph = resnet_18(classes=len(pictures.classes))
    card = classifier(graph, pictures, SETTINGS, work.folder / graph.name)
    return _told(card)


def after(work: Work) -> dict[str, Any]:
    """The network with exchanges, and what became of each convolution."""
    out = work.folder / "converted"
    if finished(out) is None:
        fit_group(
            str(work.folder / resnet_18().name), work.data / CIFAR, out, BRIEF,
            tolerance=TOLERANCE, resume=True, report=lambda line: print(line, flush=True),
        )  # fmt: skip
        for name in (CHECKPOINTS, PICTURES):
            remove(out / name)
    card = load_card(out, TASK)
    return {**_told(card), "conversion": card["conversion"]}


def _told(card: Card) -> dict[str, Any]:
    return {
        "network": card["network"],
        "parameters": card["parameters"],
        "macs": card["macs"],
        "bytes": card["budget"]["met"],
        "accuracy": percent(card["scores"]["accuracy"]),
        "milliseconds": card["milliseconds"],
        "epochs": card["training"]["epochs"],
        "seconds": card["training"]["seconds"],
    }


def render(result: dict[str, Any]) -> str:
    """The tables of docs/benchmarks.md."""
    head = ["ResNet-18, half width", "accuracy", "held out", "MMACs", "parameters", "ms, one image"]
    was, now = result.get("before"), result.get("after")
    rows = []
    done = now["conversion"] if now else None
    for place, (title, one) in enumerate((("dense", was), ("exchanged", now))):
        if one:
            held = f"{100 * done['accuracy'][place]:.2f}" if done else ""
            # Both were timed in turns, after the exchanges.
            ms = done["milliseconds"][place] if done else one["milliseconds"]
            rows.append([
                title, f"{one['accuracy']:.2f}", held, f"{one['macs'] / 1e6:.1f}",
                f"{one['parameters']:,}", f"{ms:.2f}",
            ])  # fmt: skip
    if was and now and done:
        ms = done["milliseconds"]
        rows.append([
            "", f"{now['accuracy'] - was['accuracy']:+.2f}",
            f"{100 * (done['accuracy'][1] - done['accuracy'][0]):+.2f}",
            f"{was['macs'] / now['macs']:.2f} × fewer",
            f"{was['parameters'] / now['parameters']:.2f} × fewer",
            f"{ms[0] / ms[1]:.2f} × as fast",
        ])  # fmt: skip
    told = f"{NOTE}\n\n{machine.table(head, rows)}"
    if not done:
        return told
    counts: dict[tuple[str, str], int] = {}
    for one in done["exchanges"]:
        kind = {"grouped": f"{one['groups']} groups"}.get(one["kind"], one["kind"])
        key = (kind, one["outcome"])
        counts[key] = counts.get(key, 0) + 1
    lines = [[kind, outcome, count] for (kind, outcome), count in sorted(counts.items())]
    return f"{told}\n\n{machine.table(['exchanged for', 'outcome', 'convolutions'], lines)}"


def main() -> None:
    """Measure, write and print."""
    work = work_of(parser(__doc__.splitlines()[0]).parse_args(), CIFAR)
    result = kept(NAME)
    for name, run in (("before", before), ("after", after)):
        if name not in result and not work.late:
            result[name] = run(work)
            machine.save(NAME, result)
    print(render(result))


if __name__ == "__main__":
    main()
