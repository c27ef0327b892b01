"""Bounds are counted and predicted before anything is trained; what no cell keeps is refused."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("onnxruntime")

from small_cells import ALL, SMALL, uniform

from frugally.budget import Budget
from frugally.errors import BudgetError, NetError, UsageError
from frugally.fit.architecture.bounds import Bounds, bounded_stack
from frugally.fit.architecture.operation_times import (
    _NOTHING,
    OperationTimes,
    _pair,
    checked,
    measured,
    milliseconds,
    stem_and_head,
)
from frugally.fit.architecture.space import Space
from frugally.fit.vision.choosing import stored_bytes
from frugally.nets.vision.cells.operations import OPERATIONS
from frugally.nets.vision.cells.stacking import Placement, Stack, placements, stacked
from frugally.nets.vision.graph import Builder

# Of what takes c · side² ms with stride 1 and a quarter with stride 2, whatever it is.
CHANNELS, SIDES = (8, 16, 64), (4, 32)
PLAIN = [[c * side * side for side in SIDES] for c in CHANNELS]
HALF = [[ms / 4 for ms in row] for row in PLAIN]


def even(**how):
    names = [*OPERATIONS, "halved", "sum", "concat"]
    table = {f"{name}/1": PLAIN for name in names} | {f"{name}/2": HALF for name in names}
    return OperationTimes(channels=CHANNELS, sides=SIDES, table=table, **how)


@pytest.mark.parametrize(
    "given, out, stride, expected",
    [
        ((8, 4, 4), 8, 1, 8 * 16),
        ((32, 8, 8), 32, 1, 32 * 64),  # between points
        ((9, 8, 2), 16, 2, 12 * 16 / 4),  # from 9 channels to 16, of 8 x 2
        ((4, 2, 2), 4, 1, 4 * 4),  # below them
        ((256, 64, 64), 256, 1, 256 * 4096),  # above them
    ],
)
def test_times_between_points_follow_powers(given, out, stride, expected):
    placed = Placement(operation="conv_3x3", given=given, out=out, stride=stride)
    assert even().milliseconds(placed) == pytest.approx(expected)


def test_a_network_takes_what_its_operations_take():
    cell = uniform("separable_3x3")
    total = sum(even().milliseconds(placed) for placed in placements(cell, SMALL, 16))
    assert even(scale=1.5).cells(cell, SMALL, 16) == pytest.approx(1.5 * total)


def test_what_was_not_measured_is_told():
    times = replace(even(), table={"identity/1": PLAIN})
    with pytest.raises(UsageError, match="conv_1x1 was not measured"):
        times.cells(uniform("max_3x3"), SMALL, 16)


def test_times_round_trip():
    times = even(scale=1.25, error=0.1)
    again = OperationTimes.from_dict(json.loads(json.dumps(times.as_dict())))
    assert again.channels == times.channels
    assert again.cells(uniform("max_3x3"), SMALL, 16) == times.cells(uniform("max_3x3"), SMALL, 16)


@pytest.mark.parametrize(
    "change", [{"table": {"a/1": [[1.0]]}}, {"table": None}, {"channels": 3}, {"more": 1},
               {"table": {"a/1": "text"}}]
)  # fmt: skip
def test_what_is_no_table_is_refused(change):
    with pytest.raises(NetError):
        OperationTimes.from_dict({**even().as_dict(), **change})


def test_operations_are_measured_and_checked():
    """Whatever the machine does: every operation has a time, and a scale and an error are found."""
    names = ("identity", "max_3x3", "separable_3x3")
    times = measured(names, channels=(8, 16), sides=(4, 8), seconds=0.2)
    space = Space(blocks=1, operations=names)
    random = np.random.default_rng(0)
    cells = [space.decode(space.sample(random)) for _ in range(4)]
    found = checked(times, cells, Stack(cells=1, filters=8), 16)
    assert found.scale > 0
    assert found.error >= 0
    assert found.cells(cells[0], SMALL, 16) > 0
    with pytest.raises(UsageError, match="two cells"):
        checked(times, cells[:1], SMALL, 16)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", OPERATIONS)
def test_what_is_measured_is_one_operation_more(name, stride):
    if (name, stride) == _NOTHING:
        pytest.skip("there is nothing to measure")
    once, twice = _pair(name, stride, 8, 6)
    builder = Builder("alone", (8, 6, 6))
    OPERATIONS[name](builder, builder.image, 8, stride)
    assert twice.macs - once.macs == builder.build().macs
    assert once.output == (8, 6, 6)


def test_the_stem_and_the_head_are_those_of_every_network():
    stack = Stack(cells=1, filters=8)
    assert stem_and_head(stack, 16) > 0
    assert milliseconds(stacked(uniform("separable_7x7"), stack, 16), seconds=0.1) > 0


def test_bytes_and_flops_are_counted():
    bounds = Bounds(budget=Budget(size=10**6), stack=SMALL, size=16, bits=8)
    graph = stacked(uniform("conv_3x3"), SMALL, 16)
    need = bounds.need(uniform("conv_3x3"))
    assert (need.size, need.flops, need.seconds) == (stored_bytes(graph, 8), 2 * graph.macs, None)


def test_what_breaks_a_bound_is_told():
    cell = uniform("conv_3x3")
    need = Bounds(budget=Budget(size=1), stack=SMALL, size=16).need(cell)
    for budget, why in (
        (Budget(size=need.size, flops=need.flops), None),
        (Budget(size=need.size - 1, flops=need.flops), "size"),
        (Budget(flops=need.flops - 1), "flops"),
    ):
        told = Bounds(budget=budget, stack=SMALL, size=16).broken(cell)
        assert told is None if why is None else told.startswith(why)


def test_time_is_predicted():
    times = even(scale=1e-6)
    bounds = Bounds(budget=Budget(seconds=3600.0), stack=SMALL, size=16, times=times)
    seconds = bounds.need(uniform("max_3x3")).seconds
    assert seconds == pytest.approx(
        (bounds.rest + times.cells(uniform("max_3x3"), SMALL, 16)) / 1e3
    )
    assert bounds.broken(uniform("max_3x3")) is None
    tight = Bounds(budget=Budget(seconds=1e-7), stack=SMALL, size=16, times=times)
    assert tight.broken(uniform("max_3x3")).startswith("seconds")


def test_time_without_a_table_is_refused():
    with pytest.raises(UsageError, match="measured here"):
        Bounds(budget=Budget(seconds=1.0), stack=SMALL)
    with pytest.raises(UsageError, match="passages"):
        Bounds(budget=Budget(passages=1), stack=SMALL)


def test_a_bound_that_a_cell_keeps_gives_that_cell():
    bounds = Bounds(budget=Budget(flops=2_000_000), stack=SMALL, size=16)
    assert bounds.broken(bounds.refuse_impossible(ALL)) is None


def test_a_bound_that_no_cell_keeps_is_refused_with_the_smallest():
    bounds = Bounds(budget=Budget(size=2000, flops=1000), stack=SMALL, size=16)
    with pytest.raises(BudgetError, match="no cell of this space keeps within") as caught:
        bounds.refuse_impossible(ALL)
    needed = re.search(r"needs (\d+B \d+FLOP)", caught.value.hint)[1]
    cell = Bounds(budget=Budget.parse(needed), stack=SMALL, size=16).refuse_impossible(ALL)
    assert bounds.broken(cell)


def test_what_was_measured_for_bounds_is_not_measured_again():
    bounds = Bounds(budget=Budget(seconds=1.0), stack=SMALL, size=16, times=even(), rest=0.25)
    assert bounds.rest == 0.25
    inside = even().cells(uniform("max_3x3"), SMALL, 16)
    assert bounds.need(uniform("max_3x3")).seconds == pytest.approx((0.25 + inside) / 1e3)


@pytest.mark.parametrize(
    "limit, blocks, cells",
    [(8_000_000, 5, 2), (2_500_000, 5, 1), (1_300_000, 2, 2), (800_000, 2, 1), (80_000, 1, 1)],
)
def test_a_small_budget_is_for_fewer_blocks_and_cells_rather_than_filters(limit, blocks, cells):
    spaces = [replace(ALL, blocks=count) for count in (5, 2, 1)]
    budget = Budget(size=limit)
    space, bounds = bounded_stack(budget, spaces, 2, 16, 10, None, 3)
    assert (space.blocks, bounds.stack.cells) == (blocks, cells)
    assert (bounds.stack.filters >= 16) == (limit > 80_000)
    random = np.random.default_rng(5)
    drawn = [space.decode(space.sample(random)) for _ in range(60)]
    wider = replace(bounds, stack=replace(bounds.stack, filters=bounds.stack.filters + 4))
    kept, left = (sum(b.need(cell).share(budget) <= 1 for cell in drawn) for b in (bounds, wider))
    assert kept >= 20  # of which half should
    assert left <= 40


def test_no_cell_drawn_by_chance_is_smaller_than_the_smallest():
    bounds = Bounds(budget=Budget(flops=1), stack=SMALL, size=16)
    _, need = bounds.smallest(ALL)
    random = np.random.default_rng(7)
    assert all(bounds.need(ALL.decode(ALL.sample(random))).flops >= need.flops for _ in range(50))
