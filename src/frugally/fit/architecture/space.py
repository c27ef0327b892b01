"""The cells that a search chooses from, as decisions: whole numbers, each below a count of its own.

A block is five decisions: two states, two operations, and how they are combined; a cell of B blocks
is 2 · 5 B, those of the normal cell first (Zoph et al. 2017, arXiv:1707.07012, section 3). Block b,
from 0, chooses its states among 2 + b, so that with o operations and c combinations there are

    (∏_{b < B} (2 + b)² o² c)²

vectors of decisions, and fewer cells, since many are equal in another order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np

from frugally.errors import UsageError
from frugally.nets.vision.cells.cell import (
    COMBINATIONS,
    INPUTS,
    MOST_BLOCKS,
    Block,
    Cell,
    Wiring,
)
from frugally.nets.vision.cells.operations import GROUPED, OPERATIONS, PAPER

Decisions = tuple[int, ...]
Kind = Literal["state", "operation", "combination"]
KINDS: tuple[Kind, ...] = ("state", "state", "operation", "operation", "combination")
"""What the decisions of a block are, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """Cells of so many blocks, of some operations and ways to combine them."""

    blocks: int = 5
    operations: tuple[str, ...] = PAPER
    combinations: tuple[str, ...] = COMBINATIONS

    def __post_init__(self) -> None:
        if not 1 <= self.blocks <= MOST_BLOCKS:
            raise UsageError(f"a cell has 1 to {MOST_BLOCKS} blocks, not {self.blocks}")
        for names, known in ((self.operations, OPERATIONS), (self.combinations, COMBINATIONS)):
            unknown = [name for name in names if name not in known]
            if unknown or not names or len(set(names)) != len(names):
                raise UsageError(
                    f"there is no space of {', '.join(map(repr, unknown or names)) or 'nothing'}",
                    hint=f"there are {', '.join(known)}, each once",
                )

    @classmethod
    def paper(cls, *, grouped: bool = False, blocks: int = 5) -> Space:
        """NASNet's thirteen operations, and with `grouped` group convolution and shuffle too."""
        return cls(blocks=blocks, operations=PAPER + (GROUPED if grouped else ()))

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> Space:
        """The space of `as_dict`.

        Raises:
            UsageError: there is none such.
            KeyError, TypeError: it is not of that form.
        """
        return cls(
            blocks=entry["blocks"], operations=tuple(entry["operations"]),
            combinations=tuple(entry["combinations"]),
        )  # fmt: skip

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many choices there are for each decision."""
        return tuple(
            {
                "state": INPUTS + block,
                "operation": len(self.operations),
                "combination": len(self.combinations),
            }[kind]
            for _ in range(2)
            for block in range(self.blocks)
            for kind in KINDS
        )

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What each decision is about."""
        return KINDS * (2 * self.blocks)

    @property
    def vectors(self) -> int:
        """How many vectors of decisions there are."""
        return prod(self.sizes)

    def sample(self, random: np.random.Generator) -> Decisions:
        """Each vector with the same probability."""
        return tuple(int(random.integers(size)) for size in self.sizes)

    def decode(self, decisions: Sequence[int]) -> Cell:
        """The cell of some decisions, as they say it; `Cell.canonical` is what it is equal to.

        Raises:
            UsageError: they are not of this space.
        """
        sizes = self.sizes
        if len(decisions) != len(sizes) or not all(
            type(choice) is int and 0 <= choice < size
            for choice, size in zip(decisions, sizes, strict=True)
        ):
            raise UsageError(f"these are no decisions on cells of {self.blocks} blocks")
        half = len(sizes) // 2
        return Cell(self._wiring(decisions[:half]), self._wiring(decisions[half:]))

    def _wiring(self, decisions: Sequence[int]) -> Wiring:
        step = len(KINDS)
        blocks = []
        for start in range(0, len(decisions), step):
            one, other, first, second, combine = decisions[start : start + step]
            operations = (self.operations[first], self.operations[second])
            blocks.append(Block((one, other), operations, self.combinations[combine]))
        return Wiring(tuple(blocks))

    def encode(self, cell: Cell) -> Decisions:
        """The decisions of a cell, as it is written.

        Raises:
            UsageError: it is not of this space.
        """
        return tuple(
            choice
            for wiring, name in ((cell.normal, "normal"), (cell.reduction, "reduction"))
            for choice in self._choices(wiring, name)
        )

    def _choices(self, wiring: Wiring, name: str) -> list[int]:
        if len(wiring.blocks) != self.blocks:
            raise UsageError(
                f"the {name} cell has {len(wiring.blocks)} blocks, not {self.blocks} as this space"
            )
        if wiring.outputs != wiring.unused:
            raise UsageError(f"the output of the {name} cell is not what no block takes")
        choices: list[int] = []
        for block in wiring.blocks:
            for what, known in (
                *((operation, self.operations) for operation in block.operations),
                (block.combine, self.combinations),
            ):
                if what not in known:
                    raise UsageError(f"{what} is not in this space", hint=", ".join(known))
            choices += block.inputs
            choices += (self.operations.index(operation) for operation in block.operations)
            choices.append(self.combinations.index(block.combine))
        return choices

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "blocks": self.blocks,
            "operations": list(self.operations),
            "combinations": list(self.combinations),
        }
