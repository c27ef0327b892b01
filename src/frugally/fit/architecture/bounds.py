"""Bounds that cells have to keep: no cell is trained whose network breaks one.

Bytes and multiply-adds are counted. Milliseconds are predicted from a table of operations measured
on this machine (`operation_times`).
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from frugally.budget import Budget
from frugally.errors import BudgetError, NetError, UsageError
from frugally.fit.architecture.operation_times import OperationTimes, stem_and_head
from frugally.fit.architecture.space import Space
from frugally.fit.refusal import limit_of
from frugally.fit.vision.choosing import stored_bytes
from frugally.nets.vision.cells.cell import Block, Cell, Wiring
from frugally.nets.vision.cells.stacking import Stack, stacked
from frugally.nets.vision.stem import Size

_CHEAPEST = 3  # operations of which small cells are made
_DRAWN = 30  # cells drawn by chance to find a small one
_HALVED = 20  # cells by which the network that is bounded is chosen
_FILTERS = range(4, 132, 4)
_ENOUGH = 16  # filters: with fewer, networks of random cells are far worse (docs/benchmarks.md)


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What a cell's network takes: bytes of its file, FLOP and, where bounded, seconds an image."""

    size: int
    flops: int
    seconds: float | None = None

    def share(self, budget: Budget) -> float:
        """The largest part of a limit that it takes; above 1 it breaks one."""
        shares = [
            needed / limit
            for needed, limit in (
                (self.size, budget.size), (self.flops, budget.flops), (self.seconds, budget.seconds)
            )
            if needed is not None and limit
        ]  # fmt: skip
        return max(shares, default=0.0)


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """A budget for the network of a cell, stacked in one way for images of one size.

    `rest` is what stem and head take, in milliseconds; measured where time is limited, if it is not
    given.

    Raises:
        UsageError: it limits passages, or time without `times` to predict it from.
    """

    budget: Budget
    stack: Stack
    size: Size = 32
    classes: int = 10
    bits: int = 32
    times: OperationTimes | None = None
    rest: float | None = None

    def __post_init__(self) -> None:
        if self.budget.passages is not None:
            raise UsageError("an image classifier reads no passages", hint="like '1MB 40MMAC 5ms'")
        if self.budget.seconds is not None:
            if self.times is None:
                raise UsageError("a bound on time needs operations that were measured here")
            if self.rest is None:
                rest = stem_and_head(self.stack, self.size, self.classes)
                object.__setattr__(self, "rest", rest)

    def need(self, cell: Cell) -> Need:
        """What a cell's network takes; seconds only where the budget limits them."""
        graph = stacked(cell, self.stack, self.size, self.classes)
        seconds = None
        if self.budget.seconds is not None and self.times is not None and self.rest is not None:
            seconds = (self.rest + self.times.cells(cell, self.stack, self.size)) / 1e3
        size = stored_bytes(graph, self.bits)
        return Need(size=size, flops=2 * graph.macs, seconds=seconds)

    def broken(self, cell: Cell) -> str | None:
        """What the network of a cell exceeds, in words; None if it keeps all bounds."""
        need = self.need(cell)
        spent = {"size": need.size, "flops": need.flops}
        try:
            self.budget.check(**spent, **({"seconds": need.seconds} if need.seconds else {}))
        except BudgetError as error:
            return error.message
        return None

    def smallest(self, space: Space, seed: int = 0) -> tuple[Cell, Need]:
        """The cell that comes nearest to the bounds, or keeps them best, of some small ones.

        Those are chains of the space's cheapest operations, and cells drawn by chance.
        """
        random = np.random.default_rng(seed)
        cells = [*self._chains(space)]
        cells += [space.decode(space.sample(random)) for _ in range(_DRAWN)]
        needs = [(cell, self.need(cell)) for cell in cells]
        return min(needs, key=lambda one: one[1].share(self.budget))

    def refuse_impossible(self, space: Space, seed: int = 0) -> Cell:
        """A cell that keeps the bounds.

        Raises:
            BudgetError: none was found; the hint names what the smallest needs.
        """
        cell, need = self.smallest(space, seed)
        if need.share(self.budget) <= 1:
            return cell
        needed = [limit_of("size", need.size), limit_of("flops", need.flops)]
        if need.seconds is not None:
            needed.append(limit_of("seconds", need.seconds))
        raise BudgetError(
            f"no cell of this space keeps within {self.budget}, stacked {self.stack.cells} times a "
            f"stage with {self.stack.filters} filters",
            hint=f"the smallest found needs {' '.join(needed)}",
        )

    def _chains(self, space: Space) -> list[Cell]:
        """Cells of which each block takes the one before it, so that little is put side by side."""
        combine = space.combinations[0]

        def chain(first: str, rest: str) -> Wiring:
            blocks = [Block((1, 1), (first, first), combine)]
            blocks += [Block((n, n), (rest, rest), combine) for n in range(2, space.blocks + 1)]
            return Wiring(tuple(blocks))

        by_need = sorted(
            space.operations,
            key=lambda name: self.need(Cell(*[chain(name, name)] * 2)).share(self.budget),
        )
        cheap = by_need[:_CHEAPEST]
        # With stride 2 a pool is cheaper than an identity, which is a convolution there.
        return [
            Cell(chain(normal, normal), chain(first, rest))
            for normal, first, rest in product(cheap, repeat=3)
        ]


def bounded_stack(
    budget: Budget, spaces: Sequence[Space], cells: int, side: int, classes: int,
    times: OperationTimes | None, seed: int,
) -> tuple[Space, Bounds]:  # fmt: skip
    """The space to search, and bounds for the most filters that leave it half of its random cells.

    So a search is among cells that are cheaper than the average one for what they do, and the
    winner fills the budget with about as many filters or more. It is the first of some spaces that
    has 16 filters so, or the last, with `cells` a stage or as many fewer.
    """

    def of(cells: int, filters: int) -> Bounds:
        stack = Stack(cells=cells, filters=filters)
        return Bounds(budget=budget, stack=stack, size=side, classes=classes, times=times)

    def half_keep(space: Space, cells: int, filters: int) -> bool:
        random, bounds = np.random.default_rng((seed, 8)), of(cells, filters)
        drawn = (space.decode(space.sample(random)) for _ in range(_HALVED))
        return 2 * sum(bounds.need(cell).share(budget) <= 1 for cell in drawn) >= _HALVED

    choices = list(product(spaces, range(cells, 0, -1)))
    space, cells = next((one for one in choices if half_keep(*one, _ENOUGH)), choices[-1])
    above = bisect_left(_FILTERS, True, key=lambda n: not half_keep(space, cells, n))
    return space, of(cells, _FILTERS[max(0, above - 1)])


def recalled_bounds(path: Path) -> tuple[Space, dict[str, Any]] | None:
    """A search's space, how its networks are stacked, and what was measured for its bounds."""
    try:
        entry = json.loads(path.read_text("utf-8"))
        times = entry["times"]
        return Space.from_dict(entry["space"]), {
            "stack": Stack(**entry["stack"]), "rest": entry["rest"],
            "times": times and OperationTimes.from_dict(times),
        }  # fmt: skip
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, UsageError) as error:
        raise NetError(f"{path} is damaged: {error!r}") from error
