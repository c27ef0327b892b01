"""How quickly ShuffleNet is trained: by us, and as one writes it in torch.

    python -m benchmarks.images.training_speed --data DIR [--work FOLDER]

DIR (or the environment variable FRUGALLY_DATA) holds vision/cifar10.tar.xz. Steps are of 128
pictures on two threads. Ours are whole, with the making of pictures, clipping and averaging; their
convolutions in torch's own form, or in the quickest of several equal ones, measured when a training
begins. Beside them stands the same network in modules of torch, which gets its batch for nothing
(benchmarks/images/plain_shufflenet.py). In each round every kind has its turn, beginning with
another; the medians over rounds are kept in benchmarks/results/image-training-speed.json.
"""

from __future__ import annotations

import statistics
from functools import partial
from typing import Any

from benchmarks import machine
from benchmarks.images import plain_shufflenet
from benchmarks.images.plain_shufflenet import PlainShuffleNet
from benchmarks.images.training import (
    CIFAR,
    SIDE,
    Work,
    images_per_second,
    kept,
    parser,
    work_of,
)
from frugally.fit.vision.training import Settings
from frugally.fit.vision.training_forms import quick_forms
from frugally.nets.vision.registry import make

NAME = "image-training-speed"
NETWORKS = {  # groups and scale
    "shufflenet-1x-g3": (3, 1.0),
    "shufflenet-0.5x-g3": (3, 0.5),
    "shufflenet-0.5x-g8": (8, 0.5),
}
SETTINGS = Settings()
ROUNDS, STEPS = 7, 8
PLAIN, EXPERT = "torch, float32", "torch, bfloat16, channels last"
OWN, QUICK = "ours, torch's convolutions", "ours, quickest forms"


def measure(work: Work, name: str) -> dict[str, Any]:
    """Images a second in each round, by kinds; and which forms were the quickest."""
    pictures = work.whole_cifar()
    classes = len(pictures.classes)
    graph, plain = make(name, SIDE, classes), PlainShuffleNet(*NETWORKS[name], classes)
    trained = sum(parameter.numel() for parameter in plain.parameters())
    assert trained == graph.parameters, f"{name} was written with {trained:,} parameters"
    forms = quick_forms(graph, SETTINGS.share, bfloat16=SETTINGS.bfloat16)
    theirs, ours = plain_shufflenet.images_per_second, images_per_second
    kinds = {
        PLAIN: partial(theirs, plain, SETTINGS, expert=False),
        EXPERT: partial(theirs, plain, SETTINGS, expert=True),
        OWN: partial(ours, graph, pictures, SETTINGS, {}),
        QUICK: partial(ours, graph, pictures, SETTINGS, forms),
    }
    for run in kinds.values():  # what a first run sets up is no part of a training's speed
        run(steps=1)
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    for turn in range(ROUNDS):
        names = list(kinds)
        first = turn % len(names)
        for kind in names[first:] + names[:first]:
            rates[kind].append(round(kinds[kind](steps=STEPS), 1))
        print(name, {kind: found[-1] for kind, found in rates.items()}, flush=True)
    counts: dict[str, int] = {}
    for form in forms.values():
        counts[form] = counts.get(form, 0) + 1
    return {"images_per_second": rates, "forms": counts}


def render(result: dict[str, Any]) -> str:
    """The table of docs/benchmarks.md."""
    rows = []
    for name, one in result["networks"].items():
        rates = one["images_per_second"]
        quick = rates[QUICK]
        row = [name, f"{statistics.median(quick):,.0f}"]
        for kind in (OWN, EXPERT, PLAIN):
            ratio = statistics.median(a / b for a, b in zip(quick, rates[kind], strict=True))
            row.append(f"{statistics.median(rates[kind]):,.0f} ({ratio:.2f} ×)")
        forms = ", ".join(f"{count} {form}" for form, count in sorted(one["forms"].items()))
        rows.append([*row, forms or "none"])
    head = ["images/s in training", QUICK, OWN, EXPERT, PLAIN, "convolutions in another form"]
    return machine.table(head, rows)


def main() -> None:
    """Measure, write and print."""
    work = work_of(parser(__doc__.splitlines()[0]).parse_args(), CIFAR)
    result = kept(NAME, networks={})
    for name in NETWORKS:
        if name not in result["networks"] and not work.late:
            result["networks"][name] = measure(work, name)
            machine.save(NAME, result)
    print(render(result))


if __name__ == "__main__":
    main()
