"""Networks stacked from the cells: what a cell is in them, and what it is made of.

For small images a convolution, and then N normal cells, a reduction cell, N normal cells, a
reduction cell, N normal cells; the filters, F at first, double at each reduction. Large images are
halved by the first convolution and by two reduction cells of F / 4 and F / 2 filters before that
(Zoph et al. 2017, arXiv:1707.07012, figure 2 and appendix A.1). The auxiliary head that the paper
adds for training is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from frugally.errors import UsageError
from frugally.nets.vision.cells.cell import INPUTS, Cell, Wiring
from frugally.nets.vision.cells.operations import OPERATIONS, POOLS, halved, squeezed
from frugally.nets.vision.graph import Builder, Graph
from frugally.nets.vision.layers import DropPath, Shape
from frugally.nets.vision.stem import Size, halvings, image

STAGES = 3
_SMALL_STEM, _LARGE_STEM = 3, 32  # filters of the first convolution: times F; for large images

SQUEEZED, HALVED, SUM, CONCATENATION = "conv_1x1", "halved", "sum", "concat"
"""What a `Placement` can be besides an operation; a state is squeezed as conv_1x1 does it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """How a network is stacked: N cells a stage, F filters at first, and paths that are dropped.

    `drop` is the share of paths dropped in the last cell at the end of training; in the others it
    is less, by their depth, as in the authors' code. `stem` are the filters of the first
    convolution, by default 3 F for small images and 32 for those that it halves.
    """

    cells: int = 6
    filters: int = 32
    drop: float = 0.0
    stem: int | None = None

    def __post_init__(self) -> None:
        counts = (self.cells + 1, self.filters - 3, 1 if self.stem is None else self.stem)
        if not all(type(count) is int and count >= 1 for count in counts):
            raise UsageError(
                "a network is stacked from 0 cells a stage or more, of 4 filters or more",
                hint="such as 6 cells of 32 filters",
            )
        if not 0 <= self.drop < 1:
            raise UsageError("the share of paths dropped is at least 0 and below 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """An operation where it stands in a network: on what, to how many channels, which stride."""

    operation: str
    given: Shape
    out: int
    stride: int = 1


def stacked(cell: Cell, stack: Stack, size: Size = 32, classes: int = 10) -> Graph:
    """The network of a cell, the same for equal cells, for images of a side or (height, width).

    Raises:
        UsageError: there are no such images or classes.
        NetError: the image is too small.
    """
    if classes < 1:
        raise UsageError(f"a network tells 1 class or more, not {classes}")
    return _Stacking(cell, stack, size).network(classes)


def placements(cell: Cell, stack: Stack, size: Size = 32) -> tuple[Placement, ...]:
    """What the cells of that network do, where; without the first convolution and the head."""
    stacking = _Stacking(cell, stack, size)
    alive = {node.name for node in stacking.network(1).nodes}
    return tuple(placed for name, placed in stacking.placed if name in alive)


class _Stacking:
    def __init__(self, cell: Cell, stack: Stack, size: Size) -> None:
        self._cell, self._stack, self._halvings = cell.canonical(), stack, halvings(size)
        name = f"cell-{cell.digest[:8]}-{stack.cells}x{stack.filters}"
        self._builder = Builder(name, image(size))
        self._drop = 0.0
        self.placed: list[tuple[str, Placement]] = []

    def network(self, classes: int) -> Graph:
        """The graph; what is done is put down."""
        stack, builder = self._stack, self._builder
        before, x = None, self._stem()
        # (reduction or not, filters) of each cell
        kinds = [(True, max(2, stack.filters // 4)), (True, stack.filters // 2)]
        kinds = kinds if self._halvings == 2 else []
        for stage in range(STAGES):
            filters = stack.filters << stage
            kinds += [(True, filters)] * (stage > 0) + [(False, filters)] * stack.cells
        for number, (reduces, filters) in enumerate(kinds):
            self._drop = stack.drop * (number + 1) / len(kinds)
            before, x = x, self._add_cell(f"cell{number}", before, x, filters, reduces)
        builder.at("")
        builder.head(builder.activation(x), classes)
        return _alive(builder.build())

    def _stem(self) -> str:
        """A convolution and batch norm; its ReLU is that of those who take it."""
        builder, stack, small = self._builder, self._stack, self._halvings == 0
        builder.at("stem")
        filters = stack.stem or (_SMALL_STEM * stack.filters if small else _LARGE_STEM)
        return builder.normalised(builder.image, filters, 3, stride=1 if small else 2)

    def _add_cell(self, name: str, before: str | None, x: str, filters: int, reduces: bool) -> str:
        builder = self._builder
        wiring = self._cell.reduction if reduces else self._cell.normal
        stride = 2 if reduces else 1
        builder.at(f"{name}.given")
        # The first cell has none before it and is given the same twice, once as it is.
        states = [x if before is None else self._fitted(before, x, filters),
                  self._squeezed(x, filters)]  # fmt: skip
        for number, block in enumerate(wiring.blocks, start=INPUTS):
            results = []
            for side, (state, operation) in zip(("left", "right"), block.pairs, strict=True):
                builder.at(f"{name}.{number}.{side}")
                step = stride if state < INPUTS else 1
                results.append(self._operated(operation, states[state], filters, step))
            builder.at(f"{name}.{number}")
            states.append(self._combined(block.combine, results))
        return self._joined(name, wiring, states, filters)

    def _fitted(self, before: str, x: str, filters: int) -> str:
        """The output of the cell before the last, in the size of the last one's."""
        if self._builder.size(before) != self._builder.size(x):
            return self._halved(before, filters)
        if self._builder.channels(before) != filters:
            return self._squeezed(before, filters)
        return before

    def _operated(self, operation: str, x: str, filters: int, stride: int) -> str:
        made = OPERATIONS[operation](self._builder, x, filters, stride)
        if made == x:
            return x
        builder = self._builder
        given, out = builder.channels(x), builder.channels(made)
        if given != out and (operation in POOLS or (operation, stride) == ("identity", 1)):
            # What keeps the channels by itself is brought to others by a 1 x 1 convolution.
            if operation in POOLS:
                self._note(made, operation, (given, *builder.size(x)), given, stride)
            self._note(made, SQUEEZED, (given, *builder.size(made)), out)
        else:
            self._put_down(operation, x, made, stride)
        if operation == "identity" or not self._drop:
            return made
        return builder.add("drop", DropPath(share=self._drop), made)

    def _combined(self, combine: str, results: Sequence[str]) -> str:
        if combine == "add":
            return self._sum(results)
        return self._concatenation(results)

    def _joined(self, name: str, wiring: Wiring, states: Sequence[str], filters: int) -> str:
        """The output: what has another size than the blocks made is halved."""
        builder = self._builder
        size, parts = builder.size(states[-1]), []
        for state in wiring.outputs:
            x = states[state]
            builder.at(f"{name}.{state}.out")
            if state < INPUTS and builder.size(x) != size:
                x = self._halved(x, filters)
            elif state < INPUTS and builder.channels(x) != filters:
                x = self._squeezed(x, filters)
            parts.append(x)
        builder.at(name)
        return parts[0] if len(parts) == 1 else self._concatenation(parts)

    def _squeezed(self, x: str, filters: int) -> str:
        return self._put_down(SQUEEZED, x, squeezed(self._builder, x, filters))

    def _halved(self, x: str, filters: int) -> str:
        return self._put_down(HALVED, x, halved(self._builder, x, filters), 2)

    def _sum(self, parts: Sequence[str]) -> str:
        return self._put_down(SUM, parts[0], self._builder.sum(*parts))

    def _concatenation(self, parts: Sequence[str]) -> str:
        made = self._builder.concatenation(*parts)
        return self._put_down(CONCATENATION, made, made)

    def _put_down(self, operation: str, x: str, made: str, stride: int = 1) -> str:
        builder = self._builder
        given = (builder.channels(x), *builder.size(x))
        self._note(made, operation, given, builder.channels(made), stride)
        return made

    def _note(self, made: str, operation: str, given: Shape, out: int, stride: int = 1) -> None:
        placed = Placement(operation=operation, given=given, out=out, stride=stride)
        self.placed.append((made, placed))


def _alive(graph: Graph) -> Graph:
    """The graph without what its output does not hang on.

    A cell may take one of the states that it is given and not the other; what was to be the other
    is then for nothing.
    """
    wanted = {graph.nodes[-1].name}
    for node in reversed(graph.nodes):
        if node.name in wanted:
            wanted.update(node.inputs)
    return replace(graph, nodes=tuple(node for node in graph.nodes if node.name in wanted))
