"""`frugally fit architecture`: from pictures, a budget and a time to the best cell's classifier."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, field, replace
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np

from frugally.budget import Budget, format_seconds
from frugally.errors import BudgetError, FitError, UsageError
from frugally.files.disk import make_folder, remove, write_whole
from frugally.fit.architecture.bounds import Bounds, bounded_stack, recalled_bounds
from frugally.fit.architecture.controller import Controller
from frugally.fit.architecture.controller import Settings as Learning
from frugally.fit.architecture.evolution import Evolution
from frugally.fit.architecture.evolution import Settings as Population
from frugally.fit.architecture.finalists import FINALISTS, Finalist, winner_of
from frugally.fit.architecture.halving import Ladder, Rung, rungs_of
from frugally.fit.architecture.operation_times import checked, measured
from frugally.fit.architecture.random_search import RandomSearch
from frugally.fit.architecture.search import Clock, Search, Workers
from frugally.fit.architecture.space import Space
from frugally.fit.architecture.strategy import Strategy
from frugally.fit.architecture.trial_process import InProcess, end_all
from frugally.fit.architecture.trials import Trials
from frugally.fit.architecture.workplace import (
    FORMS,
    SUPERNET,
    Evaluators,
    PicturesChangedError,
    Workplace,
)
from frugally.fit.vision.fitting import PLAN, fit_vision
from frugally.fit.vision.members import digest as digest_of_files
from frugally.fit.vision.pictures import (
    Pictures,
    digest_of_pictures,
    proposed_side,
    read_pictures,
)
from frugally.fit.vision.saving import CHECKPOINTS, PICTURES
from frugally.fit.vision.training import Settings
from frugally.nets.card import Card
from frugally.nets.vision.cells import drawing
from frugally.nets.vision.cells.files import save_cell
from frugally.nets.vision.cells.stacking import Stack

TRIALS, SEARCH, TIME, SUMMARY = "trials.sqlite", "search.json", "time.json", "summary.json"
CELL, DRAWN, ASKED, WINNER = "cell.json", "cell.png", "asked.json", "winner.json"


def _small_evolution(space: Space, seed: int) -> Strategy:
    """Evolution as it suits an hour: a hundred cells would fill the paper's population only."""
    return Evolution(space, seed, Population(population=30, sample=8))


def _quick_controller(space: Space, seed: int) -> Strategy:
    """The controller at ten times the paper's rate: with that it needs thousands of cells."""
    return Controller(space, seed, Learning(rate=0.0035, batch=10))


STRATEGIES: dict[str, Callable[[Space, int], Strategy]] = {
    "random": RandomSearch,
    "evolution": _small_evolution,
    "controller": _quick_controller,
}
_CHECKED = 6  # of them whose networks are measured whole

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class How:
    """How to search.

    Cells are tried by `evaluators`, in a `stack`, on at most `learnt` pictures for `passes` over
    them, scored on at most `held`; a trial takes at most `seconds_each`. Shared weights are trained
    for `shared` passes. The budget bounds networks of `cells` normal cells a stage. The `finalists`
    best are trained once more, twice as long, in networks that fill the budget.
    """

    strategy: str = "evolution"
    evaluators: tuple[str, ...] = ("short",)
    stack: Stack = field(default_factory=lambda: Stack(cells=1, filters=16))
    passes: float = 1.0
    shared: float = 20.0
    learnt: int = 8192
    held: int = 2048
    seconds_each: float = 600.0
    cells: int = 2
    finalists: int = 3
    threads: int = 1
    training: Settings = field(default_factory=lambda: Settings(batch=64, rate=0.1, warmup=0.2))

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise UsageError(
                f"there is no strategy {self.strategy!r:.80}",
                hint=f"one of {', '.join(STRATEGIES)}",
            )
        rungs_of(self.evaluators, self.passes)
        if not (0 < self.seconds_each < math.inf and 0 < self.shared < math.inf):
            raise UsageError("a trial takes time, and shared weights passes over the pictures")
        if self.finalists < 1:
            raise UsageError("a search has one finalist or more", hint="such as 3")
        if min(self.learnt, self.held) < 2:
            raise UsageError("cells learn from two pictures or more", hint="such as 8192")

    @property
    def rungs(self) -> tuple[Rung, ...]:
        """The evaluators as rungs."""
        return rungs_of(self.evaluators, self.passes)

    def as_dict(self) -> dict[str, Any]:
        """What makes a search another one, by name; not what may change when it is resumed."""
        training = self.training.as_dict()
        for free in ("epochs", "seed", "threads", "save_every_seconds"):
            training.pop(free)
        return {
            "strategy": self.strategy, "evaluators": list(self.evaluators),
            "passes": self.passes, "shared passes": self.shared, "stack": asdict(self.stack),
            "pictures tried on": [self.learnt, self.held], "training": training,
        }  # fmt: skip


def fit_architecture(
    path: Path,
    out: Path,
    *,
    budget: Budget,
    seconds: float,
    spaces: Sequence[Space],
    how: How,
    final: Settings,
    executor: Callable[[], Executor],
    workers: int = 1,
    side: int | None = None,
    resume: bool = False,
    asked: Mapping[str, Any] | None = None,
    report: Report = lambda _: None,
) -> Card:
    """Search a cell for pictures in one folder a class, and fit a classifier of it.

    The search takes at most `seconds`, over all the times it was resumed; trials under way at the
    end are finished. Of `spaces` the first is searched in whose networks the budget leaves 16
    filters. Then come the finalists, and the training of the winner as `fit_vision` does it with
    the `final` settings. `executor` makes what trials are handed to, and makes it anew when a
    worker of it has died. `asked` is kept as JSON for who resumes the search by its folder.

    Raises:
        UsageError: there is no time, an option makes no sense, the folder holds another search, or
            the pictures are not those that it began with.
        BudgetError: no cell keeps the budget, or the time was too short for a single one.
        FitError: every trial came to nothing.
    """
    if not 0 < seconds < float("inf"):
        raise UsageError("a search needs more than no time", hint="such as --hours 1")
    if budget.passages is not None:
        raise UsageError("an image classifier reads no passages", hint="like '1MB 40MMAC 5ms'")
    make_folder(out)
    if not resume and (out / TRIALS).exists():
        raise UsageError(
            f"{out} holds a search already", hint="--resume goes on with it, or use another folder"
        )
    side = side or proposed_side(path)
    before = digest_of_files(path)
    pictures = read_pictures(path, out / PICTURES, side=side, seed=final.seed, report=report)
    report(
        f"{len(pictures.train):,} pictures of {len(pictures.classes)} classes to learn from, "
        f"{len(pictures.validation):,} held out, seen as {side} x {side}"
    )
    digest = digest_of_pictures(pictures.train, pictures.validation)
    if not (out / TRIALS).exists():
        for name in (SEARCH, TIME, FORMS, FINALISTS, SUPERNET):  # of a search that never began
            remove(out / name)
    space, bounds = _bounds(
        out / SEARCH, budget, spaces, how.cells, pictures, side, final.seed, report
    )
    place = Workplace(
        path=str(path.resolve()), cache=str((out / PICTURES).resolve()),
        folder=str(out.resolve()), side=side, seed=final.seed, digest=digest, stack=how.stack,
        settings=replace(how.training, threads=how.threads, seed=final.seed),
        learnt=how.learnt, held=how.held,
    )  # fmt: skip
    clock = Clock(out / TIME, seconds)
    about = {
        "space": space.as_dict(), "pictures": digest, "classes": list(pictures.classes),
        "side": side, "seed": final.seed, "budget": asdict(budget),
        "bounded": asdict(bounds.stack), **how.as_dict(),
    }  # fmt: skip
    measure = InProcess(place=place, seconds=how.seconds_each)

    def changed() -> bool:
        nonlocal before
        now = digest_of_files(path)
        if now != before:  # files were touched: are the pictures in them others?
            before = now
            try:
                place.pictures()
            except PicturesChangedError:
                return True
        return False

    flops = 0
    with Trials(out / TRIALS, about) as trials:
        write_whole(out / ASKED, (json.dumps(asked or {}, indent=1) + "\n").encode())
        try:
            if "shared" in how.evaluators:
                flops = _train_shared(place, space, how, clock, report)
            search = Search(
                space, STRATEGIES[how.strategy](space, final.seed), trials, bounds,
                Ladder(how.rungs), measure, clock, seed=final.seed, report=report,
                pictures_changed=changed,
            )  # fmt: skip
            why = _run(search, Workers(executor, workers), place.folder)
            report(f"{why}: {len(trials):,} cells proposed in {format_seconds(clock.spent)}")
            if changed():
                raise PicturesChangedError(path)
            _refuse_nothing(trials, clock, budget)
            spent = clock.spent
            finalists = winner_of(
                trials, how, place, budget, len(pictures.classes), out, report=report
            )
            about_search = _summary(trials, spent, flops, finalists, how)
        finally:
            end_all(place.folder)
    winner = finalists[0]
    training = json.dumps({"cell": winner.cell.digest, "training": final.as_dict()}).encode()
    again = resume and _holds(out / WINNER, training)
    if not again:  # what is there of another training is for nothing
        for name in (CHECKPOINTS, PLAN):
            remove(out / name)
    write_whole(out / WINNER, training)
    save_cell(out / CELL, winner.cell)
    drawing.save(winner.cell, out / DRAWN, f"cell {winner.cell.digest[:8]}")
    if changed():
        raise PicturesChangedError(path)
    card = fit_vision(
        path, out, budget=budget, cell=winner.cell, side=side, settings=final, resume=again,
        report=report,
    )  # fmt: skip
    about_search["accuracy"] = card["scores"]["accuracy"]
    about_search["milliseconds"] = card["milliseconds"]
    about_search["network"] = card["network"]
    write_whole(out / SUMMARY, (json.dumps(about_search, indent=1) + "\n").encode())
    return card


def _run(search: Search, workers: Workers, folder: str) -> str:
    finished = False
    try:
        why = search.run(workers)
        finished = True
    finally:
        if not finished:
            end_all(folder)  # or their threads would be waited for
        workers.end(wait=finished)
    return why


def _train_shared(place: Workplace, space: Space, how: How, clock: Clock, report: Report) -> int:
    """Train the weights that cells share; returns the operations that it took."""

    def enough() -> bool:
        return clock.left <= 0

    def told(line: str) -> None:
        clock.keep()  # so that a kill loses seconds, not the whole training
        report(line)

    try:
        flops = Evaluators(place).train_shared(space, how.shared, enough, told)
    finally:
        clock.keep()
    if flops is None:
        raise BudgetError(
            f"{format_seconds(clock.seconds)} were over before shared weights were trained",
            hint="--resume with more hours goes on, or train them for fewer passes",
        )
    return flops


def _refuse_nothing(trials: Trials, clock: Clock, budget: Budget) -> None:
    """Raise if not one cell has a reward."""
    if trials.best():
        return
    notes = [trial.note for trial in trials if trial.status in ("failed", "diverged", "timed out")]
    if notes:
        raise FitError(f"all {len(notes)} trials came to nothing; the last: {notes[-1]}")
    if len(trials):
        raise BudgetError(
            f"of {len(trials):,} cells that were proposed none keeps within {budget}",
            hint="hardly any cell does: give a larger budget, or --resume with more hours",
        )
    raise BudgetError(
        f"{format_seconds(clock.seconds)} are too short for a single cell",
        hint="--resume with more hours goes on",
    )


def _bounds(
    path: Path, budget: Budget, spaces: Sequence[Space], cells: int, pictures: Pictures,
    side: int, seed: int, report: Report,
) -> tuple[Space, Bounds]:  # fmt: skip
    """What is searched inside which bounds; it is kept for when the search is resumed.

    Raises:
        BudgetError: no cell keeps them.
    """
    classes = len(pictures.classes)
    kept = recalled_bounds(path)
    if kept is not None:
        began, measurements = kept
        space = began if began in spaces else spaces[0]
        return space, Bounds(budget=budget, size=side, classes=classes, **measurements)
    times = None
    if budget.seconds is not None:
        report("measuring what each operation takes on this machine: a minute")
        times = measured(spaces[0].operations)
        random = np.random.default_rng((seed, 7))
        some = [space.decode(space.sample(random)) for space in islice(cycle(spaces), _CHECKED)]
        times = checked(times, some, Stack(cells=cells, filters=16), side, classes, report=report)
        report(f"networks take what was predicted to within {times.error:.0%}")
    space, bounds = bounded_stack(budget, spaces, cells, side, classes, times, seed)
    bounds.refuse_impossible(space, seed)
    report(
        f"networks that have to keep {budget}: {space.blocks} blocks a cell, "
        f"{bounds.stack.cells} cells a stage, {bounds.stack.filters} filters"
    )
    entry = {
        "space": space.as_dict(), "stack": asdict(bounds.stack),
        "times": times.as_dict() if times else None,
        "rest": bounds.rest,
    }  # fmt: skip
    write_whole(path, json.dumps(entry).encode())
    return space, bounds


def _holds(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


def _summary(
    trials: Trials, spent: float, flops: int, finalists: tuple[Finalist, ...], how: How
) -> dict[str, Any]:
    """What was found and what it took, for JSON."""
    counts: dict[str, int] = {}
    flops += sum(one.flops for one in finalists)
    for trial in trials:
        counts[trial.status] = counts.get(trial.status, 0) + 1
        if not trial.note.startswith("as trial"):
            flops += int(trial.cost.get("flops", 0))
    return {
        "cell": finalists[0].cell.as_dict(),
        "digest": finalists[0].cell.digest,
        "strategy": how.strategy,
        "evaluators": list(how.evaluators),
        "trials": counts,
        "search_seconds": round(spent + sum(one.seconds for one in finalists), 1),
        "search_flops": flops,
        "finalists": [one.as_dict() for one in finalists],
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }
