"""Architecture search on small pictures: what each part of it is worth.

    python -m benchmarks.architecture PART … --data DIR --work DIR --minutes 60
    python -m benchmarks.architecture render

Parts are correlation, strategies, times, winner, transfer and groups; winner and transfer need the
cells of strategies. DIR has vision/cifar10.tar.xz and vision/imagenette-96.zip. Every training is
kept when it is done, and a part that was left goes on where it was; searches too. --tiny runs
everything on next to nothing, to see that it runs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import architecture_tables, machine
from frugally.budget import Budget
from frugally.errors import FrugallyError
from frugally.fit.architecture.evaluator import digest_of_pictures
from frugally.fit.architecture.fitting import STRATEGIES, bounded_stack
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
from frugally.fit.architecture.workplace import Evaluators, Workplace
from frugally.fit.memory import keep_freed_memory
from frugally.fit.vision.augmentation import Augmentation
from frugally.fit.vision.cell_stacks import largest_stack
from frugally.fit.vision.choosing import choose
from frugally.fit.vision.fitting import colours
from frugally.fit.vision.network import GraphNetwork
from frugally.fit.vision.pictures import Pictures, read_pictures
from frugally.fit.vision.training import Settings, Trainer
from frugally.fit.vision.training_forms import quick_forms
from frugally.fit.vision.weights import starting_weights
from frugally.nets.cpus import available_cpus
from frugally.nets.vision.cells.cell import Cell
from frugally.nets.vision.cells.references import reference
from frugally.nets.vision.cells.stacking import Stack, stacked
from frugally.nets.vision.graph import Graph
from frugally.nets.vision.images import as_input

PARTS = ("correlation", "strategies", "times", "winner", "transfer", "groups")
SEARCHED = Stack(cells=1, filters=8)
ALL, PAPER = Space.paper(grouped=True), Space.paper()


class TimeIsOverError(Exception):
    """The minutes of this sitting are over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much of everything."""

    cells: int = 40  # whose rank is looked at
    timed: int = 50
    learnt: int = 8192
    held: int = 2048
    long: float = 4.0  # passes of a longer training, over twice as many pictures
    shared: float = 40.0
    search_flops: float = 1e14  # of each search
    macs: int = 20_000_000  # that the searches are bounded by
    seconds: float = 0.001
    seeds: int = 3
    random: int = 4  # cells that stand for the mean one
    epochs: float = 6.0
    winner_epochs: float = 10.0
    winner_macs: int = 40_000_000
    transfer_seconds: float = 0.005
    batch: int = 128
    table: float = 60.0  # seconds for the table of times


TINY = Sizes(
    cells=4, timed=4, learnt=64, held=64, long=0.5, shared=2, search_flops=4e9, seeds=1, random=1,
    epochs=0.005, winner_epochs=0.005, winner_macs=8_000_000, macs=6_000_000, table=2.0, batch=16,
)  # fmt: skip


class Bench:
    """What is kept, the pictures, and how things are trained."""

    def __init__(self, data: Path, work: Path, minutes: float, sizes: Sizes, name: str) -> None:
        self.data, self.work, self.sizes, self.name = data, work, sizes, name
        self.until = time.monotonic() + 60 * minutes
        self.kept: dict[str, Any] = machine.load(name) or {"results": {}}
        self.kept["machine"] = machine.describe("numpy", "torch", "onnxruntime")
        self._pictures: dict[str, Pictures] = {}

    def once(self, key: str, make: Callable[[], Any]) -> Any:
        """What was made under a key, made now if it was not."""
        results = self.kept["results"]
        if key not in results:
            if time.monotonic() > self.until:
                raise TimeIsOverError
            began = time.perf_counter()
            results[key] = make()
            print(f"{key}: {time.perf_counter() - began:.0f} s", flush=True)
            machine.save(self.name, self.kept)
        return results[key]

    def pictures(self, name: str, side: int) -> Pictures:
        """A set of pictures, decoded once."""
        if name not in self._pictures:
            self._pictures[name] = read_pictures(
                self.data / "vision" / name, self.work / "pictures", side=side, seed=1013,
                report=print,
            )  # fmt: skip
        return self._pictures[name]

    @property
    def cifar(self) -> Pictures:
        """CIFAR-10: 45,000 to learn from, 5,000 held out, 10,000 to test on."""
        return self.pictures("cifar10.tar.xz", 32)

    def place(self, *, learnt: int | None = None) -> Workplace:
        """Where cells are tried."""
        digest = digest_of_pictures(self.cifar.train, self.cifar.validation)
        settings = Settings(
            batch=min(64, self.sizes.batch), rate=0.1, warmup=0.2, threads=available_cpus(), seed=1
        )
        return Workplace(
            path=str((self.data / "vision" / "cifar10.tar.xz").resolve()),
            cache=str((self.work / "pictures").resolve()), folder=str(self.work.resolve()),
            side=32, seed=1013, digest=digest, stack=SEARCHED, settings=settings,
            learnt=learnt or self.sizes.learnt, held=self.sizes.held,
        )  # fmt: skip

    def trained(self, key: str, graph: Graph, pictures: Pictures, seed: int, epochs: float) -> Any:
        """Accuracy on the test pictures after a training in full."""
        return self.once(key, lambda: self._trained(key, graph, pictures, seed, epochs))

    def _trained(
        self, key: str, graph: Graph, pictures: Pictures, seed: int, epochs: float
    ) -> dict[str, Any]:
        side = graph.input[1]
        settings = Settings(
            epochs=epochs, batch=self.sizes.batch, seed=seed, threads=available_cpus(),
            warmup=min(1.0, epochs / 4),
        )  # fmt: skip
        share = -(-settings.batch // settings.threads)
        mean, deviation = colours(pictures.train)
        folder = self.work / "checkpoints" / key.replace("/", "-").replace(" ", "-")
        forms = self.once(f"forms {graph.name} {side}", partial(quick_forms, graph, share))
        trainer = Trainer(
            graph, starting_weights(graph, seed), pictures.train, Augmentation.for_side(side),
            settings, folder, print, mean=mean, deviation=deviation, forms=forms,
        )  # fmt: skip
        trainer.resume()
        network = GraphNetwork(graph, trainer.run()).eval()
        held = pictures.test or pictures.validation
        right = 0
        with torch.no_grad():
            for start in range(0, len(held), 256):
                part = slice(start, start + 256)
                x = torch.from_numpy(as_input(held.images[part], mean, deviation))
                right += int((network(x).argmax(dim=1).numpy() == held.labels[part]).sum())
        return {
            "accuracy": right / len(held), "pictures": len(held), "network": graph.name,
            "parameters": graph.parameters, "macs": graph.macs,
            "milliseconds": milliseconds(graph), "seconds": trainer.progress.seconds,
        }  # fmt: skip


def random_cells(count: int, seed: int, space: Space = ALL) -> list[Cell]:
    """Different ones, canonical."""
    random, found = np.random.default_rng(seed), dict[str, Cell]()
    while len(found) < count:
        cell = space.decode(space.sample(random)).canonical()
        found[cell.digest] = cell
    return list(found.values())


def correlation(bench: Bench) -> None:
    """Each evaluator's score of random cells, and a longer training's."""
    sizes, place = bench.sizes, bench.place()
    evaluators = Evaluators(place)
    longer = Evaluators(bench.place(learnt=2 * sizes.learnt))
    bench.once("shared weights", lambda: evaluators.train_shared(ALL, sizes.shared, lambda: False,
                                                                 print))  # fmt: skip
    proxies = {
        kind: Proxy(evaluators.train, SEARCHED, mean=evaluators.mean,
                    deviation=evaluators.deviation, kind=kind)
        for kind in ("kernel", "flow", "gradient")
    }  # fmt: skip
    for cell in random_cells(sizes.cells, 11):

        def scored(cell: Cell = cell) -> dict[str, Any]:
            graph = stacked(cell, SEARCHED, 32)
            scores = {kind: one.evaluate(cell, 1, 1) for kind, one in proxies.items()}
            scores["shared"] = evaluators.evaluate("shared", cell, 1, 1)
            scores["short"] = evaluators.evaluate("short", cell, 1, 1)
            scores["long"] = longer.evaluate("short", cell, 2, sizes.long)
            return {
                "parameters": graph.parameters, "macs": graph.macs,
                **{name: [one.value, one.seconds, one.flops] for name, one in scores.items()},
            }  # fmt: skip

        bench.once(f"correlation {cell.digest[:12]}", scored)


class _Flops(Clock):
    """A clock that counts what trials took in operations, and this sitting's minutes."""

    def __init__(self, bench: Bench, trials: Trials, path: Path) -> None:
        super().__init__(path, 1e9)
        self._bench, self._trials = bench, trials

    @property
    def used(self) -> float:
        return sum(t.cost.get("flops", 0) for t in self._trials if not t.note.startswith("as "))

    @property
    def left(self) -> float:
        over = time.monotonic() > self._bench.until
        return 0.0 if over or self.used >= self._bench.sizes.search_flops else float("inf")


def searched(bench: Bench, strategy: str, space: Space, kind: str) -> Cell:
    """The best cell of a search; `kind` of bound: "macs" or "seconds"."""
    name = f"{strategy} {kind} {'all' if space == ALL else 'paper'}"
    return Cell.from_dict(
        bench.once(f"search {name}", lambda: _searched(bench, strategy, space, kind, name))["cell"]
    )


def budget_of(bench: Bench, kind: str) -> Budget:
    """What the searches are bounded by."""
    if kind == "macs":
        return Budget(flops=2 * bench.sizes.macs)
    return Budget(seconds=bench.sizes.seconds)


def _searched(bench: Bench, strategy: str, space: Space, kind: str, name: str) -> dict[str, Any]:
    path = bench.work / f"{name.replace(' ', '-')}.sqlite"
    times = times_of(bench) if kind == "seconds" else None
    bounds = bounded_stack(budget_of(bench, kind), space, 1, 32, 10, times, 1)
    measure = InProcess(place=bench.place(), seconds=1200)
    workers = Workers(lambda: ThreadPoolExecutor(1), 1)
    with Trials(path, {"space": space.as_dict(), "strategy": strategy, "kind": kind}) as trials:
        clock = _Flops(bench, trials, path.with_suffix(".json"))
        try:
            why = Search(
                space, STRATEGIES[strategy](space, 1), trials, bounds,
                Ladder(rungs_of(["short"], 1.0)), measure, clock, report=print,
            ).run(workers)  # fmt: skip
        finally:
            end_all()
            workers.end(wait=True)
        if clock.used < bench.sizes.search_flops:
            if time.monotonic() > bench.until:
                raise TimeIsOverError
            raise SystemExit(f"the search {name} ended early: {why}")
        best, scores = trials.best()[0], [t.reward for t in trials if t.status == "done"]
        return {
            "cell": best.cell.as_dict(), "reward": best.reward, "flops": clock.used,
            "seconds": clock.spent, "proposed": len(trials), "scored": len(scores),
            "mean": float(np.mean([s for s in scores if s is not None])),
            "bounded": [bounds.stack.cells, bounds.stack.filters],
        }  # fmt: skip


def times_of(bench: Bench) -> OperationTimes:
    """The table of operations, measured once."""

    def made() -> dict[str, Any]:
        times = measured(ALL.operations, seconds=bench.sizes.table)
        return checked(times, random_cells(8, 12), Stack(cells=2, filters=16)).as_dict()

    return OperationTimes.from_dict(bench.once("table of times", made))


def retrained(bench: Bench, label: str, cell: Cell, budget: Budget, seeds: int) -> None:
    """Train a cell's network that fills a budget, with some seeds."""
    stack = largest_stack(
        cell, budget, side=32, classes=10, seconds=lambda g: milliseconds(g) / 1e3
    )
    graph = stacked(cell, stack, 32, 10)
    for seed in range(seeds):
        bench.trained(f"{label} seed {seed}", graph, bench.cifar, seed, bench.sizes.epochs)


def strategies(bench: Bench) -> None:
    """Controller, evolution and random search at equal cost; and cells that nobody chose."""
    budget = budget_of(bench, "macs")
    for name in STRATEGIES:
        cell = searched(bench, name, ALL, "macs")
        retrained(bench, f"strategies {name}", cell, budget, bench.sizes.seeds)
    bounds = bounded_stack(budget, ALL, 1, 32, 10, None, 1)
    within = [cell for cell in random_cells(20 * bench.sizes.random, 13) if not bounds.broken(cell)]
    for number, cell in enumerate(within[: bench.sizes.random]):
        retrained(bench, f"strategies chance {number}", cell, budget, 1)


def times(bench: Bench) -> None:
    """Predicted against measured milliseconds."""
    table, stack = times_of(bench), Stack(cells=2, filters=16)
    for cell in random_cells(bench.sizes.timed, 14):

        def both(cell: Cell = cell) -> list[float]:
            predicted = stem_and_head(stack) + table.cells(cell, stack)
            return [predicted, milliseconds(stacked(cell, stack))]

        bench.once(f"times {cell.digest[:12]}", both)


def best_cell(bench: Bench) -> Cell:
    """The cell of `strategies` with the highest reward."""
    names = [f"search {name} macs all" for name in STRATEGIES]
    found = [bench.kept["results"][name] for name in names if name in bench.kept["results"]]
    if not found:
        raise SystemExit("run the part `strategies` first")
    return Cell.from_dict(max(found, key=lambda one: one["reward"])["cell"])


def winner(bench: Bench) -> None:
    """The winner of at most a million parameters, and the registry's best at equal time."""
    sizes, cell = bench.sizes, best_cell(bench)

    def seconds(graph: Graph) -> float:
        return milliseconds(graph) / 1e3

    graph = None
    for macs in (sizes.winner_macs, sizes.winner_macs // 2):
        budget = Budget(flops=2 * macs)
        stack = largest_stack(cell, budget, side=32, classes=10, seconds=seconds)
        graph = stacked(cell, stack, 32, 10)
        if graph.parameters <= 1_000_000:
            break
    assert graph is not None
    limit = bench.once("winner milliseconds", lambda: milliseconds(graph))
    peers = {"ours": graph}
    for family in ("shufflenet", "shufflenet-v2", "mobilenet-v2", "resnet-cifar"):
        try:
            peers[family] = choose(
                Budget(seconds=limit / 1e3), [family], side=32, classes=10, bits=32,
                seconds=seconds,
            )  # fmt: skip
        except FrugallyError as error:
            bench.kept["results"][f"winner {family} refused"] = error.message
    for name, one in peers.items():
        for seed in range(sizes.seeds):
            bench.trained(f"winner {name} seed {seed}", one, bench.cifar, seed, sizes.winner_epochs)


def transfer(bench: Bench) -> None:
    """The cell on other pictures, beside hand-made networks and NASNet-A's at equal time."""
    sizes, budget = bench.sizes, Budget(seconds=bench.sizes.transfer_seconds)
    pictures = bench.pictures("imagenette-96.zip", 96)

    def seconds(graph: Graph) -> float:
        return milliseconds(graph) / 1e3

    for name, cell in (("ours", best_cell(bench)), ("nasnet-a", reference("nasnet-a"))):
        stack = largest_stack(cell, budget, side=96, classes=10, seconds=seconds)
        graph = stacked(cell, stack, 96, 10)
        for seed in range(sizes.seeds):
            bench.trained(
                f"transfer {name} seed {seed}", graph, pictures, seed, sizes.winner_epochs
            )
    for family in ("shufflenet", "resnet"):
        try:
            graph = choose(budget, [family], side=96, classes=10, bits=32, seconds=seconds)
        except FrugallyError as error:
            bench.kept["results"][f"transfer {family} refused"] = error.message
            continue
        for seed in range(sizes.seeds):
            key = f"transfer {family} seed {seed}"
            bench.trained(key, graph, pictures, seed, sizes.winner_epochs)


def groups(bench: Bench) -> None:
    """With and without group convolution and shuffle, for a bound on operations and on time."""
    for kind in ("macs", "seconds"):
        for name, space in (("all", ALL), ("paper", PAPER)):
            cell = searched(bench, "evolution", space, kind)
            label = f"groups {kind} {name}"
            retrained(bench, label, cell, budget_of(bench, kind), bench.sizes.seeds)


def main() -> None:
    """Run some parts, or print the tables."""
    parser = machine.arguments(__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="+", choices=[*PARTS, "render"])
    parser.add_argument("--work", type=Path, default=Path("architecture-work"))
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--tiny", action="store_true", help="on next to nothing")
    options = parser.parse_args()
    name = "architecture_tiny" if options.tiny else "architecture"
    if options.parts == ["render"]:
        print(architecture_tables.render(machine.load(name) or {"results": {}}))
        return
    data = machine.needs(options.data, "vision/cifar10.tar.xz", "vision/imagenette-96.zip")
    options.work.mkdir(parents=True, exist_ok=True)
    keep_freed_memory()
    bench = Bench(data, options.work, options.minutes, TINY if options.tiny else Sizes(), name)
    known = globals()
    try:
        for part in options.parts:
            known[part](bench)
    except TimeIsOverError:
        print("the minutes are over; the same command goes on")


if __name__ == "__main__":
    main()
