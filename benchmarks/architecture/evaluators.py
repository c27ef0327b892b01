"""What random cells are worth: by each evaluator, and by a longer training."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import kendalltau

from benchmarks.architecture.trainings import (
    ALL,
    Bench,
    TimeIsOverError,
    chance_cells,
    shuffled_at_random,
    steady_cells,
)
from frugally.errors import FitError
from frugally.fit.architecture.evaluator import Score
from frugally.fit.architecture.proxy import Proxy
from frugally.fit.architecture.workplace import SUPERNET, Evaluators
from frugally.nets.vision.cells.cell import Cell

_WORTH = 0.2  # of Kendall's tau: from there a cheap score chooses what is trained


def correlation(bench: Bench) -> None:
    """Each evaluator's score of random cells, and a longer training's."""
    sizes = bench.sizes
    evaluators = Evaluators(bench.place())

    def shared() -> int:
        flops = evaluators.train_shared(ALL.space, sizes.shared, lambda: not bench.left, print)
        if flops is None:
            raise TimeIsOverError("shared weights")
        return flops

    if not (bench.work / SUPERNET).exists():
        bench.results.pop("shared weights", None)
    bench.once("shared weights", shared)
    proxies = {
        kind: Proxy(evaluators.train, ALL.stack, mean=evaluators.mean,
                    deviation=evaluators.deviation, kind=kind)
        for kind in ("kernel", "flow", "gradient")
    }  # fmt: skip
    for cell in (*chance_cells(sizes), *steady_cells(sizes)):
        long = judged_by_chance(bench, cell)

        def scored(cell: Cell = cell, long: dict[str, Any] = long) -> dict[str, Any]:
            scores = {kind: one.evaluate(cell, 1, 1) for kind, one in proxies.items()}
            for name in ("shared", "short"):
                try:
                    scores[name] = evaluators.evaluate(name, cell, 1, 1)
                except FitError:
                    scores[name] = Score(value=0.0, seconds=0.0, flops=0)
            return {
                "parameters": long["parameters"], "macs": long["macs"],
                "random shuffles": shuffled_at_random(cell),
                "long": [long["accuracy"], long["seconds"]],
                **{name: [one.value, one.seconds, one.flops] for name, one in scores.items()},
            }  # fmt: skip

        bench.once(f"correlation {cell.digest[:12]}", scored)


def repeated(bench: Bench) -> None:
    """The longer training of some random cells once more: how far it agrees with itself."""
    cells = (*chance_cells(bench.sizes), *steady_cells(bench.sizes))
    for cell in cells[:: max(1, len(cells) // bench.sizes.repeated)]:
        first = judged_by_chance(bench, cell)
        second = bench.judged(f"random {cell.digest[:12]} seed 1", cell, 1)
        pair = [first["accuracy"], second["accuracy"]]
        bench.once(f"repeated {cell.digest[:12]}", lambda pair=pair: pair)


def judged_by_chance(bench: Bench, cell: Cell) -> dict[str, Any]:
    """The longer training of a random cell: correlation and strategies look at the same ones."""
    return bench.judged(f"random {cell.digest[:12]} seed 0", cell, 0)


def evaluators_of(bench: Bench) -> list[str]:
    """Who scores cells in all searches, by a rule that was set before anything was measured.

    The proxy lets through what a training scores if it ranks random cells better than hardly.
    """

    def chosen() -> list[str]:
        rows = [one for key, one in bench.results.items() if key.startswith("correlation ")]
        if len(rows) < bench.sizes.cells + bench.sizes.steady:
            raise SystemExit("run the part `correlation` first")
        values = (np.array([row[name][0] for row in rows], float) for name in ("kernel", "long"))
        return ["proxy", "short"] if kendalltau(*values).statistic > _WORTH else ["short"]

    return list(bench.once("evaluators", chosen))
