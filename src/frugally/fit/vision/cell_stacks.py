"""The largest network of a cell that keeps a budget: how many cells a stage, and filters."""

from __future__ import annotations

from collections.abc import Callable

from frugally.budget import Budget
from frugally.errors import NetError
from frugally.fit.vision.choosing import Seconds, counted, fits, no_network
from frugally.nets.vision.cells.cell import Cell
from frugally.nets.vision.cells.stacking import Stack, stacked
from frugally.nets.vision.graph import Graph

CELLS = (1, 2, 3, 4, 6)
FILTERS = tuple(range(4, 260, 4))


def largest_stack(
    cell: Cell,
    budget: Budget,
    *,
    side: int,
    classes: int,
    bits: int = 32,
    seconds: Seconds,
    report: Callable[[str], None] = lambda _: None,
) -> Stack:
    """Of all CELLS and FILTERS the stack of the most multiply-adds that keeps a budget.

    Networks are counted, and measured by `seconds` only where the budget limits time.

    Raises:
        BudgetError: not even the smallest does; the hint says what it needs.
        NetError: the images are too small.
    """
    best: tuple[Stack, Graph] | None = None
    for cells in CELLS:
        found = _widest(cell, cells, budget, side, classes, bits, seconds)
        if found is None:
            continue
        _, graph = found
        report(f"{graph.name}: {graph.parameters:,} parameters, {graph.macs / 1e6:.1f} MMACs")
        if best is None or graph.macs > best[1].macs:
            best = found
    if best is not None:
        return best[0]
    smallest = stacked(cell, smallest_stack(), side, classes)
    needed = counted(smallest, budget, bits, seconds)
    raise no_network(f"cell {cell.digest[:8]}", smallest, needed, budget, side, classes)


def smallest_stack() -> Stack:
    """The least that is stacked."""
    return Stack(cells=CELLS[0], filters=FILTERS[0])


def _widest(
    cell: Cell, cells: int, budget: Budget, side: int, classes: int, bits: int, seconds: Seconds
) -> tuple[Stack, Graph] | None:
    """The most filters that fit, by bisection."""
    low, high, best = 0, len(FILTERS) - 1, None
    while low <= high:
        middle = (low + high) // 2
        stack = Stack(cells=cells, filters=FILTERS[middle])
        try:
            graph = stacked(cell, stack, side, classes)
        except NetError:
            if middle == 0 and cells == CELLS[0]:
                raise
            high = middle - 1
            continue
        if fits(graph, budget, bits, seconds):
            best, low = (stack, graph), middle + 1
        else:
            high = middle - 1
    return best
