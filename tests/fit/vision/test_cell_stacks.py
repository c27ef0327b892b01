"""The largest network of a cell fills a budget and never breaks it."""

import pytest

pytest.importorskip("torch")

from frugally.budget import Budget
from frugally.errors import BudgetError
from frugally.fit.vision.cell_stacks import CELLS, FILTERS, largest_stack
from frugally.fit.vision.choosing import stored_bytes
from frugally.nets.vision.cells.references import reference
from frugally.nets.vision.cells.stacking import Stack, stacked

CELL = reference("darts-v2")


def seconds(graph):
    return graph.macs / 1e9


@pytest.mark.parametrize(
    "budget",
    [Budget(flops=30_000_000), Budget(size=800_000), Budget(seconds=0.02, size=2_000_000)],
)
def test_nothing_larger_would_fit(budget):
    def keeps(graph):
        spent = {"flops": 2 * graph.macs, "size": stored_bytes(graph, 32),
                 "seconds": seconds(graph)}  # fmt: skip
        try:
            budget.check(**spent)
        except BudgetError:
            return False
        return True

    stack = largest_stack(CELL, budget, side=32, classes=10, seconds=seconds)
    found = stacked(CELL, stack, 32, 10)
    assert keeps(found)
    for cells in CELLS:
        fitting = [Stack(cells=cells, filters=f) for f in FILTERS[: stack.filters // 4 + 8]]
        graphs = [stacked(CELL, one, 32, 10) for one in fitting]
        assert max((g.macs for g in graphs if keeps(g)), default=0) <= found.macs


def test_a_budget_that_nothing_keeps_is_refused():
    with pytest.raises(BudgetError, match="no network of cell") as told:
        largest_stack(CELL, Budget(seconds=1e-6), side=32, classes=10, seconds=seconds)
    least = stacked(CELL, Stack(cells=1, filters=4), 32, 10)
    assert f"{2 * least.macs}FLOP" in told.value.hint
