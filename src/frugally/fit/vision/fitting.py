"""`frugally fit vision`: from labelled pictures and a budget to an image classifier in a folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from frugally.budget import Budget, format_seconds
from frugally.errors import BudgetError, NetError, UsageError
from frugally.files.disk import make_folder, write_whole
from frugally.fit.memory import keep_freed_memory
from frugally.fit.refusal import limit_of
from frugally.fit.vision.augmentation import Augmentation
from frugally.fit.vision.cell_stacks import largest_stack
from frugally.fit.vision.choosing import choose, stored_bytes
from frugally.fit.vision.forms import Choice, optimised, written
from frugally.fit.vision.graph_scores import calibrated
from frugally.fit.vision.onnx_export import onnx_model
from frugally.fit.vision.pictures import Pictures, PictureSet, proposed_side, read_pictures
from frugally.fit.vision.quantising import in_eight_bits
from frugally.fit.vision.saving import (
    CHECKPOINTS,
    PICTURES,
    about_training,
    described,
    longest_card,
    save_fitted,
    save_source,
    timed,
)
from frugally.fit.vision.teaching import Teacher
from frugally.fit.vision.training import Report, Settings, Trainer
from frugally.fit.vision.training_forms import quick_forms
from frugally.fit.vision.weights import random_weights, starting_weights
from frugally.nets.card import Card
from frugally.nets.vision.cells.cell import Cell
from frugally.nets.vision.cells.stacking import stacked
from frugally.nets.vision.graph import Graph
from frugally.nets.vision.image_classifier import Input
from frugally.nets.vision.registry import make

PLAN = "plan.json"
DEFAULT_FAMILIES = ("shufflenet",)
_SLACK = 0.9  # of a budget's time is used: machines are noisy
_TRIES = 8  # networks written and measured before a budget is given up


def fit_vision(
    path: Path,
    out: Path,
    *,
    budget: Budget,
    families: Sequence[str] = DEFAULT_FAMILIES,
    network: str | None = None,
    cell: Cell | None = None,
    side: int | None = None,
    bits: int = 32,
    settings: Settings | None = None,
    teacher: Path | None = None,
    resume: bool = False,
    report: Report = lambda _: None,
    about: Mapping[str, Any] | None = None,
) -> Card:
    """Fit an image classifier on pictures in one folder a class; returns its card.

    Of the `families` the largest network is taken that keeps the budget, or the `network` named, or
    the largest that is stacked from a `cell`.
    `side` is that of the images it sees, by default proposed by the pictures. With 8 `bits` what is
    saved computes in integers. A `teacher` is a folder or ONNX file (see `teaching.Teacher`).
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
    keep_freed_memory()
    settings = settings or Settings()
    make_folder(out)
    side = side or proposed_side(path)
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
    how = Augmentation.for_side(side)
    told: Card = about_training(pictures, settings, how, bits, taught=teacher is not None)
    told["calibration"] = {"temperature": 1.0, "pictures": len(pictures.validation)}
    if about:
        told["about"] = dict(about)
    asked = {
        "budget": str(budget), "families": sorted(families), "network": network,
        "cell": cell.digest if cell else None,
    }  # fmt: skip
    planned = _recalled(out / PLAN, asked) if resume else None
    if planned is None:
        planned = _planned(
            _candidates(families, network, cell, side, len(pictures.classes), bits, report),
            budget, pictures, given, settings, told, bits, report,
        )  # fmt: skip
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
        about={"bits": bits, "forms": dict(planned.forms)},
    )
    if resume and trainer.resume():
        report(f"resumed at step {trainer.progress.step:,} of {trainer.steps:,}")
    weights, heat = calibrated(graph, dict(trainer.run()), pictures.validation, given)
    told["calibration"]["temperature"] = round(heat, 4)
    save_source(out, graph, weights)
    model = written(graph, weights, planned.choice)
    if bits == 8:
        small = in_eight_bits(model, pictures.train, mean, deviation)
        told["eight_bits"] = small.as_dict()
        report(str(small))
        model = small.model
    told["training"]["steps"] = trainer.progress.step
    told["training"]["seconds"] = round(trainer.progress.seconds, 1)
    card: Card = {**described(graph, planned.choice), **told}
    return save_fitted(out, model, graph.macs, pictures, given, card, budget, report)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    """A network before it is trained: how it will be trained and written, and what it takes."""

    graph: Graph
    choice: Choice
    seconds: float
    forms: Mapping[str, str]

    def as_dict(self) -> dict[str, Any]:
        """For JSON: a run that is resumed goes on with what was measured when it began."""
        return {"graph": self.graph.as_dict(), "choice": self.choice.as_dict(),
                "seconds": self.seconds, "forms": dict(self.forms)}  # fmt: skip


def _recalled(path: Path, asked: Mapping[str, Any]) -> _Planned | None:
    """What a run that is resumed began with, if it came so far.

    Raises:
        UsageError: it was asked for something else.
    """
    try:
        entry = json.loads(path.read_text("utf-8"))
        changed = sorted(name for name in asked if asked[name] != entry["asked"][name])
        if changed:
            raise UsageError(
                f"the run in {path.parent} was begun with another {', '.join(changed)}",
                hint="start again without --resume, or in another folder",
            )
        return _Planned(
            graph=Graph.from_dict(entry["graph"]), choice=Choice.from_dict(entry["choice"]),
            seconds=float(entry["seconds"]), forms=dict(entry["forms"]),
        )  # fmt: skip
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NetError(f"{path} is no plan of a run: {error!r}") from error


Candidates = Callable[[Budget], Graph]
"""The largest network that keeps a budget, by counting."""


def _candidates(
    families: Sequence[str], network: str | None, cell: Cell | None, side: int, classes: int,
    bits: int, report: Report,
) -> Candidates:  # fmt: skip
    seconds = measured_seconds()

    def largest(budget: Budget) -> Graph:
        if cell is not None:
            stack = largest_stack(
                cell, budget, side=side, classes=classes, bits=bits, seconds=seconds, report=report
            )
            return stacked(cell, stack, side, classes)
        if network is None:
            return choose(
                budget, families, side=side, classes=classes, bits=bits, seconds=seconds,
                report=report,
            )  # fmt: skip
        graph = make(network, side, classes)
        budget.check(size=stored_bytes(graph, bits), flops=2 * graph.macs)
        return graph

    return largest


def _planned(
    candidates: Candidates, budget: Budget, pictures: Pictures, given: Input, settings: Settings,
    told: Card, bits: int, report: Report,
) -> _Planned:  # fmt: skip
    """The largest network that keeps the budget once it is written, with random weights.

    Raises:
        BudgetError: none does.
    """
    within = replace(budget, seconds=None if budget.seconds is None else _SLACK * budget.seconds)
    for _ in range(_TRIES):
        graph = candidates(within)
        report(f"looking for the quickest form of {graph.name}")
        weights = starting_weights(graph, settings.seed)
        model, choice = optimised(graph, weights)
        card = {**described(graph, choice), **told}
        if bits == 8:
            small = in_eight_bits(model, pictures.train, given.mean, given.deviation)
            model, card["eight_bits"] = small.model, small.as_dict()
        size = len(model) + longest_card(card, given, graph, pictures)
        seconds = timed(model, graph.input)
        smaller = within
        if budget.size is not None and within.size is not None and size > budget.size:
            # In proportion: the quickest form may write a grouped convolution as a dense one, with
            # several times the bytes that are counted.
            counted = stored_bytes(graph, bits)
            smaller = replace(smaller, size=min(counted * budget.size // size, counted - 1))
        if budget.seconds is not None and within.seconds is not None:
            share = _SLACK * budget.seconds / seconds
            if share < 1:
                smaller = replace(smaller, seconds=0.95 * share * within.seconds)
        if smaller == within:
            forms = quick_forms(graph, settings.share, bfloat16=settings.bfloat16)
            return _Planned(graph=graph, choice=choice, seconds=seconds, forms=forms)
        within = smaller
        if within.size is not None and within.size < 1:
            break
    raise BudgetError(
        f"{graph.name} takes {size:,} bytes and {format_seconds(seconds)} an image once it is "
        f"written, more than {budget}",
        hint=f"it needs {limit_of('size', size)} {limit_of('seconds', seconds / _SLACK)}",
    )


def measured_seconds() -> Callable[[Graph], float]:
    """What networks take for one image in one thread, as the graph says, each measured once."""
    known: dict[str, float] = {}

    def measured(graph: Graph) -> float:
        if graph.name not in known:
            known[graph.name] = timed(onnx_model(graph, random_weights(graph)), graph.input)
        return known[graph.name]

    return measured


def colours(train: PictureSet) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of red, green and blue, of 0 to 1, over some pictures."""
    some = train.images[np.arange(0, len(train), max(1, len(train) // 2000))] / 255.0
    mean, deviation = some.mean(axis=(0, 1, 2)), some.std(axis=(0, 1, 2))
    return tuple(mean.round(4).tolist()), tuple(np.maximum(deviation, 0.01).round(4).tolist())
