"""Which network to train: the largest of a family that keeps a budget."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from math import prod

from frugally.budget import Budget
from frugally.errors import BudgetError, FrugallyError, NetError
from frugally.fit.refusal import limit_of
from frugally.nets.vision.graph import Graph
from frugally.nets.vision.layers import Dropout
from frugally.nets.vision.registry import FAMILIES, Family, make

Seconds = Callable[[Graph], float]
"""What a network takes for one image on this machine."""

_STEP = 0.05  # between scales that are considered
_NEARLY = 0.97  # networks of as many multiply-adds to within this are equals


def stored_bytes(graph: Graph, bits: int) -> int:
    """The bytes of a network's file, about: its weights, and what the format adds for each node.

    Batch norms are folded into the convolutions before them, which takes one bias a channel; what
    is for training alone is left out.
    """
    shapes = graph.weights.items()
    weights = sum(prod(shape) for name, shape in shapes if name.endswith(".weight"))
    biases = sum(prod(shape) for name, shape in shapes if name.endswith(".bias"))
    each = 5 if bits == 8 else 4  # an eight-bit channel has a scale and a zero point too
    nodes = sum(not isinstance(node.layer, Dropout) for node in graph.nodes)
    return weights * bits // 8 + biases * each + nodes * (450 if bits == 8 else 160)


def choose(
    budget: Budget,
    families: Sequence[str],
    *,
    side: int,
    classes: int,
    bits: int,
    seconds: Seconds,
    report: Callable[[str], None] = lambda _: None,
) -> Graph:
    """The network of the most multiply-adds that keeps a budget; of equals, that of more weights.

    Scales between the published ones count, where a family has them. Networks are counted first,
    and measured only where the budget limits time.

    Raises:
        BudgetError: none does; the hint names the smallest that would.
        NetError: the images are too small.
    """
    found: list[Graph] = []
    for series in _series(families):
        largest = _largest(series, budget, side, classes, bits, seconds)
        if largest is not None:
            report(
                f"{largest.name}: {largest.parameters:,} parameters, {largest.macs / 1e6:.1f} MMACs"
            )
            found.append(largest)
    if not found:
        smallest = least(budget, families, side=side, classes=classes, bits=bits, seconds=seconds)
        needed = counted(smallest, budget, bits, seconds)
        raise no_network(", ".join(families), smallest, needed, budget, side, classes)
    equal = _NEARLY * max(graph.macs for graph in found)
    return max((g for g in found if g.macs >= equal), key=lambda graph: graph.parameters)


def _series(families: Sequence[str]) -> Iterator[list[str]]:
    """Names of networks that grow from one to the next."""
    for family in FAMILIES:
        if family.name in families:
            yield from _grown(family)


def _grown(family: Family) -> Iterator[list[str]]:
    if family.scales is None:
        yield list(family.published)
        return
    low, high = family.scales
    count = round((high - low) / _STEP)
    # Those with options are there to be compared with.
    plain = [name for name in family.published if not re.search(r"-(unshuffled|random|se)$", name)]
    for form in dict.fromkeys(map(_without_scale, plain)):
        yield [form.format(f"{low + _STEP * i:.4g}") for i in range(count + 1)]


def _without_scale(name: str) -> str:
    """shufflenet-0.5x-g3 as shufflenet-{}x-g3."""
    parts = name.split("-")
    return "-".join("{}x" if part.endswith("x") and part[0].isdigit() else part for part in parts)


def _largest(
    series: Sequence[str], budget: Budget, side: int, classes: int, bits: int, seconds: Seconds
) -> Graph | None:
    """The last of a series that fits, by bisection."""
    low, high, best = 0, len(series) - 1, None
    while low <= high:
        middle = (low + high) // 2
        graph = _made(series[middle], side, classes)
        if graph is not None and fits(graph, budget, bits, seconds):
            best, low = graph, middle + 1
        else:
            high = middle - 1
    return best


def _made(name: str, side: int, classes: int) -> Graph | None:
    try:
        return make(name, side, classes)
    except FrugallyError:  # images too small for it
        return None


def fits(graph: Graph, budget: Budget, bits: int, seconds: Seconds) -> bool:
    """Whether a network keeps a budget; it is measured only where that limits time."""
    if budget.size is not None and stored_bytes(graph, bits) > budget.size:
        return False
    if budget.flops is not None and 2 * graph.macs > budget.flops:
        return False
    return budget.seconds is None or seconds(graph) <= budget.seconds


def least(
    budget: Budget, families: Sequence[str], *, side: int, classes: int, bits: int,
    seconds: Seconds,
) -> Graph:  # fmt: skip
    """Of the smallest networks of families the one that comes nearest to a budget.

    Raises:
        NetError: all of them want larger images.
    """
    smallest = [_made(series[0], side, classes) for series in _series(families)]
    made = [graph for graph in smallest if graph]
    if not made:
        raise NetError(f"images of {side} x {side} are too small for {', '.join(families)}")

    def share(graph: Graph) -> float:
        taken = (
            (stored_bytes(graph, bits), budget.size),
            (2 * graph.macs, budget.flops),
            (seconds(graph) if budget.seconds else 0, budget.seconds),
        )
        return max((one / limit for one, limit in taken if limit), default=0.0)

    return min(made, key=share)


def counted(graph: Graph, budget: Budget, bits: int, seconds: Seconds) -> list[str]:
    """The limits to type for a network by counting, and by measuring where time is limited."""
    needed = [limit_of("size", stored_bytes(graph, bits)), limit_of("flops", 2 * graph.macs)]
    if budget.seconds is not None:
        needed.append(limit_of("seconds", 1.1 * seconds(graph)))
    return needed


def no_network(
    what: str, smallest: Graph, needed: Sequence[str], budget: Budget, side: int, classes: int
) -> BudgetError:
    """That nothing of `what`, or not this one network, keeps a budget; and what it would need."""
    within = f"keep within {budget} for {classes} classes of images of {side} x {side}"
    if what == smallest.name:
        return BudgetError(f"{what} does not {within}", hint=f"it needs {' '.join(needed)}")
    return BudgetError(
        f"no network of {what} can {within}",
        hint=f"the smallest, {smallest.name}, needs {' '.join(needed)}",
    )
