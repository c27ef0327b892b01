"""The networks of the cell that was found, beside hand-made ones that take as long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from benchmarks.architecture.searches import searched
from benchmarks.architecture.trainings import ALL, CIFAR, IMAGENETTE, SIDE, Bench, random_cells
from frugally.budget import Budget
from frugally.errors import FrugallyError
from frugally.fit.architecture.operation_times import milliseconds
from frugally.fit.vision.cell_stacks import largest_stack
from frugally.fit.vision.choosing import choose
from frugally.nets.vision.cells.cell import Cell
from frugally.nets.vision.cells.references import reference
from frugally.nets.vision.cells.stacking import Stack, stacked
from frugally.nets.vision.graph import Graph
from frugally.nets.vision.registry import make

PEERS = (
    "shufflenet", "shufflenet-v2", "mobilenet", "mobilenet-v2", "resnet", "resnet-cifar",
    "quick-resnet",
)  # fmt: skip


def seconds(graph: Graph) -> float:
    """What a network takes for one image in one thread."""
    return milliseconds(graph) / 1e3


def blocks(bench: Bench) -> None:
    """Random cells of few blocks and of many, in the networks that fill one budget."""
    for count in (1, 2, 3, 5):
        space = replace(ALL.steady, blocks=count)
        for place, cell in enumerate(random_cells(bench.sizes.each, 21, space)):
            key = f"blocks {count} cell {place}"
            graph = of_cell(bench, key, cell, within(bench), SIDE)
            if graph is not None:
                bench.trained(key, graph, CIFAR, 0, bench.sizes.long)


def best_cell(bench: Bench) -> Cell:
    """Of the finalists of a search for cells of few blocks the best in networks within the budget.

    As `frugally fit architecture` chooses: by a shorter training, and pictures held out for that.
    """

    def score(cell: Cell) -> float:
        key = f"finalist {cell.digest[:12]}"
        graph = of_cell(bench, key, cell, within(bench), SIDE)
        if graph is None:
            return 0.0
        epochs = bench.sizes.winner_epochs / 4
        one = bench.trained(f"{key} seed 0", graph, CIFAR, 0, epochs, choosing=True)
        return float(one["accuracy"])

    found = searched(bench, "evolution", "seconds", "few")
    cells = {cell.digest: cell for cell in found}
    return cells[bench.once("best cell", lambda: max(cells, key=lambda d: score(cells[d])))]


def within(bench: Bench) -> Budget:
    """What the winner's network keeps."""
    return Budget(seconds=bench.sizes.winner_seconds, size=bench.sizes.winner_bytes)


def of_cell(bench: Bench, key: str, cell: Cell, budget: Budget, side: int) -> Graph | None:
    """The largest network of a cell inside a budget; None: there is none."""
    stack = _chosen(
        bench, key,
        lambda: asdict(largest_stack(cell, budget, side=side, classes=10, seconds=seconds)),
    )  # fmt: skip
    return None if stack is None else stacked(cell, Stack(**stack), side, 10)


def of_family(bench: Bench, key: str, family: str, budget: Budget, side: int) -> Graph | None:
    """The largest network of a family inside a budget; None: there is none."""
    name = _chosen(
        bench, key,
        lambda: choose(budget, [family], side=side, classes=10, bits=32, seconds=seconds).name,
    )  # fmt: skip
    return None if name is None else make(name, side, 10)


def _chosen(bench: Bench, key: str, choice: Callable[[], Any]) -> Any:
    """What was chosen by time when a network was first wanted under a key."""

    def made() -> dict[str, Any]:
        try:
            return {"chosen": choice()}
        except FrugallyError as error:
            return {"refused": error.message}

    return bench.timed(f"{key} network", made).get("chosen")


def winner(bench: Bench) -> None:
    """The winner of at most a million parameters, and the registry's best at equal time.

    Of each family the largest network that takes no longer than the winner is trained, of any
    parameters, and of the best of them as many as of the winner; and, once, the largest of each
    family that has no more than a million parameters, where that is another.
    """
    sizes, cell = bench.sizes, best_cell(bench)
    ours = of_cell(bench, "winner ours", cell, within(bench), SIDE)
    if ours is None:
        raise SystemExit(f"no network of the best cell keeps {within(bench)}")
    limit = Budget(seconds=bench.timed("winner limit", lambda: seconds(ours)))

    def score(name: str, graph: Graph, seed: int) -> float:
        bench.quickest(f"winner {name}", graph)
        key = f"winner {name} seed {seed}"
        return float(bench.trained(key, graph, CIFAR, seed, sizes.winner_epochs)["accuracy"])

    for seed in range(sizes.seeds):
        score("ours", ours, seed)
    peers = {}
    for family in PEERS:
        graph = of_family(bench, f"winner {family}", family, limit, SIDE)
        if graph is not None:
            peers[family] = graph
    if peers:
        best = max(peers, key=lambda family: score(family, peers[family], 0))
        for seed in range(1, sizes.seeds):
            score(best, peers[best], seed)
    small = replace(limit, size=sizes.winner_bytes)
    for family, graph in peers.items():
        name = f"{family}, 1 M"
        less = of_family(bench, f"winner {name}", family, small, SIDE)
        if less is not None and less.name != graph.name:
            score(name, less, 0)


def transfer(bench: Bench) -> None:
    """The cell on other pictures, beside hand-made networks and NASNet-A's at equal time.

    The time is that of ResNet-18, which has no scales.
    """
    sizes, side = bench.sizes, 96
    resnet = make("resnet-18", side, 10)
    budget = Budget(seconds=bench.timed("transfer limit", lambda: seconds(resnet)))
    networks: dict[str, Graph | None] = {"resnet-18": resnet}
    for name, cell in (("ours", best_cell(bench)), ("nasnet-a", reference("nasnet-a"))):
        networks[name] = of_cell(bench, f"transfer {name}", cell, budget, side)
    for family in ("shufflenet", "quick-resnet"):
        networks[family] = of_family(bench, f"transfer {family}", family, budget, side)
    for name, graph in networks.items():
        if graph is not None:
            bench.quickest(f"transfer {name}", graph)
            bench.trained(f"transfer {name} seed 0", graph, IMAGENETTE, 0, sizes.transfer_epochs)
