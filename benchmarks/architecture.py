"""Architecture search on small pictures: what each part of it is worth.

    python -m benchmarks.architecture PART … --data DIR --work DIR --minutes 90
    python -m benchmarks.architecture render

DIR has vision/cifar10.tar.xz and vision/imagenette-96.zip. What the parts train takes on two cores,
from the processor time of single steps:

    correlation  140 minutes   40 random cells of 3, their scores by every evaluator, shared weights
    strategies    85           three searches of 20, nine trainings of 3
    times          4
    winner       180           three trainings of 30, eight of the registry's networks of 3 to 15
    transfer      60           four trainings of 10 to 15
    groups        85           three searches of 20, nine trainings of 3
    all          554           9.2 hours

Winner and transfer need the cells of strategies. Every training is kept when it is done, and saved
every four minutes before; a search is kept trial by trial, and shared weights are saved. After so
many minutes no other training is begun, and the same command goes on. --tiny runs everything on
next to nothing, to see that it runs.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import architecture_tables, machine
from benchmarks.architecture_trainings import (
    ALL,
    CIFAR,
    IMAGENETTE,
    PAPER,
    SEARCHED,
    SIDE,
    TINY,
    Bench,
    Sizes,
    TimeIsOverError,
    random_cells,
)
from frugally.budget import Budget
from frugally.errors import FrugallyError
from frugally.fit.architecture.bounds import Bounds
from frugally.fit.architecture.fitting import STRATEGIES
from frugally.fit.architecture.halving import Ladder, rungs_of
from frugally.fit.architecture.operation_times import (
    OperationTimes,
    checked,
    measured,
    milliseconds,
    stem_and_head,
)
from frugally.fit.architecture.proxy import Proxy
from frugally.fit.architecture.search import Clock, Search, Workers
from frugally.fit.architecture.space import Space
from frugally.fit.architecture.trial_process import InProcess, end_all
from frugally.fit.architecture.trials import Trials
from frugally.fit.architecture.workplace import Evaluators
from frugally.fit.memory import keep_freed_memory
from frugally.fit.vision.cell_stacks import largest_stack
from frugally.fit.vision.choosing import choose
from frugally.nets.vision.cells.cell import Cell
from frugally.nets.vision.cells.references import reference
from frugally.nets.vision.cells.stacking import Stack, stacked
from frugally.nets.vision.graph import Graph

PEERS = ("shufflenet", "shufflenet-v2", "mobilenet-v2", "resnet-cifar", "quick-resnet")
_DRAWN = 11  # the seed of the random cells


def seconds(graph: Graph) -> float:
    """What a network takes for one image in one thread."""
    return milliseconds(graph) / 1e3


def correlation(bench: Bench) -> None:
    """Each evaluator's score of random cells, and a longer training's."""
    sizes = bench.sizes
    evaluators = Evaluators(bench.place())

    def shared() -> int:
        flops = evaluators.train_shared(ALL, sizes.shared, lambda: not bench.left, print)
        if flops is None:
            raise TimeIsOverError("shared weights")
        return flops

    bench.once("shared weights", shared)
    proxies = {
        kind: Proxy(evaluators.train, SEARCHED, mean=evaluators.mean,
                    deviation=evaluators.deviation, kind=kind)
        for kind in ("kernel", "flow", "gradient")
    }  # fmt: skip
    for cell in random_cells(sizes.cells, _DRAWN):
        long = judged_by_chance(bench, cell)

        def scored(cell: Cell = cell, long: dict[str, Any] = long) -> dict[str, Any]:
            graph = stacked(cell, SEARCHED, SIDE)
            scores = {kind: one.evaluate(cell, 1, 1) for kind, one in proxies.items()}
            for name in ("shared", "short"):
                scores[name] = evaluators.evaluate(name, cell, 1, 1)
            return {
                "parameters": graph.parameters, "macs": graph.macs,
                "long": [long["accuracy"], long["seconds"]],
                **{name: [one.value, one.seconds, one.flops] for name, one in scores.items()},
            }  # fmt: skip

        bench.once(f"correlation {cell.digest[:12]}", scored)


def judged_by_chance(bench: Bench, cell: Cell) -> dict[str, Any]:
    """The longer training of a random cell: correlation and strategies look at the same ones."""
    return bench.judged(f"random {cell.digest[:12]}", cell, 0)


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


def searched(bench: Bench, strategy: str, space: Space, kind: str) -> Cell:
    """The best cell of a search; `kind` of bound: "macs" or "seconds"."""
    name = f"{strategy} {kind} {'all' if space == ALL else 'paper'}"
    return Cell.from_dict(
        bench.once(f"search {name}", lambda: _searched(bench, strategy, space, kind, name))["cell"]
    )


def bounds_of(bench: Bench, kind: str) -> Bounds:
    """What half of the random cells keep, in the networks in which cells are judged."""
    by_time = kind == "seconds"
    free = Bounds(
        budget=Budget(seconds=1.0) if by_time else Budget(flops=10**12), stack=SEARCHED, size=SIDE,
        times=times_of(bench) if by_time else None,
        rest=bench.once("stem and head", lambda: stem_and_head(SEARCHED)) if by_time else None,
    )  # fmt: skip

    def half() -> float:
        needs = [free.need(cell) for cell in random_cells(bench.sizes.cells, _DRAWN)]
        return float(np.median([need.seconds or need.flops for need in needs]))

    limit = bench.once(f"bound {kind}", half)
    return replace(free, budget=Budget(seconds=limit) if by_time else Budget(flops=int(limit)))


def _searched(bench: Bench, strategy: str, space: Space, kind: str, name: str) -> dict[str, Any]:
    path = bench.work / f"{name.replace(' ', '-')}.sqlite"
    evaluators = bench.sizes.evaluators
    measure = InProcess(place=bench.place(), seconds=1200)
    workers = Workers(lambda: ThreadPoolExecutor(1), 1)
    about = {
        "space": space.as_dict(), "strategy": strategy, "kind": kind, "evaluators": evaluators,
    }  # fmt: skip
    with Trials(path, about) as trials:
        clock = _Flops(bench, trials, path.with_suffix(".json"))
        try:
            why = Search(
                space, STRATEGIES[strategy](space, 1), trials, bounds_of(bench, kind),
                Ladder(rungs_of(evaluators, 1.0)), measure, clock, report=print,
            ).run(workers)  # fmt: skip
        finally:
            end_all(measure.place.folder)
            workers.end(wait=True)
        if clock.used < bench.sizes.search_flops:
            raise TimeIsOverError(f"search {name}: {why}")
        last = evaluators[-1]
        scores = [t.cost[last] for t in trials
                  if last in t.cost and not t.note.startswith("as ")]  # fmt: skip
        best = trials.best()[0]
        return {
            "cell": best.cell.as_dict(), "score": best.cost[last], "mean": float(np.mean(scores)),
            "scored": len(scores), "proposed": len(trials), "flops": clock.used,
            "seconds": clock.spent,
        }  # fmt: skip


def times_of(bench: Bench) -> OperationTimes:
    """The table of operations, measured once."""

    def made() -> dict[str, Any]:
        times = measured(ALL.operations, seconds=bench.sizes.table)
        return checked(times, random_cells(8, 12), Stack(cells=2, filters=16)).as_dict()

    return OperationTimes.from_dict(bench.once("table of times", made))


def strategies(bench: Bench) -> None:
    """Controller, evolution and random search at equal cost; and cells that nobody chose."""
    for name in STRATEGIES:
        cell = searched(bench, name, ALL, "seconds")
        for seed in range(bench.sizes.seeds):
            bench.judged(f"strategies {name}", cell, seed)
    bounds = bounds_of(bench, "seconds")
    for cell in random_cells(bench.sizes.cells, _DRAWN):
        if bounds.need(cell).share(bounds.budget) <= 1:
            one = judged_by_chance(bench, cell)
            bench.once(f"strategies chance {cell.digest[:12]} seed 0", lambda one=one: one)


def times(bench: Bench) -> None:
    """Predicted against measured milliseconds."""
    table, stack = times_of(bench), Stack(cells=2, filters=16)
    for cell in random_cells(bench.sizes.timed, 14):

        def both(cell: Cell = cell) -> list[float]:
            predicted = stem_and_head(stack) + table.cells(cell, stack)
            return [predicted, milliseconds(stacked(cell, stack))]

        bench.once(f"times {cell.digest[:12]}", both)


def best_cell(bench: Bench) -> Cell:
    """The cell of `strategies` with the highest score in its search."""
    names = [f"search {name} seconds all" for name in STRATEGIES]
    if not all(name in bench.results for name in names):
        raise SystemExit("run the part `strategies` first")
    return Cell.from_dict(
        max((bench.results[n] for n in names), key=lambda one: one["score"])["cell"]
    )


def planned(bench: Bench, key: str, choice: Any) -> Graph | None:
    """The network that was chosen for a key, when it was first wanted; None: there is none."""

    def made() -> dict[str, Any] | str:
        try:
            graph: Graph = choice()
        except FrugallyError as error:
            return error.message
        return graph.as_dict()

    found = bench.once(f"{key} network", made)
    return None if isinstance(found, str) else Graph.from_dict(found)


def of_cell(cell: Cell, budget: Budget, side: int) -> Graph:
    """The largest network of a cell inside a budget."""
    stack = largest_stack(cell, budget, side=side, classes=10, seconds=seconds)
    return stacked(cell, stack, side, 10)


def of_family(family: str, budget: Budget, side: int) -> Graph:
    """The largest network of a family inside a budget."""
    return choose(budget, [family], side=side, classes=10, bits=32, seconds=seconds)


def winner(bench: Bench) -> None:
    """The winner of at most a million parameters, and the registry's best at equal time.

    Of each family one network of at most a million parameters is trained, and of the best of them
    as many as of the winner; and, once, the largest of the best family, of any parameters.
    """
    sizes, cell = bench.sizes, best_cell(bench)
    within = Budget(seconds=sizes.winner_seconds, size=sizes.winner_bytes)
    ours = planned(bench, "winner ours", lambda: of_cell(cell, within, SIDE))
    if ours is None:
        raise SystemExit(bench.results["winner ours network"])
    limit = replace(within, seconds=bench.once("winner limit", lambda: seconds(ours)))

    def score(name: str, graph: Graph, seed: int) -> float:
        key = f"winner {name} seed {seed}"
        return float(bench.trained(key, graph, CIFAR, seed, sizes.winner_epochs)["accuracy"])

    for seed in range(sizes.seeds):
        score("ours", ours, seed)
    peers = {}
    for family in PEERS:
        graph = planned(bench, f"winner {family}", partial(of_family, family, limit, SIDE))
        if graph is not None:
            peers[family] = graph
    if peers:
        best = max(peers, key=lambda family: score(family, peers[family], 0))
        for seed in range(1, sizes.seeds):
            score(best, peers[best], seed)
        free, name = replace(limit, size=None), f"{best}, any parameters"
        largest = planned(bench, f"winner {name}", partial(of_family, best, free, SIDE))
        if largest is not None:
            score(name, largest, 0)


def transfer(bench: Bench) -> None:
    """The cell on other pictures, beside hand-made networks and NASNet-A's at equal time."""
    sizes, side = bench.sizes, 96
    budget = Budget(seconds=sizes.transfer_seconds)
    choices = {
        "ours": lambda: of_cell(best_cell(bench), budget, side),
        "nasnet-a": lambda: of_cell(reference("nasnet-a"), budget, side),
        "shufflenet": lambda: of_family("shufflenet", budget, side),
        "resnet": lambda: of_family("resnet", budget, side),
    }
    for name, choice in choices.items():
        graph = planned(bench, f"transfer {name}", choice)
        for seed in range(sizes.transfer_seeds if graph is not None else 0):
            assert graph is not None
            key = f"transfer {name} seed {seed}"
            bench.trained(key, graph, IMAGENETTE, seed, sizes.transfer_epochs)


def groups(bench: Bench) -> None:
    """With and without group convolution and shuffle, for a bound on operations and on time."""
    for kind in ("macs", "seconds"):
        for name, space in (("all", ALL), ("paper", PAPER)):
            cell = searched(bench, "evolution", space, kind)
            for seed in range(bench.sizes.seeds):
                if (kind, space) == ("seconds", ALL):  # the search of `strategies`
                    one = bench.judged("strategies evolution", cell, seed)
                    bench.once(f"groups {kind} {name} seed {seed}", lambda one=one: one)
                else:
                    bench.judged(f"groups {kind} {name}", cell, seed)


PARTS = {
    part.__name__: part for part in (correlation, strategies, times, winner, transfer, groups)
}  # fmt: skip


def main() -> None:
    """Run some parts, or print the tables."""
    parser = machine.arguments(__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="+", choices=[*PARTS, "render"])
    parser.add_argument("--work", type=Path, default=Path("runs/architecture"))
    parser.add_argument("--minutes", type=float, default=90.0)
    parser.add_argument("--tiny", action="store_true", help="on next to nothing")
    options = parser.parse_args()
    name = "architecture_tiny" if options.tiny else "architecture"
    if options.parts == ["render"]:
        print(architecture_tables.render(machine.load(name) or {"results": {}}))
        return
    data = machine.needs(options.data, CIFAR, IMAGENETTE)
    options.work.mkdir(parents=True, exist_ok=True)
    keep_freed_memory()
    bench = Bench(data, options.work, options.minutes, TINY if options.tiny else Sizes(), name)
    try:
        for part in options.parts:
            PARTS[part](bench)
    except TimeIsOverError as error:
        print(f"the minutes are over at {error}; the same command goes on")


if __name__ == "__main__":
    main()
