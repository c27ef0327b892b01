"""Budgets: fifty nets of random sizes for each task, whether each keeps its own, what more buys.

    python -m benchmarks.budgets --data DIR

DIR (or the environment variable FRUGALLY_DATA) holds ud/ and lid/sib200.train.tsv.xz. Sizes are
drawn from 20 KB to 5 MB, evenly on a logarithmic scale. Trainings are short, so the accuracies are
lower than those of nets fitted for use; one after the other they are kept in
benchmarks/results/budgets.json, and not fitted again.
"""

from __future__ import annotations

import itertools
import random
import shutil
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import machine
from frugally.budget import Budget, format_bytes
from frugally.errors import BudgetError
from frugally.fit.frontier import point_of
from frugally.fit.language.fitting import Fit, fit_labelled
from frugally.fit.tagger import fit_tagger
from frugally.fit.tagger.training import Recipe

COUNT, SEED = 50, 0
LEAST, MOST = 20_000, 5_000_000
TREEBANK = "Lithuanian-ALKSNIS"
PARTS = 5  # of the range, for the means
QUICK = Recipe(epochs=6, batch_tokens=128, hidden_dropout=0.2)


def tagger(data: Path, budget: Budget, out: Path) -> None:
    """A tagger of a small treebank."""
    fit_tagger(data / "ud" / TREEBANK, out, budget=budget, trials=2, recipe=QUICK)


def language(data: Path, budget: Budget, out: Path) -> None:
    """An identifier of a tenth of the languages of SIB-200."""
    import lzma

    with lzma.open(data / "lid" / "sib200.train.tsv.xz", "rt", encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    kept = set(sorted({row[0] for row in rows})[::10])
    fit_labelled(
        ((row[0], row[3]) for row in rows if row[0] in kept),
        out,
        budget=budget,
        fit=Fit(steps=300, trial_steps=20, seed=SEED),
        sources={"SIB-200": "CC BY-SA 4.0"},
        report=lambda line: None,
    )


TASKS: dict[str, Callable[[Path, Budget, Path], None]] = {"tagger": tagger, "language": language}


def sizes() -> list[int]:
    """The budgets in bytes."""
    source = random.Random(SEED)
    return [round(LEAST * (MOST / LEAST) ** source.random()) for _ in range(COUNT)]


def measure(task: str, data: Path, size: int) -> dict[str, Any]:
    """What a budget gave: the bytes of all files and the score, or that it was refused."""
    place = Path(tempfile.mkdtemp(prefix="budgets-"))
    try:
        TASKS[task](data, Budget(size=size), place / "net")
        taken = sum(path.stat().st_size for path in (place / "net").iterdir())
        score = point_of(place / "net", task, size).score
        return {"asked": size, "taken": taken, "score": score}
    except BudgetError as error:
        return {"asked": size, "refused": f"{error}; {error.hint}"}
    finally:
        shutil.rmtree(place)


def ranks(values: Sequence[float]) -> NDArray[np.float64]:
    """The place of each value in order; equal values share the mean of theirs."""
    _, groups, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    means: NDArray[np.float64] = (2 * ends - counts - 1) / 2
    return means[groups]


def render(result: dict[str, Any]) -> str:
    """The table of docs/benchmarks.md."""
    rows = []
    for task, runs in result["tasks"].items():
        made = sorted((run for run in runs if "taken" in run), key=lambda run: run["asked"])
        exceeded = sum(run["taken"] > run["asked"] for run in made)
        edges = [round(i * len(made) / PARTS) for i in range(PARTS + 1)]
        for low, high in itertools.pairwise(edges):
            part = made[low:high]
            asked = f"{format_bytes(part[0]['asked'])} to {format_bytes(part[-1]['asked'])}"
            used = statistics.mean(run["taken"] / run["asked"] for run in part)
            scores = [run["score"] for run in part]
            mean, spread = statistics.mean(scores), statistics.stdev(scores)
            cells = [asked, len(part), f"{used:.0%}", f"{mean:.2f} ± {spread:.2f}"]
            rows.append([task, *cells, "", ""])
        asked, scored = (ranks([run[name] for run in made]) for name in ("asked", "score"))
        order = float(np.corrcoef(asked, scored)[0, 1])
        refused = len(runs) - len(made)
        rows.append([f"{task}, all", f"{refused} refused", len(made), "", "", exceeded,
                     f"{order:.2f}"])  # fmt: skip
    head = ["task", "budgets", "nets", "of it used", "accuracy", "exceeded", "rank correlation"]
    return machine.table(head, rows)


def main() -> None:
    """Measure, write and print."""
    data = machine.needs(machine.arguments(__doc__.splitlines()[0]).parse_args().data, "ud", "lid")
    result = machine.load("budgets") or {"tasks": {}}
    result["machine"] = machine.describe("numpy", "torch")
    for task in TASKS:
        runs = result["tasks"].setdefault(task, [])
        for size in sizes()[len(runs) :]:
            runs.append(measure(task, data, size))
            print(task, runs[-1], flush=True)
            machine.save("budgets", result)
    print(render(result))


if __name__ == "__main__":
    main()
