"""`frugally fit vision`: from labelled pictures and a budget to an image classifier in a folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from frugally.budget import Budget
from frugally.errors import UsageError
from frugally.files.disk import make_folder, remove, write_whole
from frugally.fit.memory import keep_freed_memory
from frugally.fit.vision.augmentation import Augmentation
from frugally.fit.vision.budgeting import Candidates, Planning, measured_seconds, recalled
from frugally.fit.vision.forms import written
from frugally.fit.vision.graph_scores import calibrated
from frugally.fit.vision.pictures import (
    PictureSet,
    digest_of_pictures,
    proposed_side,
    read_pictures,
)
from frugally.fit.vision.quantising import in_eight_bits
from frugally.fit.vision.saving import (
    CHECKPOINTS,
    PICTURES,
    about_training,
    apart,
    described,
    save_fitted,
    save_source,
)
from frugally.fit.vision.teaching import Teacher
from frugally.fit.vision.training import Report, Settings, Trainer
from frugally.fit.vision.weights import starting_weights
from frugally.nets.card import Card
from frugally.nets.vision.cells.cell import Cell
from frugally.nets.vision.image_classifier import NETWORK, Input
from frugally.nets.vision.registry import FAMILIES, find

PLAN = "plan.json"
DEFAULT_FAMILIES = ("quick-resnet",)


def fit_vision(
    path: Path,
    out: Path,
    *,
    budget: Budget,
    families: Sequence[str] = DEFAULT_FAMILIES,
    network: str | None = None,
    cell: Cell | None = None,
    drop_path: float = 0.0,
    side: int | None = None,
    bits: int = 32,
    settings: Settings | None = None,
    mixup: float = 0.0,
    cutmix: float = 0.0,
    teacher: Path | None = None,
    resume: bool = False,
    report: Report = lambda _: None,
    about: Mapping[str, Any] | None = None,
) -> Card:
    """Fit an image classifier on pictures in one folder a class; returns its card.

    Of the `families` the largest network is taken that keeps the budget, or the `network` named, or
    the largest that is stacked from a `cell`, of whose paths `drop_path` are dropped at the end.
    `mixup` and `cutmix` are as for `Augmentation`. `side` is that of the images it sees, by default
    proposed by the pictures. With 8 `bits` what is saved computes in integers. A `teacher` is a
    folder or ONNX file (see `teaching.Teacher`).
    What runs, `network.onnx`, and its card together keep the budget's bytes; `weights.safetensors`
    beside them is for those who go on from it. `about` is added to the card (a licence, an
    attribution).

    Raises:
        UsageError: there are no two classes, or an option makes no sense.
        SourceError: the archive is damaged.
        BudgetError: no network fits; the hint names the smallest that would.
        FitError: the loss was no number.
    """
    if bits not in (8, 32):
        raise UsageError(f"weights have 8 or 32 bits, not {bits}")
    if budget.passages is not None:
        raise UsageError("an image classifier reads no passages", hint="like '1MB 40MMAC 5ms'")
    if cell is not None and network is not None:
        raise UsageError("a network is named or stacked from a cell, not both")
    if drop_path and cell is None:
        raise UsageError("paths are dropped in networks of cells", hint="give a --cell")
    known = [family.name for family in FAMILIES]
    if unknown := sorted(set(families) - set(known)):
        raise UsageError(
            f"there is no family {unknown[0]!r:.80}", hint=f"there are {', '.join(known)}"
        )
    if network is not None:
        find(network)
    if teacher:
        apart(out, teacher, teacher / NETWORK)
    keep_freed_memory()
    settings = settings or Settings()
    make_folder(out)
    side = side or proposed_side(path)
    how = replace(Augmentation.for_side(side), mixup=mixup, cutmix=cutmix)
    pictures = read_pictures(path, out / PICTURES, side=side, seed=settings.seed, report=report)
    report(
        f"{len(pictures.train):,} pictures of {len(pictures.classes)} classes to learn from, "
        f"{len(pictures.validation):,} held out, seen as {side} x {side}"
    )
    mean, deviation = colours(pictures.train)
    given = Input(height=side, width=side, mean=mean, deviation=deviation)
    taught = None
    if teacher:
        quick = settings.bfloat16
        taught = Teacher.load(teacher, pictures.classes, mean, deviation, bfloat16=quick)
    told: Card = about_training(pictures, settings, how, bits, taught=teacher is not None)
    told["calibration"] = {"temperature": 1.0, "pictures": len(pictures.validation)}
    if about:
        told["about"] = dict(about)
    same = {
        "pictures": digest_of_pictures(pictures.train, pictures.validation), "bits": bits,
        "teacher": taught.digest if taught else None,
    }  # fmt: skip
    asked = {
        "budget": asdict(budget), "families": sorted(families), "network": network,
        "cell": cell.digest if cell else None, "drop paths": drop_path, **same,
    }  # fmt: skip
    planned = recalled(out / PLAN, asked) if resume else None
    if planned is None:
        planned = Planning(
            budget=budget, pictures=pictures, given=given, settings=settings, told=told, bits=bits,
            report=report,
        ).planned(Candidates(
            families=families, network=network, cell=cell, drop=drop_path, side=side,
            classes=len(pictures.classes), bits=bits, seconds=measured_seconds(),
        ))  # fmt: skip
        remove(out / CHECKPOINTS)  # of another run, kept until this one can be
        write_whole(out / PLAN, json.dumps({"asked": asked, **planned.as_dict()}).encode())
    graph = planned.graph
    report(f"training {graph!r}, {planned.seconds * 1e3:.2f} ms an image in one thread")
    trainer = Trainer(
        graph,
        starting_weights(graph, settings.seed),
        pictures.train,
        how,
        settings,
        out / CHECKPOINTS,
        report,
        mean=mean,
        deviation=deviation,
        forms=planned.forms,
        teacher=taught,
        about={**same, "forms": dict(planned.forms)},
    )
    if resume and trainer.resume():
        report(f"resumed at step {trainer.progress.step:,} of {trainer.steps:,}")
    weights, heat = calibrated(graph, dict(trainer.run()), pictures.validation, given)
    told["calibration"]["temperature"] = round(heat, 4)
    save_source(out, graph, weights)
    model = written(graph, weights, planned.choice)
    if bits == 8:
        small = in_eight_bits(model, pictures.train, mean, deviation)
        if budget.seconds is not None and small.milliseconds > 1e3 * budget.seconds:
            small = in_eight_bits(model, pictures.train, mean, deviation, planned.activations)
        told["eight_bits"] = small.as_dict()
        report(str(small))
        model = small.model
    told["training"]["steps"] = trainer.progress.step
    told["training"]["seconds"] = round(trainer.progress.seconds, 1)
    card: Card = {**described(graph, planned.choice), **told}
    return save_fitted(out, model, graph.macs, pictures, given, card, budget, report)


def colours(train: PictureSet) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of red, green and blue, of 0 to 1, over some pictures."""
    some = np.arange(0, len(train), max(1, len(train) // 2000))
    counts = np.zeros((3, 256), np.int64)
    for part in np.array_split(some, -(-len(some) // 64)):
        images = train.images[part]
        for colour in range(3):
            counts[colour] += np.bincount(images[..., colour].reshape(-1), minlength=256)
    levels, weights = np.arange(256) / 255, counts / counts.sum(axis=1, keepdims=True)
    mean = weights @ levels
    deviation = np.sqrt(np.maximum(weights @ levels**2 - mean**2, 0))
    return tuple(mean.round(4).tolist()), tuple(np.maximum(deviation, 0.01).round(4).tolist())
