"""Which network to train: the largest of a family that keeps a budget."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from frugally.budget import Budget
from frugally.errors import BudgetError, FrugallyError
from frugally.fit.refusal import limit_of
from frugally.nets.vision.graph import Graph
from frugally.nets.vision.registry import FAMILIES, Family, make

Seconds = Callable[[Graph], float]
"""What a network takes for one image on this machine."""

_STEP = 0.05  # between scales that are considered
_NEARLY = 0.97  # networks of as many multiply-adds to within this are equals


def stored_bytes(graph: Graph, bits: int) -> int:
    """The bytes of a network's file, about: its weights, and what the format adds for each node.

    Batch norms are folded into the convolutions before them, which takes one bias a channel.
    """
    shapes = graph.weights.items()
    weights = sum(_count(shape) for name, shape in shapes if name.endswith(".weight"))
    biases = sum(_count(shape) for name, shape in shapes if name.endswith(".bias"))
    each = 5 if bits == 8 else 4  # an eight-bit channel has a scale and a zero point too
    return weights * bits // 8 + biases * each + len(graph.nodes) * (450 if bits == 8 else 160)


def _count(shape: Sequence[int]) -> int:
    count = 1
    for one in shape:
        count *= one
    return count


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
    """
    best: Graph | None = None
    for series in _series(families):
        found = _largest(series, budget, side, classes, bits, seconds)
        if found is None:
            continue
        report(f"{found.name}: {found.parameters:,} parameters, {found.macs / 1e6:.1f} MMACs")
        if best is None or _better(found, best):
            best = found
    if best is None:
        raise _refused(budget, families, side, classes, bits, seconds)
    return best


def _better(one: Graph, other: Graph) -> bool:
    if min(one.macs, other.macs) >= _NEARLY * max(one.macs, other.macs):
        return one.parameters > other.parameters
    return one.macs > other.macs


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
        if graph is not None and _fits(graph, budget, bits, seconds):
            best, low = graph, middle + 1
        else:
            high = middle - 1
    return best


def _made(name: str, side: int, classes: int) -> Graph | None:
    try:
        return make(name, side, classes)
    except FrugallyError:  # images too small for it
        return None


def _fits(graph: Graph, budget: Budget, bits: int, seconds: Seconds) -> bool:
    if budget.size is not None and stored_bytes(graph, bits) > budget.size:
        return False
    if budget.flops is not None and 2 * graph.macs > budget.flops:
        return False
    return budget.seconds is None or seconds(graph) <= budget.seconds


def _refused(
    budget: Budget, families: Sequence[str], side: int, classes: int, bits: int, seconds: Seconds
) -> BudgetError:
    smallest = [_made(series[0], side, classes) for series in _series(families)]
    least = min((graph for graph in smallest if graph), key=lambda graph: graph.macs)
    needed = [limit_of("size", stored_bytes(least, bits)), limit_of("flops", 2 * least.macs)]
    if budget.seconds is not None:
        needed.append(limit_of("seconds", 1.1 * seconds(least)))
    return BudgetError(
        f"no network of {', '.join(families)} keeps within {budget} "
        f"for {classes} classes of images of {side} x {side}",
        hint=f"the smallest, {least.name}, needs {' '.join(needed)}",
    )
