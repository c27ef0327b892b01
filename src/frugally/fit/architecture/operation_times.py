"""How long each operation takes on this machine, and what a network of cells will take by that.

An operation is measured by what it adds to a network that has just done it: one and the same
operation once, and twice, the difference being its time. What opening a network and bringing images
into the runtime's order of channels takes falls out. Between the measured numbers of channels and
sides the logarithm of the time is interpolated, along the logarithms of both; an operation from c
to c' channels counts as one from √(c c').

A network is predicted as its stem and head, measured for themselves, and `scale` times the sum of
its operations. `checked` finds that number on some whole networks, and the error on others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from frugally.errors import NetError, UsageError
from frugally.fit.vision.forms import Choice, written
from frugally.fit.vision.weights import random_weights
from frugally.nets.onnx_session import open_session
from frugally.nets.vision.cells.cell import Cell
from frugally.nets.vision.cells.operations import OPERATIONS, halved
from frugally.nets.vision.cells.stacking import (
    CONCATENATION,
    HALVED,
    SQUEEZED,
    SUM,
    Placement,
    Stack,
    placements,
    stacked,
)
from frugally.nets.vision.graph import INPUT, Builder, Graph
from frugally.nets.vision.stem import Size

CHANNELS = (8, 16, 32, 64, 128, 256)
SIDES = (4, 8, 16, 32)
_LEAST, _MOST = 5, 200  # runs of each network that is measured
_FLOOR = 1e-4  # milliseconds: what is less is noise

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationTimes:
    """Milliseconds of operations for one image in one thread, and how well they predict.

    `table` has for each "operation/stride" a row for each of `channels` with a number for each of
    `sides`. `error` is the median of |predicted / measured - 1| over whole networks that `scale`
    was not found on; None before it was checked.
    """

    channels: tuple[int, ...]
    sides: tuple[int, ...]
    table: Mapping[str, Sequence[Sequence[float]]]
    scale: float = 1.0
    error: float | None = None

    def milliseconds(self, placed: Placement) -> float:
        """What an operation takes where it is placed, by the table.

        Raises:
            UsageError: the operation was not measured.
        """
        rows = self.table.get(_key(placed.operation, placed.stride))
        if rows is None:
            raise UsageError(f"{placed.operation} was not measured with stride {placed.stride}")
        channels, height, width = placed.given
        logs = np.log(np.maximum(np.array(rows), _FLOOR))
        by_side = [_between(self.sides, row, sqrt(height * width)) for row in logs]
        return float(np.exp(_between(self.channels, by_side, sqrt(channels * placed.out))))

    def cells(self, cell: Cell, stack: Stack, size: Size = 32) -> float:
        """The milliseconds of a network's cells, without its stem and head."""
        return self.scale * sum(map(self.milliseconds, placements(cell, stack, size)))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, entry: Mapping[str, Any]) -> OperationTimes:
        """What `as_dict` gave.

        Raises:
            NetError: it is no table of times.
        """
        try:
            lists = {key: tuple(entry[key]) for key in ("channels", "sides")}
            times = cls(**{**entry, **lists})
            shapes = {np.array(rows, float).shape for rows in times.table.values()}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise NetError(f"this is no table of times: {error!r}") from error
        if shapes - {(len(times.channels), len(times.sides))}:
            raise NetError("this is no table of times: its rows have other lengths")
        return times


def measured(
    operations: Sequence[str] = tuple(OPERATIONS),
    *,
    channels: Sequence[int] = CHANNELS,
    sides: Sequence[int] = SIDES,
    seconds: float = 60.0,
    report: Report = lambda _: None,
) -> OperationTimes:
    """Measure operations, and what cells have besides, in about so many seconds."""
    names = [*operations, *({SQUEEZED} - set(operations))]
    keys = [(name, stride) for name in names for stride in (1, 2) if (name, stride) != _NOTHING]
    keys += [(HALVED, 2), (SUM, 1), (CONCATENATION, 1)]
    each = seconds / (len(keys) * len(channels) * len(sides))
    table = {_key("identity", 1): [[_FLOOR] * len(sides)] * len(channels)}
    for name, stride in keys:
        report(f"measuring {name} with stride {stride}")
        table[_key(name, stride)] = [
            [_added(name, stride, count, side, each) for side in sides] for count in channels
        ]
    return OperationTimes(channels=tuple(channels), sides=tuple(sides), table=table)


def checked(
    times: OperationTimes,
    cells: Sequence[Cell],
    stack: Stack,
    size: Size = 32,
    classes: int = 10,
    *,
    report: Report = lambda _: None,
) -> OperationTimes:
    """The same times with a scale that fits half of some cells' networks, and the others' error.

    Raises:
        UsageError: there are fewer than two cells.
    """
    if len(cells) < 2:
        raise UsageError("times are checked with two cells or more")
    plain = replace(times, scale=1.0)
    rest = stem_and_head(stack, size, classes)
    found = []
    for cell in cells:
        taken = milliseconds(stacked(cell, stack, size, classes))
        found.append((plain.cells(cell, stack, size), taken))
        report(f"a network of {found[-1][0] + rest:.2f} ms by the table takes {taken:.2f} ms")
    fitted, held = found[::2], found[1::2]
    scale = float(np.median([max(taken - rest, _FLOOR) / sum_ for sum_, taken in fitted]))
    errors = [abs((scale * sum_ + rest) / taken - 1) for sum_, taken in held]
    return replace(times, scale=scale, error=float(np.median(errors)))


def stem_and_head(stack: Stack, size: Size = 32, classes: int = 10) -> float:
    """The milliseconds of what every network stacked so begins and ends with."""
    graph = stacked(_PLAIN, stack, size, classes)
    builder = Builder("stem", graph.input)
    first = graph.nodes[0].layer
    x = builder.norm(builder.add("conv", first, builder.image))
    builder.head(builder.activation(x), classes)
    return milliseconds(builder.build())


def milliseconds(graph: Graph, seconds: float = 0.5) -> float:
    """The median time of a network with its norms folded, for one image in one thread."""
    return _medians([graph], seconds)[0]


_NOTHING = ("identity", 1)  # of equal channels: no layer at all
_PLAIN = Cell.from_dict(
    {
        name: {"blocks": [{"inputs": [0, 1], "operations": ["identity", "identity"]}]}
        for name in ("normal", "reduction")
    }
)


def _key(operation: str, stride: int) -> str:
    return f"{operation}/{stride}"


def _added(name: str, stride: int, channels: int, side: int, seconds: float) -> float:
    """The milliseconds that an operation adds to a network."""
    once, twice = _medians(list(_pair(name, stride, channels, side)), seconds)
    return max(twice - once, _FLOOR)


def _pair(name: str, stride: int, channels: int, side: int) -> Iterator[Graph]:
    """A network with an operation, and one with it once more; both with random numbers."""
    for times in (1, 2):
        # What is put side by side has half of the channels that it makes.
        given = channels // 2 if name == CONCATENATION else channels
        builder = Builder(f"{name}-{times}", (given, side, side))
        x = builder.image
        if name in (SUM, CONCATENATION):
            x = builder.convolution(x, given)
            if times == 2:
                other = builder.activation(x)
                x = builder.sum(x, other) if name == SUM else builder.concatenation(x, other)
            else:
                x = builder.activation(x)
        else:
            build = _halved if name == HALVED else OPERATIONS[name]
            first = OPERATIONS[SQUEEZED] if name in ("identity", HALVED) else build
            x = first(builder, x, channels, 1)
            if times == 2:
                x = build(builder, x, channels, stride)
        yield builder.build()


def _halved(builder: Builder, x: str, out: int, stride: int) -> str:
    return halved(builder, x, out)


def _medians(graphs: Sequence[Graph], seconds: float) -> list[float]:
    """The median milliseconds of networks, measured in turns for about so many seconds in all.

    By the thread's own processor time, which does not count what others do on the machine.
    """
    runs = []
    for graph in graphs:
        choice = Choice(network=graph.name, image=graph.input)
        session = open_session(written(graph, random_weights(graph), choice), 1)
        image = np.random.default_rng(0).standard_normal((1, *graph.input), np.float32)
        runs.append(partial(session.run, None, {INPUT: image}))
    for run in runs:
        run()
    began = time.perf_counter()
    for run in runs:
        run()
    once = max(time.perf_counter() - began, 1e-6)
    taken = np.empty((int(np.clip(seconds / once, _LEAST, _MOST)), len(runs)))
    for row in taken:
        for i, run in enumerate(runs):
            start = time.thread_time()
            run()
            row[i] = time.thread_time() - start
    return [float(ms) for ms in 1e3 * np.median(taken, axis=0)]


def _between(
    points: Sequence[int], values: Sequence[float] | NDArray[np.float64], at: float
) -> float:
    """Values at logarithms of points, interpolated; beyond them the last two go on."""
    if len(points) == 1:
        return float(values[0])
    logs = np.log(np.array(points, float))
    i = int(np.clip(np.searchsorted(logs, np.log(at)) - 1, 0, len(points) - 2))
    share = (np.log(at) - logs[i]) / (logs[i + 1] - logs[i])
    return float(values[i] + share * (values[i + 1] - values[i]))
