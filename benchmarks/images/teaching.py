"""What a teacher adds: a small network with and without a network of ten times its cost to follow.

    python -m benchmarks.images.teaching --data DIR [--work FOLDER] [--minutes M]

DIR (or the environment variable FRUGALLY_DATA) holds vision/cifar10.tar.xz; FOLDER has the dense
ResNet-18 of half width that benchmarks.images.converting trained, or another --teacher is given.
Student, pictures, epochs and seeds are the same with and without; the teacher's part of the loss
and its temperature are the defaults of `frugally fit vision` (Hinton, Vinyals, Dean 2015,
https://arxiv.org/abs/1503.02531). All 50,000 pictures are learnt from, the accuracy is that of the
10,000 for the test. What is done is kept in benchmarks/results/image-teaching.json after every
training. A student takes 4 minutes of two idle cores (2,900 pictures a second), and 9 with its
teacher (1,400): 40 in all.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.images.converting import resnet_18
from benchmarks.images.training import (
    CIFAR,
    NOTE,
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
from frugally.errors import UsageError
from frugally.fit.vision.forms import optimised
from frugally.fit.vision.graph_scores import accuracy
from frugally.fit.vision.saving import timed
from frugally.fit.vision.teaching import Teacher
from frugally.fit.vision.training import Settings
from frugally.fit.vision.weights import random_weights
from frugally.nets.card import load_card
from frugally.nets.vision.image_classifier import TASK
from frugally.nets.vision.registry import make

NAME = "image-teaching"
STUDENT = "quick-resnet-0.5x"
SEEDS = (1013, 1014, 1015)
SETTINGS = Settings(epochs=15)
ALONE, TAUGHT = "labels alone", "labels and teacher"


def measure(work: Work, kind: str, seed: int, teacher: Path) -> dict[str, Any]:
    """One student: its accuracy on the test pictures."""
    pictures = work.whole_cifar()
    assert pictures.test is not None
    graph, given = make(STUDENT, SIDE, len(pictures.classes)), input_of(pictures)
    told = None
    if kind == TAUGHT:
        told = Teacher.load(teacher, pictures.classes, given.mean, given.deviation)
    folder = work.folder / "teaching" / f"{'taught' if told else 'alone'}-{seed}"
    settings = replace(SETTINGS, seed=seed)
    weights, _, notes = learned(graph, pictures, settings, folder, teacher=told)
    right = accuracy(graph, weights, pictures.test, given)
    return {"accuracy": percent(right), "seconds": notes["seconds"]}


def render(result: dict[str, Any]) -> str:
    """The table of docs/benchmarks.md."""
    student, teacher = result["student"], result["teacher"]
    rows = []
    for kind, runs in result["runs"].items():
        if runs:
            minutes = sum(run["seconds"] for run in runs.values()) / len(runs) / 60
            found = spread([run["accuracy"] for run in runs.values()])
            rows.append([f"{student['name']}, {kind}", found, f"{minutes:.0f}",
                         f"{student['macs'] / 1e6:.1f}", f"{student['parameters']:,}"])  # fmt: skip
    rows.append([f"{teacher['name']}, the teacher", f"{teacher['accuracy']:.2f}", "",
                 f"{teacher['macs'] / 1e6:.1f}", f"{teacher['parameters']:,}"])  # fmt: skip
    told = machine.table(["", "accuracy", "minutes", "MMACs", "parameters"], rows)
    both = [seed for seed in result["runs"][TAUGHT] if seed in result["runs"][ALONE]]
    if both:
        taught, alone = (
            [result["runs"][kind][seed]["accuracy"] for seed in both] for kind in (TAUGHT, ALONE)
        )
        told += f"\n\nWith a teacher {paired(taught, alone)} points (95 % interval over seeds)."
    return f"{NOTE}\n\n{told}"


def main() -> None:
    """Measure, write and print."""
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--teacher", type=Path, help="another classifier's folder")
    given = options.parse_args()
    work = work_of(given, CIFAR)
    folder = given.teacher or work.folder / resnet_18().name
    if not folder.is_dir():
        raise UsageError("there is no teacher yet", hint="run benchmarks.images.converting first")
    card = load_card(folder, TASK)
    result = kept(NAME, runs={ALONE: {}, TAUGHT: {}})
    teacher = {
        "name": card["network"], "accuracy": percent(card["scores"]["accuracy"]),
        "macs": card["macs"], "parameters": card["parameters"],
    }  # fmt: skip
    if result.setdefault("teacher", teacher) != teacher:
        raise UsageError(
            f"students were taught by another teacher, {result['teacher']['name']}",
            hint="another --work, and no kept result",
        )
    graph = make(STUDENT, SIDE, len(card["labels"]))
    result.setdefault(
        "student", {"name": STUDENT, "macs": graph.macs, "parameters": graph.parameters}
    )
    for seed in SEEDS:
        for kind, runs in result["runs"].items():
            if f"{seed}" not in runs and not work.late:
                runs[f"{seed}"] = measure(work, kind, seed, folder)
                print(kind, seed, runs[f"{seed}"], flush=True)
                machine.save(NAME, result)
    if "milliseconds" not in result["student"] and not work.late:
        model, _ = optimised(graph, random_weights(graph))
        result["student"]["milliseconds"] = 1e3 * timed(model, graph.input)
        machine.save(NAME, result)
    print(render(result))


if __name__ == "__main__":
    main()
