"""A cell: what a network is stacked from, as blocks of two operations each.

States are numbered: 0 is the output of the cell before the last, 1 that of the last, and 2, 3, …
are what the blocks make. A block takes two states, does an operation to each, and adds the results
or puts them side by side. What no block takes is put side by side as the output (Zoph et al. 2017,
arXiv:1707.07012, section 3). A normal cell keeps the size of images, a reduction cell halves it by
doing what it does to states 0 and 1 with stride 2.

As JSON:

    {"normal": {"blocks": [{"inputs": [1, 0], "operations": ["separable_5x5", "identity"],
                            "combine": "add"}, …]},
     "reduction": {"blocks": […], "output": [3, 4, 5, 6]}}

with "output" only where it is something else than what no block takes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from hashlib import sha256
from typing import Any

from frugally.errors import NetError
from frugally.nets.vision.cells.operations import OPERATIONS

INPUTS = 2
"""States that a cell is given."""
COMBINATIONS = ("add", "concat")
MOST_BLOCKS = 8


@dataclass(frozen=True, slots=True)
class Block:
    """Two states, what is done to each, and how the results are combined: "add" or "concat"."""

    inputs: tuple[int, int]
    operations: tuple[str, str]
    combine: str = "add"

    def __post_init__(self) -> None:
        for values, kind in ((self.inputs, int), (self.operations, str)):
            if not isinstance(values, tuple) or [type(one) for one in values] != [kind, kind]:
                raise NetError("a block has two inputs, which are numbers, and two operations")
        for name in self.operations:
            if name not in OPERATIONS:
                near = get_close_matches(name, OPERATIONS, cutoff=0.3) or OPERATIONS
                raise NetError(
                    f"there is no operation {name!r:.80}", hint=f"there are {', '.join(near)}"
                )
        if self.combine not in COMBINATIONS:
            raise NetError(f"blocks {' or '.join(COMBINATIONS)}, they do not {self.combine!r:.80}")

    @property
    def pairs(self) -> tuple[tuple[int, str], tuple[int, str]]:
        """Each input with what is done to it."""
        return (self.inputs[0], self.operations[0]), (self.inputs[1], self.operations[1])


@dataclass(frozen=True, slots=True)
class Wiring:
    """The blocks of a normal or of a reduction cell, and the states that are its output.

    `output` is None for those that no block takes.
    """

    blocks: tuple[Block, ...]
    output: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.blocks) <= MOST_BLOCKS:
            raise NetError(f"a cell has 1 to {MOST_BLOCKS} blocks, not {len(self.blocks)}")
        states = INPUTS + len(self.blocks)
        for number, block in enumerate(self.blocks, start=INPUTS):
            for state in block.inputs:
                if not 0 <= state < states:
                    raise NetError(f"block {number} takes state {state}, which is not there")
                if state >= number:
                    raise NetError(
                        f"block {number} takes state {state}, which is not made before it: a loop",
                        hint="a block takes states 0, 1 and those of blocks before it",
                    )
        if self.output is not None:
            given = self.output
            whole = isinstance(given, tuple) and all(type(one) is int for one in given)
            if not whole or not given or len(set(given)) != len(given):
                raise NetError("the output of a cell is one state or several, each once")
            for state in given:
                if not 0 <= state < states:
                    raise NetError(f"the output has state {state}, which is not there")
            if max(given) < INPUTS:
                raise NetError("the output of a cell is what it was given: no block has a part")

    @property
    def unused(self) -> tuple[int, ...]:
        """The states of blocks that no block takes."""
        taken = {state for block in self.blocks for state in block.inputs}
        return tuple(n for n in range(INPUTS, INPUTS + len(self.blocks)) if n not in taken)

    @property
    def outputs(self) -> tuple[int, ...]:
        """The states that are put side by side."""
        return self.unused if self.output is None else self.output

    def canonical(self) -> Wiring:
        """The one form of all wirings that are this one in another order.

        Blocks that the output does not hang on are left out. The two halves of a block are sorted;
        the blocks stand in the order, of all in which they can be computed, whose description comes
        first in the alphabet. What is the same only by algebra (an identity added twice) is not
        recognised.
        """
        needed = self._needed()
        orders: list[tuple[int, ...]] = [()]
        for _ in needed:
            orders = self._extended(orders, needed)
        return min((self._ordered(order) for order in orders), key=lambda one: one.outputs)

    def _needed(self) -> list[int]:
        """The numbers of blocks that the output hangs on."""
        found: set[int] = set()
        open_ = list(self.outputs)
        while open_:
            state = open_.pop()
            if state >= INPUTS and state not in found:
                found.add(state)
                open_ += self.blocks[state - INPUTS].inputs
        return sorted(found)

    def _extended(
        self, orders: Sequence[tuple[int, ...]], needed: Sequence[int]
    ) -> list[tuple[int, ...]]:
        """Orders that are one block longer, where all have had the same description so far."""
        best: list[tuple[int, ...]] = []
        least: Any = None
        for order in orders:
            places = _places(order)
            twins: set[tuple[Any, ...]] = set()
            for number in needed:
                block = self.blocks[number - INPUTS]
                if number in order or not all(state in places for state in block.inputs):
                    continue
                described = _described(block, places)
                if least is not None and described > least:
                    continue
                if least is None or described < least:
                    best, least = [], described
                    twins = set()
                # Of blocks that are alike and taken alike, any comes first.
                twin = self._takers(number)
                if twin not in twins:
                    twins.add(twin)
                    best.append((*order, number))
        return best

    def _takers(self, state: int) -> tuple[Any, ...]:
        takers = (
            (number, name)
            for number, block in enumerate(self.blocks)
            for one, name in block.pairs
            if one == state
        )
        return (state in self.outputs, *sorted(takers))

    def _ordered(self, order: Sequence[int]) -> Wiring:
        places = _places(order)
        blocks = []
        for number in order:
            pairs, combine = _described(self.blocks[number - INPUTS], places)
            (one, first), (other, second) = pairs
            blocks.append(Block((one, other), (first, second), combine))
        output = tuple(sorted(places[state] for state in self.outputs))
        made = Wiring(tuple(blocks))
        return made if made.unused == output else Wiring(made.blocks, output)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        blocks = [
            {"inputs": list(b.inputs), "operations": list(b.operations), "combine": b.combine}
            for b in self.blocks
        ]
        return {"blocks": blocks} | ({} if self.output is None else {"output": list(self.output)})


def _places(order: Sequence[int]) -> dict[int, int]:
    """The new number of each state, when blocks stand in this order."""
    return {n: n for n in range(INPUTS)} | {
        number: place for place, number in enumerate(order, start=INPUTS)
    }


def _described(
    block: Block, places: Mapping[int, int]
) -> tuple[tuple[tuple[int, str], tuple[int, str]], str]:
    one, other = sorted((places[state], name) for state, name in block.pairs)
    return (one, other), block.combine


@dataclass(frozen=True, slots=True)
class Cell:
    """A normal cell and the reduction cell that goes with it."""

    normal: Wiring
    reduction: Wiring

    def canonical(self) -> Cell:
        """The one form of all cells that are equal to this one; see `Wiring.canonical`."""
        return Cell(self.normal.canonical(), self.reduction.canonical())

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical form, in hexadecimal: the same for equal cells."""
        text = json.dumps(self.canonical().as_dict(), sort_keys=True, separators=(",", ":"))
        return sha256(text.encode()).hexdigest()

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"normal": self.normal.as_dict(), "reduction": self.reduction.as_dict()}

    @classmethod
    def from_dict(cls, entry: Any) -> Cell:
        """The cell that `as_dict` wrote.

        Raises:
            NetError: it is no cell; the message says why.
        """
        whole = _keys(entry, "a cell", ("normal", "reduction"))
        return cls(*(_wiring(whole[name], name) for name in ("normal", "reduction")))


def _wiring(entry: Any, name: str) -> Wiring:
    given = _keys(entry, f"the {name} cell", ("blocks",), ("output",))
    try:
        blocks = tuple(_block(one) for one in _list(given["blocks"], "blocks", MOST_BLOCKS))
        output = given.get("output")
        return Wiring(
            blocks, None if output is None else tuple(_list(output, "output", 2 * MOST_BLOCKS))
        )
    except NetError as error:
        raise NetError(f"the {name} cell: {error}", hint=error.hint) from error


def _block(entry: Any) -> Block:
    given = _keys(entry, "a block", ("inputs", "operations"), ("combine",))
    inputs, operations = (tuple(_list(given[key], key, INPUTS)) for key in ("inputs", "operations"))
    combine = given.get("combine", "add")
    if not isinstance(combine, str):
        raise NetError("how a block combines is text")
    return Block(inputs, operations, combine)


def _keys(
    entry: Any, what: str, needed: Sequence[str], allowed: Sequence[str] = ()
) -> Mapping[str, Any]:
    if not isinstance(entry, Mapping):
        raise NetError(f"{what} is an object with {' and '.join(needed)}")
    for key in needed:
        if key not in entry:
            raise NetError(f"{what} has no {key!r}")
    for key in entry:
        if key not in (*needed, *allowed):
            raise NetError(f"{what} has no such thing as {key!r:.80}")
    return entry


def _list(value: Any, what: str, most: int) -> list[Any]:
    if not isinstance(value, list):
        raise NetError(f"{what} of a cell stand in a list")
    if len(value) > most:
        raise NetError(f"there are {len(value)} {what}, more than the {most} that there can be")
    return value
