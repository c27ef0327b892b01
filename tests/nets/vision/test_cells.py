"""Cells are met once however they are written, are the same from JSON, and say what is wrong."""

import json
from copy import deepcopy
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_cells import cells, reordered, wirings

from frugally.errors import NetError
from frugally.nets.vision.cells.cell import INPUTS, MOST_BLOCKS, Block, Cell, Wiring
from frugally.nets.vision.cells.operations import GROUPED, OPERATIONS, PAPER
from frugally.nets.vision.cells.references import NASNET_A, REFERENCES, reference

seeds = st.integers(0, 2**32)


def block(*pairs, combine="add"):
    return Block(tuple(p[0] for p in pairs), tuple(p[1] for p in pairs), combine)


@given(wirings(), seeds)
def test_another_order_is_the_same_wiring(wiring, seed):
    assert reordered(wiring, seed).canonical() == wiring.canonical()


@given(wirings())
def test_the_canonical_form_is_its_own(wiring):
    once = wiring.canonical()
    assert once.canonical() == once


@given(wirings(blocks=4))
def test_the_canonical_form_is_the_first_of_all_orders(wiring):
    """Against all orders of blocks, and all ways to write each."""
    once = wiring.canonical()
    count = len(wiring.blocks)
    needed = sorted(_needed(wiring))
    described = []
    for order in permutations(needed):
        places = {0: 0, 1: 1} | {n: i for i, n in enumerate(order, INPUTS)}
        blocks = [wiring.blocks[n - INPUTS] for n in order]
        if any(places.get(s, 99) >= places[n] for n, b in zip(order, blocks, strict=True)
               for s in b.inputs):  # fmt: skip
            continue
        written = [
            (tuple(sorted((places[s], name) for s, name in b.pairs)), b.combine) for b in blocks
        ]
        described.append((written, tuple(sorted(places[s] for s in wiring.outputs))))
    best = min(described)
    assert [(b.pairs, b.combine) for b in once.blocks] == best[0]
    assert once.outputs == best[1]
    assert len(once.blocks) == len(needed) <= count


def _needed(wiring):
    found, states = set(), list(wiring.outputs)
    while states:
        state = states.pop()
        if state >= INPUTS:
            found.add(state)
            states += wiring.blocks[state - INPUTS].inputs
    return found


def test_alike_blocks_that_are_taken_otherwise_are_told_apart():
    twin = block((0, "identity"), (1, "identity"))
    same = block((2, "max_3x3"), (2, "max_3x3"))
    both = block((2, "max_3x3"), (3, "max_3x3"))
    one, other = (Wiring((twin, twin, last)).canonical() for last in (same, both))
    assert one != other
    # Which of the twins it is does not matter.
    assert Wiring((twin, twin, block((3, "max_3x3"), (3, "max_3x3")))).canonical() == one


def test_what_the_output_does_not_hang_on_is_left_out():
    kept, lost = block((0, "identity"), (1, "max_3x3")), block((1, "identity"), (1, "identity"))
    assert Wiring((lost, kept), (3,)).canonical() == Wiring((kept,))
    # Said and unsaid outputs are the same, if they are the same states.
    assert Wiring((kept,), (2,)).canonical() == Wiring((kept,))
    assert Wiring((kept,), (0, 2)).canonical() == Wiring((kept,), (0, 2))


def test_many_equal_blocks_take_no_time():
    alike = (block((0, "identity"), (0, "identity")),) * MOST_BLOCKS
    assert Wiring(alike).canonical() == Wiring(alike)


def test_equal_cells_have_one_digest():
    cell = reference("nasnet-a")
    other = Cell(reordered(cell.normal, 1), reordered(cell.reduction, 2))
    assert other != cell
    assert other.digest == cell.digest
    assert Cell(cell.reduction, cell.normal).digest != cell.digest


@given(cells())
def test_json_round_trip(cell):
    assert Cell.from_dict(json.loads(json.dumps(cell.as_dict()))) == cell


def test_the_operations_are_those_of_the_paper_and_more():
    assert len(PAPER) == 13
    assert set(PAPER) | set(GROUPED) | {"dilated_separable_3x3"} == set(OPERATIONS)


@pytest.mark.parametrize("name", REFERENCES)
def test_published_cells_are_cells(name):
    assert reference(name).as_dict().keys() == {"normal", "reduction"}


def test_nasnet_states():
    cell = reference("nasnet-a")
    assert cell.normal.unused == (2, 3, 4, 5, 6)
    assert cell.normal.outputs == (0, 2, 3, 4, 5, 6)
    assert cell.reduction.unused == (4, 5, 6)


def changed(change):
    entry = deepcopy(NASNET_A)
    change(entry)
    return entry


@pytest.mark.parametrize(
    "change, why",
    [
        (lambda e: e["normal"]["blocks"][1].update(inputs=[3, 0]), "state 3.*a loop"),
        (lambda e: e["normal"]["blocks"][1].update(inputs=[0, 5]), "state 5.*a loop"),
        (lambda e: e["reduction"]["blocks"][0].update(inputs=[0, 7]), "reduction.*7.*not there"),
        (lambda e: e["normal"]["blocks"][0].update(inputs=[0, -1]), "-1.*not there"),
        (lambda e: e["normal"]["blocks"][0].update(inputs=[0]), "two inputs"),
        (lambda e: e["normal"]["blocks"][0].update(inputs=[0, True]), "numbers"),
        (lambda e: e["normal"]["blocks"][0].update(inputs=[0, "1"]), "numbers"),
        (lambda e: e["normal"]["blocks"][0].update(inputs=[0, 1, 1]), "3 inputs"),
        (lambda e: e["normal"]["blocks"][0].update(inputs="01"), "in a list"),
        (lambda e: e["normal"]["blocks"][0].pop("inputs"), "a block has no 'inputs'"),
        (lambda e: e["normal"]["blocks"][0].update(operations=["conv_9x9", "max_3x3"]), "conv_9x9"),
        (lambda e: e["normal"]["blocks"][0].update(operations=[1, "max_3x3"]), "two operations"),
        (lambda e: e["normal"]["blocks"][0].update(combine="multiply"), "multiply"),
        (lambda e: e["normal"]["blocks"][0].update(combine=3), "is text"),
        (lambda e: e["normal"]["blocks"][0].update(strides=3), "no such thing as 'strides'"),
        (lambda e: e["normal"].update(blocks=[]), "1 to 8 blocks, not 0"),
        (lambda e: e["normal"].update(blocks=e["normal"]["blocks"] * 2), "10 blocks"),
        (lambda e: e["normal"].update(blocks=[[]]), "a block is an object"),
        (lambda e: e["normal"].update(output=[9]), "state 9, which is not there"),
        (lambda e: e["normal"].update(output=[2, 2]), "each once"),
        (lambda e: e["normal"].update(output=[]), "each once"),
        (lambda e: e["normal"].update(output=[2.0]), "each once"),
        (lambda e: e["normal"].update(output=[0, 1]), "no block has a part"),
        (lambda e: e.pop("reduction"), "a cell has no 'reduction'"),
        (lambda e: e.update(reduction=None), "the reduction cell is an object"),
        (lambda e: e.update(third={}), "no such thing as 'third'"),
    ],
)
def test_what_is_no_cell_is_refused(change, why):
    with pytest.raises(NetError, match=why):
        Cell.from_dict(changed(change))


def test_an_unknown_operation_names_those_nearest():
    with pytest.raises(NetError) as caught:
        block((0, "seperable_3x3"), (0, "identity"))
    assert "separable_3x3" in caught.value.hint


hostile = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
    | st.sampled_from(["normal", "blocks", "add", "identity", 10**400]),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["normal", "reduction", "blocks", "inputs", "operations", "output"]),
        inner, max_size=3,
    ),
    max_leaves=8,
)  # fmt: skip


@given(hostile, st.sampled_from([(), ("normal",), ("normal", "blocks"), ("normal", "output"),
                                 ("normal", "blocks", 0), ("normal", "blocks", 0, "inputs"),
                                 ("normal", "blocks", 0, "operations")]))  # fmt: skip
def test_hostile_json_is_a_cell_or_refused(value, path):
    entry = deepcopy(NASNET_A)
    holder = entry
    for key in path[:-1]:
        holder = holder[key]
    if path:
        holder[path[-1]] = value
    else:
        entry = value
    try:
        cell = Cell.from_dict(entry)
    except NetError as error:
        assert str(error)
    else:
        assert cell.canonical().canonical() == cell.canonical()
