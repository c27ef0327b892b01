"""What the image benchmarks share: pictures, trainings that go on where they stopped, classifiers.

A training has a folder: `training.json` says how it was begun and, at last, what it took; until
then there is a checkpoint, and afterwards `graph.json` and `weights.safetensors`.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks import machine
from frugally.errors import UsageError
from frugally.files.disk import make_folder, remove, write_whole
from frugally.fit.memory import keep_freed_memory
from frugally.fit.vision.augmentation import Augmentation
from frugally.fit.vision.fitting import colours
from frugally.fit.vision.forms import optimised
from frugally.fit.vision.pictures import Pictures, PictureSet, Rows, read_pictures
from frugally.fit.vision.quantising import quantise_classifier
from frugally.fit.vision.saving import (
    CHECKPOINTS,
    PICTURES,
    WEIGHTS,
    about_training,
    described,
    save_fitted,
    save_source,
)
from frugally.fit.vision.training import Settings, Teacher, Trainer
from frugally.fit.vision.training_forms import quick_forms
from frugally.fit.vision.weights import load_weights, starting_weights
from frugally.nets.card import CARD, Card, load_card
from frugally.nets.vision.graph import Graph
from frugally.nets.vision.image_classifier import TASK, Input

CIFAR, IMAGENETTE = "vision/cifar10.tar.xz", "vision/imagenette-96.zip"
SIDE = 32  # of CIFAR's pictures
NOTE = (
    "CIFAR-10 is stored here as JPEG of quality 75, about 30.5 dB from the originals: accuracies "
    "are not strictly those of published tables."
)
VERSIONS = ("numpy", "torch", "onnxruntime")

# Trainings are short here: a smaller square is cut out than the 16 x 16 of DeVries and Taylor 2017
# (arXiv:1708.04552) in 200 epochs; Page 2018, "How to train your ResNet", has 8 x 8 in 24.
LIGHT = Augmentation(padding=4, flip=True, cutout=8)

_NOTES = "training.json"
_MEASURED = 64  # steps by which the speed of a training is foretold
_SPARE = 0.95  # of the hours are planned for: a machine is not always as quick
_T95 = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}  # Student's t, both sides, by how many differences


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Where data and work lie, and until when (by `time.monotonic`) trainings are begun."""

    data: Path
    folder: Path
    until: float = math.inf

    @property
    def late(self) -> bool:
        """Whether no more training is to begin."""
        return time.monotonic() > self.until

    def cifar(self) -> Pictures:
        """CIFAR-10: of 50,000, a tenth held out; 10,000 to score on."""
        return read_pictures(
            self.data / CIFAR, self.folder / "cifar", side=SIDE, seed=Settings().seed, report=print
        )

    def whole_cifar(self) -> Pictures:
        """CIFAR-10 with nothing held out, for trainings of which nothing is chosen."""
        pictures = self.cifar()
        held = pictures.validation
        train = joined(pictures.train, held)
        none = PictureSet(held.images[:0], held.labels[:0], held.classes)
        return replace(pictures, train=train, validation=none)


def parser(description: str) -> argparse.ArgumentParser:
    """`--data`, `--work`, `--minutes`."""
    made = machine.arguments(description)
    made.add_argument(
        "--work", type=Path, default=Path("runs/images"), help="for checkpoints and pictures"
    )
    made.add_argument(
        "--minutes", type=float, default=math.inf, help="after so many begin no other training"
    )
    return made


def work_of(given: argparse.Namespace, *needed: str) -> Work:
    """What the arguments say; ends with a clear word if the data is not there."""
    data = machine.needs(given.data, *needed)
    make_folder(given.work)
    keep_freed_memory()
    until = time.monotonic() + 60 * given.minutes
    return Work(data=data, folder=given.work, until=until)


def kept(name: str, **empty: Any) -> dict[str, Any]:
    """A result as far as it goes, with this machine on it, beside one that it was begun on."""
    found, here = machine.load(name) or {}, machine.describe(*VERSIONS)
    before = found.get("machine", here)["processor"]
    if here["processor"] not in before:
        before = f"{before} and {here['processor']}"
    return {**empty, **found, "machine": {**here, "processor": before}}


def joined(one: PictureSet, other: PictureSet) -> PictureSet:
    """Both sets, which are rows of one array, in the order of the rows."""
    assert isinstance(one.images, Rows) and isinstance(other.images, Rows)
    rows = np.concatenate([one.images.rows, other.images.rows])
    order = np.argsort(rows)
    labels = np.concatenate([one.labels, other.labels])[order]
    return PictureSet(Rows(one.images.array, rows[order]), labels, one.classes)


def input_of(pictures: Pictures) -> Input:
    """What networks are given of these pictures."""
    _, height, width, _ = pictures.train.images.shape
    mean, deviation = colours(pictures.train)
    return Input(height=height, width=width, mean=mean, deviation=deviation)


def images_per_second(
    graph: Graph, pictures: Pictures, settings: Settings, forms: Mapping[str, str], steps: int
) -> float:
    """How quickly a network is trained, by some steps from random weights."""
    train = pictures.train
    count = min(len(train), steps * settings.batch)
    some = PictureSet(train.images[:count], train.labels[:count], train.classes)
    each = max(1, count // settings.batch)
    given = input_of(pictures)
    with TemporaryDirectory() as folder:
        trainer = Trainer(
            graph, starting_weights(graph, settings.seed), some, LIGHT,
            replace(settings, epochs=steps / each), Path(folder), lambda _: None,
            mean=given.mean, deviation=given.deviation, forms=forms,
        )  # fmt: skip
        trainer.run()
    return trainer.steps * settings.batch / trainer.progress.seconds


def learned(
    graph: Graph,
    pictures: Pictures,
    settings: Settings,
    folder: Path,
    *,
    hours: float | None = None,
    teacher: Teacher | None = None,
) -> tuple[dict[str, Any], Settings, dict[str, Any]]:
    """A network's weights, how they were trained, and what that took; trained if they are not yet.

    With `hours` there are as many epochs as these allow, by the speed of some steps.

    Raises:
        UsageError: what lies in the folder was trained otherwise.
    """
    make_folder(folder)
    path = folder / _NOTES
    if path.is_file():
        notes = json.loads(path.read_text("utf-8"))
    else:
        notes = {
            "network": graph.name,
            "hours": hours,
            "forms": quick_forms(graph, settings.share, bfloat16=settings.bfloat16),
            "epochs": settings.epochs,
        }
        if hours is not None:
            speed = images_per_second(graph, pictures, settings, notes["forms"], _MEASURED)
            notes["epochs"] = max(
                1, math.floor(_SPARE * 3600 * hours * speed / len(pictures.train))
            )
    if hours is not None:
        settings = replace(settings, epochs=notes["epochs"])
    notes.setdefault("settings", settings.as_dict())
    begun = (notes["network"], notes["hours"], notes["settings"])
    if begun != (graph.name, hours, settings.as_dict()):
        raise UsageError(f"{folder} was trained with other settings", hint="another --work")
    write_whole(path, json.dumps(notes).encode())
    if "seconds" in notes:
        return load_weights(folder / WEIGHTS, graph), settings, notes
    given = input_of(pictures)
    trainer = Trainer(
        graph, starting_weights(graph, settings.seed), pictures.train, LIGHT, settings,
        folder / CHECKPOINTS,
        lambda line: print(f"{folder.name}: {line}", flush=True),
        mean=given.mean, deviation=given.deviation, forms=notes["forms"], teacher=teacher,
    )  # fmt: skip
    if trainer.resume():
        print(f"{folder.name}: goes on at step {trainer.progress.step:,} of {trainer.steps:,}")
    weights = dict(trainer.run())
    save_source(folder, graph, weights)
    notes["steps"], notes["seconds"] = trainer.progress.step, round(trainer.progress.seconds, 1)
    write_whole(path, json.dumps(notes).encode())
    remove(folder / CHECKPOINTS)
    return weights, settings, notes


def finished(folder: Path) -> Card | None:
    """The card of a folder's classifier, if one was saved to the end."""
    if not (folder / CARD).is_file():
        return None
    card = load_card(folder, TASK)
    return card if "budget" in card else None


def classifier(
    graph: Graph,
    pictures: Pictures,
    settings: Settings,
    folder: Path,
    *,
    hours: float | None = None,
    teacher: Teacher | None = None,
) -> Card:
    """The card of a network, trained, written in its quickest form and scored as written."""
    if (card := finished(folder)) is not None:
        return card
    weights, settings, notes = learned(
        graph, pictures, settings, folder, hours=hours, teacher=teacher
    )
    print(f"{folder.name}: looking for the quickest form", flush=True)
    model, choice = optimised(graph, weights)
    about = about_training(pictures, settings, LIGHT, 32, taught=teacher is not None)
    about["training"].update(steps=notes["steps"], seconds=notes["seconds"])
    card = {**described(graph, choice), **about}
    return save_fitted(folder, model, graph.macs, pictures, input_of(pictures), card, None, print)


def in_eight(folder: Path, data: Path, out: Path) -> Card:
    """The card of a folder's classifier in 8 bits, which is written to another."""
    if (card := finished(out)) is not None:
        return card
    quantise_classifier(folder, data, out, report=print)
    remove(out / PICTURES)
    return load_card(out, TASK)


def spread(values: Sequence[float]) -> str:
    """`92.31 ± 0.12`: mean and standard deviation."""
    deviation = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.2f}{deviation}"


def paired(ones: Sequence[float], others: Sequence[float]) -> str:
    """`+1.20 (+0.80 to +1.60)`: ones less others, mean and 95 % interval by Student's t."""
    differences = [a - b for a, b in zip(ones, others, strict=True)]
    mean = statistics.mean(differences)
    if len(differences) not in _T95:
        return f"{mean:+.2f}"
    reach = _T95[len(differences)] * statistics.stdev(differences) / math.sqrt(len(differences))
    return f"{mean:+.2f} ({mean - reach:+.2f} to {mean + reach:+.2f})"


def percent(share: float) -> float:
    """0.91234 as 91.23."""
    return round(100 * share, 2)
