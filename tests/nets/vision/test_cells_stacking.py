"""Networks stacked from cells: counts are those of published networks, equal cells are one."""

from math import prod

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_cells import cells, reordered

from frugally.errors import UsageError
from frugally.nets.vision.cells.cell import Block, Cell, Wiring
from frugally.nets.vision.cells.operations import GROUPS, OPERATIONS, groups_of
from frugally.nets.vision.cells.references import reference
from frugally.nets.vision.cells.stacking import (
    CONCATENATION,
    SUM,
    Placement,
    Stack,
    placements,
    stacked,
)
from frugally.nets.vision.graph import Builder
from frugally.nets.vision.layers import ChannelShuffle, DropPath

SMALL = Stack(cells=1, filters=8)


def uniform(operation, states=(0, 1), combine="add"):
    wiring = Wiring((Block(states, (operation, operation), combine),))
    return Cell(wiring, wiring)


@pytest.mark.parametrize(
    "stack, size, parameters, arrays, mmacs",
    [
        # What is trained and what is stored, of NASNetMobile and NASNetLarge in Keras, which are
        # tensorflow/models' nasnet_mobile and nasnet_large; multiply-adds as in arXiv:1707.07012.
        (Stack(cells=4, filters=44), 224, 5_289_978, 5_326_716, 564),
        (Stack(cells=6, filters=168, stem=96), 331, 88_753_150, 88_949_818, 23_800),
    ],
)
def test_nasnet_a_has_the_weights_of_the_published_networks(stack, size, parameters, arrays, mmacs):
    graph = stacked(reference("nasnet-a"), stack, size, 1000)
    assert graph.parameters == parameters
    assert sum(map(prod, graph.weights.values())) == arrays
    assert graph.macs / 1e6 == pytest.approx(mmacs, rel=2e-3)


def test_nasnet_a_for_cifar_has_3_3_million_weights():
    """6 @ 768: table 1 of arXiv:1707.07012 says 3.3 M."""
    graph = stacked(reference("nasnet-a"), Stack(cells=6, filters=32))
    assert graph.parameters == 3_346_538
    assert graph.shapes["mean"] == (768, 1, 1)
    assert graph.shapes["stem.norm"] == (96, 32, 32)


def test_the_darts_cell_differs_in_its_first_cell_alone():
    """quark0/darts says 3.349342 M; there the first cell squeezes what it is given as it is."""
    graph = stacked(reference("darts-v2"), Stack(cells=6, filters=36))
    separable, squeeze = (108 - 36) * (9 + 36), 108 * 36 + 2 * 36
    assert graph.parameters == 3_349_342 + 2 * separable + 2 * squeeze - squeeze


@pytest.mark.parametrize(
    "size, sides", [(32, (32, 16, 8)), (64, (32, 16, 8)), (224, (28, 14, 7)), (33, (33, 17, 9))]
)
def test_filters_double_where_sides_halve(size, sides):
    graph = stacked(reference("nasnet-a"), Stack(cells=1, filters=8), size)
    cells = 5 + 2 * (size == 224)
    shapes = [graph.shapes[f"cell{number}.concat"] for number in range(cells)]
    assert shapes[-5:] == [
        (6 * 8, sides[0], sides[0]),
        (4 * 16, sides[1], sides[1]),
        (6 * 16, sides[1], sides[1]),
        (4 * 32, sides[2], sides[2]),
        (6 * 32, sides[2], sides[2]),
    ]
    assert shapes[:-5] == ([(8, 56, 56), (16, 28, 28)] if size == 224 else [])


@settings(max_examples=25)
@given(cells(), st.integers(0, 2**32), st.sampled_from([16, 17, (20, 33)]))
def test_equal_cells_are_the_same_network(cell, seed, size):
    other = Cell(reordered(cell.normal, seed), reordered(cell.reduction, seed))
    graph = stacked(cell, SMALL, size)
    assert stacked(other, SMALL, size) == graph
    assert graph.output == (10,)
    assert not any(isinstance(node.layer, DropPath) for node in graph.nodes)
    # Nothing is there for nothing.
    taken = {name for node in graph.nodes for name in node.inputs}
    assert {node.name for node in graph.nodes} - taken == {"linear"}


def test_cells_that_take_one_state_alone_leave_out_the_other():
    """Of what takes the cell before the last alone every other cell is for nothing."""
    graph = stacked(uniform("max_3x3", states=(0, 0)), SMALL, 16)
    assert {node.name.partition(".")[0] for node in graph.nodes if "." in node.name} == {
        "stem", "cell0", "cell2", "cell4"
    }  # fmt: skip


@settings(max_examples=25)
@given(cells(), st.sampled_from([16, 48]))
def test_placements_are_what_the_cells_do(cell, size):
    """As many weights and multiply-adds as the network has, without its stem and head."""
    graph = stacked(cell, SMALL, size)
    builder = Builder("apart", (3, 8, 8))
    weights = macs = 0
    for placed in placements(cell, SMALL, size):
        assert placed.stride in (1, 2)
        if placed.operation in OPERATIONS:
            builder = Builder("apart", placed.given)
            OPERATIONS[placed.operation](builder, builder.image, placed.out, placed.stride)
            alone = builder.build()
            weights, macs = weights + alone.parameters, macs + alone.macs
        elif placed.operation not in (SUM, CONCATENATION):
            assert placed.operation == "halved"
            weights += (placed.given[0] + 2) * placed.out
            high, wide = (-(-side // 2) for side in placed.given[1:])
            macs += placed.given[0] * placed.out * high * wide
    stem_and_head = [
        node for node in graph.nodes if node.name.startswith("stem") or node.name == "linear"
    ]
    macs += sum(node.layer.macs(*graph.given(node)) for node in stem_and_head)
    assert macs == graph.macs
    linear = graph.weights["linear.weight"]
    stem = graph.shapes["stem.norm"][0]
    assert weights + stem * 27 + 2 * stem + linear[0] * linear[1] + 10 == graph.parameters


@pytest.mark.parametrize("operation, most", [("identity", []), ("max_3x3", ["max_3x3"])])
def test_what_brings_others_channels_back_is_a_convolution(operation, most):
    """A block that puts 2 x 8 channels side by side, and one that keeps what it is given."""
    blocks = [
        {"inputs": [1, 1], "operations": ["conv_1x1", "conv_3x3"], "combine": "concat"},
        {"inputs": [2, 2], "operations": [operation, "conv_3x3"]},
    ]
    cell = Cell.from_dict({"normal": {"blocks": blocks}, "reduction": {"blocks": blocks}})
    on = [one for one in placements(cell, Stack(cells=0, filters=8), 16)
          if one.given[0] == 2 * one.out or one.operation == operation]  # fmt: skip
    for reduction in range(2):
        given = (32 << reduction, 8 >> reduction, 8 >> reduction)
        squeezed = Placement(operation="conv_1x1", given=given, out=given[0] // 2)
        assert squeezed in on
    assert {one.operation for one in on} - {"conv_1x1", "conv_3x3", "halved"} == set(most)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("given", [(8, 7, 6), (16, 8, 8), (6, 1, 1)])
def test_operations_keep_the_size_or_halve_it(name, given):
    for stride in (1, 2):
        builder = Builder("one", given)
        made = OPERATIONS[name](builder, builder.image, 8, stride)
        sides = tuple(-(-side // stride) for side in given[1:])
        assert (builder.channels(made), *builder.size(made)) == (8, *sides)


def test_groups_divide_all_channels():
    assert groups_of(32, 64) == GROUPS == 4
    assert [groups_of(6, 12), groups_of(6, 8), groups_of(5, 7)] == [3, 2, 1]


def test_an_identity_of_the_same_shape_is_nothing():
    graph = stacked(uniform("identity"), SMALL, 16)
    # The sum in the second normal cell takes what is given as it is.
    node = next(node for node in graph.nodes if node.name == "cell2.2.add")
    assert all(".given." in name for name in node.inputs)


def test_a_random_shuffle_is_marked():
    kinds = {
        name: {n.layer.random for n in stacked(uniform(name), SMALL, 16).nodes
               if isinstance(n.layer, ChannelShuffle)}
        for name in ("grouped_3x3", "grouped_3x3_random", "shuffle_unit")
    }  # fmt: skip
    assert kinds == {
        "grouped_3x3": {False}, "grouped_3x3_random": {True}, "shuffle_unit": {False}
    }  # fmt: skip


def test_a_grouped_operation_sees_all_channels_for_less():
    graphs = []
    for name in ("conv_3x3", "grouped_3x3"):
        builder = Builder("one", (32, 8, 8))
        OPERATIONS[name](builder, builder.image, 32, 1)
        graphs.append(builder.build())
    assert graphs[1].macs / graphs[0].macs == pytest.approx(10 / (9 * GROUPS))


def test_paths_are_marked_and_dropped_more_in_later_cells():
    graph = stacked(uniform("conv_1x1"), Stack(cells=1, filters=8, drop=0.4), 16)
    shares = {
        node.name.partition(".")[0]: node.layer.share
        for node in graph.nodes
        if isinstance(node.layer, DropPath)
    }
    assert shares == pytest.approx({f"cell{i}": 0.4 * (i + 1) / 5 for i in range(5)})
    plain = stacked(uniform("conv_1x1"), Stack(cells=1, filters=8), 16)
    assert graph.parameters == plain.parameters
    marked = stacked(uniform("identity"), Stack(cells=1, filters=8, drop=0.4), 16)
    assert not any(isinstance(node.layer, DropPath) for node in marked.nodes)


def test_side_by_side_blocks_are_wider():
    graph = stacked(uniform("max_3x3", combine="concat"), SMALL, 16)
    assert graph.shapes["cell0.2.concat"] == (16, 16, 16)
    inner = Wiring(
        (
            Block((0, 1), ("identity", "identity"), "concat"),
            Block((2, 2), ("max_3x3", "identity")),
        )
    )
    graph = stacked(Cell(inner, inner), SMALL, 16)
    assert graph.shapes["cell0.3.add"] == (8, 16, 16)


@pytest.mark.parametrize(
    "arguments",
    [{"cells": -1}, {"filters": 3}, {"filters": 8.0}, {"drop": 1.0}, {"drop": -0.1}, {"stem": 0}],
)
def test_what_cannot_be_stacked_is_refused(arguments):
    with pytest.raises(UsageError):
        Stack(**arguments)


def test_images_and_classes_that_cannot_be_are_refused():
    with pytest.raises(UsageError, match="1 class or more"):
        stacked(uniform("max_3x3"), SMALL, 16, 0)
    with pytest.raises(UsageError):
        stacked(uniform("max_3x3"), SMALL, 0)
    assert stacked(uniform("max_3x3"), SMALL, 1).macs > 0
