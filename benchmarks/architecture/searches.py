"""Searches at equal cost, and what their cells are worth when they are trained longer."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.architecture.evaluators import evaluators_of, judged_by_chance
from benchmarks.architecture.trainings import (
    ALL,
    CELLS,
    SIDE,
    Bench,
    Cells,
    TimeIsOverError,
    chance_cells,
    random_cells,
    steady_cells,
)
from frugally.budget import Budget
from frugally.errors import UsageError
from frugally.fit.architecture.bounds import Bounds
from frugally.fit.architecture.fitting import STRATEGIES
from frugally.fit.architecture.halving import Ladder, rungs_of
from frugally.fit.architecture.learned import learned
from frugally.fit.architecture.operation_times import (
    OperationTimes,
    checked,
    measured,
    milliseconds,
    stem_and_head,
)
from frugally.fit.architecture.search import Clock, Search, Workers
from frugally.fit.architecture.space import Space
from frugally.fit.architecture.trial_process import InProcess, Job, end_all
from frugally.fit.architecture.trials import Trial, Trials, recorded
from frugally.nets.vision.cells.cell import Cell
from frugally.nets.vision.cells.stacking import Stack, stacked

_DRAWN = 28  # cells by chance of which half keep a bound


class _Flops(Clock):
    """A clock that is over when trials took so many operations, or the sitting's minutes are."""

    def __init__(self, bench: Bench, trials: Trials, path: Path) -> None:
        super().__init__(path, float("inf"))
        self._bench, self._trials = bench, trials

    @property
    def used(self) -> float:
        return sum(t.cost.get("flops", 0) for t in self._trials if not t.note.startswith("as "))

    @property
    def left(self) -> float:
        return self._bench.left if self.used < self._bench.sizes.search_flops else 0.0


def searched(bench: Bench, strategy: str, kind: str, which: str = "all") -> list[Cell]:
    """The best of some CELLS, the best first; `kind` of bound: "macs" or "seconds"."""
    name, cells = f"{strategy} {kind} {which}", CELLS[which]
    bounds, evaluators = bounds_of(bench, kind, which), evaluators_of(bench)
    found = bench.once(
        f"search {name}", lambda: _searched(bench, strategy, cells, bounds, evaluators, name)
    )
    return [Cell.from_dict(one["cell"]) for one in found["finalists"]]


def bounds_of(bench: Bench, kind: str, which: str = "all") -> Bounds:
    """What half of the random cells keep, in the networks in which cells are judged."""
    by_time, which = kind == "seconds", which.removesuffix(" paper")
    of, suffix = CELLS[which], "" if which == "all" else f" {which}"
    free = Bounds(
        budget=Budget(seconds=1.0) if by_time else Budget(flops=10**12), stack=of.stack, size=SIDE,
        times=times_of(bench) if by_time else None,
        rest=bench.timed(f"stem and head{suffix}", lambda: stem_and_head(of.stack))
        if by_time else None,
    )  # fmt: skip

    def half() -> float:
        drawn = chance_cells(bench.sizes) if of == ALL else random_cells(_DRAWN, 11, of.space)
        needs = [free.need(cell) for cell in drawn]
        return float(np.median([need.seconds or need.flops for need in needs]))

    limit = bench.once(f"bound {kind}{suffix}", half)
    return replace(free, budget=Budget(seconds=limit) if by_time else Budget(flops=int(limit)))


def _searched(
    bench: Bench, strategy: str, cells: Cells, bounds: Bounds, evaluators: list[str], name: str
) -> dict[str, Any]:
    path, space = _path(bench, name), cells.space
    measure = InProcess(place=bench.place(cells.stack), seconds=1200)
    workers = Workers(lambda: ThreadPoolExecutor(1), 1)
    about = {
        "space": space.as_dict(), "strategy": strategy, "evaluators": evaluators,
        "budget": asdict(bounds.budget), "place": measure.place.as_dict(),
    }  # fmt: skip
    with Trials(path, about) as trials:
        clock = _Flops(bench, trials, path.with_suffix(".json"))
        try:
            why = Search(
                space, STRATEGIES[strategy](space, 1), trials, bounds,
                Ladder(rungs_of(evaluators, 1.0)), measure, clock, report=print,
            ).run(workers)  # fmt: skip
            if clock.used < bench.sizes.search_flops and not bench.left:
                raise TimeIsOverError(f"search {name}: {why}")
            finalists = _finalists(bench, trials, measure)
        finally:
            clock.keep()
            end_all(measure.place.folder)
            workers.end(wait=True)
        last = evaluators[-1]
        scores = [t.cost[last] for t in trials
                  if last in t.cost and not t.note.startswith("as ")]  # fmt: skip
        return {
            "finalists": finalists, "mean": float(np.mean(scores)), "best": float(np.max(scores)),
            "scored": len(scores), "proposed": len(trials), "ended": why,
            "flops": clock.used + sum(one["flops"] for one in finalists),
            "seconds": clock.spent, "learned": _learned(list(trials), space, bounds, strategy),
        }  # fmt: skip


def _finalists(bench: Bench, trials: Trials, measure: InProcess) -> list[dict[str, Any]]:
    """The best cells of a search once more, for twice as long and with another seed."""
    best: dict[str, Cell] = {}
    for trial in trials.best(len(trials)):
        best.setdefault(trial.digest, trial.cell)
    cells = list(best.values())[: bench.sizes.finalists]
    scores = [measure(Job(cell=cell, evaluator="short", seed=2, passes=2.0)) for cell in cells]
    found = [
        {"cell": cell.as_dict(), "score": score.value, "flops": score.flops}
        for cell, score in zip(cells, scores, strict=True)
    ]
    return sorted(found, key=lambda one: -one["score"])


def _learned(
    trials: list[Trial], space: Space, bounds: Bounds, strategy: str
) -> dict[str, Any] | None:
    """What the trials show of operations; None of too few."""
    try:
        return learned(trials, space, bounds, strategy).as_dict()
    except UsageError:
        return None


def times_of(bench: Bench) -> OperationTimes:
    """The table of operations, measured once."""

    def made() -> dict[str, Any]:
        times = measured(ALL.space.operations, seconds=bench.sizes.table)
        return checked(times, random_cells(8, 12), Stack(cells=2, filters=16)).as_dict()

    return OperationTimes.from_dict(bench.timed("table of times", made))


def strategies(bench: Bench) -> None:
    """Controller, evolution and random search at equal cost; and cells that nobody chose."""
    for name in STRATEGIES:
        cell = searched(bench, name, "seconds")[0]
        for seed in range(bench.sizes.seeds):
            bench.judged(f"strategies {name} seed {seed}", cell, seed)
    bounds = bounds_of(bench, "seconds")
    for name, cells in (("chance", chance_cells), ("steady", steady_cells)):
        for cell in cells(bench.sizes):
            if bounds.need(cell).share(bounds.budget) <= 1:
                one = judged_by_chance(bench, cell)
                bench.once(f"strategies {name} {cell.digest[:12]} seed 0", lambda one=one: one)
    bench.once("learned together", lambda: _learned_together(bench, bounds))


def _learned_together(bench: Bench, bounds: Bounds) -> dict[str, Any] | None:
    """What the trials of the three strategies show, each of which tries too few to tell much."""
    trials = [
        trial for name in STRATEGIES for trial in recorded(_path(bench, f"{name} seconds all"))[1]
    ]
    return _learned(trials, ALL.space, bounds, "three together")


def _path(bench: Bench, name: str) -> Path:
    return bench.work / f"{name.replace(' ', '-')}.sqlite"


def groups(bench: Bench) -> None:
    """With and without group convolution and shuffle, for a bound on operations and on time.

    The best cells of each search are trained once each, so that not one cell alone speaks for it.
    """
    for kind in ("macs", "seconds"):
        for which in ("few", "few paper"):
            for place, cell in enumerate(searched(bench, "evolution", kind, which)):
                bench.judged(f"groups {kind} {which} cell {place}", cell, 0, CELLS[which].stack)


def times(bench: Bench) -> None:
    """Predicted against measured milliseconds."""
    table, stack = times_of(bench), Stack(cells=2, filters=16)
    for cell in random_cells(bench.sizes.timed, 14):

        def both(cell: Cell = cell) -> list[float]:
            predicted = stem_and_head(stack) + table.cells(cell, stack)
            return [predicted, milliseconds(stacked(cell, stack))]

        bench.timed(f"times {cell.digest[:12]}", both)
