"""What `benchmarks.architecture` trains and keeps: how much of what, pictures, one network each."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import machine
from frugally.errors import FitError
from frugally.fit.architecture.evaluator import accuracy
from frugally.fit.architecture.known_forms import KnownForms
from frugally.fit.architecture.operation_times import milliseconds
from frugally.fit.architecture.space import Space
from frugally.fit.architecture.workplace import Workplace
from frugally.fit.vision.augmentation import Augmentation
from frugally.fit.vision.fitting import colours
from frugally.fit.vision.forms import optimised
from frugally.fit.vision.network import GraphNetwork
from frugally.fit.vision.pictures import Pictures, digest_of_pictures, read_pictures
from frugally.fit.vision.training import Settings, Trainer
from frugally.fit.vision.weights import starting_weights
from frugally.nets.cpus import available_cpus
from frugally.nets.vision.cells.cell import Cell
from frugally.nets.vision.cells.stacking import Stack, stacked
from frugally.nets.vision.graph import Graph

CIFAR, IMAGENETTE = "vision/cifar10.tar.xz", "vision/imagenette-96.zip"
SIDE = 32  # of CIFAR's pictures
RANDOM = "grouped_3x3_random"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """Cells that are searched: their space, and the stack in which they are tried and judged."""

    space: Space
    stack: Stack

    @property
    def steady(self) -> Space:
        """Its space without the random shuffle."""
        names = tuple(name for name in self.space.operations if name != RANDOM)
        return replace(self.space, operations=names)


ALL = Cells(space=Space.paper(grouped=True), stack=Stack(cells=1, filters=8))
FEW = Cells(space=Space.paper(grouped=True, blocks=2), stack=Stack(cells=1, filters=16))
FEW_PAPER = Cells(space=Space.paper(blocks=2), stack=FEW.stack)
CELLS = {"all": ALL, "few": FEW, "few paper": FEW_PAPER}  # two blocks are few


class TimeIsOverError(Exception):
    """The minutes of this sitting are over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much of everything.

    Cells are tried on pictures of half the side, of which they learn from `learnt`; the longer
    training of a cell, by which it is judged, is on `long` of all pictures in full, which is some
    500 steps. A search takes `search_flops` of trials, and then its `finalists` are tried once
    more. Bounds are what half of the random cells need.
    """

    cells: int = 28  # drawn by chance of all operations
    steady: int = 16  # and of all but the random shuffle, which most of the others have
    each: int = 6  # of each number of blocks
    repeated: int = 10  # of them judged twice
    timed: int = 50
    side: int = 16
    learnt: int = 8192
    held: int = 2048
    shared: float = 20.0
    search_flops: float = 4e13
    finalists: int = 3
    long: float = 0.7
    seeds: int = 3
    winner_epochs: float = 4.0
    winner_seconds: float = 0.0006  # about what half of the random cells take in a search
    winner_bytes: int = 4_000_000  # a million parameters
    transfer_epochs: float = 8.0
    batch: int = 64
    table: float = 60.0  # seconds for the table of times


TINY = Sizes(
    cells=3, steady=2, each=1, repeated=1, timed=3, learnt=64, held=32, shared=1, search_flops=3e9,
    finalists=2, long=0.005, seeds=1, table=2.0, winner_epochs=0.005, transfer_epochs=0.01,
    batch=16,
)  # fmt: skip


class Bench:
    """What is kept, the pictures, and how things are trained."""

    def __init__(self, data: Path, work: Path, minutes: float, sizes: Sizes, name: str) -> None:
        self.data, self.work, self.sizes, self.name = data, work, sizes, name
        self._until = time.monotonic() + 60 * minutes
        about = {"sizes": asdict(sizes), "results": {}, "timed on": {}}
        self._kept: dict[str, Any] = machine.load(name) or about
        if self._kept["sizes"] != about["sizes"]:
            raise SystemExit(f"what is kept of {name} is of other sizes: remove it to begin anew")
        self._kept["machine"] = machine.describe("numpy", "torch", "onnxruntime")
        self.results: dict[str, Any] = self._kept["results"]
        self._pictures: dict[tuple[str, int], Pictures] = {}

    @property
    def left(self) -> float:
        """Seconds of this sitting, at least 0."""
        return max(0.0, self._until - time.monotonic())

    def once(self, key: str, make: Callable[[], Any]) -> Any:
        """What was made under a key, made now if it was not.

        Raises:
            TimeIsOverError: it was not, and the minutes are over.
        """
        if key not in self.results:
            if not self.left:
                raise TimeIsOverError(key)
            began = time.perf_counter()
            self.results[key] = make()
            print(f"{key}: {time.perf_counter() - began:.0f} s", flush=True)
            machine.save(self.name, self._kept)
        return self.results[key]

    def timed(self, key: str, make: Callable[[], Any]) -> Any:
        """`once` for what was timed, which another processor has to do again.

        Raises:
            SystemExit: it was timed on another.
        """
        here = self._kept["machine"]["processor"]
        there = self._kept["timed on"].setdefault(key, here)
        if there != here:
            raise SystemExit(f"{key} was timed on {there}, this is {here}: go on there")
        return self.once(key, make)

    def pictures(self, name: str, side: int) -> Pictures:
        """A set of pictures, decoded once."""
        if (name, side) not in self._pictures:
            self._pictures[name, side] = read_pictures(
                self.data / name, self._cache(name, side), side=side, seed=1013, report=print
            )
        return self._pictures[name, side]

    def _cache(self, name: str, side: int) -> Path:
        return self.work / "pictures" / f"{Path(name).stem}-{side}"

    def settings(self, epochs: float, seed: int) -> Settings:
        """Those of every training."""
        return Settings(
            epochs=epochs, batch=self.sizes.batch, rate=0.1, warmup=min(1.0, epochs / 4),
            threads=available_cpus(), seed=seed,
        )  # fmt: skip

    def place(self, stack: Stack = ALL.stack) -> Workplace:
        """Where cells are tried."""
        side = self.sizes.side
        whole = self.pictures(CIFAR, side)
        return Workplace(
            path=str((self.data / CIFAR).resolve()), cache=str(self._cache(CIFAR, side).resolve()),
            folder=str(self.work.resolve()), side=side, seed=1013,
            digest=digest_of_pictures(whole.train, whole.validation), stack=stack,
            settings=self.settings(1.0, 1), learnt=self.sizes.learnt, held=self.sizes.held,
        )  # fmt: skip

    def judged(self, key: str, cell: Cell, seed: int, stack: Stack = ALL.stack) -> dict[str, Any]:
        """The longer training of a cell, stacked as in a search; divergent ones learn nothing."""
        graph = stacked(cell, stack, SIDE)
        try:
            return self.trained(key, graph, CIFAR, seed, self.sizes.long)
        except FitError as error:
            nothing = {
                "accuracy": 1 / len(self.pictures(CIFAR, SIDE).classes), "note": str(error),
                "parameters": graph.parameters, "macs": graph.macs,
                "milliseconds": milliseconds(graph), "seconds": 0.0,
            }  # fmt: skip
            found: dict[str, Any] = self.once(key, lambda: nothing)
            return found

    def quickest(self, key: str, graph: Graph) -> float:
        """Milliseconds of a network in the quickest form that is found here."""

        def made() -> float:
            return optimised(graph, starting_weights(graph))[1].after

        return float(self.timed(f"{key} quickest", made))

    def trained(
        self, key: str, graph: Graph, pictures: str, seed: int, epochs: float,
        *, choosing: bool = False,
    ) -> dict[str, Any]:  # fmt: skip
        """Accuracy on the pictures to test on, after a training that goes on where it was left.

        `choosing`: on those held out instead, since something is chosen by it.
        """

        def made() -> dict[str, Any]:
            whole = self.pictures(pictures, graph.input[1])
            settings = self.settings(epochs, seed)
            mean, deviation = colours(whole.train)
            trainer = Trainer(
                graph, starting_weights(graph, seed), whole.train,
                Augmentation.for_side(graph.input[1]), settings,
                self.work / "checkpoints" / key.replace(" ", "-"), print, mean=mean,
                deviation=deviation, forms=self._forms(graph, settings),
            )  # fmt: skip
            trainer.resume()
            network = GraphNetwork(graph, trainer.run())
            held = whole.validation if choosing else whole.test or whole.validation
            return {
                "accuracy": accuracy(network, held, mean, deviation), "pictures": len(held),
                "network": graph.name, "parameters": graph.parameters, "macs": graph.macs,
                "milliseconds": milliseconds(graph), "seconds": trainer.progress.seconds,
            }  # fmt: skip

        found: dict[str, Any] = self.once(key, made)
        return found

    def _forms(self, graph: Graph, settings: Settings) -> dict[str, str]:
        """The quickest form of each layer, measured once for all networks."""
        known = self._kept.setdefault("forms", {})
        forms = KnownForms(settings.share, known=known)
        chosen = forms.of(graph)
        known.update(forms.as_dict())
        machine.save(self.name, self._kept)
        return chosen


def chance_cells(sizes: Sizes) -> list[Cell]:
    """Those of all operations, by which bounds are set and strategies are judged."""
    return random_cells(sizes.cells, 11)


def steady_cells(sizes: Sizes) -> list[Cell]:
    """Those without the random shuffle."""
    return random_cells(sizes.steady, 13, ALL.steady)


def shuffled_at_random(cell: Cell) -> int:
    """How many of a cell's operations have the random shuffle."""
    return sum(
        block.operations.count(RANDOM)
        for wiring in (cell.normal, cell.reduction)
        for block in wiring.blocks
    )


def random_cells(count: int, seed: int, space: Space = ALL.space) -> list[Cell]:
    """Different ones, canonical."""
    random, found = np.random.default_rng(seed), dict[str, Cell]()
    while len(found) < count:
        cell = space.decode(space.sample(random)).canonical()
        found[cell.digest] = cell
    return list(found.values())
