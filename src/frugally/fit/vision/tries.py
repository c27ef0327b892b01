"""Brief trainings, one after another, each in a folder of its own: what is done is not done twice.

`tried.json` says in which forms a network is trained and, at last, what came of it; until then
there is a checkpoint, and afterwards the weights, if they are good enough to go on from.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from frugally.errors import NetError
from frugally.files.disk import make_folder, remove, write_whole
from frugally.fit.vision.augmentation import Augmentation
from frugally.fit.vision.graph_scores import accuracy
from frugally.fit.vision.network import Arrays
from frugally.fit.vision.pictures import Pictures
from frugally.fit.vision.saving import CHECKPOINTS, WEIGHTS
from frugally.fit.vision.training import Settings, Teacher, Trainer
from frugally.fit.vision.training_forms import quick_forms
from frugally.fit.vision.weights import load_weights, save_weights
from frugally.nets.vision.graph import Graph
from frugally.nets.vision.image_classifier import Input

_NOTES = "tried.json"
_TEMPERATURE = 2.0


def patient(settings: Settings, side: int) -> tuple[Settings, Augmentation]:
    """How a network learns to say what it said before, on images of a side.

    From the teacher alone, and on mixed images: of plain ones, which it learned by heart, a teacher
    tells little more than their labels, and who learns that loses what it knew of others (Beyer et
    al. 2021, arXiv:2106.05237, "function matching").
    """
    how = replace(Augmentation.for_side(side), operations=0, cutout=0, mixup=1.0, cutmix=1.0)
    return replace(settings, distilled=1.0, temperature=_TEMPERATURE), how


@dataclass(slots=True)
class Tries:
    """The trainings of one conversion: what they share, and what they took so far.

    Weights are good enough if they are right on `least` of the pictures held out.
    """

    pictures: Pictures
    given: Input
    folder: Path
    settings: Settings
    teacher: Teacher
    least: float
    report: Callable[[str], None]
    count: int = 0
    steps: int = 0
    seconds: float = 0.0

    def next(self, graph: Graph, weights: Arrays) -> tuple[Arrays | None, float]:
        """The trained weights, None if their accuracy is not the least, and the accuracy."""
        folder = self.folder / f"try-{self.count}"
        self.count += 1
        path = folder / _NOTES
        settings, how = patient(self.settings, graph.input[1])
        notes = read_notes(path)
        if notes is None:
            forms = quick_forms(graph, settings.share, bfloat16=settings.bfloat16)
            notes = {"forms": forms}
            make_folder(folder)
            write_whole(path, json.dumps(notes).encode())
        if "accuracy" not in notes:
            trainer = Trainer(
                graph, weights, self.pictures.train, how, settings, folder / CHECKPOINTS,
                self.report, mean=self.given.mean, deviation=self.given.deviation,
                forms=notes["forms"], teacher=self.teacher,
            )  # fmt: skip
            if trainer.resume():
                self.report(f"resumed at step {trainer.progress.step:,} of {trainer.steps:,}")
            trained = dict(trainer.run())
            now = accuracy(graph, trained, self.pictures.validation, self.given)
            if now >= self.least:
                save_weights(folder / WEIGHTS, trained)
            seconds = round(trainer.progress.seconds, 3)
            notes.update(accuracy=now, steps=trainer.progress.step, seconds=seconds)
            write_whole(path, json.dumps(notes).encode())
        remove(folder / CHECKPOINTS)
        self.steps += notes["steps"]
        self.seconds += notes["seconds"]
        now = float(notes["accuracy"])
        return (load_weights(folder / WEIGHTS, graph) if now >= self.least else None), now


def read_notes(path: Path) -> dict[str, Any] | None:
    """What a file of JSON says, None if there is none."""
    try:
        entry = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise NetError(f"{path} cannot be read: {error}") from error
    if not isinstance(entry, dict):
        raise NetError(f"{path} does not say how far a conversion is")
    return entry
